// What a signed-in visitor has booked already: warned of before anything is sent, not after.

import { api } from "../api.js";
import { watch } from "../live.js";
import { addMinutes } from "../time.js";

const PAGE = 100;

export class OwnTime {
  #bookings = [];

  /** `moving` is the uid of a booking that gets another time: it is in nobody's way. */
  constructor({ isSignedIn, durationMinutes, moving = null, onchange }) {
    Object.assign(this, { isSignedIn, durationMinutes, moving, onchange });
  }

  /** Loads it, and again whenever something of it changes. Without it the server still refuses. */
  async open() {
    if (!this.isSignedIn) return;
    await this.#load().catch(() => null);
    watch("me", { refetch: () => this.#load() });
  }

  async #load() {
    const { items } = await api("GET", `/api/bookings?when=upcoming&page_size=${PAGE}`);
    this.#bookings = items.filter((each) => each.uid !== this.moving);
    this.onchange();
  }

  /** The visitor's bookings that an appointment at this start would overlap. */
  during(start) {
    const from = Date.parse(start);
    const until = Date.parse(addMinutes(start, this.durationMinutes));
    return this.#bookings.filter((each) => Date.parse(each.starts_at) < until && from < Date.parse(each.ends_at));
  }
}
