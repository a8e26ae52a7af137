// Keeps the diary true: loads what is looked at, and loads it again when a room's topic says so.

import { watch } from "../live.js";
import { addDays, firstOfWeek, monthOf } from "../time.js";
import { readAllRooms, readDay, readMonth, readWeek } from "./calls.js";

export const weekOf = (date) => Array.from({ length: 7 }, (_, day) => addDays(firstOfWeek(date), day));

export class Loader {
  #topics = new Map();
  #months = new Map();
  #waiting = new Map(); // what is asked for already

  /** `on` has: news(roomId, news), loaded(), failed(error), status(words of live.js); `place()` is what is looked at. */
  constructor(diary, place, on) {
    this.diary = diary;
    this.place = place;
    this.on = on;
    this.isFailing = false;
  }

  /** When the oldest of what is looked at was loaded. */
  get age() {
    const ages = this.#needed().map(([roomId, date]) => this.diary.loadedAt(roomId, date));
    return Math.min(...ages.filter(Boolean), Date.now());
  }

  /** The [room id, date] pairs of what is looked at. */
  #needed() {
    const { view, date, room } = this.place();
    if (view === "day") return this.diary.roomIds.map((id) => [id, date]);
    if (view === "week") return weekOf(date).map((day) => [room, day]);
    return [[room, date]];
  }

  get isComplete() {
    return this.#needed().every(([roomId, date]) => this.diary.knows(roomId, date));
  }

  /** Loads what is looked at and not known yet. */
  async ensure() {
    const { view, date, room } = this.place();
    const missing = this.#needed().filter(([roomId, day]) => !this.diary.knows(roomId, day));
    const load = { day: () => this.#allRooms(date), week: () => this.#week(room, date), hour: () => this.day(room, date) }[view];
    this.month(room, monthOf(date));
    if (!missing.length) {
      const wasFailing = this.isFailing;
      this.isFailing = false;
      if (wasFailing) this.on.loaded();
      return;
    }
    try {
      await load();
      this.isFailing = false;
      this.on.loaded();
    } catch (error) {
      this.isFailing = true;
      this.on.failed(error);
    }
  }

  /** Loads days of a room that a span touches. */
  async span(roomId, dates) {
    await Promise.all(dates.filter((date) => !this.diary.knows(roomId, date)).map((date) => this.day(roomId, date)));
  }

  /** Loads what is looked at of a room again, and with it the dates in `also`. */
  async refresh(roomId, also = []) {
    const { view, date, room } = this.place();
    const isShown = view === "day" || roomId === room;
    const shown = !isShown ? [] : view === "week" ? weekOf(date) : [date];
    this.diary.forget(roomId, shown);
    this.#forgetMonths(roomId);
    const others = also.filter((day) => !shown.includes(day));
    await Promise.all([
      isShown && (view === "week" ? this.#week(roomId, date) : this.day(roomId, date)),
      ...others.map((day) => this.day(roomId, day)),
      this.month(room, this.#monthShown ?? monthOf(date)),
    ]);
    this.on.loaded();
  }

  async day(roomId, date) {
    const answer = await this.#once(`day ${roomId} ${date}`, () => readDay(roomId, date));
    this.#absorb(roomId, date, answer);
    this.#follow(roomId, answer.version);
  }

  async #week(roomId, date) {
    const answer = await this.#once(`week ${roomId} ${firstOfWeek(date)}`, () => readWeek(roomId, date));
    for (const day of answer.days) this.#absorb(roomId, day.date, day);
    this.#follow(roomId, answer.version);
  }

  async #allRooms(date) {
    const answer = await this.#once(`rooms ${date}`, () => readAllRooms(date));
    for (const each of answer.rooms) {
      if (!this.diary.roomIds.includes(each.room.id)) continue;
      this.#absorb(each.room.id, date, each);
      this.#follow(each.room.id, each.version);
    }
  }

  #absorb(roomId, date, { busy }) {
    const news = this.diary.absorb(roomId, date, busy);
    if (news.length) this.on.news(roomId, news);
  }

  /** Two who ask for the same at the same time are answered by one request. */
  #once(name, ask) {
    if (!this.#waiting.has(name)) this.#waiting.set(name, ask().finally(() => this.#waiting.delete(name)));
    return this.#waiting.get(name);
  }

  #follow(roomId, version) {
    const topic = this.#topics.get(roomId);
    if (topic) return topic.loaded(version);
    this.#topics.set(
      roomId,
      watch(`room:${roomId}`, {
        version,
        refetch: () => this.refresh(roomId),
        onstatus: (status) => this.on.status(status),
      }),
    );
  }

  /* --- How full days are ------------------------------------------------ */

  #monthShown = null;

  /** {date: minutes taken}, null while it is not known. */
  fullness(roomId, month) {
    return this.#months.get(`${roomId} ${month}`) ?? null;
  }

  async month(roomId, month) {
    this.#monthShown = month;
    const key = `${roomId} ${month}`;
    if (this.#months.has(key)) return;
    try {
      this.#months.set(key, await this.#once(`month ${key}`, () => readMonth(roomId, month)));
      this.on.loaded();
    } catch {
      // The days can be chosen without it.
    }
  }

  #forgetMonths(roomId) {
    for (const key of this.#months.keys()) if (key.startsWith(`${roomId} `)) this.#months.delete(key);
  }
}
