// On every page: appearance, local times, toasts carried over, menus that close when something in them is chosen.

import { gettext } from "./texts.js";
import { localise, ownZone } from "./time.js";
import { showPendingToast } from "./toast.js";

function themeSwitch() {
  const label = document.querySelector("[data-theme-switch]");
  const select = label?.querySelector("select");
  if (!select) return;
  label.hidden = false;
  select.value = document.documentElement.dataset.theme ?? "";
  select.addEventListener("change", () => {
    if (select.value) document.documentElement.dataset.theme = select.value;
    else delete document.documentElement.dataset.theme;
    try {
      if (select.value) localStorage.setItem("theme", select.value);
      else localStorage.removeItem("theme");
    } catch {
      // It holds for this page.
    }
  });
}

/** <button data-copy="text">; `data-copied` is what to say of it where it is no link. */
function copyButtons() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest?.("[data-copy]");
    if (!button) return;
    const { toast } = await import("./toast.js");
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      if (button.closest("dialog")) sayCopied(button);
      else toast(button.dataset.copied ?? gettext("Link copied."));
    } catch {
      // What is no link may be a secret: it is not repeated.
      if (button.dataset.copied) toast(gettext("This browser does not let pages copy. Select the text and copy it by hand."));
      else toast(gettext("Copy this link: %(link)s", { link: button.dataset.copy }));
    }
  });
}

/** Under a dialog no toast is seen: the button itself says it, for a moment. */
function sayCopied(button) {
  const text = button.lastChild;
  const before = text.data;
  const copied = gettext("Copied");
  if (before === copied) return;
  text.data = copied;
  setTimeout(() => (text.data = before), 2000);
}

/** A form is sent once: a double click must not register twice. */
function singleSubmit() {
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || event.target.method !== "post" || !button) return;
    if (event.target.dataset.sent) event.preventDefault();
    event.target.dataset.sent = "true";
    button.setAttribute("aria-busy", "true");
  });
  addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) {
      delete form.dataset.sent;
      form.querySelector("button[aria-busy]")?.removeAttribute("aria-busy");
    }
  });
}

/** What the agenda keeps for reading offline ends with the sign-in: first that, then the form goes. */
function forgetOnSignOut() {
  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("[data-sign-out]") || !("caches" in window)) return;
    event.preventDefault();
    const { forget } = await import("./agenda/offline.js");
    await forget().catch(() => null);
    form.submit();
  });
}

/** Another language, and still where one is: scripts keep choices in the address. */
function languageSwitch() {
  const form = document.querySelector(".language-switch");
  form?.addEventListener("submit", () => {
    form.elements.next.value = location.pathname + location.search + location.hash;
  });
}

languageSwitch();
for (const field of document.querySelectorAll("[data-fill-zone]")) field.value = ownZone;
themeSwitch();
copyButtons();
forgetOnSignOut();
singleSubmit();
localise();
showPendingToast();
