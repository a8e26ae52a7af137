// The scheduler's calls: what is asked of the server, in one place.

import { Attempt, api, command } from "../api.js";
import { FIRST_WEEKDAY } from "../time.js";

const query = (values) => new URLSearchParams(Object.entries(values).filter(([, value]) => value !== null && value !== undefined)).toString();

export const readDay = (roomId, date) => api("GET", `/api/rooms/${roomId}/minutes?date=${date}`);
export const readWeek = (roomId, date) => api("GET", `/api/scheduler/week?${query({ room_id: roomId, date, first_weekday: FIRST_WEEKDAY })}`);
export const readAllRooms = (date) => api("GET", `/api/scheduler/day?date=${date}`);

/** {date: minutes taken} of a room's month. */
export async function readMonth(roomId, month) {
  const { days } = await api("GET", `/api/scheduler/month?${query({ month, room_id: roomId })}`);
  return Object.fromEntries(days.map((day) => [day.date, day.busy_minutes]));
}

const booking = new Attempt();

/** Books once, however often it has to be sent. */
export const book = (values) => command("POST", "/api/reservations", values, booking);

export async function preview(values, signal) {
  const { occurrences } = await api("POST", "/api/reservations", { body: { ...values, dry_run: true }, signal });
  return occurrences;
}

export const change = (uid, values) => command("PATCH", `/api/reservations/${uid}`, values, new Attempt());
export const remove = (uid, { version, scope }) => api("DELETE", `/api/reservations/${uid}?${query({ version, scope })}`);
export const restore = (uid, scope) => command("POST", `/api/reservations/${uid}/restore`, scope ? { scope } : {}, new Attempt());

export const copyDay = (values) => command("POST", "/api/scheduler/copy", values, new Attempt());

export const listBlackouts = (roomId) => api("GET", `/api/rooms/${roomId}/blackouts`);
export const addBlackout = (roomId, values) => command("POST", `/api/rooms/${roomId}/blackouts`, values, new Attempt());
export const removeBlackout = (uid) => api("DELETE", `/api/blackouts/${uid}`);

export const exportUrl = (values) => `/api/scheduler/export.csv?${query(values)}`;
