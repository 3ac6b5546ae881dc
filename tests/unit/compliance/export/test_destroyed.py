"""What a log can be read for once keys of it were destroyed: exports are sound, and the rest is shown."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail_compliance.naming import find_named
from ticktrail_compliance.store import schema
from unit.compliance.export.exporting import audit, check, exported, log_of, three_days
from unit.compliance.logs import change, opened

COUNTED = "entries whose contents were destroyed, and that may have held rows"


@pytest.fixture
def folder(tmp_path, database):
    log_of(tmp_path, three_days(), database=database, segment_ticks=4)
    return tmp_path


def destroy(folder, entry_class):
    """Destroy every key of a class, by the command that people have for it."""
    with find_named(folder / "feed.toml", None, None).open() as log:
        months = {one.month for one in log.keys.states() if one.entry_class == entry_class}
    for month in months:
        options = ["--class", entry_class, "--month", month, "--purpose", "kept long enough", "--yes"]
        done = audit("keys", "destroy", folder / "feed.toml", *options)
        assert done.exit_code == 0, done.output


def verify(folder, *options):
    """Run the program in the export as its reader does."""
    key = audit("key", folder / "feed.toml").stdout.strip()
    return subprocess.run(
        [sys.executable, str(folder / "out" / "verify.py"), "--verifier-key", key, *map(str, options)],
        check=False, capture_output=True, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("asked", [[], ["--instrument", "BTC/USDT"], ["--class", "control"]])
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_an_export_of_what_was_destroyed_is_sound(folder, form, asked):
    """With keys and without: what is gone stands without content, and is counted as not checked."""
    destroy(folder, "journal")
    told = exported(folder, *asked, "--keys-out", folder / "keys.json", form=form)
    _, entries = check(folder / "out", audit("key", folder / "feed.toml").stdout.strip())
    gone = [one for one in entries if one["entry_class"] == "journal"]
    assert len(gone) == 6
    assert all(one["summary"] is None and one["body"] is None for one in gone)
    in_reach = 0 if "--class" in asked else 6
    assert told["destroyed"] == in_reach
    for options in ([], ["--data-keys", folder / "keys.json"]):
        done = verify(folder, *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "The contents of 6 entries were destroyed: they are proven by their hashes" in done.stdout
        outcome = json.loads(verify(folder, *options, "--json").stdout)
        assert outcome["sound"]
        assert outcome["not_checked"]["summaries that were destroyed"] == 6
        assert outcome["not_checked"].get(COUNTED, 0) == in_reach


def test_show_leaves_out_what_was_destroyed(folder):
    """And says how many entries; everything else is printed."""
    whole = audit("show", folder / "feed.toml", "--class", "control", "--class", "journal", "--json")
    destroy(folder, "journal")
    done = audit("show", folder / "feed.toml", "--class", "control", "--class", "journal", "--json")
    assert done.exit_code == 0, done.output
    kept = [line for line in whole.stdout.splitlines() if '"routed"' not in line]
    assert len(kept) == 3
    assert done.stdout.splitlines() == kept
    assert done.stderr.strip() == "6 entries were left out: their contents were destroyed"


def test_show_to_its_limit(folder):
    """What was passed over on the way is told."""
    destroy(folder, "control")
    done = audit("show", folder / "feed.toml", "--from", 2, "--limit", 1)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr.strip() == "1 entry was left out: its contents were destroyed"


@pytest.mark.parametrize("report", ["clock", "quality", "shadow"])
def test_reports_leave_out_what_was_destroyed(folder, report):
    """A report of the rest, and how much it is without."""
    destroy(folder, "control")
    done = CliRunner().invoke(program, ["report", report, str(folder / "feed.toml"), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)
    assert "3 entries were left out: their contents were destroyed" in done.stderr


def test_destroyed_by_the_key_store_alone(folder, database):
    """No entry tells of it: it is shown all the same, is a finding, and is in no export."""
    with opened(folder, write=True, database=database) as log:
        log.keys.destroy([one.key_id for one in log.keys.states() if one.entry_class == "journal"])
    done = audit("show", folder / "feed.toml", "--json")
    assert done.exit_code == 0, done.output
    assert "6 entries were left out" in done.stderr
    assert audit("verify", folder / "feed.toml").exit_code == 1
    options = ["--format", "csv", "--out", folder / "out", "--purpose", "x"]
    assert "cannot be read" in audit("export", folder / "feed.toml", *options).stderr


def test_a_key_that_is_damaged_stays_an_error(folder, database):
    """Nobody destroyed it."""
    where = schema.keys.c.entry_class == "journal"
    change(folder, schema.keys, {"wrapped": b"x" * 60}, where, database=database)
    done = audit("show", folder / "feed.toml")
    assert done.exit_code != 0
    assert "entry 3 of the audit log cannot be read" in done.stderr
