// How entries and spans are said.

import { dateText } from "../time.js";
import { clockText, dateOf, isTwice, offsetText } from "./local-day.js";
import { lengthOf } from "./selection.js";

const ICONS = { appointment: "user-round", event_session: "calendar-days", blackout: "ban" };
const KINDS = { appointment: "appointment", event_session: "event session", blackout: "closed" };

export const EVENT_TYPES = { Live: "Live", PreRecorded: "Pre-recorded" };

export const two = (number) => String(number).padStart(2, "0");

/** Who holds an entry: "yours", a name, or what it is. */
export function holder(entry) {
  if (entry.isMine) return "yours";
  return entry.owner || KINDS[entry.kind] || "somebody else's";
}

export const entryIcon = (entry) => ICONS[entry.kind] ?? (entry.isMine ? "circle-check" : "lock");

export function entryLook(entry) {
  if (entry.kind === "blackout") return "closed";
  if (entry.isMine) return "mine";
  return entry.kind === "reservation" ? "other" : "fixed";
}

/** An entry as the span that is seen: its last minute is the one before it ends. */
export const spanOfEntry = (entry) => ({ first: entry.from, last: entry.to - 60_000 });

export const shortDate = (date) => dateText(date, { weekday: "short", day: "numeric", month: "short" });

function instantText(instant, zone, withDate) {
  const time = clockText(instant, zone) + (isTwice(instant, zone) ? ` ${offsetText(instant, zone)}` : "");
  return withDate ? `${shortDate(dateOf(instant, zone))}, ${time}` : time;
}

/** "10:10–10:19"; with days where it runs over midnight, with offsets in an hour that comes twice. */
export function spanText({ first, last }, zone) {
  const runsOver = dateOf(first, zone) !== dateOf(last, zone);
  const dash = runsOver ? " – " : "–";
  return `${instantText(first, zone, runsOver)}${dash}${instantText(last, zone, runsOver)}`;
}

/** "25 min", "2 h", "1 h 30 min". */
export function lengthText(minutes) {
  if (minutes < 60) return `${minutes} min`;
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return rest ? `${hours} h ${rest} min` : `${hours} h`;
}

/** "10:10–10:19, 10 min". */
export const spanWords = (span, zone) => `${spanText(span, zone)}, ${lengthText(lengthOf(span))}`;

/** "“Rehearsal” (Ada Quill)". */
export const entryWords = (entry) => `“${entry.title}” (${holder(entry)})`;
