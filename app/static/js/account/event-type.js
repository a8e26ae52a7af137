// One event type: everything it can be told.

import { jsonForm, values } from "../forms.js";
import { toastAfterNavigation } from "../toast.js";

const form = document.querySelector("[data-event-type]");

jsonForm(form, {
  method: "PATCH",
  path: `/api/event-types/${form.dataset.eventType}`,
  body: values,
  onsuccess() {
    toastAfterNavigation("Saved.");
    location.assign(form.dataset.done);
  },
});
