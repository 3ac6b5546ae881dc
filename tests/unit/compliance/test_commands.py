"""`ticktrail audit`: what a person and a program are told, and the exit status."""

import json
import shutil
import stat

import anyio
import pytest
from click.testing import CliRunner
from sqlalchemy import select

from ticktrail.cli.program import program
from ticktrail_compliance.proof.bundle import Proof
from ticktrail_compliance.proof.checkpoint import checkpoint_of
from ticktrail_compliance.proof.merkle import leaf_hash
from ticktrail_compliance.proof.note import Note, Verifier
from ticktrail_compliance.store import schema
from unit.compliance.logs import ENTRIES, attack, fetch, sample

FEED = """\
[feed]
name = "x"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.synthetic]

[compliance]
key = { file = "audit.key" }
"""


@pytest.fixture
def folder(tmp_path):
    anyio.run(sample, tmp_path)
    (tmp_path / "feed.toml").write_text(FEED)
    return tmp_path


def run(*arguments):
    return CliRunner().invoke(program, ["audit", *map(str, arguments)])


def by_file(folder):
    return [folder / "feed.toml"]


def by_url(folder):
    return ["--database", f"sqlite:///{folder / 'audit.db'}", "--key", f"file:{folder / 'audit.key'}"]


@pytest.mark.parametrize("named", [by_file, by_url])
def test_a_sound_log(folder, named):
    """Status 0, counts and head, for people and machines."""
    done = run("verify", *named(folder))
    assert done.exit_code == 0, done.output
    assert "sound: 7 entries, 4 events, 11 ticks in 3 segments" in done.stdout
    told = json.loads(run("verify", *named(folder), "--json").stdout)
    assert told["sound"]
    assert told["head"] in done.stdout


def test_a_log_that_was_changed(folder):
    """Status 1, the first bad entry by number."""
    attack(folder, "DELETE FROM audit_entries WHERE seq = 3")
    done = run("verify", folder / "feed.toml")
    assert done.exit_code == 1
    assert "entry 3 is missing" in done.stderr
    told = json.loads(run("verify", folder / "feed.toml", "--json").stdout)
    assert told["findings"][0]["seq"] == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["verify"],
        ["verify", "--database", "sqlite:///x"],
        ["verify", "none.toml"],
        ["show", "--key", "file:x"],
    ],
)
def test_wrong_use(arguments):
    """Status 2, no traceback."""
    done = run(*arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("c2VjcmV0", "never stands on a command line"),
        ("env:c2VjcmV0==", "--key env: is no name of an environment variable"),
    ],
)
def test_a_key_itself_is_refused(folder, key, says):
    """A key never stands on a command line, nor in place of a variable's name."""
    done = run("verify", "--database", f"sqlite:///{folder / 'audit.db'}", "--key", key)
    assert done.exit_code == 2
    assert says in done.stderr
    assert "c2VjcmV0" not in done.output


def test_a_feed_without_a_log(tmp_path):
    """The missing table is named."""
    (tmp_path / "feed.toml").write_text(FEED.partition("[compliance]")[0])
    done = run("verify", tmp_path / "feed.toml")
    assert done.exit_code == 2
    assert "compliance" in done.stderr


def test_show(folder):
    """Each tick with what became of it; events with their fields."""
    text = run("show", folder / "feed.toml").stdout
    assert "leg_down: provider leg, cause cut" in text
    assert "rejected    trade id=3" in text
    assert "by too_big" in text
    assert "suppressed  trade id=0" in text
    assert "price=61837.63000000" in text


@pytest.mark.parametrize(
    ("options", "seqs"),
    [
        (["--event", "leg_up"], [2, 7]),
        (["--from", 5], [5, 6, 7]),
        (["--to", 1], [1]),
        (["--limit", 2], [1, 2]),
        (["--since", "2026-09-21T14:13:20.000000004Z"], None),
    ],
)
def test_show_a_range(folder, options, seqs):
    """By event, by number, by time, at most so many; one JSON object a record."""
    done = run("show", folder / "feed.toml", "--json", *options)
    assert done.exit_code == 0, done.output
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if seqs is not None:
        assert [row["seq"] for row in rows] == seqs
    assert all(row["record"]["event"] for row in rows)


def test_a_time_that_is_none(folder):
    """The form is told."""
    done = run("show", folder / "feed.toml", "--since", "yesterday")
    assert done.exit_code == 2
    assert "2026-11-23T14:30:00Z" in done.stderr


def verifier_of(folder):
    return Verifier.parse(run("key", *by_file(folder)).stdout.strip())


@pytest.mark.parametrize("named", [by_file, by_url])
def test_the_verifier_key(folder, named):
    """One line, which is the log's name and key; no secret in it."""
    done = run("key", *named(folder))
    assert done.exit_code == 0, done.output
    verifier = Verifier.parse(done.stdout.strip())
    told = json.loads(run("key", *named(folder), "--json").stdout)
    assert told == {"origin": verifier.name, "verifier_key": str(verifier)}


@pytest.mark.parametrize("named", [by_file, by_url])
def test_a_checkpoint(folder, named):
    """A signed note of all that is there, by itself on stdout."""
    done = run("checkpoint", *named(folder))
    assert done.exit_code == 0, done.output
    verifier = verifier_of(folder)
    found = checkpoint_of(Note.parse(done.stdout.encode()), [verifier], verifier.name)
    assert found.size == ENTRIES
    told = json.loads(run("checkpoint", *named(folder), "--json").stdout)
    assert (told["origin"], told["size"], told["note"]) == (verifier.name, ENTRIES, done.stdout)


def test_checkpoints_to_a_file(folder):
    """Appended one after the other; verify takes the file, and tells how many agree."""
    anchor = folder / "anchor.txt"
    for _ in range(2):
        done = run("checkpoint", *by_file(folder), "--to", anchor)
        assert done.exit_code == 0, done.output
    assert anchor.read_text() == 2 * done.stdout
    assert stat.S_IMODE(anchor.stat().st_mode) == 0o600
    done = run("verify", *by_file(folder), "--anchor", anchor)
    assert done.exit_code == 0, done.output
    assert "anchors: 2 checkpoints agree" in done.stdout
    assert json.loads(run("verify", *by_url(folder), "--anchor", anchor, "--json").stdout)["checkpoints"] == 2


@pytest.mark.parametrize("to", ["audit.db", "audit.key", ".", "nowhere/anchor.txt"])
def test_where_no_checkpoint_goes(folder, to):
    """The log's own files, a folder, a folder that is not there: status 2, nothing written."""
    before = (folder / "audit.db").read_bytes()
    done = run("checkpoint", *by_file(folder), "--to", folder / to)
    assert done.exit_code == 2
    assert "anchor" in done.stderr
    assert (folder / "audit.db").read_bytes() == before


def test_a_log_that_an_anchor_contradicts_is_not_signed(folder):
    """Neither by hand: a checkpoint would make good what was put back."""
    shutil.copy(folder / "audit.db", folder / "yesterday.db")
    anyio.run(sample, folder)
    anchor = folder / "anchor.txt"
    assert run("checkpoint", *by_file(folder), "--to", anchor).exit_code == 0
    shutil.copy(folder / "yesterday.db", folder / "audit.db")
    done = run("checkpoint", *by_file(folder), "--to", anchor)
    assert done.exit_code == 2
    assert "nothing is signed" in done.stderr
    done = run("verify", *by_file(folder), "--anchor", anchor)
    assert done.exit_code == 1
    assert "the tail was cut off: 7 entries are missing" in done.stderr


def test_a_log_whose_head_was_changed_is_not_signed(folder):
    """What verify would refuse, no checkpoint vouches for."""
    attack(folder, "UPDATE audit_head SET seq = 5")
    done = run("checkpoint", *by_file(folder))
    assert done.exit_code == 2
    assert "nothing is signed" in done.stderr


@pytest.mark.parametrize("seq", [1, 4, 7])
def test_a_proof(folder, seq):
    """Checked with the verifier key and the entry's digest alone; the same by URL, where the number comes last."""
    done = run("prove", *by_file(folder), seq)
    assert done.exit_code == 0, done.output
    ((digest,),) = fetch(folder, select(schema.entries.c.digest).where(schema.entries.c.seq == seq))
    verifier = verifier_of(folder)
    proof = Proof.parse(done.stdout.encode())
    assert proof.verify(digest, [verifier], verifier.name).size == ENTRIES
    assert proof.index == seq - 1
    assert leaf_hash(proof.extra) == digest
    assert run("prove", *by_url(folder), seq).stdout == done.stdout


def test_a_proof_into_a_file(folder):
    """A new one: what is there stays."""
    out = folder / "entry.tlog-proof"
    assert run("prove", *by_file(folder), 3, "--out", out).exit_code == 0
    assert out.read_text() == run("prove", *by_file(folder), 3).stdout
    done = run("prove", *by_file(folder), 4, "--out", out)
    assert done.exit_code == 2
    assert f"--out {out} cannot be made: File exists; name a new file" in done.stderr


@pytest.mark.parametrize("seq", [0, 8, "x", "-1", "1.5"])
def test_an_entry_that_is_not_there_has_no_proof(folder, seq):
    """Status 2, with what there is."""
    done = run("prove", *by_file(folder), "--", seq)
    assert done.exit_code == 2
    assert "entries are 1 to 7" in done.stderr or "SEQ is the number of an entry" in done.stderr


@pytest.mark.parametrize("column", ["body_sha256", "digest", "previous"])
def test_an_entry_that_was_changed_has_no_proof(folder, column):
    """What its digest does not fit is not given away as proven."""
    attack(folder, f"UPDATE audit_entries SET {column} = randomblob(32) WHERE seq = 3")
    done = run("prove", *by_file(folder), 3)
    assert done.exit_code == 3
    said = (
        "entry 3 of the audit log is not as it was sealed" if column == "body_sha256" else "does not follow"
    )
    assert said in done.stderr


def test_the_anchors_of_the_feed_file(folder):
    """Taken by themselves; brought once more, they count once."""
    feed = folder / "feed.toml"
    feed.write_text(FEED + 'anchors = ["anchor.txt"]\n')
    done = run("verify", feed)
    assert done.exit_code == 1
    assert f"anchor {folder / 'anchor.txt'} is missing" in done.stderr
    assert run("checkpoint", feed, "--to", folder / "anchor.txt").exit_code == 0
    for more in ([], ["--anchor", folder / "anchor.txt"]):
        told = json.loads(run("verify", feed, *more, "--json").stdout)
        assert (told["sound"], told["checkpoints"]) == (True, 1)
