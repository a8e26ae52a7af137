// How a reservation repeats: the fields, and a preview of what can be had.

import { el, icon } from "../dom.js";
import { gettext, ngettext } from "../texts.js";
import { addDays, WEEK, weekdayOf, weekdayText } from "../time.js";
import { dateOf } from "./local-day.js";
import { shortDate, spanText } from "./words.js";

const WAIT = 250;
const WEEKDAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

export class Repeat {
  #timer = null;
  #asking = null;

  /** `preview(rule, signal)` resolves to occurrences; `onchange()` tells that the answer changed. */
  constructor(fold, { preview, onchange }) {
    this.fold = fold;
    this.preview = preview;
    this.onchange = onchange;
    this.occurrences = null;
    const find = (name) => fold.querySelector(`[data-repeat-${name}]`);
    Object.assign(this, { text: find("text"), frequency: find("frequency"), end: find("end"), count: find("count"), until: find("until"), weekdays: find("weekdays"), box: find("preview") });
    fold.querySelector("[data-weekdays]").replaceChildren(
      ...WEEK.map((weekday) =>
        el("label", { class: "weekdays__day" }, el("input", { type: "checkbox", value: weekday, "aria-label": weekdayText(weekday) }), el("span", { "aria-hidden": "true" }, weekdayText(weekday, "short"))),
      ),
    );
    fold.addEventListener("input", () => this.#changed());
  }

  get #days() {
    return [...this.weekdays.querySelectorAll("input:checked")].map((box) => Number(box.value)).sort();
  }

  get #isCounted() {
    return this.fold.querySelector("[name=repeat_end]:checked").value === "count";
  }

  /** The rule that is sent (RFC 5545, 3.3.10); null if it does not repeat. */
  get rule() {
    const freq = this.frequency.value;
    if (!freq) return null;
    const parts = [`FREQ=${freq}`];
    if (freq === "WEEKLY" && this.#days.length) parts.push(`BYDAY=${this.#days.map((day) => WEEKDAYS[day]).join(",")}`);
    parts.push(this.#isCounted ? `COUNT=${Number(this.count.value) || 1}` : `UNTIL=${this.until.value.replaceAll("-", "")}`);
    return parts.join(";");
  }

  /** How many of the occurrences are free: {free, all}; null while that is not known. */
  get outlook() {
    if (!this.rule || !this.occurrences) return null;
    const free = this.occurrences.filter((each) => !each.conflicts.length).length;
    return { free, all: this.occurrences.length };
  }

  reset() {
    this.frequency.value = "";
    for (const box of this.weekdays.querySelectorAll("input")) box.checked = false;
    this.fold.open = false;
    this.#changed();
  }

  /** The span that repeats is another one. */
  spanChanged(span, zone) {
    Object.assign(this, { span, zone });
    if (!this.until.value && span) this.until.value = addDays(dateOf(span.first, zone), 28);
    if (this.rule) this.#changed();
  }

  #changed() {
    const freq = this.frequency.value;
    this.end.hidden = !freq;
    this.weekdays.hidden = freq !== "WEEKLY";
    if (freq === "WEEKLY" && !this.#days.length && this.span) {
      this.weekdays.querySelector(`input[value="${weekdayOf(dateOf(this.span.first, this.zone))}"]`).checked = true;
    }
    this.text.textContent = this.#words();
    this.occurrences = null;
    this.onchange();
    clearTimeout(this.#timer);
    this.#asking?.abort();
    if (!freq || !this.span) return this.box.replaceChildren();
    this.#timer = setTimeout(() => this.#ask(), WAIT);
  }

  #words() {
    const freq = this.frequency.value;
    if (!freq) return gettext("Does not repeat");
    const often = freq === "DAILY" ? gettext("Every day") : this.#weeklyWords();
    if (this.#isCounted) return ngettext("%(often)s, %(num)d time", "%(often)s, %(num)d times", Number(this.count.value), { often });
    return this.until.value ? gettext("%(often)s, until %(date)s", { often, date: shortDate(this.until.value) }) : often;
  }

  #weeklyWords() {
    const days = WEEK.filter((day) => this.#days.includes(day)).map((day) => weekdayText(day, "short")).join(", ");
    return days ? gettext("Every week on %(days)s", { days }) : gettext("Every week");
  }

  async #ask() {
    const asking = new AbortController();
    this.#asking = asking;
    try {
      this.occurrences = await this.preview(this.rule, asking.signal);
      this.#show();
    } catch (error) {
      if (error.name === "AbortError") return;
      const reasons = Object.values(error.errors ?? {}).flat();
      this.box.replaceChildren(el("p", { class: "field__error" }, reasons.join(" ") || error.message));
    }
    this.onchange();
  }

  #show() {
    const { free, all } = this.outlook;
    const title =
      free === all
        ? ngettext("It is free.", "All %(num)d are free.", all)
        : gettext("%(free)s of %(all)s are free. Those that are taken are left out.", { free, all });
    this.box.replaceChildren(
      el("p", { class: "repeat__sum" }, icon(free === all ? "circle-check" : "triangle-alert"), title),
      el("ol", { class: "repeat__list" }, ...this.occurrences.map((each) => this.#line(each))),
    );
  }

  #line({ starts_at: from, ends_at: to, conflicts }) {
    const [first, last] = [Date.parse(from), Date.parse(to) - 60_000];
    const date = dateOf(first, this.zone);
    const [blocking] = conflicts;
    const what = blocking && [blocking.title ?? gettext("Taken"), blocking.owner && `(${blocking.owner})`].filter(Boolean).join(" ");
    return el(
      "li",
      { class: `repeat__date${blocking ? " repeat__date--taken" : ""}` },
      el("span", { class: "figures" }, `${shortDate(date)}, ${spanText({ first, last }, this.zone)}`),
      el("span", { class: "repeat__state" }, icon(blocking ? "ban" : "check"), blocking ? gettext("Taken: %(what)s", { what }) : gettext("Free")),
    );
  }
}
