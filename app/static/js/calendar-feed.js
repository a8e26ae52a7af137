// The calendar link of a page: made, replaced and ended in place. The server's answer holds the section.

import { replaceRegion } from "./regions.js";
import { gettext } from "./texts.js";
import { toast } from "./toast.js";

const DONE = {
  share: gettext("The link is ready."),
  stop: gettext("The link is ended. Calendars that have it stop updating."),
};

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("[data-feed]")) return;
  event.preventDefault();
  const { value } = event.submitter;
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const buttons = [...form.querySelectorAll("button")];
  for (const button of buttons) button.disabled = true;
  try {
    const response = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
    if (!response.ok) throw new Error(String(response.status));
    replaceRegion("feed", await response.text());
    document.getElementById("calendar-feed").focus();
    toast(DONE[value]);
  } catch {
    toast(gettext("That did not work. Nothing is changed; please try again."));
    for (const button of buttons) button.disabled = false;
  }
}, true); // before page.js takes it for a form that leaves the page
