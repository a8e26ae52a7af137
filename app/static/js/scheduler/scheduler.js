// The scheduler: what is looked at, what is chosen, and what a click or a key means then.

import { connectionNote } from "../connection.js";
import { announce, pageData } from "../dom.js";
import { gettext } from "../texts.js";
import { addDays, monthOf } from "../time.js";
import { Board } from "./board.js";
import { Commands } from "./commands.js";
import { DayPicker } from "./day-picker.js";
import { Diary } from "./diary.js";
import { HourList } from "./hour-list.js";
import { showKeys } from "./keys.js";
import { Loader } from "./loader.js";
import { MINUTE, clockText, dateOf, hoursOf, locate } from "./local-day.js";
import { MinuteMatrix } from "./minute-matrix.js";
import { Panel } from "./panel.js";
import { hourOf, placeOf, write } from "./place.js";
import { Screen } from "./screen.js";
import { reach, spanOf } from "./selection.js";
import { closePicker, daysOf, wireToolbar } from "./toolbar.js";
import { Tools } from "./tools.js";
import { entryWords, holder, obstacleWords, spanOfEntry, spanText, spanWords, winnerWords } from "./words.js";

const FLASH = 2200;
const PAST = gettext("That is past.");
const data = pageData("scheduler-data");
const skew = Date.parse(data.now) - Date.now();
/** The minute that runs, by the server's clock: it can still be had, what is before it is past. */
const now = () => Math.floor((Date.now() + skew) / MINUTE) * MINUTE;
const root = document.querySelector("[data-scheduler]");
const find = (name) => root.querySelector(`[data-${name}]`);

const rooms = data.rooms;
const diary = new Diary(Object.fromEntries(rooms.map((room) => [room.id, room.time_zone])));
const zoneOf = (roomId = place.room) => diary.zoneOf(roomId);

let place = placeOf(location.search, { rooms, now: now() });
let monthShown = monthOf(place.date);
let flashing = new Set();
/** `name`: idle, anchor, span, view, move, stretch. `entry` is what is changed or looked at. */
let mode = { name: "idle" };

const note = connectionNote(find("connection"), () => loader.age);
const loader = new Loader(diary, () => place, {
  news: heard,
  loaded: () => render(),
  failed: (error) => {
    find("load-reason").textContent = error.message;
    render();
  },
  status: note,
});
const commands = new Commands({ diary, loader, now, userId: data.user.id }, { changed: () => render() });

const picker = new DayPicker(find("picker"), {
  onmonth(month) {
    monthShown = month;
    screen.renderPicker();
    loader.month(place.room, month);
  },
  onchoose(date) {
    closePicker(root);
    go({ date });
  },
});
const hours = new HourList(find("hours"), () => zoneOf(), (key) => go({ hour: key }, { push: false }));
const matrix = new MinuteMatrix(find("matrix"), () => zoneOf(), {
  act: (index) => act(instantOf(index), index),
  look,
  step,
  command,
  grab,
  drag: dragTo,
  drop,
});
const board = new Board(find("board"), zoneOf, {
  find: (id) => diary.find(id),
  zoom: zoomIn,
  view: (entry) => view(entry),
  step: (by) => go({ date: addDays(place.date, by * daysOf(place.view)) }),
  select: chooseOnBoard,
  carry: (entry, roomId, first, isDone) => dragSpan(entry, roomId, { first, last: first + entry.to - entry.from - MINUTE }, isDone),
  stretch: (entry, last, isDone) => dragSpan(entry, entry.roomId, { first: entry.from, last }, isDone),
  cancelDrag: () => cancel(),
  cancel: () => cancel(),
  help: showKeys,
});
const panel = new Panel(
  find("panel"),
  { rooms, zoneOf, now },
  {
    submit,
    times: typed,
    act: (name) => actOn(name, mode.entry),
    cancel: () => cancel(),
    preview: (rule, signal) => commands.preview(mode.span, panel.values, rule, signal),
  },
);
const screen = new Screen(root, { data, diary, loader, now, picker, hours, matrix, board, view: () => ({ place, mode, monthShown, flashing }) });
new Tools(root, { rooms, isAdmin: data.user.is_admin, place: () => place, zoneOf, refresh: (roomId) => loader.refresh(roomId), keys: showKeys });

/* --- Where ------------------------------------------------------------- */

const hourShown = () => hourOf(place, zoneOf());
const instantOf = (index) => hourShown().minutes[index];

/** Looks at something else. A change of hour is no step of the history. */
function go(changes, { push = true } = {}) {
  place = { ...place, ...changes };
  if (!hoursOf(place.date, zoneOf()).some((hour) => hour.key === place.hour)) place.hour = String(Number.parseInt(place.hour, 10));
  if (changes.date || changes.room) monthShown = monthOf(place.date);
  write(place, { push });
  if (changes.view) showPanel();
  render();
  loader.ensure();
}

addEventListener("popstate", () => {
  place = placeOf(location.search, { rooms, now: now() });
  monthShown = monthOf(place.date);
  render();
  loader.ensure();
});

/** The grid goes on: to another hour, another day. */
function step({ index, hours: byHours = 0, days = 0 }) {
  if (days) go({ date: addDays(place.date, days) }, { push: false });
  else {
    const list = hoursOf(place.date, zoneOf());
    const at = list.indexOf(hourShown()) + byHours;
    if (list[at]) go({ hour: list[at].key }, { push: false });
    else {
      const date = addDays(place.date, byHours);
      const other = hoursOf(date, zoneOf());
      go({ date, hour: (byHours < 0 ? other.at(-1) : other[0]).key }, { push: false });
    }
  }
  matrix.focus(index);
}

function zoomIn(column, hour) {
  go({ room: column.roomId, date: column.date, hour: hour.key, view: "hour" });
  matrix.focus(Math.max(0, hour.minutes.findIndex((minute) => minute !== null && minute >= now())));
}

/* --- What a minute means ----------------------------------------------- */

/** What is at an instant, but for what is being changed itself. */
function takenAt(instant) {
  const entry = diary.at(place.room, instant);
  return entry && entry.id !== changedEntry()?.id ? entry : null;
}

const changedEntry = () => (["move", "stretch", "anchor", "span"].includes(mode.name) ? mode.entry : null);
const othersBetween = (from, to) => diary.between(place.room, from, to).filter((entry) => entry.id !== changedEntry()?.id);

function reachTo(anchor, instant) {
  return reach(anchor, instant, othersBetween(Math.min(anchor, instant), Math.max(anchor, instant) + MINUTE), now());
}

function stopWords({ stop }) {
  if (stop === "past") return gettext("It begins with this minute: what is past cannot be booked.");
  return gettext("It stops before %(booking)s, %(span)s.", { booking: entryWords(stop), span: spanText(spanOfEntry(stop), zoneOf()) });
}

async function act(instant, index) {
  if (instant === null) return tell(gettext("This minute does not exist: the clocks are turned."));
  if (diary.loadedAt(place.room, place.date) === null) return tell(gettext("This day is still loading."));
  if (mode.name === "anchor") return complete(instant);
  if (mode.name === "move") return dropAt(instant);
  if (mode.name === "stretch") return stretchTo(instant);
  const entry = diary.at(place.room, instant);
  if (entry && !(mode.name === "span" && entry.id === mode.entry?.id)) return view(entry, index);
  if (instant < now()) return tell(PAST);
  const editing = mode.name === "span" ? mode.entry : null;
  setMode({ name: "anchor", anchor: instant, roomId: place.room, entry: editing, preview: spanOf(instant, instant) });
  announce(gettext("First minute %(time)s. Choose the last one.", { time: clockText(instant, zoneOf()) }));
}

async function complete(instant) {
  const { anchor, entry, roomId } = mode;
  if (roomId !== place.room) {
    setMode({ name: "anchor", anchor: instant, roomId: place.room, entry, preview: spanOf(instant, instant) });
    return;
  }
  await loadBetween(roomId, anchor, instant);
  if (mode.anchor !== anchor) return;
  const span = reachTo(anchor, instant);
  choose(roomId, span, { entry, warning: span.stop ? stopWords(span) : null });
}

function loadBetween(roomId, ...instants) {
  const zone = zoneOf(roomId);
  const dates = [];
  const last = dateOf(Math.max(...instants), zone);
  for (let date = dateOf(Math.min(...instants), zone); date <= last && dates.length < 62; date = addDays(date, 1)) dates.push(date);
  return loader.span(roomId, dates).catch(() => null); // the server will judge
}

/** A span is chosen: the form opens, with what was typed before. */
function choose(roomId, { first, last }, { entry = null, warning = null, focus = true } = {}) {
  setMode({ name: "span", roomId, span: { first, last }, entry });
  announce([`${spanWords({ first, last }, zoneOf(roomId))}.`, warning].filter(Boolean).join(" "));
  panel.alert(warning);
  if (focus) panel.focusTitle();
}

function chooseOnBoard(roomId, first, last, isDone) {
  const from = Math.max(first, now());
  if (last < from) {
    if (isDone) tell(PAST);
    return;
  }
  const span = reach(from, last, diary.between(roomId, from, last + MINUTE), now());
  if (diary.at(roomId, from)) {
    if (isDone) view(diary.at(roomId, from));
    return;
  }
  if (isDone) choose(roomId, span, { entry: mode.name === "span" ? mode.entry : null, warning: span.stop ? stopWords(span) : null });
  else setMode({ ...mode, name: "anchor", anchor: from, roomId, preview: span }, { quiet: true });
}

/** The plain fields say another time. */
async function typed(span, roomId) {
  const { entry } = mode;
  await loadBetween(roomId, span.first, span.last);
  const [blocking] = commands.inTheWay(roomId, span, entry);
  const warning = span.first < now() && span.first !== entry?.from ? PAST : blocking ? obstacleWords(blocking, zoneOf(roomId)) : null;
  setMode({ name: "span", roomId, span, entry });
  panel.alert(warning, warning ? restOf(roomId, span) : null);
  showSpan(roomId, span);
}

/** Brings the beginning of a span in sight. */
function showSpan(roomId, span) {
  const { date, hour } = locate(span.first, zoneOf(roomId));
  go({ room: roomId, date, hour: hour?.key ?? place.hour }, { push: false });
}

/* --- Bookings ---------------------------------------------------------- */

function view(entry, index = null) {
  panel.alert(null);
  setMode({ name: "view", entry, index });
  announce(`${entry.title}, ${holder(entry)}, ${spanWords(spanOfEntry(entry), zoneOf(entry.roomId))}.`);
  if (index === null) panel.focus();
  else panel.root.scrollIntoView({ block: "nearest" });
}

/** Why a booking can only be looked at. */
function whyUnchanged(entry) {
  const booking = entryWords(entry);
  if (entry.kind !== "reservation") return gettext("%(booking)s cannot be changed here.", { booking });
  return entry.owner
    ? gettext("Only %(name)s and admins can change %(booking)s.", { name: entry.owner, booking })
    : gettext("Only its owner and admins can change %(booking)s.", { booking });
}

function actOn(name, entry) {
  if (name === "zoom") return showEntry(entry);
  if (!entry.mayChange) return tell(whyUnchanged(entry));
  if (entry.to <= now()) return tell(gettext("It is over."));
  panel.alert(null);
  if (name === "delete") return removeEntry(entry);
  if (name === "edit") {
    setMode({ name: "span", roomId: entry.roomId, span: spanOfEntry(entry), entry });
    return panel.focusTitle();
  }
  if (name === "move" && entry.from <= now()) return tell(gettext("It has begun: only its end can be changed."));
  showEntry(entry);
  setMode({ name, entry, preview: spanOfEntry(entry) });
  announce(name === "move" ? gettext("Choose the new first minute. Escape leaves it where it is.") : gettext("Choose the new last minute. Escape leaves it as it is."));
  const at = name === "move" ? entry.from : entry.to - MINUTE;
  const here = locate(at, zoneOf(entry.roomId));
  if (here.hour) go({ date: here.date, hour: here.hour.key }, { push: false });
  matrix.focus(here.minute);
}

function showEntry(entry) {
  const { date, hour, minute } = locate(Math.max(entry.from, 0), zoneOf(entry.roomId));
  go({ room: entry.roomId, date, hour: hour?.key ?? place.hour, view: "hour" }, { push: place.view !== "hour" });
  matrix.focus(minute);
}

async function dropAt(instant) {
  const { entry } = mode;
  const first = instant;
  const span = { first, last: first + (entry.to - entry.from) - MINUTE };
  await loadBetween(place.room, span.first, span.last);
  return moveTo(entry, place.room, span);
}

async function stretchTo(instant) {
  const { entry } = mode;
  if (instant < entry.from) return tell(gettext("That is before its first minute."));
  if (instant < now()) return tell(PAST);
  await loadBetween(entry.roomId, entry.from, instant);
  const span = reachTo(entry.from, instant);
  if (span.stop) tell(stopWords(span));
  return moveTo(entry, entry.roomId, { first: entry.from, last: span.last });
}

/** Why a booking cannot be there, as far as it is known here; null if it can. */
function whyNot(entry, roomId, span) {
  if (span.first < now() && span.first !== entry.from) return PAST;
  const [blocking] = commands.inTheWay(roomId, span, entry);
  if (!blocking) return null;
  return gettext("It does not fit: %(booking)s is there, %(span)s.", { booking: entryWords(blocking), span: spanText(spanOfEntry(blocking), zoneOf(roomId)) });
}

async function moveTo(entry, roomId, span) {
  if (roomId === entry.roomId && span.first === entry.from && span.last === entry.to - MINUTE) return cancel();
  const why = whyNot(entry, roomId, span);
  if (why) return tell(why);
  setMode({ name: "idle" });
  return commands.move(entry, roomId, span);
}

async function removeEntry(entry) {
  setMode({ name: "idle" });
  if (place.view === "hour" && !matrix.hasFocus) matrix.focus();
  await commands.remove(entry);
}

async function submit() {
  const { span, roomId, entry } = mode;
  panel.clearErrors();
  const errors = panel.check();
  if (Object.keys(errors).length) return panel.showErrors(errors);
  const { rule, outlook } = panel.repeat;
  const values = panel.values;
  panel.busy(true);
  try {
    const done = entry ? await commands.edit(entry, span, values) : await commands.book(span, { ...values, room_id: roomId }, rule, { skip: Boolean(outlook && outlook.free < outlook.all) });
    if (done === false) return;
    panel.alert(null);
    panel.clear();
    setMode({ name: "idle" });
    if (place.view === "hour") matrix.focus();
  } catch (error) {
    await refused(error, values.room_id, span, entry);
  } finally {
    panel.busy(false);
  }
}

const withKept = (why) => [why, gettext("What you typed is kept.")].join(" ");

/** What was typed stays; who was faster is named. */
async function refused(error, roomId, span, entry) {
  if (error.code === "overlap" || error.code === "stale") {
    const zone = zoneOf(roomId);
    await loader.refresh(roomId, [dateOf(span.first, zone), dateOf(span.last, zone)]).catch(() => null);
    const fresh = entry && diary.find(entry.id);
    if (fresh) mode = { ...mode, entry: fresh };
    const text = error.code === "stale" ? gettext("Somebody changed this a moment ago. Look at it again, then save.") : commands.why(error, roomId, span, { but: entry, responsibleId: panel.values.responsible_user_id });
    panel.alert(withKept(text), restOf(roomId, span));
    return;
  }
  const fields = Object.keys(error.errors ?? {});
  if (fields.length) panel.showErrors(error.errors, error.detail);
  else panel.alert(withKept(error.message));
}

function restOf(roomId, span) {
  const rest = mode.entry ? null : commands.rest(roomId, span);
  return rest && rest.first >= now() ? { text: gettext("Take %(span)s", { span: spanWords(rest, zoneOf(roomId)) }), run: () => choose(roomId, rest) } : null;
}

/** What others did: shown for a moment, told once; a selection that was lost is told of in its form. */
function heard(roomId, news) {
  const ids = commands.hear(news);
  flashing = new Set([...flashing, ...ids]);
  setTimeout(() => {
    for (const id of ids) flashing.delete(id);
    render();
  }, FLASH);
  if (mode.name === "span" && mode.span && mode.roomId === roomId) {
    const [winner] = commands.inTheWay(roomId, mode.span, mode.entry);
    if (winner && ids.includes(winner.id)) panel.alert(withKept(winnerWords(winner, zoneOf(roomId))), restOf(roomId, mode.span));
  }
  if (!mode.entry) return;
  const change = news.find(({ entry }) => entry.id === mode.entry.id);
  if (change?.what === "removed" && !commands.isOwn(change.entry) && diary.find(mode.entry.id) === null) setMode({ name: "idle" });
  else if (change) setMode({ ...mode, entry: change.entry });
}

/* --- Pointers, keys, and the way out ------------------------------------ */

function look(index) {
  const instant = index === null ? null : instantOf(index);
  if (index !== null && instant !== null) {
    if (mode.name === "anchor" && mode.roomId === place.room) mode.preview = reachTo(mode.anchor, instant);
    else if (mode.name === "move") mode.preview = { first: instant, last: instant + (mode.entry.to - mode.entry.from) - MINUTE };
    else if (mode.name === "stretch" && instant >= mode.entry.from) mode.preview = reachTo(mode.entry.from, instant);
  }
  screen.renderMatrix();
  readOut(instant);
}

const readOut = (instant) => screen.readOut(instant, instant === null ? null : takenAt(instant));

/** Whether a pointer that goes down on a minute drags something. */
function grab(index, isEdge) {
  const instant = instantOf(index);
  if (instant === null || mode.name === "move" || mode.name === "stretch") return false;
  const entry = takenAt(instant);
  if (!entry) {
    if (instant < now() || mode.name === "anchor") return false;
    dragged = { kind: "select", anchor: instant };
    return true;
  }
  if (!entry.mayChange || (entry.from <= now() && !isEdge)) return false;
  dragged = { kind: isEdge ? "stretch" : "move", entry, held: instant - entry.from };
  return true;
}

let dragged = null;

function dragTo(index) {
  const instant = instantOf(index);
  if (instant === null) return;
  const { kind, entry } = dragged;
  if (kind === "select") {
    const editing = mode.name === "span" || mode.name === "anchor" ? mode.entry : null;
    const preview = reachTo(dragged.anchor, instant);
    setMode({ name: "anchor", anchor: dragged.anchor, roomId: place.room, entry: editing, preview }, { quiet: true });
  } else {
    const first = instant - dragged.held;
    const preview = kind === "move" ? { first, last: first + (entry.to - entry.from) - MINUTE } : { first: entry.from, last: Math.max(instant, entry.from) };
    setMode({ name: kind, entry, preview }, { quiet: true });
  }
  readOut(instant);
}

function drop(isDone) {
  const { kind, entry } = dragged;
  dragged = null;
  if (!isDone || !mode.preview) return cancel();
  if (kind === "select") return choose(place.room, mode.preview, { entry: mode.entry, warning: mode.preview.stop ? stopWords(mode.preview) : null });
  const span = mode.preview;
  return dragSpan(entry, place.room, span, true);
}

/** A booking is dragged to a span, and dropped there if it fits. */
async function dragSpan(entry, roomId, span, isDone) {
  if (!isDone) return setMode({ name: "move", entry, roomId, preview: span }, { quiet: true });
  mode = { name: "move", entry, roomId, preview: span };
  await loadBetween(roomId, span.first, span.last);
  const why = whyNot(entry, roomId, span);
  if (!why) return moveTo(entry, roomId, span);
  cancel();
  tell(why);
}

function command(name, index) {
  if (name === "cancel") return cancel();
  if (name === "help") return showKeys();
  const instant = instantOf(index);
  const entry = instant === null ? null : diary.at(place.room, instant);
  if (!entry) return tell(gettext("There is no booking at this minute."));
  return actOn(name, entry);
}

function cancel() {
  const { name, entry, index } = mode;
  panel.alert(null);
  if (name === "span") panel.clear();
  const wasInPanel = panel.hasFocus;
  // From a change back to what was to be changed, from there to nothing.
  const back = entry && name !== "view" ? diary.find(entry.id) : null;
  setMode(back ? { name: "view", entry: back, index } : { name: "idle" });
  if (wasInPanel && !back) (place.view === "hour" ? matrix : board).focus();
}

/** Said where it is seen, and read out. */
function tell(text) {
  announce(text);
  panel.alert(text);
}

/* --- Showing ----------------------------------------------------------- */

function setMode(next, { quiet = false } = {}) {
  mode = next;
  if (!quiet) showPanel();
  render();
}

const showPanel = () => panel.show(mode, { canZoom: place.view !== "hour" });
const render = () => screen.render();

/* --- The page itself ------------------------------------------------------ */

wireToolbar(root, { go, place: () => place, zoneOf, now, keys: showKeys });
find("retry").addEventListener("click", () => loader.ensure());
find("type-times").addEventListener("click", () => {
  setMode({ name: "span", roomId: place.room, span: null, entry: null });
  panel.openTimes(place.date);
});
write(place, { push: false });
showPanel();
render();
loader.ensure();
setInterval(() => render(), 20_000); // the past grows
