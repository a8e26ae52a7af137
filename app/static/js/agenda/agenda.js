// The agenda page comes alive: days and filters at once, seats as they change, booking in place.

import { announce, el, icon } from "../dom.js";
import { watch } from "../live.js";
import { refreshRegions } from "../regions.js";
import { gettext, ngettext } from "../texts.js";
import { cityOf, dateText, ownZone, sameClock, timeText, zoneShort } from "../time.js";
import { toast } from "../toast.js";
import { Desk, pending } from "./booking.js";
import { Details } from "./details.js";
import { keepForOffline } from "./offline.js";
import { Filters, isNow, placeNow, renderDay, stateOf, updateRow } from "./sessions.js";
import { Store } from "./store.js";

const about = document.querySelector('meta[name="agenda"]');
const slug = about.content;
const path = `/agenda/${slug}`;
const eventZone = about.dataset.zone;
const signIn = about.dataset.signIn ?? null;
const root = document.querySelector("[data-agenda]");
const list = root.querySelector("[data-sessions]");
const tabs = [...document.querySelectorAll("[data-day]")];
const search = document.querySelector("[data-search]");
const sheet = document.querySelector("[data-filters]");
const note = document.querySelector("[data-connection]");
const dates = tabs.map((tab) => tab.dataset.day);

const store = new Store(slug);
let filters = new Filters(new URLSearchParams(location.search));
let day = list.dataset.date;
let view = "auto";
let zone = eventZone;
const rendered = day;
let failure = null;
let shownLive = "connecting";

/* --- Addresses ----------------------------------------------------------- */

/** The page as it is asked for now. The day stands behind the hash: it costs no request. */
function address({ session = null, to = day } = {}) {
  const query = new URLSearchParams(filters.pairs());
  if (view !== "auto") query.set("view", view);
  if (session) query.set("session", session);
  const text = query.toString();
  return `${path}${text ? `?${text}` : ""}#${to}`;
}

const hrefOf = (session) => `${path}?${new URLSearchParams([...filters.pairs(), ["day", day], ...(view === "auto" ? [] : [["view", view]]), ["session", session.id]])}`;
const signInOf = signIn && ((session) => `${signIn}?next=${encodeURIComponent(hrefOf(session)).replaceAll("%2F", "/")}`);

function fromAddress() {
  const hashed = location.hash.slice(1);
  const query = new URLSearchParams(location.search);
  filters = new Filters(query);
  view = ["time", "grid", "list"].includes(query.get("view")) ? query.get("view") : "auto";
  if (dates.includes(hashed)) day = hashed;
  else if (dates.includes(query.get("day"))) day = query.get("day");
  return Number(query.get("session")) || null;
}

/* --- Showing --------------------------------------------------------------- */

const found = () => store.sessions.filter((session) => filters.admit(session));

function show() {
  root.dataset.view = shownView();
  list.dataset.date = day;
  list.setAttribute("aria-label", dateText(day));
  for (const tab of tabs) {
    if (tab.dataset.day === day) tab.setAttribute("aria-current", "date");
    else tab.removeAttribute("aria-current");
  }
  showTools();
  if (!store.sessions) return failure ? showFailure() : showWaiting();
  const matching = found();
  const counts = new Map(dates.map((date) => [date, matching.filter((session) => session.day === date).length]));
  for (const tab of tabs) {
    tab.querySelector("[data-count]").replaceChildren(...(filters.isAny ? [String(counts.get(tab.dataset.day)), el("span", { class: "visually-hidden" }, " ", gettext("found"))] : []));
  }
  const here = matching.filter((session) => session.day === day);
  list.removeAttribute("aria-busy");
  if (here.length && signatureOf(here) === shownRows) update(here);
  else showRows(here, counts);
  if (here.length) placeNow(list, here);
  sheet.querySelector("[data-show]").textContent = ngettext("Show %(num)d session", "Show %(num)d sessions", matching.length);
  showOffline();
}

let shownRows = null;

/** What rows are made of, but for seats, which change in place. */
const signatureOf = (sessions) =>
  JSON.stringify([zone, filters.pairs(), view, ...sessions.map(({ id, title, speakers, room, track, starts_at: from, ends_at: until }) => [id, title, speakers, room.name, track, from, until])]);

function showRows(here, counts) {
  const focused = list.contains(document.activeElement) ? document.activeElement.closest("[data-id]")?.id : null;
  list.replaceChildren(...(here.length ? renderDay(here, { zone, hrefOf, signInOf }) : emptiness(counts)));
  shownRows = here.length ? signatureOf(here) : null;
  if (focused) document.getElementById(focused)?.querySelector("a, button")?.focus();
}

/** What is found by words is read as a list: in the grid it would be far apart. */
const shownView = () => (view === "auto" && filters.words ? "time" : view);

function showTools() {
  const shown = shownView();
  const looks = shown === "list" || shown === "time" ? shown : isWide.matches ? "grid" : "time";
  for (const link of document.querySelectorAll("[data-view-link]")) {
    if (link.dataset.viewLink === looks) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
  for (const chip of document.querySelectorAll("[data-toggle]")) {
    if (filters[chip.dataset.toggle]) chip.setAttribute("aria-current", "true");
    else chip.removeAttribute("aria-current");
  }
  document.querySelector("[data-clear]").hidden = !filters.isAny;
  document.querySelector("[data-open-filters]").classList.toggle("chip--on", filters.count > 0);
  document.querySelector("[data-filter-count]").textContent = filters.count ? ` ${filters.count}` : "";
  for (const box of sheet.querySelectorAll("input[type=checkbox]")) {
    box.checked = { room: filters.rooms, track: filters.tracks, language: filters.languages }[box.name]?.includes(box.value) ?? filters[box.name];
  }
  if (search.q !== document.activeElement) search.q.value = filters.words;
}

function showWaiting() {
  shownRows = null;
  list.setAttribute("aria-busy", "true");
  list.replaceChildren(...Array.from({ length: 8 }, () => el("div", { class: "skeleton skeleton--row", "aria-hidden": "true" })));
}

function showFailure() {
  shownRows = null;
  list.removeAttribute("aria-busy");
  const ended = failure.status === 401 || failure.status === 404;
  list.replaceChildren(
    el(
      "div",
      { class: "card state", role: "alert" },
      icon(ended ? "lock" : "circle-alert"),
      el("p", {}, ended ? gettext("Your sign-in has ended. Scan the event's QR code again.") : gettext("This day could not be loaded. What you have booked is safe.")),
      !ended && el("button", { class: "button button--primary", type: "button", onclick: () => load() }, icon("refresh-cw"), gettext("Try again")),
    ),
  );
}

function emptiness(counts) {
  const others = dates.filter((date) => counts.get(date));
  if (!filters.isAny) return [el("div", { class: "card state" }, icon("calendar-days"), el("p", {}, gettext("Nothing is scheduled yet. Sessions appear here as soon as they are.")))];
  return [
    el(
      "div",
      { class: "card state" },
      icon("search"),
      el("p", {}, gettext("Nothing on this day matches.")),
      el(
        "ul",
        { class: "row" },
        ...others.map((date) => el("li", {}, el("button", { class: "button", type: "button", onclick: () => go(date) }, `${shortDate(date)} · ${counts.get(date)}`))),
        el("li", {}, el("button", { class: "button", type: "button", onclick: clear }, gettext("Clear filters"))),
      ),
    ),
  ];
}

const shortDate = (date) => dateText(date, { weekday: "short", day: "numeric", month: "short" });

async function load() {
  failure = null;
  try {
    const isFirst = !store.sessions;
    const isNew = await store.load();
    live?.loaded(store.version);
    // The server rendered this very version: its rows are right, and stay.
    if (isFirst && day === rendered && store.version === Number(root.dataset.version)) shownRows ??= signatureOf(found().filter((session) => session.day === day));
    if (isNew || !list.querySelector("[data-id]")) show();
    tick();
  } catch (error) {
    failure = error;
    if (!list.querySelector("[data-id]")) show();
    throw error;
  } finally {
    showConnection(shownLive);
  }
}

/** Rows of sessions that are different now; in their place, so that nothing jumps. */
function update(sessions, rolls = false) {
  for (const session of sessions) {
    const row = document.getElementById(`session-${session.id}`);
    if (row) updateRow(row, session, { signInOf, rolls });
    details.update(session, rolls);
    const isLookedAt = details.id === session.id || row?.contains(document.activeElement);
    if (rolls && isLookedAt && session.seats_left !== null) announce(ngettext("%(title)s: %(num)d left", "%(title)s: %(num)d left", session.seats_left, { title: session.title }));
  }
  showOffline();
}

/* --- Going about ------------------------------------------------------------- */

function go(date) {
  if (date === day) return;
  day = date;
  history.pushState(null, "", address());
  show();
  // To the top of the day, with the tabs still in sight.
  const bar = document.querySelector("[data-bar]");
  if (bar.getBoundingClientRect().top <= 0) scrollTo({ top: bar.offsetTop });
  list.scrollTo({ top: 0 });
}

function apply(change) {
  change();
  history.replaceState(null, "", address());
  show();
}

function clear() {
  apply(() => (filters = new Filters(new URLSearchParams())));
  search.q.value = "";
}

function jumpToNow() {
  const running = store.sessions?.find((session) => isNow(session));
  if (running && running.day !== day) go(running.day);
  const target = document.getElementById("now") ?? list.querySelector(".session--now");
  if (!target) return;
  target.scrollIntoView({ block: "center" });
  // What came into view may be of another height than was thought.
  requestAnimationFrame(() => target.scrollIntoView({ block: "center" }));
  target.previousElementSibling?.querySelector(".session__title a")?.focus({ preventScroll: true });
}

function openDetails(id) {
  history.pushState({ details: true }, "", address({ session: id }));
  details.show(id, store.byId.get(id) ?? null);
}

const isWide = matchMedia("(width >= 64rem)");
isWide.addEventListener("change", showTools);

const details = new Details({
  zones: () => [eventZone, ownZone],
  signInOf,
  onclose() {
    if (history.state?.details) history.back();
    else history.replaceState(null, "", address());
  },
});

document.addEventListener("click", (event) => {
  const target = event.target.closest?.("a, button");
  if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const { dataset } = target;
  if (dataset.day) go(dataset.day);
  else if (dataset.toggle) apply(() => (filters[dataset.toggle] = !filters[dataset.toggle]));
  else if (dataset.viewLink) apply(() => (view = dataset.viewLink));
  else if ("clear" in dataset) clear();
  else if ("jump" in dataset) jumpToNow();
  else if (target.closest(".session__title")) openDetails(Number(target.closest("[data-id]").dataset.id));
  else return;
  event.preventDefault();
});

let typing = null;
search.addEventListener("submit", (event) => event.preventDefault());
search.q.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(() => apply(() => (filters.words = search.q.value.split(/\s+/).filter(Boolean).join(" "))), 120);
});
sheet.addEventListener("change", () => {
  const query = new URLSearchParams(new FormData(sheet));
  query.set("q", filters.words);
  apply(() => (filters = new Filters(query)));
});
sheet.addEventListener("submit", (event) => {
  event.preventDefault();
  sheet.hidePopover();
});

addEventListener("popstate", () => {
  const before = address();
  const session = fromAddress();
  if (session) details.show(session, store.byId.get(session) ?? null);
  else details.close(true);
  if (address() !== before) show();
});

/* --- Zones --------------------------------------------------------------------- */

const zoneSwitch = document.querySelector("[data-zone-switch]");

function showZone() {
  const isOwn = zone !== eventZone;
  zoneSwitch.hidden = sameClock(eventZone, ownZone);
  zoneSwitch.textContent = isOwn ? gettext("Show in %(city)s", { city: cityOf(eventZone) }) : gettext("Show in your zone (%(city)s)", { city: cityOf(ownZone) });
  if (isOwn || !zoneSwitch.hidden) {
    const names = { city: cityOf(zone), zone: zoneShort(Date.now(), zone) };
    document.querySelector("[data-zone-note]").textContent = isOwn ? gettext("Times in %(city)s (%(zone)s), your zone", names) : gettext("Times in %(city)s (%(zone)s)", names);
  }
}

zoneSwitch.addEventListener("click", () => {
  zone = zone === eventZone ? ownZone : eventZone;
  showZone();
  show();
});

/* --- Seats ----------------------------------------------------------------------- */

const desk = new Desk({
  zone: () => zone,
  find: (id) => store.byId.get(id),
  booked: () => (store.sessions ?? []).filter((session) => session.booked),
  async refresh(ids) {
    update(await store.refresh(ids));
    if (document.querySelector(".offer")) await refreshRegions("offers");
  },
});

const isOffline = () => shownLive === "offline" || store.isFromCache;

document.addEventListener("submit", async (event) => {
  if (!event.target.matches("[data-commands]")) return;
  event.preventDefault();
  const button = event.submitter;
  if (!button?.name) return;
  if (isOffline()) {
    toast(gettext("You are offline. Booking needs a connection."));
    return;
  }
  await pending(button, async () => {
    if (!store.sessions) await load().catch(() => null);
    const session = store.byId.get(Number(button.value));
    if (session) await desk.act(button.name, session);
    else toast(gettext("The agenda is not loaded yet. Please try again."));
  });
}, true); // before page.js takes it for a form that leaves the page

/* --- Live -------------------------------------------------------------------------- */

function showConnection(status) {
  shownLive = status;
  const time = timeText(store.asOf ?? Date.parse(about.dataset.asOf), zone);
  let words = null;
  if (isOffline()) words = gettext("You are offline. This is the agenda as of %(time)s. Booking needs a connection.", { time });
  else if (status === "polling") words = gettext("Reconnecting. Updated %(time)s.", { time });
  note.hidden = !words;
  if (words) note.replaceChildren(icon("wifi-off"), words);
  showOffline();
}

function showOffline() {
  for (const button of document.querySelectorAll("button.act")) {
    if (isOffline()) button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
}

let live = null;

function listen() {
  live = watch(`event:${slug}`, {
    version: Number(root.dataset.version),
    refetchOnChange: false,
    refetch: load,
    onstatus: showConnection,
    onchange(name, { sessions }) {
      if (name === "agendaChanged") load().catch(() => null);
      else if (sessions) update(store.hear(sessions), true);
    },
  });
  if (signIn) return;
  watch("me", {
    refetch: load,
    refetchOnChange: false,
    onchange(name, { booking }) {
      if (name === "seatOffered") refreshRegions("offers").catch(() => null);
      const session = booking?.event?.slug === slug ? store.byId.get(booking.event_session.id) : null;
      if (!session) return;
      const isBooked = booking.status === "confirmed";
      if (session.booked === isBooked) return;
      session.booked = isBooked;
      if (isBooked) session.waitlisted = false;
      update([session]);
      const { title } = session;
      announce(isBooked ? gettext("Booked: %(title)s", { title }) : gettext("Cancelled: %(title)s", { title }));
    },
  });
}

/** Time goes on: what is over, what runs, and the line between. */
function tick() {
  if (document.hidden || !store.sessions) return;
  document.querySelector("[data-jump]").hidden = !store.sessions.some((session) => isNow(session));
  const rows = [...list.querySelectorAll("[data-id]")].map((row) => [row, store.byId.get(Number(row.dataset.id))]);
  const isStale = rows.some(([row, session]) => session && (!row.classList.contains(`session--${stateOf(session)}`) || row.classList.contains("session--now") !== isNow(session)));
  const here = rows.map(([, session]) => session).filter(Boolean);
  if (isStale) update(here);
  if (here.length) placeNow(list, here);
}

/* --- Begin --------------------------------------------------------------------------- */

const wanted = fromAddress();
showZone();
showTools();
history.replaceState(null, "", address({ session: wanted }));
if (day !== rendered) show();
if (wanted) details.show(wanted, null);
listen();
// What the server rendered is on the screen; the rest of the agenda may come after it.
load().catch(() => null);
setInterval(tick, 30_000);
document.addEventListener("visibilitychange", tick);
keepForOffline([path, ...(signIn ? [] : [`${path}/mine`]), `/api/events/${slug}/agenda`]);
