// Live topics. Events are hints with a version: a gap or a reconnect means refetch.
// Without a socket every topic is polled.

const POLL = 30_000;
const GRACE = 4_000;
const EVENTS = ["newBooking", "bookingCancelled", "bookingRescheduled", "calendarChanged", "seats", "agendaChanged", "seatOffered"];
// These stand for all changes up to their version, so a jump is no gap.
const SUMMARIES = new Set(["seats", "agendaChanged"]);

const topics = new Map();
let socket = null;
let opening = null;
let connected = false;
let lostAt = null;
let pollTimer = null;

async function open() {
  const { io } = await import("../vendor/socket.io.js");
  socket = io({ transports: ["websocket"], reconnectionDelayMax: 10_000 });
  socket.on("connect", () => {
    connected = true;
    lostAt = null;
    for (const topic of topics.values()) join(topic);
    report();
  });
  socket.on("disconnect", lost);
  socket.on("connect_error", lost);
  for (const name of EVENTS) socket.on(name, (payload) => receive(name, payload));
}

function lost() {
  connected = false;
  lostAt ??= Date.now();
  report();
  setTimeout(report, GRACE + 50);
}

function join(topic) {
  socket.emit("join", { topic: topic.name }, (ack) => {
    topic.joined = Boolean(ack?.ok);
    if (!topic.joined) return;
    if (topic.version === null && !topic.isBehind) topic.version = ack.version;
    else if (topic.isBehind || ack.version !== topic.version) refetch(topic);
  });
}

function receive(name, payload) {
  const topic = topics.get(payload?.topic);
  if (!topic) return;
  const { version } = payload;
  if (version === undefined) return topic.onchange?.(name, payload); // it is about nothing that is counted
  // Seats may have been told up to the very version that says there is more than seats.
  const isKnown = name === "agendaChanged" ? version < topic.version : version <= topic.version;
  if (topic.version !== null && isKnown) return;
  const gap = topic.version !== null && version > topic.version + 1 && !SUMMARIES.has(name);
  topic.version = version;
  topic.onchange?.(name, payload);
  if (gap || topic.refetchOnChange) refetch(topic);
}

function refetch(topic) {
  topic.isBehind = true;
  clearTimeout(topic.timer);
  // Everybody who watches hears of a change at once; they need not all ask at once.
  topic.timer = setTimeout(async () => {
    try {
      await topic.refetch();
      topic.isBehind = false;
    } catch {
      // Still behind: the next event, reconnect or poll tries again.
    }
  }, 60 + Math.random() * 240);
}

function poll() {
  if (document.hidden) return;
  for (const topic of topics.values()) if (!connected || !topic.joined) refetch(topic);
}

export function status() {
  if (navigator.onLine === false) return "offline";
  if (connected) return "live";
  return lostAt && Date.now() - lostAt > GRACE ? "polling" : "connecting";
}

function report() {
  const now = status();
  for (const topic of topics.values()) {
    if (topic.status === now) continue;
    topic.status = now;
    topic.onstatus?.(now);
  }
}

/**
 * Watches a topic. `refetch` returns a promise and may call `loaded(version)` of the returned handle.
 * `onchange(name, payload)` is for what can be shown at once; with `refetchOnChange: false` it
 * shows everything, and only a gap is fetched.
 */
export function watch(name, { version = null, onchange = null, refetch: load, onstatus = null, refetchOnChange = true }) {
  const topic = { name, version, onchange, refetch: load, onstatus, refetchOnChange, isBehind: false, joined: false, timer: null, status: null };
  topics.set(name, topic);
  if (connected) join(topic);
  else
    opening ??= open().catch(() => {
      lost();
    });
  pollTimer ??= setInterval(poll, POLL);
  return {
    /** The version of data that was just loaded. Data older than what is known of is loaded again. */
    loaded(loadedVersion) {
      if (loadedVersion === undefined || loadedVersion === null) return;
      if (topic.version !== null && loadedVersion < topic.version) refetch(topic);
      else topic.version = loadedVersion;
    },
  };
}

addEventListener("online", () => {
  report();
  poll();
});
addEventListener("offline", report);
document.addEventListener("visibilitychange", () => {
  if (!document.hidden) poll();
});
