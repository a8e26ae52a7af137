// What is looked at: a date, a room, an hour, a view. It stands in the address.

import { hoursOf, locate } from "./local-day.js";

const VIEWS = ["hour", "day", "week"];
const MORNING = "9"; // where a day that is not today opens
const DATE = /^\d{4}-\d\d-\d\d$/;

const isDate = (text) => DATE.test(text ?? "") && !Number.isNaN(Date.parse(text)) && new Date(`${text}T00:00:00Z`).toISOString().startsWith(text);

function remembered() {
  try {
    return Number(localStorage.getItem("scheduler-room"));
  } catch {
    return null;
  }
}

/** The hour that a day opens with: the present one today. */
export function openingHour(date, zone, now) {
  const here = locate(now, zone);
  return here.date === date && here.hour ? here.hour.key : MORNING;
}

/** The hour that a place names, as hoursOf has it. */
export function hourOf({ date, hour }, zone) {
  const hours = hoursOf(date, zone);
  return hours.find((each) => each.key === hour) ?? hours[0];
}

/** The place that an address names; whatever it leaves out or cannot mean is chosen. */
export function placeOf(search, { rooms, now }) {
  const query = new URLSearchParams(search);
  const find = (id) => rooms.find((room) => room.id === Number(id));
  const room = find(query.get("room")) ?? find(remembered()) ?? rooms[0];
  const date = isDate(query.get("date")) ? query.get("date") : locate(now, room.time_zone).date;
  const hour = hoursOf(date, room.time_zone).find((each) => each.key === query.get("hour"));
  return {
    date,
    room: room.id,
    hour: hour?.key ?? openingHour(date, room.time_zone, now),
    view: VIEWS.includes(query.get("view")) ? query.get("view") : "hour",
  };
}

export function addressOf({ date, room, hour, view }) {
  return `?${new URLSearchParams({ date, room, hour, view })}`;
}

/** Shows the place in the address; `push` makes it a step that one can go back from. */
export function write(place, { push }) {
  const address = addressOf(place);
  if (address === location.search) return;
  if (push) history.pushState(null, "", address);
  else history.replaceState(null, "", address);
  try {
    localStorage.setItem("scheduler-room", place.room);
  } catch {
    // The next visit opens with the first room.
  }
}
