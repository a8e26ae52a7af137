"""Series and blackouts"""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KINDS = "kind IN ('appointment', 'seat', 'reservation')"
KINDS_NOW = "kind IN ('appointment', 'seat', 'reservation', 'blackout')"
BLACKOUT = "kind <> 'blackout' OR (room_id IS NOT NULL AND user_id IS NULL)"
SERIES_ID = "series_id INTEGER CONSTRAINT fk_booking_series REFERENCES series (id)"


def upgrade() -> None:
    op.create_table(
        "series",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uid", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=300), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("uid"),
    )
    op.execute(f"ALTER TABLE booking ADD COLUMN {SERIES_ID}")
    op.create_index("ix_booking_series", "booking", ["series_id", "starts_at"], unique=False)
    if _on_sqlite():
        _rebuild_booking(
            lambda sql: _inside(
                sql.replace(KINDS, KINDS_NOW),
                f"CONSTRAINT booking_blackout_complete CHECK ({BLACKOUT})",
            )
        )
    else:
        op.drop_constraint("booking_kind_known", "booking", type_="check")
        op.create_check_constraint("booking_kind_known", "booking", KINDS_NOW)
        op.create_check_constraint("booking_blackout_complete", "booking", BLACKOUT)


def downgrade() -> None:
    # There is no word for blackouts there; their time is free again.
    op.execute(
        "DELETE FROM busy_period WHERE booking_id IN"
        " (SELECT id FROM booking WHERE kind = 'blackout')"
    )
    op.execute("DELETE FROM booking WHERE kind = 'blackout'")
    op.drop_index("ix_booking_series", table_name="booking")
    if _on_sqlite():
        _rebuild_booking(
            lambda sql: (
                sql.replace(KINDS_NOW, KINDS)
                .replace(f", CONSTRAINT booking_blackout_complete CHECK ({BLACKOUT})", "")
                .replace(f", {SERIES_ID}", "")
            )
        )
    else:
        op.drop_constraint("booking_blackout_complete", "booking", type_="check")
        op.drop_constraint("booking_kind_known", "booking", type_="check")
        op.create_check_constraint("booking_kind_known", "booking", KINDS)
        op.drop_column("booking", "series_id")
    op.drop_table("series")


def _on_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _inside(sql: str, constraint: str) -> str:
    return f"{sql.rstrip().removesuffix(')').rstrip()}, {constraint}\n)"


def _rebuild_booking(change: Callable[[str], str]) -> None:
    """Give SQLite's table another definition (sqlite.org/lang_altertable.html, section 7).

    From the definition as it stands: a rebuild from what is reflected would lose the
    CHECKs, which are not. Foreign keys are off in here (env.py).
    """
    connection = op.get_bind()
    sql = connection.scalar(
        sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'booking'")
    )
    indexes = connection.scalars(
        sa.text(
            "SELECT sql FROM sqlite_master"
            " WHERE type = 'index' AND tbl_name = 'booking' AND sql IS NOT NULL"
        )
    ).all()
    changed = change(sql)
    if changed == sql:
        raise RuntimeError("The table booking is not as this migration expects it.")
    _, _, definition = changed.partition("(")
    op.execute(f"CREATE TABLE booking_changed ({definition}")
    names = ", ".join(
        column["name"] for column in sa.inspect(connection).get_columns("booking_changed")
    )
    op.execute(f"INSERT INTO booking_changed ({names}) SELECT {names} FROM booking")  # noqa: S608 (columns)
    op.execute("DROP TABLE booking")
    op.execute("ALTER TABLE booking_changed RENAME TO booking")
    for index in indexes:
        op.execute(index)
