"""Imports of tables: columns named, rehearsed, taken in one transaction, and repeatable."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.extensions import db
from app.models import Attendee, AuditEntry, EventSession, ImportJob, User
from app.services import (
    accounts,
    clock,
    event_sessions,
    guarantees,
    import_jobs,
    seats,
    spreadsheets,
    table_import,
    user_import,
)
from app.services.errors import InvalidInput, NotAllowed, NotFound, Stale
from app.services.languages import speaking
from tests import factories, rows
from tests.catalogs import translate

pytestmark = pytest.mark.usefixtures("context")

SESSIONS = (
    "id;title;room;start;end;seats;speakers;track\n"
    "a1;Opening;Hall;2031-03-04 10:00;2031-03-04 11:00;40;Ann Lee <ann@example.org>; Bo;Main\n"
)


@pytest.fixture
def admin(context: Any) -> Any:
    return factories.make_admin(email="root@example.org")


@pytest.fixture
def event(admin: Any) -> Any:
    made = factories.make_event(slug="conf")
    factories.make_room(name="Hall")
    factories.make_room(name="Cabin")
    return made


Brought = Callable[..., ImportJob]


@pytest.fixture
def bring(admin: Any) -> Brought:
    """Upload a table, with the columns as guessed, and import it or only rehearse it."""

    def bring(kind: str, content: str | bytes, *, dry_run: bool = False) -> ImportJob:
        data = content.encode() if isinstance(content, str) else content
        job_id = import_jobs.create_job(admin, kind, "conf", "list.csv", data).id
        job = import_jobs.get_job(admin, job_id)
        import_jobs.map_columns(admin, job_id, job.mapping)
        import_jobs.check(admin, job_id)
        if not dry_run:
            import_jobs.run(admin, job_id)
        return import_jobs.get_job(admin, job_id)

    return bring


def outcome(job: ImportJob) -> list[tuple[str, str]]:
    return [(row["action"], row["detail"]) for row in job.outcome]


def actions(job: ImportJob) -> list[str]:
    return [row["action"] for row in job.outcome]


# -- attendees -------------------------------------------------------------------------


def test_attendees_are_rehearsed_and_taken(event: Any, bring: Brought) -> None:
    text = "Mail,Full name,Ticket\nann@example.org,Ann,1\nnobody,X,2\n"
    rehearsed = bring("attendees", text, dry_run=True)
    assert (rehearsed.state, actions(rehearsed)) == ("checked", ["add", "error"])
    assert rows.count(Attendee) == 0
    done = bring("attendees", text)
    assert (done.state, outcome(done), done.lines) == ("done", outcome(rehearsed), [])
    assert rows.count(Attendee) == 1
    assert actions(bring("attendees", text)) == ["skip", "error"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_is_exported_changes_nothing_when_it_is_imported(
    event: Any, admin: Any, bring: Brought, kind: str
) -> None:
    bring("attendees", "email,name,id\nann@example.org,=Ann,-1\nbo@example.org,Bo,\n")
    bring("sessions", SESSIONS.replace("Ann Lee <ann@example.org>; ", ""))
    for what in ("attendees", "sessions", "users"):
        head, found = import_jobs.export(admin, what, "conf")
        assert found
        assert set(actions(bring(what, spreadsheets.write(kind, head, found)))) == {"skip"}, what


def test_a_long_list_tells_how_far_it_is(
    event: Any, admin: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(import_jobs, "_set", _noting(told, import_jobs._set))
    text = "email\n" + "".join(f"p{number}@example.org\n" for number in range(450))
    job_id = import_jobs.create_job(admin, "attendees", "conf", "l.csv", text.encode()).id
    import_jobs.check(admin, job_id)
    assert told == [199, 399, 450]
    assert import_jobs.count(import_jobs.get_job(admin, job_id), "add") == 450


def _noting(told: list[int], undisturbed: Callable[..., None]) -> Callable[..., None]:
    def note(job_id: int, **values: Any) -> None:
        if "done" in values:
            told.append(values["done"])
        undisturbed(job_id, **values)

    return note


# -- sessions --------------------------------------------------------------------------


def test_sessions_are_added_changed_and_left_alone(event: Any, bring: Brought) -> None:
    speaker = factories.make_actor(email="ann@example.org")
    text = SESSIONS.replace("; Bo", " ; Bo").replace(
        "40;Ann Lee <ann@example.org> ; Bo", '40;"Ann Lee <ann@example.org>; Bo"'
    )
    rehearsed = bring("sessions", text, dry_run=True)
    assert actions(rehearsed) == ["add"]
    assert rows.count(EventSession) == 0
    assert actions(bring("sessions", text)) == ["add"]
    [session] = db.session.scalars(select(EventSession))
    assert (session.guid, session.title, session.capacity) == ("a1", "Opening", 40)
    assert session.starts_at.isoformat() == "2031-03-04T09:00:00+00:00"  # Berlin
    assert [(each.name, each.user_id) for each in session.speakers] == [
        ("Ann Lee", speaker.user_id),
        ("Bo", None),
    ]
    assert actions(bring("sessions", text)) == ["skip"]
    moved = text.replace("10:00", "10:30").replace("Hall", "cabin").replace(";40;", ";;")
    done = bring("sessions", moved)
    assert outcome(done) == [
        ("change", "Room: hall → cabin, Starts: 2031-03-04 10:00 → 2031-03-04 10:30")
    ]
    session = db.session.get(EventSession, session.id, populate_existing=True)
    assert session is not None
    assert (session.capacity, session.room.name) == (40, "Cabin")
    assert guarantees.find_breaches() == []


def test_one_bad_line_keeps_no_other_out(event: Any, bring: Brought) -> None:
    lines = [
        "title,room,start,end,seats,speakers",
        "First,Hall,2031-03-04 10:00,2031-03-04 11:00,5,",
        "Collides,Hall,2031-03-04 10:30,2031-03-04 11:30,5,",
        "Nowhere,Attic,2031-03-04 12:00,2031-03-04 13:00,5,",
        "Never,Hall,2031-03-30 02:30,2031-03-30 03:30,5,",
        "Backwards,Hall,2031-03-04 13:00,2031-03-04 12:00,5,",
        "Many,Hall,2031-03-04 14:00,2031-03-04 15:00,lots,",
        "Who,Hall,2031-03-04 14:00,2031-03-04 15:00,5,X <no@example.org>",
        "First,Hall,2031-03-04 10:00,2031-03-04 11:00,9,",
        "Last,Hall,2031-03-04T16:00Z,2031-03-04T17:00+00:00,,",
    ]
    rehearsed = bring("sessions", "\n".join(lines), dry_run=True)
    done = bring("sessions", "\n".join(lines))
    assert outcome(done) == outcome(rehearsed)
    expected = [
        ("add", ""),
        ("error", "In the way: First."),
        ("error", "Room: There is no room called Attic."),
        ("error", "02:30 does not exist"),
        ("error", "Ends: The session ends before it starts."),
        ("error", "Seats: This must be a whole number."),
        ("error", "no account with the address no@example.org"),
        ("error", "The same session as in line 2."),
        ("add", ""),
    ]
    for (action, detail), (wanted, part) in zip(outcome(done), expected, strict=True):
        assert (action, part in detail) == (wanted, True), detail
    assert rows.count(EventSession) == 2
    assert guarantees.find_breaches() == []


def test_an_import_that_moves_seats_says_which_go(event: Any, bring: Brought) -> None:
    bring("sessions", SESSIONS.replace("Ann Lee <ann@example.org>; ", ""))
    [session] = db.session.scalars(select(EventSession))
    person = factories.make_actor()
    seats.book_seat(person, session.id)
    later = session.starts_at + timedelta(hours=2)
    seats.book_seat(person, factories.make_session(event, starts_at=later).id)
    moved = SESSIONS.replace("10:00", "12:00").replace("11:00", "13:00")
    done = bring("sessions", moved.replace("Ann Lee <ann@example.org>; ", ""))
    [(action, detail)] = outcome(done)
    assert (action, detail.partition("; ")[2]) == (
        "change",
        f"1 seat is released: {person.name}",
    )
    assert guarantees.find_breaches() == []


# -- users -----------------------------------------------------------------------------


def test_users_are_added_changed_and_left_alone(event: Any, admin: Any, bring: Brought) -> None:
    text = (
        "email,name,roles,time zone\n"
        'ann@example.org,Ann Lee,"Expert, Attendee",Europe/Paris\n'
        "bo@example.org,Bo,,\n"
        "root@example.org,Root Admin,Attendee,\n"
        "cy@example.org,Cy,Emperor,\n"
        "ANN@example.org,Twice,,\n"
        "di@example.org,Di,,Moon/Base\n"
    )
    rehearsed = bring("users", text, dry_run=True)
    assert rows.count(User) == 1
    done = bring("users", text)
    assert outcome(done) == outcome(rehearsed)
    assert actions(done) == ["add", "add", "error", "error", "error", "error"]
    assert "There is no role called emperor." in done.outcome[3]["detail"]
    ann = accounts.get_user_by_email(admin, "ann@example.org")
    assert (ann.password, ann.time_zone) == (None, "Europe/Paris")
    assert sorted(role.name for role in ann.roles) == ["Attendee", "Expert"]
    again = "email,name,roles,time zone\nann@example.org,Ann Leigh,,\nbo@example.org,Bo,,\n"
    assert outcome(bring("users", again)) == [("change", "Name: Ann Lee → Ann Leigh"), ("skip", "")]
    entries = select(AuditEntry.changes).where(AuditEntry.action == "import_users")
    assert db.session.scalars(entries.order_by(AuditEntry.id)).all() == [
        {"added": 2, "changed": 0},
        {"added": 0, "changed": 1},
    ]


# -- the job ---------------------------------------------------------------------------


def test_columns_are_named_by_hand(event: Any, admin: Any) -> None:
    text = b"Person;Wo erreichbar\nAnn;ann@example.org\n"
    job = import_jobs.create_job(admin, "attendees", "conf", "l.csv", text)
    assert job.mapping == {}
    for wrong in ({}, {"email": 7}, {"email": 1, "name": 1}):
        with pytest.raises(InvalidInput):
            import_jobs.map_columns(admin, job.id, wrong)
    import_jobs.map_columns(admin, job.id, {"email": 1, "name": 0})
    import_jobs.check(admin, job.id)
    assert import_jobs.get_job(admin, job.id).outcome[0]["label"] == "Ann, ann@example.org"


def test_a_job_is_done_once_and_by_its_owner(event: Any, admin: Any, at: Any) -> None:
    job_id = import_jobs.create_job(admin, "attendees", "conf", "l.csv", b"email\na@b.org\n").id
    with pytest.raises(Stale):
        import_jobs.run(admin, job_id)  # it was not rehearsed
    import_jobs.check(admin, job_id)
    other = factories.make_admin()
    for work in (import_jobs.run, import_jobs.get_job, import_jobs.discard):
        with pytest.raises(NotFound):
            work(other, job_id)
        with pytest.raises(NotAllowed):
            work(factories.make_contributor(), job_id)
    import_jobs.run(admin, job_id)
    with pytest.raises(Stale):
        import_jobs.run(admin, job_id)
    assert import_jobs.list_jobs(other) == []
    at(clock.now() + timedelta(days=2))
    assert import_jobs.list_jobs(admin) == []
    import_jobs.create_job(admin, "users", "", "l.csv", b"email,name\na@b.org,A\n")
    assert [job.kind for job in db.session.scalars(select(ImportJob))] == ["users"]


def test_what_fails_writes_nothing_and_can_be_begun_again(
    event: Any, admin: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    job_id = import_jobs.create_job(admin, "sessions", "conf", "l.csv", SESSIONS.encode()).id
    factories.make_actor(email="ann@example.org")
    import_jobs.check(admin, job_id)

    def fall(*_: object, **__: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(event_sessions, "schedule_session", fall)
        import_jobs.run(admin, job_id)
    job = import_jobs.get_job(admin, job_id)
    assert (job.state, rows.count(EventSession)) == ("failed", 0)
    assert "on our side" in job.error
    import_jobs.map_columns(admin, job_id, job.mapping)
    import_jobs.check(admin, job_id)
    import_jobs.run(admin, job_id)
    assert rows.count(EventSession) == 1


def test_work_whose_worker_is_gone_is_begun_again(event: Any, admin: Any, at: Any) -> None:
    job = import_jobs.create_job(admin, "attendees", "conf", "l.csv", b"email\na@b.org\n")
    import_jobs._begin(job.id, {"uploaded"}, "checking")
    job = import_jobs.get_job(admin, job.id)
    assert not import_jobs.is_stuck(job)
    with pytest.raises(Stale):
        import_jobs.map_columns(admin, job.id, {"email": 0})
    at(clock.now() + import_jobs.STUCK + timedelta(seconds=1))
    assert import_jobs.is_stuck(job)
    import_jobs.map_columns(admin, job.id, {"email": 0})
    import_jobs.check(admin, job.id)
    assert import_jobs.get_job(admin, job.id).state == "checked"


def test_too_much_at_once_is_refused(event: Any, admin: Any, bring: Brought) -> None:
    head = "title,room,start,end\n"
    lines = "T,Hall,2031-03-04 10:00,2031-03-04 11:00\n" * 501
    job = bring("sessions", head + lines, dry_run=True)
    assert (job.state, job.error) == ("failed", "At most 500 sessions at once.")
    with pytest.raises(InvalidInput):
        import_jobs.create_job(admin, "users", "", "l.csv", b"email,name\n")
    with pytest.raises(NotFound):
        import_jobs.create_job(admin, "attendees", "no-such", "l.csv", b"email\na@b.org\n")


def test_columns_are_guessed_by_their_common_names() -> None:
    fields = import_jobs.KINDS["sessions"].fields
    assert table_import.guess(fields, ["GUID", " Title ", "ROOM", "Begin", "End", "Speaker"]) == {
        "external_id": 0,
        "title": 1,
        "room": 2,
        "starts_at": 3,
        "ends_at": 4,
        "speakers": 5,
    }


def test_columns_are_named_in_english_and_found_in_both(monkeypatch: pytest.MonkeyPatch) -> None:
    translate(monkeypatch, "de", {"Time zone": "Zeitzone"})
    field = next(each for each in user_import.FIELDS if each.key == "time_zone")
    with speaking("de"):
        assert (str(field.label), field.heading) == ("Zeitzone", "Time zone")
        for name in ("Zeitzone", "Time zone"):
            assert table_import.guess(user_import.FIELDS, [name]) == {"time_zone": 0}
