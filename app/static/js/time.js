// Everything local about time. Instants stay ISO strings or Dates; only text is local: it is in
// the page's language, the way the browser's region writes that.

import { gettext } from "./texts.js";

const LANGUAGE = document.documentElement.lang || "en";
const REGION = navigator.languages?.find((tag) => tag.split("-")[0] === LANGUAGE.split("-")[0]);
// Day before month for plain "en": a page in English is read far beyond the United States.
const LOCALE = REGION && REGION !== "en" ? REGION : LANGUAGE === "en" ? "en-GB" : LANGUAGE;

const memory = {
  get(name) {
    try {
      return localStorage.getItem(name);
    } catch {
      return null;
    }
  },
  set(name, value) {
    try {
      localStorage.setItem(name, value);
    } catch {
      // Not remembered, but it holds for this page.
    }
  },
};

export const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
let hourCycle = memory.get("hour-cycle") === "h12" ? "h12" : "h23";

export const usesTwelveHours = () => hourCycle === "h12";

export function setTwelveHours(twelve) {
  hourCycle = twelve ? "h12" : "h23";
  memory.set("hour-cycle", hourCycle);
}

const formatters = new Map();

function formatterOf(zone, options) {
  const key = zone + JSON.stringify(options);
  let formatter = formatters.get(key);
  if (!formatter) {
    formatter = new Intl.DateTimeFormat(LOCALE, { timeZone: zone, numberingSystem: "latn", ...options });
    formatters.set(key, formatter);
  }
  return formatter;
}

const format = (instant, zone, options) => formatterOf(zone, options).format(new Date(instant));
const partOf = (type, formatter, instant) => formatter.formatToParts(new Date(instant)).find((part) => part.type === type).value;

export const timeText = (instant, zone = ownZone) =>
  format(instant, zone, { hour: hourCycle === "h12" ? "numeric" : "2-digit", minute: "2-digit", hourCycle });

export const dayText = (instant, zone = ownZone) =>
  format(instant, zone, { weekday: "long", day: "numeric", month: "long", year: "numeric" });

export const shortDayText = (instant, zone = ownZone) =>
  format(instant, zone, { weekday: "short", day: "numeric", month: "short" });

/** The hour of the clock, as a number. */
export const hourOf = (instant, zone) => Number(partOf("hour", formatterOf(zone, { hour: "2-digit", hourCycle: "h23" }), instant));

/** YYYY-MM-DD of an instant, in a zone. */
export function dateKey(instant, zone = ownZone) {
  const parts = new Intl.DateTimeFormat("en-CA-u-ca-iso8601-nu-latn", {
    timeZone: zone,
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
  }).formatToParts(new Date(instant));
  const part = (type) => parts.find((each) => each.type === type).value;
  return `${part("year")}-${part("month")}-${part("day")}`;
}

// British for every English page: only there does "CET" have its letters.
const ZONE_LOCALE = LANGUAGE === "en" ? "en-GB" : LOCALE;

const zoneName = (form, locale, instant, zone) =>
  partOf("timeZoneName", new Intl.DateTimeFormat(locale, { timeZone: zone, numberingSystem: "latn", timeZoneName: form }), instant);

/** "CET", "MEZ", "GMT+1": what the page's language calls a zone at an instant. */
export const zoneShort = (instant, zone = ownZone) => zoneName("short", ZONE_LOCALE, instant, zone);

/** "GMT+1", which is the same in all our languages. */
export const offsetText = (zone, instant = Date.now()) => zoneName("shortOffset", "en-GB", instant, zone);

export const cityOf = (zone) => zone.split("/").pop().replaceAll("_", " ");

export const zoneLabel = (zone, instant) => `${cityOf(zone)} (${offsetText(zone, instant)})`;

/** Do two zones show the same clock at that instant? */
export const sameClock = (a, b, instant = Date.now()) => a === b || offsetText(a, instant) === offsetText(b, instant);

export function periodText(startsAt, endsAt, zone = ownZone) {
  const sameDay = dateKey(startsAt, zone) === dateKey(endsAt, zone);
  const end = sameDay ? timeText(endsAt, zone) : `${shortDayText(endsAt, zone)}, ${timeText(endsAt, zone)}`;
  return `${timeText(startsAt, zone)}–${end}`;
}

export function addMinutes(instant, minutes) {
  return new Date(new Date(instant).getTime() + minutes * 60_000).toISOString();
}

/** The instant of a local date and time; in a doubled hour its first run, null in a missing one. */
export function instantOf(date, time, zone) {
  const wall = Date.parse(`${date}T${time}Z`);
  const clockOf = (instant) => {
    const text = new Intl.DateTimeFormat("sv-SE", { timeZone: zone, dateStyle: "short", timeStyle: "short" }).format(new Date(instant));
    return Date.parse(`${text.replace(" ", "T")}Z`);
  };
  // Offsets a day before and after: one of them is that of the local time.
  const offsets = [wall - 86_400_000, wall + 86_400_000].map((instant) => clockOf(instant) - instant);
  const found = offsets.map((offset) => wall - offset).filter((instant) => clockOf(instant) === wall);
  return found.length ? new Date(Math.min(...found)).toISOString() : null;
}

/* --- Calendar dates (YYYY-MM-DD, no zone) ------------------------------ */

const asUtc = (date) => new Date(`${date}T00:00:00Z`);
const fromUtc = (value) => value.toISOString().slice(0, 10);

export function addDays(date, days) {
  const value = asUtc(date);
  value.setUTCDate(value.getUTCDate() + days);
  return fromUtc(value);
}

export const monthOf = (date) => date.slice(0, 7);
export const firstOf = (month) => `${month}-01`;
export const dayOfMonth = (date) => Number(date.slice(8));

export function addMonths(month, count) {
  const value = asUtc(firstOf(month));
  value.setUTCMonth(value.getUTCMonth() + count);
  return monthOf(fromUtc(value));
}

export const lastOf = (month) => addDays(firstOf(addMonths(month, 1)), -1);

export const dateText = (date, options = { weekday: "long", day: "numeric", month: "long" }) =>
  new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", numberingSystem: "latn", ...options }).format(asUtc(date));

export const monthText = (month) => dateText(firstOf(month), { month: "long", year: "numeric" });

/* --- Weeks: weekday 0 is Monday, as in the API -------------------------- */

/** The weekday with which the reader's weeks begin. */
export const FIRST_WEEKDAY = Number(document.documentElement.dataset.firstWeekday ?? 0);
/** The weekdays in the order of the reader's weeks. */
export const WEEK = Array.from({ length: 7 }, (_, place) => (FIRST_WEEKDAY + place) % 7);

export const weekdayOf = (date) => (asUtc(date).getUTCDay() + 6) % 7;
/** How many days into its week a date is. */
export const placeInWeek = (date) => WEEK.indexOf(weekdayOf(date));
export const firstOfWeek = (date) => addDays(date, -placeInWeek(date));
// 2024-09-02 was a Monday.
export const weekdayText = (weekday, form = "long") => dateText(addDays("2024-09-02", weekday), { weekday: form });

/* --- Times that a template rendered in the host's zone ----------------- */

export function localise(root = document) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    const { local, end } = time.dataset;
    const start = time.dateTime;
    if (local === "moment") {
      time.textContent = `${shortDayText(start)}, ${timeText(start)} ${zoneShort(start)}`;
      continue;
    }
    const hours = document.createElement("span");
    hours.className = "nowrap";
    hours.textContent = local === "time" ? periodText(start, end) : `${periodText(start, end)} ${zoneShort(start)}`;
    if (local === "time") time.replaceChildren(hours);
    else time.replaceChildren(`${local === "short" ? shortDayText(start) : dayText(start)}, `, hours);
  }
  // The second line, in the host's zone, says nothing new to a visitor with the same clock.
  for (const note of root.querySelectorAll("[data-other-zone]")) {
    note.hidden = sameClock(note.dataset.otherZone, ownZone, note.querySelector("time")?.dateTime);
  }
  for (const place of root.querySelectorAll("[data-own-zone]")) {
    place.textContent = gettext("Your time zone: %(zone)s", { zone: zoneLabel(ownZone) });
  }
}

/* --- Zones ------------------------------------------------------------- */

/** Every zone that the browser knows, for a Combobox: found by city, area, offset or long name. */
export function zoneOptions(chosen) {
  const now = Date.now();
  const zones = Intl.supportedValuesOf?.("timeZone") ?? [];
  const names = [...new Set([...zones, "UTC", ownZone, chosen])];
  const options = names.map((zone) => {
    const area = zone.split("/").slice(0, -1).join(", ").replaceAll("_", " ");
    const offset = offsetText(zone, now);
    const text = area ? `${cityOf(zone)}, ${area}` : zone;
    const long = [...new Set(["en-GB", ZONE_LOCALE])].map((locale) => zoneName("long", locale, now, zone)).join(" ");
    return { value: zone, text, note: `${timeText(now, zone)} ${offset}`, words: `${text} ${zone} ${offset} ${long}`.toLowerCase() };
  });
  return options.sort((a, b) => a.text.localeCompare(b.text));
}

/** Whether a text names a zone that this browser can show. */
export function isZone(text) {
  if (!text) return false;
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: text }));
  } catch {
    return false;
  }
}
