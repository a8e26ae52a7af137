// A text field that searches a list (APG: editable combobox with list autocomplete). What is
// typed only searches; leaving the field without choosing puts the choice back.

import { el } from "./dom.js";
import { gettext, ngettext } from "./texts.js";

let serial = 0;

export class Combobox {
  #options = [];
  #shown = [];
  #active = -1;
  #value = null;

  /**
   * `input` is in the page, with its label. `load()` gives the options when somebody first looks:
   * [{value, text, note, words}], `words` being what is searched, in lower case. `onchoose(value)`.
   */
  constructor(input, { label, load, onchoose, empty = gettext("Nothing matches.") }) {
    serial += 1;
    this.input = input;
    this.load = load;
    this.onchoose = onchoose;
    this.empty = empty;
    this.id = `combobox-${serial}`;
    this.list = el("ul", { class: "combobox__list", role: "listbox", id: this.id, "aria-label": label, hidden: true });
    this.note = el("p", { class: "visually-hidden", role: "status" });
    for (const [name, value] of Object.entries({
      role: "combobox",
      "aria-expanded": "false",
      "aria-controls": this.id,
      "aria-autocomplete": "list",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
    }))
      input.setAttribute(name, value);
    input.after(this.list, this.note);
    input.addEventListener("focus", () => input.select());
    input.addEventListener("click", () => this.#open(""));
    input.addEventListener("input", () => this.#open(input.value));
    input.addEventListener("keydown", (event) => this.#key(event));
    input.addEventListener("blur", () => this.#close());
    // The field keeps the focus while the pointer is in the list.
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => {
      const option = event.target.closest("[role=option]");
      if (option) this.#choose(this.#shown[Number(option.dataset.index)]);
    });
  }

  get isOpen() {
    return !this.list.hidden;
  }

  /** Shows a choice without telling anybody. */
  set({ value, text }) {
    this.#value = value;
    this.text = text;
    this.input.value = text;
  }

  #open(typed) {
    if (!this.#options.length) this.#options = this.load();
    const words = typed.trim().toLowerCase().split(/\s+/).filter(Boolean);
    this.#shown = this.#options.filter((option) => words.every((word) => option.words.includes(word)));
    this.list.replaceChildren(
      ...this.#shown.map((option, index) =>
        el(
          "li",
          {
            class: "combobox__option",
            role: "option",
            id: `${this.id}-${index}`,
            "data-index": String(index),
            "aria-selected": String(option.value === this.#value),
          },
          el("span", {}, option.text),
          option.note && el("span", { class: "combobox__note figures" }, option.note),
        ),
      ),
    );
    if (!this.#shown.length) {
      this.list.append(el("li", { class: "combobox__empty", role: "option", "aria-disabled": "true", "aria-selected": "false" }, this.empty));
    }
    this.note.textContent = words.length ? ngettext("%(num)d result.", "%(num)d results.", this.#shown.length) : "";
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.#flip();
    this.#activate(words.length ? 0 : this.#shown.findIndex((option) => option.value === this.#value));
    const chosen = this.list.children[this.#active];
    if (!words.length && chosen) this.list.scrollTop = chosen.offsetTop - this.list.clientHeight / 2;
  }

  /** Upwards where there is more room. */
  #flip() {
    const { top, bottom } = this.input.getBoundingClientRect();
    const below = innerHeight - bottom;
    this.list.classList.toggle("combobox__list--up", below < this.list.offsetHeight && top > below);
  }

  #activate(index) {
    this.#active = this.#shown.length ? Math.max(0, Math.min(index, this.#shown.length - 1)) : -1;
    for (const old of this.list.querySelectorAll("[data-active]")) delete old.dataset.active;
    const option = this.list.children[this.#active];
    if (this.#active < 0) return this.input.removeAttribute("aria-activedescendant");
    option.dataset.active = "";
    this.input.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
    if (event.key in steps) {
      event.preventDefault();
      if (!this.isOpen) this.#open("");
      else this.#activate(this.#active + steps[event.key]);
    } else if (event.key === "Enter" && this.isOpen) {
      event.preventDefault();
      if (this.#active >= 0) this.#choose(this.#shown[this.#active]);
    } else if (event.key === "Escape" && this.isOpen) {
      event.preventDefault();
      event.stopPropagation();
      this.#close();
      this.input.select();
    }
  }

  #choose(option) {
    this.set(option);
    this.#close();
    this.onchoose(option.value);
  }

  #close() {
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
    this.input.value = this.text;
  }
}
