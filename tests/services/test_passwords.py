"""Which passwords may be chosen, and that checking one tells nothing by its time."""

from __future__ import annotations

import pytest

from app.services import passwords


@pytest.mark.parametrize(
    "password",
    [
        "twelve chars",
        "purple monkey dishwasher",
        "            x",
        "пароль из слов",
        "x" * 64 + "y" * 64,
        "ann lee's own dog",
    ],
)
def test_anything_of_12_to_128_characters_is_a_password(password: str) -> None:
    assert passwords.problems(password, name="Ann Lee", email="ann@example.org") == []


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "required"),
        (None, "required"),
        (123456789012, "required"),
        ("eleven char", "At least 12"),
        ("x" * 129, "At most 128"),
        ("nul\x00 and some more", "cannot be stored"),
        ("password1234", "common"),
        ("PassWord1234", "common"),
        ("qwertyuiop12", "common"),
        ("Annabella Leeds", "your name"),
        ("annabella.leeds", "your name"),
        ("bella@example.org", "your name"),
        ("BELLA@EXAMPLE.ORG", "your name"),
    ],
)
def test_what_is_refused_says_why(password: object, reason: str) -> None:
    [problem] = passwords.problems(password, name="Annabella Leeds", email="bella@example.org")
    assert reason in problem


def test_a_hash_verifies_its_own_password_only() -> None:
    kept = passwords.hash_password("purple monkey dishwasher")
    assert passwords.verify(kept, "purple monkey dishwasher")
    assert not passwords.verify(kept, "Purple monkey dishwasher")


@pytest.mark.parametrize("kept", [None, ""])
def test_no_hash_matches_nothing_at_the_same_cost(
    kept: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified: list[str] = []

    def matching(password_hash: str, _password: str) -> bool:
        verified.append(password_hash)
        return True

    monkeypatch.setattr(passwords, "check_password_hash", matching)
    assert not passwords.verify(kept, "purple monkey dishwasher")
    assert len(verified) == 1
    assert verified[0].startswith("scrypt:32768:8:1$")


def test_one_time_passwords_are_good_enough_and_differ() -> None:
    made = {passwords.one_time() for _ in range(20)}
    assert len(made) == 20
    assert all(passwords.problems(each) == [] for each in made)
