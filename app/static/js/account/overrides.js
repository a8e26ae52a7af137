// Days that differ from the week: days off, alone or in a row, and days with other hours.

import { el } from "../dom.js";
import { gettext, ngettext } from "../texts.js";
import { addDays, dateText } from "../time.js";
import { toast } from "../toast.js";
import { dayRow, tool } from "./day-row.js";
import { fromApi, toApi } from "./spans.js";

const SHORT = { weekday: "short", day: "numeric", month: "short" };
const MOST = 92; // days at once: a summer

export class Overrides {
  constructor(form, { overrides, today, onchange, oninput }) {
    Object.assign(this, { today, onchange, oninput });
    this.root = form.querySelector("[data-overrides]");
    this.from = form.querySelector("[data-override-date]");
    this.until = form.querySelector("[data-override-until]");
    this.error = form.querySelector("[data-override-error]");
    this.days = overrides
      .filter(({ date }) => date >= today)
      .map(({ date, intervals }) => ({ date, spans: intervals.map(fromApi) }));
    this.past = overrides.filter(({ date }) => date < today);
    for (const input of [this.from, this.until]) input.min = today;
    this.from.value = addDays(today, 1);
    form.querySelector("[data-add-override]").addEventListener("click", () => this.#add());
  }

  draw() {
    this.root.replaceChildren(...this.#runs().map((run) => this.#row(run)));
  }

  /** Days off in a row are one row. */
  #runs() {
    const runs = [];
    for (const day of this.days) {
      const run = runs.at(-1);
      const follows = run && !day.spans.length && !run.at(-1).spans.length && addDays(run.at(-1).date, 1) === day.date;
      if (follows) run.push(day);
      else runs.push([day]);
    }
    return runs;
  }

  #row(run) {
    const [first, last] = [run[0], run.at(-1)];
    const label = run.length > 1 ? `${dateText(first.date, SHORT)} – ${dateText(last.date, SHORT)}` : dateText(first.date, SHORT);
    const remove = tool("trash-2", gettext("Remove %(days)s", { days: label }), `${first.date}-remove`, () => this.#remove(run, label));
    if (run.length > 1) {
      return el(
        "li",
        { class: "hours__day", "data-day": first.date },
        el("div", { class: "hours__name" }, label),
        el("div", { class: "hours__spans" }, el("span", { class: "hours__off" }, ngettext("%(num)d day off", "%(num)d days off", run.length))),
        el("div", { class: "hours__tools" }, remove),
      );
    }
    return dayRow({
      tag: "li",
      id: first.date,
      name: label,
      label,
      spans: first.spans,
      off: gettext("Day off"),
      tools: [remove],
      onchange: this.onchange,
      oninput: this.oninput,
    });
  }

  #add() {
    const from = this.from.value;
    const until = this.until.value || from;
    this.error.textContent = "";
    if (!from || from < this.today) return this.#refuse(this.from, gettext("Choose a day from today on."));
    if (until < from) return this.#refuse(this.until, gettext("The last day is before the first."));
    if (addDays(from, MOST) <= until) return this.#refuse(this.until, ngettext("At most %(num)d day at once.", "At most %(num)d days at once.", MOST));
    for (let date = from; date <= until; date = addDays(date, 1)) {
      if (!this.days.some((each) => each.date === date)) this.days.push({ date, spans: [] });
    }
    this.days.sort((a, b) => a.date.localeCompare(b.date));
    this.from.value = addDays(until, 1);
    this.until.value = "";
    this.onchange(document.getElementById(`${from}-add`) ? `${from}-add` : "override-date");
  }

  #refuse(input, words) {
    this.error.textContent = words;
    input.focus();
  }

  #remove(run, label) {
    const before = [...this.days];
    this.days = this.days.filter((each) => !run.includes(each));
    this.onchange("override-date");
    toast(gettext("%(days)s follows the week again.", { days: label }), {
      action: gettext("Undo"),
      onaction: () => {
        this.days = before;
        this.onchange("override-date");
      },
    });
  }

  payload() {
    return [...this.past, ...this.days.map(({ date, spans }) => ({ date, intervals: spans.map(toApi) }))];
  }
}
