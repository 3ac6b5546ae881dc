"""`ticktrail audit export`: what is in the folder, what the log tells of it, and what is not opened for it."""

import contextlib
import importlib.util
import json
import os
import stat
import subprocess
import sys

import pytest
import sqlalchemy

from nobody import NOBODY, nobody
from ticktrail_compliance import acts
from ticktrail_compliance.entry import open_part
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.appender import Appender
from unit.compliance.export.exporting import (
    DAY_NS,
    ENTRIES,
    ROWS,
    audit,
    check,
    exported,
    log_of,
    rows,
    three_days,
)
from unit.compliance.logs import NOW_NS, SQLITE, change, fetch, opened, verified

FORMS = [
    "jsonl",
    "csv",
    pytest.param(
        "parquet",
        marks=pytest.mark.skipif(
            importlib.util.find_spec("pyarrow") is None,
            reason="pyarrow is not installed: pip install 'ticktrail-compliance[parquet]'",
        ),
    ),
]


@pytest.fixture
def folder(tmp_path, database):
    log_of(tmp_path, three_days(), database=database, segment_ticks=4)
    return tmp_path


@pytest.fixture
def folder_on_sqlite(tmp_path):
    log_of(tmp_path, three_days(), segment_ticks=4)
    return tmp_path


def key_of(folder):
    return audit("key", folder / "feed.toml").stdout.strip()


def told_in(folder, kind, database=SQLITE):
    """The records of a kind that the log holds, with the numbers of their entries."""
    with opened(folder, database=database) as log:
        found = read_records(log, Range(classes=frozenset({"access"})))
        return [(header.seq, record) for header, record in found if isinstance(record, kind)]


@pytest.mark.parametrize("form", FORMS)
def test_the_whole_log(folder, database, form):
    """Every entry, content and row of it in each form; all that is promised of files, hashes, chain and proofs."""
    told = exported(folder, form=form)
    manifest, entries = check(folder / "out", key_of(folder))
    assert (manifest["rows_format"], manifest["purpose"]) == (form, "Case 17")
    assert told["entries"] == manifest["entries"] == ENTRIES + 1  # and who exports
    assert told["bodies"] == len(entries)
    found = rows(folder / "out")
    assert len(found) == told["rows"] == 3 * (1 + 2 * ROWS) + 2
    counts = {}
    for row in found:
        counts[row["outcome"]] = counts.get(row["outcome"], 0) + 1
    assert counts == {"event": 5, "delivered": 12, "rejected": 6, "suppressed": 6, "flagged": 6}
    rejected = next(row for row in found if row["outcome"] == "rejected")
    violations = rejected["violations"]
    assert (violations if form == "jsonl" else json.loads(violations)) == [{"rule": "too_big", "size": 7}]
    assert next(row for row in found if row["outcome"] == "suppressed")["reason"] == "standby"
    assert next(row["price"] for row in found if row["outcome"] == "delivered") == "1.50"
    assert verified(folder, database=database).sound


def test_it_is_told_in_the_log(folder, database):
    """Who exported what and what for, before the export has its name; and the manifest that it tells of."""
    told = exported(
        folder, "--instrument", "BTC/USDT", "--class", "journal", "--outcome", "rejected", "--from", NOW_NS
    )
    ((seq, act),) = told_in(folder, acts.LogExported, database)
    assert seq == told["recorded_seq"]
    assert (act.purpose, act.actor.pid > 0, act.rows_format, act.with_keys) == (
        "Case 17",
        True,
        "jsonl",
        False,
    )
    assert (act.classes, act.instruments, act.outcomes) == (["journal"], ["BTC/USDT"], ["rejected"])
    assert (act.first_seq, act.last_seq, act.from_ns) == (told["first_seq"], told["last_seq"], NOW_NS)
    assert act.manifest_sha256 == told["manifest_sha256"]
    (_, opened_by_feed), (at, opened_by_export) = told_in(folder, acts.WriterOpened, database)
    assert "feed" in opened_by_feed.purpose
    assert opened_by_export.purpose == "export to out: Case 17"
    assert at < seq
    assert verified(folder, database=database).sound


def test_a_checkpoint_covers_it_unless_a_feed_is_to_sign(folder, database):
    """Of a log whose feed has ended the last entry is covered; a tail that a crash left stays for the next start."""
    exported(folder)
    with opened(folder, database=database) as log:
        head = log.head()
        assert head.checkpoint_size == head.seq


@pytest.mark.parametrize(
    ("options", "rows_found", "bodies"),
    [
        (["--instrument", "BTC/USDT"], 3 * ROWS, 3),
        (["--instrument", "BTC/USDT", "--instrument", "ETH/USDT"], 6 * ROWS, 6),
        (["--provider", "other"], 3 * ROWS, 3),
        (["--outcome", "rejected"], 6, 6),
        (["--outcome", "event", "--class", "control"], 3, 3),
        (["--class", "journal"], 6 * ROWS, 6),
        (["--instrument", "NONE/NONE"], 0, 0),
        (["--from", NOW_NS + DAY_NS, "--to", NOW_NS + DAY_NS + 1], 1 + ROWS, 2),
        (["--to", NOW_NS - 1, "--class", "journal"], 0, 0),
    ],
)
def test_what_is_asked_for(folder, options, rows_found, bodies):
    """Rows and contents by every filter, and all entries from the first to the last in the times."""
    told = exported(folder, *options)
    manifest, _ = check(folder / "out", key_of(folder))
    assert (told["rows"], told["bodies"]) == (rows_found, bodies)
    assert manifest["rows"] == rows_found


def test_no_entry_in_the_times(folder_on_sqlite):
    """Numbers 0, no proofs, and still a whole export."""
    told = exported(folder_on_sqlite, "--from", "2001-01-01", "--to", "2001-01-02")
    manifest, entries = check(folder_on_sqlite / "out", key_of(folder_on_sqlite))
    assert (entries, manifest["first_proof"], told["first_seq"]) == ([], [], 0)


def test_one_day_and_instrument_opens_nothing_else(folder, database, monkeypatch):
    """Of other days nothing is decrypted; of the day summaries, and the bodies that can hold a row."""
    parts = []

    def counted(entry, part, cipher):
        parts.append((entry.header.entry_class, part, (entry.header.first_ns - NOW_NS) // DAY_NS))
        return open_part(entry, part, cipher)

    monkeypatch.setattr("ticktrail_compliance.reading.open_part", counted)
    day = NOW_NS + DAY_NS
    exported(folder, "--instrument", "BTC/USDT", "--from", day, "--to", day + DAY_NS - 1)
    of_the_feed = [one for one in parts if one[0] != "access"]
    assert sorted(of_the_feed) == [
        ("control", 0, 1),
        ("journal", 0, 1),
        ("journal", 0, 1),
        ("journal", 1, 1),
    ]


def test_keys_apart(folder, database):
    """The data keys of the exported bodies alone, in a file of their own that nobody else can read; told in the log."""
    told = exported(folder, "--class", "journal", "--keys-out", folder / "keys.json")
    keys = json.loads((folder / "keys.json").read_text())
    assert stat.S_IMODE((folder / "keys.json").stat().st_mode) == 0o600
    entries = [json.loads(line) for line in (folder / "out" / "entries.jsonl").read_text().splitlines()]
    assert set(keys["keys"]) == {str(entry["key_id"]) for entry in entries if entry["body"]}
    assert told["keys_out"] == str(folder / "keys.json")
    ((_, act),) = told_in(folder, acts.LogExported, database)
    assert act.with_keys
    assert not list(folder.glob("*.partial"))


@pytest.mark.parametrize("form", FORMS)
def test_the_program_in_the_export_says_that_it_is_sound(folder, form):
    """Run as the reader runs it, with keys and the log's own key: nothing is found, and every row is equal."""
    exported(folder, "--keys-out", folder / "keys.json", form=form)
    done = subprocess.run(
        [
            sys.executable, str(folder / "out" / "verify.py"), "--verifier-key", key_of(folder),
            "--data-keys", str(folder / "keys.json"),
        ],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_was_destroyed(folder, database):
    """Its entries are there without content, and counted for the reader, in the outcome and in the README."""
    journal = fetch(
        folder,
        sqlalchemy.select(schema.entries.c.key_id)
        .where(schema.entries.c.entry_class == "journal")
        .distinct(),
        database=database,
    )
    destroy(folder, database, [key_id for (key_id,) in journal])
    told = exported(folder)
    _, entries = check(folder / "out", key_of(folder))
    assert told["destroyed"] == 6
    assert all(entry["body"] is None for entry in entries if entry["entry_class"] == "journal")
    assert {row["outcome"] for row in rows(folder / "out")} == {"event"}
    assert "6 entries: what they held was destroyed" in (folder / "out" / "README.txt").read_text()


def destroy(folder, database, key_ids):
    """Destroy keys as a rule of retention does: told in the log, then done."""
    act = acts.KeysDestroyed(
        at_ns=NOW_NS,
        actor=acts.actor_here(),
        purpose="kept long enough",
        entry_class="journal",
        month="2026-09",
        key_ids=key_ids,
        entries=6,
    )
    with opened(folder, write=True, database=database) as log:
        Appender(log, lambda: NOW_NS).append([gathered_act("retention", act).draft()])
        log.keys.destroy(key_ids)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("ticks", 3),
        ("digest", bytes(32)),
        ("previous", bytes(32)),
        ("summary", b"x"),
        ("body", b"x"),
        ("body", None),
    ],
)
def test_a_log_that_was_changed_is_not_exported(folder, database, column, value):
    """The entry is named, no folder is made, and nothing tells of an export that was none."""
    change(folder, schema.entries, {column: value}, schema.entries.c.seq == 6, database=database)
    done = audit(
        "export", folder / "feed.toml", "--format", "csv", "--out", folder / "out", "--purpose", "Case 17"
    )
    assert done.exit_code != 0
    assert "ticktrail audit verify" in done.stderr
    assert not (folder / "out").exists()
    assert not told_in(folder, acts.LogExported, database)


def test_a_log_that_is_not_there_is_not_made(tmp_path):
    """To export from it would be to begin it."""
    log_of(tmp_path, three_days())
    (tmp_path / "audit.db").unlink()
    done = audit(
        "export", tmp_path / "feed.toml", "--format", "csv", "--out", tmp_path / "out", "--purpose", "x"
    )
    assert done.exit_code == 2
    assert "there is no audit database" in done.stderr
    assert not (tmp_path / "audit.db").exists()
    assert not (tmp_path / "out.partial").exists()


def test_a_log_that_can_only_be_read_is_not_exported(folder, database):
    """Never without a trace: the reason is told, and nothing is written."""
    with read_only(folder, database):
        done = audit(
            "export", folder / "feed.toml", "--format", "csv", "--out", folder / "out", "--purpose", "x"
        )
    assert done.exit_code == 2, done.output
    assert "this is told in the log itself, and the log cannot be written" in done.stderr
    assert "a user who may write" in done.stderr
    assert not (folder / "out").exists()
    assert not (folder / "out.partial").exists()


@contextlib.contextmanager
def read_only(folder, database):
    """Be somebody who may read the log and its key, and write nothing."""
    if database != SQLITE:
        engine = sqlalchemy.create_engine(database, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            name = connection.execute(sqlalchemy.text("SELECT current_database()")).scalar()
            connection.execute(
                sqlalchemy.text(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            )
        engine.dispose()
        yield
        return
    with opened(
        folder, write=True
    ) as log:  # a feed that runs: SQLite keeps files beside the database meanwhile
        log.head()
        for path in folder.glob("audit*.db*"):
            path.chmod(0o444)
        if os.geteuid() == 0:
            os.chown(folder / "audit.key", NOBODY, NOBODY)
        with nobody(folder):
            yield


def test_parquet_without_pyarrow(folder_on_sqlite):
    """The extra is named, and nothing is made or written."""
    script = (
        "import sys; sys.modules['pyarrow'] = None; from ticktrail.cli.program import program; program.main()"
    )
    done = subprocess.run(
        [
            sys.executable, "-c", script, "audit", "export", str(folder_on_sqlite / "feed.toml"), "--format", "parquet",
            "--out", str(folder_on_sqlite / "out"), "--purpose", "x",
        ],
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert "pip install 'ticktrail-compliance[parquet]'" in done.stderr
    assert len(told_in(folder_on_sqlite, acts.WriterOpened)) == 1
    assert not (folder_on_sqlite / "out.partial").exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--from", "2026-02-01", "--to", "2026-01-01"], "--from lies after --to"),
        (["--purpose", "  "], "--purpose is empty"),
        (["--purpose", "\udcff"], "--purpose is no UTF-8"),
        (["--instrument", "\udcff"], "--instrument is no UTF-8"),
        (["--to", 2**63], "years 1678 to 2261"),
        (["--class", "nonsense"], "--class"),
        (["--database", "sqlite:///x.db"], "name the log by its FEED.toml"),
    ],
)
def test_wrong_use(folder_on_sqlite, options, says):
    """Status 2 with the option that is wrong; nothing is made."""
    folder = folder_on_sqlite
    done = audit(
        "export", folder / "feed.toml", "--format", "csv", "--out", folder / "out", "--purpose", "x", *options
    )
    assert done.exit_code == 2
    assert says in done.stderr
    assert not (folder / "out.partial").exists()
