// What a row of bookings can be told: cancel, and take that back; accept or decline a request.

import { api } from "../api.js";
import { askCancel, optionalWords, whatAndWhen } from "../cancel.js";
import { ask } from "../dialog.js";
import { gettext } from "../texts.js";
import { toast } from "../toast.js";

const path = (uid) => `/api/bookings/${uid}`;

/** Answers the clicks on the bookings of a page; `refresh()` shows them as they are then. */
export function changeBookings(refresh) {
  const told = (action) => action().catch((error) => toast(error.message));

  async function settle(words, undo = null) {
    await refresh();
    document.getElementById("main").focus({ preventScroll: true });
    toast(words, undo ? { action: gettext("Undo"), onaction: () => told(undo) } : {});
  }

  async function restore(uid) {
    await api("PATCH", path(uid), { body: { status: "confirmed" } });
    await settle(gettext("It stands again."));
  }

  async function cancel({ uid, ...about }, isRequest) {
    const cancelled = await askCancel({ ...about, isRequest }, (reason) =>
      api("PATCH", path(uid), { body: { status: "cancelled", ...(reason && { reason }) } }),
    );
    if (!cancelled) return;
    await settle(isRequest ? gettext("Withdrawn.") : gettext("Cancelled. Everybody in it is told."), () => restore(uid));
  }

  async function accept({ uid, version, with: whom }) {
    await api("PATCH", path(uid), { body: { status: "confirmed", version: Number(version) } });
    await settle(gettext("Accepted. %(name)s is told.", { name: whom }));
  }

  async function decline({ uid, title, with: whom, starts, ends, zone }) {
    const reason = optionalWords("decline-reason", gettext("A word to %(name)s", { name: whom }));
    const answer = await ask({
      title: gettext("Decline the request of %(name)s?", { name: whom }),
      body: [whatAndWhen(title, starts, ends, zone), reason.field],
      actions: [
        { text: gettext("Keep it"), value: null, safe: true },
        { text: gettext("Decline"), value: "decline", look: "button--danger" },
      ],
      onsubmit: () => api("PATCH", path(uid), { body: { status: "cancelled", ...(reason.words() && { reason: reason.words() }) } }),
    });
    if (answer) await settle(gettext("Declined. %(name)s is told.", { name: whom }));
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-uid]");
    if (!button) return;
    if ("cancel" in button.dataset) told(() => cancel(button.dataset, "pending" in button.dataset));
    else if ("accept" in button.dataset) told(() => accept(button.dataset));
    else if ("decline" in button.dataset) told(() => decline(button.dataset));
  });
}

const JOIN_FROM = 10 * 60_000; // before a start, joining becomes the one next step
const LONGEST = 2 ** 31 - 1; // that a timer can wait

/** Calls `refresh` when the next booking can be joined, or the running one is over. */
export function followTheClock(refresh) {
  let timer = null;
  const plan = () => {
    const times = [...document.querySelectorAll(".booking[data-starts]")].flatMap(({ dataset }) => [
      Date.parse(dataset.starts) - JOIN_FROM,
      Date.parse(dataset.ends),
    ]);
    const next = Math.min(...times.filter((time) => time > Date.now()));
    clearTimeout(timer);
    if (Number.isFinite(next)) timer = setTimeout(tick, Math.min(next - Date.now() + 1000, LONGEST));
  };
  const tick = () =>
    refresh()
      .catch(() => null)
      .finally(plan);
  plan();
  return plan;
}
