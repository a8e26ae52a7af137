"""Accounts: making them, proving them, and what ends their access."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.models import AuditEntry, Booking, BusyPeriod, Calendar, SignIn, User
from app.services import (
    accounts,
    appointments,
    bookings,
    calendar_feed,
    cancellation,
    changes,
    credentials,
    guarantees,
    passwords,
    sign_ins,
)
from app.services.errors import (
    EmailTaken,
    InvalidInput,
    NotAllowed,
    NotFound,
    Stale,
    Unauthenticated,
)
from app.services.policy import ADMIN, ATTENDEE, CONTRIBUTOR, EXPERT
from app.services.transaction import transactional
from tests.conftest import NOW
from tests.factories import (
    PASSWORD,
    actor_of,
    client_named,
    make_admin,
    make_contributor,
    make_event_type,
    make_expert,
    make_user,
)

NEW = "an altogether different one"


pytestmark = pytest.mark.usefixtures("context")


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[changes.Change]:
    """The changes told to subscribers, after their commit."""
    told: list[changes.Change] = []
    monkeypatch.setattr(changes, "_subscribers", [told.append])
    return told


def signed_in(user_id: int) -> Any:
    """An actor by a sign-in of their own."""
    return sign_ins.find_actor(sign_ins.start_sign_in(user_id).id)


def audited(action: str) -> list[AuditEntry]:
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


# -- making --------------------------------------------------------------------------


def test_an_account_has_one_identity_a_role_and_a_calendar() -> None:
    user = accounts.create_account(
        "  Ann   van  Lee ", " ANN@Example.ORG ", PASSWORD, time_zone="Asia/Tokyo"
    )
    assert (user.username, user.email) == ("ann@example.org", "ann@example.org")
    assert (user.first_name, user.last_name) == ("Ann van", "Lee")
    assert (user.time_zone, user.must_change_password) == ("Asia/Tokyo", False)
    assert user.email_verified_at is None
    assert [role.name for role in user.roles] == [ATTENDEE]
    assert db.session.scalar(select(func.count()).where(Calendar.user_id == user.id)) == 1
    assert PASSWORD not in (user.password or "")


@pytest.mark.parametrize("email", ["ann@example.org", "ANN@example.org", " Ann@Example.org "])
def test_an_address_is_taken_however_it_is_written(email: str) -> None:
    accounts.create_account("Ann", "ann@example.org", PASSWORD)
    with pytest.raises(EmailTaken):
        accounts.create_account("Another", email, PASSWORD)
    assert db.session.scalar(select(func.count()).select_from(User)) == 1


def test_an_address_that_is_anothers_user_name_is_taken() -> None:
    user = make_user(email="ann@example.org")
    user.username = "bob@example.org"
    db.session.commit()
    with pytest.raises(EmailTaken):
        accounts.create_account("Bob", "bob@example.org", PASSWORD)


def test_everything_wrong_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refused:
        accounts.create_account(" ", "not an address", "short", time_zone="Mars/Olympus")
    assert set(refused.value.errors) == {"name", "email", "password", "time_zone"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x\x00y"),
        ("name", "x" * 65),
        ("name", "x" * 500),
        ("email", "x\x00@example.org"),
        ("email", f"{'x' * 60}@{'y' * 60}.{'z' * 60}.org"),
        ("email", "ann@example.org\r\nBcc: all@example.org"),
        ("email", "@example.org"),
        ("time_zone", "../../etc/passwd"),
        ("time_zone", "x\x00"),
    ],
)
def test_text_that_cannot_be_kept_is_invalid_input(field: str, value: str) -> None:
    values = {"name": "Ann", "email": "ann@example.org", "time_zone": "UTC"} | {field: value}
    with pytest.raises(InvalidInput) as refused:
        accounts.create_account(
            values["name"], values["email"], PASSWORD, time_zone=values["time_zone"]
        )
    assert set(refused.value.errors) == {field}


def test_only_an_admin_makes_accounts_for_others() -> None:
    with pytest.raises(NotAllowed):
        accounts.create_account(
            "Eve", "eve@example.org", PASSWORD, roles=[ADMIN], actor=make_contributor()
        )
    user = accounts.create_account(
        "Cleo",
        "cleo@example.org",
        passwords.one_time(),
        roles=[CONTRIBUTOR, EXPERT],
        must_change_password=True,
        actor=make_admin(),
    )
    assert {role.name for role in user.roles} == {CONTRIBUTOR, EXPERT}
    assert user.must_change_password


def test_unknown_roles_are_refused() -> None:
    with pytest.raises(InvalidInput, match="marked"):
        accounts.create_account("Ann", "ann@example.org", PASSWORD, roles=["Wizard"])


# -- signing in ----------------------------------------------------------------------


def test_signing_in_counts_and_gives_a_sign_in() -> None:
    user_id = make_user(email="ann@example.org").id
    with pytest.raises(Unauthenticated):
        credentials.sign_in("ann@example.org", "wrong")
    sign_in = credentials.sign_in(" ANN@example.org ", PASSWORD)
    actor = sign_ins.find_actor(sign_in.id)
    assert actor
    assert (actor.user_id, actor.audience) == (user_id, "account")
    user = db.session.get_one(User, user_id)
    assert (user.login_count, user.fail_login_count) == (1, 0)
    assert user.last_login == NOW.replace(tzinfo=None)


def test_registering_counts_as_the_first_sign_in() -> None:
    user_id = make_user().id
    sign_in = credentials.sign_in_registered(user_id)
    actor = sign_ins.find_actor(sign_in.id)
    assert actor
    assert actor.user_id == user_id
    user = db.session.get_one(User, user_id)
    assert (user.login_count, user.last_login) == (1, NOW.replace(tzinfo=None))
    assert [entry.object_id for entry in audited("sign_in")] == [str(user_id)]


def test_a_user_name_works_as_well() -> None:
    user = make_user(email="ann@example.org")
    user.username = "boss"
    db.session.commit()
    assert credentials.check_credentials("Boss", PASSWORD).email == "ann@example.org"
    assert credentials.account_key("boss") == credentials.account_key("ANN@example.org")


@pytest.mark.parametrize("case", ["unknown", "wrong", "inactive", "no password", "nul"])
def test_every_refusal_is_alike_and_costs_one_hash_and_one_entry(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = make_user(email="ann@example.org")
    user.active = case != "inactive"
    if case == "no password":
        user.password = None
    db.session.commit()
    hashes = []
    check = passwords.check_password_hash
    monkeypatch.setattr(
        passwords,
        "check_password_hash",
        lambda kept, given: hashes.append(kept) or check(kept, given),
    )
    identifier = {"unknown": "bob@example.org", "nul": "ann\x00@example.org"}.get(
        case, "ann@example.org"
    )
    with pytest.raises(Unauthenticated) as refused:
        credentials.sign_in(identifier, "wrong" if case == "wrong" else PASSWORD)
    assert refused.value.detail == credentials.WRONG_CREDENTIALS
    assert len(hashes) == 1
    assert len(audited("sign_in_failed")) == 1
    assert db.session.scalar(select(func.count()).select_from(SignIn)) == 0


def test_a_sign_in_does_not_slip_past_a_password_change() -> None:
    user = make_user(email="ann@example.org")
    verified = credentials._verify("ann@example.org", PASSWORD)
    credentials.change_password(signed_in(user.id), PASSWORD, NEW)
    with pytest.raises(Unauthenticated):
        credentials._admit(verified, None)
    assert db.session.scalar(select(func.count()).where(SignIn.ended_at.is_(None))) == 1


# -- passwords -----------------------------------------------------------------------


def test_changing_the_password_ends_all_but_the_sign_in_used(
    ended: list[changes.Change],
) -> None:
    user_id = make_user(email="ann@example.org", flagged=True).id
    others = [sign_ins.start_sign_in(user_id).id for _ in range(2)]
    stranger = sign_ins.start_sign_in(make_user().id).id
    actor = signed_in(user_id)
    credentials.change_password(actor, PASSWORD, NEW)

    kept = sign_ins.find_actor(actor.sign_in_id)
    assert kept
    assert not kept.must_change_password
    assert [sign_ins.find_actor(each) for each in others] == [None, None]
    assert sign_ins.find_actor(stranger)
    assert ended == [changes.AccessEnded(user_id, actor.sign_in_id)]
    assert len(audited("change_password")) == 1
    credentials.sign_in("ann@example.org", NEW)
    with pytest.raises(Unauthenticated):
        credentials.sign_in("ann@example.org", PASSWORD)


@pytest.mark.parametrize(
    ("current", "new", "field"),
    [
        ("wrong", NEW, "current_password"),
        ("", NEW, "current_password"),
        (PASSWORD, PASSWORD, "new_password"),
        (PASSWORD, "short", "new_password"),
        (PASSWORD, "password1234", "new_password"),
        (PASSWORD, "annabella@example.org", "new_password"),
    ],
)
def test_a_password_change_that_is_refused_changes_nothing(
    current: str, new: str, field: str
) -> None:
    user_id = make_user(email="annabella@example.org", flagged=True).id
    other = sign_ins.start_sign_in(user_id).id
    with pytest.raises(InvalidInput) as refused:
        credentials.change_password(signed_in(user_id), current, new)
    assert set(refused.value.errors) == {field}
    assert sign_ins.find_actor(other)
    credentials.sign_in("annabella@example.org", PASSWORD)


def test_nobody_and_an_agendas_sign_in_change_no_password() -> None:
    with pytest.raises(Unauthenticated):
        credentials.change_password(None, PASSWORD, NEW)
    with pytest.raises(Unauthenticated):
        credentials.change_password(actor_of(make_user(), "agenda:1"), PASSWORD, NEW)


def test_of_two_password_changes_one_is_stale() -> None:
    user = make_user()
    actor = signed_in(user.id)
    verified = credentials.Verified(user.id, user.password)
    credentials.change_password(actor, PASSWORD, NEW)
    with pytest.raises(Stale):
        credentials._replace_password(actor, verified, "hash of a third")


def test_a_reset_gives_a_one_time_password_and_ends_everything(
    ended: list[changes.Change],
) -> None:
    admin = make_admin()
    user_id = make_user(email="ann@example.org").id
    before = sign_ins.start_sign_in(user_id).id
    one_time = credentials.reset_password(admin, user_id)
    assert sign_ins.find_actor(before) is None
    actor = sign_ins.find_actor(credentials.sign_in("ann@example.org", one_time).id)
    assert actor
    assert actor.must_change_password
    assert changes.AccessEnded(user_id) in ended
    with pytest.raises(NotAllowed):
        credentials.reset_password(make_contributor(), user_id)


# -- an admin's ----------------------------------------------------------------------


def test_deactivating_takes_all_access_and_activating_gives_none_back(
    ended: list[changes.Change],
) -> None:
    admin = make_admin()
    user_id = make_user(email="ann@example.org").id
    before = sign_ins.start_sign_in(user_id).id
    accounts.deactivate(admin, user_id)
    assert sign_ins.find_actor(before) is None
    assert changes.AccessEnded(user_id) in ended
    with pytest.raises(Unauthenticated):
        credentials.sign_in("ann@example.org", PASSWORD)
    accounts.activate(admin, user_id)
    assert sign_ins.find_actor(before) is None
    credentials.sign_in("ann@example.org", PASSWORD)


def test_the_last_active_admin_stays_one() -> None:
    admin = make_admin()
    for command in (accounts.deactivate, accounts.delete_user):
        with pytest.raises(InvalidInput):
            command(admin, admin.user_id)
    with pytest.raises(InvalidInput):
        accounts.update_user(admin, admin.user_id, roles=[EXPERT])
    other = make_admin()
    accounts.deactivate(other, admin.user_id)
    assert accounts.has_admin()
    with pytest.raises(InvalidInput):
        accounts.deactivate(other, other.user_id)


def test_an_admin_locks_out_another_but_never_oneself() -> None:
    admin, other = make_admin(), make_admin()
    for command in (accounts.deactivate, accounts.delete_user):
        with pytest.raises(InvalidInput) as refused:
            command(admin, admin.user_id)
        assert refused.value.errors == {
            "active": ["This is your own account. Another admin can do it."]
        }
    with pytest.raises(InvalidInput):
        accounts.update_user(admin, admin.user_id, roles=[EXPERT])
    accounts.update_user(admin, admin.user_id, roles=[ADMIN, EXPERT])
    accounts.update_user(other, admin.user_id, roles=[EXPERT])
    assert accounts.list_active_admins() == [other.user_id]


def test_updating_changes_what_is_given(ended: list[changes.Change]) -> None:
    admin = make_admin()
    user = make_user(email="ann@example.org")
    user.email_verified_at = NOW
    db.session.commit()
    changed = accounts.update_user(
        admin, user.id, email="Anna@example.org", roles=[CONTRIBUTOR], time_zone="UTC"
    )
    assert (changed.email, changed.username) == ("anna@example.org", "anna@example.org")
    assert changed.email_verified_at is None
    assert {role.name for role in changed.roles} == {CONTRIBUTOR}
    assert ended == [changes.AccessEnded(user.id)]
    make_user(email="bob@example.org")
    with pytest.raises(InvalidInput) as refused:
        accounts.update_user(admin, user.id, name=" ", email="BOB@example.org")
    assert refused.value.errors["email"] == ["There is an account with this address."]
    assert "name" in refused.value.errors
    with pytest.raises(NotFound):
        accounts.update_user(admin, 2**31 - 1, name="Nobody")


def test_only_users_of_whom_nothing_speaks_are_deleted() -> None:
    admin = make_admin()
    alone = make_user().id
    sign_ins.start_sign_in(alone)
    accounts.delete_user(admin, alone)
    assert db.session.get(User, alone) is None
    assert db.session.scalar(select(func.count()).where(SignIn.user_id == alone)) == 0

    expert, _ = make_expert()
    with pytest.raises(InvalidInput, match="expert page"):
        accounts.delete_user(admin, expert.user_id)


@pytest.mark.parametrize(
    "command",
    [
        accounts.deactivate,
        accounts.activate,
        accounts.delete_user,
        credentials.reset_password,
        accounts.update_user,
    ],
)
def test_users_are_an_admins_matter(command: Any) -> None:
    user_id = make_user().id
    with pytest.raises(Unauthenticated):
        command(None, user_id)
    with pytest.raises(NotAllowed):
        command(make_contributor(), user_id)


# -- proving an address --------------------------------------------------------------


def test_who_proves_an_address_gets_an_account_without_password() -> None:
    user = accounts.prove_address(" New.Comer@Example.org ")
    assert (user.email, user.password) == ("new.comer@example.org", None)
    assert user.email_verified_at == NOW
    assert accounts.prove_address("new.comer@example.org").id == user.id
    with pytest.raises(Unauthenticated):
        credentials.sign_in("new.comer@example.org", "")


def test_nobody_lies_in_wait_in_anothers_account() -> None:
    squatter = accounts.create_account("Squatter", "ann@example.org", PASSWORD)
    token = calendar_feed.share(actor_of(squatter))
    session = sign_ins.start_sign_in(squatter.id).id
    user = accounts.prove_address("ann@example.org")
    assert user.id == squatter.id
    assert user.password is None
    with pytest.raises(NotFound):
        calendar_feed.read_feed(token)
    assert sign_ins.find_actor(session) is None
    with pytest.raises(Unauthenticated):
        credentials.sign_in("ann@example.org", PASSWORD)


def test_a_proven_account_and_staff_keep_their_password() -> None:
    proven = make_user(email="ann@example.org")
    proven.email_verified_at = NOW - timedelta(days=1)
    db.session.commit()
    make_user(ADMIN, email="boss@example.org")
    for email in ("ann@example.org", "boss@example.org"):
        session = credentials.sign_in(email, PASSWORD).id
        accounts.prove_address(email)
        assert sign_ins.find_actor(session)
        credentials.sign_in(email, PASSWORD)


def test_a_deactivated_account_is_not_entered_by_proof() -> None:
    admin = make_admin()
    user_id = make_user(email="ann@example.org").id
    accounts.deactivate(admin, user_id)
    with pytest.raises(Unauthenticated):
        accounts.prove_address("ann@example.org")


def test_guests_bookings_join_the_account_and_occupy_what_is_free() -> None:
    host, _ = make_expert()
    other_host, _ = make_expert()
    first, second = make_event_type(host), make_event_type(other_host)
    ten = NOW.replace(day=4, hour=9)
    guest = client_named(email="ann@example.org")
    one = appointments.book_appointment(None, first.id, ten, guest)
    same_time = appointments.book_appointment(None, second.id, ten, guest)
    somebody = appointments.book_appointment(
        None, first.id, ten + timedelta(hours=1), client_named(email="bob@example.org")
    )

    user = accounts.prove_address("ann@example.org")

    owners = dict(db.session.execute(select(Booking.uid, Booking.user_id)).all())
    assert owners == {
        one.booking["uid"]: user.id,
        same_time.booking["uid"]: None,  # nobody is in two places; it is still theirs
        somebody.booking["uid"]: None,
    }
    occupied = db.session.execute(
        select(BusyPeriod.starts_at, BusyPeriod.ends_at)
        .join(Calendar, Calendar.id == BusyPeriod.calendar_id)
        .where(Calendar.user_id == user.id)
    ).all()
    assert occupied == [(ten, ten + timedelta(minutes=30))]
    assert guarantees.find_breaches() == []

    actor = sign_ins.find_actor(sign_ins.start_sign_in(user.id).id)
    own = {one.booking["uid"], same_time.booking["uid"]}
    listed = bookings.list_bookings(actor, page=1, page_size=9)
    assert {each["uid"] for each in listed.items} == own
    for uid in own:
        assert bookings.get_booking(actor, uid)["attendee"]["email"] == "ann@example.org"
        assert cancellation.cancel_booking(actor, uid)["cancelled_as"] == "client"
    assert guarantees.find_breaches() == []


def test_bookings_of_an_address_that_nobody_proved_are_a_guests_alone() -> None:
    host, _ = make_expert()
    guest = client_named(email="ann@example.org")
    ten = NOW.replace(day=4, hour=9)
    booked = appointments.book_appointment(None, make_event_type(host).id, ten, guest).booking
    user = accounts.create_account("Ann", "ann@example.org", NEW)
    actor = sign_ins.find_actor(sign_ins.start_sign_in(user.id).id)
    assert bookings.list_bookings(actor, page=1, page_size=9).total == 0
    for reach in (bookings.get_booking, cancellation.cancel_booking):
        with pytest.raises(NotFound):
            reach(actor, booked["uid"])


def test_a_failed_proof_keeps_nothing() -> None:
    @transactional
    def prove_and_fail() -> None:
        accounts.prove_address("ann@example.org")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        prove_and_fail()
    assert db.session.scalar(select(func.count()).select_from(User)) == 0
