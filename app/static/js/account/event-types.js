// The list of event types: create, duplicate, switch off and on, delete.

import { api } from "../api.js";
import { ask } from "../dialog.js";
import { el } from "../dom.js";
import { jsonForm, values } from "../forms.js";
import { refreshRegions } from "../regions.js";
import { gettext } from "../texts.js";
import { toast } from "../toast.js";

const path = (id) => `/api/event-types/${id}`;
const refresh = () => refreshRegions("event-types");

async function setActive(id, title, isActive) {
  await api("PATCH", path(id), { body: { is_active: isActive } });
  await refresh();
  if (isActive) toast(gettext("“%(title)s” can be booked now.", { title }));
  else toast(gettext("“%(title)s” can no longer be booked.", { title }), { action: gettext("Undo"), onaction: () => told(() => setActive(id, title, true)) });
}

async function duplicate(id, title) {
  const { event_type: copy } = await api("POST", `${path(id)}/duplicate`, { body: {} });
  await refresh();
  toast(gettext("“%(copy)s” is a copy of “%(title)s”, not bookable yet.", { copy: copy.title, title }), {
    action: gettext("Edit it"),
    onaction: () => location.assign(`/expert-dashboard/${copy.id}`),
  });
  document.getElementById(`copy-${copy.id}`)?.focus();
}

async function remove(id, title) {
  const answer = await ask({
    title: gettext("Delete “%(title)s”?", { title }),
    body: [el("p", { class: "muted" }, gettext("Its link stops working. If it was ever booked it is deactivated instead, and the bookings stand."))],
    actions: [
      { text: gettext("Keep it"), value: null, safe: true },
      { text: gettext("Delete"), value: "delete", look: "button--danger" },
    ],
    onsubmit: () => api("DELETE", path(id)),
  });
  if (!answer) return;
  await refresh();
  toast(document.getElementById(`copy-${id}`) ? gettext("“%(title)s” has bookings, so it is deactivated.", { title }) : gettext("“%(title)s” is deleted.", { title }));
  document.getElementById("new-title").focus();
}

/** Runs a command of a row; a refusal is told and changes nothing. */
const told = (action) => action().catch((error) => toast(error.message));

/** Lets the list and the form under it work. */
export function manageEventTypes() {
  jsonForm(document.querySelector("[data-new-type]"), {
    method: "POST",
    path: "/api/event-types",
    body: values,
    async onsuccess({ event_type: created }, form) {
      form.reset();
      await refresh();
      toast(gettext("“%(title)s” can be booked now.", { title: created.title }));
      document.getElementById(`copy-${created.id}`)?.focus();
    },
  });

  document.addEventListener("click", (event) => {
    const { deactivate, activate, duplicate: copied, delete: deleted, title } = event.target.closest?.("button")?.dataset ?? {};
    if (deactivate) told(() => setActive(deactivate, title, false));
    else if (activate) told(() => setActive(activate, title, true));
    else if (copied) told(() => duplicate(copied, title));
    else if (deleted) told(() => remove(deleted, title));
  });
}
