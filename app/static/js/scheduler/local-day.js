// The minutes of a local day as they really pass: 24 hours of them, or 23 or 25 on the days on
// which clocks are changed. An hour that is skipped is there without minutes; one that comes
// twice is there twice. Instants are milliseconds.

export const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SEARCHED = 30; // hours: the longest day, and the zone's distance from a first guess

const clocks = new Map();
const days = new Map();

function clockOf(zone) {
  let clock = clocks.get(zone);
  if (!clock) {
    clock = new Intl.DateTimeFormat("en-US-u-ca-iso8601-nu-latn", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
    clocks.set(zone, clock);
  }
  return clock;
}

/** How far a zone's clock is ahead of UTC at an instant, in milliseconds. */
function offsetAt(instant, zone) {
  const parts = {};
  for (const { type, value } of clockOf(zone).formatToParts(instant)) parts[type] = Number(value);
  const shown = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  return shown - Math.floor(instant / 1000) * 1000;
}

/** Stretches of time in which the offset does not change: {from, to, offset}. */
function* stretches(from, to, zone) {
  let start = from;
  let offset = offsetAt(from, zone);
  for (let next = from + HOUR; next <= to; next += HOUR) {
    const then = offsetAt(next, zone);
    if (then === offset) continue;
    let [before, after] = [next - HOUR, next];
    while (after - before > MINUTE) {
      const middle = before + Math.floor((after - before) / 2 / MINUTE) * MINUTE;
      if (offsetAt(middle, zone) === offset) before = middle;
      else after = middle;
    }
    yield { from: start, to: after, offset };
    [start, offset] = [after, then];
  }
  yield { from: start, to, offset };
}

const emptyHour = (date, hour, run) => ({
  key: run === 1 ? String(hour) : `${hour}b`,
  date,
  hour,
  run,
  minutes: Array(60).fill(null),
  isTwice: false,
  isMissing: true,
});

/**
 * The hours of a local date, in the order in which they pass. `minutes[m]` is the instant of the minute,
 * null where it does not exist; `key` is the hour, with a "b" for its second run.
 */
export function hoursOf(date, zone) {
  const known = `${zone} ${date}`;
  if (days.has(known)) return days.get(known);
  const midnight = Date.parse(`${date}T00:00:00Z`);
  const guess = midnight - offsetAt(midnight, zone);
  const runs = Array.from({ length: 24 }, (_, hour) => [emptyHour(date, hour, 1)]);
  for (const { from, to, offset } of stretches(guess - 3 * HOUR, guess + SEARCHED * HOUR, zone)) {
    const first = Math.max(from, midnight - offset);
    const end = Math.min(to, midnight + 24 * HOUR - offset);
    for (let instant = first; instant < end; instant += MINUTE) {
      const local = (instant + offset - midnight) / MINUTE;
      const hour = runs[Math.floor(local / 60)];
      const minute = local % 60;
      if (hour.at(-1).minutes[minute] !== null) {
        hour.push(emptyHour(date, hour[0].hour, 2));
        for (const each of hour) each.isTwice = true;
      }
      hour.at(-1).minutes[minute] = instant;
      hour.at(-1).isMissing = false;
    }
  }
  const hours = inTheirOrder(runs.flat());
  days.set(known, hours);
  return hours;
}

/** As they pass: where clocks go back in the middle of an hour, the hour before comes again after it. */
function inTheirOrder(hours) {
  let before = -Infinity;
  const placed = hours.map((hour) => {
    const first = hour.minutes.find((minute) => minute !== null);
    before = first ?? before; // a missing hour stays behind the one before it
    return { hour, first: before };
  });
  return placed.sort((a, b) => a.first - b.first).map((each) => each.hour);
}

/** The first instant of a local date, and the first one after it. */
export function boundsOf(date, zone) {
  const minutes = hoursOf(date, zone).flatMap((hour) => hour.minutes.filter((each) => each !== null));
  return { from: minutes[0] ?? 0, to: (minutes.at(-1) ?? -MINUTE) + MINUTE };
}

const localText = (instant, zone) => new Date(instant + offsetAt(instant, zone)).toISOString();

/** YYYY-MM-DD. */
export const dateOf = (instant, zone) => localText(instant, zone).slice(0, 10);

/** HH:MM. */
export const clockText = (instant, zone) => localText(instant, zone).slice(11, 16);

/** Where an instant stands: {date, hour, minute}, `hour` being one of `hoursOf`. */
export function locate(instant, zone) {
  const local = localText(instant, zone);
  const date = local.slice(0, 10);
  const minute = Number(local.slice(14, 16));
  const start = Math.floor(instant / MINUTE) * MINUTE;
  const hour = hoursOf(date, zone).find((each) => each.minutes[minute] === start);
  return { date, hour, minute };
}

/** The instants at which a zone's clocks show a time on a date: one; none if it is skipped; two if it comes twice. */
export function instantsOf(date, time, zone) {
  const [hour, minute] = time.split(":").map(Number);
  return hoursOf(date, zone)
    .filter((each) => each.hour === hour && each.minutes[minute] !== null)
    .map((each) => each.minutes[minute]);
}

/** "GMT+2": what tells the two runs of an hour apart. */
export function offsetText(instant, zone) {
  const minutes = offsetAt(instant, zone) / MINUTE;
  const size = Math.abs(minutes);
  const rest = size % 60 ? `:${String(size % 60).padStart(2, "0")}` : "";
  return minutes ? `GMT${minutes < 0 ? "−" : "+"}${Math.floor(size / 60)}${rest}` : "GMT";
}

/** Whether the time that clocks show at an instant comes twice that day. */
export const isTwice = (instant, zone) => Boolean(locate(instant, zone).hour?.isTwice);
