// The free times of one day, by part of the day; and what stands there when there are none.

import { announce, el, icon, prefersStill } from "../dom.js";
import { gettext, listText, ngettext } from "../texts.js";
import { dateText, hourOf, timeText, zoneShort } from "../time.js";

const PARTS = [
  [gettext("Night"), 0, 5],
  [gettext("Morning"), 5, 12],
  [gettext("Afternoon"), 12, 18],
  [gettext("Evening"), 18, 24],
];

export class Times {
  #timer = null;

  /** `onchoose(start)` tells of a chosen time; `own` knows what else the visitor has booked. */
  constructor(title, list, { slots, own, onchoose }) {
    Object.assign(this, { title, list, slots, own, onchoose });
    this.date = null;
  }

  /** The times of a day; without any, `nothing` says what to do. */
  show(date, nothing) {
    this.date = date;
    this.nothing = nothing;
    clearTimeout(this.#timer);
    const starts = this.slots.starts(date);
    if (!starts.length) return this.showNothing(dateText(date), nothing());
    this.title.textContent = dateText(date);
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.start : null;
    const groups = PARTS.map(([name, from, until]) => [
      name,
      starts.filter((start) => from <= hourOf(start, this.slots.zone) && hourOf(start, this.slots.zone) < until),
    ]).filter(([, members]) => members.length);
    this.list.replaceChildren(
      ...groups.map(([name, members]) =>
        el(
          "div",
          { class: "times__group" },
          el("h3", { class: "times__label" }, name),
          el("ul", { class: `times${this.slots.seats > 1 ? " times--seats" : ""}` }, ...members.map((start) => el("li", {}, this.#button(start, starts)))),
        ),
      ),
    );
    if (focused) this.#focusAt(focused);
  }

  #button(start, starts) {
    const text = this.#text(start, starts);
    const left = this.slots.seatsLeft(start);
    const seats = left === null ? null : gettext("%(left)s of %(seats)s left", { left, seats: this.slots.seats });
    const held = this.own.during(start).map((each) => each.title);
    const titles = listText(held);
    const label = [text, seats, titles && gettext("overlaps your %(titles)s", { titles })].filter(Boolean);
    return el(
      "button",
      {
        class: `time${titles ? " time--held" : ""}`,
        type: "button",
        "data-start": start,
        "aria-label": label.length > 1 ? label.join(", ") : null,
        title: titles ? gettext("You have %(titles)s then.", { titles }) : null,
        onclick: () => this.onchoose(start),
      },
      el("span", {}, text),
      seats && el("span", { class: "time__seats" }, seats),
    );
  }

  /** In the hour that runs twice a time needs its zone to say which one it is. */
  #text(start, starts) {
    const text = timeText(start, this.slots.zone);
    const isDoubled = starts.filter((each) => timeText(each, this.slots.zone) === text).length > 1;
    return isDoubled ? `${text} ${zoneShort(start, this.slots.zone)}` : text;
  }

  #focusAt(start) {
    const buttons = [...this.list.querySelectorAll(".time")];
    const at = Date.parse(start);
    (buttons.find((button) => Date.parse(button.dataset.start) >= at) ?? buttons.at(-1))?.focus();
  }

  /** Puts the focus on a time, or on the day when it is there no more. */
  focus(start) {
    const button = [...this.list.querySelectorAll(".time")].find((each) => each.dataset.start === start);
    (button ?? this.title).focus();
  }

  /** What went fades; then the list closes up. */
  update() {
    if (!this.date) return;
    const free = new Set(this.slots.starts(this.date).map(Date.parse));
    const gone = [...this.list.querySelectorAll(".time:not(.time--gone)")].filter((button) => !free.has(Date.parse(button.dataset.start)));
    for (const button of gone) {
      button.classList.add("time--gone");
      button.setAttribute("aria-disabled", "true");
    }
    if (!gone.length) return this.show(this.date, this.nothing);
    const times = gone.map((button) => timeText(button.dataset.start, this.slots.zone)).join(", ");
    announce(ngettext("%(times)s is no longer free.", "%(times)s are no longer free.", gone.length, { times }));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.show(this.date, this.nothing), prefersStill() ? 0 : 900);
  }

  clear() {
    this.date = null;
    this.list.replaceChildren();
  }

  showWaiting() {
    if (this.list.querySelector(".time")) return;
    const bones = Array.from({ length: 8 }, () => el("li", { class: "skeleton" }));
    this.list.replaceChildren(el("ul", { class: "times", "aria-hidden": "true" }, ...bones));
  }

  /** `content` is what there is to say and to do instead. */
  showNothing(title, content) {
    this.title.textContent = title;
    this.list.replaceChildren(el("div", { class: "stack stack--tight muted" }, ...content));
  }

  showFailure(words, retry) {
    this.title.textContent = gettext("Times could not be loaded");
    this.list.replaceChildren(
      el(
        "div",
        { class: "stack stack--tight", role: "alert" },
        el("p", { class: "muted" }, words, " ", gettext("Nothing is booked, nothing is lost.")),
        el("p", {}, el("button", { class: "button", type: "button", onclick: retry }, icon("refresh-cw"), gettext("Try again"))),
      ),
    );
  }
}
