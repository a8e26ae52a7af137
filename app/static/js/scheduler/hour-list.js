// The hours of a day and how full each is: a listbox, one tab stop.

import { el } from "../dom.js";
import { gettext } from "../texts.js";
import { MINUTE, offsetText } from "./local-day.js";
import { takenText, two } from "./words.js";

/** How many of an hour's minutes are taken. */
function takenIn(real, entries) {
  if (!real.length) return 0;
  const [from, to] = [real[0], real.at(-1) + MINUTE];
  const overlap = (entry) => Math.max(0, Math.min(entry.to, to) - Math.max(entry.from, from));
  return Math.ceil(entries.reduce((sum, entry) => sum + overlap(entry), 0) / MINUTE);
}

/** In a word what is not free of an hour. */
function countText({ isMissing }, taken, all) {
  if (isMissing) return gettext("missing");
  if (taken === all) return gettext("full");
  return taken ? gettext("%(n)d min", { n: taken }) : "";
}

export class HourList {
  #options = new Map();
  #hours = [];

  /** `onchoose(key)` tells of another hour. */
  constructor(root, zoneOf, onchoose) {
    this.root = root;
    this.zoneOf = zoneOf;
    this.onchoose = onchoose;
    root.addEventListener("keydown", (event) => this.#key(event));
  }

  show({ hours, entries, key, now }) {
    if (hours !== this.#hours) this.#build(hours);
    for (const hour of hours) this.#showHour(hour, { entries, key, now });
  }

  #build(hours) {
    this.#hours = hours;
    const hadFocus = this.root.contains(document.activeElement);
    this.#options = new Map(hours.map((hour) => [hour.key, this.#option(hour)]));
    this.root.replaceChildren(...[...this.#options.values()].map((option) => option.node));
    if (hadFocus) this.root.querySelector('[tabindex="0"]')?.focus();
  }

  #option(hour) {
    const bar = el("span", { class: "hour__bar", "aria-hidden": "true" });
    const count = el("span", { class: "hour__count", "aria-hidden": "true" });
    const offset = hour.isTwice ? offsetText(hour.minutes.find((each) => each !== null), this.zoneOf()) : "";
    const node = el(
      "li",
      {
        class: `hour${hour.isMissing ? " hour--missing" : ""}`,
        role: "option",
        tabindex: "-1",
        "data-hour": hour.key,
        onclick: () => this.onchoose(hour.key),
      },
      el("span", { class: "hour__name figures" }, `${two(hour.hour)}:00`, offset && el("span", { class: "hour__offset" }, offset)),
      el("span", { class: "hour__meter", "aria-hidden": "true" }, bar),
      count,
    );
    return { node, bar, count, offset, shown: "" };
  }

  #showHour(hour, { entries, key, now }) {
    const option = this.#options.get(hour.key);
    const real = hour.minutes.filter((each) => each !== null);
    const taken = takenIn(real, entries);
    const isChosen = hour.key === key;
    const isPast = real.length > 0 && real.at(-1) + MINUTE <= now;
    const shown = `${taken} ${isChosen} ${isPast}`;
    if (option.shown === shown) return;
    option.shown = shown;
    const words = hour.isMissing ? gettext("does not exist this day") : takenText(taken, real.length);
    const { node } = option;
    node.setAttribute("aria-selected", String(isChosen));
    node.setAttribute("aria-label", [`${two(hour.hour)}:00 ${option.offset}`.trim(), words, isPast && gettext("past")].filter(Boolean).join(", "));
    node.tabIndex = isChosen ? 0 : -1;
    node.classList.toggle("hour--past", isPast);
    node.classList.toggle("hour--full", taken > 0 && taken === real.length);
    option.bar.style.inlineSize = `${real.length ? (100 * taken) / real.length : 0}%`;
    option.count.textContent = countText(hour, taken, real.length);
  }

  #key(event) {
    const index = this.#hours.findIndex((hour) => hour.key === event.target.closest?.("[data-hour]")?.dataset.hour);
    if (index < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    // On narrow pages the hours stand in rows, which run as the page is read.
    const aside = getComputedStyle(this.root).direction === "rtl" ? -1 : 1;
    const last = this.#hours.length - 1;
    const target = { ArrowUp: index - 1, ArrowLeft: index - aside, ArrowDown: index + 1, ArrowRight: index + aside, Home: 0, End: last }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    const hour = this.#hours[Math.max(0, Math.min(target, last))];
    this.onchoose(hour.key);
    this.#options.get(hour.key).node.focus();
  }
}
