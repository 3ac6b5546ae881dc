"""Keys that are swapped, lost or wrong, and what may stand in the open."""

import base64
import logging
import os

import pytest
import sqlalchemy

from ticktrail.errors import AuditError, ConfigError
from ticktrail.testing import ManualClock
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.store import appender, schema
from unit.compliance.adversarial.attacks import act, leave_spool
from unit.compliance.logs import settings, up

TABLE = schema.keys
WORDS = (b"BTC/USDT", b"61837.63", b"too_big", b"standby", b"cut by the server")
"""Long enough that no ciphertext holds one by chance, in base64 either."""


def _keys(log):
    """The number of the key of each class."""
    rows = log.fetch(sqlalchemy.select(TABLE.c.entry_class, TABLE.c.key_id), keys=True)
    return dict(rows)


def _reads(log, entry_class):
    with log.opened() as opened:
        return list(read_records(opened, Range(classes=frozenset({entry_class}))))


@pytest.mark.parametrize("how", ["swapped", "deleted", "emptied", "of another writer", "junk"])
def test_10_a_data_key_that_is_not_its_own_is_named_and_the_rest_still_reads(log, how):
    """Segments cannot be read, and are named; events under the other keys are sound."""
    keys = _keys(log)
    where = TABLE.c.key_id == keys["journal"]
    if how == "deleted":
        log.remove(TABLE, where)
    else:
        other = log.row(TABLE, TABLE.c.key_id == keys["access"])
        values = {
            "swapped": {"wrapped": other["wrapped"]},
            "emptied": {"wrapped": None},
            "of another writer": {"writer": 2},
            "junk": {"wrapped": b"\0"},
        }
        log.change(TABLE, values[how], where)
    outcome = log.verified()
    assert {finding.seq for finding in outcome.findings} >= {3, 4, 6}
    assert f"data key {keys['journal']}" in outcome.findings[-1].what + outcome.findings[0].what
    assert (outcome.events, outcome.segments) == (4, 0)
    with pytest.raises(AuditError, match="data key"):
        _reads(log, "journal")
    assert len(_reads(log, "control")) == 3


def test_10_two_data_keys_swapped_are_both_named(log):
    """Each is bound to its number, class, month and writer."""
    keys = _keys(log)
    one, two = (log.row(TABLE, TABLE.c.key_id == keys[name]) for name in ("journal", "control"))
    log.change(TABLE, {"wrapped": two["wrapped"]}, TABLE.c.key_id == one["key_id"])
    log.change(TABLE, {"wrapped": one["wrapped"]}, TABLE.c.key_id == two["key_id"])
    told = log.told()
    for row in (one, two):
        assert f"data key {row['key_id']} ({row['entry_class']} {row['month']}) was changed" in told
    assert len(_reads(log, "access")) == 1


@pytest.mark.parametrize("how", ["deleted", "swapped", "emptied"])
def test_10_without_the_logs_own_secret_nothing_opens(log, how):
    """Key 0 signs, authenticates and tells the right key from a wrong one."""
    other = log.row(TABLE, TABLE.c.key_id != 0, TABLE.c.entry_class == "journal")["wrapped"]
    if how == "deleted":
        log.remove(TABLE, TABLE.c.key_id == 0)
    else:
        log.change(TABLE, {"wrapped": other if how == "swapped" else None}, TABLE.c.key_id == 0)
    for write in (False, True):
        with pytest.raises(ConfigError, match=r"does not hold the secret|is not the one"):
            log.opened(write=write)


def _everything(log):
    """All that stands in the databases."""
    tables = (*schema.metadata.sorted_tables, *schema.key_metadata.sorted_tables)
    return {table.name: sorted(map(repr, log.fetch(table.select(), keys=table is TABLE))) for table in tables}


def test_11_a_wrong_key_is_told_and_writes_nothing(log):
    """With its name and the remedy; rows and, of SQLite, files stay as they are to the byte."""
    (log.folder / "audit.key").write_bytes(base64.b64encode(os.urandom(32)))
    files = {path: path.read_bytes() for path in log.folder.glob("*.db")}
    rows = _everything(log)
    for write in (False, True):
        with pytest.raises(
            ConfigError, match=r"is not the one that .* were wrapped with.*Name the right key"
        ):
            log.opened(write=write)
    with pytest.raises(ConfigError, match="nothing was written"):
        log.write([up(1)])
    assert _everything(log) == rows
    if log.is_sqlite:
        assert {path: path.read_bytes() for path in log.folder.glob("*.db")} == files


def test_22_no_secret_and_no_content_stands_in_the_open(log, caplog):
    """Not in a table, a file, a spool, a log line or a repr: neither keys nor prices, names and causes."""
    caplog.set_level(logging.DEBUG)
    warnings = []
    log.sample(warn=warnings.append)
    leave_spool(log)
    key = (log.folder / "audit.key").read_bytes().strip()
    with log.opened() as opened:
        rows = log.fetch(sqlalchemy.select(TABLE.c.key_id), keys=True)
        secrets = [*opened.keys.exported({number for (number,) in rows}).values()]
        secrets += [base64.b64decode(key), opened.keys.derived(b"ticktrail audit: sign checkpoints")]
        shown = [repr(opened), repr(opened.keys), repr(opened.keys.provider), repr(settings())]
        shown += [repr(opened.keys.find(number)) for (number,) in rows if number]
    assert len(secrets) == len(rows) + 2
    places = {str(path): path.read_bytes() for path in log.folder.rglob("*") if path.is_file()}
    del places[str(log.folder / "audit.key")]
    places["tables"] = repr(_everything(log)).encode()
    places["messages"] = "\n".join([*shown, *warnings, caplog.text]).encode()
    for name, content in places.items():
        for word in WORDS:
            assert word not in content, name
        for secret in (key, *secrets):
            forms = (secret, secret.hex().encode(), base64.b64encode(secret), repr(secret).encode())
            assert not any(form in content for form in forms), name


def test_22_a_database_that_fails_gives_no_password_and_no_row_away(log):
    """A message names the database without its password, and no parameter of the statement."""
    with log.opened(write=True) as opened:
        with pytest.raises(AuditError) as caught, opened.database.writing() as connection:
            connection.execute(TABLE.insert().values({**log.row(TABLE, TABLE.c.key_id == 0)}))
        told = str(caught.value) + str(caught.value.__cause__)
    assert "parameters hidden" in told
    with pytest.raises(ConfigError) as refused:
        log.opened(keys="postgresql+psycopg://me:geheim@127.0.0.1:1/x", write=True)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(("name", "most"), [("MOST_ENTRIES", 2), ("MOST_SEALED_BYTES", 300)])
def test_a_data_key_is_left_before_it_has_sealed_too_much(log, monkeypatch, name, most):
    """NIST SP 800-38D: a bound on entries and one on bytes; the next key goes on, and everything verifies."""
    monkeypatch.setattr(appender, name, most)
    with log.opened(write=True) as opened:
        writer = appender.Appender(opened, ManualClock().now_ns)
        entries = [entry for _ in range(3) for entry in writer.append([act(), act(), act()])]
    used = [entry.header.key_id for entry in entries]
    assert 3 <= len(set(used)) <= 6
    assert [entry.header.counter for entry in entries] == list(range(1, 10))
    if name == "MOST_ENTRIES":
        assert max(used.count(key) for key in used) == most
    assert log.verified().sound
