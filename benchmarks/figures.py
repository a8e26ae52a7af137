"""The figures: what is asked for, what limits it, and what must be true of the rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from benchmarks import fan_out, limits, load, paint
from benchmarks.fan_out import FanOut
from benchmarks.load import Plan, Result, request
from benchmarks.stage import ATTENDEES, BOOKED, EXPERTS, MONTH_DAYS, SPREAD, Stage
from tests import product

CLIENTS = (1, 16, 64)
CHANGES = 20  # of the agenda, each followed by one reader
WARM_UP = 64  # requests that nobody counts: statements are compiled, connections opened
SECONDS = 8.0  # for one measurement, at most


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `limit` is per second; `rows` says what the tables or answers hold."""

    figure: str
    clients: int
    processes: int
    result: Result
    limit: float | None
    errors: int
    cpu_milliseconds: float  # of the server, for one request
    rows: str = ""


@dataclass(slots=True)
class Measured:
    """A whole run."""

    rows: list[Row] = field(default_factory=list)
    fan_outs: list[FanOut] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Bench:
    """One run on one database."""

    def __init__(self, database_url: str, redis_url: str, *, only: str, quick: bool) -> None:
        self._only = only
        self._share = 0.2 if quick else 1.0
        self._database_url = database_url
        self._redis_url = redis_url
        self._stage = Stage(self._settings(1))
        self._measured = Measured()
        self._limits: dict[tuple[str, int], float] = {}
        self._busy_day: tuple[int, datetime, dict[str, str]] | None = None
        self._next_reader = ATTENDEES // 2  # who books in the agenda next

    def measure(self, processes: int) -> None:
        """All figures, with so many server processes."""
        bytes_server = product.running(self._settings(1), command=("-m", "benchmarks.served_bytes"))
        served = product.running(self._settings(processes), processes=processes)
        with bytes_server as self._bytes_server, served as self._served:
            self._book("Seats of one hot session", processes, self._hot_seats)
            self._book(f"Seats spread over {SPREAD} sessions", processes, self._spread_seats)
            self._book(f"Appointments of {EXPERTS} experts", processes, self._appointments)
            self._book("Reservations of one room, a minute each", processes, self._reservations)
            self._read_slots(processes)
            self._read_agenda(processes)
            self._read_room(processes)
        if self._only in "Fan-out":
            self._fan_out(processes)

    def paint(self) -> None:
        """How long the scheduler's people wait for a key, in a browser."""
        name = f"Keystroke to paint with {paint.BOOKINGS} bookings on the day"
        if self._only not in name:
            return
        self._busy_day = self._busy_day or self._stage.make_busy_day(paint.BOOKINGS)
        room_id, day, cookies = self._busy_day
        count = max(60, self._count(1) // 2)
        with product.running(self._settings(1)) as served:
            url = f"http://127.0.0.1:{served.port}"
            strokes = list(paint.measure(url, cookies, room_id, day, count))
        worst = max(each.percentile(95) for each in strokes)
        verdict = "within" if worst < paint.LIMIT_MILLISECONDS else "over"
        self._measured.notes.append(
            f"{name}: {'; '.join(map(str, strokes))}."
            f" The 95th percentile is {verdict} the limit of {paint.LIMIT_MILLISECONDS:.0f} ms."
        )
        print(self._measured.notes[-1], flush=True)

    def finish(self) -> Measured:
        """The table's rows, after the audit of everything that was written."""
        self._measured.notes.append(f"`flask booking audit` afterwards: {self._stage.audit()}")
        self._stage.close()
        return self._measured

    # Bookings: each request is one that can be had

    def _book(self, name: str, processes: int, scene: Callable[[int], _Scene]) -> None:
        if self._only not in name:
            return
        load.run(self._plan(scene(WARM_UP).requests, 16, WARM_UP))
        for clients in CLIENTS:
            count = self._count(clients)
            made = scene(count)
            result, cpu = self._run(made.requests, clients, count)
            rows = made.proof(result)
            if (name, clients) not in self._limits:
                self._limits[name, clients] = made.limit(clients, count).per_second
            errors = sum(result.statuses.values()) - result.number(201)
            self._add(
                Row(
                    name, clients, processes, result, self._limits[name, clients], errors, cpu, rows
                )
            )

    def _hot_seats(self, count: int) -> _Scene:
        return self._seats(count, 1)

    def _spread_seats(self, count: int) -> _Scene:
        return self._seats(count, SPREAD)

    def _seats(self, count: int, sessions: int) -> _Scene:
        stage = self._stage
        # A fifth more than is asked for: what is measured is booking, not refusing.
        capacity = -(-count * 6 // (sessions * 5))
        made = stage.make_sessions(sessions, capacity)
        requests = [
            request(
                "POST",
                f"/api/sessions/{made.ids[number % sessions]}/seat",
                token=stage.tokens[number],
            )
            for number in range(count)
        ]

        def proof(result: Result) -> str:
            seats = _SEATS_TAKEN.format(made.ids[0], made.ids[-1])
            live = stage.number(_LIVE_SEATS.format(made.ids[0], made.ids[-1]))
            over = stage.number(_OVERSOLD.format(made.ids[0], made.ids[-1]))
            taken = stage.number(seats)
            return _proof(result, {"seats": live, "counted": taken}, over)

        def limit(clients: int, count: int) -> Result:
            mine = stage.make_sessions(sessions, capacity)
            return self._pgbench(
                limits.SEAT,
                clients,
                count,
                first_session=mine.ids[0],
                sessions=sessions,
                starts_at=mine.starts_at.isoformat(),
                ends_at=(mine.starts_at + timedelta(hours=1)).isoformat(),
            )

        return _Scene(requests, proof, limit)

    def _appointments(self, count: int) -> _Scene:
        stage = self._stage
        before = stage.number(_LIVE_APPOINTMENTS)
        requests = [
            request(
                "POST",
                "/api/bookings",
                token=stage.tokens[number],
                body=json.dumps(
                    {
                        "event_type_id": stage.event_type_ids[number % EXPERTS],
                        "starts_at": start.isoformat(),
                        "name": "Gwen Guest",
                        "email": "gwen@example.org",
                        "notes": "Looking forward to it.",
                    }
                ),
            )
            for number, start in enumerate(stage.take_slots(count))
        ]

        def proof(result: Result) -> str:
            booked = stage.number(_LIVE_APPOINTMENTS) - before
            return _proof(result, {"appointments": booked}, stage.number(_OVERLAPS))

        def limit(clients: int, count: int) -> Result:
            return self._pgbench(
                limits.APPOINTMENT,
                clients,
                count,
                first_host=stage.host_calendar_ids[0],
                first_type=stage.event_type_ids[0],
                first_expert=stage.expert_ids[0],
                first_start=stage.take_hours(-(-count // EXPERTS)).isoformat(),
            )

        return _Scene(requests, proof, limit)

    def _reservations(self, count: int) -> _Scene:
        stage = self._stage
        room_id, room_calendar = stage.make_staff()
        first = stage.take_hours(-(-count // 60))
        minute = timedelta(minutes=1)
        requests = [
            request(
                "POST",
                "/api/reservations",
                token=stage.tokens[number],
                body=json.dumps(
                    {
                        "room_id": room_id,
                        "starts_at": (first + number * minute).isoformat(),
                        "ends_at": (first + (number + 1) * minute).isoformat(),
                        "title": "A minute",
                    }
                ),
            )
            for number in range(count)
        ]
        before = stage.number(_LIVE_RESERVATIONS)

        def proof(result: Result) -> str:
            reserved = stage.number(_LIVE_RESERVATIONS) - before
            return _proof(result, {"reservations": reserved}, stage.number(_OVERLAPS))

        def limit(clients: int, count: int) -> Result:
            return self._pgbench(
                limits.RESERVATION,
                clients,
                count,
                room=room_id,
                room_calendar=room_calendar,
                first_start=stage.take_hours(-(-count // 60)).isoformat(),
            )

        return _Scene(requests, proof, limit)

    def _pgbench(self, script: str, clients: int, count: int, **variables: object) -> Result:
        return limits.pgbench(
            self._database_url,
            script,
            clients=clients,
            count=count,
            variables={
                "first_calendar": self._stage.calendar_ids[0],
                "first_user": self._stage.user_ids[0],
                **variables,
            },
        )

    # Reading

    def _read_slots(self, processes: int) -> None:
        first = self._stage.first_day.date()
        last = first + timedelta(days=MONTH_DAYS - 1)
        for booked in BOOKED:
            path = f"/api/experts/booked-{booked}/event-types/talk/slots?from={first}&to={last}"
            self._read(
                f"Slots of a month with {booked:,} bookings", processes, [request("GET", path)]
            )

    def _read_agenda(self, processes: int) -> None:
        readers = self._stage.tokens[:100]
        path = "/api/events/agenda/agenda"
        count = self._stage.number(_AGENDA_SESSIONS)
        name = f"Agenda of {count} sessions"
        full = [request("GET", path, token=token) for token in readers]
        self._read_changed(f"{name}, changed before", processes, full[-1])
        self._read(f"{name}, full", processes, full)
        page = [request("GET", "/agenda/agenda", token=token) for token in readers]
        self._read_changed(f"Page of {count} sessions, changed before", processes, page[-1])
        self._read(f"Page of {count} sessions", processes, page)
        if self._only not in f"{name}, 304":
            return
        etags = [load.header(self._served.port, each, "ETag") for each in full]
        known = [
            request("GET", path, token=token, If_None_Match=etag)
            for token, etag in zip(readers, etags, strict=True)
        ]
        self._read(f"{name}, 304", processes, known, status=304, like=full)

    def _read_room(self, processes: int) -> None:
        name = f"Day of a room with {paint.BOOKINGS} bookings"
        if self._only not in name:
            return
        self._busy_day = self._busy_day or self._stage.make_busy_day(paint.BOOKINGS)
        room_id, day, _ = self._busy_day
        path = f"/api/scheduler/day?date={day.date()}&room_id={room_id}"
        self._read(name, processes, [request("GET", path, token=self._stage.tokens[0])])

    def _read(
        self,
        name: str,
        processes: int,
        requests: list[str],
        *,
        status: int = 200,
        like: list[str] | None = None,
    ) -> None:
        """Ask over and over; the limit is as many bytes as `like` is answered, served ready."""
        if self._only not in name:
            return
        size = int(load.header(self._served.port, (like or requests)[0], "Content-Length"))
        load.run(self._plan(requests, 16, WARM_UP))
        for clients in CLIENTS:
            count = self._count(clients)
            result, cpu = self._run(requests, clients, count)
            errors = sum(result.statuses.values()) - result.number(status)
            if (name, clients) not in self._limits:
                self._limits[name, clients] = self._ready_bytes(clients, count, size)
            limit = self._limits[name, clients] if processes == 1 else None
            rows = f"{size:,} bytes"
            self._add(Row(name, clients, processes, result, limit, errors, cpu, rows))

    def _read_changed(self, name: str, processes: int, message: str) -> None:
        """Ask once after each booking: what was kept of the agenda does not hold any more."""
        if self._only not in name:
            return
        size = int(load.header(self._served.port, message, "Content-Length"))
        milliseconds, used, statuses = [], 0.0, Counter[str]()
        for _ in range(max(int(CHANGES * self._share), 2)):
            token = self._stage.tokens[self._next_reader]
            self._next_reader += 1
            session = self._stage.agenda_sessions[self._next_reader % 20]
            booking = request("POST", f"/api/sessions/{session}/seat", token=token)
            booked = load.run(self._plan([booking], 1, 1))
            if booked.number(201) != 1:
                raise AssertionError(f"no seat in the agenda: {booked.statuses}")
            result, cpu = self._run([message], 1, 1)
            milliseconds += result.milliseconds
            statuses.update(result.statuses)
            used += cpu
        whole = Result(dict(statuses), sorted(milliseconds), sum(milliseconds) / 1000)
        self._limits.setdefault((name, 1), self._ready_bytes(1, self._count(1), size))
        errors = len(milliseconds) - whole.number(200)
        limit = self._limits[name, 1] if processes == 1 else None
        cpu = used / len(milliseconds)
        self._add(Row(name, 1, processes, whole, limit, errors, cpu, f"{size:,} bytes"))

    def _ready_bytes(self, clients: int, count: int, size: int) -> float:
        ready = [request("GET", f"/api/bytes/{size}")]
        port = self._bytes_server.port
        load.run(Plan(port, 16, ready, WARM_UP, SECONDS))
        return load.run(Plan(port, clients, ready, count, SECONDS)).per_second

    # Telling

    def _fan_out(self, processes: int) -> None:
        """With servers of its own: nobody else is connected to them."""
        bare_server = product.running(self._settings(1), command=("-m", "benchmarks.bare_emit"))
        served = product.running(self._settings(processes), processes=processes)
        with bare_server as bare, served as product_server:
            found = fan_out.measure(self._stage, product_server, bare, processes, share=self._share)
        self._measured.fan_outs += found
        print(fan_out.as_markdown(found), flush=True)

    # What they share

    def _settings(self, processes: int) -> dict[str, str]:
        settings = {
            "DATABASE_URL": self._database_url,
            "SECRET_KEY": product.SECRET,
            "INSTANCE_PATH": "/nonexistent",
            "SAMPLE": "0",
        }
        return settings | ({"REDIS_URL": self._redis_url} if processes > 1 else {})

    def _plan(self, requests: list[str], clients: int, count: int) -> Plan:
        return Plan(self._served.port, clients, requests, count, SECONDS)

    def _run(self, requests: list[str], clients: int, count: int) -> tuple[Result, float]:
        """What came back, and the server's processor time for one request, in ms."""
        before = self._served.cpu_seconds()
        result = load.run(self._plan(requests, clients, count))
        used = self._served.cpu_seconds() - before
        return result, 1000 * used / len(result.milliseconds)

    def _count(self, clients: int) -> int:
        """Requests of one measurement, a multiple of the clients."""
        full = 320 if clients == 1 else ATTENDEES // 2 + ATTENDEES // 4
        return max(int(full * self._share) // clients, 1) * clients

    def _add(self, row: Row) -> None:
        self._measured.rows.append(row)
        ratio = f"{row.result.per_second / row.limit:.2f}" if row.limit else "-"
        print(
            f"{row.figure:42} {row.clients:3} clients {row.processes} processes"
            f" {row.result.per_second:7.0f}/s of {row.limit or 0:7.0f}/s = {ratio}"
            f" p50 {row.result.percentile(50):6.1f} ms, {row.cpu_milliseconds:.2f} ms CPU, {row.rows} {dict(row.result.statuses)}",
            flush=True,
        )


@dataclass(frozen=True, slots=True)
class _Scene:
    """One measurement of booking: its requests, a look at the rows, and its limit."""

    requests: list[str]
    proof: Callable[[Result], str]
    limit: Callable[[int, int], Result]


def _proof(result: Result, found: dict[str, int], over: int) -> str:
    """What the rows say; raises when they contradict the answers."""
    booked = result.number(201)
    if over or any(number != booked for number in found.values()):
        raise AssertionError(f"{booked} answers of 201, but {found} and {over} too many")
    return (
        f"{booked} = "
        + " = ".join(f"{number} {what}" for what, number in found.items())
        + ", 0 over"
    )


_AGENDA_SESSIONS = (
    "SELECT count(*) FROM event_session JOIN event ON event.id = event_id WHERE slug = 'agenda'"
)
_LIVE_SEATS = (
    "SELECT count(*) FROM booking WHERE event_session_id BETWEEN {} AND {} AND status = 'confirmed'"
)
_SEATS_TAKEN = "SELECT sum(seats_taken) FROM event_session WHERE id BETWEEN {} AND {}"
_OVERSOLD = (
    "SELECT count(*) FROM event_session WHERE id BETWEEN {} AND {} AND seats_taken > capacity"
)
_LIVE_APPOINTMENTS = (
    "SELECT count(*) FROM booking WHERE kind = 'appointment' AND status = 'confirmed'"
)
_LIVE_RESERVATIONS = (
    "SELECT count(*) FROM booking WHERE kind = 'reservation' AND status = 'confirmed'"
)
_OVERLAPS = (
    "SELECT count(*) FROM busy_period a JOIN busy_period b ON b.calendar_id = a.calendar_id"
    " AND b.id > a.id AND b.starts_at < a.ends_at AND b.ends_at > a.starts_at"
)
