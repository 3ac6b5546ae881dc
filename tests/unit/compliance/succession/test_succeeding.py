"""`ticktrail audit succeed`: a new log names the one that it follows, by a checkpoint that is verified first."""

import json

import anyio
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from unit.compliance.logs import SQLITE, sample, settings, up, write

FEED = '[compliance]\nkey = {{ file = "audit.key" }}\ndatabase = "{database}"\nanchors = ["anchor.txt"]\n'


def audit(*arguments):
    return CliRunner().invoke(program, ["audit", *map(str, arguments)])


def log_in(folder, database=SQLITE):
    folder.mkdir()
    anyio.run(lambda: sample(folder, database=database, anchors=["anchor.txt"]))
    feed = folder / "feed.toml"
    feed.write_text(FEED.format(database=settings(database=database).database))
    (folder / "log.key").write_text(audit("key", feed).stdout)
    return folder


@pytest.fixture
def old(tmp_path):
    return log_in(tmp_path / "old")


@pytest.fixture
def new(tmp_path, database):
    return log_in(tmp_path / "new", database)


def succeed(new, old, *more, checkpoint="anchor.txt", key="log.key"):
    options = ["--checkpoint", old / checkpoint, "--verifier-key-file", old / key, "--reason", "disk lost"]
    return audit("succeed", new / "feed.toml", *options, *more)


def test_the_new_log_tells_of_the_last_checkpoint_of_the_old_one(new, old):
    """Its size and root, as they were signed; in an entry that no retention destroys, in a log that is sound."""
    done = succeed(new, old, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    last = (old / "anchor.txt").read_text().split("\n\n")[-2].splitlines()
    lines = (old / "anchor.txt").read_text().splitlines()
    sizes = [int(line) for line in lines if line.isdigit()]
    assert told["size"] == max(sizes)
    assert told["origin"] == last[0]
    shown = audit("show", new / "feed.toml", "--event", "predecessor_named", "--class", "retention", "--json")
    record = json.loads(shown.stdout)["record"]
    assert (record["reason"], record["size"], record["root"]) == ("disk lost", told["size"], told["root"])
    assert record["note"] in (old / "anchor.txt").read_text()
    assert record["verifier_key"] == (old / "log.key").read_text().strip()
    assert audit("verify", new / "feed.toml").exit_code == 0


def test_the_largest_checkpoint_counts_wherever_it_stands(new, old):
    """Also behind notes that are none of that log's, and before an older one that was added again."""
    anyio.run(lambda: write(old, [up(9)], anchors=["anchor.txt"]))
    notes = (old / "anchor.txt").read_text()
    first = notes[: notes.index("\n\n", notes.index("\n\n") + 2) + 1]
    other = (new / "anchor.txt").read_text()
    (old / "mixed.txt").write_text(other + notes + first)
    largest = max(int(line) for line in notes.splitlines() if line.isdigit())
    done = succeed(new, old, "--json", checkpoint="mixed.txt")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["size"] == largest


def test_what_is_no_checkpoint_of_that_log_is_refused(new, old):
    """Another log's, one that was changed, a file without any; and nothing is recorded."""
    notes = (old / "anchor.txt").read_text()
    size = next(line for line in notes.splitlines() if line.isdigit())
    (old / "other.txt").write_text((new / "anchor.txt").read_text())
    (old / "changed.txt").write_text(notes.replace(f"\n{size}\n", f"\n{int(size) + 900}\n"))
    (old / "empty.txt").write_text("")
    for name in ("other.txt", "changed.txt", "empty.txt"):
        done = succeed(new, old, checkpoint=name)
        assert done.exit_code == 2, (name, done.output)
        assert "holds no checkpoint that this verifier key signed" in done.stderr
    assert audit("show", new / "feed.toml", "--event", "predecessor_named").stdout == ""


def test_a_log_does_not_follow_itself(new):
    """Its own anchor is refused."""
    done = succeed(new, new)
    assert done.exit_code == 2
    assert "of this log itself" in done.stderr
