"""Socket.IO: who may join which topic, and what is broadcast after a commit.

Events are hints with a version: a client that sees a gap, or reconnects, refetches.
So nothing is queued or repeated here, and a lost message costs a refetch.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from typing import Any

from flask import Flask, request
from flask_socketio import disconnect, join_room, leave_room
from socketio import RedisManager
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from app import gates
from app.errors import problem_of
from app.extensions import db, socketio
from app.models import Calendar, Expert
from app.services import agenda, changes, policy, sign_ins
from app.services.clock import rfc3339
from app.services.errors import DomainError, InvalidInput, NotFound
from app.services.policy import Actor

MAX_MESSAGE_BYTES = 64 * 1024
SEATS_INTERVAL_SECONDS = 0.2  # at most five `seats` messages a second per event

log = logging.getLogger(__name__)

_actors: dict[str, Actor | None] = {}  # by socket id, in this process


def init_app(app: Flask, *, async_mode: str) -> None:
    """Attach Socket.IO to the application and subscribe to its changes."""
    redis_url = app.config["REDIS_URL"]
    options: dict[str, Any] = {}
    if redis_url:
        # With its default options the manager lost broadcasts under a storm of
        # connections: docs/decisions/0004-redis-manager.md.
        options["client_manager"] = RedisManager(
            redis_url,
            write_only=app.config.get("LIVE_WRITE_ONLY", False),
            redis_options={
                "max_connections": 10_000,
                "health_check_interval": 30,
                "socket_keepalive": True,
                "socket_connect_timeout": 2,
                "socket_timeout": 60,
            },
        )
    socketio.init_app(
        app,
        async_mode=async_mode,
        transports=["websocket"],
        cors_allowed_origins=[app.config["PUBLIC_URL"]]
        if app.config["APP_ENV"] == "production"
        else None,
        max_http_buffer_size=MAX_MESSAGE_BYTES,
        manage_session=False,
        **options,
    )
    changes.subscribe(Broadcaster(app))


@socketio.on("connect")
def _connect(auth: Any = None) -> None:
    # The gates resolve the actor; bad credentials refuse the connection.
    _actors[request.sid] = gates.actor_of_socket(auth)  # type: ignore[attr-defined]


@socketio.on("disconnect")
def _disconnect(*_reason: Any) -> None:
    _actors.pop(request.sid, None)  # type: ignore[attr-defined]


@socketio.on("join")
def _join(message: Any = None) -> dict[str, Any]:
    """Join a topic; answers `{ok, version}`, or `{ok: False, code, detail}`."""
    try:
        actor = _actors.get(request.sid)  # type: ignore[attr-defined]
        topic, version = _topic(actor, _name_in(message))
        join_room(topic)
        return {"ok": True, "version": version}
    except DomainError as error:
        problem = problem_of(error)
        return {"ok": False, "code": problem["code"], "detail": problem["detail"]}
    finally:
        db.session.remove()


@socketio.on("leave")
def _leave(message: Any = None) -> dict[str, Any]:
    """Leave a topic."""
    try:
        name = _name_in(message)
    except DomainError as error:
        return {"ok": False, "code": error.code, "detail": error.detail}
    actor = _actors.get(request.sid)  # type: ignore[attr-defined]
    leave_room(f"me:{actor.user_id}" if name == "me" and actor else name)
    return {"ok": True}


def _name_in(message: Any) -> str:
    topic = message.get("topic") if isinstance(message, dict) else None
    if not isinstance(topic, str) or len(topic) > 100 or "\x00" in topic:
        raise InvalidInput({"topic": ["Name a topic, such as expert:<slug>."]})
    return topic


def _topic(actor: Actor | None, name: str) -> tuple[str, int]:
    """`(Socket.IO room, version)` of a topic that the actor may follow."""
    if actor is not None:
        actor = policy.require_signed_in(actor)
    kind, _, key = name.partition(":")
    version: int | None = None
    if name == "me":
        actor = policy.require_signed_in(actor)
        version = db.session.scalar(
            select(Calendar.version).where(Calendar.user_id == actor.user_id)
        )
        name = f"me:{actor.user_id}"
    elif kind == "expert":
        version = db.session.scalar(
            select(Calendar.version)
            .join(Expert, Expert.user_id == Calendar.user_id)
            .where(Expert.slug == key)
        )
    elif kind == "room" and key.isdecimal() and len(key) < 10:
        version = db.session.scalar(select(Calendar.version).where(Calendar.room_id == int(key)))
        name = f"room:{int(key)}"
    elif kind == "event":
        version = agenda.topic_version(policy.require_signed_in(actor), key)
    if version is None:
        raise NotFound
    return name, version


class Broadcaster:
    """Turns committed changes into messages; runs in the process that committed."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = Lock()
        self._pending: dict[tuple[int, str], set[int]] = {}
        self._agenda_changed: set[tuple[int, str]] = set()
        self._flushing = False

    def __call__(self, change: changes.Change) -> None:
        match change:
            case changes.BookingChanged():
                self._booking_changed(change)
            case changes.SeatsChanged(event_id, slug, session_id):
                self._soon((event_id, slug), session_id)
            case changes.AgendaChanged(event_id, slug):
                self._soon((event_id, slug), None)
            case changes.AccessEnded(user_id, kept):
                end_sockets(lambda actor: actor.user_id == user_id and actor.sign_in_id != kept)

    def _booking_changed(self, change: changes.BookingChanged) -> None:
        seen_by_all: dict[str, Any] = {
            "kind": change.kind,
            "starts_at": rfc3339(change.period.starts_at),
            "ends_at": rfc3339(change.period.ends_at),
        }
        if change.previous:
            seen_by_all["previous"] = {
                "starts_at": rfc3339(change.previous.starts_at),
                "ends_at": rfc3339(change.previous.ends_at),
            }
        for calendar in change.calendars:
            if calendar.room_id is not None:
                topic = f"room:{calendar.room_id}"
                self._emit(change.name, topic, calendar.version, seen_by_all)
            if calendar.expert_slug is not None:
                topic = f"expert:{calendar.expert_slug}"
                self._emit(change.name, topic, calendar.version, seen_by_all)
            if calendar.user_id is not None and change.booking is not None:
                message = {"topic": "me", "version": calendar.version, "booking": change.booking}
                socketio.emit(change.name, message, to=f"me:{calendar.user_id}")

    def _emit(self, name: str, topic: str, version: int, payload: dict[str, Any]) -> None:
        socketio.emit(name, {"topic": topic, "version": version, **payload}, to=topic)

    def _soon(self, event: tuple[int, str], session_id: int | None) -> None:
        with self._lock:
            if session_id is None:
                self._agenda_changed.add(event)
            else:
                self._pending.setdefault(event, set()).add(session_id)
            if self._flushing:
                return
            self._flushing = True
        if self._app.config.get("LIVE_WRITE_ONLY"):  # a command: it ends before a task would run
            self._flush()
        else:
            socketio.start_background_task(self._flush_until_calm)

    def _flush_until_calm(self) -> None:
        while self._flush():
            socketio.sleep(SEATS_INTERVAL_SECONDS)

    def _flush(self) -> bool:
        """Send what is pending, with the values of now; False when there was nothing."""
        with self._lock:
            pending, self._pending = self._pending, {}
            changed, self._agenda_changed = self._agenda_changed, set()
            self._flushing = bool(pending or changed)
            if not self._flushing:
                return False
        with self._app.app_context():
            for event_id, slug in pending:
                version, seats = agenda.seats_now(event_id, pending[event_id, slug])
                message = {"topic": f"event:{slug}", "version": version, "sessions": seats}
                socketio.emit("seats", message, to=f"event:{slug}")
            for event_id, slug in changed:
                version, _ = agenda.seats_now(event_id, ())
                message = {"topic": f"event:{slug}", "version": version}
                socketio.emit("agendaChanged", message, to=f"event:{slug}")
        return True


def end_sockets(ended: Callable[[Actor], bool]) -> None:
    """Disconnect this process's sockets whose actor has lost the access they rest on."""
    for socket_id, actor in list(_actors.items()):
        if actor is not None and ended(actor):
            disconnect(socket_id, namespace="/")


def start_watching(app: Flask) -> None:
    """Watch this server process's sockets in the background."""
    socketio.start_background_task(_watch_access, app)


def _watch_access(app: Flask) -> None:
    """Forever, once a second: end the sockets whose sign-in ended, in whatever process."""
    while True:
        socketio.sleep(1)
        held = {actor.sign_in_id for actor in _actors.values() if actor and actor.sign_in_id}
        if not held:
            continue
        with app.app_context():
            try:
                live = sign_ins.still_live(held)
            except DBAPIError:  # the database is away: judge again when it is back
                log.warning("could not re-check the sockets' sign-ins")
                continue
        end_sockets(lambda actor, live=live: actor.sign_in_id not in live)  # type: ignore[misc]
