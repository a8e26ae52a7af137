// What is kept about one guest: handed out as a file, or deleted after one more question.

import { api } from "../api.js";
import { ask } from "../dialog.js";
import { el, icon } from "../dom.js";
import { check, clearErrors, showErrors, showFailure } from "../forms.js";
import { gettext, ngettext } from "../texts.js";

/** Offers an object as a file. */
function save(name, content) {
  const url = URL.createObjectURL(new Blob([JSON.stringify(content, null, 2)], { type: "application/json" }));
  el("a", { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}

async function hand(email) {
  const found = await api("POST", "/api/guests/export", { body: { email } });
  if (!found.bookings.length) return gettext("Nothing is kept about %(email)s.", { email });
  save(`${email}.json`, found);
  return ngettext("%(num)d booking of %(email)s downloaded.", "%(num)d bookings of %(email)s downloaded.", found.bookings.length, { email });
}

async function erase(email) {
  let result = null;
  const answer = await ask({
    title: gettext("Delete what you keep about %(email)s?", { email }),
    body: [
      el("p", {}, gettext("Name, address, phone and notes are taken out of all their past and cancelled bookings with you. The times stay in your history.")),
      el("p", { class: "muted" }, gettext("Bookings to come are kept: cancel them first. This cannot be undone.")),
    ],
    actions: [
      { text: gettext("Keep it"), value: null, safe: true },
      { text: gettext("Delete"), value: "delete", look: "button--danger" },
    ],
    async onsubmit() {
      result = await api("POST", "/api/guests/erase", { body: { email } });
    },
  });
  if (!answer) return null;
  const cleared = ngettext("%(num)d booking of %(email)s cleared.", "%(num)d bookings of %(email)s cleared.", result.erased, { email });
  if (!result.kept) return cleared;
  const kept = ngettext("%(num)d booking to come kept: cancel first.", "%(num)d bookings to come kept: cancel first.", result.kept);
  return `${cleared} ${kept}`;
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
