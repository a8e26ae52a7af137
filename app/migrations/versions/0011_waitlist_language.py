"""In which language somebody joined a waitlist"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("waitlist_entry", sa.Column("language", sa.String(length=8), nullable=True))


def downgrade() -> None:
    op.drop_column("waitlist_entry", "language")
