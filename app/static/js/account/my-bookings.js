// My bookings: cancel with a reason, and live.

import { api } from "../api.js";
import { askCancel } from "../cancel.js";
import { connectionNote } from "../connection.js";
import { watch } from "../live.js";
import { refreshRegions, regionVersion } from "../regions.js";
import { toast } from "../toast.js";

const REGION = "bookings";
let loadedAt = Date.now();

async function refresh() {
  await refreshRegions(REGION);
  loadedAt = Date.now();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-cancel]");
  if (!button) return;
  const { cancel: uid } = button.dataset;
  const cancelled = await askCancel(button.dataset, (reason) =>
    api("PATCH", `/api/bookings/${uid}`, { body: { status: "cancelled", ...(reason && { reason }) } }),
  );
  if (!cancelled) return;
  toast("Cancelled. Everybody in it is told.");
  await refresh();
  document.getElementById("main").focus();
});

const live = watch("me", {
  version: regionVersion(REGION),
  async refetch() {
    await refresh();
    live.loaded(regionVersion(REGION));
  },
  onstatus: connectionNote(document.querySelector("[data-connection]"), () => loadedAt),
});
