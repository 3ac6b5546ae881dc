"""One bit, in any column of any table: found, and named by entry and kind of column."""

import re

import pytest
import sqlalchemy

from ticktrail.errors import ConfigError
from ticktrail_compliance.store import schema
from ticktrail_compliance.verify.whole import verify
from unit.compliance.adversarial.attacks import add_many, flipped, leave_spool, made

HEADER = "its header, a digest of its parts, or its column digest was changed"
ENTRY = {
    **dict.fromkeys(
        ("form", "writer", "counter", "written_ns", "clock_offset_ns", "clock_bound_ns", "first_ns", "last_ns",
         "records", "ticks", "key_id", "digest"),
        HEADER,
    ),
    "entry_class": "its column entry_class holds no class",
    "previous": "its column previous was changed",
    "summary_sha256": "summary_sha256, was changed",
    "body_sha256": "body_sha256, was changed",
    "summary": "its summary, or the column summary_sha256, was changed",
    "body": "its body, or the column body_sha256, was changed",
}  # fmt: skip
HEAD = "the head is missing or was changed"
NOT_BY_THIS_KEY = "is not the one that the keys in .* were wrapped with"
OTHERS = [
    (schema.log, "id", "audit_log"),
    (schema.log, "log_id", f"{NOT_BY_THIS_KEY}|the row of audit_log was changed"),
    (schema.log, "layout", "newer than this program|the log's own row"),
    (schema.log, "created_ns", "the log's own row was"),
    *((schema.tiles, name, "tile 0 of level 0 of the tree is missing") for name in ("level", "position")),
    *((schema.tiles, name, "tile 0 of level 0 of the tree was changed") for name in ("root", "hashes")),
    (schema.checkpoints, "number", "checkpoint 2 is missing"),
    (schema.checkpoints, "size", "checkpoint 2: its column size"),
    (schema.checkpoints, "note", "checkpoint 2 is none of this log"),
    *((schema.spools, column.name, "spool .* was changed") for column in schema.spools.c),
    *((schema.head, column.name, HEAD) for column in schema.head.c),
    (schema.keys, "key_id", "its data key .* was destroyed, changed or removed"),
    *((schema.keys, name, "data key .* was changed") for name in ("entry_class", "month", "writer", "wrapped")),
    (schema.keys, "kek", "is wrapped by key"),
]  # fmt: skip
FAR = 40
"""A bit of a number that leads to no row that is there."""


@pytest.fixture(scope="module")
def full(kind, tmp_path_factory):
    """A log with a row in every table: a tile, three checkpoints and more, a spool that was caught up with."""
    with made(kind, tmp_path_factory.mktemp("full")) as log:
        log.sample()
        leave_spool(log)
        add_many(log)
        log.sample()
        assert log.findings() == []
        yield log
        assert log.findings() == []


def _where(log, table):
    """The row that is attacked: the second of checkpoints, a key of segments, otherwise the first."""
    if table is schema.checkpoints:
        return table.c.number == 2
    wanted = sqlalchemy.select(*table.primary_key).limit(1)
    if table is schema.keys:
        wanted = wanted.where(table.c.entry_class == "journal").order_by(table.c.writer)
    (row,) = log.fetch(wanted, keys=table is schema.keys)
    return sqlalchemy.and_(*(column == value for column, value in zip(table.primary_key, row, strict=True)))


def _told_of_change(log, table, column, where):
    """What verification, or the opening of the log, tells while one column is changed."""
    row = log.row(table, where)
    far = 20 if column in {"writer", "counter"} and table is schema.entries else 0
    far = FAR if column in {"seq", "position", "number", "last_frame", "key_id"} else far
    new = {column: flipped(row[column], far)}
    log.change(table, new, where)
    try:
        return log.findings()
    except ConfigError as exc:
        return [(None, str(exc))]
    finally:
        now = sqlalchemy.and_(*(each == new.get(each.name, row[each.name]) for each in table.primary_key))
        log.change(table, {column: row[column]}, now)


@pytest.mark.parametrize("column", ENTRY)
@pytest.mark.parametrize("seq", [3, 7])
def test_a_bit_in_any_column_of_an_entry_names_entry_and_column(sealed, seq, column):
    """Ciphertext, digest or plain, in a segment and in the last."""
    found = _told_of_change(sealed, schema.entries, column, schema.entries.c.seq == seq)
    first, what = found[0]
    assert first == seq
    assert f"entry {seq}" in what
    assert ENTRY[column] in "\n".join(what for at, what in found if at == seq) or HEADER in what


def test_a_bit_in_the_number_of_an_entry_names_both_places(sealed):
    """Where it is missing, and where it came to stand."""
    found = _told_of_change(sealed, schema.entries, "seq", schema.entries.c.seq == 3)
    assert (3, "entry 3 is missing") in found
    assert any(seq == 3 + 2**FAR for seq, _ in found)


@pytest.mark.parametrize(("table", "column", "says"), OTHERS, ids=lambda value: getattr(value, "name", value))
def test_a_bit_in_any_column_of_the_other_tables_is_named(full, table, column, says):
    """Identity, tiles, checkpoints, spools, head and data keys."""
    told = "\n".join(what for _, what in _told_of_change(full, table, column, _where(full, table)))
    assert told
    assert re.search(says, told)


def test_every_column_is_attacked():
    """A column that is added has to be thought of here."""
    attacked = {("audit_entries", name) for name in (*ENTRY, "seq")} | {
        (table.name, column) for table, column, _ in OTHERS
    }
    tables = (*schema.metadata.sorted_tables, *schema.key_metadata.sorted_tables)
    assert attacked == {(table.name, column.name) for table in tables for column in table.c}


def _swept(log, table, column, where):
    """What is found for a bit at one place of a value after the other, while the log stays open."""
    value = log.row(table, where)[column]
    tail = range(len(value) - 6, len(value))  # the tag, or the end of a signature
    with log.opened() as opened:
        for place in sorted({*range(0, len(value), 9), *tail}):
            if isinstance(value, str):
                changed = value[:place] + chr(ord(value[place]) ^ 1) + value[place + 1 :]
            else:
                changed = bytearray(value)
                changed[place] ^= 1 << (place % 8)
            log.change(table, {column: changed}, where)
            yield place, [(one.seq, one.what) for one in verify(opened).findings]


@pytest.mark.parametrize("column", ["summary", "body"])
def test_every_byte_of_a_ciphertext_counts(log, column):
    """One bit all over a segment's summary or body, its tag included."""
    says = f"entry 3: its {column}, or the column {column}_sha256, was changed"
    for place, found in _swept(log, schema.entries, column, schema.entries.c.seq == 3):
        assert found == [(3, says)], place


def test_every_byte_of_a_checkpoint_counts(log):
    """One bit all over a note: its text, its key's name and number, its signature to the last character."""
    for place, found in _swept(log, schema.checkpoints, "note", schema.checkpoints.c.number == 1):
        assert "checkpoint 1 is none of this log" in found[0][1], place
