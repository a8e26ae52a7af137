// Above the minutes: which room, which day, which view; and the keys that work everywhere on the page.

import { addDays } from "../time.js";
import { keyOf } from "./keys.js";
import { locate } from "./local-day.js";
import { openingHour } from "./place.js";

/** `go(changes)` looks at something else; `place()` is what is looked at. */
export function wireToolbar(root, { go, place, zoneOf, now, keys }) {
  const find = (name) => root.querySelector(`[data-${name}]`);
  find("open-picker").addEventListener("click", () => {
    const opens = find("picker").toggleAttribute("data-open");
    find("open-picker").setAttribute("aria-expanded", String(opens));
  });
  find("room").addEventListener("change", (event) => go({ room: Number(event.target.value) }));
  find("today").addEventListener("click", () => {
    const { date } = locate(now(), zoneOf());
    go({ date, hour: openingHour(date, zoneOf(), now()) });
  });
  for (const button of root.querySelectorAll("[data-day-step]")) {
    button.addEventListener("click", () => go({ date: addDays(place().date, Number(button.dataset.dayStep) * daysOf(place().view)) }));
  }
  for (const link of root.querySelectorAll("[data-view-link]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go({ view: link.dataset.viewLink });
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.target.closest?.("input, select, textarea, dialog")) return;
    const undo = (event.ctrlKey || event.metaKey) && keyOf(event) === "z" && [...document.querySelectorAll(".toast .button--action")].at(-1);
    if (!undo && (event.key !== "?" || event.target.closest?.("[role=grid]"))) return;
    event.preventDefault();
    if (undo) undo.click();
    else keys();
  });
}

/** How many days a view steps by. */
export const daysOf = (view) => (view === "week" ? 7 : 1);

/** On narrow screens the days lie folded away. */
export function closePicker(root) {
  root.querySelector("[data-picker]").removeAttribute("data-open");
  root.querySelector("[data-open-picker]").setAttribute("aria-expanded", "false");
}
