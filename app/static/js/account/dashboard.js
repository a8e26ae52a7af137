// The expert's dashboard: requests and bookings as they arrive, event types, hours.

import { connectionNote } from "../connection.js";
import { announce, pageData } from "../dom.js";
import { jsonForm, values } from "../forms.js";
import { watch } from "../live.js";
import { refreshRegions, regionVersion } from "../regions.js";
import { gettext } from "../texts.js";
import { toastAfterNavigation } from "../toast.js";
import { changeBookings, followTheClock } from "./changing.js";
import { manageEventTypes } from "./event-types.js";
import { guestData } from "./guest-data.js";
import { Hours, todayIn } from "./hours.js";
import { share } from "./share.js";
import { explainTimes } from "./why-not.js";

const data = pageData("dashboard-data");
const { time_zone: zone } = data.expert;
let loadedAt = Date.now();

/* --- Menus of rows ----------------------------------------------------- */

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.more[open]")) {
    if (!open.contains(event.target) || event.target.closest("button")) open.open = false;
  }
  const button = event.target.closest?.("[data-share]");
  if (button) share(button.dataset, data.embed_origins);
});

document.addEventListener("keydown", (event) => {
  const open = event.key === "Escape" && document.querySelector("details.more[open]");
  if (!open) return;
  open.open = false;
  open.querySelector("summary").focus();
});

/* --- The page itself --------------------------------------------------- */

const dialog = document.querySelector("[data-page-dialog]");
const pageForm = document.querySelector("[data-page-form]");
document.querySelector("[data-edit-page]").addEventListener("click", () => dialog.showModal());
dialog.querySelector("[data-close]").addEventListener("click", () => {
  pageForm.reset();
  dialog.close();
});
jsonForm(pageForm, {
  method: "PATCH",
  path: "/api/experts/me",
  body: values,
  onsuccess() {
    toastAfterNavigation(gettext("Your page is saved."));
    location.reload();
  },
});

/* --- What can be booked, and when -------------------------------------- */

manageEventTypes();
new Hours(document.querySelector("[data-hours-form]"), { availability: data.availability, today: todayIn(zone) });
const whyForm = document.querySelector("[data-why-form]");
if (whyForm) explainTimes(whyForm, { zone, today: todayIn(zone) });
guestData(document.querySelector("[data-guest-form]"));

/* --- Bookings, live ---------------------------------------------------- */

async function refresh() {
  await refreshRegions("upcoming", "requests");
  loadedAt = Date.now();
  plan();
}

changeBookings(refresh);
const plan = followTheClock(refresh);

const live = watch("me", {
  version: regionVersion("upcoming"),
  onchange(name, { booking }) {
    if (name !== "newBooking" || !booking) return;
    const { status, title } = booking;
    announce(status === "pending" ? gettext("New request: %(title)s", { title }) : gettext("New booking: %(title)s", { title }));
  },
  async refetch() {
    await refresh();
    live.loaded(regionVersion("upcoming"));
  },
  onstatus: connectionNote(document.querySelector("[data-connection]"), () => loadedAt),
});
