// Spans of minutes: first and last are both included, as they are seen. The span ends a minute later.

import { MINUTE } from "./local-day.js";

export const spanOf = (first, last) => ({ first: Math.min(first, last), last: Math.max(first, last) });
export const endOf = ({ last }) => last + MINUTE;
export const lengthOf = ({ first, last }) => (last - first) / MINUTE + 1;

/**
 * From one free minute towards another, as far as nothing is in the way. `entries` are what is
 * taken, `now` is the minute that runs. Returns {first, last, stop}: `stop` is what it stops before, an
 * entry or "past", else null.
 */
export function reach(anchor, target, entries, now) {
  if (target >= anchor) {
    const wall = entries.find((entry) => entry.from > anchor && entry.from <= target);
    return { first: anchor, last: wall ? wall.from - MINUTE : target, stop: wall ?? null };
  }
  const wall = entries.findLast((entry) => entry.to <= anchor && entry.to > target);
  let first = wall ? wall.to : target;
  let stop = wall ?? null;
  if (first < now) [first, stop] = [Math.min(anchor, now), "past"];
  return { first, last: anchor, stop };
}

/** What of the entries lies in a span. */
export const within = (span, entries, but = null) =>
  entries.filter((entry) => entry.id !== but && entry.from < endOf(span) && entry.to > span.first);

/** The free beginning of a span that runs over something; null if there is none. */
export function freeBeginning(span, entries) {
  const [wall] = within(span, entries);
  return wall && wall.from > span.first ? { first: span.first, last: wall.from - MINUTE } : null;
}
