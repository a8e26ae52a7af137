// What the keys do, and which one was pressed.

import { ask } from "../dialog.js";
import { el } from "../dom.js";
import { gettext } from "../texts.js";

const KEYS = [
  [gettext("Arrow keys"), gettext("by minute, and by ten")],
  [gettext("Home, End"), gettext("first and last minute of the row")],
  [gettext("Ctrl + Home, End"), gettext("first and last minute of the hour")],
  [gettext("Page up, Page down"), gettext("by hour")],
  [gettext("Shift + Page up, down"), gettext("by day")],
  [gettext("Enter"), gettext("first minute, then last minute; or the booking's details")],
  ["M", gettext("move the booking")],
  ["L", gettext("change its length")],
  [gettext("Del"), gettext("delete it, with Undo")],
  [gettext("Ctrl + Z"), gettext("undo what was just done")],
  [gettext("Esc"), gettext("one step back")],
  ["?", gettext("this list")],
];

/** The key of a shortcut, letters small; on keyboards of other alphabets the Latin letter of its place. */
export function keyOf({ key, code }) {
  const isForeign = key.length === 1 && key > "\u024f" && /^Key[A-Z]$/.test(code);
  if (isForeign) return code.slice(3).toLowerCase();
  return key.length === 1 ? key.toLowerCase() : key;
}

let isOpen = false;

export async function showKeys() {
  if (isOpen) return;
  isOpen = true;
  await ask({
    title: gettext("Keys in the grid of minutes"),
    body: [el("dl", { class: "keys" }, ...KEYS.flatMap(([key, does]) => [el("dt", {}, el("kbd", { class: "key" }, key)), el("dd", {}, does)]))],
    actions: [{ text: gettext("Close"), value: null, safe: true }],
  });
  isOpen = false;
}
