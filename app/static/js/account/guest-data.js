// What is kept about one guest: handed out as a file, or deleted after one more question.

import { api } from "../api.js";
import { ask } from "../dialog.js";
import { el, icon } from "../dom.js";
import { check, clearErrors, showErrors, showFailure } from "../forms.js";

const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/** Offers an object as a file. */
function save(name, content) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: "application/json" }));
  el("a", { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

async function hand(email) {
  const found = await api("POST", "/api/guests/export", { body: { email } });
  if (!found.bookings.length) return `Nothing is kept about ${email}.`;
  save(`${email}.json`, found);
  return `${count(found.bookings.length, "booking")} of ${email} downloaded.`;
}

async function erase(email) {
  let result = null;
  const answer = await ask({
    title: `Delete what you keep about ${email}?`,
    body: [
      el("p", {}, "Name, address, phone and notes are taken out of all their past and cancelled bookings with you. The times stay in your history."),
      el("p", { class: "muted" }, "Bookings to come are kept: cancel them first. This cannot be undone."),
    ],
    actions: [
      { text: "Keep it", value: null, safe: true },
      { text: "Delete", value: "delete", look: "button--danger" },
    ],
    async onsubmit() {
      result = await api("POST", "/api/guests/erase", { body: { email } });
    },
  });
  if (!answer) return null;
  const kept = result.kept ? ` ${count(result.kept, "booking")} to come kept: cancel first.` : "";
  return `${count(result.erased, "booking")} of ${email} cleared.${kept}`;
}

/** The form of the dashboard. */
export function guestData(form) {
  const place = form.querySelector("[data-guest-answer]");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearErrors(form);
    place.replaceChildren();
    const errors = check(form);
    if (Object.keys(errors).length) return showErrors(form, errors);
    const email = form.elements.namedItem("email").value.trim();
    try {
      const words = await (event.submitter?.dataset.action === "erase" ? erase(email) : hand(email));
      if (words) place.replaceChildren(el("p", { class: "fact" }, icon("info"), words));
    } catch (error) {
      if (Object.keys(error.errors ?? {}).length) showErrors(form, error.errors);
      else showFailure(form, error.message);
    }
  });
}
