"""The key that wraps all others is lost: what can be checked still, and what cannot (docs/how-to/keep-the-keys.md)."""

import subprocess
import sys
from hashlib import sha256

import pytest
from sqlalchemy import select

from ticktrail_compliance.proof.checkpoint import checkpoint_of
from ticktrail_compliance.proof.merkle import Frontier, leaf_hash
from ticktrail_compliance.proof.note import Note, Verifier
from ticktrail_compliance.store import schema
from unit.compliance.export.exporting import audit, exported, leaf_data, log_of, three_days
from unit.compliance.logs import fetch


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
