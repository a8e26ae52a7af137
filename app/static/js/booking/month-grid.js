// Six weeks as an APG grid: one tab stop, arrows by day and week, Home and End in the week,
// Page up and down by month. Days without free times can be reached, but not chosen.
// The weeks begin with the month, in the present month with this week: past weeks are of no use,
// and the rows that remain show the days of the next month.

import { announce, el, icon } from "../dom.js";
import { dateAfterKey } from "../month-keys.js";
import { gettext, ngettext } from "../texts.js";
import { addDays, addMonths, dateText, dayOfMonth, firstOf, firstOfWeek, lastOf, monthOf, monthText, WEEK, weekdayText } from "../time.js";

const CELLS = 42;

export class MonthGrid {
  /** `onmonth(month)` asks for another month, `onchoose(date)` tells of a chosen day. */
  constructor(root, { today, last, onmonth, onchoose }) {
    this.root = root;
    this.today = today;
    this.last = last;
    this.onmonth = onmonth;
    this.onchoose = onchoose;
    this.month = monthOf(today);
    this.selected = null;
    this.active = null;
    this.days = null;
    this.#build();
  }

  #build() {
    this.title = el("p", { class: "month__title", id: "month-title", "aria-live": "polite" });
    this.previous = el(
      "button",
      { class: "button button--quiet button--icon", type: "button", "aria-label": gettext("Previous month"), onclick: () => this.#step(-1) },
      icon("chevron-left"),
    );
    this.next = el(
      "button",
      { class: "button button--quiet button--icon", type: "button", "aria-label": gettext("Next month"), onclick: () => this.#step(1) },
      icon("chevron-right"),
    );
    this.body = el("tbody");
    this.grid = el(
      "table",
      { class: "month__grid", role: "grid", "aria-labelledby": "month-title", onkeydown: (event) => this.#key(event) },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ...WEEK.map((weekday) => el("th", { scope: "col", abbr: weekdayText(weekday) }, weekdayText(weekday, "short"))),
        ),
      ),
      this.body,
    );
    this.note = el("p", { class: "month__note", hidden: true });
    this.root.replaceChildren(
      el("div", { class: "month__head" }, this.title, el("div", { class: "month__steps" }, this.previous, this.next)),
      this.grid,
      this.note,
    );
  }

  #step(count) {
    const month = addMonths(this.month, count);
    if (this.#inReach(month)) this.onmonth(month);
  }

  /** The days that are shown once `days` are in: those of this month and of the next. */
  static months(month) {
    return [month, addMonths(month, 1)];
  }

  #inReach(month) {
    return month >= monthOf(this.today) && month <= monthOf(this.last);
  }

  /** The first day shown of a month. */
  #firstDay(month) {
    const day = month === monthOf(this.today) ? this.today : firstOf(month);
    return firstOfWeek(day);
  }

  /** Whether a date is among the six weeks of a month. */
  shows(date, month = this.month) {
    const first = this.#firstDay(month);
    return date >= first && date < addDays(first, CELLS) && monthOf(date) >= month;
  }

  #titleText(month) {
    const left = dayOfMonth(lastOf(month)) - (month === monthOf(this.today) ? dayOfMonth(this.today) : 1);
    if (left >= 14) return monthText(month);
    const short = { month: "short" };
    return `${dateText(firstOf(month), short)} – ${dateText(firstOf(addMonths(month, 1)), { ...short, year: "numeric" })}`;
  }

  /** Shows a month and what follows it; `days` is null while it loads. */
  show(month, days, { note = null } = {}) {
    this.month = month;
    this.days = days;
    if (!this.active || !this.shows(this.active)) {
      const free = Object.keys(days ?? {}).sort().find((date) => this.shows(date));
      this.active = free ?? (month === monthOf(this.today) ? this.today : firstOf(month));
    }
    const title = this.#titleText(month);
    if (this.title.textContent !== title) this.title.textContent = title;
    this.previous.disabled = !this.#inReach(addMonths(month, -1));
    this.next.disabled = !this.#inReach(addMonths(month, 1));
    this.note.hidden = !note;
    this.note.replaceChildren(...(note ? [note].flat() : []));
    this.#draw();
  }

  #draw() {
    const hadFocus = this.body.contains(document.activeElement);
    const first = this.#firstDay(this.month);
    const cells = Array.from({ length: CELLS }, (_, index) => addDays(first, index));
    const weeks = Array.from({ length: 6 }, (_, index) => cells.slice(index * 7, index * 7 + 7));
    this.grid.classList.toggle("month__grid--waiting", this.days === null);
    this.grid.setAttribute("aria-busy", String(this.days === null));
    this.body.replaceChildren(...weeks.map((week) => el("tr", {}, ...week.map((date) => this.#cell(date)))));
    if (hadFocus) this.#button(this.active)?.focus();
  }

  #cell(date) {
    if (monthOf(date) < this.month) return el("td", {}, el("span", { class: "day", "aria-hidden": "true" }));
    if (this.days === null && date >= this.today) {
      return el("td", {}, el("span", { class: "skeleton day", "data-date": date }, String(dayOfMonth(date))));
    }
    const count = this.days?.[date]?.length ?? 0;
    const selected = date === this.selected;
    const words = [dateText(date), date === this.today ? gettext("today") : null, count ? ngettext("%(num)d time", "%(num)d times", count) : gettext("no times")];
    return el(
      "td",
      { "aria-selected": String(selected) },
      el(
        "button",
        {
          class: `day${count ? " day--free" : ""}${date === this.today ? " day--today" : ""}`,
          type: "button",
          tabindex: date === this.active ? "0" : "-1",
          "data-date": date,
          "aria-label": words.filter(Boolean).join(", "),
          "aria-disabled": count ? null : "true",
          "aria-current": date === this.today ? "date" : null,
          onclick: () => count && this.choose(date),
        },
        dayOfMonth(date) === 1 ? el("span", { class: "day__month" }, dateText(date, { month: "short" })) : null,
        String(dayOfMonth(date)),
      ),
    );
  }

  #button(date) {
    return this.body.querySelector(`button[data-date="${date}"]`);
  }

  choose(date) {
    this.select(date);
    this.onchoose(date);
  }

  select(date) {
    this.selected = date;
    if (date) this.active = date;
    this.#draw();
  }

  #key(event) {
    const date = event.target.closest?.("[data-date]")?.dataset.date;
    if (!date) return;
    const target = dateAfterKey(event, date, this.grid);
    if (!target) return;
    event.preventDefault();
    this.#goto(target);
  }

  async #goto(date) {
    if (date < this.today) date = this.today;
    if (date > this.last) date = this.last;
    this.active = date;
    if (this.shows(date)) this.#draw();
    else {
      await this.onmonth(monthOf(date));
      announce(monthText(monthOf(date)));
    }
    this.#button(date)?.focus();
  }
}
