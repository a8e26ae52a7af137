// The expert's dashboard: event types, hours, and bookings as they arrive.

import { api } from "../api.js";
import { askCancel } from "../cancel.js";
import { connectionNote } from "../connection.js";
import { ask } from "../dialog.js";
import { announce, el, pageData } from "../dom.js";
import { jsonForm, values } from "../forms.js";
import { watch } from "../live.js";
import { refreshRegions, regionVersion } from "../regions.js";
import { toast, toastAfterNavigation } from "../toast.js";
import { Hours, todayIn } from "./hours.js";

const data = pageData("dashboard-data");
let loadedAt = Date.now();

/* --- Event types ------------------------------------------------------- */

jsonForm(document.querySelector("[data-new-type]"), {
  method: "POST",
  path: "/api/event-types",
  body: values,
  async onsuccess({ event_type: created }, form) {
    form.reset();
    await refreshRegions("event-types");
    toast(`“${created.title}” can be booked now.`);
    document.getElementById(`copy-${created.id}`)?.focus();
  },
});

async function setActive(id, title, isActive) {
  await api("PATCH", `/api/event-types/${id}`, { body: { is_active: isActive } });
  await refreshRegions("event-types");
  if (isActive) toast(`“${title}” can be booked again.`);
  else toast(`“${title}” can no longer be booked.`, { action: "Undo", onaction: () => attempt(() => setActive(id, title, true)) });
}

async function remove(id, title) {
  const answer = await ask({
    title: `Delete “${title}”?`,
    body: [el("p", { class: "muted" }, "Its link stops working. If it was ever booked it is deactivated instead, and the bookings stand.")],
    actions: [
      { text: "Keep it", value: null, safe: true },
      { text: "Delete", value: "delete", look: "button--danger" },
    ],
    onsubmit: () => api("DELETE", `/api/event-types/${id}`),
  });
  if (!answer) return;
  await refreshRegions("event-types");
  toast(document.getElementById(`copy-${id}`) ? `“${title}” has bookings, so it is deactivated.` : `“${title}” is deleted.`);
  document.getElementById("new-title").focus();
}

/** Runs a command of a row; a refusal is told and changes nothing. */
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    toast(error.message);
  }
}

async function cancel(button) {
  const { cancel: uid } = button.dataset;
  const cancelled = await askCancel(button.dataset, (reason) =>
    api("PATCH", `/api/bookings/${uid}`, { body: { status: "cancelled", ...(reason && { reason }) } }),
  );
  if (!cancelled) return;
  toast("Cancelled. Everybody in it is told.");
  await refreshUpcoming();
}

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll("details.more[open]")) {
    if (!open.contains(event.target) || event.target.closest("button")) open.open = false;
  }
  const button = event.target.closest?.("button");
  if (!button) return;
  const { deactivate, activate, delete: deleted, title } = button.dataset;
  if (deactivate) attempt(() => setActive(deactivate, title, false));
  else if (activate) attempt(() => setActive(activate, title, true));
  else if (deleted) attempt(() => remove(deleted, title));
  else if (button.dataset.cancel) attempt(() => cancel(button));
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
    toastAfterNavigation("Your page is saved.");
    location.reload();
  },
});

/* --- Hours ------------------------------------------------------------- */

new Hours(document.querySelector("[data-hours-form]"), {
  availability: data.availability,
  today: todayIn(data.expert.time_zone),
});

/* --- Bookings, live ---------------------------------------------------- */

async function refreshUpcoming() {
  await refreshRegions("upcoming");
  loadedAt = Date.now();
}

const live = watch("me", {
  version: regionVersion("upcoming"),
  onchange(name, { booking }) {
    if (name === "newBooking" && booking) announce(`New booking: ${booking.title}`);
  },
  async refetch() {
    await refreshUpcoming();
    live.loaded(regionVersion("upcoming"));
  },
  onstatus: connectionNote(document.querySelector("[data-connection]"), () => loadedAt),
});
