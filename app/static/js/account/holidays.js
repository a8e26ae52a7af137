// Public holidays of a chosen country as days off, each of which can be worked all the same.

import { api } from "../api.js";
import { el } from "../dom.js";
import { gettext } from "../texts.js";
import { addDays, dateText } from "../time.js";

const YEAR_DAYS = 365;

export class Holidays {
  #countries = null; // with their subdivisions: many, and asked for by few

  /** The template has filled in what is chosen; `onchange()` tells of another choice. */
  constructor(root, { holidays, today, onchange }) {
    Object.assign(this, { root, today, onchange });
    this.country = root.querySelector("[data-country]");
    this.subdivision = root.querySelector("[data-subdivision]");
    this.list = root.querySelector("[data-holiday-list]");
    this.exceptions = new Set(holidays.exceptions ?? []);
    this.coming = holidays.coming ?? [];
    this.country.addEventListener("change", () => {
      this.subdivision.value = "";
      this.#fillSubdivisions();
      this.#load();
    });
    this.subdivision.addEventListener("change", () => this.#load());
    this.#draw();
  }

  async #fillSubdivisions() {
    const country = this.country.value;
    const field = this.root.querySelector("[data-subdivision-field]");
    field.hidden = true;
    this.#countries ??= api("GET", "/api/holidays").then(({ countries }) => countries);
    try {
      const found = (await this.#countries).find(({ code }) => code === country)?.subdivisions ?? [];
      if (country !== this.country.value) return;
      this.subdivision.replaceChildren(this.subdivision.options[0], ...found.map(({ code, name }) => new Option(name, code)));
      field.hidden = !found.length;
    } catch {
      this.#countries = null; // the whole country stands; the next choice asks again
    }
  }

  async #load() {
    this.exceptions.clear();
    const country = this.country.value;
    this.onchange();
    if (!country) {
      this.coming = [];
      return this.#draw();
    }
    const subdivision = this.subdivision.value;
    const year = Number(this.today.slice(0, 4));
    const asked = [year, year + 1].map((each) => {
      const query = new URLSearchParams({ year: String(each), ...(subdivision && { subdivision }) });
      return api("GET", `/api/holidays/${country}?${query}`);
    });
    try {
      const answers = await Promise.all(asked);
      if (country !== this.country.value || subdivision !== this.subdivision.value) return; // another choice since
      const last = addDays(this.today, YEAR_DAYS);
      this.coming = answers.flatMap(({ holidays }) => holidays).filter(({ date }) => date >= this.today && date <= last);
      this.#draw();
    } catch (error) {
      this.list.replaceChildren(el("li", { class: "muted" }, gettext("The holidays could not be loaded. %(reason)s", { reason: error.message })));
    }
  }

  #draw() {
    this.list.replaceChildren(
      ...this.coming.map(({ date, name }) => {
        const box = el("input", {
          type: "checkbox",
          checked: !this.exceptions.has(date),
          onchange: () => {
            if (box.checked) this.exceptions.delete(date);
            else this.exceptions.add(date);
            this.onchange();
          },
        });
        const text = dateText(date, { weekday: "short", day: "numeric", month: "short", year: "numeric" });
        return el("li", {}, el("label", { class: "check" }, box, el("span", {}, name, " ", el("span", { class: "quiet small figures" }, text))));
      }),
    );
    this.list.hidden = !this.coming.length;
  }

  payload() {
    if (!this.country.value) return null;
    return { country: this.country.value, subdivision: this.subdivision.value || null, exceptions: [...this.exceptions].sort() };
  }
}
