// Weekly hours and days that differ, edited as a whole and saved as a whole.

import { api } from "../api.js";
import { el, icon } from "../dom.js";
import { clearErrors, showErrors, showFailure } from "../forms.js";
import { addDays, dateKey, dateText } from "../time.js";
import { toast } from "../toast.js";

const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const USUAL = { start: "08:00", end: "17:00" };

// <input type="time"> knows no 24:00; at the end of a span 00:00 can only mean it.
const shownEnd = (text) => (text === "24:00" ? "00:00" : text);
const sentEnd = (text) => (text === "00:00" ? "24:00" : text);

export class Hours {
  constructor(form, { availability, today }) {
    this.form = form;
    this.today = today;
    this.week = DAYS.map((_, weekday) =>
      availability.weekly.filter((each) => each.weekday === weekday).map(({ start, end }) => ({ start, end: shownEnd(end) })),
    );
    this.overrides = availability.overrides
      .filter((each) => each.date >= today)
      .map(({ date, intervals }) => ({ date, spans: intervals.map(({ start, end }) => ({ start, end: shownEnd(end) })) }));
    this.past = availability.overrides.filter((each) => each.date < today);
    this.weekRoot = form.querySelector("[data-week]");
    this.overridesRoot = form.querySelector("[data-overrides]");
    this.dateInput = form.querySelector("[data-override-date]");
    this.dateInput.min = today;
    this.dateInput.value = addDays(today, 1);
    form.querySelector("[data-add-override]").addEventListener("click", () => this.#addOverride());
    form.addEventListener("submit", (event) => this.#save(event));
    form.addEventListener("input", (event) => event.target !== this.dateInput && this.#touched());
    addEventListener("beforeunload", (event) => this.unsaved && event.preventDefault());
    this.#draw();
  }

  #touched(unsaved = true) {
    this.unsaved = unsaved;
    this.form.querySelector("[data-unsaved]").hidden = !unsaved;
  }

  #draw(focus = null) {
    this.weekRoot.replaceChildren(
      ...DAYS.map((name, weekday) =>
        this.#row("div", name, this.week[weekday], weekday < 5 && this.week[weekday].length > 0 ? this.#copyButton(weekday) : null, `day-${weekday}`),
      ),
    );
    this.overridesRoot.replaceChildren(
      ...this.overrides.map((each) =>
        this.#row(
          "li",
          dateText(each.date, { weekday: "short", day: "numeric", month: "short" }),
          each.spans,
          this.#tool("trash-2", `Remove ${dateText(each.date)}`, `${each.date}-remove`, () => {
            this.#removeOverride(each);
          }),
          each.date,
        ),
      ),
    );
    if (focus) document.getElementById(focus)?.focus();
  }

  #changed(focus) {
    this.#touched();
    this.#draw(focus);
  }

  #tool(name, label, id, onclick) {
    return el("button", { class: "button button--quiet button--icon", type: "button", id, "aria-label": label, title: label, onclick }, icon(name));
  }

  #copyButton(weekday) {
    return this.#tool("copy", `Copy ${DAYS[weekday]}'s hours to Monday to Friday`, `day-${weekday}-copy`, () => {
      for (let day = 0; day < 5; day += 1) this.week[day] = structuredClone(this.week[weekday]);
      this.#changed(`day-${weekday}-copy`);
      toast("Copied to Monday to Friday.");
    });
  }

  #row(tag, name, spans, tool, id) {
    return el(
      tag,
      { class: "hours__day", role: tag === "div" ? "group" : null, "aria-label": tag === "div" ? name : null },
      el("span", { class: "hours__name" }, name),
      el(
        "div",
        { class: "hours__spans" },
        ...(spans.length ? spans.map((span, index) => this.#span(name, spans, span, index, id)) : [el("span", { class: "hours__off" }, "Not bookable")]),
      ),
      el(
        "div",
        { class: "hours__tools" },
        this.#tool("plus", `Add hours on ${name}`, `${id}-add`, () => {
          const last = spans.at(-1);
          spans.push(last && last.end < "22:00" && last.end !== "00:00" ? { start: nextHour(last.end), end: nextHour(nextHour(last.end)) } : { ...USUAL });
          this.#changed(`${id}-${spans.length - 1}-start`);
        }),
        tool,
      ),
    );
  }

  #span(name, spans, span, index, id) {
    const input = (part, label) =>
      el("input", {
        class: "input",
        type: "time",
        id: `${id}-${index}-${part}`,
        value: span[part],
        "aria-label": `${name}, ${label}`,
        required: true,
        oninput: (event) => (span[part] = event.target.value),
      });
    return el(
      "div",
      { class: "hours__span" },
      input("start", "from"),
      el("span", { "aria-hidden": "true", class: "quiet" }, "–"),
      input("end", "until"),
      this.#tool("x", `Remove ${span.start} to ${span.end} on ${name}`, `${id}-${index}-remove`, () => {
        spans.splice(index, 1);
        this.#changed(`${id}-add`);
      }),
    );
  }

  #addOverride() {
    const date = this.dateInput.value;
    if (!date || date < this.today) return this.dateInput.focus();
    if (!this.overrides.some((each) => each.date === date)) {
      this.overrides.push({ date, spans: [] });
      this.overrides.sort((a, b) => a.date.localeCompare(b.date));
    }
    this.#changed(`${date}-add`);
    this.dateInput.value = addDays(date, 1);
  }

  #removeOverride(override) {
    const before = [...this.overrides];
    this.overrides = this.overrides.filter((each) => each !== override);
    this.#changed("override-date");
    toast(`${dateText(override.date)} follows the week again.`, {
      action: "Undo",
      onaction: () => {
        this.overrides = before;
        this.#changed();
      },
    });
  }

  #payload() {
    const spans = (list) => list.map(({ start, end }) => ({ start, end: sentEnd(end) }));
    return {
      weekly: this.week.flatMap((list, weekday) => spans(list).map((span) => ({ weekday, ...span }))),
      overrides: [...this.past, ...this.overrides.map(({ date, spans: list }) => ({ date, intervals: spans(list) }))],
    };
  }

  async #save(event) {
    event.preventDefault();
    clearErrors(this.form);
    const button = event.submitter;
    button?.setAttribute("aria-busy", "true");
    try {
      await api("PUT", "/api/experts/me/availability", { body: this.#payload() });
      this.#touched(false);
      toast("Hours saved. Visitors see them now.");
    } catch (error) {
      if (Object.keys(error.errors ?? {}).length) showErrors(this.form, error.errors, "The hours are not saved.");
      else showFailure(this.form, error.message);
    } finally {
      button?.removeAttribute("aria-busy");
    }
  }
}

function nextHour(text) {
  const hour = Number(text.slice(0, 2)) + 1;
  return hour > 23 ? "00:00" : `${String(hour).padStart(2, "0")}${text.slice(2)}`;
}

export const todayIn = (zone) => dateKey(Date.now(), zone);
