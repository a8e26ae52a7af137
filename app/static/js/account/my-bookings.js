// My bookings: what changes them, and live.

import { connectionNote } from "../connection.js";
import { watch } from "../live.js";
import { refreshRegions, regionVersion } from "../regions.js";
import { changeBookings, followTheClock } from "./changing.js";

const REGION = "bookings";
let loadedAt = Date.now();

async function refresh() {
  await refreshRegions(REGION);
  loadedAt = Date.now();
  plan();
}

changeBookings(refresh);
const plan = followTheClock(refresh);

const live = watch("me", {
  version: regionVersion(REGION),
  async refetch() {
    await refresh();
    live.loaded(regionVersion(REGION));
  },
  onstatus: connectionNote(document.querySelector("[data-connection]"), () => loadedAt),
});
