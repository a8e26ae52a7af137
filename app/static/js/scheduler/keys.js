// What the keys do.

import { ask } from "../dialog.js";
import { el } from "../dom.js";

const KEYS = [
  ["Arrow keys", "by minute, and by ten"],
  ["Home, End", "first and last minute of the row"],
  ["Ctrl + Home, End", "first and last minute of the hour"],
  ["Page up, Page down", "by hour"],
  ["Shift + Page up, down", "by day"],
  ["Enter", "first minute, then last minute; or the booking's details"],
  ["M", "move the booking"],
  ["L", "change its length"],
  ["Delete", "delete it, with Undo"],
  ["Ctrl + Z", "undo what was just done"],
  ["Esc", "one step back"],
  ["?", "this list"],
];

let isOpen = false;

export async function showKeys() {
  if (isOpen) return;
  isOpen = true;
  await ask({
    title: "Keys in the grid of minutes",
    body: [el("dl", { class: "keys" }, ...KEYS.flatMap(([key, does]) => [el("dt", {}, el("kbd", { class: "key" }, key)), el("dd", {}, does)]))],
    actions: [{ text: "Close", value: null, safe: true }],
  });
  isOpen = false;
}
