// The booker: a day, a time, who. Three taps and two fields.

import { ApiError, Attempt, command } from "../api.js";
import { connectionNote } from "../connection.js";
import { askReplace } from "../dialog.js";
import { announce, el, icon, pageData, prefersStill } from "../dom.js";
import { check, clearErrors, showErrors, showFailure } from "../forms.js";
import { watch } from "../live.js";
import {
  addDays,
  addMinutes,
  addMonths,
  cityOf,
  dateKey,
  dateText,
  fillZones,
  hourOf,
  monthOf,
  monthText,
  offsetText,
  ownZone,
  periodText,
  sameClock,
  setTwelveHours,
  shortDayText,
  timeText,
  usesTwelveHours,
  zoneLabel,
  zoneShort,
} from "../time.js";
import { toastAfterNavigation } from "../toast.js";
import { MonthGrid } from "./month-grid.js";
import { Slots } from "./slots.js";

const data = pageData("booker-data");
const { expert, event_type: eventType, reschedule } = data;
const root = document.querySelector("[data-booker]");
const part = (name) => root.querySelector(`[data-${name}]`);
const form = part("form");
const list = part("times-list");
const submit = part("submit");

const slots = new Slots(data.slots_url, ownZone);
const attempt = new Attempt();
let date = null; // the chosen day
let start = null; // the chosen time
let isSending = false;
let isUncertain = false; // sent, and nobody knows whether it was booked
let loadedAt = null;
let live = null;

const today = () => dateKey(Date.now(), slots.zone);
const lastDay = () => addDays(today(), Math.max(1, eventType.horizon_days ?? 60) + 1);
const endOf = (instant) => addMinutes(instant, eventType.duration_minutes);

/* --- Days -------------------------------------------------------------- */

const grid = new MonthGrid(part("month"), {
  today: today(),
  last: lastDay(),
  onmonth: (month) => showMonth(month),
  onchoose: (chosen) => chooseDay(chosen, { reveal: true }),
});

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
    failed(error, () => openFirst(month));
    return null;
  }
}

function noteFor(month) {
  const days = slots.known(MonthGrid.months(month));
  if (!days || Object.keys(days).some((each) => grid.shows(each, month))) return null;
  const next = isEmpty(days) ? addMonths(month, 2) : addMonths(month, 1);
  if (next > monthOf(lastDay())) return "No free times here.";
  return [
    `No free times in ${monthText(month)}. `,
    el("button", { class: "button button--link", type: "button", onclick: () => openFirst(next) }, "Next month with free times"),
  ];
}

/** From this month on, the first with free times; and its first day. */
async function openFirst(month, wanted = null) {
  const from = month;
  const last = monthOf(lastDay());
  showWaiting();
  for (let days = await showMonth(month); ; days = await showMonth(month)) {
    if (days === null) return;
    if (!isEmpty(days)) {
      const first = wanted && days[wanted] ? wanted : Object.keys(days).sort()[0];
      if (!grid.shows(first)) await showMonth(monthOf(first));
      grid.select(first);
      chooseDay(first);
      if (month !== from) announce(`The first free times are in ${monthText(month)}.`);
      return;
    }
    month = addMonths(month, 2);
    if (month > last) break;
  }
  await showMonth(from);
  showNothing();
}

function chooseDay(chosen, { reveal = false } = {}) {
  date = chosen;
  const url = new URL(location.href);
  url.searchParams.set("date", date);
  history.replaceState(history.state, "", url);
  showTimes();
  if (!reveal) return;
  announce(`${dateText(date)}: ${slots.starts(date).length} times.`);
  const box = part("times");
  if (box.getBoundingClientRect().top > innerHeight * 0.6) {
    box.scrollIntoView({ behavior: prefersStill() ? "auto" : "smooth", block: "start" });
  }
}

/* --- Times ------------------------------------------------------------- */

const PARTS = [
  ["Night", 0, 5],
  ["Morning", 5, 12],
  ["Afternoon", 12, 18],
  ["Evening", 18, 24],
];

function timeButton(instant) {
  const text = timeText(instant, slots.zone);
  return el(
    "li",
    {},
    el(
      "button",
      { class: "time", type: "button", "data-start": instant, "aria-label": doubled(instant) ? `${text} ${zoneShort(instant, slots.zone)}` : null, onclick: () => choose(instant) },
      doubled(instant) ? `${text} ${zoneShort(instant, slots.zone)}` : text,
    ),
  );
}

/** In the hour that runs twice a time needs its zone to say which one it is. */
function doubled(instant) {
  const text = timeText(instant, slots.zone);
  return slots.starts(date).filter((each) => timeText(each, slots.zone) === text).length > 1;
}

function showTimes() {
  part("times-title").textContent = date ? dateText(date) : "Choose a time";
  const starts = slots.starts(date);
  if (!starts.length) return showNothing();
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.start : null;
  const groups = PARTS.map(([name, from, until]) => [
    name,
    starts.filter((instant) => from <= hourOf(instant, slots.zone) && hourOf(instant, slots.zone) < until),
  ]).filter(([, members]) => members.length);
  list.replaceChildren(
    ...groups.map(([name, members]) =>
      el(
        "div",
        { class: "times__group" },
        el("h3", { class: "times__label" }, name),
        el("ul", { class: "times" }, ...members.map(timeButton)),
      ),
    ),
  );
  if (focused) {
    const at = Date.parse(focused);
    const buttons = [...list.querySelectorAll(".time")];
    (buttons.find((button) => Date.parse(button.dataset.start) >= at) ?? buttons.at(-1))?.focus();
  }
}

/** What went fades; then the list closes up. */
function updateTimes() {
  if (!date) return;
  const free = new Set(slots.starts(date).map(Date.parse));
  const gone = [...list.querySelectorAll(".time:not(.time--gone)")].filter((button) => !free.has(Date.parse(button.dataset.start)));
  const shown = list.querySelectorAll(".time:not(.time--gone)").length;
  for (const button of gone) {
    button.classList.add("time--gone");
    button.setAttribute("aria-disabled", "true");
  }
  if (gone.length) {
    announce(`${gone.map((button) => timeText(button.dataset.start, slots.zone)).join(", ")} is no longer free.`);
    clearTimeout(updateTimes.timer);
    updateTimes.timer = setTimeout(showTimes, prefersStill() ? 0 : 900);
  } else if (free.size !== shown) showTimes();
}

function showWaiting() {
  if (list.querySelector(".time")) return;
  const bones = Array.from({ length: 8 }, () => el("li", { class: "skeleton" }));
  list.replaceChildren(el("ul", { class: "times", "aria-hidden": "true" }, ...bones));
}

function showNothing() {
  part("times-title").textContent = date ? dateText(date) : "No free times";
  const words = date
    ? "Nothing is free on this day any more. Choose another day."
    : `${expert.name} has no free times until ${dateText(lastDay(), { day: "numeric", month: "long" })}.`;
  list.replaceChildren(
    el(
      "div",
      { class: "stack stack--tight muted" },
      el("p", {}, words),
      !date && el("p", {}, el("a", { href: `/${expert.slug}` }, `What else ${expert.name} offers`)),
    ),
  );
}

function failed(error, retry) {
  grid.show(grid.month, {}, {});
  part("times-title").textContent = "Times could not be loaded";
  const words = error instanceof ApiError ? error.message : "Something went wrong on this page.";
  list.replaceChildren(
    el(
      "div",
      { class: "stack stack--tight", role: "alert" },
      el("p", { class: "muted" }, `${words} Nothing is booked, nothing is lost.`),
      el("p", {}, el("button", { class: "button", type: "button", onclick: retry }, icon("refresh-cw"), "Try again")),
    ),
  );
}

/* --- Zone -------------------------------------------------------------- */

function describeZone() {
  const at = start ?? Date.now();
  part("zone-note").textContent = sameClock(expert.time_zone, slots.zone, at)
    ? ""
    : `${expert.name} is in ${cityOf(expert.time_zone)}, ${offsetText(expert.time_zone, at)}. You see ${offsetText(slots.zone, at)}.`;
}

function setUpZone() {
  const picker = part("zone-picker");
  const select = picker.querySelector("select");
  fillZones(select, slots.zone);
  picker.hidden = false;
  describeZone();
  select.addEventListener("change", async () => {
    slots.setZone(select.value);
    describeZone();
    grid.today = today();
    grid.last = lastDay();
    const anchor = start ? dateKey(start, slots.zone) : date;
    date = null;
    list.replaceChildren();
    await openFirst(anchor && anchor >= today() ? monthOf(anchor) : monthOf(today()), anchor);
    announce(`Times are now shown for ${zoneLabel(slots.zone)}.`);
  });
}

function setUpHourCycle() {
  const button = part("hour-cycle");
  const describe = () => (button.textContent = usesTwelveHours() ? "24-hour clock" : "12-hour clock");
  describe();
  button.addEventListener("click", () => {
    setTwelveHours(!usesTwelveHours());
    describe();
    showTimes();
  });
}

/* --- Form -------------------------------------------------------------- */

function showStep(step) {
  root.dataset.step = step;
  form.hidden = step !== "form";
  part("chosen").hidden = step !== "form";
}

function describeChoice() {
  isUncertain = false;
  part("chosen-text").replaceChildren(
    el(
      "time",
      { datetime: start },
      el("span", {}, `${shortDayText(start, slots.zone)},`),
      " ",
      el("span", {}, `${periodText(start, endOf(start), slots.zone)} ${zoneShort(start, slots.zone)}`),
    ),
  );
  submit.textContent = `${reschedule ? "Move to" : "Book"} ${timeText(start, slots.zone)}`;
  submit.removeAttribute("aria-disabled");
  if (reschedule) {
    part("move-text").textContent = `“${reschedule.title}” moves to ${shortDayText(start, slots.zone)}, ${periodText(start, endOf(start), slots.zone)}. The old time is released.`;
  }
  describeZone();
}

function choose(instant) {
  start = instant;
  history.pushState({ start }, "");
  openForm();
}

function openForm() {
  describeChoice();
  hideTaken();
  clearErrors(form);
  showStep("form");
  const top = root.getBoundingClientRect().top;
  if (top < 0) scrollTo({ top: scrollY + top, behavior: "instant" });
  part("form-title").focus({ preventScroll: true });
}

function backToTimes() {
  const instant = start;
  start = null;
  showStep("pick");
  showTimes();
  const button = [...list.querySelectorAll(".time")].find((each) => each.dataset.start === instant);
  (button ?? part("times-title")).focus();
}

addEventListener("popstate", (event) => {
  if (event.state?.start) {
    start = event.state.start;
    openForm();
  } else if (start) backToTimes();
});

part("back").addEventListener("click", () => {
  if (history.state?.start) history.back();
  else backToTimes();
});

function hideTaken() {
  part("taken").hidden = true;
  delete root.dataset.taken;
}

/** The time went to somebody else: everything typed stays, near times are offered. */
function showTaken(sentence, alternatives) {
  const box = part("taken");
  submit.setAttribute("aria-disabled", "true");
  const offers = alternatives.map((instant) => {
    const sameDay = dateKey(instant, slots.zone) === dateKey(start, slots.zone);
    const text = sameDay ? timeText(instant, slots.zone) : `${shortDayText(instant, slots.zone)}, ${timeText(instant, slots.zone)}`;
    return el("li", {}, el("button", { class: "time", type: "button", "data-start": instant, onclick: () => takeAlternative(instant) }, text));
  });
  box.replaceChildren(
    icon("triangle-alert"),
    el(
      "div",
      { class: "alert__body" },
      el("p", { class: "alert__title" }, sentence),
      offers.length
        ? el("p", {}, "What you typed is kept. These are free:")
        : el("p", {}, "What you typed is kept. Please choose another time."),
      offers.length > 0 && el("ul", { class: "booker__alternatives" }, ...offers),
    ),
  );
  box.hidden = false;
  root.dataset.taken = "true";
  box.scrollIntoView({ block: "nearest" });
}

function takeAlternative(instant) {
  start = instant;
  history.replaceState({ start }, "");
  hideTaken();
  clearErrors(form);
  describeChoice();
  submit.focus();
  announce(`${submit.textContent} is chosen.`);
}

const takenSentence = () => `Someone booked ${timeText(start, slots.zone)} a moment ago.`;

/* --- Sending ----------------------------------------------------------- */

function payload(replace) {
  const value = (name) => form.elements.namedItem(name).value.trim();
  const body = {
    event_type_id: eventType.id,
    starts_at: new Date(start).toISOString(),
    name: value("name"),
    email: value("email"),
    time_zone: slots.zone,
  };
  if (value("phone")) body.phone = value("phone");
  if (value("notes")) body.notes = value("notes");
  if (replace.length) body.replace = replace;
  return body;
}

function send(replace) {
  if (!reschedule) return command("POST", "/api/bookings", payload(replace), attempt);
  const startsAt = new Date(start).toISOString();
  if (reschedule.token) {
    return command("POST", `/api/manage/${reschedule.token}`, { action: "reschedule", starts_at: startsAt }, attempt);
  }
  return command("PATCH", `/api/bookings/${reschedule.uid}`, { starts_at: startsAt, version: reschedule.version }, attempt);
}

function done(answer) {
  if (reschedule) {
    toastAfterNavigation(`Moved to ${shortDayText(start, slots.zone)}, ${timeText(start, slots.zone)}.`);
    location.replace(reschedule.done_url);
    return;
  }
  // The page of the booking; Back leads to before the form, not into it.
  location.replace(new URL(answer.manage_url, location.href).pathname);
}

async function book(replace = []) {
  isSending = true;
  const label = submit.textContent;
  submit.setAttribute("aria-busy", "true");
  submit.textContent = reschedule ? "Moving …" : "Booking …";
  let answer = null;
  try {
    answer = await send(replace);
  } catch (error) {
    submit.textContent = label;
    isSending = false;
    isUncertain = Boolean(error.isUncertain);
    await refused(error);
  } finally {
    submit.removeAttribute("aria-busy");
  }
  if (answer) done(answer);
}

async function refused(error) {
  const { code, problem } = error;
  if (code === "slot_taken") {
    showTaken(takenSentence(), problem.alternatives ?? slots.nearest(start));
    slots.refresh(MonthGrid.months(grid.month)).then(changed, () => {});
  } else if (code === "not_offered") {
    showTaken(error.detail, problem.alternatives ?? slots.nearest(start));
  } else if (code === "overlap") {
    await overlaps(problem.conflicts ?? []);
  } else if (code === "offline") {
    showFailure(form, "The server cannot be reached. What you typed is kept; send it again, it is booked only once.");
  } else if (code === "busy" || error.status >= 500) {
    showFailure(form, "The server is busy. What you typed is kept; please try again, it is booked only once.");
  } else if (code === "stale") {
    showFailure(form, "This booking was changed in the meantime. Please reload the page.");
  } else if (Object.keys(error.errors ?? {}).length) {
    showErrors(form, error.errors);
  } else if (error instanceof ApiError) {
    showFailure(form, error.message);
  } else throw error;
}

async function overlaps(conflicts) {
  const own = conflicts.filter((each) => each.uid);
  const gained = { title: `${eventType.title} · ${expert.name}`, starts_at: start, ends_at: endOf(start) };
  const replaceable = !reschedule && own.length > 0 && own.length === conflicts.length;
  if (!replaceable) {
    showTaken("You have something else at this time.", slots.nearest(start));
    return;
  }
  if (await askReplace(own, gained)) await book(own.map((each) => each.uid));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (isSending) return;
  if (submit.getAttribute("aria-disabled") === "true") {
    part("taken").querySelector("button")?.focus();
    return;
  }
  clearErrors(form);
  const errors = check(form);
  if (Object.keys(errors).length) showErrors(form, errors);
  else book();
});

/* --- Live -------------------------------------------------------------- */

function loaded() {
  loadedAt = Date.now();
  live?.loaded(slots.version);
}

function changed() {
  grid.show(grid.month, slots.known(MonthGrid.months(grid.month)), { note: noteFor(grid.month) });
  updateTimes();
  if (start && !isSending && !isUncertain && part("taken").hidden && slots.knows(start) && !slots.has(start)) {
    showTaken(takenSentence(), slots.nearest(start));
  }
}

function goLive() {
  live = watch(`expert:${expert.slug}`, {
    version: slots.version,
    onchange(name, change) {
      if (name !== "newBooking" && name !== "bookingRescheduled") return;
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

async function open() {
  setUpZone();
  setUpHourCycle();
  if (history.state?.start) history.replaceState(null, "");
  const asked = new URLSearchParams(location.search).get("date");
  const wanted = /^\d{4}-\d{2}-\d{2}$/.test(asked ?? "") && asked >= today() && asked <= lastDay() ? asked : null;
  await openFirst(monthOf(wanted ?? today()), wanted);
  goLive();
}

open();
