// A page's own parts, fetched again: the template stays the only one that knows how they look.

import { gettext } from "./texts.js";
import { localise } from "./time.js";

/** Replaces each [data-region=name] by its fresh self; what is new in it is marked for a moment. */
export async function refreshRegions(...names) {
  const response = await fetch(location.href, { credentials: "same-origin", headers: { Accept: "text/html" } });
  if (!response.ok || response.redirected) throw new Error(gettext("The page answered %(status)s.", { status: response.status }));
  const html = await response.text();
  for (const name of names) replaceRegion(name, html);
}

/** The same, of a page that is at hand. */
export function replaceRegion(name, html) {
  const selector = `[data-region="${name}"]`;
  const old = document.querySelector(selector);
  const next = new DOMParser().parseFromString(html, "text/html").querySelector(selector);
  if (old && next) replace(old, document.adoptNode(next));
}

function replace(old, next) {
  const known = new Set([...old.querySelectorAll("[data-mark]")].map((each) => each.dataset.mark));
  const focused = old.contains(document.activeElement) ? document.activeElement.id : null;
  for (const each of next.querySelectorAll("[data-mark]")) {
    if (!known.has(each.dataset.mark)) each.classList.add("changed");
  }
  localise(next);
  old.replaceWith(next);
  if (focused) document.getElementById(focused)?.focus();
}

export const regionVersion = (name) => {
  const { version } = document.querySelector(`[data-region="${name}"]`)?.dataset ?? {};
  return version ? Number(version) : null;
};
