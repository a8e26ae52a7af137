// Cancelling asks first, and takes a reason along.

import { ask } from "./dialog.js";
import { el } from "./dom.js";
import { gettext } from "./texts.js";
import { dayText, periodText, zoneShort } from "./time.js";

/** Asks about the booking that a button names in its data; `send(reason)` cancels it. */
export async function askCancel({ title, with: whom, starts, ends, kind, zone, isRequest = false }, send) {
  const reason = el("textarea", { class: "input input--low", id: "cancel-reason", maxlength: "1000", rows: "2" });
  const answer = await ask({
    title: isRequest ? gettext("Withdraw this request?") : gettext("Cancel this booking?"),
    body: [
      el(
        "p",
        {},
        el("strong", {}, title),
        el("br"),
        el("span", { class: "muted figures" }, `${dayText(starts, zone)}, ${periodText(starts, ends, zone)} ${zoneShort(starts, zone)}`),
      ),
      el(
        "p",
        { class: "muted" },
        kind === "seat"
          ? gettext("Your seat goes to somebody else.")
          : gettext("%(name)s is told, and the time is free for others at once.", { name: whom }),
      ),
      kind === "reservation" || kind === "seat"
        ? null
        : el(
            "div",
            { class: "field" },
            el("label", { class: "field__label", for: "cancel-reason" }, gettext("Reason"), " ", el("span", { class: "field__optional" }, gettext("(optional)"))),
            reason,
          ),
    ].filter(Boolean),
    actions: [
      { text: gettext("Keep it"), value: null, safe: true },
      { text: isRequest ? gettext("Withdraw request") : gettext("Cancel booking"), value: "cancel", look: "button--danger" },
    ],
    onsubmit: () => send(reason.value.trim()),
  });
  return answer === "cancel";
}
