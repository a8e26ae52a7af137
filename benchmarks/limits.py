"""What the same machine can do at most, for each figure.

For bookings: pgbench runs the SQL of the same transaction, statement by statement and row
by row as the product does (its locks, its search for conflicts, booking, busy periods,
mails, audit entry), over the same protocol. It neither asks who is there nor parses,
judges or answers anything. Its rows are sound: the audit after the run counts them too.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from benchmarks.load import Result
from benchmarks.stage import EXPERTS
from tests import servers

# The n-th transaction of a client is that of one attendee, whom no other has.
_ATTENDEE = r"""
\set n :n + 1
\set attendee :n * :clients + :client_id
\set calendar :first_calendar + :attendee
\set user :first_user + :attendee
"""
_CONFLICTS = """
SELECT p.calendar_id, p.booking_id, p.event_session_id, b.uid, b.kind, b.title, b.starts_at,
       b.ends_at, b.user_id, b.event_session_id, s.title, s.starts_at, s.ends_at
FROM busy_period p LEFT JOIN booking b ON b.id = p.booking_id
LEFT JOIN event_session s ON s.id = p.event_session_id
WHERE {};
"""
_MAIL = """
INSERT INTO outbox_message (template, recipient, context, booking_id, message_id, next_attempt_at,
                            created_at)
VALUES ('{}', 'person@example.org', '{}', :booking, '<' || gen_random_uuid() || '@localhost>',
        now(), now());
"""
_AUDIT = """
INSERT INTO audit_entry (at, actor_id, action, object_kind, object_id, changes)
VALUES (now(), :user, 'book', 'booking', :booking, '{{"kind": "{}", "of": 1}}');
COMMIT;
"""
_CONTEXT = (
    '{"booking": {"uid": "00000000-0000-0000-0000-000000000000", "kind": "seat", "status":'
    ' "confirmed", "version": 1, "sequence": 0, "title": "Session 1", "starts_at":'
    ' "2031-03-03T06:00:00Z", "ends_at": "2031-03-03T07:00:00Z", "location": "Room 1",'
    ' "meeting_url": null, "ics_url": "http://127.0.0.1:8080/api/bookings/x.ics", "event_session":'
    ' {"id": 1, "title": "Session 1", "room": {"id": 1, "name": "Room 1"}}, "event": {"slug":'
    ' "bench", "title": "A conference"}, "room": {"id": 1, "name": "Room 1"}, "attendee": {"name":'
    ' "Person 1", "email": "person1@example.org", "phone": "", "notes": ""}}, "reason": "",'
    ' "name": "Person 1", "time_zone": "Europe/Berlin"}'
)

SEAT = (
    _ATTENDEE
    + rf"""
\set session :first_session + :attendee % :sessions
BEGIN;
UPDATE calendar SET version = version + 1 WHERE id IN (:calendar)
RETURNING id, version, user_id, room_id,
          (SELECT expert.slug FROM expert WHERE expert.user_id = calendar.user_id);
{_CONFLICTS.format("p.calendar_id = :calendar AND p.starts_at < ':ends_at' AND p.ends_at > ':starts_at'")}
UPDATE event_session SET seats_taken = seats_taken + 1, version = version + 1
WHERE id = :session AND status = 'confirmed' AND seats_taken < capacity
RETURNING seats_taken, starts_at, ends_at;
INSERT INTO booking (uid, kind, title, starts_at, ends_at, user_id, event_session_id, created_at)
VALUES (gen_random_uuid()::text, 'seat', 'Session 1', ':starts_at', ':ends_at', :user, :session, now())
RETURNING id AS booking \gset
INSERT INTO busy_period (calendar_id, starts_at, ends_at, booking_id)
VALUES (:calendar, ':starts_at', ':ends_at', :booking);
{_MAIL.format("seat_confirmed", _CONTEXT)}
{_AUDIT.format("seat")}
"""
)
_START = "(timestamptz ':first_start' + :slot * interval '30 minutes')"
_END = f"({_START} + interval '30 minutes')"
_IN_THE_WAY = f"p.calendar_id = {{}} AND p.starts_at < {_END} AND p.ends_at > {_START}"
APPOINTMENT = (
    _ATTENDEE
    + rf"""
\set expert :attendee % {EXPERTS}
\set host :first_host + :expert
\set slot :attendee / {EXPERTS}
BEGIN;
WITH in_order AS (
    SELECT id FROM calendar WHERE id IN (:calendar, :host) ORDER BY id FOR UPDATE
)
UPDATE calendar SET version = version + 1 FROM in_order WHERE calendar.id = in_order.id
RETURNING calendar.id, version, user_id, room_id,
          (SELECT expert.slug FROM expert WHERE expert.user_id = calendar.user_id);
{_CONFLICTS.format(_IN_THE_WAY.format(":calendar") + " OR " + _IN_THE_WAY.format(":host"))}
INSERT INTO booking (uid, kind, title, starts_at, ends_at, user_id, location, meeting_url,
                     expert_id, event_type_id, attendee_name, attendee_email, time_zone,
                     created_at, manage_token_hash)
VALUES (gen_random_uuid()::text, 'appointment', 'Talk', {_START}, {_END}, :user, '',
        'https://meet.jit.si/x', :first_expert + :expert, :first_type + :expert, 'Gwen Guest',
        'gwen@example.org', 'UTC', now(), md5(random()::text) || md5(random()::text))
RETURNING id AS booking \gset
INSERT INTO busy_period (calendar_id, starts_at, ends_at, booking_id)
VALUES (:calendar, {_START}, {_END}, :booking), (:host, {_START}, {_END}, :booking);
{_MAIL.format("appointment_confirmed", _CONTEXT)}
{_MAIL.format("appointment_confirmed_host", _CONTEXT)}
{_AUDIT.format("appointment")}
"""
)
_MINUTE = "(timestamptz ':first_start' + :attendee * interval '1 minute')"
_MINUTES_END = f"({_MINUTE} + interval '1 minute')"
_MINUTE_IN_THE_WAY = (
    f"p.calendar_id = {{}} AND p.starts_at < {_MINUTES_END} AND p.ends_at > {_MINUTE}"
)
RESERVATION = (
    _ATTENDEE
    + rf"""
BEGIN;
WITH in_order AS (
    SELECT id FROM calendar WHERE id IN (:calendar, :room_calendar) ORDER BY id FOR UPDATE
)
UPDATE calendar SET version = version + 1 FROM in_order WHERE calendar.id = in_order.id
RETURNING calendar.id, version, user_id, room_id,
          (SELECT expert.slug FROM expert WHERE expert.user_id = calendar.user_id);
{_CONFLICTS.format(_MINUTE_IN_THE_WAY.format(":calendar") + " OR " + _MINUTE_IN_THE_WAY.format(":room_calendar"))}
INSERT INTO booking (uid, kind, title, starts_at, ends_at, user_id, room_id, created_at)
VALUES (gen_random_uuid()::text, 'reservation', 'A minute', {_MINUTE}, {_MINUTES_END}, :user,
        :room, now())
RETURNING id AS booking \gset
INSERT INTO busy_period (calendar_id, starts_at, ends_at, booking_id)
VALUES (:calendar, {_MINUTE}, {_MINUTES_END}, :booking),
       (:room_calendar, {_MINUTE}, {_MINUTES_END}, :booking);
{_AUDIT.format("reservation")}
"""
)


def pgbench(
    database_url: str, script: str, *, clients: int, count: int, variables: Mapping[str, object]
) -> Result:
    """Run the script `count` times in all, by so many clients; a status of 201 is a commit."""
    url = urlsplit(database_url)
    each = count // clients
    defined = {"n": -1, "clients": clients, **variables}
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "script.sql"
        file.write_text(script)
        command = [servers.postgresql_programs() / "pgbench", "--no-vacuum", "--log"]
        command += [f"--host={url.hostname}", f"--port={url.port}", f"--username={url.username}"]
        command += [f"--client={clients}", "--jobs=1", f"--transactions={each}"]
        command += [f"--define={name}={value}" for name, value in defined.items()]
        done = subprocess.run(
            [*command, f"--file={file}", url.path.removeprefix("/")],
            cwd=directory,
            env={**os.environ, "PGPASSWORD": unquote(url.password or "")},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"pgbench failed: {done.stderr}")
        lines = [
            line.split()
            for log in Path(directory).glob("pgbench_log.*")
            for line in log.read_text().splitlines()
        ]
    # Of each transaction: its microseconds, and when it ended (seconds, microseconds).
    ends = [int(line[4]) + int(line[5]) / 1e6 for line in lines]
    begun = min(end - int(line[2]) / 1e6 for end, line in zip(ends, lines, strict=True))
    milliseconds = sorted(int(line[2]) / 1000 for line in lines)
    return Result({"201": len(lines)}, milliseconds, max(ends) - begun)
