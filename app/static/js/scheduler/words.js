// How entries and spans are said.

import { gettext, ngettext } from "../texts.js";
import { dateText } from "../time.js";
import { clockText, dateOf, isTwice, offsetText } from "./local-day.js";
import { lengthOf } from "./selection.js";

const ICONS = { appointment: "user-round", event_session: "calendar-days", blackout: "ban" };
const KINDS = { appointment: gettext("appointment"), event_session: gettext("event session"), blackout: gettext("closed") };

export const EVENT_TYPES = { Live: gettext("Live"), PreRecorded: gettext("Pre-recorded") };

export const two = (number) => String(number).padStart(2, "0");

/** Who holds an entry: "yours", a name, or what it is. */
export function holder(entry) {
  if (entry.isMine) return gettext("yours");
  return entry.owner || KINDS[entry.kind] || gettext("somebody else's");
}

export const entryIcon = (entry) => ICONS[entry.kind] ?? (entry.isMine ? "circle-check" : "lock");

export function entryLook(entry) {
  if (entry.kind === "blackout") return "closed";
  if (entry.isMine) return "mine";
  return entry.kind === "reservation" ? "other" : "fixed";
}

/** An entry as the span that is seen: its last minute is the one before it ends. */
export const spanOfEntry = (entry) => ({ first: entry.from, last: entry.to - 60_000 });

/** "Yours", or who holds it: where it stands alone. */
export const ownerText = (entry) => (entry.isMine ? gettext("Yours") : holder(entry));

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
  if (minutes < 60) return gettext("%(n)d min", { n: minutes });
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return rest ? gettext("%(hours)d h %(minutes)d min", { hours, minutes: rest }) : gettext("%(n)d h", { n: hours });
}

/** "10:10–10:19, 10 min". */
export const spanWords = (span, zone) => `${spanText(span, zone)}, ${lengthText(lengthOf(span))}`;

/** "“Rehearsal” (Ada Quill)". */
export const entryWords = (entry) => gettext("“%(title)s” (%(holder)s)", { title: entry.title, holder: holder(entry) });

/** Who was faster. */
export function winnerWords({ title, owner: name, ...entry }, zone) {
  const time = spanText(spanOfEntry(entry), zone);
  return name
    ? gettext("%(name)s booked %(time)s “%(title)s” a moment ago.", { name, time, title })
    : gettext("Somebody booked %(time)s “%(title)s” a moment ago.", { time, title });
}

/** "“Rehearsal” (Ada Quill) is there, 10:10–10:19." */
export const obstacleWords = (entry, zone) =>
  gettext("%(booking)s is there, %(span)s.", { booking: entryWords(entry), span: spanText(spanOfEntry(entry), zone) });

/** "60 of 60 minutes taken", or that it is free. */
export const takenText = (taken, all) =>
  taken ? ngettext("%(taken)s of %(num)d minute taken", "%(taken)s of %(num)d minutes taken", all, { taken }) : gettext("free");
