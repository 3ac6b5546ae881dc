"""Whatever is changed behind the program's back is found, and named."""

import base64
import contextlib
import os
import shutil
import sqlite3

import anyio
import pytest
import zstandard
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.entry import MAX_CONTENT_BYTES, Header, Unsealed, open_entry
from ticktrail_compliance.observer import open_audit
from ticktrail_compliance.reading import Range, read_records
from unit.compliance.logs import attacked, context, opened, routed, sample, settings, up, verified, write

ENTRIES = 6
COLUMNS = {
    "kind": "'journal'", "written_ns": "written_ns + 1", "first_ns": "first_ns + 1", "last_ns": "last_ns - 1",
    "ticks": "ticks + 1", "key_id": "3 - key_id", "nonce": "x'000000000000000000000000'", "body": "x'00' || body",
    "previous": "zeroblob(32)", "digest": "zeroblob(32)",
}  # fmt: skip


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """One log, made once; each test attacks a copy."""
    folder = tmp_path_factory.mktemp("sealed")
    anyio.run(sample, folder)
    assert verified(folder).sound
    return folder


@pytest.fixture
def log(sealed, tmp_path):
    shutil.copytree(sealed, tmp_path, dirs_exist_ok=True)
    return tmp_path


def findings(folder):
    outcome = verified(folder)
    assert outcome.sound == (not outcome.findings)
    return [(finding.seq, finding.what) for finding in outcome.findings]


def change(folder, statement, *parameters):
    with attacked(folder) as database:
        assert database.execute(statement, parameters).rowcount > 0


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("seq", range(2, ENTRIES + 1))
def test_a_changed_column_names_its_entry(log, seq, column):
    """Every column of an entry, one at a time; the first finding is the entry that was changed."""
    changed = COLUMNS[column]
    if column == "kind":
        changed = "CASE kind WHEN 'control' THEN 'journal' ELSE 'control' END"
    change(log, f"UPDATE audit_entries SET {column} = {changed} WHERE seq = ?", seq)
    first, what = findings(log)[0]
    assert first == seq
    assert f"entry {seq}" in what
    if column in {"previous", "digest"}:
        assert f"column {column}" in what


@pytest.mark.parametrize("junk", ["NULL", "'text'", "-1", "1.5", "x'ff'", "zeroblob(1000000)"])
@pytest.mark.parametrize("column", [*COLUMNS, "seq"])
def test_junk_in_any_column_is_a_finding_and_no_crash(log, column, junk):
    """Whatever type or size: the walk goes on to the end and names something."""
    with (
        attacked(log) as database,
        contextlib.suppress(sqlite3.IntegrityError),
    ):  # the database refuses a NULL
        database.execute(f"UPDATE audit_entries SET {column} = {junk} WHERE seq = 3")
    assert bool(findings(log)) == (junk != "NULL")


def test_every_byte_of_a_sealed_segment_counts(log):
    """One bit changed at any place of a segment's body is found, and its entry is named."""
    with attacked(log) as database:
        (body,) = database.execute("SELECT body FROM audit_entries WHERE seq = 2").fetchone()
    for place in range(len(body)):
        changed = bytearray(body)
        changed[place] ^= 1 << (place % 8)
        change(log, "UPDATE audit_entries SET body = ? WHERE seq = 2", bytes(changed))
        assert findings(log)[0] == (2, "entry 2: header or body is not what was sealed")
    change(log, "UPDATE audit_entries SET body = ? WHERE seq = 2", body)
    assert findings(log) == []


@pytest.mark.parametrize(
    ("seq", "says"),
    [(1, "entry 1 is missing"), (3, "entry 3 is missing"), (6, "missing at the end")],
)
def test_a_deleted_row_is_named(log, seq, says):
    """First, in the middle, last."""
    change(log, "DELETE FROM audit_entries WHERE seq = ?", seq)
    first, what = findings(log)[0]
    assert first == seq
    assert says in what


def test_a_tail_that_is_cut_off_is_named(log):
    """The head tells how far the log went."""
    change(log, "DELETE FROM audit_entries WHERE seq > 2")
    assert findings(log) == [(3, "entries 3 to 6 are missing at the end")]


def test_an_emptied_log_is_named(log):
    """All entries gone: the head still knows them."""
    change(log, "DELETE FROM audit_entries")
    assert findings(log) == [(1, "entries 1 to 6 are missing at the end")]


SWAPS = [("body",), ("body", "nonce"), ("body", "nonce", "digest", "previous"), tuple(COLUMNS)]


@pytest.mark.parametrize("columns", SWAPS, ids=len)
def test_two_rows_swapped_are_both_named(log, columns):
    """Contents, with or without what stands beside them."""
    names = ", ".join(columns)
    assignments = ", ".join(f"{name} = ?" for name in columns)
    with attacked(log) as database:
        two, three = (
            database.execute(f"SELECT {names} FROM audit_entries WHERE seq = ?", (seq,)).fetchone()
            for seq in (2, 3)
        )
        if "nonce" in columns:  # out of the way of the constraint
            database.execute("UPDATE audit_entries SET nonce = randomblob(12) WHERE seq IN (2, 3)")
        for seq, values in ((2, three), (3, two)):
            database.execute(f"UPDATE audit_entries SET {assignments} WHERE seq = ?", (*values, seq))
    assert {seq for seq, _ in findings(log)} >= {2, 3}


COPY = (
    "INSERT INTO audit_entries SELECT {}, kind, written_ns, first_ns, last_ns, ticks, key_id, randomblob(12), "
    "body, previous, digest FROM audit_entries WHERE seq = 2"
)


def test_a_row_copied_to_another_number_is_refused(log):
    """A genuine entry in a place that is not its own does not open."""
    change(log, "DELETE FROM audit_entries WHERE seq = 3")
    change(log, COPY.format(3))
    assert findings(log)[0][0] == 3


def test_an_old_row_put_after_the_head_is_named(log):
    """An entry that no feed added."""
    change(log, COPY.format(7))
    assert (7, "entries after 6 were not added by a feed") in findings(log)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_head SET seq = 5",
        "UPDATE audit_head SET digest = zeroblob(32)",
        "UPDATE audit_head SET mac = zeroblob(32)",
        "UPDATE audit_head SET mac = 'text'",
        "UPDATE audit_log SET created_ns = created_ns + 1",
    ],
)
def test_a_changed_head_or_identity_is_named(log, statement):
    """The head is authenticated together with the log's own row."""
    change(log, statement)
    assert findings(log)[0][1] == "the head, or the log's own row, was changed"


def test_a_missing_head_is_named(log):
    """Without it nobody can tell whether the end is the end."""
    change(log, "DELETE FROM audit_head")
    assert "the head is missing" in findings(log)[0][1]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_keys SET wrapped = zeroblob(60) WHERE kind = 'journal'",
        "UPDATE audit_keys SET month = '2001-01' WHERE kind = 'journal'",
        "DELETE FROM audit_keys WHERE kind = 'journal'",
        "UPDATE audit_keys SET wrapped = 5 WHERE kind = 'journal'",
        "UPDATE audit_keys SET wrapped = (SELECT wrapped FROM audit_keys WHERE kind = 'control') WHERE key_id = 2",
    ],
)
def test_a_lost_data_key_is_named_and_the_rest_still_reads(log, statement):
    """Segments cannot be read, and are named; events under the other key are sound."""
    change(log, statement)
    outcome = verified(log)
    assert {finding.seq for finding in outcome.findings} >= {2, 3, 5}
    assert (outcome.events, outcome.segments) == (3, 0)
    assert "data key" in outcome.findings[0].what


def test_a_log_with_a_changed_end_takes_no_more_entries(log):
    """A feed does not go on from an end that was tampered with; it says what to do."""
    change(log, "DELETE FROM audit_entries WHERE seq = 6")

    async def go_on():
        await write(log, [up(9)])

    with pytest.raises(ConfigError, match="the log's end is not what was sealed"):
        anyio.run(go_on)


def test_reading_names_the_entry_that_cannot_be_read(log):
    """`audit show` stops at it, and says what tells more."""
    change(log, "UPDATE audit_entries SET body = x'00' WHERE seq = 3")
    with opened(log) as audit, pytest.raises(AuditError, match=r"entry 3 .*ticktrail audit verify"):
        list(read_records(audit, Range()))


def test_a_blob_that_claims_to_be_huge_is_bounded(log):
    """A compressed bomb under a genuine key is refused by its claim, before it is unpacked."""
    cipher = AESGCM(bytes(32))
    header = Header(
        log_id="x",
        seq=1,
        kind="journal",
        written_ns=0,
        first_ns=0,
        last_ns=0,
        ticks=0,
        key_id=1,
        nonce=bytes(12),
    )
    compressor = zstandard.ZstdCompressor(level=1).compressobj(size=MAX_CONTENT_BYTES + 1)
    packed = b"".join(compressor.compress(bytes(2**20)) for _ in range(MAX_CONTENT_BYTES // 2**20))
    packed += compressor.compress(b"\0") + compressor.flush()
    body = cipher.encrypt(header.nonce, packed, header.encoded())
    with pytest.raises(Unsealed, match="claims to be over"):
        open_entry(header, body, cipher)


def test_a_wrong_key_writes_nothing(log):
    """Told with file and remedy; not a byte of the database changes."""
    (log / "audit.key").write_bytes(base64.b64encode(os.urandom(32)))
    before = (log / "audit.db").read_bytes()
    for write_too in (False, True):
        with pytest.raises(ConfigError, match=r"is not the one that .* was sealed with"):
            opened(log, write=write_too)
    assert (log / "audit.db").read_bytes() == before


def test_a_newer_layout_is_refused(log):
    """A program that does not know the layout does not guess."""
    change(log, "UPDATE audit_log SET schema_version = 2")
    with pytest.raises(ConfigError, match="has layout 2, newer than this program's 1; upgrade"):
        opened(log)


def test_a_lost_identity_is_told(log):
    """Without the row that names the log, nothing can be opened."""
    change(log, "DELETE FROM audit_log")
    with pytest.raises(ConfigError, match="has lost the row of audit_log"):
        opened(log)


def test_a_copy_of_an_open_log_verifies_or_says_that_it_is_torn(sealed, tmp_path):
    """A copy made while a feed writes, with its write-ahead log or without: sound, or told, never a crash."""
    source = tmp_path / "source"
    source.mkdir()

    async def copy_while_open():
        async with open_audit(settings(), context(source)) as observer:
            for number in range(40):
                await observer.observe([routed(number), routed(number), up(number)])
                for name, files in (("whole", ["audit.db", "audit.db-wal"]), ("part", ["audit.db"])):
                    target = tmp_path / f"{name}-{number}"
                    target.mkdir()
                    for file in [*files, "audit.key"]:
                        shutil.copy(source / file, target / file)

    anyio.run(copy_while_open)
    for number in range(40):
        whole = verified(tmp_path / f"whole-{number}")
        assert whole.sound
        assert whole.events == number + 1
        with contextlib.suppress(
            ConfigError
        ):  # before the first checkpoint there is no table in the file alone
            assert verified(tmp_path / f"part-{number}").entries <= whole.entries
