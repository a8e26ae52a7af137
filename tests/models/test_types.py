"""`UTCDateTime` and the other columns give back what they were given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select
from sqlalchemy.exc import StatementError

from app.extensions import db
from app.models import AuditEntry

pytestmark = pytest.mark.usefixtures("context")

entries = AuditEntry.__table__


def kept(instant: datetime) -> datetime:
    with db.engine.begin() as connection:
        connection.execute(
            insert(entries),
            {
                "at": instant,
                "action": "test",
                "object_kind": "test",
                "object_id": "1",
                "changes": {},
            },
        )
        return connection.scalars(select(entries.c.at).order_by(entries.c.id.desc())).first()


@pytest.mark.parametrize(
    "instant",
    [
        datetime(2031, 3, 30, 1, 30, tzinfo=UTC),
        datetime(2031, 3, 30, 1, 30, 15, 123456, tzinfo=UTC),
        datetime(2031, 10, 26, 2, 30, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2031, 10, 26, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2031, 3, 30, 1, 30, tzinfo=timezone(timedelta(hours=-9, minutes=-30))),
    ],
)
def test_an_instant_comes_back_as_the_same_instant_in_utc(instant: datetime) -> None:
    came_back = kept(instant)
    assert came_back == instant.astimezone(UTC)
    assert came_back.tzinfo is UTC


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(StatementError, match="naive datetime"):
        kept(datetime(2031, 3, 30, 1, 30))  # noqa: DTZ001


def test_a_naive_time_is_refused_in_a_comparison() -> None:
    with pytest.raises(StatementError, match="naive datetime"), db.engine.begin() as connection:
        connection.execute(select(entries).where(entries.c.at > datetime(2031, 3, 30)))  # noqa: DTZ001


def test_instants_are_compared_in_the_database_as_instants() -> None:
    earlier = datetime(2031, 3, 4, 12, 0, tzinfo=timezone(timedelta(hours=2)))
    later = datetime(2031, 3, 4, 10, 30, tzinfo=UTC)
    kept(later), kept(earlier)
    with db.engine.begin() as connection:
        found = connection.scalars(select(entries.c.at).order_by(entries.c.at)).all()
    assert found == [earlier, later]
