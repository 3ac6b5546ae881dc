"""The key that wraps all others is lost: what can be checked still, and what cannot (docs/how-to/keep-the-keys.md)."""

import json
import subprocess
import sys
from hashlib import sha256

import pytest
from sqlalchemy import func, select

from ticktrail_compliance.proof.checkpoint import checkpoint_of
from ticktrail_compliance.proof.merkle import Frontier, leaf_hash
from ticktrail_compliance.proof.note import Note, Verifier
from ticktrail_compliance.store import schema
from unit.compliance.export.exporting import audit, exported, leaf_data, log_of, three_days
from unit.compliance.logs import change, fetch, remove


@pytest.fixture
def lost(tmp_path):
    """A log with an anchor, whose verifier key was printed, and of which a proof and an export were made."""
    log_of(tmp_path, three_days(), more='anchors = ["anchor.txt"]', segment_ticks=4, anchors=["anchor.txt"])
    feed = tmp_path / "feed.toml"
    (tmp_path / "log.key").write_text(audit("key", feed).stdout)
    assert audit("prove", feed, 4, "--out", tmp_path / "entry.tlog-proof").exit_code == 0
    exported(tmp_path, "--keys-out", tmp_path / "keys.json")
    (tmp_path / "audit.key").unlink()
    return tmp_path


@pytest.mark.parametrize(
    "command", [["verify"], ["verify", "--quick"], ["show"], ["checkpoint"], ["prove", "1"], ["key"]]
)
def test_what_opens_the_log_needs_the_key(lost, command):
    """Verification too: the log's secret, which authenticates its end, is wrapped by that key."""
    done = audit(command[0], lost / "feed.toml", *command[1:])
    assert done.exit_code == 2
    assert "there is no audit key" in done.stderr


def test_a_proof_that_was_made_before(lost):
    """By the verifier key that was printed before."""
    done = audit("check-proof", lost / "entry.tlog-proof", "--verifier-key-file", lost / "log.key")
    assert done.exit_code == 0, done.output


def test_an_export_that_was_made_before(lost):
    """By its own verifier, contents included where its data keys were kept."""
    command = [sys.executable, lost / "out/verify.py", lost / "out", "--verifier-key-file", lost / "log.key"]
    done = subprocess.run(
        [*command, "--data-keys", lost / "keys.json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "SOUND" in done.stdout


def test_checkpoints_and_the_entries_under_them(lost):
    """Every note of the anchor is signed by that key; the columns that stand in the open lead to its root."""
    verifier = Verifier.parse((lost / "log.key").read_text().strip())
    notes = [row.note for row in fetch(lost, select(schema.checkpoints.c.note))]
    assert notes
    assert "".join(notes) == (lost / "anchor.txt").read_text()
    for note in notes:
        found = checkpoint_of(Note.parse(note.encode()), [verifier], verifier.name)
        tree = Frontier()
        rows = fetch(lost, select(schema.entries).where(schema.entries.c.seq <= found.size))
        for row in rows:
            told = dict(row._mapping)
            unmeasured = dict.fromkeys(("clock_offset_ns", "clock_bound_ns"), -(2**63))
            told |= {name: value for name, value in unmeasured.items() if told[name] is None}
            told |= {name: told[name].hex() for name in ("previous", "summary_sha256", "body_sha256")}
            leaf = leaf_data(bytes.fromhex(verifier.name.removeprefix("ticktrail/").replace("-", "")), told)
            assert sha256(row.body).digest() == row.body_sha256
            tree.append(leaf_hash(leaf))
        assert tree.root() == found.root


def test_all_that_stands_in_the_open_is_verified_by_the_verifier_key(lost):
    """No key of the log is looked for, nor its key store; and nothing is written."""
    (lost / "audit-keys.db").unlink()
    before = (lost / "audit.db").read_bytes()
    done = audit("verify", lost / "feed.toml", "--verifier-key-file", lost / "log.key")
    assert done.exit_code == 0, done.output
    (entries,) = fetch(lost, select(func.count()).select_from(schema.entries))[0]
    assert f"proven: entries 1 to {entries}, by a signed checkpoint" in done.stdout
    assert f"ciphertexts: {entries} entries as sealed" in done.stdout
    assert (lost / "audit.db").read_bytes() == before
    assert not (lost / "audit.key").exists()


def without_keys(lost, *options, status=1):
    command = ["--database", f"sqlite:///{lost}/audit.db", "--verifier-key-file", lost / "log.key"]
    done = audit("verify", *command, "--anchor", lost / "anchor.txt", "--json", *options)
    assert done.exit_code == status, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("column", ["ticks", "previous", "digest", "summary", "body"])
def test_what_was_changed_is_named_without_a_key(lost, column):
    """A header, a hash, a ciphertext: the entry is named."""
    was = fetch(lost, select(schema.entries.c[column]).where(schema.entries.c.seq == 5))[0][0]
    value = was + 1 if isinstance(was, int) else bytes([was[0] ^ 1]) + was[1:]
    change(lost, schema.entries, {column: value}, schema.entries.c.seq == 5)
    found = without_keys(lost)
    assert any(finding["seq"] in {5, 6} and "entry 5" in finding["what"] for finding in found["findings"])


def test_a_tail_that_is_gone_is_found_without_a_key(lost):
    """By the anchor, and by the checkpoints of the log, though the head was set back with it."""
    last = fetch(lost, select(func.max(schema.entries.c.seq)))[0][0]
    remove(lost, schema.entries, schema.entries.c.seq == last)
    found = without_keys(lost)
    assert any("the tail was cut off" in finding["what"] for finding in found["findings"])
    assert found["proven"] < last


def test_ciphertexts_are_not_looked_at_where_that_is_asked_for(lost):
    """`--quick`."""
    change(lost, schema.entries, {"body": b"other"}, schema.entries.c.seq == 5)
    assert without_keys(lost, "--quick", status=0)["sealed"] == 0


def test_entries_after_the_last_checkpoint_are_told(lost):
    """They follow in the chain; that they are all, only the log's secret tells."""
    size = fetch(lost, select(func.max(schema.checkpoints.c.size)))[0][0]
    remove(lost, schema.checkpoints, schema.checkpoints.c.size == size)
    (lost / "anchor.txt").unlink()
    done = audit(
        "verify", "--database", f"sqlite:///{lost}/audit.db", "--verifier-key-file", lost / "log.key"
    )
    assert done.exit_code == 1, "the head counts one checkpoint more"
    assert "after the last checkpoint" in done.stdout


def test_the_verifier_key_of_another_log_is_refused(lost, tmp_path_factory):
    """With both names and the remedy."""
    other = tmp_path_factory.mktemp("other")
    log_of(other, three_days())
    (lost / "other.key").write_text(audit("key", other / "feed.toml").stdout)
    done = audit("verify", lost / "feed.toml", "--verifier-key-file", lost / "other.key")
    assert done.exit_code == 2
    assert "give the key that `ticktrail audit key` printed for this log" in done.stderr


@pytest.mark.parametrize("more", [["--full"], ["--resume", "mark"]])
def test_contents_cannot_be_asked_for_without_a_key(lost, more):
    """Wrong use, told as such."""
    done = audit("verify", lost / "feed.toml", "--verifier-key-file", lost / "log.key", *more)
    assert done.exit_code == 2
    assert "no content is opened" in done.stderr
