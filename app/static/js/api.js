// fetch for our JSON API: problem+json becomes an ApiError; cookie credentials carry the CSRF token.

import { gettext } from "./texts.js";

export class ApiError extends Error {
  constructor(code, { status = 0, detail = "", errors = {}, problem = {}, retryAfter = null } = {}) {
    super(detail || code);
    this.name = "ApiError";
    this.code = code;
    this.status = status;
    this.detail = detail;
    this.errors = errors;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }

  /** Nobody knows whether the call took effect: the same key must be sent again. */
  get isUncertain() {
    return this.code === "offline" || this.code === "idempotency_in_flight" || this.status >= 500;
  }
}

// In a frame of another site a visitor is a guest, whatever this browser knows of them.
const credentials = document.documentElement.hasAttribute("data-embedded") ? "omit" : "same-origin";

function csrfToken() {
  const cookie = document.cookie.split("; ").find((pair) => pair.startsWith("csrf_access_token="));
  if (cookie) return decodeURIComponent(cookie.slice("csrf_access_token=".length));
  return document.querySelector('meta[name="csrf-token"]')?.content ?? null;
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return {};
  }
}

export async function api(method, path, { body, key, signal } = {}) {
  const headers = { Accept: "application/json" };
  // A form with a file says itself what it is.
  const isForm = body instanceof FormData;
  if (body !== undefined && !isForm) headers["Content-Type"] = "application/json";
  if (key) headers["Idempotency-Key"] = key;
  if (method !== "GET") {
    const token = csrfToken();
    if (token) headers["X-CSRF-TOKEN"] = token;
  }
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      signal,
      credentials,
      body: body === undefined || isForm ? body : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("offline", { detail: gettext("The server cannot be reached.") });
  }
  if (response.ok) return response.status === 204 ? null : response.json();

  const problem = await problemOf(response);
  throw new ApiError(problem.code ?? "error", {
    status: response.status,
    detail: problem.detail ?? problem.title ?? gettext("Something went wrong."),
    errors: problem.errors ?? {},
    problem,
    retryAfter: Number(response.headers.get("Retry-After")) || null,
  });
}

/** One key per attempt: the same payload after an uncertain answer keeps its key, anything else gets a new one. */
export class Attempt {
  #payload = null;
  #key = null;

  keyFor(body) {
    const payload = JSON.stringify(body);
    if (payload !== this.#payload) {
      this.#payload = payload;
      this.#key = newKey();
    }
    return this.#key;
  }

  settled() {
    this.#payload = null;
  }
}

function newKey() {
  // randomUUID exists in secure contexts only; a page on a plain LAN address is none.
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends a booking command once, however often it has to be sent. */
export async function command(method, path, body, attempt) {
  for (let round = 0; ; round += 1) {
    try {
      const answer = await api(method, path, { body, key: attempt.keyFor(body) });
      attempt.settled();
      return answer;
    } catch (error) {
      const retry = error.code === "idempotency_in_flight" || error.code === "busy";
      if (retry && round < 4) {
        await pause(1000 * (error.retryAfter ?? 1));
        continue;
      }
      if (!error.isUncertain) attempt.settled();
      throw error;
    }
  }
}
