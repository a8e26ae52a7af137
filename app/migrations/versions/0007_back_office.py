"""The back-office: an append-only audit log that says from where; settings, mail texts"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_JSON = sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql")


def upgrade() -> None:
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.add_column(sa.Column("before", _JSON, server_default="{}", nullable=False))
        batch_op.add_column(
            sa.Column("door", sa.String(length=16), server_default="cli", nullable=False)
        )
        batch_op.add_column(sa.Column("address", sa.String(length=45), nullable=True))
        batch_op.create_index("ix_audit_entry_actor_id", ["actor_id"], unique=False)

    op.create_table(
        "audit_purge",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("up_to", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint("up_to < at", name="audit_purge_is_of_the_past"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "setting",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", _JSON, nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "mail_text",
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("parts", _JSON, nullable=False),
        sa.PrimaryKeyConstraint("template"),
    )
    _make_append_only()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in ("row", "table"):
            op.execute(f"DROP TRIGGER audit_entry_append_only_{name} ON audit_entry")
        op.execute("DROP FUNCTION audit_entry_append_only()")
    else:
        for name in ("update", "delete"):
            op.execute(f"DROP TRIGGER audit_entry_append_only_{name}")
    op.drop_table("mail_text")
    op.drop_table("setting")
    op.drop_table("audit_purge")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_entry_actor_id")
        batch_op.drop_column("address")
        batch_op.drop_column("door")
        batch_op.drop_column("before")


def _make_append_only() -> None:
    """Let the database itself refuse to change the log.

    Entries are deleted only where a row of `audit_purge` gives them up.
    """
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION audit_entry_append_only() RETURNS trigger LANGUAGE plpgsql AS $$"
            " BEGIN"
            "  IF TG_OP = 'DELETE' THEN"
            "   IF EXISTS (SELECT 1 FROM audit_purge WHERE up_to > OLD.at) THEN"
            "    RETURN OLD;"
            "   END IF;"
            "  END IF;"
            "  RAISE EXCEPTION 'audit_entry_append_only';"
            " END $$"
        )
        for name, when in {"row": "UPDATE OR DELETE", "table": "TRUNCATE"}.items():
            each = "ROW" if name == "row" else "STATEMENT"
            op.execute(
                f"CREATE TRIGGER audit_entry_append_only_{name} BEFORE {when} ON audit_entry"
                f" FOR EACH {each} EXECUTE FUNCTION audit_entry_append_only()"
            )
        return
    op.execute(
        "CREATE TRIGGER audit_entry_append_only_update BEFORE UPDATE ON audit_entry"
        " BEGIN SELECT RAISE(ABORT, 'audit_entry_append_only'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_append_only_delete BEFORE DELETE ON audit_entry"
        " WHEN NOT EXISTS (SELECT 1 FROM audit_purge WHERE up_to > OLD.at)"
        " BEGIN SELECT RAISE(ABORT, 'audit_entry_append_only'); END"
    )
