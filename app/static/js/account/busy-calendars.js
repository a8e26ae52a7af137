// Calendars elsewhere: add, check, edit, remove; what is being read is looked at until it is.

import { api } from "../api.js";
import { ask } from "../dialog.js";
import { announce, el } from "../dom.js";
import { jsonForm, showErrors } from "../forms.js";
import { refreshRegions } from "../regions.js";
import { gettext } from "../texts.js";
import { toast } from "../toast.js";

const PATH = "/api/experts/me/busy-calendars";
const REGION = "busy-calendars";
const MAX_BYTES = 2_000_000;
const LOOK_EVERY = 1500;
const LOOKS = 60;

const root = document.querySelector("[data-busy-calendars]");
const form = root.querySelector("[data-busy-form]");
const dialog = root.querySelector("[data-busy-dialog]");
const editForm = root.querySelector("[data-busy-edit-form]");

/* --- What is sent ------------------------------------------------------ */

/** JSON, or a form if a file was chosen. */
function sent(owner) {
  const { name, url, file } = owner.elements;
  const [chosen] = file.disabled ? [] : file.files;
  if (!chosen) return { name: name.value.trim(), ...(!url.disabled && url.value.trim() && { url: url.value.trim() }) };
  const form = new FormData();
  form.set("name", name.value.trim());
  form.set("file", chosen);
  return form;
}

for (const owner of [form, editForm]) {
  owner.elements.namedItem("file").addEventListener("change", ({ target }) => {
    if (!(target.files[0]?.size > MAX_BYTES)) return;
    showErrors(owner, { file: [gettext("This file is too large: at most 2 MB.")] });
    target.value = "";
  });
}

function show(owner, by) {
  for (const part of owner.querySelectorAll("[data-busy-by]")) {
    part.hidden = part.dataset.busyBy !== by;
    part.querySelector("input").disabled = part.hidden;
  }
}

/* --- Adding ------------------------------------------------------------ */

const chosen = () => form.elements.namedItem("by").value;

form.addEventListener("change", (event) => event.target.name === "by" && show(form, chosen()));

jsonForm(form, {
  method: "POST",
  path: PATH,
  body: sent,
  async onsuccess({ busy_calendar: added }) {
    form.reset();
    show(form, chosen());
    await refresh();
    const { name, kind } = added;
    toast(kind === "upload" ? gettext("“%(name)s” counts now.", { name }) : gettext("“%(name)s” is being read.", { name }));
    document.getElementById(`busy-${added.id}-edit`)?.focus();
  },
});

/* --- The rows ---------------------------------------------------------- */

let edited = null;

async function checkNow({ busyRefresh: id, name }) {
  await api("POST", `${PATH}/${id}/refresh`);
  announce(gettext("%(name)s is being read.", { name }));
  await refresh();
}

function edit({ busyEdit: id, name, kind }) {
  edited = id;
  editForm.reset();
  editForm.elements.namedItem("name").value = name;
  show(editForm, kind === "upload" ? "file" : "url");
  dialog.showModal();
}

async function remove({ busyRemove: id, name }) {
  const answer = await ask({
    title: gettext("Remove “%(name)s”?", { name }),
    body: [el("p", { class: "muted" }, gettext("The times in it are offered again at once. To have it back you need its address or file."))],
    actions: [
      { text: gettext("Keep it"), value: null, safe: true },
      { text: gettext("Remove"), value: "remove", look: "button--danger" },
    ],
    onsubmit: () => api("DELETE", `${PATH}/${id}`),
  });
  if (!answer) return;
  await refresh();
  toast(gettext("“%(name)s” is removed.", { name }));
  form.elements.namedItem("name").focus();
}

root.addEventListener("click", async (event) => {
  const button = event.target.closest?.("button");
  if (!button || button.getAttribute("aria-disabled") === "true") return;
  try {
    if (button.dataset.busyRefresh) await checkNow(button.dataset);
    else if (button.dataset.busyEdit) edit(button.dataset);
    else if (button.dataset.busyRemove) await remove(button.dataset);
  } catch (error) {
    toast(error.message);
  }
});

dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());

jsonForm(editForm, {
  method: "PATCH",
  path: () => `${PATH}/${edited}`,
  body: sent,
  async onsuccess({ busy_calendar: changed }) {
    dialog.close();
    await refresh();
    toast(gettext("“%(name)s” is saved.", { name: changed.name }));
  },
});

/* --- Until it is read ------------------------------------------------------ */

let timer = null;
let looks = 0;

const checking = () => root.querySelectorAll('[data-busy-state="checking"]').length;

async function refresh() {
  await refreshRegions(REGION);
  looks = 0;
  lookAgain();
}

function lookAgain() {
  clearTimeout(timer);
  if (!checking() || looks >= LOOKS) return;
  timer = setTimeout(async () => {
    looks += 1;
    const before = checking();
    try {
      if (!document.hidden) await refreshRegions(REGION);
    } catch {
      // The next look may succeed.
    }
    if (checking() < before) announce(gettext("A calendar was read."));
    lookAgain();
  }, LOOK_EVERY);
}

lookAgain();
