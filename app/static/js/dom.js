// Building DOM without markup strings: text is always text.

const SVG = "http://www.w3.org/2000/svg";
const SPRITE = new URL("../vendor/icons.svg", import.meta.url).pathname;

/** el("button", {class: "button", type: "button", onclick}, "Text", child) */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `${SPRITE}#${name}`);
  svg.append(use);
  return svg;
}

/** The JSON that a template left for its script. */
export function pageData(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

export function announce(text) {
  let region = document.querySelector("[data-announcer]");
  if (!region) {
    region = el("div", { class: "visually-hidden", "aria-live": "polite", "data-announcer": true });
    document.body.append(region);
  }
  region.textContent = "";
  // A region that changes in the same frame it was emptied in is not read again.
  requestAnimationFrame(() => (region.textContent = text));
}

export const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
