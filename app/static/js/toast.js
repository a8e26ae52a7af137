// What happened, and Undo. Eight seconds, longer while somebody points at it or has the focus in it.

import { el, icon } from "./dom.js";

const LIFETIME = 8000;

export function toast(text, { action = null, onaction = null } = {}) {
  const region = document.querySelector("[data-toasts]");
  let timer = null;
  const close = () => {
    clearTimeout(timer);
    node.remove();
  };
  const hold = () => clearTimeout(timer);
  const release = () => {
    clearTimeout(timer);
    timer = setTimeout(close, LIFETIME);
  };
  const node = el(
    "div",
    { class: "toast", onmouseenter: hold, onmouseleave: release, onfocusin: hold, onfocusout: release },
    el("span", { class: "toast__text" }, text),
    action &&
      el(
        "button",
        {
          class: "button button--action",
          type: "button",
          onclick: () => {
            close();
            onaction();
          },
        },
        action,
      ),
    el("button", { class: "button button--icon", type: "button", "aria-label": "Dismiss", onclick: close }, icon("x")),
  );
  region.append(node);
  release();
  return close;
}

/** A toast for the page that comes next. */
export function toastAfterNavigation(text) {
  try {
    sessionStorage.setItem("toast", text);
  } catch {
    // Nothing is lost but the confirmation.
  }
}

export function showPendingToast() {
  try {
    const text = sessionStorage.getItem("toast");
    sessionStorage.removeItem("toast");
    if (text) toast(text);
  } catch {
    // See above.
  }
}
