// An import that is being worked on: how far it is, until there is something to see.

import { gettext } from "../texts.js";

const section = document.querySelector("[data-import-progress]");
const EVERY = 800;

async function look() {
  const answer = await fetch(section.dataset.importProgress, { headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.json();
}

async function watch(state) {
  const bar = section.querySelector("progress");
  const told = section.querySelector("[data-import-told]");
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, EVERY));
    let now;
    try {
      now = await look();
    } catch {
      continue; // offline for a moment; the page has a button besides
    }
    if (now.state !== state) return location.reload();
    if (now.done) {
      bar.max = now.total;
      bar.value = now.done;
      told.textContent = gettext("%(done)s of %(total)s", { done: now.done, total: now.total });
    }
  }
}

if (section) {
  look().then((now) => (now.state === "checking" || now.state === "importing" ? watch(now.state) : location.reload()));
}

// A second press must not begin it again.
for (const form of document.querySelectorAll("[data-once]")) {
  form.addEventListener("submit", () => {
    const button = form.querySelector("[type=submit]");
    button.setAttribute("aria-disabled", "true");
    setTimeout(() => (button.disabled = true));
  });
}
