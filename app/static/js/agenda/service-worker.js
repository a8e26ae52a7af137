// Keeps the agenda readable without a connection. Network first, always: what was kept is shown
// only when nothing answers, and says how old it is. What is somebody's own is in a cache of its
// own, which ends with the sign-in: on sign-out, at a refusal, and when the reader changes.

const SHARED = "rendezvous-shared";
const PRIVATE = "rendezvous-private";
const READER = "/agenda/.reader"; // an entry that names whose the private cache is
const PATIENCE = 6000;
const VENDOR_LIFETIME = 600_000;

let generation = 0; // rises when the private cache is forgotten

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("message", (event) => {
  const { type, urls = [] } = event.data ?? {};
  if (type === "forget") event.waitUntil(forget());
  if (type === "keep") event.waitUntil(keepAll(urls));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin) return;
  if (url.pathname.startsWith("/static/vendor/")) event.respondWith(fromCache(event));
  else if (url.pathname.startsWith("/static/")) event.respondWith(fromNetwork(event, SHARED));
  else if (request.mode === "navigate" && isPage(url)) event.respondWith(fromNetwork(event, PRIVATE));
  else if (isData(url)) event.respondWith(fromNetwork(event, PRIVATE));
});

const isPage = (url) => /^\/agenda\/[^/]+(\/mine)?$/.test(url.pathname);
const isData = (url) => /^\/api\/(events\/[^/]+\/agenda|sessions\/\d+)$/.test(url.pathname);

/** Icons and fonts, asked for again and again: what is some minutes old will do. */
async function fromCache(event) {
  const kept = await find(event.request, SHARED);
  const isFresh = kept && Date.now() - Number(kept.headers.get("X-Kept-At")) < VENDOR_LIFETIME;
  return isFresh ? kept : fromNetwork(event, SHARED);
}

async function fromNetwork(event, name) {
  const { request } = event;
  const started = generation;
  try {
    const response = await withPatience(fetch(request), request.mode === "navigate");
    event.waitUntil(judge(request, response.clone(), name, started));
    return response;
  } catch {
    const kept = await find(request, name);
    if (kept) return kept;
    return request.mode === "navigate" ? nothingKept() : Response.error();
  }
}

/** A page that does not come is as good as none; data may take its time. */
function withPatience(fetching, isPageLoad) {
  if (!isPageLoad) return fetching;
  return Promise.race([fetching, new Promise((_, reject) => setTimeout(() => reject(new Error("too slow")), PATIENCE))]);
}

async function judge(request, response, name, started) {
  if (name === PRIVATE) {
    if (response.status === 401 || response.status === 403) return forget();
    const reader = response.headers.get("X-Reader");
    if (reader && reader !== (await currentReader())) {
      await forget();
      started = generation;
      await (await caches.open(PRIVATE)).put(READER, new Response(reader));
    }
    if (!(await currentReader())) return undefined; // nobody's data is kept for nobody
  }
  if (response.status !== 200 || response.redirected || started !== generation) return undefined;
  return keep(request.url, response, name);
}

async function keep(url, response, name) {
  const headers = new Headers(response.headers);
  headers.set("X-Kept-At", String(Date.now()));
  const body = await response.blob();
  const cache = await caches.open(name);
  await cache.put(key(url), new Response(body, { status: 200, headers }));
}

/** Pages by their path alone: day and filters are the script's to apply. */
function key(url) {
  const { origin, pathname, search } = new URL(url);
  return pathname.startsWith("/static/") ? origin + pathname + search : origin + pathname;
}

async function find(request, name) {
  const cache = await caches.open(name);
  return cache.match(key(request.url));
}

/** What the first visit loaded before there was a worker; the page comes first and names its reader. */
async function keepAll(urls) {
  for (const url of urls) {
    const name = new URL(url, self.location.origin).pathname.startsWith("/static/") ? SHARED : PRIVATE;
    const started = generation;
    try {
      const response = await fetch(url, { credentials: "same-origin", headers: { Accept: name === SHARED ? "*/*" : "text/html, application/json;q=0.9" } });
      await judge(new Request(new URL(url, self.location.origin)), response, name, started);
    } catch {
      return; // offline already
    }
  }
}

async function currentReader() {
  const named = await (await caches.open(PRIVATE)).match(READER);
  return named ? named.text() : null;
}

async function forget() {
  generation += 1;
  await caches.delete(PRIVATE);
}

function nothingKept() {
  return new Response(
    '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Offline</title><h1>You are offline</h1><p>This page was not opened on this device before. It needs a connection once.</p></html>',
    { status: 503, headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": "default-src 'none'" } },
  );
}
