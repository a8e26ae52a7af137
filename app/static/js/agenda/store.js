// The agenda as it is known here: the JSON with its ETag, its age, and what was heard since.

import { api, ApiError } from "../api.js";
import { gettext } from "../texts.js";

export class Store {
  #etag = null;
  #loading = null;

  constructor(slug) {
    this.slug = slug;
    this.event = null;
    this.version = null;
    this.sessions = null; // until it is loaded
    this.byId = new Map();
    this.asOf = null;
    this.isFromCache = false;
  }

  /** Loads what is new; resolves with whether anything is. Calls at the same time share one request. */
  load() {
    this.#loading ??= this.#fetch().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #fetch() {
    let response;
    try {
      response = await fetch(`/api/events/${encodeURIComponent(this.slug)}/agenda`, {
        credentials: "same-origin",
        cache: "no-store", // the ETag is ours to send: a worker stands in between
        priority: this.sessions ? "auto" : "low",
        headers: { Accept: "application/json", ...(this.#etag && { "If-None-Match": this.#etag }) },
      });
    } catch {
      throw new ApiError("offline", { detail: gettext("The server cannot be reached.") });
    }
    if (response.status === 304) {
      this.#date(response);
      return false;
    }
    const body = await response.json().catch(() => ({}));
    if (!response.ok) throw new ApiError(body.code ?? "error", { status: response.status, detail: body.detail, problem: body });
    this.#date(response);
    this.#etag = response.headers.get("ETag");
    this.event = body.event;
    this.version = body.version;
    this.sessions = body.sessions;
    this.byId = new Map(body.sessions.map((session) => [session.id, session]));
    return true;
  }

  #date(response) {
    const kept = response.headers.get("X-Kept-At");
    this.isFromCache = kept !== null;
    this.asOf = kept ? Number(kept) : Date.now();
  }

  /** Seats as a message tells them; the sessions that are different now. */
  hear(changes) {
    const changed = [];
    for (const { id, seats_left: left, version } of changes) {
      const session = this.byId.get(id);
      if (!session || version <= session.version) continue;
      if (session.seats_left !== left) changed.push(session);
      session.seats_left = left;
      session.version = version;
    }
    this.asOf = Date.now();
    return changed;
  }

  /** Server truth about some sessions, after a command of one's own. */
  async refresh(ids) {
    const fresh = await Promise.all([...new Set(ids)].map((id) => api("GET", `/api/sessions/${id}`)));
    for (const { session } of fresh) {
      const known = this.byId.get(session.id);
      if (known) Object.assign(known, session);
      else this.byId.set(session.id, session);
    }
    this.#etag = null; // what is known is no longer what the tag was for
    return fresh.map(({ session }) => this.byId.get(session.id));
  }
}
