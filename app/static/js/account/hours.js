// Weekly hours, days that differ and holidays: edited as a whole, saved as a whole.

import { api } from "../api.js";
import { ask } from "../dialog.js";
import { el } from "../dom.js";
import { clearErrors, showErrors, showFailure } from "../forms.js";
import { gettext } from "../texts.js";
import { dateKey, WEEK, weekdayText } from "../time.js";
import { toast } from "../toast.js";
import { Unsaved } from "../unsaved.js";
import { dayRow, tool } from "./day-row.js";
import { Holidays } from "./holidays.js";
import { Overrides } from "./overrides.js";
import { faultsOf, fromApi, nextSpan, toApi } from "./spans.js";

const DAYS = Array.from({ length: 7 }, (_, weekday) => weekdayText(weekday));

export class Hours {
  #switchedOff = new Map(); // by weekday, what it had, should it be switched on again

  constructor(form, { availability, today, onsave }) {
    this.form = form;
    this.onsave = onsave;
    this.unsaved = new Unsaved(form.querySelector("[data-unsaved]"));
    this.week = DAYS.map((_, weekday) => availability.weekly.filter((each) => each.weekday === weekday).map(fromApi));
    this.weekRoot = form.querySelector("[data-week]");
    const onchange = (focus) => this.#changed(focus);
    const oninput = () => (this.unsaved.is = true);
    this.overrides = new Overrides(form, { overrides: availability.overrides, today, onchange, oninput });
    this.holidays = new Holidays(form.querySelector("[data-holidays]"), {
      holidays: availability.holidays ?? {},
      today,
      onchange: oninput,
    });
    form.addEventListener("submit", (event) => this.#save(event));
    this.#draw();
  }

  #changed(focus) {
    this.unsaved.is = true;
    this.#draw();
    document.getElementById(focus)?.focus();
  }

  #draw() {
    this.weekRoot.replaceChildren(...WEEK.map((weekday) => this.#row(DAYS[weekday], weekday)));
    this.overrides.draw();
  }

  #row(name, weekday) {
    const id = `day-${weekday}`;
    const spans = this.week[weekday];
    const onchange = (focus) => this.#changed(focus);
    const isOn = el("input", { type: "checkbox", id: `${id}-on`, checked: spans.length > 0, onchange: () => this.#switch(weekday) });
    return dayRow({
      id,
      name: el("label", { class: "check" }, isOn, el("span", {}, name)),
      label: name,
      spans,
      off: gettext("Not bookable"),
      tools: [tool("copy", gettext("Copy %(day)s's hours to other days", { day: name }), `${id}-copy`, () => this.#copy(weekday))],
      onchange,
      oninput: () => (this.unsaved.is = true),
    });
  }

  #switch(weekday) {
    const spans = this.week[weekday];
    if (spans.length) {
      this.#switchedOff.set(weekday, spans);
      this.week[weekday] = [];
    } else this.week[weekday] = this.#switchedOff.get(weekday) ?? [nextSpan([])];
    this.#changed(`day-${weekday}-on`);
  }

  async #copy(weekday) {
    const boxes = WEEK.map((day) => ({ name: DAYS[day], day, box: el("input", { type: "checkbox", checked: weekday < 5 && day < 5 && day !== weekday }) }));
    const others = boxes.filter(({ day }) => day !== weekday);
    const answer = await ask({
      title: gettext("Copy %(day)s's hours to", { day: DAYS[weekday] }),
      body: [el("div", { class: "hours__targets" }, ...others.map(({ name, box }) => el("label", { class: "check" }, box, el("span", {}, name))))],
      actions: [
        { text: gettext("Leave them"), value: null, safe: true },
        { text: gettext("Copy"), value: "copy", look: "button--primary" },
      ],
    });
    const chosen = others.filter(({ box }) => box.checked);
    if (!answer || !chosen.length) return document.getElementById(`day-${weekday}-copy`)?.focus();
    const before = structuredClone(this.week);
    for (const { day } of chosen) this.week[day] = structuredClone(this.week[weekday]);
    this.#changed(`day-${weekday}-copy`);
    toast(gettext("Copied to %(days)s.", { days: chosen.map(({ name }) => name).join(", ") }), {
      action: gettext("Undo"),
      onaction: () => {
        this.week = before;
        this.#changed(`day-${weekday}-copy`);
      },
    });
  }

  #payload() {
    return {
      weekly: this.week.flatMap((spans, weekday) => spans.map((span) => ({ weekday, ...toApi(span) }))),
      overrides: this.overrides.payload(),
      holidays: this.holidays.payload(),
    };
  }

  /** The first input that is wrong, wherever it is. */
  #fault() {
    const days = [...this.week.map((spans, weekday) => [`day-${weekday}`, spans]), ...this.overrides.days.map(({ date, spans }) => [date, spans])];
    for (const [id, spans] of days) {
      const [fault] = faultsOf(spans);
      if (fault) return `${id}-${fault.index}-${fault.part}`;
    }
    return null;
  }

  async #save(event) {
    event.preventDefault();
    clearErrors(this.form);
    this.#draw();
    const fault = this.#fault();
    if (fault) return document.getElementById(fault).focus();
    const button = event.submitter;
    button?.setAttribute("aria-busy", "true");
    try {
      await api("PUT", "/api/experts/me/availability", { body: this.#payload() });
      this.unsaved.is = false;
      toast(gettext("Hours saved. Visitors see them now."));
      this.onsave?.();
    } catch (error) {
      if (Object.keys(error.errors ?? {}).length) showErrors(this.form, error.errors, gettext("The hours are not saved."));
      else showFailure(this.form, error.message);
    } finally {
      button?.removeAttribute("aria-busy");
    }
  }
}

export const todayIn = (zone) => dateKey(Date.now(), zone);
