// Days as columns of hours: all rooms of one day beside each other, or one room's week. An APG
// grid of hours, from which the minute matrix is the zoom; what is taken lies over it.

import { el, icon } from "../dom.js";
import { gettext, ngettext } from "../texts.js";
import { MINUTE, offsetText } from "./local-day.js";
import { endOf } from "./selection.js";
import { entryIcon, entryLook, holder, ownerText, spanOfEntry, spanText, takenText, two } from "./words.js";

const STEP = 5 * MINUTE; // what a drag snaps to; the matrix is exact
const PAGE = 6; // hours
const NAMED = 3; // entries that a cell's name lists

export class Board {
  #columns = [];
  #axis = [];
  #cells = [];
  #lanes = [];
  #active = { row: 8, column: 0 };
  #drag = null;
  #wasDragged = false;

  /**
   * `on` has: zoom(column, hour), view(entry), step(days), and for pointers
   * select(roomId, first, last, done), carry(entry, roomId, first, done), stretch(entry, last, done).
   */
  constructor(root, zoneOf, on) {
    this.root = root;
    this.zoneOf = zoneOf;
    this.on = on;
    this.shown = "";
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("click", (event) => this.#click(event));
    root.addEventListener("pointerdown", (event) => this.#press(event));
    root.addEventListener("focusin", (event) => this.#focused(event));
  }

  /**
   * `columns` are {key, roomId, date, title, note, isCurrent, hours}; `entries` one list per
   * column, null while it loads; `selection` {roomId, first, last} or null.
   */
  show({ label, columns, entries, selection, shadow, viewed, now, hour, flashing }) {
    const shape = JSON.stringify([label, columns.map(({ key, title, note, isCurrent }) => [key, title, note, isCurrent])]);
    if (shape !== this.shown) this.#build(label, columns, hour);
    this.shown = shape;
    columns.forEach((column, index) => {
      this.#nameCells(index, entries[index], now);
      this.#fill(index, entries[index], { selection, shadow, viewed, now, flashing });
    });
  }

  focus() {
    this.#cells[this.#active.row]?.[this.#active.column]?.focus();
  }

  #build(label, columns, hour) {
    const hadFocus = this.root.contains(document.activeElement);
    const place = { top: this.root.scrollTop, isNew: !this.#columns.length };
    this.#columns = columns;
    this.#axis = axisOf(columns);
    const row = Math.max(0, this.#axis.findIndex((each) => each.key === hour));
    this.#active = { row, column: Math.max(0, columns.findIndex((column) => column.isCurrent)) };
    this.#cells = this.#axis.map((each, at) => columns.map((column, index) => this.#cell(each, column, at, index)));
    this.#lanes = columns.map(() => ({ node: el("div", { class: "lane" }), drawn: null }));
    this.body = el(
      "div",
      { class: "board__body", role: "rowgroup" },
      ...this.#axis.map((each, at) => el("div", { class: "board__row", role: "row" }, this.#axisLabel(each), ...this.#cells[at])),
      el("div", { class: "board__layer", "aria-hidden": "true" }, ...this.#lanes.map((lane) => lane.node)),
    );
    const head = el(
      "div",
      { class: "board__row board__row--head", role: "row" },
      el("span", { class: "board__corner", role: "columnheader" }, el("span", { class: "visually-hidden" }, gettext("Hour"))),
      ...columns.map((column) =>
        el(
          "span",
          { class: `board__column${column.isCurrent ? " board__column--current" : ""}`, role: "columnheader", title: column.title },
          el("span", { class: "board__name" }, column.title),
          column.note && el("span", { class: "board__note" }, column.note),
        ),
      ),
    );
    const grid = el("div", { class: "board__grid", role: "grid", "aria-label": label }, el("div", { role: "rowgroup", class: "board__top" }, head), this.body);
    grid.style.setProperty("--columns", columns.length);
    this.root.replaceChildren(grid);
    if (place.isNew) this.#scrollTo(row);
    else this.root.scrollTop = place.top;
    this.#reveal(this.#active.column);
    if (hadFocus) this.focus();
  }

  #scrollTo(row) {
    const target = this.#cells[Math.max(0, row - 1)]?.[0];
    if (target) this.root.scrollTop = target.offsetTop;
  }

  #reveal(column) {
    const [first, cell] = [this.#cells[0]?.[0], this.#cells[0]?.[column]];
    if (!cell) return;
    // Counted from where the page begins, left or right; what is scrolled is less than nothing there.
    const sign = this.#isMirrored ? -1 : 1;
    const start = (each) => (this.#isMirrored ? this.body.offsetWidth - each.offsetLeft - each.offsetWidth : each.offsetLeft);
    const scrolled = sign * this.root.scrollLeft;
    const before = start(cell) - start(first);
    if (before < scrolled || start(cell) + cell.offsetWidth > scrolled + this.root.clientWidth) this.root.scrollLeft = sign * before;
  }

  get #isMirrored() {
    return getComputedStyle(this.root).direction === "rtl";
  }

  #axisLabel(each) {
    return el("span", { class: "board__hour figures", role: "rowheader" }, `${two(each.hour)}:00`, each.isTwice && el("span", { class: "board__offset" }, this.#offsetOf(each)));
  }

  #offsetOf(each) {
    const hour = this.#columns.map((column) => column.hours.find((own) => own.key === each.key)).find((own) => own?.isTwice);
    return offsetText(hour.minutes.find((minute) => minute !== null), this.zoneOf(this.#columns[0].roomId));
  }

  #cell(each, column, row, index) {
    const hour = column.hours.find((own) => own.key === each.key);
    const isMissing = !hour || hour.isMissing;
    return el("div", {
      class: `board__cell${isMissing ? " board__cell--missing" : ""}`,
      role: "gridcell",
      tabindex: row === this.#active.row && index === this.#active.column ? "0" : "-1",
      "data-row": row,
      "data-column": index,
      "aria-disabled": isMissing ? "true" : null,
    });
  }

  #nameCells(index, entries, now) {
    const column = this.#columns[index];
    this.#axis.forEach((each, row) => {
      const hour = column.hours.find((own) => own.key === each.key);
      const real = hour?.minutes.filter((minute) => minute !== null) ?? [];
      const words = [column.title, `${two(each.hour)}:00${hour?.isTwice ? ` ${this.#offsetOf(each)}` : ""}`];
      const isPast = real.length > 0 && real.at(-1) < now;
      if (!real.length) words.push(gettext("does not exist this day"));
      else if (entries === null) words.push(gettext("loading"));
      else {
        const [from, to] = [real[0], real.at(-1) + MINUTE];
        const here = entries.filter((entry) => entry.from < to && entry.to > from);
        const taken = here.reduce((sum, entry) => sum + (Math.min(entry.to, to) - Math.max(entry.from, from)) / MINUTE, 0);
        words.push(takenText(Math.round(taken), real.length));
        for (const entry of here.slice(0, NAMED)) words.push(`${entry.title}, ${holder(entry)}`);
        if (here.length > NAMED) words.push(ngettext("and %(num)d more", "and %(num)d more", here.length - NAMED));
      }
      if (isPast) words.push(gettext("past"));
      const cell = this.#cells[row][index];
      const name = words.join(", ");
      if (cell.getAttribute("aria-label") !== name) cell.setAttribute("aria-label", name);
      cell.classList.toggle("board__cell--past", isPast);
    });
  }

  /** Draws a column's blocks, if they are not what they were. */
  #fill(index, entries, { selection, shadow, viewed, now, flashing }) {
    const column = this.#columns[index];
    const lane = this.#lanes[index];
    const minute = Math.floor(now / MINUTE) * MINUTE;
    const at = this.#heightOf(column, minute);
    const chosen = selection?.roomId === column.roomId ? this.#extent(column, selection.first, endOf(selection)) : null;
    const blocks = (entries ?? [])
      .map((entry) => ({ entry, extent: this.#extent(column, entry.from, entry.to), isShadow: shadow?.id === entry.id, isViewed: viewed === entry.id, isFlashing: flashing.has(entry.id) }))
      .filter((block) => block.extent);
    const drawn = JSON.stringify([
      entries === null,
      at,
      chosen && [chosen, selection.first, selection.last],
      blocks.map(({ entry, extent, isShadow, isViewed, isFlashing }) => [entry.id, extent, entry.title, holder(entry), entry.eventType, entry.mayChange, entry.isPending, isShadow, isViewed, isFlashing]),
    ]);
    if (lane.drawn === drawn) return;
    lane.drawn = drawn;
    lane.node.classList.toggle("lane--waiting", entries === null);
    lane.node.replaceChildren(
      ...blocks.map((block) => this.#block(block, column)),
      ...(chosen ? [placed(el("div", { class: "block block--chosen" }, el("span", { class: "block__title figures" }, spanText(selection, this.zoneOf(column.roomId)))), chosen)] : []),
      ...(at === null ? [] : [placed(el("div", { class: "lane__now" }), { from: at, length: 0 })]),
    );
  }

  #block({ entry, extent, isShadow, isViewed, isFlashing }, column) {
    const size = extent.length < 11 ? "line" : extent.length < 15 ? "tiny" : extent.length < 38 ? "short" : "tall";
    const looks = ["block", `block--${entryLook(entry)}`, `block--${size}`, isShadow && "block--shadow", isViewed && "block--viewed", isFlashing && "changed", entry.isPending && "block--pending", entry.mayChange && "block--grip"];
    const text = spanText(spanOfEntry(entry), this.zoneOf(column.roomId));
    const node = el(
      "div",
      { class: looks.filter(Boolean).join(" "), "data-entry": entry.id, title: `${text} ${entry.title}, ${holder(entry)}` },
      size !== "line" && el("span", { class: "block__title" }, icon(entryIcon(entry)), el("span", { class: "block__name" }, entry.title)),
      size === "tall" && el("span", { class: "block__who figures" }, `${text} · ${ownerText(entry)}`),
      entry.mayChange && el("span", { class: "block__edge", "data-edge": true }),
    );
    return placed(node, extent);
  }

  /** Where a minute of a column begins, in minutes of the axis; null if it is not in it. */
  #heightOf(column, instant) {
    for (const hour of column.hours) {
      const minute = hour.minutes.indexOf(instant);
      if (minute >= 0) return this.#axis.findIndex((each) => each.key === hour.key) * 60 + minute;
    }
    return null;
  }

  #extent(column, from, to) {
    const real = column.hours.flatMap((hour) => hour.minutes.filter((minute) => minute !== null));
    if (!real.length || to <= real[0] || from > real.at(-1)) return null;
    const first = this.#heightOf(column, Math.max(Math.floor(from / MINUTE) * MINUTE, real[0]));
    const last = this.#heightOf(column, Math.min(Math.ceil(to / MINUTE) * MINUTE - MINUTE, real.at(-1)));
    return first === null || last === null ? null : { from: first, length: last + 1 - first };
  }

  /** The minute of a column at a height of the page; null where there is none. */
  #instantAt(index, y) {
    const box = this.body.getBoundingClientRect();
    const minutes = ((y - box.top) / box.height) * this.#axis.length * 60;
    const row = Math.max(0, Math.min(this.#axis.length - 1, Math.floor(minutes / 60)));
    const hour = this.#columns[index].hours.find((own) => own.key === this.#axis[row].key);
    const minute = Math.max(0, Math.min(59, Math.floor(minutes) - row * 60));
    return hour?.minutes[minute] ?? null;
  }

  #columnAt(x) {
    const index = this.#lanes.findIndex(({ node }) => {
      const box = node.getBoundingClientRect();
      return x >= box.left && x < box.right;
    });
    return index < 0 ? null : index;
  }

  #press(event) {
    this.#wasDragged = false;
    if (event.button || event.pointerType === "touch") return;
    const index = this.#columnAt(event.clientX);
    const instant = index === null ? null : this.#instantAt(index, event.clientY);
    if (instant === null || !this.body.contains(event.target)) return;
    const block = event.target.closest("[data-entry]");
    const entry = block && this.on.find(block.dataset.entry);
    if (block && !entry?.mayChange) return;
    const kind = !entry ? "select" : event.target.closest("[data-edge]") ? "stretch" : "carry";
    this.#drag = { kind, entry, index, x: event.clientX, y: event.clientY, held: entry ? instant - entry.from : 0, start: snap(instant) };
    const move = (moved) => this.#dragTo(moved, false);
    const end = (released) => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", end);
      removeEventListener("pointercancel", end);
      if (this.#wasDragged) this.#dragTo(released, true);
      this.#drag = null;
      setTimeout(() => (this.#wasDragged = false));
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end);
    addEventListener("pointercancel", end);
    event.preventDefault(); // no text is selected
    this.#activate(Number(event.target.dataset.row ?? this.#active.row), index);
  }

  #dragTo(event, isDone) {
    const drag = this.#drag;
    if (!this.#wasDragged && Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < 5) return;
    this.#wasDragged = true;
    const cancelled = event.type === "pointercancel";
    const over = this.#columnAt(event.clientX) ?? drag.index;
    // A room's week goes on from column to column; another room's day does not.
    const index = drag.kind === "carry" || this.#columns[over].roomId === this.#columns[drag.index].roomId ? over : drag.index;
    const instant = this.#instantAt(index, event.clientY);
    const column = this.#columns[index];
    if (instant === null || cancelled) {
      if (isDone) this.on.cancelDrag();
      return;
    }
    if (drag.kind === "carry") this.on.carry(drag.entry, column.roomId, snap(instant - drag.held), isDone);
    else if (drag.kind === "stretch") this.on.stretch(drag.entry, Math.max(drag.entry.from, snap(instant + STEP) - MINUTE), isDone);
    else if (instant >= drag.start) this.on.select(column.roomId, drag.start, snap(instant) + STEP - MINUTE, isDone);
    else this.on.select(column.roomId, drag.start + STEP - MINUTE, snap(instant), isDone);
  }

  #click(event) {
    if (this.#wasDragged) return;
    const block = event.target.closest("[data-entry]");
    if (block) {
      const entry = this.on.find(block.dataset.entry);
      if (entry) this.on.view(entry);
      return;
    }
    const cell = event.target.closest("[data-row]");
    if (cell) this.#zoom(Number(cell.dataset.row), Number(cell.dataset.column));
  }

  #zoom(row, column) {
    const hour = this.#columns[column].hours.find((own) => own.key === this.#axis[row].key);
    if (hour) this.on.zoom(this.#columns[column], hour);
  }

  #focused(event) {
    const { row, column } = event.target.dataset;
    if (row !== undefined) this.#activate(Number(row), Number(column));
  }

  #activate(row, column) {
    this.#cells[this.#active.row]?.[this.#active.column]?.setAttribute("tabindex", "-1");
    this.#active = { row, column };
    this.#cells[row][column].setAttribute("tabindex", "0");
  }

  #key(event) {
    const { row: at, column: index } = event.target.dataset;
    if (at === undefined || event.altKey || event.metaKey) return;
    let [row, column] = [Number(at), Number(index)];
    const [lastRow, lastColumn] = [this.#axis.length - 1, this.#columns.length - 1];
    const side = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Home" || event.key === "End") {
      column = event.key === "Home" ? 0 : lastColumn;
      if (event.ctrlKey) row = event.key === "Home" ? 0 : lastRow;
    } else if (event.ctrlKey) return;
    else if (side) column += this.#isMirrored ? -side : side;
    else if (event.key === "ArrowUp") row -= 1;
    else if (event.key === "ArrowDown") row += 1;
    else if (event.key === "PageUp" || event.key === "PageDown") {
      const by = event.key === "PageUp" ? -1 : 1;
      if (event.shiftKey) {
        event.preventDefault();
        return this.on.step(by);
      }
      row += by * PAGE;
    } else if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      return this.#zoom(row, column);
    } else if (event.key === "?") {
      event.preventDefault();
      return this.on.help();
    } else if (event.key === "Escape") return this.on.cancel();
    else return;
    event.preventDefault();
    row = Math.max(0, Math.min(lastRow, row));
    column = Math.max(0, Math.min(lastColumn, column));
    this.#activate(row, column);
    this.#cells[row][column].focus();
  }
}

const snap = (instant) => Math.floor(instant / STEP) * STEP;

function placed(node, { from, length }) {
  node.style.setProperty("--from", from);
  node.style.setProperty("--length", length);
  return node;
}

/** The hours that any of the columns has, in the order of the clock. */
function axisOf(columns) {
  const axis = new Map();
  for (const { hours } of columns) {
    for (const hour of hours) {
      const known = axis.get(hour.key);
      axis.set(hour.key, { key: hour.key, hour: hour.hour, run: hour.run, isTwice: hour.isTwice || Boolean(known?.isTwice) });
    }
  }
  return [...axis.values()].sort((a, b) => a.hour - b.hour || a.run - b.run);
}
