// "Why is this time not offered?": the rule that excludes a time, and where to change it.

import { api } from "../api.js";
import { el, icon } from "../dom.js";
import { check, clearErrors, showErrors, showFailure } from "../forms.js";
import { gettext, ngettext } from "../texts.js";
import { addDays, dateText, instantOf, periodText, shortDayText, timeText } from "../time.js";

// What to change: [where, its words]. `type` is the id of the event type.
const WAYS = {
  hours: () => ["#hours", gettext("Change your hours")],
  override: () => ["#dates", gettext("Change the days that differ")],
  holiday: () => ["#holidays", gettext("Work on this holiday")],
  external: () => ["#busy-calendars", gettext("See your busy calendars")],
  busy: ({ cause }) => (cause?.uid ? ["/my-bookings", gettext("See your bookings")] : null),
  buffer: ({ type }) => [`/expert-dashboard/${type}#field-buffer_before_minutes`, gettext("Change the free minutes around")],
  full: ({ type }) => [`/expert-dashboard/${type}#field-seats`, gettext("Change the seats")],
};
const FIELDS = {
  inactive: ["is_active", gettext("Activate it")],
  notice: ["minimum_notice_minutes", gettext("Change the notice")],
  horizon: ["horizon_days", gettext("Change how far ahead")],
  step: ["slot_step_minutes", gettext("Change the starts")],
  daily_limit: ["daily_limit", gettext("Change the limit")],
  room: ["room_id", gettext("Change the room")],
};

function wayOf(reason, type) {
  if (reason.rule in WAYS) return WAYS[reason.rule]({ ...reason, type });
  const field = FIELDS[reason.rule];
  return field ? [`/expert-dashboard/${type}#field-${field[0]}`, field[1]] : null;
}

function reasonRow(reason, type, zone) {
  const way = wayOf(reason, type);
  const { cause } = reason;
  const period = cause && `${shortDayText(cause.starts_at, zone)}, ${periodText(cause.starts_at, cause.ends_at, zone)}`;
  return el(
    "li",
    { class: "why__reason" },
    icon("ban"),
    el(
      "div",
      { class: "stack stack--tight" },
      el("p", {}, reason.detail),
      cause && el("p", { class: "small muted figures" }, cause.title ? `${cause.title} · ${period}` : period),
      way && el("p", {}, el("a", { href: way[0] }, way[1])),
    ),
  );
}

/** The panel's form. `zone` is the expert's: what is asked for is local there. */
export function explainTimes(form, { zone, today }) {
  const place = form.querySelector("[data-why-answer]");
  const field = (name) => form.elements.namedItem(name);
  field("date").value = addDays(today, 1);
  field("time").value = "12:00";

  form.addEventListener("input", () => place.replaceChildren());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearErrors(form);
    const errors = check(form);
    if (Object.keys(errors).length) return showErrors(form, errors);
    const type = field("event_type").value;
    const [date, time] = [field("date").value, field("time").value];
    const at = instantOf(date, time, zone);
    if (!at) return showErrors(form, { time: [gettext("This time does not exist on this day: the clock is put forward.")] });
    try {
      const answer = await api("GET", `/api/event-types/${type}/explain?${new URLSearchParams({ at })}`);
      place.replaceChildren(...shown(answer, type, `${dateText(date)}, ${timeText(at, zone)}`));
    } catch (error) {
      if (Object.keys(error.errors ?? {}).length) showErrors(form, error.errors);
      else showFailure(form, error.message);
    }
  });

  function shown(answer, type, time) {
    if (answer.offered) {
      const { seats_left: left } = answer;
      const seats = left !== undefined && [" ", ngettext("%(num)d seat is left.", "%(num)d seats are left.", left)];
      return [el("p", { class: "why__offered" }, icon("circle-check"), el("span", {}, gettext("%(time)s is offered.", { time }), seats))];
    }
    return [
      el("p", {}, el("strong", {}, gettext("%(time)s is not offered:", { time }))),
      el("ul", { class: "why__reasons" }, ...answer.reasons.map((reason) => reasonRow(reason, type, zone))),
    ];
  }
}
