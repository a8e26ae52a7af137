// Seats: book, replace, cancel, wait. Never optimistic: a button waits for the server, and what it
// then shows is the server's. Each of them can be undone for eight seconds, by calls like any other.

import { api, Attempt, command } from "../api.js";
import { ask } from "../dialog.js";
import { el, icon } from "../dom.js";
import { gettext, listText, ngettext } from "../texts.js";
import { periodText, shortDayText, zoneShort } from "../time.js";
import { toast } from "../toast.js";
import { overlaps, stateOf } from "./sessions.js";

const seatPath = (id) => `/api/sessions/${id}/seat`;
const waitPath = (id) => `/api/sessions/${id}/waitlist`;
/** A title in a sentence: enough of it to know which one. */
function shortened({ title = gettext("something else") }) {
  return title.length > 48 ? `${title.slice(0, 47).trimEnd()}…` : title;
}

export class Desk {
  #hush = null; // closes what was told last
  #attempts = new Map(); // one per session: an uncertain answer is asked for again with its key

  /** `find(id)` knows sessions, `booked()` lists own ones, `refresh(ids)` reads the truth and shows it. */
  constructor({ zone, find, booked, refresh }) {
    Object.assign(this, { zone, find, booked, refresh });
  }

  /** One at a time: what an older Undo would take back may no longer be there. */
  #tell(text, options) {
    this.#hush?.();
    this.#hush = toast(text, options);
  }

  /** Does what a session's button says. */
  async act(name, session) {
    this.#hush?.();
    try {
      if (name === "book") await this.book(session);
      else if (name === "release") await this.release(session);
      else if (name === "wait") await this.wait(session);
      else await this.leave(session);
    } catch (error) {
      this.#tell(error.isUncertain ? gettext("No answer. Nothing is certain until this page shows it; please try again in a moment.") : error.message);
      await this.#look([session.id]);
    }
  }

  async book(session, replace = []) {
    let answer;
    try {
      answer = await this.#send(session, replace);
    } catch (error) {
      if (error.code === "overlap") return this.#overlap(session, error.problem.conflicts ?? []);
      if (error.code === "session_full") return this.#full(session, error.problem, replace.length > 0);
      throw error;
    }
    await this.#look([session.id]);
    this.#tell(gettext("Booked: “%(title)s”.", { title: shortened(session) }), { action: gettext("Undo"), onaction: () => this.#undo(() => this.#giveBack(session)) });
    return answer;
  }

  async release(session) {
    await api("DELETE", seatPath(session.id));
    await this.#look([session.id]);
    this.#tell(gettext("Cancelled: “%(title)s”.", { title: shortened(session) }), { action: gettext("Undo"), onaction: () => this.#undo(() => this.#takeAgain(session)) });
  }

  async wait(session) {
    const { position } = await api("POST", waitPath(session.id), { body: {} });
    await this.#look([session.id]);
    this.#tell(position === 1 ? gettext("You are first on the waitlist. The next seat is yours.") : gettext("You are number %(position)s on the waitlist.", { position }), {
      action: gettext("Undo"),
      onaction: () => this.#undo(() => this.leave(session)),
    });
  }

  async leave(session) {
    await api("DELETE", waitPath(session.id));
    await this.#look([session.id]);
    this.#tell(gettext("You left the waitlist of “%(title)s”.", { title: shortened(session) }));
  }

  #send(session, replace) {
    if (!this.#attempts.has(session.id)) this.#attempts.set(session.id, new Attempt());
    const body = replace.length ? { replace } : {};
    return command("POST", seatPath(session.id), body, this.#attempts.get(session.id));
  }

  /** Reads the sessions again; a failure leaves what is shown, which the connection note explains. */
  async #look(ids) {
    try {
      await this.refresh(ids);
    } catch {
      // Live messages or the next poll bring it.
    }
  }

  async #undo(action) {
    try {
      await action();
    } catch (error) {
      this.#tell(error.message);
    }
  }

  /* --- Replace ----------------------------------------------------------- */

  async #overlap(session, conflicts) {
    const replaceable = conflicts.length > 0 && conflicts.every((each) => each.uid);
    const mine = conflicts.map((each) => this.#known(each) ?? each);
    const answer = await ask({
      title: conflicts.length > 1 ? ngettext("Replace %(num)d booking?", "Replace %(num)d bookings?", conflicts.length) : gettext("Replace “%(title)s”?", { title: shortened(mine[0] ?? {}) }),
      wide: true,
      body: [
        el(
          "p",
          { class: "muted" },
          replaceable
            ? gettext("Both are at the same time. Your booking is given up only when the new seat is certain.")
            : gettext("You have something else at that time. It does not belong to this event, so it cannot be replaced from here."),
        ),
        el(
          "div",
          { class: "swap" },
          el("div", { class: "stack stack--tight" }, ...mine.map((each) => this.#card(replaceable ? gettext("You give up") : gettext("You have"), each, "lost"))),
          el("span", { class: "swap__arrow" }, icon("arrow-right")),
          this.#card(gettext("You get"), session, "gained"),
        ),
      ],
      actions: [
        { text: conflicts.length > 1 ? gettext("Keep what I have") : gettext("Keep"), value: null, safe: true },
        ...(replaceable ? [{ text: gettext("Replace"), value: "replace", look: "button--primary" }] : []),
      ],
    });
    if (answer === "replace") await this.#replace(session, conflicts, mine);
  }

  async #replace(session, conflicts, mine) {
    const uids = conflicts.map((each) => each.uid);
    const lost = await Promise.all(conflicts.map((each) => this.#described(each)));
    let answer;
    try {
      answer = await this.#send(session, uids);
    } catch (error) {
      if (error.code === "overlap") return this.#overlap(session, error.problem.conflicts ?? []);
      if (error.code === "session_full") return this.#full(session, error.problem, true, mine);
      throw error;
    }
    await this.#look([session.id, ...mine.map((each) => each.id).filter(Boolean)]);
    const canUndo = lost.every((each) => each && each.kind !== "reservation");
    this.#tell(
      gettext("Replaced. You have a seat in “%(title)s”.", { title: shortened(session) }),
      canUndo ? { action: gettext("Undo"), onaction: () => this.#undo(() => this.#restore(session, answer.booking, lost)) } : {},
    );
    return answer;
  }

  /** The other way round: one transaction gives up the new seat and takes the old booking. */
  async #restore(session, booking, lost) {
    const [first, ...more] = lost;
    try {
      await this.#again(first, [booking.uid]);
      for (const each of more) await this.#again(each, []);
      this.#tell(gettext("Undone. You have “%(title)s” again.", { title: shortened(first) }));
    } catch (error) {
      const gone = error.code === "session_full" || error.code === "slot_taken";
      this.#tell(
        gone
          ? gettext("“%(lost)s” is taken meanwhile. You keep “%(kept)s”.", { lost: shortened(first), kept: shortened(session) })
          : gettext("This could not be undone. %(reason)s", { reason: error.message }),
      );
    }
    await this.#look([session.id, ...lost.map((each) => each.event_session?.id).filter(Boolean)]);
  }

  #again(booking, replace) {
    const body = replace.length ? { replace } : {};
    if (booking.kind === "seat") return command("POST", seatPath(booking.event_session.id), body, new Attempt());
    const { name, email, phone, notes } = booking.attendee;
    return command(
      "POST",
      "/api/bookings",
      { event_type_id: booking.event_type.id, starts_at: booking.starts_at, name, email, phone, notes, ...body },
      new Attempt(),
    );
  }

  async #described(conflict) {
    try {
      return (await api("GET", `/api/bookings/${conflict.uid}`)).booking;
    } catch {
      return null; // then there is no Undo
    }
  }

  #known(conflict) {
    return conflict.kind === "seat" ? this.booked().find((each) => each.starts_at === conflict.starts_at && each.title === conflict.title) : null;
  }

  #card(label, thing, look) {
    return el(
      "div",
      { class: `swap__side swap__side--${look}` },
      el("p", { class: "swap__label" }, label),
      el("p", {}, el("strong", {}, thing.title ?? gettext("Something else"))),
      el("p", { class: "small muted figures" }, `${shortDayText(thing.starts_at, this.zone())}, ${periodText(thing.starts_at, thing.ends_at, this.zone())} ${zoneShort(thing.starts_at, this.zone())}`),
      thing.room && el("p", { class: "small muted" }, thing.room.name),
    );
  }

  /* --- Full ---------------------------------------------------------------- */

  async #full(session, problem, isReplace, kept = null) {
    await this.#look([session.id]);
    const standing = kept ?? this.booked().filter((each) => overlaps(each, session) && each.id !== session.id);
    const runs = problem.alternatives ?? [];
    const canWait = problem.waitlist !== false && stateOf(this.find(session.id) ?? session) === "full";
    const answer = await ask({
      title: gettext("“%(title)s” is full", { title: shortened(session) }),
      body: [
        el("p", {}, this.#whatStands(standing, isReplace)),
        runs.length > 0 && el("p", { class: "muted" }, gettext("It runs again, with seats left:")),
        runs.length > 0 &&
          el(
            "ul",
            { class: "runs" },
            ...runs.map((run) =>
              el(
                "li",
                {},
                el("span", { class: "figures" }, `${shortDayText(run.starts_at, this.zone())}, ${periodText(run.starts_at, this.find(run.id)?.ends_at ?? run.starts_at, this.zone())}`),
                el("button", { class: "button button--small", type: "button", onclick: (event) => this.#choose(event, run) }, gettext("Book %(time)s", { time: shortDayText(run.starts_at, this.zone()) })),
              ),
            ),
          ),
      ].filter(Boolean),
      actions: [
        { text: gettext("Close"), value: null, safe: true },
        ...(canWait ? [{ text: gettext("Join the waitlist"), value: "wait", look: "button--primary" }] : []),
      ],
    });
    if (answer === "wait") await this.wait(session);
  }

  #whatStands(standing, isReplace) {
    if (standing.length) {
      const titles = listText(standing.map((each) => gettext("“%(title)s”", { title: shortened(each) })));
      return ngettext(
        "Somebody took the last seat a moment ago. Nothing was given up: %(titles)s still stands.",
        "Somebody took the last seat a moment ago. Nothing was given up: %(titles)s still stand.",
        standing.length,
        { titles },
      );
    }
    if (isReplace) return gettext("Somebody took the last seat a moment ago. Nothing was given up: your booking still stands.");
    return gettext("Somebody took the last seat a moment ago.");
  }

  #choose(event, run) {
    const dialog = event.currentTarget.closest("dialog");
    dialog.dispatchEvent(new Event("cancel", { cancelable: true })); // as Escape does: it resolves
    this.act("book", this.find(run.id) ?? run);
  }

  /* --- Undo ------------------------------------------------------------------ */

  async #giveBack(session) {
    await api("DELETE", seatPath(session.id));
    await this.#look([session.id]);
    this.#tell(gettext("Undone. Your seat in “%(title)s” is given back.", { title: shortened(session) }));
  }

  async #takeAgain(session) {
    try {
      await command("POST", seatPath(session.id), {}, new Attempt());
      this.#tell(gettext("Undone. You have your seat in “%(title)s” again.", { title: shortened(session) }));
    } catch (error) {
      if (error.code !== "session_full") throw error;
      this.#tell(gettext("Somebody else has that seat already."), { action: gettext("Join the waitlist"), onaction: () => this.act("wait", session) });
    }
    await this.#look([session.id]);
  }
}

/** Runs a command of a button: pending at once, and only one at a time. */
export async function pending(button, action) {
  if (button.getAttribute("aria-busy")) return;
  button.setAttribute("aria-busy", "true");
  try {
    await action();
  } finally {
    button.removeAttribute("aria-busy");
  }
}
