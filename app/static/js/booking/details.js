// The last step: who is coming, and the sending. Whatever is refused, what was typed stays.

import { ApiError, Attempt, command } from "../api.js";
import { askReplace } from "../dialog.js";
import { announce, el, icon } from "../dom.js";
import { check, clearErrors, showErrors, showFailure } from "../forms.js";
import { gettext } from "../texts.js";
import { addMinutes, dateKey, periodText, shortDayText, timeText, zoneShort } from "../time.js";

/** Whether all in a group's slot move, as far as the host was asked. */
export const withGroup = (form) => (form.elements.namedItem("with_group")?.checked ? { with_group: true } : {});

export class Details {
  #attempt = new Attempt();
  #isSending = false;
  #isUncertain = false; // sent, and nobody knows whether it was booked

  /**
   * `booker` has slots, own, eventType, expert and reschedule; `onstart(start)` tells of another
   * time taken, `ontaken()` that this one is gone, `ondone(answer)` that it is booked.
   */
  constructor(root, booker) {
    this.root = root;
    this.booker = booker;
    this.form = root.querySelector("[data-form]");
    this.submit = root.querySelector("[data-submit]");
    this.taken = root.querySelector("[data-taken]");
    this.held = root.querySelector("[data-held]");
    this.start = null;
    this.form.addEventListener("submit", (event) => this.#send(event));
  }

  /** What the button says: before it is pressed, and while it is waited for. */
  #words() {
    const { reschedule, eventType, slots } = this.booker;
    const time = timeText(this.start, slots.zone);
    if (reschedule) return [gettext("Move to %(time)s", { time }), gettext("Moving …")];
    if (eventType.requires_approval) return [gettext("Request %(time)s", { time }), gettext("Asking …")];
    return [gettext("Book %(time)s", { time }), gettext("Booking …")];
  }

  #end = () => addMinutes(this.start, this.booker.eventType.duration_minutes);

  /** Opens the form for a time. */
  open(start) {
    this.start = start;
    this.describe();
    this.#hideTaken();
    clearErrors(this.form);
    this.form.hidden = false;
    this.root.querySelector("[data-chosen]").hidden = false;
    this.root.dataset.step = "form";
    const { top } = this.root.getBoundingClientRect();
    if (top < 0) scrollTo({ top: scrollY + top, behavior: "instant" });
    this.root.querySelector("[data-form-title]").focus({ preventScroll: true });
  }

  close() {
    this.start = null;
    this.form.hidden = true;
    this.root.querySelector("[data-chosen]").hidden = true;
    this.root.dataset.step = "pick";
  }

  /** Says the chosen time wherever it is said. */
  describe() {
    const { slots, reschedule } = this.booker;
    const period = periodText(this.start, this.#end(), slots.zone);
    this.#isUncertain = false;
    this.root.querySelector("[data-chosen-text]").replaceChildren(
      el(
        "time",
        { datetime: this.start },
        el("span", {}, `${shortDayText(this.start, slots.zone)},`),
        " ",
        el("span", {}, `${period} ${zoneShort(this.start, slots.zone)}`),
      ),
    );
    this.submit.textContent = this.#words()[0];
    this.submit.removeAttribute("aria-disabled");
    if (reschedule) {
      this.root.querySelector("[data-move-text]").textContent = gettext("“%(title)s” moves to %(day)s, %(period)s. The old time is released.", {
        title: reschedule.title,
        day: shortDayText(this.start, slots.zone),
        period,
      });
    }
    this.describeSeats();
    this.describeHeld();
  }

  describeSeats() {
    const place = this.root.querySelector("[data-seats]");
    if (!place || !this.start) return;
    const left = this.booker.slots.seatsLeft(this.start);
    place.textContent = left === null ? "" : gettext("%(left)s of %(seats)s seats left", { left, seats: this.booker.slots.seats });
    place.closest("li").hidden = left === null;
  }

  /** The visitor's own bookings at this time, before anything is sent. */
  describeHeld() {
    if (!this.start) return;
    const held = this.booker.own.during(this.start);
    this.held.hidden = !held.length || !this.taken.hidden;
    if (!held.length) return;
    const { zone } = this.booker.slots;
    this.held.replaceChildren(
      icon("triangle-alert"),
      el(
        "div",
        { class: "alert__body" },
        el("p", { class: "alert__title" }, gettext("You have something else then.")),
        el(
          "ul",
          {},
          ...held.map((each) => el("li", {}, el("strong", {}, each.title), ` ${periodText(each.starts_at, each.ends_at, zone)}`)),
        ),
        el("p", {}, this.booker.reschedule ? gettext("Choose another time, or cancel that first.") : gettext("You can replace it: you are asked once more before anything is given up.")),
      ),
    );
  }

  /** The slots changed: is this one still there? */
  changed() {
    this.describeSeats();
    const { slots } = this.booker;
    if (!this.start || this.#isSending || this.#isUncertain || !this.taken.hidden) return;
    if (slots.knows(this.start) && !slots.has(this.start)) this.showTaken(this.#takenSentence(), slots.nearest(this.start));
  }

  #takenSentence = () => gettext("Someone booked %(time)s a moment ago.", { time: timeText(this.start, this.booker.slots.zone) });

  #hideTaken() {
    this.taken.hidden = true;
    delete this.root.dataset.taken;
  }

  /** The time went to somebody else: everything typed stays, near times are offered. */
  showTaken(sentence, alternatives) {
    const { zone } = this.booker.slots;
    this.submit.setAttribute("aria-disabled", "true");
    this.held.hidden = true;
    const offers = alternatives.map((instant) => {
      const isSameDay = dateKey(instant, zone) === dateKey(this.start, zone);
      const text = isSameDay ? timeText(instant, zone) : `${shortDayText(instant, zone)}, ${timeText(instant, zone)}`;
      return el("li", {}, el("button", { class: "time", type: "button", "data-start": instant, onclick: () => this.#take(instant) }, text));
    });
    this.taken.replaceChildren(
      icon("triangle-alert"),
      el(
        "div",
        { class: "alert__body" },
        el("p", { class: "alert__title" }, sentence),
        el("p", {}, offers.length ? gettext("What you typed is kept. These are free:") : gettext("What you typed is kept. Please choose another time.")),
        offers.length > 0 && el("ul", { class: "booker__alternatives" }, ...offers),
      ),
    );
    this.taken.hidden = false;
    this.root.dataset.taken = "true";
    this.taken.scrollIntoView({ block: "nearest" });
  }

  #take(instant) {
    this.start = instant;
    this.booker.onstart(instant);
    this.#hideTaken();
    clearErrors(this.form);
    this.describe();
    this.submit.focus();
    announce(gettext("%(time)s is chosen.", { time: timeText(instant, this.booker.slots.zone) }));
  }

  /* --- Sending --------------------------------------------------------- */

  async #send(event) {
    event.preventDefault();
    if (this.#isSending) return;
    if (this.submit.getAttribute("aria-disabled") === "true") return this.taken.querySelector("button")?.focus();
    clearErrors(this.form);
    const errors = check(this.form);
    if (Object.keys(errors).length) return showErrors(this.form, errors);
    const held = this.booker.own.during(this.start);
    if (held.length) await this.#overlaps(held);
    else await this.#book();
  }

  async #book(replace = []) {
    this.#isSending = true;
    const [label, doing] = this.#words();
    this.submit.setAttribute("aria-busy", "true");
    this.submit.textContent = doing;
    let answer = null;
    try {
      answer = await this.#command(replace);
    } catch (error) {
      this.submit.textContent = label;
      this.#isSending = false;
      this.#isUncertain = Boolean(error.isUncertain);
      await this.#refused(error);
    } finally {
      this.submit.removeAttribute("aria-busy");
    }
    if (answer) this.booker.ondone(answer, this.start);
  }

  #command(replace) {
    const { reschedule } = this.booker;
    if (!reschedule) return command("POST", "/api/bookings", this.#payload(replace), this.#attempt);
    const startsAt = new Date(this.start).toISOString();
    const reason = this.#value("reason");
    const why = reason ? { reason } : {};
    if (reschedule.token) {
      return command("POST", `/api/manage/${reschedule.token}`, { action: "reschedule", starts_at: startsAt, ...why }, this.#attempt);
    }
    const body = { starts_at: startsAt, version: reschedule.version, ...withGroup(this.form), ...why };
    return command("PATCH", `/api/bookings/${reschedule.uid}`, body, this.#attempt);
  }

  #value = (name) => this.form.elements.namedItem(name)?.value.trim() ?? "";

  #payload(replace) {
    const { eventType, slots } = this.booker;
    const body = {
      event_type_id: eventType.id,
      starts_at: new Date(this.start).toISOString(),
      name: this.#value("name"),
      email: this.#value("email"),
      time_zone: slots.zone,
    };
    for (const name of ["phone", "notes"]) if (this.#value(name)) body[name] = this.#value(name);
    if (replace.length) body.replace = replace;
    return body;
  }

  async #refused(error) {
    const { code, problem } = error;
    const { slots } = this.booker;
    if (code === "slot_taken") {
      const isOfAll = withGroup(this.form).with_group; // it is not free for one of them
      this.showTaken(isOfAll ? error.detail : this.#takenSentence(), problem.alternatives ?? slots.nearest(this.start));
      this.booker.ontaken();
    } else if (code === "not_offered") this.showTaken(error.detail, problem.alternatives ?? slots.nearest(this.start));
    else if (code === "overlap") await this.#overlaps(problem.conflicts ?? []);
    else if (code === "offline") this.#failed(gettext("The server cannot be reached. What you typed is kept; send it again, it is booked only once."));
    else if (code === "busy" || error.status >= 500) this.#failed(gettext("The server is busy. What you typed is kept; please try again, it is booked only once."));
    else if (code === "stale") this.#failed(gettext("This booking was changed in the meantime. Please reload the page."));
    else if (Object.keys(error.errors ?? {}).length) showErrors(this.form, error.errors);
    else if (error instanceof ApiError) this.#failed(error.message);
    else throw error;
  }

  #failed = (words) => showFailure(this.form, words);

  async #overlaps(conflicts) {
    const { eventType, expert, reschedule, slots } = this.booker;
    const own = conflicts.filter((each) => each.uid);
    const isReplaceable = !reschedule && own.length > 0 && own.length === conflicts.length;
    if (!isReplaceable) return this.showTaken(gettext("You have something else at this time."), slots.nearest(this.start));
    const gained = { title: `${eventType.title} · ${expert.name}`, starts_at: this.start, ends_at: this.#end() };
    if (await askReplace(own, gained)) await this.#book(own.map((each) => each.uid));
  }
}
