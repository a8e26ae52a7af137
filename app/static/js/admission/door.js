// The door: search while typing, check in without leaving the page, scan badges where the browser can.

import { api, ApiError } from "../api.js";
import { announce } from "../dom.js";
import { check, clearErrors, showErrors, showFailure } from "../forms.js";
import { refreshRegions } from "../regions.js";
import { gettext, ngettext } from "../texts.js";
import { toast } from "../toast.js";
import { startScanner } from "./scanner.js";

const WAIT = 250;
const RECOUNT = 20_000;
const slug = encodeURIComponent(document.querySelector("[data-door]").dataset.door);
const checkInPath = `/api/events/${slug}/check-in`;

const refresh = () => refreshRegions("attendees", "count");

function said(error) {
  if (!(error instanceof ApiError)) throw error;
  const [first] = Object.values(error.errors).flat();
  return first ?? error.message;
}

async function undo(id, name) {
  try {
    await api("DELETE", `${checkInPath}/${id}`);
    await refresh();
    announce(gettext("%(name)s is not checked in any more.", { name }));
    document.getElementById(`in-${id}`)?.focus();
  } catch (error) {
    toast(said(error));
  }
}

async function checkIn(body) {
  const answer = await api("POST", checkInPath, { body });
  await refresh();
  return answer;
}

/** Forms of the list work by themselves; here they do so without leaving the page. */
document.addEventListener("submit", async (event) => {
  const { target: form } = event;
  if (form.matches("[data-undo]")) {
    event.preventDefault();
    await undo(form.dataset.undo, form.dataset.name);
  } else if (form.matches("[data-check-in]")) {
    event.preventDefault();
    const { checkIn: email, id, name } = form.dataset;
    event.submitter.disabled = true;
    try {
      await checkIn({ emails: [email] });
      document.getElementById(`undo-${id}`)?.focus();
      toast(gettext("%(name)s is checked in.", { name }), { action: gettext("Undo"), onaction: () => undo(id, name) });
    } catch (error) {
      event.submitter.disabled = false;
      toast(said(error));
    }
  }
});

const walkIn = document.querySelector("[data-walk-in]");
walkIn.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearErrors(walkIn);
  const errors = check(walkIn);
  if (Object.keys(errors).length) return showErrors(walkIn, errors);
  const name = walkIn.elements.namedItem("name").value.trim();
  const email = walkIn.elements.namedItem("email").value.trim();
  try {
    const { attendee } = await api("POST", `/api/events/${slug}/attendees`, { body: { name, email } });
    await checkIn({ emails: [attendee.email] });
    walkIn.reset();
    for (const input of walkIn.querySelectorAll(".input")) input.value = "";
    walkIn.closest("details").open = false;
    const shown = attendee.name || attendee.email;
    toast(gettext("%(name)s is checked in.", { name: shown }), { action: gettext("Undo"), onaction: () => undo(attendee.id, shown) });
    document.getElementById("door-q").focus();
  } catch (error) {
    if (Object.keys(error.errors ?? {}).length) showErrors(walkIn, error.errors);
    else showFailure(walkIn, said(error));
  }
});

// -- searching ------------------------------------------------------------------------

const search = document.querySelector("[data-search]");
let timer = null;

async function find() {
  const words = search.elements.namedItem("q").value.trim();
  history.replaceState(null, "", words ? `?${new URLSearchParams({ q: words })}` : location.pathname);
  try {
    await refresh();
    const found = document.querySelectorAll(".attendee").length;
    announce(ngettext("%(num)d person", "%(num)d people", found));
  } catch (error) {
    toast(gettext("The list cannot be reached. What you see is as it was."));
  }
}

search.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(find, WAIT);
});
search.addEventListener("submit", (event) => {
  event.preventDefault();
  clearTimeout(timer);
  find();
});

// Others check in too.
setInterval(() => {
  if (!document.hidden) refreshRegions("count").catch(() => {});
}, RECOUNT);

startScanner(async (badge) => {
  try {
    const { attendees, was_in: wasIn } = await checkIn({ badge });
    const [{ name: given, email }] = attendees;
    const name = given || email;
    return wasIn
      ? { kind: "warn", text: gettext("%(name)s was checked in before.", { name }) }
      : { kind: "good", text: gettext("%(name)s is checked in.", { name }) };
  } catch (error) {
    return { kind: "bad", text: said(error) };
  }
});
