"""Lay out the database of an audit log.

Owns: tables and columns (docs/reference/audit-log.md), and the version of their layout.
Never: runs a statement.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
)

__all__ = ["SCHEMA_VERSION", "entries", "head", "keys", "log", "metadata"]

SCHEMA_VERSION = 1
"""Grows when a column changes its meaning; a program refuses a log that is newer than itself."""

metadata = MetaData()

log = Table(
    "audit_log",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("log_id", String(36), nullable=False),
    Column("schema_version", Integer, nullable=False),
    Column("created_ns", BigInteger, nullable=False),
)
"""One row: which log this is."""

keys = Table(
    "audit_keys",
    metadata,
    Column("key_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("month", String(7), nullable=False),
    Column("wrapped", LargeBinary, nullable=False),
    UniqueConstraint("kind", "month", name="audit_keys_once"),
)
"""Data keys, wrapped under the master key: one for each kind of entry and month."""

entries = Table(
    "audit_entries",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("written_ns", BigInteger, nullable=False),
    Column("first_ns", BigInteger, nullable=False),
    Column("last_ns", BigInteger, nullable=False),
    Column("ticks", BigInteger, nullable=False),
    Column("key_id", Integer, nullable=False),
    Column("nonce", LargeBinary(12), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    UniqueConstraint("key_id", "nonce", name="audit_entries_nonce_once"),
)
"""The log itself, one row an entry."""

head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("mac", LargeBinary(32), nullable=False),
)
"""One row: the last entry, authenticated under the master key, so that a lost tail is seen."""
