// "Share": a link to send, a snippet for another site, a QR code for paper.

import { ask } from "../dialog.js";
import { el, icon } from "../dom.js";
import { gettext } from "../texts.js";

function snippetOf(url) {
  const script = new URL("/static/js/embed.js", url);
  return `<div data-rendezvous="${url}"></div>\n<script src="${script}" async></script>`;
}

const copy = (text, label) => el("button", { class: "button", type: "button", "data-copy": text }, icon("copy"), label);

/** `origins` are the sites that may frame a booking page. */
export function share({ share: url, title, qr }, origins) {
  const snippet = snippetOf(url);
  return ask({
    title: gettext("Share “%(title)s”", { title }),
    wide: true,
    body: [
      el(
        "div",
        { class: "share" },
        el(
          "div",
          { class: "stack" },
          el("section", { class: "stack stack--tight" }, el("h3", {}, gettext("Link")), el("p", { class: "share__link" }, url), el("div", { class: "row" }, copy(url, gettext("Copy link")))),
          el(
            "section",
            { class: "stack stack--tight" },
            el("h3", {}, gettext("In a page of another site")),
            el("pre", { class: "share__snippet", tabindex: "0", "aria-label": gettext("Snippet") }, el("code", {}, snippet)),
            el(
              "p",
              { class: "small muted" },
              origins.length
                ? gettext("It shows on %(sites)s. For other sites ask the people who run this one.", { sites: origins.join(", ") })
                : gettext("No other site is allowed yet: ask the people who run this one to add yours to EMBED_ORIGINS."),
            ),
            el("div", { class: "row" }, copy(snippet, gettext("Copy snippet"))),
          ),
        ),
        el(
          "section",
          { class: "stack stack--tight share__qr" },
          el("h3", {}, gettext("QR code")),
          el("img", { src: qr, alt: gettext("QR code of %(url)s", { url }), width: "176", height: "176" }),
          el("a", { class: "button button--small", href: qr, download: "booking-page.svg" }, icon("download"), gettext("Download SVG")),
        ),
      ),
    ],
    actions: [{ text: gettext("Close"), value: null, safe: true }],
  });
}
