// On every page that another site frames: it tells the page around it how tall it is, and
// what it is for, in the reader's language.
// app/static/js/embed.js listens; docs/embedding.md describes the messages.

import { gettext } from "../texts.js";

/** Whoever may frame this page may know what is told: a height, that a time was booked; no names. */
export const tell = (message) => parent !== self && parent.postMessage(message, "*");

function report() {
  const height = Math.ceil(document.body.getBoundingClientRect().height);
  tell({ type: "rendezvous:height", height, title: gettext("Book a time") });
}

if (document.documentElement.hasAttribute("data-embedded")) new ResizeObserver(report).observe(document.body);
