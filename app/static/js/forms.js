// Refusals in a form: under the fields, and in a summary on top. Nothing typed is touched.

import { api } from "./api.js";
import { el } from "./dom.js";
import { gettext } from "./texts.js";

function controlOf(form, name) {
  // A refusal may name the whole, `location`, of what is asked for in parts, `location.detail`.
  const control = form.elements.namedItem(name) ?? form.elements.namedItem(`${name}.detail`);
  return control instanceof RadioNodeList ? control[0] : control;
}

// English alone begins nouns small within a sentence.
const namesSmall = document.documentElement.lang.startsWith("en");

const labelOf = (control) => control.labels?.[0]?.firstChild?.textContent.trim() ?? control.name;

export function clearErrors(form) {
  const summary = form.querySelector("[data-error-summary]");
  if (summary) summary.hidden = true;
  for (const control of form.querySelectorAll('[aria-invalid="true"]')) control.removeAttribute("aria-invalid");
  for (const place of form.querySelectorAll(".field__error")) place.textContent = "";
}

/** `errors` is {field: [message]}; what has no field of its own is told in the summary. */
export function showErrors(form, errors, title = gettext("Please check what is marked below.")) {
  clearErrors(form);
  const items = [];
  let first = null;
  for (const [name, messages] of Object.entries(errors)) {
    const text = [messages].flat().join(" ");
    const control = controlOf(form, name);
    if (!control) {
      items.push(el("li", {}, text));
      continue;
    }
    first ??= control;
    control.setAttribute("aria-invalid", "true");
    const place = document.getElementById(`${control.id}-error`);
    if (place) place.textContent = text;
    items.push(
      el(
        "li",
        {},
        el(
          "a",
          {
            href: `#${control.id}`,
            onclick: (event) => {
              event.preventDefault();
              control.focus();
            },
          },
          labelOf(control),
        ),
        `: ${text}`,
      ),
    );
  }
  const summary = form.querySelector("[data-error-summary]");
  if (!summary) return first?.focus();
  summary.querySelector("[data-error-title]").textContent = title;
  summary.querySelector("[data-error-list]").replaceChildren(...items);
  summary.hidden = false;
  if (first) first.focus();
  else summary.focus();
}

export const showFailure = (form, message) => showErrors(form, {}, message);

const MISMATCHES = {
  email: gettext("This does not look like an email address."),
  url: gettext("This does not look like a web address."),
};

/** Required and well-formed, said in our own words and place. Returns {field: [message]}. */
export function check(form) {
  const errors = {};
  for (const control of form.elements) {
    if (!control.name || !control.willValidate || control.validity.valid) continue;
    const label = labelOf(control);
    const { validity } = control;
    if (validity.valueMissing || (control.required && !control.value.trim())) {
      errors[control.name] = [gettext("Please enter your %(field)s.", { field: namesSmall ? label.toLowerCase() : label })];
    } else if (validity.typeMismatch) errors[control.name] = [MISMATCHES[control.type] ?? control.validationMessage];
    else errors[control.name] = [control.validationMessage];
  }
  return errors;
}

const READERS = {
  number: (value) => (value === "" ? null : Number(value)),
  text: (value) => value,
};

/** Named controls as JSON: numbers by type, data-null for an empty text that means none, dots for nesting. */
export function values(form) {
  const result = {};
  for (const control of form.elements) {
    if (!control.name || control.disabled || control.name === "csrf_token") continue;
    const read = control.type === "number" || control.dataset.type === "number" ? READERS.number : READERS.text;
    const value = control.type === "checkbox" ? control.checked : read(control.value.trim());
    const path = control.name.split(".");
    const last = path.pop();
    const target = path.reduce((node, key) => (node[key] ??= {}), result);
    target[last] = value === "" && "null" in control.dataset ? null : value;
  }
  return result;
}

/** A form that talks to the API: `onsuccess(answer)` after it, refusals shown in place. */
export function jsonForm(form, { method, path, body = values, onsuccess }) {
  form.noValidate = true;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.dataset.busy) return;
    clearErrors(form);
    const errors = check(form);
    if (Object.keys(errors).length) return showErrors(form, errors);
    form.dataset.busy = "true";
    event.submitter?.setAttribute("aria-busy", "true");
    try {
      const answer = await api(method, typeof path === "function" ? path() : path, { body: body(form) });
      await onsuccess(answer, form);
    } catch (error) {
      if (Object.keys(error.errors ?? {}).length) showErrors(form, error.errors, error.detail);
      else showFailure(form, error.message);
    } finally {
      delete form.dataset.busy;
      event.submitter?.removeAttribute("aria-busy");
    }
  });
}
