// Lists of the back-office: select all, and how many are selected. Without it rows are selected one by one.

import { ngettext } from "../texts.js";

const form = document.querySelector("[data-rows]");
const all = form?.querySelector("[data-check-all]");

if (all) {
  const rows = [...form.querySelectorAll('input[name="pk"]')];
  const told = form.querySelector("[data-selected]");

  const tell = () => {
    const selected = rows.filter((row) => row.checked).length;
    all.checked = selected === rows.length;
    all.indeterminate = selected > 0 && selected < rows.length;
    told.textContent = ngettext("%(num)d selected", "%(num)d selected", selected);
  };

  all.hidden = rows.length === 0;
  all.addEventListener("change", () => {
    for (const row of rows) row.checked = all.checked;
    tell();
  });
  form.addEventListener("change", tell);
  tell();
}
