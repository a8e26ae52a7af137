"""The lock files are in step, and a step out of line is noticed."""

import pytest

from tools import locks
from tools.set_up import ROOT


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The project's requirement and lock files, to be spoiled."""
    for name in locks.LOCKS:
        for suffix in (".in", ".txt"):
            (tmp_path / f"{name}{suffix}").write_text((ROOT / f"{name}{suffix}").read_text())
    monkeypatch.setattr(locks, "ROOT", tmp_path)
    return tmp_path


def test_they_are_in_step() -> None:
    assert locks.check() == []


def test_a_new_requirement_needs_a_new_lock(copy) -> None:
    with (copy / "requirements-node.in").open("a") as source:
        source.write("six\n")
    assert locks.check() == ["requirements-node.txt is out of step with requirements-node.in."]


def test_a_comment_does_not(copy) -> None:
    with (copy / "requirements.in").open("a") as source:
        source.write("# Only a remark.\n")
    assert locks.check() == []


def test_a_moved_pin_of_the_product_needs_a_new_lock_for_development(copy) -> None:
    lock = copy / "requirements.txt"
    lock.write_text(lock.read_text().replace("\nflask==", "\nflask==0"))
    assert locks.check() == ["requirements-dev.txt is out of step with requirements-dev.in."]


def test_a_host_in_a_lock_is_a_fault(copy) -> None:
    with (copy / "requirements.txt").open("a") as lock:
        lock.write("# from https://mirror.example/simple\n")
    assert locks.check() == ["requirements.txt names a host."]
