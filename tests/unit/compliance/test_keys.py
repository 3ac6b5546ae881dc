"""A log's keys: exchanged and destroyed by command, interrupted anywhere, and what can still be read then."""

import json
import shutil
import sqlite3
from collections import Counter

import anyio
import pytest
import sqlalchemy
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.errors import AuditError, ConfigError
from ticktrail.plugin import Secret
from ticktrail.testing import ManualClock
from ticktrail_compliance.acts import KeysDestroyed, KeysRewrapped
from ticktrail_compliance.keeping import console
from ticktrail_compliance.naming import Named
from ticktrail_compliance.proof.bundle import Proof
from ticktrail_compliance.proving import prove
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.appender import Appender
from ticktrail_compliance.store.keystore import KeyStore
from ticktrail_compliance.vault.local import LocalKey
from ticktrail_compliance.verify.anchored import AnchorFile
from ticktrail_compliance.verify.whole import verify
from unit.compliance.logs import change, fetch, opened, routed, sample, settings, up, verified, write

DAY_S = 86_400
NEW = Secret(file="new.key")


@pytest.fixture
def log(tmp_path, database):
    anyio.run(lambda: sample(tmp_path, database=database))
    return tmp_path


def run(*arguments, status=0, answer=None):
    done = CliRunner().invoke(program, ["audit", "keys", *map(str, arguments)], input=answer)
    assert done.exit_code == status, done.output
    return done


def by_url(folder, database, key="audit.key"):
    url = f"sqlite:///{folder / 'audit.db'}" if database.startswith("sqlite") else database
    return ["--database", url, "--key", f"file:{folder / key}"]


def told(folder, database, kind, key=NEW):
    with opened(folder, database=database, key=key) as audit:
        return [record for _, record in read_records(audit, Range()) if isinstance(record, kind)]


def test_another_key_wraps_them_all(log, database):
    """Nothing is sealed anew: the old key opens nothing any more, the new one everything, and proofs stay."""
    with opened(log, database=database) as audit:
        before, signer = list(audit.digests(0, 7)), str(audit.signer().verifier)
    done = run("rotate", *by_url(log, database), "--to", f"file:{log / 'new.key'}")
    assert "name it in the feed file" in done.output
    with pytest.raises(ConfigError, match=r"is not the one that .* were wrapped with: it was wrapped by key"):
        opened(log, database=database)
    found = verified(log, database=database, key=NEW)
    assert (found.sound, found.ticks) == (True, 11)
    with opened(log, database=database, key=NEW) as audit:
        assert list(audit.digests(0, 7)) == before
        assert str(audit.signer().verifier) == signer
    (act,) = told(log, database, KeysRewrapped)
    assert (act.keys, act.from_kek == act.to_kek) == (4, False)  # three classes, and the log's own secret
    anyio.run(lambda: sample(log, database=database, key=NEW))
    assert verified(log, database=database, key=NEW).sound


STEPS = ["before", "in the middle", "after the keys", "after all"]


@pytest.mark.parametrize("step", STEPS)
def test_an_exchange_that_is_killed_goes_on(log, database, step, monkeypatch):
    """At each step: the old key opens everything or the new one does, and the same command ends what was begun."""

    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    with monkeypatch.context() as patched:
        if step == "before":
            patched.setattr(KeyStore, "rewrap", die)
        elif step == "in the middle":
            wrap, calls = KeyStore._context, []

            def third(self, *arguments):
                calls.append(arguments)
                return die() if len(calls) == 5 else wrap(self, *arguments)

            patched.setattr(KeyStore, "_context", third)
        elif step == "after the keys":
            patched.setattr(Appender, "append", die)
        else:
            patched.setattr(Appender, "checkpoint", die)
        with pytest.raises(Killed):
            CliRunner().invoke(
                program,
                ["audit", "keys", "rotate", *by_url(log, database), "--to", f"file:{log / 'new.key'}"],
                catch_exceptions=False,
            )
    key = Secret(file="audit.key") if step in STEPS[:2] else NEW
    assert verified(log, database=database, key=key).sound
    run("rotate", *by_url(log, database), "--to", f"file:{log / 'new.key'}")
    assert verified(log, database=database, key=NEW).sound
    assert len(told(log, database, KeysRewrapped)) == 1


def test_the_old_key_is_not_left_in_the_key_store(tmp_path):
    """What it wrapped stands nowhere in the store's files any more."""
    anyio.run(sample, tmp_path)
    old = [row.wrapped for row in fetch(tmp_path, schema.keys.select(), keys=True)]
    run("rotate", *by_url(tmp_path, "sqlite"), "--to", f"file:{tmp_path / 'new.key'}")
    content = b"".join(path.read_bytes() for path in tmp_path.glob("audit-keys.db*"))
    assert all(wrapped not in content for wrapped in old)


def test_a_feed_that_runs_meanwhile_takes_no_key_that_nobody_could_unwrap(log, database):
    """It goes on under those it has; when it needs another one, it says what to do."""
    with opened(log, database=database, write=True) as audit:
        audit.keys.new("control", "2026-01", 9)
        run("rotate", *by_url(log, database), "--to", f"file:{log / 'new.key'}")
        with pytest.raises(AuditError, match=r"was exchanged while this process ran; name the new one"):
            audit.keys.new("control", "2026-02", 9)


def test_a_key_that_is_neither(log, database):
    """Not the log's, and not the new one: told, and nothing changes."""
    shutil.copy(log / "audit.key", log / "kept.key")
    run("rotate", *by_url(log, database), "--to", f"file:{log / 'other.key'}")
    done = run("rotate", *by_url(log, database, "kept.key"), "--to", f"file:{log / 'third.key'}", status=2)
    assert "is not the one" in done.output
    assert verified(log, database=database, key=Secret(file="other.key")).sound


async def _months(folder, **more):
    clock = ManualClock()
    for month in range(3):
        await write(folder, [up(month), routed(month)], clock=clock, anchors=("anchor.txt",), **more)
        clock.step(31 * DAY_S)


@pytest.fixture
def months(tmp_path, database):
    """Three months, of 2023-11 to 2024-01, with the data keys apart, and a backup of the database."""
    more = {"database": database, "keys": "sqlite:///keys.db"}
    anyio.run(lambda: _months(tmp_path, **more))
    return tmp_path, more


def test_a_month_is_destroyed_alone(months):
    """Older and newer months prove and decrypt; that one proves, and cannot be read, from a backup either."""
    folder, more = months
    rows = fetch(folder, schema.entries.select(), database=more["database"])
    with sqlite3.connect(folder / "keys.db") as keys:
        wrapped = [row[0] for row in keys.execute("SELECT wrapped FROM audit_keys WHERE month = '2023-12'")]
    named = Named(settings(**more), folder)
    console.destroy(named, "journal", "2023-12", "retention", confirmed=True, as_json=False)
    found = _verified(folder, more)
    assert (found.sound, found.destroyed, found.checkpoints) == (True, 1, 3)
    assert (found.segments, found.ticks) == (2, 4)
    with opened(folder, **more) as audit:
        (gone,) = [seq for seq in range(1, 10) if audit.row(seq).entry_class == "journal" and 4 <= seq <= 6]
        for seq in range(1, audit.count() + 1):
            proof = Proof.parse(str(prove(audit, seq, [])).encode())
            assert proof.verify(
                audit.row(seq).digest, [audit.signer().verifier], audit.signer().verifier.name
            )
            if seq == gone:
                with pytest.raises(AuditError, match="was destroyed"):
                    list(read_records(audit, Range(seq, seq)))
            else:
                assert list(read_records(audit, Range(seq, seq)))
        (act,) = [record for _, record in read_records(audit, Range(7)) if isinstance(record, KeysDestroyed)]
        assert (act.month, act.entry_class, act.entries, act.purpose) == (
            "2023-12",
            "journal",
            1,
            "retention",
        )
    content = b"".join(path.read_bytes() for path in folder.glob("keys.db*"))
    assert wrapped
    assert sum(one in content for one in wrapped) == len(wrapped) - 1
    # the database as it was before, put back: its ciphertext is there, and no key for it
    old = {row.seq: row for row in rows}
    assert old[gone].body is not None
    with opened(folder, **more) as audit:
        assert audit.keys.find(old[gone].key_id) is None


def _verified(folder, more):
    with opened(folder, **more) as audit:
        return verify(audit, anchors=[AnchorFile(folder / "anchor.txt", own=True)])


def test_keys_that_are_destroyed_without_a_word_are_found(months):
    """By whoever reaches the key store: a finding, with the keys by number."""
    folder, more = months
    with opened(folder, write=True, **more) as audit:
        gone = [state.key_id for state in audit.keys.states() if state.month == "2023-12"]
        assert audit.keys.destroy(gone) == len(gone) > 0
    found = _verified(folder, more)
    assert not found.sound
    said = " ".join(finding.what for finding in found.findings)
    assert all(f"data key {key_id}" in said for key_id in gone)
    assert "and no entry of the log tells by whom and why" in said


def test_a_month_that_is_not_over_is_kept(log, database):
    """Feeds still seal under its keys."""
    done = run(
        "destroy", *by_url(log, database), "--class", "journal", "--month", "2999-01", "--purpose", "x", "--yes",
        status=2,
    )  # fmt: skip
    assert "is not over" in done.output


def test_what_is_asked_before_keys_are_destroyed(log, database):
    """How many entries; anything but yes changes nothing."""
    options = [*by_url(log, database), "--class", "journal", "--month", "2023-11", "--purpose", "x"]
    done = run("destroy", *options, answer="n\n", status=130)
    assert "3 journal entries of 2023-11 can be read in this log by nobody any more" in done.output
    assert verified(log, database=database).destroyed == 0
    done = run("destroy", *options, answer="y\n")
    assert "keys of earlier exports (--keys-out) open what they were made for still" in done.output
    found = verified(log, database=database)
    assert (found.sound, found.destroyed) == (True, 3)
    done = run("destroy", *options, answer="y\n", status=2)
    assert "there are no journal keys of 2023-11 that could be destroyed" in done.output


def test_a_key_store_that_is_named_apart(tmp_path):
    """By --keys beside --database; without it, the one beside the log is looked for."""
    anyio.run(lambda: sample(tmp_path, keys="sqlite:///elsewhere.db"))
    elsewhere = ["--keys", f"sqlite:///{tmp_path / 'elsewhere.db'}"]
    told = json.loads(run("list", *by_url(tmp_path, "sqlite"), *elsewhere, "--json").stdout)
    assert len(told["keys"]) == 3
    assert "there is no key store" in run("list", *by_url(tmp_path, "sqlite"), status=2).output
    assert "or by both" in run("list", tmp_path / "feed.toml", *elsewhere, status=2).output


def test_keys_are_listed(log, database):
    """By month and class, with what they sealed, and never a key."""
    told = json.loads(run("list", *by_url(log, database), "--json").stdout)
    assert [(one["entry_class"], one["whole"], one["entries"]) for one in told["keys"]] == [
        ("access", 1, 1),
        ("control", 1, 3),
        ("journal", 1, 3),
    ]
    assert "2023-11  journal    1 whole; 3 entries" in run("list", *by_url(log, database)).stdout


@pytest.fixture
def asked(monkeypatch):
    """How often a provider was asked about each wrapped key: a service takes its time over every one."""
    counts = Counter()
    unwrap = LocalKey.unwrap

    def counted(self, wrapped, context):
        counts[context] += 1
        return unwrap(self, wrapped, context)

    monkeypatch.setattr(LocalKey, "unwrap", counted)
    return counts


def test_a_provider_is_asked_once_about_each_key(log, database, asked):
    """By the list, by a verification, for an export, and by a process that is told what another was."""
    named = Named(settings(database=database), log)
    console.list_keys(named, as_json=False)
    assert sorted(asked.values()) == [1, 1, 1, 1]  # three classes, and the log's own secret
    asked.clear()
    with opened(log, database=database) as audit:
        assert verify(audit).sound
        ids = [state.key_id for state in audit.keys.states()]
        assert len(audit.keys.exported(ids)) == 3
        assert sorted(asked.values()) == [1, 1, 1, 1]
        with opened(log, database=database) as other:
            other.keys.learn(audit.keys.answers())
            asked.clear()
            assert verify(other).sound
    assert not asked


@pytest.mark.parametrize("kek", [None, "elsewhere"])
def test_a_provider_is_asked_once_about_a_key_that_is_not_whole(log, database, asked, kek):
    """Damaged or foreign, however many entries it sealed; a row that is changed meanwhile is asked about anew."""
    journal, more = schema.keys.c.entry_class == "journal", {"database": database}
    (row,) = fetch(log, sqlalchemy.select(schema.keys).where(journal), keys=True, **more)
    change(log, schema.keys, {"wrapped": bytes(60), "kek": kek or row.kek}, journal, **more)
    with opened(log, **more) as audit:
        assert not verify(audit).sound
        assert sorted(asked.values()) == [1, 1, 1, 1]
        change(log, schema.keys, {"wrapped": row.wrapped, "kek": row.kek}, journal, **more)
        assert verify(audit).sound
