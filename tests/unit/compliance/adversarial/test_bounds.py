"""27. Blobs of any size and kind in any column: named, within bounded memory."""

import subprocess
import sys

import pytest
import sqlalchemy
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.entry import MAX_CONTENT_BYTES, Header, Unsealed, open_part, seal
from ticktrail_compliance.store import schema
from unit.compliance.adversarial.attacks import add_many, leave_spool, made
from unit.compliance.logs import NOW_NS

HUGE = 300 * 2**20
LARGE = 16 * 2**20
MOST_MORE = 32 * 2**20
"""What one verification may take more than another, in bytes."""

TABLES = (*schema.metadata.sorted_tables, *schema.key_metadata.sorted_tables)
COLUMNS = [column for table in TABLES for column in table.c]
BLOBS = [column for column in COLUMNS if isinstance(column.type, sqlalchemy.LargeBinary | sqlalchemy.Text)]


@pytest.fixture(scope="module")
def full(kind, tmp_path_factory):
    """A log with a row in every table."""
    with made(kind, tmp_path_factory.mktemp("full")) as log:
        log.sample()
        leave_spool(log)
        add_many(log)
        log.sample()
        yield log


@pytest.fixture(scope="module")
def small(kind, tmp_path_factory):
    """The same without tiles."""
    with made(kind, tmp_path_factory.mktemp("small")) as log:
        log.sample()
        leave_spool(log)
        log.sample()
        yield log


def _told(log):
    try:
        return log.told()
    except (ConfigError, AuditError) as exc:
        return str(exc)


def _first(column):
    """The first row of a table: of entries a segment, of keys one of segments."""
    table = column.table
    if table is schema.entries:
        return table.c.seq == 3
    if table is schema.keys:
        return table.c.entry_class == "journal"
    if table is schema.checkpoints:
        return table.c.number == 1
    return sqlalchemy.true()


JUNK = ["NULL", "zeroblob(100000)", "'a' || char(0) || 'b'"]


@pytest.mark.parametrize("column", COLUMNS, ids=str)
def test_27_junk_in_any_column_is_told_and_no_crash(full, small, column):
    """SQLite: whatever the kind or size, the walk goes on to its end and names something."""
    if not full.is_sqlite:
        pytest.skip("a column of PostgreSQL holds its own kind alone")
    table = column.table
    log = full if table is schema.tiles else small
    where = _first(column)
    for junk in JUNK:
        with log.attacked(keys=table is schema.keys) as connection:
            kept = [dict(row._mapping) for row in connection.execute(table.select())]
            try:
                connection.execute(
                    table.update().where(where).values({column.name: sqlalchemy.literal_column(junk)})
                )
            except (sqlalchemy.exc.IntegrityError, sqlalchemy.exc.OperationalError):
                continue
        same = log.fetch(table.select(), keys=table is schema.keys) == [tuple(row.values()) for row in kept]
        assert bool(_told(log)) != same, junk
        with log.attacked(keys=table is schema.keys) as connection:
            connection.execute(table.delete())
            connection.execute(table.insert(), kept)


CODE = """
import pathlib, re, sys
from unit.compliance.logs import verified
database = sys.argv[2]
try:
    found = "; ".join(one.what for one in verified(pathlib.Path(sys.argv[1]), database=database).findings)
except Exception as exc:
    found = f"{type(exc).__name__}: {exc}"
status = pathlib.Path("/proc/self/status").read_text()  # ru_maxrss would count the parent as well
print(int(re.search(r"VmHWM:\\s+(\\d+) kB", status)[1]) * 1024)
print(found)
"""


def _measured(log):
    """Verify in a process of its own; gives its largest size in memory, and what was found."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(log.folder), log.database],
        env={"PYTHONPATH": ":".join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    size, _, found = done.stdout.partition("\n")
    return int(size), found


def _blob(log, column, size):
    """An expression of a value of so many bytes."""
    if log.is_sqlite:
        return sqlalchemy.literal_column(f"zeroblob({size})")
    text = f"repeat('a', {size})"
    return sqlalchemy.literal_column(
        text if isinstance(column.type, sqlalchemy.Text) else f"convert_to({text}, 'UTF8')"
    )


def test_27_a_huge_blob_in_any_column_is_told_within_bounded_memory(kind, full):
    """300 MB in a digest, 16 MB in every other column of bytes or text, of a row each: none of them is read."""
    usual, _ = _measured(full)
    seq = schema.entries.c.seq
    with made(kind, full.folder.with_name(f"huge-{kind}"), full) as log:
        huge = {
            schema.entries.c.digest,
            *([schema.keys.c.wrapped] if log.is_sqlite else []),
        }  # it takes its time
        for number, column in enumerate(BLOBS, 3):
            if column.table in (schema.log, schema.head) or column in (
                schema.entries.c.summary,
                schema.entries.c.body,
            ):
                continue  # a ciphertext may be as large, and is read alone
            where = seq == number if column.table is schema.entries else _first(column)
            blob = _blob(log, column, HUGE if column in huge else LARGE)
            log.change(column.table, {column.name: blob}, where)
        size, found = _measured(log)
        assert size < usual + MOST_MORE
        wrong = [
            number
            for number, column in enumerate(BLOBS, 3)
            if column in (schema.entries.c.digest, schema.entries.c.previous)
        ]
        for says in (*(f"entry {number}" for number in wrong), "checkpoint 1", "data key"):
            assert says in found
        log.change(schema.head, {"mac": _blob(log, schema.head.c.mac, 4 * LARGE)})
        size, found = _measured(log)
        assert "the head is missing or was changed" in found
        assert size < usual + MOST_MORE


def test_27_a_content_that_claims_to_be_huge_is_refused_by_its_claim():
    """A compressed bomb under a genuine key is not unpacked."""
    header = Header(
        log_id="00000000-0000-4000-8000-000000000000", seq=1, entry_class="journal", writer=1, counter=1,
        written_ns=NOW_NS, first_ns=0, last_ns=0, records=0, ticks=0, key_id=1,
    )  # fmt: skip
    compressor = zstandard.ZstdCompressor(level=1).compressobj(size=MAX_CONTENT_BYTES + 1)
    packed = b"".join(compressor.compress(bytes(2**20)) for _ in range(MAX_CONTENT_BYTES // 2**20))
    packed += compressor.compress(b"\0") + compressor.flush()
    cipher = AESGCM(bytes(32))
    entry = seal(header, bytes(32), packed, packed, cipher)
    for part in (0, 1):
        with pytest.raises(Unsealed, match="claims to hold over"):
            open_part(entry, part, cipher)


@pytest.mark.parametrize("seq", [2**62, 10**9])
def test_27_a_row_of_a_huge_number_makes_no_verification_endless(full, seq):
    """The work follows the rows that are there, not their numbers."""
    where = schema.entries.c.seq == 100
    full.change(schema.entries, {"seq": seq}, where)
    try:
        found = full.findings()
    finally:
        full.change(schema.entries, {"seq": 100}, schema.entries.c.seq == seq)
    assert found[0] == (100, "entry 100 is missing")
