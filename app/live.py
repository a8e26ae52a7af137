"""Socket.IO: who may join which topic, and what is broadcast after a commit.

Events are hints with a version: a client that sees a gap, or reconnects, refetches.
So a lost message costs a refetch, and nothing is kept to be repeated.

Server processes send from background tasks, so that no request waits for Redis or for
a busy event. A command has no time after its end: it sends when its context is torn down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import wraps
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, g, request
from flask_babel import gettext
from flask_socketio import join_room, leave_room
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from app import gates
from app.errors import problem_of
from app.extensions import db, socketio
from app.models import Calendar, Event, Expert
from app.models.audit import SOCKET
from app.redis_manager import RedisManager
from app.services import agenda, changes, origin, policy, sign_ins
from app.services.clock import rfc3339
from app.services.errors import (
    Busy,
    DomainError,
    InvalidInput,
    NotFound,
    RateLimited,
    Unauthenticated,
)
from app.services.fields import is_storable
from app.services.policy import Actor

MAX_MESSAGE_BYTES = 64 * 1024
MAX_MESSAGES = 120  # that one socket may send per minute
SEATS_INTERVAL_SECONDS = 0.2  # at most five `seats` messages a second per event
WATCH_INTERVAL_SECONDS = 0.5

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Socket:
    """A connected socket; `actor` is who opened it."""

    actor: Actor | None
    minute: float = field(default_factory=time.monotonic)
    messages: int = 0

    def count_message(self) -> None:
        """Raises `RateLimited`."""
        now = time.monotonic()
        if now - self.minute >= 60:
            self.minute, self.messages = now, 0
        self.messages += 1
        if self.messages > MAX_MESSAGES:
            raise RateLimited(retry_after=int(61 - (now - self.minute)))


_sockets: dict[str, _Socket] = {}  # by socket id, in this process


def init_app(app: Flask, *, is_server: bool) -> None:
    """Attach Socket.IO to the application and tell its sockets of changes.

    A process that is no server has no sockets; it reaches those of servers through Redis.
    """
    redis_url = app.config["REDIS_URL"]
    manager = RedisManager(redis_url, write_only=not is_server) if redis_url else None
    socketio.init_app(
        app,
        client_manager=manager,
        async_mode="eventlet" if is_server else "threading",
        transports=["websocket"],
        cors_allowed_origins=_origin_check(app),
        max_http_buffer_size=MAX_MESSAGE_BYTES,
        manage_session=False,
    )
    broadcaster = Broadcaster(app, manager, in_background=is_server)
    changes.subscribe(broadcaster)
    if not is_server:
        app.teardown_appcontext(lambda _error: broadcaster.flush())


def _origin_check(app: Flask) -> Callable[[str | None, dict[str, Any]], bool]:
    """Whose pages may open sockets: ours. A client that is no browser sends no origin."""
    public = urlsplit(app.config["PUBLIC_URL"])
    own = f"{public.scheme}://{public.netloc}"
    is_production = app.config["APP_ENV"] == "production"

    def is_allowed(origin: str | None, environ: dict[str, Any]) -> bool:
        here = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST')}"
        return origin == own or (origin == here and not is_production)

    return is_allowed


def _from_a_socket(handler: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Note for the services from where they are asked."""

    @wraps(handler)
    def handle(*args: Any) -> dict[str, Any]:
        with origin.coming_from(SOCKET, request.remote_addr):
            return handler(*args)

    return handle


@socketio.on("connect")
def _connect(auth: Any = None) -> None:
    # Clients may send an event of this name too: it is none, and nobody becomes another by it.
    if _socket_id() not in _sockets:
        # The gates resolve the actor; bad credentials refuse the connection.
        _sockets[_socket_id()] = _Socket(gates.actor_of_socket(auth))


@socketio.on("disconnect")
def _disconnect(*_reason: Any) -> None:
    # Nor is an event of this name the end: its socket goes on to hear, and must be watched.
    if not socketio.server.manager.is_connected(_socket_id(), "/"):
        _sockets.pop(_socket_id(), None)


@socketio.on("join")
@_from_a_socket
def _join(message: Any = None, *_more: Any) -> dict[str, Any]:
    """Join a topic; answers `{ok, version}`, or `{ok: False, code, detail}`."""
    try:
        actor = _asking()
        name = _name_in(message)
        room, _ = _topic(actor, name)
        join_room(room)
        db.session.rollback()  # a version read before joining could miss a change for ever
        _, version = _topic(actor, name)
    except DomainError as error:
        return _refusal(error)
    except SQLAlchemyError as error:
        log.warning("could not join a topic: %s", type(error).__name__)
        return _refusal(Busy())
    return {"ok": True, "version": version}


@socketio.on("leave")
@_from_a_socket
def _leave(message: Any = None, *_more: Any) -> dict[str, Any]:
    """Leave a topic; one that was not joined is left too."""
    try:
        actor = _asking()
        name = _name_in(message)
        leave_room(_room_of(actor) if name == "me" and actor else name)
    except DomainError as error:
        return _refusal(error)
    return {"ok": True}


def _socket_id() -> str:
    sid: str = request.sid  # type: ignore[attr-defined]
    return sid


def _asking() -> Actor | None:
    """Who sends this message, as of now: roles and passwords change while sockets last."""
    socket = _sockets.get(_socket_id())
    if socket is None:
        raise Unauthenticated
    socket.count_message()
    if socket.actor is None or socket.actor.sign_in_id is None:
        return None
    actor = sign_ins.find_actor(socket.actor.sign_in_id)
    if actor is None:
        raise Unauthenticated
    g.actor = actor  # whose language the answer is in
    return policy.require_signed_in(actor)


def _refusal(error: DomainError) -> dict[str, Any]:
    problem = problem_of(error)
    return {"ok": False, "code": problem["code"], "detail": problem["detail"]}


def _name_in(message: Any) -> str:
    topic = message.get("topic") if isinstance(message, dict) else None
    if not isinstance(topic, str) or len(topic) > 100 or not is_storable(topic):
        raise InvalidInput({"topic": [gettext("Name a topic, such as expert:<slug>.")]})
    return topic


def _topic(actor: Actor | None, name: str) -> tuple[str, int]:
    """`(Socket.IO room, version)` of a topic that the actor may follow."""
    kind, _, key = name.partition(":")
    version: int | None = None
    if name == "me":
        actor = policy.require_signed_in(actor)
        version = db.session.scalar(
            select(Calendar.version).where(Calendar.user_id == actor.user_id)
        )
        name = _room_of(actor)
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


def _room_of(actor: Actor) -> str:
    """Where the actor's `me` is heard: an agenda's sign-in hears of that event alone."""
    if actor.audience == policy.ACCOUNT:
        return f"me:{actor.user_id}"
    event_id = int(actor.audience.removeprefix("agenda:"))
    slug = db.session.scalar(select(Event.slug).where(Event.id == event_id))
    return f"me:{actor.user_id}:{slug}"


class Broadcaster:
    """Turns committed changes into messages; runs in the process that committed."""

    def __init__(self, app: Flask, manager: RedisManager | None, *, in_background: bool) -> None:
        self._app = app
        self._manager = manager
        self._in_background = in_background
        self._lock = Lock()
        # What waits to be told, by event id and slug.
        self._seats: set[tuple[int, str]] = set()
        self._agendas: set[tuple[int, str]] = set()
        # The sessions' versions by event, as this process told of them last.
        self._told: dict[tuple[int, str], dict[int, int]] = {}
        self._is_flushing = False

    def __call__(self, change: changes.Change) -> None:
        if current_app._get_current_object() is not self._app:  # type: ignore[attr-defined]
            return  # several applications in one process: tests
        match change:
            case changes.BookingChanged():
                self._booking_changed(change)
            case changes.CalendarChanged(calendars, booking):
                for calendar in calendars:
                    self._tell("calendarChanged", calendar, {}, booking)
            case changes.SeatsChanged(event_id, slug):
                with self._lock:
                    self._seats.add((event_id, slug))
                self._flush_soon()
            case changes.AgendaChanged(event_id, slug):
                with self._lock:
                    self._agendas.add((event_id, slug))
                self._flush_soon()
            case changes.SeatOffered(user_id, slug, session_id, expires_at):
                offer = {"topic": "me", "event_session_id": session_id, "expires_at": expires_at}
                socketio.emit("seatOffered", offer, to=[f"me:{user_id}", f"me:{user_id}:{slug}"])
            case changes.AccessEnded(user_id, kept):
                end_sockets(lambda actor: actor.user_id == user_id and actor.sign_in_id != kept)

    def flush(self) -> None:
        """Send all that waits, now: what a command does at its end."""
        try:
            self._send_waiting()
        except SQLAlchemyError as error:
            log.warning("could not read seats: %s", type(error).__name__)
        if self._manager is not None:
            self._manager.flush()

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
            if change.booking is None:  # an event session's: nobody's `me` lists it
                self._tell(change.name, replace(calendar, user_id=None), seen_by_all, None)
            else:
                self._tell(change.name, calendar, seen_by_all, change.booking)

    def _tell(
        self,
        name: str,
        calendar: changes.CalendarVersion,
        seen_by_all: dict[str, Any],
        booking: dict[str, Any] | None,
    ) -> None:
        """Send to the topics that are views of a calendar; the booking to its owner alone."""
        topics = []
        if calendar.room_id is not None:
            topics.append(f"room:{calendar.room_id}")
        if calendar.expert_slug is not None:
            topics.append(f"expert:{calendar.expert_slug}")
        for topic in topics:
            message = {"topic": topic, "version": calendar.version, **seen_by_all}
            socketio.emit(name, message, to=topic)
        if calendar.user_id is not None:
            message = {"topic": "me", "version": calendar.version}
            rooms = [f"me:{calendar.user_id}"]
            if booking is not None:
                message["booking"] = booking
                if event := booking.get("event"):
                    rooms.append(f"me:{calendar.user_id}:{event['slug']}")
            socketio.emit(name, message, to=rooms)

    def _flush_soon(self) -> None:
        if not self._in_background:
            return
        with self._lock:
            if self._is_flushing:
                return
            self._is_flushing = True
        socketio.start_background_task(self._flush_until_calm)

    def _flush_until_calm(self) -> None:
        while True:
            with self._lock:
                if not (self._seats or self._agendas):
                    self._is_flushing = False
                    return
            with self._app.app_context():
                try:
                    is_all_sent = self._send_waiting()
                except SQLAlchemyError as error:  # the database is away; what waits, waits
                    log.warning("could not read seats: %s", type(error).__name__)
                    is_all_sent = True
            socketio.sleep(SEATS_INTERVAL_SECONDS if is_all_sent else SEATS_INTERVAL_SECONDS / 4)

    def _send_waiting(self) -> bool:
        """Send what waits, with the values of now; False if other processes had their turn."""
        is_all_sent = True
        for event in self._seats | self._agendas:
            if self._is_turn(event[0]):
                self._send(*event)
            else:
                is_all_sent = False
        return is_all_sent

    def _send(self, event_id: int, slug: str) -> None:
        event = (event_id, slug)
        with self._lock:
            have_seats_changed, has_changed = event in self._seats, event in self._agendas
            self._seats.discard(event)
            self._agendas.discard(event)
        try:
            version, seats = agenda.seats_now(event_id)
        except SQLAlchemyError:
            with self._lock:
                self._seats.update({event} if have_seats_changed else ())
                self._agendas.update({event} if has_changed else ())
            raise
        message = {"topic": f"event:{slug}", "version": version}
        # First: both stand for the same version, and who has heard of it asks for no more.
        if has_changed:
            socketio.emit("agendaChanged", message, to=f"event:{slug}")
        if have_seats_changed:
            # All that changed since the last message, in whatever process: this one stands
            # for every change up to its version.
            told = self._told.get(event, {})
            changed = [each for each in seats if each["version"] > told.get(each["id"], 1)]
            self._told[event] = {each["id"]: each["version"] for each in seats}
            socketio.emit("seats", message | {"sessions": changed}, to=f"event:{slug}")

    def _is_turn(self, event_id: int) -> bool:
        return (
            not self._in_background
            or self._manager is None
            or self._manager.is_turn(f"seats:{event_id}", SEATS_INTERVAL_SECONDS)
        )


def end_sockets(ended: Callable[[Actor], bool]) -> None:
    """Disconnect this process's sockets whose actor has lost the access they rest on."""
    for socket_id, socket in list(_sockets.items()):
        if socket.actor is not None and ended(socket.actor):
            socketio.server.disconnect(socket_id, namespace="/")


def start_watching(app: Flask) -> None:
    """Watch this server process's sockets in the background."""
    socketio.start_background_task(_watch_access, app)


def _watch_access(app: Flask) -> None:
    """Forever: end the sockets whose sign-in ended, in whatever process, within a second."""
    while True:
        socketio.sleep(WATCH_INTERVAL_SECONDS)
        end_revoked(app)


def end_revoked(app: Flask) -> None:
    """End the sockets whose sign-in ended, as far as the database can be asked.

    A socket that is opened while it is asked is none of those that were asked about.
    """
    held = {
        socket.actor.sign_in_id
        for socket in _sockets.values()
        if socket.actor and socket.actor.sign_in_id
    }
    if not held:
        return
    with app.app_context():
        try:
            ended = held - sign_ins.still_live(held)
        except SQLAlchemyError:  # the database is away: judge again when it is back
            log.warning("could not re-check the sockets' sign-ins")
            return
        end_sockets(lambda actor: actor.sign_in_id in ended)
