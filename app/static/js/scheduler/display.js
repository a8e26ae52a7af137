// The screen at the door: the clock, and the page's own parts again whenever something may be different.

import { connectionNote } from "../connection.js";
import { watch } from "../live.js";
import { refreshRegions, regionVersion } from "../regions.js";
import { timeText } from "../time.js";

const MINUTE = 60_000;
const screen = document.querySelector("[data-display]");
const clock = screen.querySelector("[data-clock]");
let loadedAt = Date.now();

async function refresh() {
  await refreshRegions("display");
  loadedAt = Date.now();
}

const live = watch(`room:${screen.dataset.room}`, {
  version: regionVersion("display"),
  async refetch() {
    await refresh();
    live.loaded(regionVersion("display"));
  },
  onstatus: connectionNote(document.querySelector("[data-connection]"), () => loadedAt),
});

/** At each full minute something may begin or end, though nobody changed anything. */
function tick() {
  clock.textContent = timeText(Date.now(), screen.dataset.zone);
  if (Date.now() - loadedAt > MINUTE / 2) refresh().catch(() => null);
  setTimeout(tick, MINUTE - (Date.now() % MINUTE) + 250);
}

setTimeout(tick, MINUTE - (Date.now() % MINUTE) + 250);
