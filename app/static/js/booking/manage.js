// The guest's page of one booking: cancel, and nothing else that changes it here.

import { Attempt, command } from "../api.js";
import { askCancel } from "../cancel.js";
import { refreshRegions } from "../regions.js";

const attempt = new Attempt();

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-cancel-guest]");
  if (!button) return;
  const { token } = button.dataset;
  const cancelled = await askCancel(button.dataset, (reason) =>
    command("POST", `/api/manage/${token}`, { action: "cancel", ...(reason && { reason }) }, attempt),
  );
  if (!cancelled) return;
  await refreshRegions("booking");
  document.getElementById("main").focus();
  scrollTo({ top: 0 });
});
