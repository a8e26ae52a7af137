// One event type: everything it can be told, and beside it what a client sees.

import { jsonForm, values } from "../forms.js";
import { gettext } from "../texts.js";
import { toast } from "../toast.js";
import { Unsaved } from "../unsaved.js";

const form = document.querySelector("[data-event-type]");
const preview = document.querySelector("[data-preview]");
const unsaved = new Unsaved(form.querySelector("[data-unsaved]"));

/** Lengths come as a number and its unit; reminders as boxes. */
function body() {
  const sent = values(form);
  for (const unit of form.querySelectorAll("[data-unit]")) {
    const { name } = unit.closest(".input-group").querySelector("input");
    if (sent[name] !== null) sent[name] *= Number(unit.value);
  }
  sent.reminder_minutes = [...form.querySelectorAll("[data-reminder]:checked")].map((box) => Number(box.value));
  return sent;
}

/** The booker in a frame, in the appearance that this page has. */
function showPreview(path = null) {
  const url = new URL(preview.dataset.src, location.href);
  const { theme } = document.documentElement.dataset;
  if (theme) url.searchParams.set("theme", theme);
  if (path) url.pathname = path;
  preview.src = url.href;
}

showPreview();
form.addEventListener("input", () => (unsaved.is = true));
jsonForm(form, {
  method: "PATCH",
  path: `/api/event-types/${form.dataset.eventType}`,
  body,
  onsuccess({ event_type: saved }) {
    unsaved.is = false;
    document.querySelector("h1").textContent = saved.title;
    for (const link of document.querySelectorAll("[data-own-url]")) {
      link.href = saved.url;
      if (link.dataset.ownUrl === "text") link.textContent = saved.url;
    }
    for (const button of document.querySelectorAll("[data-copy]")) button.dataset.copy = saved.url;
    showPreview(new URL(saved.url).pathname);
    toast(gettext("Saved. Clients see it now."));
  },
});

// As tall as what is in it: the frame tells, as it tells other sites.
addEventListener("message", (event) => {
  if (event.source === preview.contentWindow && event.origin === location.origin && event.data?.type === "rendezvous:height") {
    preview.height = event.data.height;
  }
});

// A link of "Why is this time not offered?" leads to one field.
const asked = location.hash && document.getElementById(location.hash.slice(1));
if (asked) asked.focus();
