// The address of the booker says what is chosen: ?date=2026-12-01&time=10:30&tz=Europe/Berlin.
// It can be sent to somebody, and opens where it was.

import { dateKey, isZone, offsetText, ownZone } from "../time.js";

// Not time.js's timeText: a link is the same whichever clock its sender reads.
const clock = (instant, zone) =>
  new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(instant));

/** {date, time, zone} of this page's address; what makes no sense is null. */
export function readLink() {
  const query = new URLSearchParams(location.search);
  const [date, time, zone] = ["date", "time", "tz"].map((name) => query.get(name));
  return {
    date: /^\d{4}-\d{2}-\d{2}$/.test(date ?? "") ? date : null,
    time: /^\d{2}:\d{2}/.test(time ?? "") ? time : null,
    zone: isZone(zone) ? zone : null,
  };
}

/** The start that a link's time means among a day's: in a doubled hour an offset tells which. */
export function startOf(time, starts, zone) {
  return starts.find((start) => time === clock(start, zone) || time === named(start, zone)) ?? null;
}

const named = (start, zone) => `${clock(start, zone)} ${offsetText(zone, start)}`;

/** The address with this choice in it; everything else in it stays. */
export function linkTo({ date, start, starts, zone }) {
  const url = new URL(location.href);
  const set = (name, value) => (value ? url.searchParams.set(name, value) : url.searchParams.delete(name));
  set("date", start ? dateKey(start, zone) : date);
  const isDoubled = start && starts.filter((each) => clock(each, zone) === clock(start, zone)).length > 1;
  set("time", start && (isDoubled ? named(start, zone) : clock(start, zone)));
  if (zone !== ownZone || url.searchParams.has("tz")) set("tz", zone);
  return url;
}
