// What is done less often: copy a day, close rooms, export, and the list of keys.

import { ask } from "../dialog.js";
import { el, icon } from "../dom.js";
import { gettext, ngettext } from "../texts.js";
import { toast } from "../toast.js";
import { addDays } from "../time.js";
import * as calls from "./calls.js";
import { MINUTE, clockText, dateOf, instantsOf } from "./local-day.js";
import { shortDate, spanText } from "./words.js";

const WHY = {
  taken: gettext("Taken"),
  missing: gettext("The clocks skip that time"),
  past: gettext("In the past"),
  left: gettext("Its person has left"),
};

let serial = 0;

function field(label, control, help = "") {
  serial += 1;
  const id = `tool-${serial}`;
  control.id = id;
  control.classList.add("input");
  if (help) control.setAttribute("aria-describedby", `${id}-help`);
  return el("div", { class: "field" }, el("label", { class: "field__label", for: id }, label), control, help && el("p", { class: "field__help", id: `${id}-help` }, help));
}

function check(label, checked = false) {
  const box = el("input", { type: "checkbox", checked });
  return { box, node: el("label", { class: "check" }, box, label) };
}

const dateInput = (value) => el("input", { type: "date", value, required: true });
const timeInput = (value) => el("input", { type: "time", value, required: true });

export class Tools {
  /** `refresh(roomId)` loads a room again. */
  constructor(root, { rooms, isAdmin, place, zoneOf, refresh, keys }) {
    Object.assign(this, { rooms, isAdmin, place, zoneOf, refresh });
    const tools = { copy: () => this.#copy(), blackouts: () => this.#blackouts(), export: () => this.#export(), keys };
    root.addEventListener("click", (event) => {
      const tool = event.target.closest?.("[data-tool]")?.dataset.tool;
      if (tool) tools[tool]();
    });
  }

  #roomSelect({ all = null } = {}) {
    const select = el("select", {}, ...(all ? [new Option(all, "")] : []), ...this.rooms.map((room) => new Option(room.name, room.id)));
    select.value = String(this.place().room);
    return select;
  }

  /* --- Copy a day -------------------------------------------------------- */

  async #copy() {
    const { date } = this.place();
    const room = this.#roomSelect({ all: gettext("All rooms") });
    const [from, to] = [dateInput(date), dateInput(addDays(date, 7))];
    const own = check(gettext("Only my bookings"), true);
    const outlook = el("div", { role: "status" });
    const values = () => ({ from: from.value, to: to.value, whose: own.box.checked || !this.isAdmin ? "own" : "all", ...(room.value ? { room_id: Number(room.value) } : {}) });
    const look = async () => {
      try {
        outlook.replaceChildren(copyOutlook(await calls.copyDay({ ...values(), dry_run: true })));
      } catch (error) {
        outlook.replaceChildren(el("p", { class: "field__error" }, reasonsOf(error)));
      }
    };
    for (const control of [room, from, to, own.box]) control.addEventListener("change", look);
    look();
    let made = null;
    await ask({
      title: gettext("Copy a day"),
      body: [
        el("div", { class: "field-row" }, field(gettext("From"), from), field(gettext("To"), to)),
        field(gettext("Room"), room),
        this.isAdmin ? own.node : el("p", { class: "muted" }, gettext("Your own bookings are copied.")),
        outlook,
      ],
      actions: [
        { text: gettext("Close"), value: null, safe: true },
        { text: gettext("Copy what is free"), value: "copy", look: "button--primary" },
      ],
      onsubmit: async () => (made = await calls.copyDay({ ...values(), skip_conflicts: true }).catch(rethrow)),
    });
    if (!made) return;
    const again = () => Promise.all((room.value ? [Number(room.value)] : this.rooms.map((each) => each.id)).map((id) => this.refresh(id).catch(() => null)));
    await again();
    const count = made.bookings.length;
    toast(ngettext("One booking is copied.", "%(num)d bookings are copied.", count), {
      action: count ? gettext("Undo") : null,
      onaction: async () => {
        const gone = await Promise.allSettled(made.bookings.map(({ uid, version }) => calls.remove(uid, { version })));
        await again();
        const kept = gone.filter((each) => each.status === "rejected").length;
        toast(kept ? ngettext("%(num)d could not be taken back.", "%(num)d could not be taken back.", kept) : gettext("The copies are deleted."));
      },
    });
  }

  /* --- Closed times ------------------------------------------------------ */

  async #blackouts() {
    const zone = this.zoneOf();
    const { date, room: shown } = this.place();
    const room = this.#roomSelect();
    const list = el("ul", { class: "list closed-list" });
    const [fromDate, toDate] = [dateInput(date), dateInput(date)];
    const [fromTime, toTime] = [timeInput("18:00"), timeInput("23:59")];
    const reason = el("input", { type: "text", maxlength: "300", required: true });
    const show = async () => {
      const zoneThen = this.zoneOf(Number(room.value));
      try {
        const answer = await calls.listBlackouts(room.value);
        const { items } = answer;
        list.replaceChildren(
          ...(items.length ? items.map((each) => this.#blackout(each, zoneThen, show)) : [el("li", { class: "list__row muted" }, gettext("Nothing to come is closed."))]),
        );
      } catch (error) {
        list.replaceChildren(el("li", { class: "list__row" }, error.message));
      }
    };
    room.addEventListener("change", show);
    show();
    const answer = await ask({
      title: gettext("Closed times"),
      wide: true,
      body: [
        field(gettext("Room"), room),
        list,
        el("h3", {}, gettext("Close the room")),
        el(
          "div",
          { class: "field-row" },
          field(gettext("First day"), fromDate),
          field(gettext("From"), fromTime),
          field(gettext("Last day"), toDate),
          field(gettext("Last minute, included"), toTime),
        ),
        field(gettext("Why"), reason, gettext("Everybody who looks at the room reads this.")),
      ],
      actions: [
        { text: gettext("Done"), value: null, safe: true },
        { text: gettext("Close the room"), value: "close", look: "button--primary" },
      ],
      onsubmit: async () => {
        const zoneThen = this.zoneOf(Number(room.value));
        const [first] = instantsOf(fromDate.value, fromTime.value || "x", zoneThen);
        const last = instantsOf(toDate.value, toTime.value || "x", zoneThen).at(-1);
        if (first === undefined || last === undefined) throw new Error(gettext("Please enter both days and both times, as clocks show them."));
        if (!reason.value.trim()) throw new Error(gettext("Please say why."));
        await calls
          .addBlackout(Number(room.value), { starts_at: new Date(first).toISOString(), ends_at: new Date(last + MINUTE).toISOString(), reason: reason.value.trim() })
          .catch((error) => rethrow(error, zone));
      },
    });
    if (!answer) return;
    await this.refresh(Number(room.value)).catch(() => null);
    if (Number(room.value) !== shown) await this.refresh(shown).catch(() => null);
    toast(gettext("%(room)s is closed then.", { room: this.rooms.find((each) => each.id === Number(room.value)).name }));
  }

  #blackout(blackout, zone, again) {
    const [first, last] = [Date.parse(blackout.starts_at), Date.parse(blackout.ends_at) - MINUTE];
    const date = dateOf(first, zone) === dateOf(last, zone) ? `${shortDate(dateOf(first, zone))}, ` : "";
    const open = async (event) => {
      event.currentTarget.disabled = true;
      await calls.removeBlackout(blackout.uid).catch(() => null);
      await Promise.all([again(), this.refresh(blackout.room?.id ?? this.place().room).catch(() => null)]);
    };
    return el(
      "li",
      { class: "list__row" },
      el("span", { class: "list__main" }, el("span", { class: "list__title" }, blackout.reason), el("span", { class: "small muted figures" }, `${date}${spanText({ first, last }, zone)}`)),
      el("button", { class: "button button--small", type: "button", "aria-label": gettext("Open again: %(reason)s", { reason: blackout.reason }), onclick: open }, gettext("Open again")),
    );
  }

  /* --- Export ------------------------------------------------------------ */

  async #export() {
    const { date } = this.place();
    const room = this.#roomSelect({ all: gettext("All rooms") });
    const [from, to] = [dateInput(date), dateInput(addDays(date, 6))];
    const answer = await ask({
      title: gettext("Export as CSV"),
      body: [el("div", { class: "field-row" }, field(gettext("First day"), from), field(gettext("Last day"), to)), field(gettext("Room"), room)],
      actions: [
        { text: gettext("Close"), value: null, safe: true },
        { text: gettext("Download"), value: "download", look: "button--primary" },
      ],
      onsubmit: async () => {
        if (!from.value || !to.value) throw new Error(gettext("Please enter both days."));
        if (to.value < from.value) throw new Error(gettext("The last day is before the first."));
      },
    });
    if (answer) location.assign(calls.exportUrl({ from: from.value, to: to.value, room_id: room.value || null }));
  }
}

function reasonsOf(error) {
  return Object.values(error.errors ?? {}).flat().join(" ") || error.message;
}

/** A dialog shows an error's message: that of the fields says more. */
function rethrow(error, zone = null) {
  const [blocking] = error.problem?.conflicts ?? [];
  if (error.code === "overlap" && blocking && zone) {
    const at = Date.parse(blocking.starts_at);
    const [date, time] = [shortDate(dateOf(at, zone)), clockText(at, zone)];
    throw new Error(gettext("Something is booked then, first on %(date)s at %(time)s. Move or delete it first.", { date, time }));
  }
  throw new Error(reasonsOf(error));
}

function copyOutlook({ items, free, conflicting }) {
  if (!items.length) return el("p", { class: "muted" }, gettext("There is nothing to copy on that day."));
  const sum = conflicting
    ? gettext("%(free)s of %(all)s are free on the other day. The others are left out.", { free, all: free + conflicting })
    : ngettext("The one booking is free on the other day.", "All %(num)d are free on the other day.", free);
  return el(
    "div",
    { class: "stack stack--tight" },
    el("p", { class: "repeat__sum" }, icon(conflicting ? "triangle-alert" : "circle-check"), sum),
    el(
      "ul",
      { class: "repeat__list", tabindex: "0", "aria-label": gettext("What is left out") }, // it scrolls
      ...items
        .filter((each) => each.why)
        .map((each) => el("li", { class: "repeat__date repeat__date--taken" }, el("span", {}, each.title), el("span", { class: "repeat__state" }, icon("ban"), WHY[each.why] ?? WHY.taken))),
    ),
  );
}
