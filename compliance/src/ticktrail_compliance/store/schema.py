"""Lay out the database of an audit log, and the store of its data keys.

Owns: tables and columns (docs/reference/audit-log.md).
Never: runs a statement. The tables are made by the migrations, which a test holds against these.

What is written once and never changed stands in tables of its own (`entries`, `tiles`, `checkpoints`), so that a
database can refuse anything but an insert there; what moves is one row, the head.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "LAYOUT",
    "checkpoints",
    "entries",
    "head",
    "key_metadata",
    "keys",
    "log",
    "metadata",
    "spools",
    "tiles",
]

LAYOUT = 2
"""The layout of the log's bytes; a program refuses a log that is newer than itself."""

_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""A number that is a row's key: SQLite keeps rows by it, and lets nothing but a whole number in."""

metadata = MetaData()

log = Table(
    "audit_log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("log_id", String(36), nullable=False),
    Column("layout", Integer, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
)
"""One row: which log this is."""

entries = Table(
    "audit_entries",
    metadata,
    Column("seq", _NUMBER, primary_key=True, autoincrement=False),
    Column("entry_class", String(16), nullable=False),
    Column("form", Integer, nullable=False),
    Column("writer", BigInteger, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("written_ns", BigInteger, nullable=False),
    Column("clock_offset_ns", BigInteger),
    Column("clock_bound_ns", BigInteger),
    Column("first_ns", BigInteger, nullable=False),
    Column("last_ns", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("ticks", BigInteger, nullable=False),
    Column("key_id", BigInteger, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("summary_sha256", LargeBinary(32), nullable=False),
    Column("body_sha256", LargeBinary(32), nullable=False),
    Column("summary", LargeBinary),
    Column("body", LargeBinary),
    UniqueConstraint("writer", "counter", name="audit_entries_writer_counter"),
    UniqueConstraint("key_id", "counter", name="audit_entries_nonce_once"),
    Index("audit_entries_class", "entry_class", "seq"),  # each command looks for the policy in force
)
"""The log itself, one row an entry. The blobs stand last: what a tree is built from is read without them."""

tiles = Table(
    "audit_tiles",
    metadata,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("hashes", LargeBinary, nullable=False),
)
"""Whole tiles of the tree: 256 hashes, and the root above them."""

checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    UniqueConstraint("size", name="audit_checkpoints_size"),
)
"""Signed checkpoints, from 1 without a hole."""

spools = Table(
    "audit_spools",
    metadata,
    Column("spool_id", String(36), primary_key=True),
    Column("last_frame", BigInteger, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)
"""How far a spool was caught up with, and in which entry that is told: none is caught up with twice."""

head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("subtrees", LargeBinary, nullable=False),
    Column("writers", BigInteger, nullable=False),
    Column("checkpoints", BigInteger, nullable=False),
    Column("checkpoint_size", BigInteger, nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
)
"""One row: the last entry and the right edge of the tree, authenticated, so that a lost tail is seen."""

key_metadata = MetaData()

keys = Table(
    "audit_keys",
    key_metadata,
    Column("key_id", _NUMBER, primary_key=True, autoincrement=False),
    Column("entry_class", String(16), nullable=False),
    Column("month", String(7), nullable=False),
    Column("writer", BigInteger, nullable=False),
    Column("kek", String(120), nullable=False),
    Column("wrapped", LargeBinary),
)
"""Data keys, wrapped: for each writer one for each class of entries and month. Number 0 is the log's own secret."""
