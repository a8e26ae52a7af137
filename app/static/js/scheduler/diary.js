// What rooms are taken by, as far as it is known here: days as they were loaded, and what was
// changed on this page but is not answered yet.

import { gettext } from "../texts.js";
import { boundsOf } from "./local-day.js";

/** An entry of a room's day, with its instants in milliseconds. */
export function entryOf(busy, roomId) {
  return {
    id: busy.uid ?? `${busy.kind} ${busy.starts_at}`,
    roomId,
    uid: busy.uid ?? null,
    kind: busy.kind,
    title: busy.title || TITLES[busy.kind] || gettext("Taken"),
    owner: busy.owner ?? "",
    from: Date.parse(busy.starts_at),
    to: Date.parse(busy.ends_at),
    isMine: Boolean(busy.mine),
    mayChange: Boolean(busy.editable),
    version: busy.version ?? null,
    eventType: busy.event_type ?? "",
    responsibleId: busy.responsible_user_id ?? null,
    series: busy.series ?? null,
    isPending: false,
  };
}

const TITLES = { appointment: gettext("Appointment"), blackout: gettext("Closed") };
const SHOWN = ["from", "to", "title", "owner", "eventType"];
const differs = (a, b) => SHOWN.some((name) => a[name] !== b[name]);

export class Diary {
  #rooms = new Map(); // room id: {zone, entries sorted by time, dates: {date: {at, isFresh}}}

  /** `zones` is {room id: IANA id}. */
  constructor(zones) {
    for (const [id, zone] of Object.entries(zones)) this.#rooms.set(Number(id), { zone, entries: [], dates: new Map() });
  }

  get roomIds() {
    return [...this.#rooms.keys()];
  }

  zoneOf(roomId) {
    return this.#rooms.get(roomId).zone;
  }

  knows(roomId, date) {
    return this.#rooms.get(roomId).dates.get(date)?.isFresh ?? false;
  }

  loadedAt(roomId, date) {
    return this.#rooms.get(roomId).dates.get(date)?.at ?? null;
  }

  /** All of a room that is known of between two instants, in the order of time. */
  between(roomId, from, to) {
    const { entries } = this.#rooms.get(roomId);
    return entries.slice(this.#firstAfter(entries, from)).filter((entry) => entry.from < to);
  }

  dayOf(roomId, date) {
    const { from, to } = boundsOf(date, this.zoneOf(roomId));
    return this.between(roomId, from, to);
  }

  at(roomId, instant) {
    const { entries } = this.#rooms.get(roomId);
    const entry = entries[this.#firstAfter(entries, instant)];
    return entry && entry.from <= instant ? entry : null;
  }

  find(id) {
    for (const { entries } of this.#rooms.values()) {
      const found = entries.find((entry) => entry.id === id);
      if (found) return found;
    }
    return null;
  }

  /** The index of the first entry that ends after an instant: entries of a room never overlap. */
  #firstAfter(entries, instant) {
    let [low, high] = [0, entries.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (entries[middle].to > instant) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /**
   * Takes in a day as the server has it. Returns what is new in it, [] for a day that was not
   * known before: {what: "added" | "changed" | "removed", entry}.
   */
  absorb(roomId, date, busy) {
    const room = this.#rooms.get(roomId);
    const { from, to } = boundsOf(date, room.zone);
    const known = room.dates.has(date);
    const before = new Map(this.between(roomId, from, to).map((entry) => [entry.id, entry]));
    const after = busy.map((each) => entryOf(each, roomId));
    const fresh = new Set(after.map((entry) => entry.id));
    room.entries = [...room.entries.filter((entry) => !before.has(entry.id) && !fresh.has(entry.id)), ...after];
    this.#sort(room);
    room.dates.set(date, { at: Date.now(), isFresh: true });
    if (!known) return [];
    const news = [];
    for (const entry of after) {
      const old = before.get(entry.id);
      if (!old) news.push({ what: "added", entry });
      else if (differs(old, entry)) news.push({ what: "changed", entry });
    }
    for (const entry of before.values()) if (!fresh.has(entry.id)) news.push({ what: "removed", entry });
    return news;
  }

  /** Forgets which days of a room are loaded, but for those that are shown: their news will be news. */
  forget(roomId, shown) {
    const { dates } = this.#rooms.get(roomId);
    for (const [date, day] of dates) {
      if (shown.includes(date)) day.isFresh = false;
      else dates.delete(date);
    }
  }

  /** Shows a change before it is answered. Returns what takes it back. */
  assume(entry, changes) {
    const old = this.find(entry.id);
    if (!old) return () => null;
    const moved = { ...old, ...changes, isPending: true };
    this.#replace(old, moved);
    return () => {
      const current = this.find(entry.id);
      if (current?.isPending) this.#replace(current, old);
    };
  }

  /** Hides an entry before its deletion is answered. Returns what takes it back. */
  drop(entry) {
    const old = this.find(entry.id);
    const room = this.#rooms.get(entry.roomId);
    room.entries = room.entries.filter((each) => each.id !== entry.id);
    return () => {
      if (old && !this.find(entry.id)) this.put(old);
    };
  }

  put(entry) {
    const room = this.#rooms.get(entry.roomId);
    room.entries = [...room.entries.filter((each) => each.id !== entry.id), entry];
    this.#sort(room);
  }

  #replace(old, entry) {
    const room = this.#rooms.get(old.roomId);
    room.entries = room.entries.filter((each) => each.id !== old.id);
    this.put(entry);
  }

  #sort(room) {
    room.entries.sort((a, b) => a.from - b.from);
  }
}
