// For pages of other sites (docs/embedding.md): puts a booker where a [data-rendezvous] stands,
// and keeps its frame as tall as what is in it. A classic script, so that one line is enough.
(function () {
  "use strict";

  // Passed on to the booker, as the query that it understands.
  var QUERY = ["name", "email", "phone", "notes", "date", "time", "tz", "theme"];
  var frames = [];

  // A frame whose scheme is another than its page's stands on an opaque ground: follow the page.
  function themeOfPage() {
    var schemes = getComputedStyle(document.documentElement).colorScheme.split(" ");
    var prefers = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    if (schemes.indexOf(prefers) >= 0) return prefers;
    return schemes.indexOf("dark") >= 0 ? "dark" : "light";
  }

  function place(element) {
    if (element.dataset.rendezvousReady) return;
    element.dataset.rendezvousReady = "true";
    var url = new URL(element.dataset.rendezvous, document.baseURI);
    url.searchParams.set("embed", "1");
    url.searchParams.set("theme", themeOfPage());
    QUERY.forEach(function (name) {
      if (element.dataset[name]) url.searchParams.set(name, element.dataset[name]);
    });
    var frame = document.createElement("iframe");
    frame.src = url.href;
    frame.title = element.dataset.title || url.host; // until the frame tells what it is for, in its language
    frame.style.cssText = "display:block;inline-size:100%;border:0;block-size:" + (element.dataset.height || "40rem");
    frames.push({ frame: frame, element: element, origin: url.origin });
    element.replaceChildren(frame);
  }

  function placeAll() {
    document.querySelectorAll("[data-rendezvous]").forEach(place);
  }

  addEventListener("message", function (event) {
    var found = frames.find(function (each) {
      return each.frame.contentWindow === event.source && each.origin === event.origin;
    });
    var message = event.data;
    if (!found || !message || typeof message !== "object") return;
    if (message.type === "rendezvous:height" && message.height > 0) {
      found.frame.style.blockSize = Math.min(Number(message.height), 10000) + "px";
      if (message.title && !found.element.dataset.title) found.frame.title = String(message.title);
    } else if (message.type === "rendezvous:booked") {
      var detail = { starts_at: String(message.starts_at), status: String(message.status) };
      found.element.dispatchEvent(new CustomEvent("rendezvous:booked", { bubbles: true, detail: detail }));
    }
  });

  // Pages that build themselves bring the element later.
  new MutationObserver(placeAll).observe(document.documentElement, { childList: true, subtree: true });
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", placeAll);
  else placeAll();
})();
