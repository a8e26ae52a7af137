// The booker: a day, a time, who. Three taps and two fields.

import { ApiError } from "../api.js";
import { connectionNote } from "../connection.js";
import { announce, el, pageData, prefersStill } from "../dom.js";
import { watch } from "../live.js";
import { gettext, ngettext } from "../texts.js";
import { addDays, addMonths, dateKey, dateText, monthOf, monthText, ownZone, shortDayText, timeText, zoneLabel } from "../time.js";
import { toastAfterNavigation } from "../toast.js";
import { showBooked } from "./booked.js";
import { Details, withGroup } from "./details.js";
import { linkTo, readLink, startOf } from "./link.js";
import { MonthGrid } from "./month-grid.js";
import { OwnTime } from "./own-time.js";
import { Slots } from "./slots.js";
import { Times } from "./times.js";
import { ZonePicker } from "./zone.js";

const data = pageData("booker-data");
const { expert, event_type: eventType, reschedule } = data;
const root = document.querySelector("[data-booker]");
const part = (name) => root.querySelector(`[data-${name}]`);
const link = readLink();

const slots = new Slots(data.slots_url, link.zone ?? ownZone, eventType.seats);
let date = null; // the chosen day
let loadedAt = null;
let live = null;

const today = () => dateKey(Date.now(), slots.zone);
const lastDay = () => addDays(today(), Math.max(1, eventType.horizon_days ?? 60) + 1);

const own = new OwnTime({
  isSignedIn: data.signed_in,
  durationMinutes: eventType.duration_minutes,
  moving: reschedule?.uid,
  onchange() {
    times.update();
    details.describeHeld();
  },
});
const times = new Times(part("times-title"), part("times-list"), { slots, own, onchoose: choose });
const details = new Details(root, { slots, own, expert, eventType, reschedule, onstart, ontaken, ondone });
const zones = new ZonePicker(part("zone-picker"), { expert, zone: slots.zone, onzone: changeZone, onclock: () => times.update() });
const grid = new MonthGrid(part("month"), {
  today: today(),
  last: lastDay(),
  onmonth: (month) => showMonth(month),
  onchoose: (chosen) => chooseDay(chosen, { reveal: true }),
});

/** The address follows every choice; `state` is what Back finds. */
function follow(start, { push = false } = {}) {
  const url = linkTo({ date, start, starts: start ? slots.starts(dateKey(start, slots.zone)) : [], zone: slots.zone });
  history[push ? "pushState" : "replaceState"](start ? { start } : null, "", url);
}

/* --- Days -------------------------------------------------------------- */

const isEmpty = (days) => Object.keys(days).length === 0;

async function showMonth(month) {
  const months = MonthGrid.months(month);
  const known = slots.known(months);
  grid.show(month, known, { note: noteFor(month) });
  if (known) return known;
  try {
    const days = await slots.loadAll(months);
    loaded();
    if (grid.month === month) grid.show(month, days, { note: noteFor(month) });
    return days;
  } catch (error) {
    grid.show(grid.month, {}, {});
    const words = error instanceof ApiError ? error.message : gettext("Something went wrong on this page.");
    times.showFailure(words, () => openFirst(month));
    return null;
  }
}

function noteFor(month) {
  const days = slots.known(MonthGrid.months(month));
  if (!days || Object.keys(days).some((each) => grid.shows(each, month))) return null;
  const next = isEmpty(days) ? addMonths(month, 2) : addMonths(month, 1);
  if (next > monthOf(lastDay())) return gettext("No free times here.");
  return [
    gettext("No free times in %(month)s.", { month: monthText(month) }),
    " ",
    el("button", { class: "button button--link", type: "button", onclick: () => openFirst(next) }, gettext("Next month with free times")),
  ];
}

/** From this month on, the first with free times; and its first day, or the wanted one. */
async function openFirst(month, wanted = null) {
  const from = month;
  const last = monthOf(lastDay());
  times.showWaiting();
  for (let days = await showMonth(month); ; days = await showMonth(month)) {
    if (days === null) return;
    if (!isEmpty(days)) {
      const first = wanted && days[wanted] ? wanted : Object.keys(days).sort()[0];
      if (!grid.shows(first)) await showMonth(monthOf(first));
      grid.select(first);
      chooseDay(first);
      if (month !== from) announce(gettext("The first free times are in %(month)s.", { month: monthText(month) }));
      return;
    }
    month = addMonths(month, 2);
    if (month > last) break;
  }
  await showMonth(from);
  const { name } = expert;
  const day = dateText(lastDay(), { day: "numeric", month: "long" });
  times.showNothing(gettext("No free times"), [
    el("p", {}, gettext("%(name)s has no free times until %(day)s.", { name, day })),
    el("p", {}, el("a", { href: data.expert_url }, gettext("What else %(name)s offers", { name }))),
  ]);
}

function chooseDay(chosen, { reveal = false } = {}) {
  date = chosen;
  if (!details.start) follow(null);
  times.show(date, nothingOn);
  if (!reveal) return;
  announce(ngettext("%(day)s: %(num)d time.", "%(day)s: %(num)d times.", slots.starts(date).length, { day: dateText(date) }));
  const box = part("times");
  if (box.getBoundingClientRect().top > innerHeight * 0.6) {
    box.scrollIntoView({ behavior: prefersStill() ? "auto" : "smooth", block: "start" });
  }
}

const nothingOn = () => [el("p", {}, gettext("Nothing is free on this day any more. Choose another day."))];

async function changeZone(zone) {
  slots.setZone(zone);
  grid.today = today();
  grid.last = lastDay();
  const { start } = details;
  zones.show(zone, start ?? Date.now());
  const anchor = start ? dateKey(start, zone) : date;
  times.clear();
  await openFirst(anchor && anchor >= today() ? monthOf(anchor) : monthOf(today()), anchor);
  if (start) {
    details.describe();
    follow(start);
  } else follow(null);
  announce(gettext("Times are now shown for %(zone)s.", { zone: zoneLabel(zone) }));
}

/* --- Steps ------------------------------------------------------------- */

function choose(start) {
  follow(start, { push: true });
  openDetails(start);
}

function openDetails(start) {
  zones.show(slots.zone, start);
  details.open(start);
}

function backToTimes() {
  const { start } = details;
  details.close();
  if (!date) return;
  times.show(date, nothingOn);
  times.focus(start);
}

addEventListener("popstate", (event) => {
  if (event.state?.start) openDetails(event.state.start);
  else if (details.start) backToTimes();
});

part("back").addEventListener("click", () => {
  if (history.state?.start) history.back();
  else backToTimes();
});

function onstart(start) {
  date = dateKey(start, slots.zone);
  if (grid.shows(date)) grid.select(date);
  follow(start);
}

function ontaken() {
  slots.refresh(MonthGrid.months(grid.month)).then(changed, () => {});
}

function ondone(answer, start) {
  if (data.embedded) return showBooked(root, answer, { start, expert, eventType, zone: slots.zone });
  if (reschedule) {
    const words = gettext("Moved to %(day)s, %(time)s.", { day: shortDayText(start, slots.zone), time: timeText(start, slots.zone) });
    toastAfterNavigation(words, { undo: wayBack() });
    location.replace(reschedule.done_url);
    return;
  }
  // The page of the booking; Back leads to before the form, not into it.
  location.replace(new URL(answer.manage_url, location.href).pathname);
}

/** The call that moves a booking back to where it was. */
function wayBack() {
  const { token, uid, starts_at: before } = reschedule;
  return token
    ? { method: "POST", path: `/api/manage/${token}`, body: { action: "reschedule", starts_at: before } }
    : { method: "PATCH", path: `/api/bookings/${uid}`, body: { starts_at: before, ...withGroup(details.form) } };
}

/* --- Live -------------------------------------------------------------- */

function loaded() {
  loadedAt = Date.now();
  live?.loaded(slots.version);
}

function changed() {
  const months = MonthGrid.months(grid.month);
  grid.show(grid.month, slots.known(months), { note: noteFor(grid.month) });
  times.update();
  details.changed();
}

function goLive() {
  live = watch(`expert:${expert.slug}`, {
    version: slots.version,
    onchange(name, change) {
      // A seat that is taken leaves others: how many, only the server knows.
      if (slots.seats > 1 || (name !== "newBooking" && name !== "bookingRescheduled")) return;
      slots.drop(change.starts_at, change.ends_at, eventType.duration_minutes);
      changed();
    },
    async refetch() {
      await slots.refresh(MonthGrid.months(grid.month));
      loaded();
      changed();
    },
    onstatus: connectionNote(part("connection"), () => loadedAt ?? Date.now()),
  });
}

/** What the address asks for: a day, a time on it. */
async function openLink() {
  const wanted = link.date && link.date >= today() && link.date <= lastDay() ? link.date : null;
  await openFirst(monthOf(wanted ?? today()), wanted);
  if (!wanted || !link.time) return;
  const start = date === wanted ? startOf(link.time, slots.starts(wanted), slots.zone) : null;
  if (start) choose(start);
  else announce(gettext("%(day)s, %(time)s is not free. These times are.", { day: dateText(wanted), time: link.time }));
  part("link-note").hidden = Boolean(start);
}

async function open() {
  if (history.state?.start) history.replaceState(null, "");
  own.open();
  await openLink();
  goLive();
}

open();
