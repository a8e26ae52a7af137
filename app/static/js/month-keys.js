// The keys of a grid of days (ARIA APG, date grid): by day, by week, to the week's ends, by month and year.

import { addDays, addMonths, dayOfMonth, firstOf, firstOfWeek, lastOf, monthOf } from "./time.js";

const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 };

/** The date that a key leads to, or null for a key that means nothing here. */
export function dateAfterKey(event, date, grid) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  const { key } = event;
  if (key in STEPS) {
    const isMirrored = Math.abs(STEPS[key]) === 1 && getComputedStyle(grid).direction === "rtl";
    return addDays(date, isMirrored ? -STEPS[key] : STEPS[key]);
  }
  if (key === "Home") return firstOfWeek(date);
  if (key === "End") return addDays(firstOfWeek(date), 6);
  if (key !== "PageUp" && key !== "PageDown") return null;
  const month = addMonths(monthOf(date), (key === "PageUp" ? -1 : 1) * (event.shiftKey ? 12 : 1));
  return addDays(firstOf(month), Math.min(dayOfMonth(date), dayOfMonth(lastOf(month))) - 1);
}
