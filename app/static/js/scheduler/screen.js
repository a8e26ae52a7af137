// What the page shows of a place and of what is done there: its parts, each told only what it needs.

import { gettext, ngettext } from "../texts.js";
import { dateText, firstOfWeek, zoneShort } from "../time.js";
import { weekOf } from "./loader.js";
import { MINUTE, clockText, hoursOf, locate, offsetText } from "./local-day.js";
import { hourOf } from "./place.js";
import { holder, shortDate, spanWords, two } from "./words.js";

const MOVING = ["move", "stretch"];

/** What is odd about an hour on a day on which the clocks are turned. */
function oddity(hour, zone) {
  const time = `${two(hour.hour)}:00`;
  if (hour.isMissing) return gettext("The clocks are turned: %(time)s does not exist on this day.", { time });
  if (!hour.isTwice) return "";
  const offset = offsetText(hour.minutes.find(Boolean), zone);
  return hour.run === 1
    ? gettext("The clocks are turned: %(time)s comes twice. This is the first time (%(offset)s).", { time, offset })
    : gettext("The clocks are turned: %(time)s comes twice. This is the second time (%(offset)s).", { time, offset });
}

export class Screen {
  #head = "";

  /** `parts` has the parts of the page and `view()`: {place, mode, monthShown, flashing}. */
  constructor(root, parts) {
    Object.assign(this, parts, { root });
  }

  #find(name) {
    return this.root.querySelector(`[data-${name}]`);
  }

  #zone(roomId = this.view().place.room) {
    return this.diary.zoneOf(roomId);
  }

  /** The span that is chosen or about to be, with its room; null if there is none. */
  get #selection() {
    const { mode, place } = this.view();
    if (mode.name === "span") return mode.span && { ...mode.span, roomId: mode.roomId };
    return mode.preview ? { ...mode.preview, roomId: mode.roomId ?? place.room } : null;
  }

  render() {
    const { place } = this.view();
    this.#renderHead();
    this.renderPicker();
    this.#find("load-error").hidden = !this.loader.isFailing || this.loader.isComplete;
    this.#find("stage").dataset.view = place.view;
    this.#find("board").dataset.view = place.view;
    this.#find("hour-view").hidden = place.view !== "hour";
    this.#find("board").hidden = place.view === "hour";
    this.#renderNote();
    if (place.view === "hour") {
      this.#renderHours();
      this.renderMatrix();
    } else this.#renderBoard();
  }

  #title() {
    const { date, room, view: shown } = this.view().place;
    const full = { day: "numeric", month: "long", year: "numeric" };
    const day = shown === "week" ? gettext("Week of %(date)s", { date: dateText(firstOfWeek(date), full) }) : dateText(date, { weekday: "long", ...full });
    if (shown === "day") return [day, gettext("all rooms")].join(" · ");
    const noon = hoursOf(date, this.#zone())[12].minutes[0] ?? this.now();
    return `${day} · ${this.data.rooms.find((each) => each.id === room).name} · ${zoneShort(noon, this.#zone())}`;
  }

  #renderHead() {
    const { place } = this.view();
    const { date, room, view: shown } = place;
    const head = JSON.stringify([date, room, shown]);
    if (this.#head === head) return;
    this.#head = head;
    const title = this.#title();
    this.#find("stage-title").textContent = title;
    document.title = `${title} · ${this.data.title}`;
    this.#find("date-name").textContent = shortDate(date);
    this.#find("room").value = String(room);
    for (const link of this.root.querySelectorAll("[data-view-link]")) {
      const name = link.dataset.viewLink;
      link.setAttribute("href", `?${new URLSearchParams({ ...place, view: name })}`);
      if (name === shown) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.#find("sheet-link").href = `/scheduler/rooms/${room}/sheet?date=${date}`;
    this.#find("display-link").href = `/scheduler/rooms/${room}/display`;
  }

  renderPicker() {
    const { place, monthShown } = this.view();
    const today = locate(this.now(), this.#zone()).date;
    this.picker.show({ month: monthShown, date: place.date, today, taken: this.loader.fullness(place.room, monthShown) });
  }

  /** On the days on which the clocks are turned: what is odd about this hour. */
  #renderNote() {
    const { place } = this.view();
    const hour = hourOf(place, this.#zone());
    const words = oddity(hour, this.#zone());
    const note = this.#find("hour-note");
    note.hidden = place.view !== "hour" || !words;
    note.lastElementChild.textContent = words;
  }

  #renderHours() {
    const { place } = this.view();
    this.hours.show({
      hours: hoursOf(place.date, this.#zone()),
      entries: this.diary.dayOf(place.room, place.date),
      key: hourOf(place, this.#zone()).key,
      now: this.now(),
    });
  }

  renderMatrix() {
    const { place, mode, flashing } = this.view();
    if (place.view !== "hour") return;
    const hour = hourOf(place, this.#zone());
    const real = hour.minutes.filter((minute) => minute !== null);
    const isKnown = this.diary.loadedAt(place.room, place.date) !== null;
    const chosen = this.#selection;
    this.#find("matrix").setAttribute("aria-busy", String(!isKnown && !this.loader.isFailing));
    this.matrix.show({
      hour,
      entries: real.length ? this.diary.between(place.room, real[0], real.at(-1) + MINUTE) : [],
      selection: chosen?.roomId === place.room ? chosen : null,
      shadow: MOVING.includes(mode.name) || mode.name === "span" ? mode.entry : null,
      viewed: mode.name === "view" ? mode.entry.id : null,
      now: this.now(),
      flashing,
    });
  }

  /** The line below the minutes: what the pointed-at minute is, or the selection that it would make. */
  readOut(instant, entry) {
    const { preview } = this.view().mode;
    const words = [];
    if (preview) words.push(spanWords(preview, this.#zone()));
    else if (instant !== null) words.push(clockText(instant, this.#zone()));
    if (entry) words.push(`${entry.title}, ${holder(entry)}`);
    this.#find("readout").textContent = words.join(" · ");
  }

  #renderBoard() {
    const { place, mode, flashing } = this.view();
    const columns = place.view === "day" ? this.#roomColumns(place) : this.#dayColumns(place);
    this.board.show({
      label: this.#find("stage-title").textContent,
      columns,
      entries: columns.map(({ roomId, date }) => (this.diary.loadedAt(roomId, date) === null ? null : this.diary.dayOf(roomId, date))),
      selection: this.#selection,
      shadow: MOVING.includes(mode.name) ? mode.entry : null,
      viewed: mode.name === "view" ? mode.entry.id : null,
      now: this.now(),
      hour: place.hour,
      flashing,
    });
  }

  #roomColumns({ date, room }) {
    return this.data.rooms.map((each) => ({
      key: each.id,
      roomId: each.id,
      date,
      title: each.name,
      note: each.capacity ? ngettext("%(num)d seat", "%(num)d seats", each.capacity) : "",
      isCurrent: each.id === room,
      hours: hoursOf(date, each.time_zone),
    }));
  }

  #dayColumns({ date, room }) {
    const zone = this.#zone(room);
    const today = locate(this.now(), zone).date;
    return weekOf(date).map((day) => ({
      key: day,
      roomId: room,
      date: day,
      title: shortDate(day),
      note: day === today ? gettext("today") : "",
      isCurrent: day === date,
      hours: hoursOf(day, zone),
    }));
  }
}
