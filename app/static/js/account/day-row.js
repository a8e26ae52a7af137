// One day of the hours editor: its name, its spans, what is wrong beside them, and its tools.

import { el, icon } from "../dom.js";
import { gettext } from "../texts.js";
import { faultsOf, nextSpan } from "./spans.js";

export function tool(name, label, id, onclick) {
  return el("button", { class: "button button--quiet button--icon", type: "button", id, "aria-label": label, title: label, onclick }, icon(name));
}

/**
 * `name` is a text or a node; `label` is its text. `onchange(focus)` asks for the editor to be
 * drawn anew, with the focus on that id; `oninput()` tells that something was typed.
 */
export function dayRow({ tag = "div", id, name, label, spans, off, tools = [], onchange, oninput }) {
  const error = el("p", { class: "field__error hours__error", id: `${id}-error` });
  const row = el(
    tag,
    { class: "hours__day", role: tag === "div" ? "group" : null, "aria-label": tag === "div" ? label : null, "data-day": id },
    el("div", { class: "hours__name" }, name),
    el(
      "div",
      { class: "hours__spans" },
      ...spans.map((span, index) => spanRow(span, index)),
      !spans.length && el("span", { class: "hours__off" }, off),
      error,
    ),
    el(
      "div",
      { class: "hours__tools" },
      tool("plus", gettext("Add hours on %(day)s", { day: label }), `${id}-add`, () => {
        spans.push(nextSpan(spans));
        onchange(`${id}-${spans.length - 1}-start`);
      }),
      ...tools,
    ),
  );
  showFaults();
  return row;

  function spanRow(span, index) {
    const input = (part, words) =>
      el("input", {
        class: "input",
        type: "time",
        id: `${id}-${index}-${part}`,
        value: span[part],
        "aria-label": words,
        "aria-describedby": `${id}-error`,
        required: true,
        oninput(event) {
          span[part] = event.target.value;
          showFaults();
          oninput();
        },
      });
    return el(
      "div",
      { class: "hours__span" },
      input("start", gettext("%(day)s, from", { day: label })),
      el("span", { "aria-hidden": "true", class: "quiet" }, "–"),
      input("end", gettext("%(day)s, until", { day: label })),
      tool("x", gettext("Remove %(start)s to %(end)s on %(day)s", { ...span, day: label }), `${id}-${index}-remove`, () => {
        spans.splice(index, 1);
        onchange(`${id}-add`);
      }),
    );
  }

  function showFaults() {
    const faults = faultsOf(spans);
    error.textContent = faults[0]?.message ?? "";
    for (const input of row?.querySelectorAll("input[type=time]") ?? []) input.removeAttribute("aria-invalid");
    for (const { index, part } of faults) row?.querySelector(`#${CSS.escape(`${id}-${index}-${part}`)}`)?.setAttribute("aria-invalid", "true");
  }
}
