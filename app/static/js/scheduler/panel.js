// Below the minutes: what to do next, the form of a selection, or the details of a booking.
// What is typed stays, whatever else happens.

import { el, icon } from "../dom.js";
import { clearErrors, showErrors } from "../forms.js";
import { gettext, ngettext } from "../texts.js";
import { MINUTE, boundsOf, clockText, dateOf, instantsOf, offsetText } from "./local-day.js";
import { Repeat } from "./repeat.js";
import { EVENT_TYPES, entryIcon, lengthText, shortDate, spanOfEntry, spanText, spanWords } from "./words.js";

const KINDS = {
  reservation: gettext("Booking"),
  appointment: gettext("Appointment"),
  event_session: gettext("Event session"),
  blackout: gettext("Closed"),
};
const READ_ONLY = {
  appointment: gettext("This is an expert's appointment. It is changed by its expert or its client."),
  event_session: gettext("This is part of an event. It is changed in the back-office."),
  blackout: gettext("The room is closed then. Admins open it under “Closed times”."),
};

/** What to do next: a title and a text. */
function hintOf({ name, entry, time }) {
  if (name === "anchor") {
    return [gettext("From %(time)s: choose the last minute", { time }), gettext("It is included. Another hour or day will do as well; Esc begins anew.")];
  }
  if (name === "move") {
    const length = lengthText((entry.to - entry.from) / MINUTE);
    return [
      gettext("Move “%(title)s”: choose its new first minute", { title: entry.title }),
      gettext("It stays %(length)s long. In any hour, day or room; Esc leaves it where it is.", { length }),
    ];
  }
  if (name === "stretch") {
    return [gettext("“%(title)s”: choose its new last minute", { title: entry.title }), gettext("It is included. Esc leaves it as it is.")];
  }
  const mayDrag = matchMedia("(pointer: fine)").matches;
  return [
    gettext("Choose the first minute"),
    mayDrag ? gettext("Then the last one: both are included. Or drag over them.") : gettext("Then the last one: both are included."),
  ];
}

export class Panel {
  #span = null;
  #entry = null; // of the form: the booking that it changes
  #isTyped = false;

  /** `on` has: submit(), times(span, roomId), act(name), cancel(), preview(recurrence, signal). */
  constructor(root, { rooms, zoneOf, now }, on) {
    const find = (name) => root.querySelector(`[data-${name}]`);
    Object.assign(this, { root, rooms, zoneOf, now, on, form: find("form"), title: find("panel-title"), alertBox: find("panel-alert"), hint: find("panel-hint"), hintText: find("hint-text") });
    Object.assign(this, { details: find("panel-details"), facts: find("facts"), actions: find("detail-actions"), save: find("save"), close: find("panel-close") });
    Object.assign(this, { timesFold: find("times-fold"), timesText: find("times-text"), repeatFold: find("repeat-fold"), roomField: find("form-room") });
    this.repeat = new Repeat(this.repeatFold, { preview: on.preview, onchange: () => this.#nameSave() });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      on.submit();
    });
    for (const name of ["from_date", "starts_at", "from_run", "to_date", "ends_at", "to_run"]) this.#field(name).addEventListener("change", () => this.#readTimes(name));
    this.#field("room_id").addEventListener("change", () => this.#readTimes("room_id"));
    find("panel-cancel").addEventListener("click", () => on.cancel());
    this.close.addEventListener("click", () => on.cancel());
    root.addEventListener("click", (event) => {
      const act = event.target.closest?.("[data-act]")?.dataset.act;
      if (act) on.act(act);
    });
    root.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      on.cancel();
    });
  }

  #field(name) {
    return this.form.elements.namedItem(name);
  }

  #part(shown) {
    for (const part of ["hint", "details", "form"]) this[part].hidden = part !== shown;
    this.root.dataset.part = shown;
  }

  /** Shows what a mode of the page asks for (see scheduler.js). */
  show({ name, entry, span, roomId, anchor }, { canZoom }) {
    if (name !== "span") this.alert(null);
    if (name === "span") this.#showForm({ span, roomId, entry });
    else if (name === "view") this.#showDetails(entry, { canZoom });
    else this.#showHint(...hintOf({ name, entry, time: name === "anchor" && clockText(anchor, this.zoneOf(roomId)) }), { closable: name !== "idle" });
  }

  /** Nothing is chosen yet, or something is to be chosen for a booking. */
  #showHint(title, text, { closable = false } = {}) {
    this.title.textContent = title;
    this.hintText.textContent = text;
    this.close.hidden = !closable;
    this.hint.querySelector("[data-type-times]").hidden = closable;
    this.#part("hint");
  }

  /** A selection to be booked, or of `entry` to be changed; `span` is null while times are to be typed. */
  #showForm({ span, roomId, entry = null }) {
    if (entry && entry.id !== this.#entry?.id) this.#fillFrom(entry);
    if (!entry && this.#entry) this.clear();
    this.#entry = entry;
    this.roomId = roomId;
    this.#span = span;
    this.close.hidden = true;
    this.roomField.hidden = !entry;
    this.repeatFold.hidden = Boolean(entry);
    this.#field("room_id").value = String(roomId);
    if (!this.#isTyped) this.#writeTimes();
    this.#isTyped = false;
    this.#nameSpan();
    this.repeat.spanChanged(span, this.zoneOf(roomId));
    this.#part("form");
  }

  #fillFrom(entry) {
    this.clear();
    this.#field("title").value = entry.title;
    this.#field("event_type").value = entry.eventType;
    const responsible = this.#field("responsible_user_id");
    if (!responsible || !entry.responsibleId) return;
    if (![...responsible.options].some((option) => option.value === String(entry.responsibleId))) responsible.append(new Option(entry.owner, entry.responsibleId));
    responsible.value = String(entry.responsibleId);
  }

  #showDetails(entry, { canZoom }) {
    const zone = this.zoneOf(entry.roomId);
    const span = spanOfEntry(entry);
    const room = this.rooms.find((each) => each.id === entry.roomId);
    this.title.textContent = entry.title;
    const fact = (name, ...content) => el("li", {}, icon(name), el("span", {}, ...content));
    const isOver = entry.to <= this.now();
    const facts = [
      fact("clock", el("span", { class: "figures" }, `${shortDate(dateOf(span.first, zone))}, ${spanWords(span, zone)}`)),
      fact("map-pin", room.name),
      fact(entry.isMine || entry.kind !== "reservation" ? entryIcon(entry) : "user-round", entry.isMine ? gettext("Yours") : entry.owner || KINDS[entry.kind]),
    ];
    if (entry.eventType) facts.push(fact("video", EVENT_TYPES[entry.eventType]));
    if (entry.series) facts.push(fact("repeat-2", gettext("Part of a series")));
    if (entry.kind !== "reservation") facts.push(fact("lock", READ_ONLY[entry.kind] ?? gettext("It cannot be changed here.")));
    else if (!entry.mayChange) facts.push(fact("lock", entry.owner ? gettext("Only %(name)s and admins can change this.", { name: entry.owner }) : gettext("Only its owner and admins can change this.")));
    else if (isOver) facts.push(fact("history", gettext("It is over.")));
    this.facts.replaceChildren(...facts);
    for (const button of this.actions.querySelectorAll("[data-act]")) {
      button.hidden = button.dataset.act === "zoom" ? !canZoom : !entry.mayChange || isOver;
    }
    this.close.hidden = false;
    this.#part("details");
  }

  /** Said above everything else; null takes it away. */
  alert(text, action = null) {
    this.alertBox.hidden = !text;
    if (!text) return;
    this.alertBox.replaceChildren(
      icon("triangle-alert"),
      el("div", { class: "alert__body" }, el("p", {}, text), action && el("p", {}, el("button", { class: "button button--small", type: "button", onclick: action.run }, action.text))),
    );
  }

  #nameSpan() {
    const zone = this.zoneOf(this.roomId);
    if (!this.#span) {
      this.title.textContent = this.#entry ? gettext("Choose its times") : gettext("Type the times");
      this.timesText.textContent = gettext("Date and times");
    } else {
      this.title.textContent = this.#entry ? gettext("Change “%(title)s”", { title: this.#entry.title }) : spanWords(this.#span, zone);
      const date = shortDate(dateOf(this.#span.first, zone));
      this.timesText.textContent = `${date}, ${spanWords(this.#span, zone)}`;
    }
    this.#nameSave();
  }

  #nameSave() {
    if (!this.save || this.save.getAttribute("aria-busy")) return;
    const outlook = this.repeat?.outlook;
    this.save.textContent = this.#saveText(outlook);
    this.save.disabled = Boolean(outlook && !outlook.free);
  }

  #saveText(outlook) {
    const span = this.#span && spanText(this.#span, this.zoneOf(this.roomId));
    if (this.#entry) return this.#isMoved && span ? gettext("Change to %(span)s", { span }) : gettext("Save changes");
    if (!span) return gettext("Book");
    if (!outlook) return gettext("Book %(span)s", { span });
    if (!outlook.free) return gettext("None of them is free");
    if (outlook.free < outlook.all) return ngettext("Book the %(num)d free one", "Book the %(num)d free ones", outlook.free);
    return ngettext("Book %(num)d time %(span)s", "Book %(num)d times %(span)s", outlook.all, { span });
  }

  get #isMoved() {
    const span = spanOfEntry(this.#entry);
    return span.first !== this.#span?.first || span.last !== this.#span?.last;
  }

  /** What is typed, as it is sent. */
  get values() {
    const responsible = this.#field("responsible_user_id");
    return {
      title: this.#field("title").value.trim(),
      event_type: this.#field("event_type").value || null,
      room_id: Number(this.#field("room_id").value),
      ...(responsible ? { responsible_user_id: Number(responsible.value) } : {}),
    };
  }

  /** The errors that need no server. */
  check() {
    const errors = {};
    if (!this.values.title) errors.title = [gettext("Please enter a title.")];
    if (!this.#span) errors.starts_at = [gettext("Please enter the first and the last minute.")];
    return errors;
  }

  showErrors(errors, title) {
    if (errors.starts_at || errors.ends_at || errors.room_id) this.timesFold.open = true;
    showErrors(this.form, errors, title);
  }

  busy(isBusy) {
    if (isBusy) this.save.setAttribute("aria-busy", "true");
    else this.save.removeAttribute("aria-busy");
    this.#nameSave();
  }

  clear() {
    this.#entry = null;
    this.form.reset();
    clearErrors(this.form);
    this.repeat.reset();
    this.timesFold.open = false;
    this.#isTyped = false;
  }

  clearErrors() {
    clearErrors(this.form);
  }

  openTimes(date) {
    this.timesFold.open = true;
    for (const name of ["from_date", "to_date"]) this.#field(name).value ||= date;
    this.#field("starts_at").focus();
  }

  focusTitle() {
    this.#field("title").focus({ preventScroll: true });
    this.form.scrollIntoView({ block: "nearest" });
  }

  get hasFocus() {
    return this.root.contains(document.activeElement);
  }

  focus() {
    this.title.focus({ preventScroll: true });
    this.root.scrollIntoView({ block: "nearest" });
  }

  /* --- Typed times ----------------------------------------------------- */

  #writeTimes() {
    const zone = this.zoneOf(this.roomId);
    const write = (instant, date, time, run) => {
      this.#field(date).value = instant === null ? "" : dateOf(instant, zone);
      this.#field(time).value = instant === null ? "" : clockText(instant, zone);
      this.#offerRuns(run, instant === null ? [] : instantsOf(dateOf(instant, zone), clockText(instant, zone), zone), instant, zone);
    };
    write(this.#span?.first ?? null, "from_date", "starts_at", "from_run");
    write(this.#span?.last ?? null, "to_date", "ends_at", "to_run");
  }

  /** In an hour that comes twice one has to say which. */
  #offerRuns(name, instants, chosen, zone) {
    const select = this.#field(name);
    select.hidden = instants.length < 2;
    const runText = (offset, index) => (index ? gettext("second (%(offset)s)", { offset }) : gettext("first (%(offset)s)", { offset }));
    select.replaceChildren(...instants.map((instant, index) => new Option(runText(offsetText(instant, zone), index), String(instant))));
    if (instants.includes(chosen)) select.value = String(chosen);
  }

  #readTimes(changed) {
    this.roomId = Number(this.#field("room_id").value);
    const zone = this.zoneOf(this.roomId);
    this.clearErrors();
    const read = (dateName, timeName, runName) => {
      const [date, time] = [this.#field(dateName).value, this.#field(timeName).value];
      if (!date || !time) return null;
      const instants = instantsOf(date, time.slice(0, 5), zone);
      if (!instants.length) {
        const { from, to } = boundsOf(date, zone);
        const what = { time: time.slice(0, 5), date: shortDate(date), length: lengthText((to - from) / MINUTE) };
        this.showErrors({ [timeName]: [gettext("%(time)s does not exist on %(date)s: the clocks are turned, and the day has %(length)s.", what)] });
        return null;
      }
      if (changed === dateName || changed === timeName || changed === "room_id") this.#offerRuns(runName, instants, instants[0], zone);
      return instants.length > 1 ? Number(this.#field(runName).value) : instants[0];
    };
    if (changed === "from_date" && this.#field("to_date").value < this.#field("from_date").value) this.#field("to_date").value = this.#field("from_date").value;
    const first = read("from_date", "starts_at", "from_run");
    const last = read("to_date", "ends_at", "to_run");
    if (first === null || last === null) return;
    if (last < first) return this.showErrors({ ends_at: [gettext("This is before the first minute.")] });
    this.#isTyped = true;
    this.on.times({ first, last }, this.roomId);
  }
}
