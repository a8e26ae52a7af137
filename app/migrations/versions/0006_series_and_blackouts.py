"""Series and blackouts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

KINDS = "kind IN ('appointment', 'seat', 'reservation')"
KINDS_NOW = "kind IN ('appointment', 'seat', 'reservation', 'blackout')"
BLACKOUT = "kind <> 'blackout' OR (room_id IS NOT NULL AND user_id IS NULL)"


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
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.add_column(sa.Column("series_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key("fk_booking_series", "series", ["series_id"], ["id"])
        batch_op.drop_constraint("booking_kind_known", type_="check")
        batch_op.create_check_constraint("booking_kind_known", KINDS_NOW)
        batch_op.create_check_constraint("booking_blackout_complete", BLACKOUT)
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.create_index("ix_booking_series", ["series_id", "starts_at"], unique=False)


def downgrade() -> None:
    # There is no word for blackouts there; their time is free again.
    op.execute(
        "DELETE FROM busy_period WHERE booking_id IN"
        " (SELECT id FROM booking WHERE kind = 'blackout')"
    )
    op.execute("DELETE FROM booking WHERE kind = 'blackout'")
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_index("ix_booking_series")
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_constraint("booking_blackout_complete", type_="check")
        batch_op.drop_constraint("booking_kind_known", type_="check")
        batch_op.create_check_constraint("booking_kind_known", KINDS)
        batch_op.drop_constraint("fk_booking_series", type_="foreignkey")
        batch_op.drop_column("series_id")
    op.drop_table("series")
