"""Expert pages: groups, requests, reminders, holidays, unlisted types, retention"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
_LIVE_APPOINTMENT = "status <> 'cancelled' AND kind = 'appointment'"


def upgrade() -> None:
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cancelled_as", sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column("decide_by", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("place", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("anonymised_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_constraint("booking_status_known", type_="check")
        batch_op.create_check_constraint(
            "booking_status_known", "status IN ('pending', 'confirmed', 'cancelled')"
        )
        batch_op.create_check_constraint(
            "booking_pending_is_request",
            "status <> 'pending' OR (kind = 'appointment' AND decide_by IS NOT NULL)",
        )
        batch_op.create_check_constraint("booking_place_positive", "place >= 1")
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.create_index(
            "ix_booking_decide_by",
            ["decide_by"],
            unique=False,
            postgresql_where=sa.text("status = 'pending'"),
            sqlite_where=sa.text("status = 'pending'"),
        )
        batch_op.create_index(
            "uq_booking_live_place",
            ["event_type_id", "starts_at", "place"],
            unique=True,
            postgresql_where=sa.text(_LIVE_APPOINTMENT),
            sqlite_where=sa.text(_LIVE_APPOINTMENT),
        )

    with op.batch_alter_table("event_type", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("is_listed", sa.Boolean(), server_default=sa.true(), nullable=False)
        )
        batch_op.add_column(sa.Column("seats", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(
            sa.Column("requires_approval", sa.Boolean(), server_default=sa.false(), nullable=False)
        )
        batch_op.add_column(
            sa.Column("approval_minutes", sa.Integer(), server_default="1440", nullable=False)
        )
        batch_op.add_column(
            sa.Column("reminder_minutes", _JSON, server_default=sa.text("'[1440]'"), nullable=False)
        )
        batch_op.create_check_constraint("event_type_seats_positive", "seats >= 1")
        batch_op.create_check_constraint("event_type_approval_positive", "approval_minutes >= 1")

    with op.batch_alter_table("expert", schema=None) as batch_op:
        batch_op.add_column(sa.Column("holiday_country", sa.String(length=2), nullable=True))
        batch_op.add_column(sa.Column("holiday_subdivision", sa.String(length=64), nullable=True))
        batch_op.add_column(
            sa.Column("holiday_exceptions", _JSON, server_default=sa.text("'[]'"), nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("expert", schema=None) as batch_op:
        batch_op.drop_column("holiday_exceptions")
        batch_op.drop_column("holiday_subdivision")
        batch_op.drop_column("holiday_country")

    with op.batch_alter_table("event_type", schema=None) as batch_op:
        batch_op.drop_constraint("event_type_approval_positive", type_="check")
        batch_op.drop_constraint("event_type_seats_positive", type_="check")
        batch_op.drop_column("reminder_minutes")
        batch_op.drop_column("approval_minutes")
        batch_op.drop_column("requires_approval")
        batch_op.drop_column("seats")
        batch_op.drop_column("is_listed")

    # Before this, no status but confirmed holds time.
    op.execute(
        "DELETE FROM busy_period WHERE booking_id IN"
        " (SELECT id FROM booking WHERE status = 'pending')"
    )
    op.execute("UPDATE booking SET status = 'cancelled' WHERE status = 'pending'")
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_index("uq_booking_live_place")
        batch_op.drop_index("ix_booking_decide_by")
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_constraint("booking_place_positive", type_="check")
        batch_op.drop_constraint("booking_pending_is_request", type_="check")
        batch_op.drop_constraint("booking_status_known", type_="check")
        batch_op.create_check_constraint(
            "booking_status_known", "status IN ('confirmed', 'cancelled')"
        )
        batch_op.drop_column("anonymised_at")
        batch_op.drop_column("place")
        batch_op.drop_column("decide_by")
        batch_op.drop_column("cancelled_as")
