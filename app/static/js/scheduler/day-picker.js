// The days of a month and how full each is for a room: an APG grid of days, one tab stop.

import { el, icon } from "../dom.js";
import { dateAfterKey } from "../month-keys.js";
import { gettext } from "../texts.js";
import { addDays, addMonths, dateText, dayOfMonth, firstOf, firstOfWeek, monthOf, monthText, WEEK, weekdayText } from "../time.js";
import { lengthText } from "./words.js";

const CELLS = 42;
const FULL = 12 * 60; // minutes: nobody fills a room for 24 hours, so the bar is full at twelve

export class DayPicker {
  /** `onmonth(month)` tells of another month to be shown, `onchoose(date)` of a chosen day. */
  constructor(root, { onmonth, onchoose }) {
    this.root = root;
    this.onmonth = onmonth;
    this.onchoose = onchoose;
    this.month = null;
    this.taken = null;
    this.#build();
  }

  #build() {
    this.title = el("h2", { class: "picker__title", id: "picker-title", "aria-live": "polite" });
    const step = (by, name, words) =>
      el("button", { class: "button button--quiet button--icon", type: "button", "aria-label": words, onclick: () => this.onmonth(addMonths(this.month, by)) }, icon(name));
    this.body = el("tbody");
    this.grid = el(
      "table",
      { class: "picker__grid", role: "grid", "aria-labelledby": "picker-title", onkeydown: (event) => this.#key(event) },
      el("thead", {}, el("tr", {}, ...WEEK.map((weekday) => el("th", { scope: "col", abbr: weekdayText(weekday) }, weekdayText(weekday, "narrow"))))),
      this.body,
    );
    this.root.replaceChildren(
      el("div", { class: "picker__head" }, this.title, el("div", { class: "picker__steps" }, step(-1, "chevron-left", gettext("Previous month")), step(1, "chevron-right", gettext("Next month")))),
      this.grid,
    );
  }

  /** `taken` is {date: minutes}, null while it loads. */
  show({ month, date, today, taken }) {
    const shown = JSON.stringify([month, date, today, taken]);
    if (shown === this.shown) return;
    if (date !== this.date || monthOf(this.active ?? "") !== month) this.active = monthOf(date) === month ? date : firstOf(month);
    Object.assign(this, { shown, month, date, today, taken });
    const title = monthText(month);
    if (this.title.textContent !== title) this.title.textContent = title;
    this.#draw();
  }

  #draw() {
    const hadFocus = this.body.contains(document.activeElement);
    const first = firstOfWeek(firstOf(this.month));
    const dates = Array.from({ length: CELLS }, (_, index) => addDays(first, index));
    const weeks = Array.from({ length: CELLS / 7 }, (_, index) => dates.slice(index * 7, index * 7 + 7));
    this.grid.setAttribute("aria-busy", String(this.taken === null));
    this.body.replaceChildren(...weeks.map((week) => el("tr", {}, ...week.map((date) => this.#cell(date)))));
    if (hadFocus) this.#button(this.active)?.focus();
  }

  #cell(date) {
    const minutes = this.taken?.[date] ?? 0;
    const bar = el("span", { class: "date__bar" });
    bar.style.inlineSize = `${Math.min(100, (100 * minutes) / FULL)}%`;
    const fullness = minutes ? gettext("%(length)s taken", { length: lengthText(minutes) }) : gettext("free");
    const words = [dateText(date), date === this.today && gettext("today"), this.taken && fullness];
    const looks = ["date", monthOf(date) !== this.month && "date--other", date < this.today && "date--past", date === this.today && "date--today"];
    return el(
      "td",
      { "aria-selected": String(date === this.date) },
      el(
        "button",
        {
          class: looks.filter(Boolean).join(" "),
          type: "button",
          tabindex: date === this.active ? "0" : "-1",
          "data-date": date,
          "aria-label": words.filter(Boolean).join(", "),
          "aria-current": date === this.today ? "date" : null,
          onclick: () => this.onchoose(date),
        },
        String(dayOfMonth(date)),
        el("span", { class: "date__meter", "aria-hidden": "true" }, bar),
      ),
    );
  }

  #button(date) {
    return this.body.querySelector(`button[data-date="${date}"]`);
  }

  #key(event) {
    const date = event.target.closest?.("[data-date]")?.dataset.date;
    const target = date && dateAfterKey(event, date, this.grid);
    if (!target) return;
    event.preventDefault();
    this.active = target;
    if (monthOf(target) !== this.month) this.onmonth(monthOf(target));
    else this.#draw();
    this.#button(target)?.focus();
  }
}
