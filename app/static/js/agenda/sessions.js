// Sessions: their state, order and rows. app/views/agenda_days.py and agenda/_sessions.html say the
// same on the server; e2e/test_agenda.py holds both together.

import { el, icon } from "../dom.js";
import { gettext, ngettext } from "../texts.js";
import { timeText } from "../time.js";

const STEP = 300_000; // a row of the grid
const HALF_HOUR = 1_800_000;
const AXIS_STEPS = 6;
const SVG = "http://www.w3.org/2000/svg";

const at = (instant) => Date.parse(instant);

/* --- What is shown ------------------------------------------------------- */

/** How a session stands for the reader: the one word that its row shows. */
export function stateOf(session, now = Date.now()) {
  if (session.booked) return "booked";
  if (at(session.ends_at) <= now) return "over";
  if (session.waitlisted) return "waitlisted";
  if (session.capacity === null) return "entry";
  if (session.seats_left === 0) return "full";
  return session.seats_left * 4 <= session.capacity ? "filling" : "open";
}

export const isNow = (session, now = Date.now()) => at(session.starts_at) <= now && now < at(session.ends_at);
export const overlaps = (a, b) => at(a.starts_at) < at(b.ends_at) && at(b.starts_at) < at(a.ends_at);

const searched = new WeakMap();

function textOf(session) {
  if (!searched.has(session)) {
    searched.set(session, [session.title, ...session.speakers, session.room.name, session.track].join(" ").toLowerCase());
  }
  return searched.get(session);
}

/** Filters as they stand in the query of the page. */
export class Filters {
  constructor(query) {
    this.words = (query.get("q") ?? "").split(/\s+/).filter(Boolean).join(" ");
    this.rooms = query.getAll("room");
    this.tracks = query.getAll("track");
    this.languages = query.getAll("language");
    this.free = query.get("free") === "1";
    this.mine = query.get("mine") === "1";
  }

  get count() {
    return this.rooms.length + this.tracks.length + this.languages.length;
  }

  get isAny() {
    return Boolean(this.words || this.count || this.free || this.mine);
  }

  pairs() {
    return [
      ...(this.words ? [["q", this.words]] : []),
      ...this.rooms.map((each) => ["room", each]),
      ...this.tracks.map((each) => ["track", each]),
      ...this.languages.map((each) => ["language", each]),
      ...(this.free ? [["free", "1"]] : []),
      ...(this.mine ? [["mine", "1"]] : []),
    ];
  }

  admit(session) {
    if (this.rooms.length && !this.rooms.includes(session.room.name)) return false;
    if (this.tracks.length && !this.tracks.includes(session.track)) return false;
    if (this.languages.length && !this.languages.includes(session.language)) return false;
    if (this.free && session.seats_left === 0) return false;
    if (this.mine && !session.booked && !session.waitlisted) return false;
    if (!this.words) return true;
    const text = textOf(session);
    return this.words.toLowerCase().split(" ").every((word) => text.includes(word));
  }
}

const parts = (name) => (name.toLowerCase().match(/[0-9]+|[^0-9]+/g) ?? []).map((part) => (/^[0-9]/.test(part) ? Number(part) : part));

/** K.1.2 before K.1.105: runs of digits compare as numbers. */
export function byName(a, b) {
  const [left, right] = [parts(a), parts(b)];
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const [x, y] = [left[index], right[index]];
    if (x === y) continue;
    if (typeof x !== typeof y) return typeof x === "number" ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

/* --- Rows ------------------------------------------------------------------ */

const hundreds = new Set(["t", "d"]);

/** A whole number as classes, so that CSS can calculate with it. */
function digits(name, number) {
  const classes = [`${name}0-${number % 10}`, `${name}1-${Math.floor(number / 10) % 10}`];
  if (hundreds.has(name)) classes.push(`${name}2-${Math.floor(number / 100) % 10}`);
  return classes.join(" ");
}

function seatsText(session, state) {
  switch (state) {
    case "booked":
      return [icon("circle-check"), gettext("Booked")];
    case "over":
      return [gettext("Over")];
    case "waitlisted":
      return [icon("clock"), gettext("On the waitlist")];
    case "entry":
      return [gettext("Free entry")];
    case "full":
      return [gettext("Full · waitlist")];
    case "filling":
      return [ngettext("Filling · %(num)d left", "Filling · %(num)d left", session.seats_left)];
    default:
      return [ngettext("%(num)d left", "%(num)d left", session.seats_left)];
  }
}

function bar(session) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of [["class", "places__bar"], ["viewBox", "0 0 100 4"], ["preserveAspectRatio", "none"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  const rect = document.createElementNS(SVG, "rect");
  rect.setAttribute("width", session.capacity ? 100 - Math.floor((100 * session.seats_left) / session.capacity) : 100);
  rect.setAttribute("height", "4");
  svg.append(rect);
  return svg;
}

/** `rolls`: the count changed under somebody's eyes. */
export function seats(session, rolls = false) {
  const state = stateOf(session);
  const hasBar = session.capacity !== null && ["open", "filling", "full"].includes(state);
  return el(
    "div",
    { class: `places places--${state}`, "data-places": "" },
    hasBar && bar(session),
    el("span", { class: `places__text${rolls ? " roll" : ""}` }, ...seatsText(session, state)),
  );
}

const ACTS = {
  open: ["book", gettext("Book")],
  filling: ["book", gettext("Book")],
  full: ["wait", gettext("Waitlist")],
  waitlisted: ["leave", gettext("Leave")],
  booked: ["release", gettext("Cancel")],
};

/** `cancel`: beside a "Close" it takes more than one word. */
export function button(session, signIn = null, cancel = ACTS.booked[1]) {
  const act = ACTS[stateOf(session)];
  if (!act || at(session.ends_at) <= Date.now()) return null;
  const content = [act[0] === "release" ? cancel : act[1], el("span", { class: "visually-hidden" }, ` ${session.title}`)];
  if (signIn) return el("a", { class: `act act--${act[0]}`, href: signIn }, ...content);
  return el("button", { class: `act act--${act[0]}`, name: act[0], value: session.id }, ...content);
}

function facts(session, zone) {
  return el(
    "p",
    { class: "session__facts" },
    el("time", { class: "session__time", datetime: session.starts_at }, timeText(session.starts_at, zone), el("span", { class: "session__until" }, `–${timeText(session.ends_at, zone)}`)),
    el("span", { class: "session__room" }, session.room.name),
    session.speakers.length > 0 && el("span", { class: "session__speakers" }, session.speakers.join(", ")),
    session.track && el("span", { class: "session__track" }, session.track),
  );
}

const lookOf = (session) => `session session--${stateOf(session)}${isNow(session) ? " session--now" : ""}`;

function row(session, place, { zone, hrefOf, signInOf }) {
  return el(
    "li",
    { class: `${lookOf(session)} ${place}`, id: `session-${session.id}`, "data-id": session.id },
    el("div", { class: "session__main" }, el("h3", { class: "session__title" }, el("a", { href: hrefOf(session) }, session.title)), facts(session, zone)),
    seats(session),
    el("div", { class: "session__act" }, button(session, signInOf?.(session))),
  );
}

/** Brings a row up to date in its place; a focused button stays focused. */
export function updateRow(node, session, { signInOf, rolls = false }) {
  const places = [...node.classList].filter((name) => /^[tdc]\d-/.test(name)).join(" ");
  const look = `${lookOf(session)} ${places}`;
  if (node.className !== look) node.className = look;
  const [old, next] = [node.querySelector("[data-places]"), seats(session, rolls)];
  if (old.className !== next.className || old.textContent !== next.textContent) old.replaceWith(next);
  replaceButton(node.querySelector(".session__act"), button(session, signInOf?.(session)), node.querySelector("a"));
}

export function replaceButton(box, next, otherwise = null) {
  const old = box.querySelector(".act");
  const hadFocus = old && old === document.activeElement;
  if (old && next && old.name === next.name && !old.hasAttribute("aria-busy")) return;
  if (old && next) old.replaceWith(next);
  else if (old) old.remove();
  else if (next) box.append(next);
  if (hadFocus) (next ?? otherwise)?.focus();
}

/* --- A day -------------------------------------------------------------------- */

const roomsOf = (sessions) => [...new Set(sessions.map((session) => session.room.name))].sort(byName);

function spanOf(sessions) {
  const first = Math.min(...sessions.map((session) => at(session.starts_at)));
  return { first, begin: Math.floor(first / HALF_HOUR) * HALF_HOUR, end: Math.max(...sessions.map((session) => at(session.ends_at))) };
}

/** The line of now, before what comes next, while the day is on. */
export function placeNow(list, sessions) {
  const now = Date.now();
  const old = list.querySelector("#now");
  const next = [...list.querySelectorAll(".group")].find((group) => at(group.dataset.start) > now);
  const { first, begin, end } = spanOf(sessions);
  if (!next || now < first || now >= end) return old?.remove();
  const line = el("p", { class: `now-line ${digits("t", Math.max(0, Math.round((now - begin) / STEP)))} ${digits("n", roomsOf(sessions).length)}`, id: "now" }, el("span", {}, gettext("Now")));
  if (old?.nextElementSibling === next && old.className === line.className) return undefined;
  old?.remove();
  return next.before(line);
}

/** The rows of one day, in groups by start, with their places in the grid. `sessions` are in order. */
export function renderDay(sessions, options) {
  const { zone } = options;
  const rooms = roomsOf(sessions);
  const column = new Map(rooms.map((name, index) => [name, index + 1]));
  const { begin, end } = spanOf(sessions);
  const width = digits("n", rooms.length);

  const axis = [];
  for (let step = 0; step <= Math.round((end - begin) / STEP); step += AXIS_STEPS) {
    axis.push(
      el("span", { class: `axis__hour ${digits("t", step)}` }, timeText(begin + step * STEP, zone)),
      el("span", { class: `axis__line ${digits("t", step)} ${width}` }),
    );
  }
  const nodes = [
    el("div", { class: "rooms", "aria-hidden": "true" }, rooms.map((name, index) => el("span", { class: `room ${digits("c", index + 1)}` }, el("span", {}, name)))),
    el("div", { class: "axis", "aria-hidden": "true" }, el("span", { class: "axis__corner" }), ...axis),
  ];
  const groups = Map.groupBy ? Map.groupBy(sessions, (session) => session.starts_at) : groupBy(sessions);
  for (const [start, members] of groups) {
    const rows = members.map((session) => {
      const from = Math.round((at(start) - begin) / STEP);
      const length = Math.max(1, Math.round((at(session.ends_at) - begin) / STEP) - from);
      return row(session, `${digits("t", from)} ${digits("d", length)} ${digits("c", column.get(session.room.name))}`, options);
    });
    nodes.push(
      el(
        "section",
        { class: "group", "data-start": start },
        el("h2", { class: "group__time" }, el("time", { datetime: start }, timeText(start, zone))),
        el("ul", { class: "group__list" }, ...rows),
      ),
    );
  }
  return nodes;
}

function groupBy(sessions) {
  const groups = new Map();
  for (const session of sessions) groups.set(session.starts_at, [...(groups.get(session.starts_at) ?? []), session]);
  return groups;
}
