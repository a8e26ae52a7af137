"""Who reads which language: accounts, clients, mails, and mail texts by language"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    op.add_column("ab_user", sa.Column("language", sa.String(length=8), nullable=True))
    op.add_column("booking", sa.Column("language", sa.String(length=8), nullable=True))
    op.add_column(
        "outbox_message",
        sa.Column("language", sa.String(length=8), server_default="en", nullable=False),
    )
    _rebuild_mail_texts(sa.Column("language", sa.String(8), primary_key=True, server_default="en"))


def downgrade() -> None:
    op.execute("DELETE FROM mail_text WHERE language <> 'en'")
    _rebuild_mail_texts()
    op.drop_column("outbox_message", "language")
    op.drop_column("booking", "language")
    op.drop_column("ab_user", "language")


def _rebuild_mail_texts(*key: sa.Column[str]) -> None:
    """The table anew, with another key: a few rows, which are carried over."""
    old = sa.table("mail_text", sa.column("template"), sa.column("parts", _JSON))
    rows = [row._asdict() for row in op.get_bind().execute(sa.select(old))]
    op.drop_table("mail_text")
    new = op.create_table(
        "mail_text",
        sa.Column("template", sa.String(64), primary_key=True),
        *key,
        sa.Column("parts", _JSON, nullable=False),
    )
    op.bulk_insert(new, rows)
