"""One-time codes: what they are worth, to whom, and that they tell nobody anything."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.extensions import db
from app.models import AuditEntry, Event, OneTimeCode, OutboxMessage, SignIn, User
from app.services import accounts, admission, mail, one_time_codes, sign_ins
from app.services.errors import EmailTaken, Gone, InvalidInput, NotFound, Unauthenticated
from tests import rows
from tests.conftest import NOW
from tests.factories import make_admin, make_event, make_user
from tests.queries import count_queries

pytestmark = pytest.mark.usefixtures("context")

ANN = "ann@example.org"
TEN_MINUTES = timedelta(minutes=10)


@dataclass
class Door:
    """An event that admits who is checked in, as Ann is; and Ann's browser."""

    event: Event
    qr: str
    browser: str

    def ask(self, email: str = ANN, browser: str = "") -> str:
        """Ask for a code; returns the one in the mail."""
        one_time_codes.request_code(self.qr, email, browser or self.browser)
        return mailed()

    def type(self, code: str, email: str = ANN, browser: str | None = "") -> SignIn:
        return one_time_codes.verify_code(
            self.qr, email, code, self.browser if browser == "" else browser
        )

    def refusal(self, code: str, **who: Any) -> Unauthenticated:
        with pytest.raises(Unauthenticated) as refused:
            self.type(code, **who)
        return refused.value


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    monkeypatch.setattr(one_time_codes, "_PURGE_ONE_IN", 10**12)
    event = make_event(slug="conf", admission="checked_in", public=False)
    admission.check_in(make_admin(), "conf", [ANN])
    return Door(event, admission.qr_code(event), one_time_codes.new_browser_token())


def mailed() -> str:
    """The code in the newest mail, whoever will or will not get it."""
    message = db.session.scalars(
        select(OutboxMessage).order_by(OutboxMessage.id.desc()).limit(1)
    ).one()
    return message.context[mail.SECRET]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"


def code_row() -> OneTimeCode:
    db.session.rollback()  # see what other threads wrote
    return db.session.scalars(select(OneTimeCode)).one()


# -- what a code gives -----------------------------------------------------------------


def test_a_code_signs_in_to_this_agenda_for_three_days(door: Door) -> None:
    sign_in = door.type(door.ask())
    assert sign_in.audience == f"agenda:{door.event.id}"
    assert sign_in.expires_at == NOW + timedelta(days=3)
    actor = sign_ins.find_actor(sign_in.id)
    assert actor
    assert (actor.email, actor.name, actor.email_is_verified) == (ANN, "ann", True)
    user = db.session.get_one(User, actor.user_id)
    assert (user.login_count, user.last_login) == (1, NOW.replace(tzinfo=None))
    assert not actor.is_staff


def test_the_name_on_the_list_becomes_the_accounts(door: Door) -> None:
    admission.add_attendee(make_admin(), "conf", name="Bea Cole", email="bea@example.org")
    admission.check_in(make_admin(), "conf", ["bea@example.org"])
    sign_in = door.type(door.ask("bea@example.org"), "bea@example.org")
    user = db.session.get_one(User, sign_in.user_id)
    assert (user.first_name, user.last_name, user.password) == ("Bea", "Cole", None)


def test_an_address_is_one_user_and_staff_gain_nothing_by_a_code(door: Door) -> None:
    admin = make_admin(email="boss@example.org")
    admission.check_in(admin, "conf", [admin.email])
    sign_in = door.type(door.ask("Boss@Example.org "), "BOSS@example.org")
    assert sign_in.user_id == admin.user_id
    actor = sign_ins.find_actor(sign_in.id)
    assert actor
    assert not actor.is_admin


def test_who_registered_with_an_address_and_never_proved_it_loses_the_account(door: Door) -> None:
    squatter = make_user(email=ANN)
    held = sign_ins.start_sign_in(squatter.id)
    sign_in = door.type(door.ask())
    assert sign_in.user_id == squatter.id
    assert sign_ins.find_actor(held.id) is None
    db.session.expire_all()
    assert db.session.get_one(User, squatter.id).password is None


def test_an_open_event_admits_every_address() -> None:
    event = make_event(admission="open")
    door = Door(event, admission.qr_code(event), "browser")
    assert door.type(door.ask("anybody@example.org"), "anybody@example.org").audience


def test_codes_are_six_random_digits(door: Door) -> None:
    codes = [door.ask(browser=f"browser-{n}") for n in range(40)]
    assert all(len(code) == 6 and code.isascii() and code.isdigit() for code in codes)
    assert len(set(codes)) > 35


def test_a_code_may_be_spaced_as_people_and_phones_do(door: Door) -> None:
    code = door.ask()
    assert door.type(f" {code[:3]} {code[3:]}\n")


# -- how long, how often, where --------------------------------------------------------


def test_a_code_is_good_once(door: Door) -> None:
    code = door.ask()
    door.type(code)
    assert door.refusal(code).detail == one_time_codes.NO_LONGER_VALID


def test_a_code_is_good_for_ten_minutes(door: Door, at: Any) -> None:
    code = door.ask()
    at(NOW + TEN_MINUTES)
    assert door.refusal(code).detail == one_time_codes.NO_LONGER_VALID
    at(NOW + TEN_MINUTES - timedelta(seconds=1))
    assert door.type(code)


def test_a_code_is_good_in_the_browser_that_asked(door: Door) -> None:
    code = door.ask()
    for browser in ("another", None, "", door.browser + "x", "x" * 500):
        if browser != "":
            door.refusal(code, browser=browser)
    assert code_row().tries == 0  # another browser's guesses do not use up this one's
    assert door.type(code)


def test_a_code_is_good_for_its_address_and_event(door: Door) -> None:
    code = door.ask()
    other = make_event(slug="other", admission="open")
    door.refusal(code, email="bea@example.org")
    with pytest.raises(Unauthenticated):
        one_time_codes.verify_code(admission.qr_code(other), ANN, code, door.browser)
    assert door.type(code)


def test_a_code_has_five_tries(door: Door) -> None:
    code = door.ask()
    left = [door.refusal(wrong(code)).extra.get("tries_left") for _ in range(5)]
    assert left == [4, 3, 2, 1, 0]
    sixth = door.refusal(code)
    assert (sixth.detail, sixth.extra) == (one_time_codes.TOO_MANY_TRIES, {})


def test_the_fifth_try_may_be_the_right_one(door: Door) -> None:
    code = door.ask()
    for _ in range(4):
        door.refusal(wrong(code))
    assert door.type(code)


def test_a_resend_renews_code_and_time_but_not_the_tries(door: Door, at: Any) -> None:
    first = door.ask()
    for _ in range(4):
        door.refusal(wrong(first))
    at(NOW + timedelta(minutes=9))
    second = door.ask()
    assert code_row().expires_at == NOW + timedelta(minutes=19)
    at(NOW + timedelta(minutes=18))
    if first != second:
        assert door.refusal(first).extra["tries_left"] == 0
    assert door.refusal(second).detail == one_time_codes.TOO_MANY_TRIES


def test_resends_do_not_prolong_the_wait_after_five_tries(door: Door, at: Any) -> None:
    code = door.ask()
    for _ in range(5):
        door.refusal(wrong(code))
    at(NOW + timedelta(minutes=9))
    door.refusal(door.ask())
    at(NOW + TEN_MINUTES)
    assert door.type(door.ask())


def test_tries_begin_anew_once_a_code_was_used_or_is_over(door: Door, at: Any) -> None:
    code = door.ask()
    for _ in range(4):
        door.refusal(wrong(code))
    door.type(code)
    assert door.refusal(wrong(door.ask())).extra["tries_left"] == 4
    at(NOW + TEN_MINUTES)
    assert door.refusal(wrong(door.ask())).extra["tries_left"] == 4


def test_the_older_code_ends_with_a_resend(door: Door) -> None:
    first, second = door.ask(), door.ask()
    if first != second:
        door.refusal(first)
    assert door.type(second)


def test_guesses_at_the_same_moment_count_each(door: Door, context: Flask) -> None:
    code = door.ask()

    def guess(_number: int) -> bool:
        with context.app_context():
            try:
                door.type(wrong(code))
            except Unauthenticated as error:
                return "tries_left" in error.extra
        raise AssertionError("a wrong code signed in")

    with ThreadPoolExecutor(25) as pool:
        looked_at = list(pool.map(guess, range(50)))
    assert sum(looked_at) == 5
    assert code_row().tries == 50
    door.refusal(code)


def test_a_right_code_typed_twice_at_once_signs_in_once(door: Door, context: Flask) -> None:
    code = door.ask()

    def enter(_number: int) -> bool:
        with context.app_context():
            try:
                door.type(code)
            except Unauthenticated:
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(enter, range(4))) == 1
    db.session.rollback()
    assert rows.count(SignIn) == 1


def test_an_account_made_meanwhile_is_the_one(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    code, prove = door.ask(), accounts.prove_address
    attempts: Iterator[bool] = iter([True, False])

    def proven(email: str, **known: Any) -> Any:
        if next(attempts):
            raise EmailTaken
        return prove(email, **known)

    monkeypatch.setattr(accounts, "prove_address", proven)
    assert door.type(code)


# -- what is kept ------------------------------------------------------------------------


def test_neither_code_nor_browser_is_in_the_database_in_clear(door: Door) -> None:
    code = door.ask()
    row = code_row()
    kept = f"{row.code_hash} {row.browser_hash}"
    assert code not in kept
    assert door.browser not in kept
    assert {len(row.code_hash), len(row.browser_hash)} == {64}
    logged = db.session.scalars(select(AuditEntry.changes)).all()
    assert code not in str(logged)


def test_the_hash_is_keyed(door: Door, context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    code = door.ask()
    monkeypatch.setitem(context.config, "SECRET_KEY", "another secret that is long enough 123")
    door.refusal(code)


def test_guests_who_guess_are_in_the_audit_log(door: Door) -> None:
    door.refusal(wrong(door.ask()))
    door.type(door.ask())
    acts = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert [act for act in acts if "code" in act] == ["code_refused", "sign_in_by_code"]


def test_codes_are_forgotten_a_day_after_their_end(door: Door, at: Any) -> None:
    door.ask()
    at(NOW + TEN_MINUTES + timedelta(days=1))
    one_time_codes.purge()
    assert rows.count(OneTimeCode) == 1
    at(NOW + TEN_MINUTES + timedelta(days=1, seconds=1))
    one_time_codes.purge()
    assert rows.count(OneTimeCode) == 0


# -- who gets a mail, and who learns of it -----------------------------------------------


def test_the_mail_has_the_code_and_expires_with_it(door: Door) -> None:
    door.ask()
    message = db.session.scalars(select(OutboxMessage)).one()
    assert (message.template, message.recipient) == ("one_time_code", ANN)
    assert message.expires_at == NOW + TEN_MINUTES


@pytest.mark.parametrize("who", ["unknown", "on the list", "undone"])
def test_a_mail_to_who_is_not_admitted_has_expired_when_it_is_written(door: Door, who: str) -> None:
    admin, email = make_admin(), "bea@example.org"
    if who != "unknown":
        bea = admission.add_attendee(admin, "conf", name="", email=email)
    if who == "undone":
        admission.check_in(admin, "conf", [email])
        admission.undo_check_in(admin, "conf", bea.id)
    code = door.ask(email)
    message = db.session.scalars(select(OutboxMessage)).one()
    assert message.expires_at == NOW
    # Nor does the code, could anybody guess it, let in.
    assert door.refusal(code, email=email).detail == one_time_codes.NO_LONGER_VALID


def test_a_check_in_that_was_undone_meanwhile_lets_nobody_in(door: Door) -> None:
    code = door.ask()
    [ann] = admission.list_attendees(make_admin(), "conf", page=1, page_size=10).items
    admission.undo_check_in(make_admin(), "conf", ann["id"])
    door.refusal(code)
    assert code_row().used_at is None


def test_every_address_costs_the_same_statements_and_gets_the_same_answer(door: Door) -> None:
    make_user(email="account@example.org")
    admission.add_attendee(make_admin(), "conf", name="", email="listed@example.org")
    asked, typed, answers = [], [], []
    for email in (ANN, "nobody@example.org", "account@example.org", "listed@example.org"):
        db.session.expire_all()
        with count_queries() as statements:
            answers.append(one_time_codes.request_code(door.qr, email, door.browser))
        asked.append(list(statements))
        guess = wrong(mailed())
        with count_queries() as statements:
            answers.append(door.refusal(guess, email=email).detail)
        typed.append(list(statements))
    assert asked[0]
    assert all(each == asked[0] for each in asked)
    assert all(each == typed[0] for each in typed)
    assert len(set(answers)) == 2


# -- what is no code, no address, no event -----------------------------------------------


@pytest.mark.parametrize("code", ["", "12345", "1234567", "12345a", "١٢٣٤٥٦", "12.456"])
def test_what_is_no_code_is_no_try(door: Door, code: str) -> None:
    door.ask()
    with pytest.raises(InvalidInput) as refused:
        door.type(code)
    assert set(refused.value.errors) == {"code"}
    assert code_row().tries == 0


@pytest.mark.parametrize("email", ["", "ann", "ann@", "a" * 130 + "@example.org", "a\x00@b.org"])
def test_what_is_no_address_is_refused(door: Door, email: str) -> None:
    with pytest.raises(InvalidInput):
        one_time_codes.request_code(door.qr, email, door.browser)
    assert rows.mails() == []


def test_a_code_of_another_time_leads_nowhere(door: Door, at: Any) -> None:
    code, admin = door.ask(), make_admin()
    with pytest.raises(NotFound):
        one_time_codes.request_code("nothing", ANN, door.browser)
    admission.rotate_code(admin, "conf")
    with pytest.raises(Gone):
        one_time_codes.request_code(door.qr, ANN, door.browser)
    with pytest.raises(Gone):
        door.type(code)
    door.qr = admission.qr_code(door.event)
    at(NOW + timedelta(days=9))
    with pytest.raises(Gone):
        door.ask()


def test_a_deactivated_account_stays_out(door: Door) -> None:
    user = make_user(email=ANN)
    db.session.execute(update(User).where(User.id == user.id).values(active=False))
    db.session.commit()
    door.refusal(door.ask())
    assert rows.count(SignIn) == 0
