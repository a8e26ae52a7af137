"""The words with which a mail was sent, their placeholders unfilled"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

_JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Mails sent before stay without: nobody knows any more.
    op.add_column("outbox_message", sa.Column("wording", _JSON, nullable=True))


def downgrade() -> None:
    op.drop_column("outbox_message", "wording")
