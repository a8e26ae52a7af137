// One session in full: a dialog, a sheet from below on phones, with an address of its own.

import { api } from "../api.js";
import { el, icon } from "../dom.js";
import { gettext, ngettext } from "../texts.js";
import { dayText, periodText, sameClock, zoneShort } from "../time.js";
import { button, replaceButton, seats } from "./sessions.js";

export class Details {
  #node = null;
  #opener = null;
  id = null;

  /** `zones()` are the event's and the visitor's; `onclose()` puts the address right. */
  constructor({ zones, signInOf, onclose, formOf }) {
    Object.assign(this, { zones, signInOf, onclose, formOf });
    const rendered = document.querySelector("dialog[data-details]");
    if (!rendered) return;
    rendered.remove(); // what the server wrote into the page becomes a dialog
    this.rendered = Number(rendered.dataset.details);
  }

  /** `known` may be null before the agenda is loaded; then everything comes from the server. */
  async show(id, known) {
    this.close(true);
    this.id = id;
    this.#opener = document.activeElement;
    const body = el("div", { class: "dialog__body details-body" });
    const actions = el("div", { class: "dialog__actions details-actions" });
    const node = el("dialog", { class: "dialog session-dialog", "aria-labelledby": "details-title" }, el("form", { class: "details-form", method: "post", "data-commands": "" }, body, actions));
    node.addEventListener("cancel", (event) => {
      event.preventDefault();
      this.close();
    });
    node.addEventListener("click", (event) => {
      if (event.target === node || event.target.closest("[data-close]")) {
        event.preventDefault();
        this.close();
      }
    });
    this.#node = node;
    document.body.append(node);
    this.#fill(known, null);
    node.showModal();
    node.querySelector("#details-title")?.focus();
    try {
      const { session } = await api("GET", `/api/sessions/${id}`);
      if (this.id === id) this.#fill(known ? Object.assign(known, session) : session, session.description);
    } catch (error) {
      if (this.id === id) this.#failed(known, error);
    }
  }

  #fill(session, description) {
    const body = this.#node.querySelector(".details-body");
    if (!session) {
      body.replaceChildren(el("h2", { id: "details-title", tabindex: "-1" }, gettext("One moment")), ...skeleton());
      this.#node.querySelector(".details-actions").replaceChildren(closeButton());
      return;
    }
    const hadFocus = document.activeElement?.id === "details-title";
    const text = description === null ? skeleton() : paragraphs(session.abstract, description);
    body.replaceChildren(head(session), this.#facts(session), el("div", { class: "details-text" }, ...text));
    if (hadFocus) body.querySelector("#details-title").focus();
    this.update(session);
  }

  #failed(session, error) {
    const text = error.code === "offline" ? gettext("The description needs a connection.") : error.message;
    if (session) this.#node.querySelector(".details-text").replaceChildren(...paragraphs(session.abstract, ""), el("p", { class: "quiet" }, text));
    else this.#node.querySelector(".details-body").replaceChildren(el("h2", { id: "details-title", tabindex: "-1" }, gettext("This session cannot be shown")), el("p", {}, text));
  }

  #facts(session) {
    const [zone, own] = this.zones();
    const n = Math.round((Date.parse(session.ends_at) - Date.parse(session.starts_at)) / 60_000);
    const fact = (name, ...content) => el("li", {}, icon(name), el("span", {}, ...content));
    return el(
      "ul",
      { class: "facts" },
      fact(
        "clock",
        el("time", { datetime: session.starts_at }, `${dayText(session.starts_at, zone)}, `, el("span", { class: "nowrap" }, `${periodText(session.starts_at, session.ends_at, zone)} ${zoneShort(session.starts_at, zone)}`)),
        el("span", { class: "quiet nowrap" }, " ", gettext("%(n)d min", { n })),
        !sameClock(zone, own, session.starts_at) && el("span", { class: "quiet details-own" }, gettext("%(time)s where you are", { time: `${periodText(session.starts_at, session.ends_at, own)} ${zoneShort(session.starts_at, own)}` })),
      ),
      fact("map-pin", session.room.name),
      session.speakers.length > 0 && fact("users", session.speakers.join(", ")),
      session.capacity !== null && fact("ticket", el("span", { class: "figures" }, ngettext("%(num)d seat", "%(num)d seats", session.capacity))),
    );
  }

  /** Seats and button, as they are now. */
  update(session, rolls = false) {
    if (!this.#node || this.id !== session.id) return;
    const actions = this.#node.querySelector(".details-actions");
    const places = actions.querySelector("[data-places]");
    if (!places) return actions.replaceChildren(seats(session), closeButton(), button(session, this.signInOf?.(session), gettext("Cancel seat")) ?? "");
    places.replaceWith(seats(session, rolls));
    replaceButton(actions, button(session, this.signInOf?.(session), gettext("Cancel seat")), actions.querySelector("[data-close]"));
  }

  close(silently = false) {
    if (!this.#node) return;
    this.#node.close();
    this.#node.remove();
    this.#node = null;
    this.id = null;
    if (this.#opener?.isConnected) this.#opener.focus();
    if (!silently) this.onclose();
  }
}

const closeButton = () => el("button", { class: "button button--quiet", type: "button", "data-close": "" }, gettext("Close"));

const head = (session) =>
  el("header", { class: "details-head" }, session.track && el("p", { class: "small muted" }, session.track), el("h2", { id: "details-title", tabindex: "-1" }, session.title));

const TAG = /<\/?[a-z][a-z0-9]*(\s[^<>]*)?\/?>/i;

/** What an organiser wrote, often as HTML, as plain text. A parsed document runs and loads nothing. */
function plain(text) {
  if (!TAG.test(text)) return text;
  const { body } = new DOMParser().parseFromString(text, "text/html");
  for (const item of body.querySelectorAll("li")) item.prepend("\n\n• ");
  for (const block of body.querySelectorAll("p, br, div, ul, ol, h1, h2, h3, h4, h5, h6, pre, blockquote")) block.before("\n\n");
  return body.textContent;
}

function paragraphs(...texts) {
  const found = texts.filter(Boolean).flatMap((text) => plain(text).split(/\n\s*\n/)).map((text) => text.trim()).filter(Boolean);
  return found.length ? found.map((text) => el("p", {}, text)) : [el("p", { class: "quiet" }, gettext("No description."))];
}

const skeleton = () => [100, 94, 60].map((width) => el("p", { class: `skeleton skeleton--${width}`, "aria-hidden": "true" }, "…"));
