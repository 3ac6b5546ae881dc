"""A pack by its command: where it is refused, what it leaves, and what its program says of it."""

import contextlib
import io
import json
import os
import shutil
import subprocess

import msgspec
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.events import FeedStarted, FeedStopped, LegUp
from ticktrail_compliance.acts import AccessRefused, EvidencePacked
from ticktrail_compliance.export import verify_export
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.recording.journal import Gathered
from ticktrail_compliance.store.appender import Appender
from unit.compliance.export.exporting import DAY_NS, audit, batch, log_of
from unit.compliance.logs import SQLITE, opened

BEGUN_NS = 1_740_000_000 * 10**9
FROM_NS, TO_NS = BEGUN_NS - DAY_NS, BEGUN_NS + 2 * DAY_NS + 10


def days(*, flagged=False):
    """Three days that are past; on each an event, and a batch of each of two instruments."""
    for day in range(3):
        at_ns = BEGUN_NS + day * DAY_NS
        yield LegUp(at_ns=at_ns, provider="leg", reconnects=day)
        for number, (instrument, leg) in enumerate((("BTC/USDT", "leg"), ("ETH/USDT", "other")), 1):
            found = batch(at_ns + number, instrument, leg, 10 * day)
            yield found if flagged else msgspec.structs.replace(found, flagged=())


@pytest.fixture
def folder(tmp_path, database):
    log_of(tmp_path, list(days()), database=database, segment_ticks=4)
    return tmp_path


@pytest.fixture
def small(tmp_path):
    """The same, where the database does not matter."""
    log_of(tmp_path, list(days()), segment_ticks=4)
    return tmp_path


def pack(folder, *more, out="pack", from_ns=FROM_NS, to_ns=TO_NS, status=0):
    done = CliRunner().invoke(
        program,
        ["report", "compliance", str(folder / "feed.toml"), "--from", str(from_ns), "--to", str(to_ns), "--out",
         str(folder / out), *more],
    )  # fmt: skip
    assert done.exit_code == status, done.output
    return done


def summary(folder, out="pack"):
    return json.loads((folder / out / "summary.json").read_bytes())


def criteria(folder, out="pack"):
    return {one["id"]: (one["value"], one["outcome"]) for one in summary(folder, out)["criteria"]}


def checked(folder, *more):
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = verify_export.main([str(folder), "--json", *more])
    return status, json.loads(said.getvalue())


def acts(folder, database=SQLITE):
    with opened(folder, database=database) as log:
        return [one for _, one in read_records(log, Range()) if isinstance(one, EvidencePacked)]


def test_a_pack_is_told_of_in_the_log_and_proven_by_the_log_s_key(folder, database):
    """Who made it and what for; the key of the log finds it sound, and another one does not."""
    told = json.loads(pack(folder, "--json", "--purpose", "Case 17").stdout)
    (act,) = acts(folder, database)
    assert (act.purpose, act.manifest_sha256) == ("Case 17", told["manifest_sha256"])
    assert (act.from_ns, act.to_ns, act.checkpoint_size) == (FROM_NS, TO_NS, told["checkpoint_size"])
    assert "for: Case 17" in (folder / "pack/made.txt").read_text()
    key = audit("key", folder / "feed.toml").stdout.strip()
    assert checked(folder / "pack", "--verifier-key", key)[0] == 0
    assert not (folder / "pack.partial").exists()


def test_its_program_needs_nothing_but_cryptography(small, bare_python):
    """The bare interpreter says that it is sound, in words."""
    pack(small)
    done = subprocess.run(
        [bare_python, small / "pack/verify.py"], capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "Evidence pack of" in done.stdout
    assert "SOUND: nothing in this pack was changed" in done.stdout


def test_it_is_this_user_s_alone(small):
    """Plain content: no folder and no file of it is anybody else's."""
    pack(small)
    for path in [small / "pack", *(small / "pack").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"to_ns": 2**62}, "is not past for two minutes yet"),
        ({"from_ns": 0, "to_ns": 10**18}, "no entry tells of the time"),
        ({"out": "missing/pack"}, "there is no folder"),
    ],
)
def test_what_cannot_be_packed_is_refused_with_the_remedy(small, more, message):
    """Status 2, no folder, and no entry that says that there is a pack."""
    assert message in pack(small, **more, status=2).output
    assert acts(small) == []
    assert not (small / "pack").exists()


def test_what_is_there_is_not_written_over(small):
    """Neither a pack nor what is of somebody else."""
    pack(small)
    assert "is there already: name a new folder" in pack(small, status=2).output
    (small / "other.partial").mkdir(mode=0o700)
    (small / "other.partial/mine.txt").write_text("x")
    assert "holds what is not of a pack (mine.txt)" in pack(small, out="other", status=2).output


def test_what_was_interrupted_is_begun_anew(small):
    """Half a pack is taken away, and the same command makes a whole one."""
    pack(small, out="whole")
    half = small / "pack.partial/pack"
    half.mkdir(parents=True, mode=0o700)
    os.chmod(small / "pack.partial", 0o700)  # noqa: PTH101
    shutil.copytree(small / "whole/records", half / "records")
    (small / "pack.partial/state.json").write_text("{}")
    pack(small)
    assert checked(small / "pack")[0] == 0
    assert (small / "pack/manifest.json").read_bytes() == (small / "whole/manifest.json").read_bytes()


def test_without_a_checkpoint_nothing_is_packed(small):
    """A period whose last entry no stored checkpoint covers, as a crash leaves it: two packs of it could differ."""
    last = LegUp(at_ns=BEGUN_NS + 2 * DAY_NS + 5, provider="leg", reconnects=9)
    with opened(small, write=True) as log:
        Appender(log, lambda: last.at_ns).append(
            [Gathered("control", (last,), 0, last.at_ns, last.at_ns).draft()]
        )
    assert "no checkpoint covers entry" in pack(small, status=2).output
    assert acts(small) == []
    pack(small, to_ns=BEGUN_NS + 2 * DAY_NS + 4)


def test_records_of_another_period_are_refused(small):
    """A pack into which somebody put another export of the same log, signed by the same key."""
    pack(small)
    pack(small, out="other", to_ns=BEGUN_NS + DAY_NS)
    shutil.rmtree(small / "pack/records")
    shutil.copytree(small / "other/records", small / "pack/records")
    status, told = checked(small / "pack")
    assert status == 1
    assert any("another log or other times" in one["fault"] for one in told["findings"])


def test_what_is_put_in_or_taken_away_is_named(small):
    """A file, a folder, a link; a file and the whole of the records."""
    pack(small)
    (small / "pack/more").mkdir()
    (small / "pack/records/more.csv").write_text("x")
    (small / "pack/index.html").unlink()
    (small / "pack/index.html").symlink_to(small / "feed.toml")
    status, told = checked(small / "pack")
    assert status == 1
    assert {"more", "records/more.csv", "index.html"} <= {one["file"] for one in told["findings"]}
    shutil.rmtree(small / "pack/records")
    status, told = checked(small / "pack")
    assert (status, told["sound"]) == (1, False)


def test_a_feed_that_journals_nothing_proves_nothing_of_its_ticks(tmp_path):
    """Not recorded, and not met: nobody can tell that no made-up tick was delivered."""
    started = FeedStarted(at_ns=BEGUN_NS, feed="x", profile="", ticktrail="", settings_sha256="", plan="")
    stopped = FeedStopped(
        at_ns=BEGUN_NS + DAY_NS,
        cause="",
        received={},
        delivered={"trades": 6},
        rejected={},
        suppressed={},
        undecodable=0,
    )
    log_of(tmp_path, [started, *list(days())[1:3], stopped], journal="none")
    pack(tmp_path)
    found = criteria(tmp_path)
    assert (found["synthetic"], found["invalid"]) == ((None, "not_recorded"), (None, "not_recorded"))
    assert found["clock"] == (None, "not_recorded")
    assert found["uptime"] == (100.0, "met")


def test_made_up_ticks_are_counted_wherever_they_stand(tmp_path):
    """One among others of the same segment is a miss, and its entry is named."""
    records = list(days())
    batch = records[4]
    made_up = [msgspec.structs.replace(tick, synthetic=True) for tick in batch.delivered]
    records[4] = msgspec.structs.replace(batch, delivered=made_up)
    log_of(tmp_path, records, segment_ticks=4)
    pack(tmp_path, status=1)
    (found,) = [one for one in summary(tmp_path)["criteria"] if one["id"] == "synthetic"]
    assert (found["value"], found["outcome"]) == (len(made_up), "missed")
    assert len(found["entries"]["named"]) == 1


def test_a_period_that_cuts_a_segment_counts_its_own_ticks(tmp_path):
    """Record by record, at both ends."""
    log_of(tmp_path, list(days()), segment_ticks=1_000, segment_s=60)
    pack(tmp_path, from_ns=BEGUN_NS + 2, to_ns=BEGUN_NS + DAY_NS + 1)
    (quality,) = [one for one in summary(tmp_path)["sections"] if one["id"] == "quality"]
    figures = {one["id"]: one["value"] for one in quality["figures"]}
    assert (figures["delivered"], figures["rejected"], figures["suppressed"]) == (4, 2, 2)


def test_what_a_rule_objected_to_and_let_go_on_is_a_miss(tmp_path):
    """Half of what was delivered here: status 1, and the pack is made."""
    log_of(tmp_path, list(days(flagged=True)), segment_ticks=4)
    pack(tmp_path, status=1)
    assert criteria(tmp_path)["invalid"] == (50.0, "missed")
    assert checked(tmp_path / "pack")[0] == 0


def test_who_may_not_is_refused_and_told_of(small):
    """Under a policy with roles, which its test names nobody of this machine in."""
    policy = '[compliance]\nfirm = "F"\n[compliance.access.officer]\nusers = ["nobody"]\n'
    (small / "policy.toml").write_text(policy)
    feed = small / "feed.toml"
    feed.write_text(feed.read_text() + 'policy = "policy.toml"\n')
    done = CliRunner().invoke(
        program, ["compliance", "policy", "adopt", str(feed), "--one-person-may-destroy"]
    )
    assert done.exit_code == 0, done.output
    assert "evidence" in pack(small, status=2).output
    assert not (small / "pack").exists()
    with opened(small) as log:
        refused = [one for _, one in read_records(log, Range()) if isinstance(one, AccessRefused)]
    assert [one.action for one in refused] == ["evidence"]
