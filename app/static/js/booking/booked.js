// What a framed booker says once it is booked, instead of leading away from the page around it.

import { el, icon } from "../dom.js";
import { gettext } from "../texts.js";
import { addMinutes, dayText, periodText, zoneShort } from "../time.js";
import { tell } from "./frame.js";

const whereItGoes = ({ email }, isRequest) =>
  isRequest ? gettext("The answer goes to %(email)s.", { email }) : gettext("The confirmation goes to %(email)s.", { email });

/** Replaces the booker by what is booked; the booking's own page opens beside the frame's. */
export function showBooked(root, { booking, manage_url: manageUrl }, { start, expert, eventType, zone }) {
  const isRequest = booking.status === "pending";
  const period = periodText(start, addMinutes(start, eventType.duration_minutes), zone);
  const title = el(
    "h1",
    { class: "booked__title", tabindex: "-1" },
    isRequest ? gettext("Waiting for %(name)s to accept", { name: expert.name }) : gettext("%(title)s with %(name)s", { title: eventType.title, name: expert.name }),
  );
  root.replaceChildren(
    el(
      "div",
      { class: "booked" },
      el("p", { class: `booked__state booked__state--${isRequest ? "pending" : "good"}` }, icon(isRequest ? "clock" : "circle-check"), isRequest ? gettext("Requested") : gettext("Booked")),
      title,
      el("p", { class: "figures" }, `${dayText(start, zone)}, ${period} ${zoneShort(start, zone)}`),
      booking.attendee && el("p", { class: "muted" }, whereItGoes(booking.attendee, isRequest)),
      el("p", {}, el("a", { class: "button", href: manageUrl, target: "_blank", rel: "noopener" }, gettext("See or change it"), icon("external-link"))),
    ),
  );
  root.dataset.step = "booked";
  title.focus();
  tell({ type: "rendezvous:booked", starts_at: booking.starts_at, status: booking.status });
}
