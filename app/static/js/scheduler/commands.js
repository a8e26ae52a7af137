// What is done to bookings: shown at once, taken back if it is refused, with Undo where it can be undone.

import { ask } from "../dialog.js";
import { announce, el } from "../dom.js";
import { gettext, ngettext } from "../texts.js";
import { toast } from "../toast.js";
import * as calls from "./calls.js";
import { dateOf } from "./local-day.js";
import { endOf, freeBeginning, lengthOf, within } from "./selection.js";
import { entryWords, shortDate, spanOfEntry, spanText, winnerWords } from "./words.js";

const instant = (value) => new Date(value).toISOString();
const times = (span) => ({ starts_at: instant(span.first), ends_at: instant(endOf(span)) });

function seriesText(booked, left) {
  const text = ngettext("Booked %(num)d time.", "Booked %(num)d times.", booked);
  return left ? [text, ngettext("%(num)d left out.", "%(num)d left out.", left)].join(" ") : text;
}

function movedText(span, { isUndo, isAsLong }) {
  if (isUndo) return gettext("Back to %(span)s.", { span });
  return isAsLong ? gettext("Moved to %(span)s.", { span }) : gettext("Now %(span)s.", { span });
}

function newsText({ what, entry }, span) {
  const booking = entryWords(entry);
  if (what === "added") return gettext("%(booking)s was booked: %(span)s.", { booking, span });
  if (what === "changed") return gettext("%(booking)s was changed: %(span)s.", { booking, span });
  return gettext("%(booking)s was given up: %(span)s.", { booking, span });
}

export class Commands {
  /** What was done here, and needs no flash when the server tells of it. */
  #own = new Set();

  /** `on.changed()` is called whenever the diary is another. */
  constructor({ diary, loader, now, userId }, on) {
    Object.assign(this, { diary, loader, now, userId, on });
  }

  isOwn(entry) {
    return this.#own.has(`${entry.roomId} ${entry.from} ${entry.to}`);
  }

  #expect(roomId, span) {
    const key = `${roomId} ${span.first} ${endOf(span)}`;
    this.#own.add(key);
    setTimeout(() => this.#own.delete(key), 10_000);
  }

  #dates(roomId, ...spans) {
    const zone = this.diary.zoneOf(roomId);
    return [...new Set(spans.flatMap(({ first, last }) => [dateOf(first, zone), dateOf(last, zone)]))];
  }

  async #reload(roomId, ...spans) {
    await this.loader.refresh(roomId, this.#dates(roomId, ...spans)).catch(() => null);
  }

  /** What of a room is in the way of a span, as far as it is known. */
  inTheWay(roomId, span, but = null) {
    return within(span, this.diary.between(roomId, span.first, endOf(span)), but?.id);
  }

  /* --- Booking ----------------------------------------------------------- */

  /** Raises what the server refused it with. */
  async book(span, values, rule, { skip }) {
    const body = { ...values, ...times(span), ...(rule ? { recurrence: rule, skip_conflicts: skip } : {}) };
    this.#expect(values.room_id, span);
    const { booking, bookings, skipped } = await calls.book(body);
    await this.#reload(values.room_id, span);
    const zone = this.diary.zoneOf(values.room_id);
    const text = bookings ? seriesText(bookings.length, skipped?.length ?? 0) : gettext("Booked %(span)s.", { span: spanText(span, zone) });
    toast(text, { action: gettext("Undo"), onaction: () => this.#unbook(booking, values.room_id, span, bookings ? "all" : null) });
  }

  async #unbook(booking, roomId, span, scope) {
    try {
      await calls.remove(booking.uid, { version: scope ? null : booking.version, scope });
      await this.#reload(roomId, span);
      toast(gettext("“%(title)s” is not booked any more.", { title: booking.title }));
    } catch (error) {
      toast(error.message);
    }
  }

  preview(span, values, rule, signal) {
    return calls.preview({ ...values, title: values.title || gettext("Preview"), ...times(span), recurrence: rule }, signal);
  }

  /* --- Changing ----------------------------------------------------------- */

  /** Moves or stretches: seen at once, and back where it was if it is refused. Resolves to whether it was done. */
  async move(entry, roomId, span, { isUndo = false } = {}) {
    const old = spanOfEntry(entry);
    const zone = this.diary.zoneOf(roomId);
    const takeBack = this.diary.assume(entry, { roomId, from: span.first, to: endOf(span) });
    this.on.changed();
    this.#expect(roomId, span);
    try {
      const values = { ...times(span), ...(roomId === entry.roomId ? {} : { room_id: roomId }), version: entry.version };
      const { booking } = await calls.change(entry.uid, values);
      await this.#reloadBoth(entry.roomId, roomId, old, span);
      const changed = { ...entry, roomId, from: span.first, to: endOf(span), version: booking.version };
      const text = movedText(spanText(span, zone), { isUndo, isAsLong: lengthOf(old) === lengthOf(span) });
      toast(text, isUndo ? {} : { action: gettext("Undo"), onaction: () => this.move(changed, entry.roomId, old, { isUndo: true }) });
      return true;
    } catch (error) {
      takeBack();
      this.on.changed();
      await this.#reloadBoth(entry.roomId, roomId, old, span);
      const why = this.why(error, roomId, span, { but: entry, responsibleId: entry.responsibleId });
      toast([why, gettext("“%(title)s” is where it was.", { title: entry.title })].join(" "));
      return false;
    }
  }

  async #reloadBoth(from, to, old, span) {
    await this.#reload(from, old, ...(from === to ? [span] : []));
    if (from !== to) await this.#reload(to, span);
  }

  /** Raises what the server refused it with; resolves to false if one thought better of it. */
  async edit(entry, span, values) {
    const scope = entry.series ? await this.#askScope(gettext("Change which of them?"), gettext("Change this one")) : null;
    if (entry.series && !scope) return false;
    const old = spanOfEntry(entry);
    const isMoved = old.first !== span.first || old.last !== span.last;
    this.#expect(values.room_id, span);
    await calls.change(entry.uid, {
      ...values,
      ...(isMoved ? times(span) : {}),
      version: entry.version,
      ...(scope ? { scope } : {}),
    });
    await this.#reloadBoth(entry.roomId, values.room_id, old, span);
    toast(scope && scope !== "one" ? gettext("The series is changed.") : gettext("“%(title)s” is changed.", { title: values.title }));
    return true;
  }

  /** Deletes, with Undo. Resolves to whether it was done. */
  async remove(entry) {
    const scope = entry.series ? await this.#askScope(gettext("Delete which of them?"), gettext("Delete this one")) : null;
    if (entry.series && !scope) return false;
    const span = spanOfEntry(entry);
    const takeBack = this.diary.drop(entry);
    this.on.changed();
    try {
      await calls.remove(entry.uid, { version: scope && scope !== "one" ? null : entry.version, scope });
    } catch (error) {
      takeBack();
      this.on.changed();
      await this.#reload(entry.roomId, span);
      toast([error.message, gettext("“%(title)s” is still there.", { title: entry.title })].join(" "));
      return false;
    }
    toast(scope && scope !== "one" ? gettext("The series is deleted.") : gettext("“%(title)s” is deleted.", { title: entry.title }), {
      action: gettext("Undo"),
      onaction: () => this.#restore(entry, span, scope),
    });
    await this.#reload(entry.roomId, span);
    return true;
  }

  async #restore(entry, span, scope) {
    this.#expect(entry.roomId, span);
    try {
      await calls.restore(entry.uid, scope);
      await this.#reload(entry.roomId, span);
      toast(gettext("“%(title)s” is back.", { title: entry.title }));
    } catch (error) {
      await this.#reload(entry.roomId, span);
      const why = this.why(error, entry.roomId, span, { responsibleId: entry.responsibleId });
      toast([why, gettext("“%(title)s” stays deleted.", { title: entry.title })].join(" "));
    }
  }

  async #askScope(title, onlyThis) {
    return ask({
      title,
      body: [el("p", { class: "muted" }, gettext("It is part of a series."))],
      actions: [
        { text: gettext("None"), value: null, safe: true },
        { text: onlyThis, value: "one" },
        { text: gettext("This and following"), value: "following" },
        { text: gettext("All of them"), value: "all" },
      ],
    });
  }

  /* --- Refusals ------------------------------------------------------------ */

  /** Why a span was refused, naming who has it: the room's day has just been loaded again. */
  why(error, roomId, span, { but = null, responsibleId = this.userId } = {}) {
    if (error.code !== "overlap") return error.message;
    const zone = this.diary.zoneOf(roomId);
    const [winner] = this.inTheWay(roomId, span, but);
    if (winner) {
      if (!winner.isMine) return winnerWords(winner, zone);
      return gettext("You have “%(title)s” there, %(time)s.", { title: winner.title, time: spanText(spanOfEntry(winner), zone) });
    }
    const [elsewhere] = error.problem.conflicts ?? [];
    if (!elsewhere) return error.message;
    const busy = { first: Date.parse(elsewhere.starts_at), last: Date.parse(elsewhere.ends_at) - 60_000 };
    const when = `${shortDate(dateOf(busy.first, zone))}, ${spanText(busy, zone)}`;
    const what = elsewhere.title ? gettext("“%(title)s”, %(when)s", { title: elsewhere.title, when }) : when;
    if (busy.first > span.last || busy.last < span.first) return gettext("Another date of the series is taken: %(what)s.", { what });
    return responsibleId === this.userId
      ? gettext("You are busy then: %(what)s.", { what })
      : gettext("The responsible person is busy then: %(what)s.", { what });
  }

  /** What is left of a span that runs over something. */
  rest(roomId, span) {
    return freeBeginning(span, this.inTheWay(roomId, span));
  }

  /** Tells once of what others did; returns the ids that should flash. */
  hear(news) {
    const others = news.filter(({ entry }) => !this.isOwn(entry) && !entry.isPending);
    const [first] = others;
    if (!first) return [];
    const zone = this.diary.zoneOf(first.entry.roomId);
    const told = newsText(first, spanText(spanOfEntry(first.entry), zone));
    const more = others.length > 1 ? ngettext("And %(num)d more.", "And %(num)d more.", others.length - 1) : "";
    announce(more ? [told, more].join(" ") : told);
    return others.filter(({ what: kind }) => kind !== "removed").map(({ entry }) => entry.id);
  }
}
