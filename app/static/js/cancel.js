// Cancelling asks first, and takes a reason along.

import { ask } from "./dialog.js";
import { el } from "./dom.js";
import { gettext } from "./texts.js";
import { dayText, periodText, zoneShort } from "./time.js";

/** What a question is about: a title, and when that is. */
export const whatAndWhen = (title, starts, ends, zone) =>
  el(
    "p",
    {},
    el("strong", {}, title),
    el("br"),
    el("span", { class: "muted figures" }, `${dayText(starts, zone)}, ${periodText(starts, ends, zone)} ${zoneShort(starts, zone)}`),
  );

/** A field for words that may be left out, and what is in it. */
export function optionalWords(id, label) {
  const input = el("textarea", { class: "input input--low", id, maxlength: "1000", rows: "2" });
  const field = el(
    "div",
    { class: "field" },
    el("label", { class: "field__label", for: id }, label, " ", el("span", { class: "field__optional" }, gettext("(optional)"))),
    input,
  );
  return { field, words: () => input.value.trim() };
}

/** Asks about the booking that a button names in its data; `send(reason)` cancels it. */
export async function askCancel({ title, with: whom, starts, ends, kind, zone, isRequest = false }, send) {
  const reason = optionalWords("cancel-reason", gettext("Reason"));
  const answer = await ask({
    title: isRequest ? gettext("Withdraw this request?") : gettext("Cancel this booking?"),
    body: [
      whatAndWhen(title, starts, ends, zone),
      el(
        "p",
        { class: "muted" },
        kind === "seat"
          ? gettext("Your seat goes to somebody else.")
          : gettext("%(name)s is told, and the time is free for others at once.", { name: whom }),
      ),
      kind === "reservation" || kind === "seat" ? null : reason.field,
    ].filter(Boolean),
    actions: [
      { text: gettext("Keep it"), value: null, safe: true },
      { text: isRequest ? gettext("Withdraw request") : gettext("Cancel booking"), value: "cancel", look: "button--danger" },
    ],
    onsubmit: () => send(reason.words()),
  });
  return answer === "cancel";
}
