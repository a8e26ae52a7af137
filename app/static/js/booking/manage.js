// The guest's page of one booking: cancel and take that back, delete what is kept; live.

import { api, Attempt, command } from "../api.js";
import { askCancel, whatAndWhen } from "../cancel.js";
import { ask } from "../dialog.js";
import { announce, el, icon } from "../dom.js";
import { watch } from "../live.js";
import { refreshRegions } from "../regions.js";
import { gettext } from "../texts.js";
import { shortDayText, timeText } from "../time.js";
import { toast } from "../toast.js";

const attempt = new Attempt();
const region = () => document.querySelector("[data-region=booking]");
const { token, expert } = region().dataset;
const path = `/api/manage/${token}`;
let isErased = false;

async function refresh() {
  if (isErased) return;
  const before = { ...region().dataset };
  await refreshRegions("booking");
  const { state, starts } = region().dataset;
  if (starts !== before.starts) toast(gettext("Moved to %(day)s, %(time)s.", { day: shortDayText(starts), time: timeText(starts) }));
  else if (state !== before.state) announce(["p", "h1"].map((tag) => region().querySelector(`header ${tag}`).textContent.trim()).join(": "));
}

async function cancel(button) {
  const isRequest = "pending" in button.dataset;
  const cancelled = await askCancel({ ...button.dataset, isRequest }, (reason) =>
    command("POST", path, { action: "cancel", ...(reason && { reason }) }, attempt),
  );
  if (!cancelled) return;
  await refresh();
  document.getElementById("main").focus();
  scrollTo({ top: 0 });
  toast(isRequest ? gettext("Withdrawn.") : gettext("Cancelled."), { action: gettext("Undo"), onaction: restore });
}

async function restore() {
  try {
    await command("POST", path, { action: "restore" }, attempt);
    await refresh();
    toast(gettext("It stands again."));
  } catch (error) {
    toast(error.code === "slot_taken" ? gettext("Somebody else has this time now.") : error.message);
  }
}

async function erase({ name, title, with: whom, starts, ends, standing }) {
  const answer = await ask({
    title: gettext("Delete what is kept about %(name)s?", { name }),
    body: [
      el("p", {}, gettext("Name, address, phone and notes are taken out of:")),
      whatAndWhen(gettext("%(title)s with %(name)s", { title, name: whom }), starts, ends),
      el(
        "p",
        { class: "muted" },
        standing && [gettext("It is cancelled first, and the time is free for others."), " "],
        gettext("The link in your mail stops working. This cannot be undone."),
      ),
    ],
    actions: [
      { text: gettext("Keep my data"), value: null, safe: true },
      { text: gettext("Delete my data"), value: "delete", look: "button--danger" },
    ],
    onsubmit: () => api("DELETE", path),
  });
  if (!answer) return;
  isErased = true;
  const heading = el("h1", { tabindex: "-1" }, gettext("Your data is deleted"));
  region().replaceChildren(
    el(
      "div",
      { class: "card state" },
      icon("shield-check"),
      heading,
      el("p", {}, gettext("Nothing of what you left is kept with this booking any more.")),
      el("a", { class: "button", href: "/" }, gettext("Start page")),
    ),
  );
  heading.focus();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("button");
  if (button?.matches("[data-cancel-guest]")) cancel(button);
  else if (button?.matches("[data-erase]")) erase(button.dataset);
});

// A guest has no topic of an own; the host's says that something changed, and nothing of what.
watch(`expert:${expert}`, { refetch: refresh });
