"""What an entry of the audit log is about, by the name that it had then"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Entries from before stay without: the log is not rewritten.
    op.add_column(
        "audit_entry", sa.Column("object_name", sa.Text(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("audit_entry", "object_name")
