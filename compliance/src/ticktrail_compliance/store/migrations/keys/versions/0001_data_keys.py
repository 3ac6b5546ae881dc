"""Lay out a store of data keys.

Owns: its tables at the first revision.
Never: changes once it was published; what comes later is a revision of its own.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "audit_keys",
        sa.Column("key_id", NUMBER, primary_key=True, autoincrement=False),
        sa.Column("entry_class", sa.String(16), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("writer", sa.BigInteger, nullable=False),
        sa.Column("kek", sa.String(120), nullable=False),
        sa.Column("wrapped", sa.LargeBinary),
    )
