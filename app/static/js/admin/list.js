// Lists of the back-office: select all, and how many are selected. Without it rows are selected one by one.

import { ngettext } from "../texts.js";

const form = document.querySelector("[data-rows]");
// In the head of the table, and on phones, which have none, in the bar.
const all = [...(form?.querySelectorAll("[data-check-all]") ?? [])];

if (all.length) {
  const boxes = all.map((each) => each.querySelector("input"));
  const rows = [...form.querySelectorAll('input[name="pk"]')];
  const told = form.querySelector("[data-selected]");

  const tell = () => {
    const selected = rows.filter((row) => row.checked).length;
    for (const box of boxes) {
      box.checked = selected === rows.length;
      box.indeterminate = selected > 0 && selected < rows.length;
    }
    told.textContent = ngettext("%(num)d selected", "%(num)d selected", selected);
  };

  for (const each of all) each.hidden = rows.length === 0;
  for (const box of boxes) {
    box.addEventListener("change", () => {
      for (const row of rows) row.checked = box.checked;
      tell();
    });
  }
  form.addEventListener("change", tell);
  tell();
}
