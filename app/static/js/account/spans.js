// The hours of one day as a list of {start, end}, clock texts; pure.

import { gettext } from "../texts.js";

// <input type="time"> knows no 24:00; at the end of a span 00:00 can only mean it.
export const shownEnd = (text) => (text === "24:00" ? "00:00" : text);
export const sentEnd = (text) => (text === "00:00" ? "24:00" : text);

const USUAL = { start: "08:00", end: "17:00" };
const LATEST = "22:00"; // after that another span is not what somebody means

/** What is wrong with a day's spans: [{index, part, message}], in their order; none when all is well. */
export function faultsOf(spans) {
  const faults = [];
  spans.forEach(({ start, end }, index) => {
    if (!start || !end) faults.push({ index, part: start ? "end" : "start", message: gettext("Enter both times.") });
    else if (sentEnd(end) <= start) faults.push({ index, part: "end", message: gettext("%(start)s to %(end)s: the end must come after the start.", { start, end: sentEnd(end) }) });
  });
  if (faults.length) return faults;
  const ordered = spans.map((span, index) => ({ ...span, index })).sort((a, b) => a.start.localeCompare(b.start));
  for (let each = 1; each < ordered.length; each += 1) {
    const [before, span] = [ordered[each - 1], ordered[each]];
    if (span.start < sentEnd(before.end)) {
      faults.push({
        index: span.index,
        part: "start",
        message: gettext("%(start)s to %(end)s overlaps %(from)s to %(until)s.", {
          start: span.start,
          end: sentEnd(span.end),
          from: before.start,
          until: sentEnd(before.end),
        }),
      });
    }
  }
  return faults;
}

/** The span that is meant by "add hours": after the last one, else the usual day. */
export function nextSpan(spans) {
  const last = spans.at(-1);
  if (!last?.end || last.end === "00:00" || last.end >= LATEST) return { ...USUAL };
  return { start: nextHour(last.end), end: nextHour(nextHour(last.end)) };
}

function nextHour(text) {
  const hour = Number(text.slice(0, 2)) + 1;
  return hour > 23 ? "00:00" : `${String(hour).padStart(2, "0")}${text.slice(2)}`;
}

export const fromApi = ({ start, end }) => ({ start, end: shownEnd(end) });
export const toApi = ({ start, end }) => ({ start, end: sentEnd(end) });
