// My schedule: cancel with Undo, offers, live, and readable without a connection.

import { api } from "../api.js";
import { icon } from "../dom.js";
import { watch } from "../live.js";
import { refreshRegions, regionVersion } from "../regions.js";
import { gettext } from "../texts.js";
import { timeText } from "../time.js";
import { toast } from "../toast.js";
import { Desk, pending } from "./booking.js";
import { keepForOffline } from "./offline.js";

const about = document.querySelector('meta[name="agenda"]');
const slug = about.content;
const path = `/agenda/${slug}`;
const note = document.querySelector("[data-connection]");
const sessions = new Map();

let asOf = Date.parse(about.dataset.asOf);
let shownLive = "connecting";

async function refresh() {
  await refreshRegions("plan");
  asOf = Date.now();
}

const desk = new Desk({
  zone: () => about.dataset.zone,
  find: (id) => sessions.get(id),
  booked: () => [],
  refresh,
});

document.addEventListener("submit", async (event) => {
  const button = event.submitter;
  if (!event.target.matches("[data-commands]") || !button?.name) return;
  event.preventDefault();
  if (shownLive === "offline") {
    toast(gettext("You are offline. Changing anything needs a connection."));
    return;
  }
  await pending(button, async () => {
    try {
      const { session } = await api("GET", `/api/sessions/${button.value}`);
      sessions.set(session.id, session);
      await desk.act(button.name, session);
    } catch (error) {
      toast(error.message);
    }
  });
  document.getElementById("main").focus();
}, true); // before page.js takes it for a form that leaves the page

function showConnection(status) {
  shownLive = status;
  const time = timeText(asOf, about.dataset.zone);
  const words = {
    offline: gettext("You are offline. This is your schedule as of %(time)s. Changing it needs a connection.", { time }),
    polling: gettext("Reconnecting. Updated %(time)s.", { time }),
  }[status];
  note.hidden = !words;
  if (words) note.replaceChildren(icon("wifi-off"), words);
  for (const button of document.querySelectorAll("[data-commands] button")) {
    if (status === "offline") button.setAttribute("aria-disabled", "true");
    else button.removeAttribute("aria-disabled");
  }
}

async function reload() {
  await refresh();
  live.loaded(regionVersion("plan"));
  showConnection(shownLive);
}

// A session that moves, or a queue that does, is announced to the event; what is booked, to `me`.
const live = watch(`event:${slug}`, {
  version: regionVersion("plan"),
  refetchOnChange: false,
  refetch: reload,
  onstatus: showConnection,
  onchange(name, { sessions: changed }) {
    const waiting = document.querySelectorAll('[name="leave"]');
    const isMine = changed?.some(({ id }) => [...waiting].some((button) => Number(button.value) === id));
    if (name === "agendaChanged" || isMine) reload().catch(() => null);
  },
});
watch("me", { refetch: reload });
keepForOffline([`${path}/mine`, path, `/api/events/${slug}/agenda`]);
