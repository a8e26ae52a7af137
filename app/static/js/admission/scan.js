// The code step: six digits send themselves, however they were typed or pasted; another code after a moment.

import { gettext } from "../texts.js";

const form = document.querySelector("[data-code-form]");
const field = form?.elements.namedItem("code");

let sent = "";
const sendWhenWhole = () => {
  const digits = field.value.replace(/\D/g, "").slice(0, 6);
  if (digits !== field.value) field.value = digits;
  if (digits.length === 6 && digits !== sent) {
    sent = digits;
    form.requestSubmit();
  }
};
if (field) {
  field.addEventListener("input", sendWhenWhole);
  sendWhenWhole(); // what was typed before this script was there
}
// What was refused is typed anew.
if (field?.getAttribute("aria-invalid")) field.focus();

const resend = document.querySelector("[data-resend]");
const text = resend?.querySelector("[data-resend-text]");
if (resend) {
  const words = text.textContent;
  const ends = Date.now() + Number(resend.dataset.resend) * 1000;
  const tick = () => {
    const left = Math.ceil((ends - Date.now()) / 1000);
    resend.disabled = left > 0;
    text.textContent = left > 0 ? gettext("%(text)s (%(seconds)s s)", { text: words, seconds: left }) : words;
    if (left > 0) setTimeout(tick, 250);
  };
  tick();
}
