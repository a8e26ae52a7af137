"""Seats of who is not there go on before the start; imports; bookings by time"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("event", sa.Column("release_no_shows_minutes", sa.Integer(), nullable=True))
    op.add_column("event_session", sa.Column("no_shows_released_at", _INSTANT, nullable=True))
    op.create_index("ix_booking_starts_at", "booking", ["starts_at", "id"])
    op.create_table(
        "import_job",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=True),
        sa.Column("actor_id", sa.Integer(), nullable=False),
        sa.Column("file_name", sa.String(length=200), nullable=False),
        sa.Column("head", _JSON, nullable=False),
        sa.Column("lines", _JSON, nullable=False),
        sa.Column("mapping", _JSON, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("done", sa.Integer(), server_default="0", nullable=False),
        sa.Column("outcome", _JSON, nullable=False),
        sa.Column("error", sa.String(length=500), server_default="", nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.Column("touched_at", _INSTANT, nullable=False),
        sa.CheckConstraint(
            "state IN ('uploaded', 'checking', 'checked', 'importing', 'done', 'failed')",
            name="import_job_state_known",
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["ab_user.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_import_job_touched_at", "import_job", ["touched_at"])


def downgrade() -> None:
    op.drop_index("ix_import_job_touched_at", "import_job")
    op.drop_table("import_job")
    op.drop_index("ix_booking_starts_at", "booking")
    op.drop_column("event_session", "no_shows_released_at")
    op.drop_column("event", "release_no_shows_minutes")
