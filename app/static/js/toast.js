// What happened, and Undo. Eight seconds, longer while somebody points at it or has the focus in it.

import { el, icon } from "./dom.js";
import { gettext } from "./texts.js";

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
    el("button", { class: "button button--icon", type: "button", "aria-label": gettext("Dismiss"), onclick: close }, icon("x")),
  );
  region.append(node);
  release();
  return close;
}

/** A toast for the page that comes next; `undo` is the call that takes it back: {method, path, body}. */
export function toastAfterNavigation(text, { undo = null } = {}) {
  try {
    sessionStorage.setItem("toast", JSON.stringify({ text, undo }));
  } catch {
    // Nothing is lost but the confirmation.
  }
}

export function showPendingToast() {
  let pending = null;
  try {
    pending = JSON.parse(sessionStorage.getItem("toast"));
    sessionStorage.removeItem("toast");
  } catch {
    // See above.
  }
  if (!pending) return;
  const { text, undo } = pending;
  toast(text, undo ? { action: gettext("Undo"), onaction: () => takeBack(undo) } : {});
}

async function takeBack({ method, path, body }) {
  const { api } = await import("./api.js");
  try {
    await api(method, path, { body });
    toastAfterNavigation(gettext("Undone."));
    location.reload();
  } catch (error) {
    toast(error.message);
  }
}
