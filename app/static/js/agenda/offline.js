// The service worker keeps what was read, for when there is no connection; never for anybody else.

import { gettext } from "../texts.js";

const PRIVATE = "rendezvous-private";
// Of both pages, whichever was opened first.
const PARTS = ["agenda.js", "booking.js", "details.js", "mine.js", "sessions.js", "store.js", "../regions.js"].map((name) => new URL(name, import.meta.url).href);

/** What the worker shows instead of a page that it does not have: it has no catalog either. */
const absence = () => ({
  language: document.documentElement.lang,
  direction: document.documentElement.dir,
  title: gettext("Offline"),
  heading: gettext("You are offline"),
  text: gettext("This page was not opened on this device before. It needs a connection once."),
});

/** Starts the worker, and gives it what this page was made of: it missed that on the first visit. */
export async function keepForOffline(urls) {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register("/service-worker.js", { scope: "/agenda/" });
    const { active } = await navigator.serviceWorker.ready;
    const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
    const parts = loaded.filter((url) => new URL(url).pathname.startsWith("/static/"));
    active.postMessage({ type: "keep", urls: [...urls, ...new Set([...parts, ...PARTS])], absence: absence() });
  } catch {
    // Private windows and plain LAN addresses have none: the agenda is then for reading online.
  }
}

/** Forgets what was kept for whoever was signed in. */
export async function forget() {
  const registration = await navigator.serviceWorker?.getRegistration("/agenda/");
  registration?.active?.postMessage({ type: "forget" });
  if ("caches" in window) await caches.delete(PRIVATE);
}
