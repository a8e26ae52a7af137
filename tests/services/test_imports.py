"""Imports of tables: columns named, rehearsed, taken in one transaction, and repeatable."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from random import Random
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
    session_import,
    spreadsheets,
    table_import,
    transaction,
    user_import,
)
from app.services.errors import InvalidInput, NotAllowed, NotFound, Overlap, SessionFull, Stale
from app.services.languages import speaking
from tests import factories, rows
from tests.catalogs import translate
from tests.queries import count_queries

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


@pytest.mark.parametrize(
    ("kind", "head", "line", "number", "every"),
    [
        ("attendees", "email", "p{0}@example.org", 450, 200),
        ("users", "email,name", "p{0}@example.org,Person {0}", 450, 200),
        # A minute each, one after the other.
        ("sessions", "title,room,start,end", "T{0},Hall,{1},{2}", 45, 20),
    ],
)
def test_a_long_list_tells_how_far_it_is(
    kind: str,
    head: str,
    line: str,
    number: int,
    every: int,
    event: Any,
    admin: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While it is looked at and while it is imported, to whoever asks meanwhile."""
    seen: list[int] = []
    telling = table_import.paced

    def watched(lines: Any, progress: Any, **how: Any) -> Any:
        def tell(done: int) -> None:
            progress(done)
            with db.engine.connect() as other:
                found = other.execute(select(ImportJob.done, ImportJob.id)).one()
            is_kept = transaction.is_open() and db.engine.dialect.name == "sqlite"
            assert found.done == (0 if is_kept else done)
            seen.append(import_jobs.done(ImportJob(id=found.id, done=found.done)))

        return telling(lines, tell if progress else None, **how)

    monkeypatch.setattr(table_import, "paced", watched)
    times = [f"2031-03-04 10:{minute:02}" for minute in range(60)]
    lines = [line.format(each, *times[each % 59 : each % 59 + 2]) for each in range(number)]
    text = "\n".join([head, *lines])
    job_id = import_jobs.create_job(admin, kind, "conf", "l.csv", text.encode()).id
    for work in (import_jobs.check, import_jobs.run):
        seen.clear()
        work(admin, job_id)
        assert seen == list(range(every - 1, number, every))
        job = import_jobs.get_job(admin, job_id)
        assert (import_jobs.done(job), import_jobs.count(job, "add")) == (number, number)
    assert job.state == "done"


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


def test_a_rehearsal_of_sessions_tells_what_importing_them_does(event: Any, bring: Brought) -> None:
    """Lines that affect one another, drawn at random: rooms, speakers and attendees collide."""
    chance = Random(20)
    people = [factories.make_actor(email=f"p{each}@example.org") for each in range(4)]
    told = ""
    for _ in range(4):
        lines = ["id;title;room;start;end;seats;speakers"]
        for each in chance.sample(range(16), 14):
            start = 10 * 60 + 10 * chance.randrange(30)
            times = [f"2031-03-04 {at // 60}:{at % 60:02}" for at in (start, start + 20)]
            speaker = f"S <p{chance.randrange(4)}@example.org>" if chance.random() < 0.3 else "S"
            title, room = f"T{chance.randrange(9)}", chance.choice(["Hall", "Cabin"])
            lines.append(
                ";".join([f"s{each}", title, room, *times, str(chance.randrange(1, 4)), speaker])
            )
        text = "\n".join(lines)
        rehearsed = outcome(bring("sessions", text, dry_run=True))
        assert outcome(bring("sessions", text)) == rehearsed
        assert guarantees.find_breaches() == []
        told += str(rehearsed)
        for session_id in db.session.scalars(select(EventSession.id)).all():
            for person in people:
                with suppress(Overlap, SessionFull):
                    seats.book_seat(person, session_id)
    for part in ("'add'", "'change'", "In the way: ", " taken.", "released: "):
        assert part in told


def test_sessions_are_rehearsed_while_others_book(
    event: Any, admin: Any, bring: Brought, app: Any
) -> None:
    """On SQLite a rehearsal that writes would keep everybody else from it, here for good."""
    bring("sessions", SESSIONS.replace("Ann Lee <ann@example.org>; ", ""))
    [session] = db.session.scalars(select(EventSession))
    person, session_id = factories.make_actor(), session.id
    times = [f"2031-03-04 12:{minute:02}" for minute in range(60)]
    lines = ["id,title,room,start,end", f"a1,Opening,Hall,{times[58]},{times[59]}"]
    lines += [f"b{each},T,Hall,{times[each]},{times[each + 1]}" for each in range(30)]
    table = spreadsheets.read_csv("\n".join(lines))
    mapping = table_import.guess(session_import.FIELDS, table.head)

    def book(_done: int) -> None:
        with app.app_context():
            seats.book_seat(person, session_id)

    with count_queries() as statements:
        found = session_import.import_table(admin, "conf", table, mapping, dry_run=True)
    assert [row.action for row in found.rows] == ["change", *["add"] * 30]
    assert [each for each in statements if not each.lstrip().upper().startswith("SELECT")] == []
    session_import.import_table(admin, "conf", table, mapping, dry_run=True, progress=book)
    assert rows.seats_taken(session_id) == 1
    done = session_import.import_table(admin, "conf", table, mapping)
    assert [row.action for row in done.rows] == ["change", *["add"] * 30]
    assert guarantees.find_breaches() == []


# -- users -----------------------------------------------------------------------------


def test_users_are_added_changed_and_left_alone(event: Any, admin: Any, bring: Brought) -> None:
    text = (
        "email,name,roles,time zone,language\n"
        'ann@example.org,Ann Lee,"Expert, Attendee",Europe/Paris,DE\n'
        "bo@example.org,Bo,,,\n"
        "root@example.org,Root Admin,Attendee,,\n"
        "cy@example.org,Cy,Emperor,,\n"
        "ANN@example.org,Twice,,,\n"
        "di@example.org,Di,,Moon/Base,\n"
        "ed@example.org,Ed,,,tlh\n"
    )
    rehearsed = bring("users", text, dry_run=True)
    assert rows.count(User) == 1
    done = bring("users", text)
    assert outcome(done) == outcome(rehearsed)
    assert actions(done) == ["add", "add", "error", "error", "error", "error", "error"]
    assert "Please choose one of the languages." in done.outcome[6]["detail"]
    assert "There is no role called emperor." in done.outcome[3]["detail"]
    ann = accounts.get_user_by_email(admin, "ann@example.org")
    assert (ann.password, ann.time_zone, ann.language) == (None, "Europe/Paris", "de")
    assert sorted(role.name for role in ann.roles) == ["Attendee", "Expert"]
    again = "email,name,language\nann@example.org,Ann Leigh,\nbo@example.org,Bo,he\n"
    assert [action for action, _ in outcome(bring("users", again))] == ["change", "change"]
    assert outcome(bring("users", again)) == [("skip", ""), ("skip", "")]
    languages = [
        accounts.get_user_by_email(admin, each).language for each in (ann.email, "bo@example.org")
    ]
    assert languages == ["de", "he"]
    entries = select(AuditEntry.changes).where(AuditEntry.action == "import_users")
    assert db.session.scalars(entries.order_by(AuditEntry.id)).all() == [
        {"added": 2, "changed": 0},
        {"added": 0, "changed": 2},
        {"added": 0, "changed": 0},
    ]


def test_users_are_rehearsed_without_writing(admin: Any, bring: Brought) -> None:
    """On SQLite a rehearsal that writes would keep everybody else from it."""
    factories.make_user(email="ann@example.org")
    lines = "".join(f"p{each}@example.org,Person {each},Expert\n" for each in range(60))
    text = f"email,name,roles\nann@example.org,Ann,Admin\n{lines}"
    with count_queries() as statements:
        job = bring("users", text, dry_run=True)
    assert actions(job) == ["change", *["add"] * 60]
    writing = [each for each in statements if not each.lstrip().upper().startswith("SELECT")]
    assert [each.split()[:3] for each in writing if "import_job" not in each] == []
    with count_queries() as statements:
        done = bring("users", text)
    assert outcome(done) == outcome(job)
    for table in ("ab_user ", "ab_user_role", "calendar"):  # one for many, and Ann's
        assert len([each for each in statements if f"INSERT INTO {table}" in each]) <= 2
    assert guarantees.find_breaches() == []


def test_lines_are_judged_by_what_those_before_have_done(admin: Any, bring: Brought) -> None:
    other = factories.make_user("Admin", email="other@example.org")
    named = factories.make_user(email="named@example.org")
    named.username = "taken@example.org"
    db.session.commit()
    text = (
        "email,name,roles\n"
        "root@example.org,,Attendee\n"
        "other@example.org,,Attendee\n"  # the last one by now
        "taken@example.org,Tom,\n"
        "new@example.org,New,Admin\n"
        f"x@example.org,{'x' * 200},\n"
        ",Nobody,\n"
    )
    rehearsed = bring("users", text, dry_run=True)
    assert actions(rehearsed) == ["change", "error", "error", "add", "error", "error"]
    assert "This is the last active admin." in rehearsed.outcome[1]["detail"]
    assert "There is an account with this address." in rehearsed.outcome[2]["detail"]
    swapped = (
        "email,name,roles\nnew@example.org,New,Admin\n"
        "other@example.org,,Attendee\nroot@example.org,,Attendee\n"
    )
    job = bring("users", swapped, dry_run=True)
    assert actions(job) == ["add", "change", "change"]
    assert other.roles[0].name == "Admin"


def test_who_registers_meanwhile_keeps_no_other_out(
    admin: Any, meanwhile: Any, published: list[Any]
) -> None:
    text = b"email,name,roles\nann@example.org,Ann,\nbo@example.org,Bo,Expert\n"
    factories.make_user(email="bo@example.org", name="Bo")
    published.clear()
    table = spreadsheets.read(text)
    mapping = {"email": 0, "name": 1, "roles": 2}
    meanwhile(lambda: factories.make_user(email="ann@example.org", name="Anna"))
    done = user_import.import_table(admin, table, mapping)
    assert [row.action for row in done.rows] == ["change", "change"]
    assert [type(each).__name__ for each in published] == ["AccessEnded"]
    entries = select(AuditEntry.changes).where(AuditEntry.action == "update")
    assert {"roles": ["Expert"]} in db.session.scalars(entries).all()
    assert guarantees.find_breaches() == []


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


def test_too_much_at_once_is_refused(event: Any, admin: Any) -> None:
    head = "title,room,start,end\n"
    lines = "T,Hall,2031-03-04 10:00,2031-03-04 11:00\n" * 501
    for kind, text, message in [
        ("sessions", head + lines, "At most 500 sessions at once."),
        ("users", "email,name\n" + "a@b.org,A\n" * 1001, "At most 1000 accounts at once."),
    ]:
        with pytest.raises(InvalidInput) as refused:
            import_jobs.create_job(admin, kind, "conf", "l.csv", text.encode())
        assert refused.value.errors == {"file": [message]}
    assert rows.count(ImportJob) == 0
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
