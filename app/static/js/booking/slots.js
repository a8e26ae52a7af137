// Free starts, by month, in one zone at a time.

import { api } from "../api.js";
import { dateKey, firstOf, lastOf, monthOf } from "../time.js";

export class Slots {
  #months = new Map();
  #versions = new Map();
  #loading = new Map();
  #seatsLeft = new Map(); // by start, of group types

  /** `seats` is how many people one start takes. */
  constructor(url, zone, seats = 1) {
    this.url = url;
    this.zone = zone;
    this.seats = seats ?? 1;
  }

  /** The version that everything known is at least as new as. */
  get version() {
    return this.#versions.size ? Math.min(...this.#versions.values()) : null;
  }

  setZone(zone) {
    this.zone = zone;
    this.#months.clear();
    this.#versions.clear();
    this.#loading.clear();
  }

  /** {date: [instant]} of these months, or null while one of them is not known. */
  known(months) {
    if (!months.every((month) => this.#months.has(month))) return null;
    return Object.assign({}, ...months.map((month) => this.#months.get(month)));
  }

  async loadAll(months) {
    await Promise.all(months.map((month) => this.load(month)));
    return this.known(months);
  }

  /** {date: [instant]} of one month; the request is shared by everybody who asks meanwhile. */
  load(month, { fresh = false } = {}) {
    if (!fresh && this.#months.has(month)) return Promise.resolve(this.#months.get(month));
    if (this.#loading.has(month)) return this.#loading.get(month);
    const { zone } = this;
    const query = new URLSearchParams({ from: firstOf(month), to: lastOf(month), time_zone: zone });
    const request = api("GET", `${this.url}?${query}`)
      .then((answer) => {
        if (zone !== this.zone) return this.load(month);
        this.#months.set(month, answer.days);
        for (const [start, left] of Object.entries(answer.seats_left ?? {})) this.#seatsLeft.set(Date.parse(start), left);
        this.#versions.set(month, answer.version);
        return answer.days;
      })
      .finally(() => {
        if (this.#loading.get(month) === request) this.#loading.delete(month);
      });
    this.#loading.set(month, request);
    return request;
  }

  /** What is shown is loaded again, the rest when it is looked at. */
  async refresh(months) {
    for (const each of [...this.#months.keys()]) {
      if (months.includes(each)) continue;
      this.#months.delete(each);
      this.#versions.delete(each);
    }
    await Promise.all(months.map((month) => this.load(month, { fresh: true })));
  }

  starts(date) {
    return this.#months.get(monthOf(date))?.[date] ?? [];
  }

  /** How many seats of a group type's start are left; null where one seat is all there is. */
  seatsLeft(instant) {
    return this.seats > 1 ? (this.#seatsLeft.get(Date.parse(instant)) ?? this.seats) : null;
  }

  /** Whether it is known what is free then. */
  knows(instant) {
    return this.#months.has(monthOf(dateKey(instant, this.zone)));
  }

  has(instant) {
    const at = Date.parse(instant);
    return this.starts(dateKey(instant, this.zone)).some((start) => Date.parse(start) === at);
  }

  /** A booking was made: starts that would run into it are gone before the server is asked. */
  drop(startsAt, endsAt, durationMinutes) {
    const from = Date.parse(startsAt) - durationMinutes * 60_000;
    const until = Date.parse(endsAt);
    const gone = (start) => from < Date.parse(start) && Date.parse(start) < until;
    for (const [month, days] of this.#months) {
      const left = Object.entries(days).map(([date, starts]) => [date, starts.filter((start) => !gone(start))]);
      this.#months.set(month, Object.fromEntries(left.filter(([, starts]) => starts.length)));
    }
  }

  /** Up to `count` known free starts, nearest first. */
  nearest(instant, count = 5) {
    const at = Date.parse(instant);
    const all = [...this.#months.values()].flatMap((days) => Object.values(days).flat());
    return all
      .sort((a, b) => Math.abs(Date.parse(a) - at) - Math.abs(Date.parse(b) - at))
      .slice(0, count)
      .sort((a, b) => Date.parse(a) - Date.parse(b));
  }
}
