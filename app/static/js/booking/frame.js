// On every page that another site frames: it tells the page around it how tall it is.
// app/static/js/embed.js listens; docs/embedding.md describes the messages.

/** Whoever may frame this page may know what is told: a height, that a time was booked; no names. */
export const tell = (message) => parent !== self && parent.postMessage(message, "*");

const report = () => tell({ type: "rendezvous:height", height: Math.ceil(document.body.getBoundingClientRect().height) });

if (document.documentElement.hasAttribute("data-embedded")) new ResizeObserver(report).observe(document.body);
