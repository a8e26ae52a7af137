// One hour as 10 x 6 minutes: an APG grid with one tab stop. It shows what it is given and tells
// what is done; what that means is decided elsewhere. Only cells that changed are touched.
// Numbers run from left to right in every language, and so do the minutes (dir="ltr" in the template).

import { el, icon } from "../dom.js";
import { gettext } from "../texts.js";
import { keyOf } from "./keys.js";
import { MINUTE, offsetText } from "./local-day.js";
import { endOf } from "./selection.js";
import { EVENT_TYPES, entryIcon, entryLook, holder, ownerText, two } from "./words.js";

const ROWS = 6;
const COLUMNS = 10;
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS };
const COMMANDS = { m: "move", l: "stretch", Delete: "delete", Backspace: "delete", Escape: "cancel", "?": "help" };

export class MinuteMatrix {
  #cells = [];
  #rows = [];
  #shown = Array(ROWS * COLUMNS).fill("");
  #drawn = Array(ROWS).fill("");
  #tabStop = 0;
  #hour = null;
  #grabbed = null;
  #wasDragged = false;

  /**
   * `on` has: act(index), look(index or null), step({index, hours, days}), command(name, index);
   * and for pointers grab(index, isEdge) -> whether to drag, drag(index), drop(index).
   */
  constructor(root, zoneOf, on) {
    this.root = root;
    this.zoneOf = zoneOf;
    this.on = on;
    this.active = 0;
    this.#build();
  }

  #build() {
    const head = el(
      "div",
      { class: "matrix__row matrix__row--head", role: "row" },
      el("span", { class: "matrix__corner", role: "columnheader" }, el("span", { class: "visually-hidden" }, gettext("Time"))),
      ...Array.from({ length: COLUMNS }, (_, column) => el("span", { class: "matrix__column", role: "columnheader" }, String(column))),
    );
    for (let row = 0; row < ROWS; row += 1) {
      const label = el("span", { class: "matrix__label figures", role: "rowheader" });
      const cells = Array.from({ length: COLUMNS }, (_, column) => {
        const index = row * COLUMNS + column;
        const cell = el("div", { class: "minute", role: "gridcell", tabindex: index ? "-1" : "0", "data-index": index });
        cell.style.gridColumn = String(column + 2);
        return cell;
      });
      this.#cells.push(...cells);
      this.#rows.push({ node: el("div", { class: "matrix__row", role: "row" }, label, ...cells), label, spans: [] });
    }
    this.root.replaceChildren(head, ...this.#rows.map((row) => row.node));
    this.root.addEventListener("keydown", (event) => this.#key(event));
    this.root.addEventListener("click", (event) => this.#click(event));
    this.root.addEventListener("pointerover", (event) => this.#hover(event));
    this.root.addEventListener("pointerleave", () => this.on.look(null));
    this.root.addEventListener("pointerdown", (event) => this.#press(event));
    this.root.addEventListener("focusin", (event) => this.#focused(event));
  }

  get hasFocus() {
    return this.root.contains(document.activeElement);
  }

  focus(index = this.active) {
    this.#activate(index);
    this.#cells[index].focus({ preventScroll: false });
  }

  /**
   * `hour` is one of hoursOf, `entries` what of the room touches it, `selection` {first, last} or
   * null, `shadow` an entry that is being moved away, `viewed` the id of one whose
   * details are shown, `now` the end of the past.
   */
  show({ hour, entries, selection = null, shadow = null, viewed = null, now, flashing = new Set() }) {
    const zone = this.zoneOf();
    const isOther = this.#hour !== hour;
    this.#hour = hour;
    const owners = hour.minutes.map((instant) => (instant === null ? null : entries.find((entry) => entry.from < instant + MINUTE && entry.to > instant)));
    const offset = hour.isTwice ? ` ${offsetText(hour.minutes.find((each) => each !== null), zone)}` : "";
    const named = new Map();
    for (let row = 0; row < ROWS; row += 1) {
      if (isOther) this.#rows[row].label.replaceChildren(el("span", { class: "matrix__hour" }, two(hour.hour)), `:${row}0`);
      for (let column = 0; column < COLUMNS; column += 1) this.#showCell(row * COLUMNS + column, { hour, owners, selection, shadow, now, offset });
      for (const run of runsOf(owners, hour.minutes, row)) {
        const longest = named.get(run.entry.id);
        if (!longest || run.length > longest.length) named.set(run.entry.id, run);
      }
    }
    for (let row = 0; row < ROWS; row += 1) this.#showSpans(row, { owners, hour, selection, shadow, viewed, named, flashing });
    this.root.setAttribute("aria-label", gettext("Minutes of %(time)s", { time: `${two(hour.hour)}:00${offset}` }));
  }

  #showCell(index, { hour, owners, selection, shadow, now, offset }) {
    const instant = hour.minutes[index];
    const entry = owners[index];
    const text = `${two(hour.hour)}:${two(index)}`;
    const isPast = instant !== null && instant < now;
    const isChosen = instant !== null && selection !== null && instant >= selection.first && instant <= selection.last;
    const words = [text + offset];
    let look = "";
    if (instant === null) {
      look = " minute--missing";
      words.push(gettext("does not exist this day"));
    } else if (entry) {
      look = ` minute--${entry.mayChange ? "grip" : "taken"}`;
      if (entry.mayChange && instant === entry.to - MINUTE && !isPast) look += " minute--edge";
      words.push(entry.kind === "blackout" ? gettext("closed") : gettext("busy"), entry.title, holder(entry));
    } else words.push(gettext("free"));
    if (isPast) {
      look += " minute--past";
      words.push(gettext("past"));
    }
    if (isChosen) {
      look += " minute--chosen";
      if (instant === selection.first || instant === selection.last) look += " minute--end";
      if (instant === selection.first) words.push(gettext("first minute"));
      if (instant === selection.last) words.push(gettext("last minute"));
    }
    if (entry && shadow && entry.id === shadow.id) words.push(gettext("being changed"));
    const isBarred = instant === null || (!entry && isPast);
    const shown = `${look}|${words.join(", ")}|${isChosen}|${isBarred}`;
    if (this.#shown[index] === shown) return;
    this.#shown[index] = shown;
    const cell = this.#cells[index];
    cell.className = `minute${look}`;
    cell.setAttribute("aria-label", words.join(", "));
    cell.setAttribute("aria-selected", String(isChosen));
    if (isBarred) cell.setAttribute("aria-disabled", "true");
    else cell.removeAttribute("aria-disabled");
    const number = instant === null || (entry && !isChosen) ? "" : two(index);
    if (cell.textContent !== number) cell.textContent = number;
  }

  /** The blocks behind the cells of a row, each as wide as its minutes. */
  #showSpans(row, { owners, hour, selection, shadow, viewed, named, flashing }) {
    const spans = runsOf(owners, hour.minutes, row).map((run) => ({
      ...run,
      look: entryLook(run.entry),
      isNamed: named.get(run.entry.id)?.row === row && named.get(run.entry.id)?.column === run.column,
      isShadow: shadow?.id === run.entry.id,
      isViewed: viewed === run.entry.id,
      isFlashing: flashing.has(run.entry.id),
    }));
    const chosen = selection ? chosenRun(selection, hour.minutes, row) : null;
    const signature = JSON.stringify([
      spans.map(({ column, length, look, opens, closes, isNamed, isShadow, isViewed, isFlashing, entry }) =>
        [column, length, look, opens, closes, isNamed, isShadow, isViewed, isFlashing, entry.title, holder(entry), entry.eventType, entry.isPending]),
      chosen,
    ]);
    if (this.#drawn[row] === signature) return;
    this.#drawn[row] = signature;
    const line = this.#rows[row];
    for (const old of line.spans) old.remove();
    line.spans = [...spans.map(spanNode), ...(chosen ? [chosenNode(chosen)] : [])];
    line.node.append(...line.spans);
  }

  #activate(index) {
    this.active = index;
    if (this.#tabStop === index) return;
    this.#cells[this.#tabStop].tabIndex = -1;
    this.#cells[index].tabIndex = 0;
    this.#tabStop = index;
  }

  #focused(event) {
    const index = indexOf(event.target);
    if (index === null) return;
    this.#activate(index);
    this.on.look(index);
  }

  #key(event) {
    const index = indexOf(event.target);
    if (index === null || event.altKey || event.metaKey) return;
    const move = this.#moveOf(event, index);
    if (move) {
      event.preventDefault();
      if (move.hours || move.days) this.on.step(move);
      else this.focus(move.index);
      return;
    }
    if (event.ctrlKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return this.on.act(index);
    }
    const command = COMMANDS[keyOf(event)];
    if (!command) return;
    event.preventDefault();
    this.on.command(command, index);
  }

  /** Where a key leads: {index, hours, days}, or null. Time goes on after an hour's last minute. */
  #moveOf({ key, ctrlKey, shiftKey }, index) {
    if (key === "Home") return { index: ctrlKey ? 0 : index - (index % COLUMNS) };
    if (key === "End") return { index: ctrlKey ? ROWS * COLUMNS - 1 : index - (index % COLUMNS) + COLUMNS - 1 };
    if (ctrlKey) return null;
    if (key === "PageUp" || key === "PageDown") {
      const by = key === "PageUp" ? -1 : 1;
      return shiftKey ? { index, days: by } : { index, hours: by };
    }
    if (!(key in STEPS)) return null;
    const target = index + STEPS[key];
    if (target < 0) return { index: target + 60, hours: -1 };
    if (target > 59) return { index: target - 60, hours: 1 };
    return { index: target };
  }

  #click(event) {
    const index = indexOf(event.target);
    if (index === null) return;
    if (this.#wasDragged) {
      this.#wasDragged = false;
      return;
    }
    this.focus(index);
    this.on.act(index);
  }

  #hover(event) {
    const index = indexOf(event.target);
    if (index === null || this.#grabbed !== null) return;
    this.on.look(index);
  }

  /** Dragging is for pointers that do not scroll; fingers tap. */
  #press(event) {
    const index = indexOf(event.target);
    this.#wasDragged = false;
    if (index === null || event.button || event.pointerType === "touch") return;
    if (!this.on.grab(index, event.target.classList.contains("minute--edge"))) return;
    this.#grabbed = index;
    const drag = (moved) => {
      const over = indexOf(document.elementFromPoint(moved.clientX, moved.clientY));
      if (over === null || !this.root.contains(document.elementFromPoint(moved.clientX, moved.clientY))) return;
      if (over === this.#grabbed && !this.#wasDragged) return;
      this.#wasDragged = true;
      this.on.drag(over);
    };
    const end = (released) => {
      removeEventListener("pointermove", drag);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      this.#grabbed = null;
      if (!this.#wasDragged) return;
      this.on.drop(released.type === "pointerup");
      // The click that may follow belongs to the drag; none follows if it ended on another cell.
      setTimeout(() => (this.#wasDragged = false));
    };
    addEventListener("pointermove", drag);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
  }
}

function indexOf(node) {
  const index = node?.closest?.("[data-index]")?.dataset.index;
  return index === undefined ? null : Number(index);
}

/** The stretches of a row that belong to one entry. */
function runsOf(owners, minutes, row) {
  const runs = [];
  for (let column = 0; column < COLUMNS; column += 1) {
    const index = row * COLUMNS + column;
    const entry = owners[index];
    if (!entry) continue;
    const last = runs.at(-1);
    if (last?.entry === entry && last.column + last.length === column) last.length += 1;
    else runs.push({ row, column, length: 1, entry, opens: entry.from >= minutes[index] });
    runs.at(-1).closes = entry.to <= minutes[index] + MINUTE;
  }
  return runs;
}

function chosenRun(selection, minutes, row) {
  const isIn = (column) => {
    const instant = minutes[row * COLUMNS + column];
    return instant !== null && instant >= selection.first && instant < endOf(selection);
  };
  const columns = Array.from({ length: COLUMNS }, (_, column) => column).filter(isIn);
  if (!columns.length) return null;
  const at = (column) => minutes[row * COLUMNS + column];
  return {
    column: columns[0],
    length: columns.length,
    opens: at(columns[0]) === selection.first,
    closes: at(columns.at(-1)) === selection.last,
  };
}

function shape(name, { column, length, opens, closes }, ...looks) {
  const node = el("div", { class: [name, opens && `${name}--opens`, closes && `${name}--closes`, ...looks].filter(Boolean).join(" "), "aria-hidden": "true" });
  node.style.gridColumn = `${column + 2} / span ${length}`;
  return node;
}

function spanNode(run) {
  const { entry, look, isNamed, isShadow, isViewed, isFlashing, length } = run;
  const node = shape("span", run, `span--${look}`, isShadow && "span--shadow", isViewed && "span--viewed", isFlashing && "changed", entry.isPending && "span--pending");
  if (!isNamed || length < 2) return node;
  const who = ownerText(entry);
  node.append(
    el("span", { class: "span__title" }, entry.title),
    el("span", { class: "span__owner" }, icon(entryIcon(entry)), el("span", { class: "span__who" }, [EVENT_TYPES[entry.eventType], who].filter(Boolean).join(" · "))),
  );
  return node;
}

const chosenNode = (run) => shape("chosen", run);
