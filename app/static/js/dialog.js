// <dialog>: a question as title, the safe choice focused, Escape cancels.

import { el, icon } from "./dom.js";
import { gettext, ngettext } from "./texts.js";
import { dayText, ownZone, periodText, zoneShort } from "./time.js";

let serial = 0;

/**
 * Resolves with the value of the chosen action, or null when it was closed.
 * `onsubmit(value, dialog)` may be async; while it runs the dialog stays, and a thrown error is shown in it.
 */
export function ask({ title, body = [], actions, wide = false, onsubmit = null }) {
  return new Promise((resolve) => {
    serial += 1;
    const id = `dialog-${serial}`;
    const failure = el("div", { class: "alert alert--bad", role: "alert", hidden: true });
    const buttons = actions.map(({ text, value, look = "", safe = false }) =>
      el(
        "button",
        { class: `button ${look}`, type: "button", autofocus: safe, onclick: (event) => choose(value, event.currentTarget) },
        text,
      ),
    );
    const node = el(
      "dialog",
      { class: `dialog${wide ? " dialog--wide" : ""}`, "aria-labelledby": id },
      el("div", { class: "dialog__body" }, el("h2", { id }, title), ...body, failure),
      el("div", { class: "dialog__actions" }, ...buttons),
    );
    const opener = document.activeElement;

    async function choose(value, button) {
      if (value === null || !onsubmit) return finish(value);
      buttons.forEach((each) => (each.disabled = true));
      button.setAttribute("aria-busy", "true");
      try {
        await onsubmit(value, node);
        finish(value);
      } catch (error) {
        failure.replaceChildren(icon("circle-alert"), el("div", { class: "alert__body" }, el("p", {}, error.message)));
        failure.hidden = false;
        buttons.forEach((each) => (each.disabled = false));
        button.removeAttribute("aria-busy");
        button.focus();
      }
    }

    function finish(value) {
      node.close();
      node.remove();
      if (opener?.isConnected) opener.focus();
      resolve(value);
    }

    node.addEventListener("cancel", (event) => {
      event.preventDefault();
      if (!buttons.some((each) => each.disabled)) finish(null);
    });
    document.body.append(node);
    node.showModal();
    buttons[actions.findIndex((action) => action.safe)]?.focus();
  });
}

function side(label, booking, look) {
  return el(
    "div",
    { class: `swap__side swap__side--${look}` },
    el("p", { class: "swap__label" }, label),
    el("p", {}, el("strong", {}, booking.title ?? gettext("Busy"))),
    el("p", { class: "small muted" }, dayText(booking.starts_at, ownZone)),
    el(
      "p",
      { class: "small muted figures" },
      `${periodText(booking.starts_at, booking.ends_at)} ${zoneShort(booking.starts_at)}`,
    ),
  );
}

/** Both bookings side by side. Resolves true when the old one may go. */
export async function askReplace(lost, gained) {
  const [{ title }, ...others] = lost;
  const replaceOne = title ? gettext("Replace “%(title)s”?", { title }) : gettext("Replace “your booking”?");
  const answer = await ask({
    title: others.length ? ngettext("Replace %(num)d booking?", "Replace %(num)d bookings?", lost.length) : replaceOne,
    wide: true,
    body: [
      el("p", { class: "muted" }, gettext("You cannot be in two places at once. If you replace, the old booking is released only when the new one is certain.")),
      el(
        "div",
        { class: "swap" },
        el("div", { class: "stack stack--tight" }, ...lost.map((each) => side(gettext("You give up"), each, "lost"))),
        el("span", { class: "swap__arrow" }, icon("arrow-right")),
        side(gettext("You get"), gained, "gained"),
      ),
    ],
    actions: [
      { text: others.length ? gettext("Keep what I have") : gettext("Keep it"), value: null, safe: true },
      { text: gettext("Replace"), value: "replace", look: "button--primary" },
    ],
  });
  return answer === "replace";
}
