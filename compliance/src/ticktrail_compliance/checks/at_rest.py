"""Try to find what the log holds in the open, where it lies on the disk.

Owns: the control ``rest.plaintext``: what is looked for, and in which files and columns.
Never: tells what it looked for; a finding names the field, the form and the place.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import sqlalchemy
from sqlalchemy import text
from sqlalchemy.engine import URL

from ticktrail.model import Tick, Undecodable
from ticktrail_compliance.anchoring import anchor_paths
from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, passed, unknown
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.checks.plaintext import LEAST_BYTES, Needle, of_values, prove, search, search_file
from ticktrail_compliance.checks.sample import Opened, sample
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.database import Database, resolve_url
from ticktrail_compliance.store.opening import keys_url

__all__ = ["CONTROLS", "needles_of", "places"]

BESIDE = ("", "-wal", "-shm", "-journal")
TICKS = 20
"""Of a segment, in which values are taken."""
VALUES = 3
"""Of a field, which are looked for: each has some ten forms, and each form is looked for in every byte."""
PACKED_BYTES = 48
"""Of what was encrypted: enough that no other bytes begin so."""
PAGE_ROWS = 500


def needles_of(opened: Sequence[Opened]) -> Sequence[Needle]:
    """Return the forms of the instruments, prices and ids of some segments, and of the segments as they were packed."""
    values: dict[str, dict[str | int, None]] = {}
    for segment in reversed(opened):
        for tick in segment.ticks[-TICKS:]:
            for what, value in _values(tick):
                held = values.setdefault(what, {})
                if len(held) < VALUES:
                    held[value] = None
    packed = [Needle("segment", "compressed", one.packed[:PACKED_BYTES]) for one in opened]
    return [*of_values(values), *packed]


def places(facts: Facts) -> Sequence[Path]:
    """Return the files in which the log, its keys and what is kept beside them may stand."""
    found: list[Path] = []
    for url in _urls(facts):
        if url.get_backend_name() == "sqlite":
            found += [Path(f"{url.database}{end}") for end in BESIDE]
    spool = facts.base_dir / facts.settings.spool
    found += sorted(spool.rglob("*")) if spool.is_dir() else []
    found += anchor_paths(facts.settings, facts.base_dir)
    if facts.settings.key.file is not None:
        key = facts.base_dir / facts.settings.key.file
        found += [key, *sorted(key.parent.glob(f".{key.name}.*"))]
    for pattern in ("ticktrail*", "etilqs_*"):
        found += sorted(Path(tempfile.gettempdir()).glob(pattern))
    return [path for path in dict.fromkeys(found) if path.is_file()]


def _plaintext(facts: Facts) -> Look:
    opened = sample(facts.opened)
    needles = needles_of(opened)
    if not needles:
        return unknown("the log holds no tick that could be looked for; run the feed")
    missed = prove(needles)
    if missed:
        return unknown(
            f"the search itself missed what was planted for it ({missed[0].what}, {missed[0].form})"
        )
    most, read, looked = facts.checks.search_mib * 2**20, 0, 0
    for path in places(facts):
        try:
            found, count = search_file(path, needles, most)
        except OSError as exc:
            return unknown(
                f"{path} cannot be read ({exc.strerror}); give the command as the user that runs the feed"
            )
        if found:
            return _found(found[0], str(path), opened)
        read, looked = read + count, looked + 1
    for database in {facts.opened.database, facts.opened.keys.database}:
        if database.dialect != "sqlite":
            disclosed = _in_columns(database, needles, most)
            if disclosed is not None:
                where, needle = disclosed
                return _found(needle, f"{database.name}, {where}", opened)
            looked += 1
    return passed(
        f"{len(needles):,} forms of instruments, prices and ids of {len(opened):,} segments are in none of {looked:,} "
        f"files and databases ({read / 2**20:,.1f} MiB of files); each form was planted and found",
        opened[-1].seq,
    )


def _found(needle: Needle, where: str, opened: Sequence[Opened]) -> Look:
    return failed(
        f"{needle.what} of a recorded tick stands in {where} in the open ({needle.form}): find who wrote it there, and "
        "treat it as disclosed",
        opened[-1].seq,
    )


def _in_columns(database: Database, needles: Sequence[Needle], most: int) -> tuple[str, Needle] | None:
    """Return what stands in a server's tables, and in which column: of the newest rows, so many bytes of each table."""
    with database.reading() as connection:
        inspector = sqlalchemy.inspect(connection)
        names = {*schema.metadata.tables, *schema.key_metadata.tables}.intersection(
            inspector.get_table_names()
        )
        quote = connection.dialect.identifier_preparer.quote
        for name in sorted(names):
            keys = inspector.get_pk_constraint(name)["constrained_columns"]
            order = ", ".join(f"{quote(key)} DESC" for key in keys)
            wanted = text(f"SELECT * FROM {quote(name)}" + (f" ORDER BY {order}" if order else ""))  # noqa: S608 - our names
            read = 0
            with contextlib.closing(
                connection.execute(wanted.execution_options(yield_per=PAGE_ROWS))
            ) as rows:
                for row in rows:
                    for column, value in row._mapping.items():  # noqa: SLF001 - SQLAlchemy's public name for it
                        held = _bytes(value)
                        read += len(held)
                        for needle in search(io.BytesIO(held), needles):
                            return f"table {name}, column {column}", needle
                    if read > most:
                        break
    return None


def _bytes(value: object) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return str(value).encode()


def _values(tick: Tick | Undecodable) -> Iterator[tuple[str, str | int]]:
    """Yield the fields of a tick by which it would be known again."""
    if isinstance(tick, Undecodable):
        return
    yield "instrument", tick.instrument
    for what in tick.__struct_fields__:
        value = getattr(tick, what)
        if isinstance(value, Decimal) and len(str(value)) >= LEAST_BYTES:
            yield what, str(value)
        elif what in {"id", "event_ns"} and isinstance(value, str | int):
            yield what, value


def _urls(facts: Facts) -> Sequence[URL]:
    return [resolve_url(facts.settings.database, facts.base_dir), keys_url(facts.settings, facts.base_dir)]


CONTROLS = (
    Control(
        "rest.plaintext",
        "Nothing of what was recorded stands in the open on the disk",
        POLICY,
        "instruments, prices and ids of the last segments, decrypted, are looked for in the bytes of the database, its "
        "write-ahead log, key store, spool, anchors and temporary files; each form is planted and found first",
        _plaintext,
    ),
)
