"""Lay out a log of layout 2, the first that was published.

Owns: its tables at that revision.
Never: changes once it was published; what comes later is a revision of its own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("log_id", sa.String(36), nullable=False),
        sa.Column("layout", sa.Integer, nullable=False),
        sa.Column("created_ns", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit_entries",
        sa.Column("seq", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("entry_class", sa.String(16), nullable=False),
        sa.Column("form", sa.Integer, nullable=False),
        sa.Column("writer", sa.BigInteger, nullable=False),
        sa.Column("counter", sa.BigInteger, nullable=False),
        sa.Column("written_ns", sa.BigInteger, nullable=False),
        sa.Column("clock_offset_ns", sa.BigInteger),
        sa.Column("clock_bound_ns", sa.BigInteger),
        sa.Column("first_ns", sa.BigInteger, nullable=False),
        sa.Column("last_ns", sa.BigInteger, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("ticks", sa.BigInteger, nullable=False),
        sa.Column("key_id", sa.BigInteger, nullable=False),
        sa.Column("previous", sa.LargeBinary(32), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("summary_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("body_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("summary", sa.LargeBinary),
        sa.Column("body", sa.LargeBinary),
        sa.UniqueConstraint("writer", "counter", name="audit_entries_writer_counter"),
        sa.UniqueConstraint("key_id", "counter", name="audit_entries_nonce_once"),
    )
    op.create_index("audit_entries_class", "audit_entries", ["entry_class", "seq"])
    op.create_table(
        "audit_tiles",
        sa.Column("level", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("hashes", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("number", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.UniqueConstraint("size", name="audit_checkpoints_size"),
    )
    op.create_table(
        "audit_spools",
        sa.Column("spool_id", sa.String(36), primary_key=True),
        sa.Column("last_frame", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("subtrees", sa.LargeBinary, nullable=False),
        sa.Column("writers", sa.BigInteger, nullable=False),
        sa.Column("checkpoints", sa.BigInteger, nullable=False),
        sa.Column("checkpoint_size", sa.BigInteger, nullable=False),
        sa.Column("mac", sa.LargeBinary(32), nullable=False),
    )
