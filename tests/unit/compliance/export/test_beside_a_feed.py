"""An export while a feed writes, and how much memory a large one takes."""

import json
import subprocess
import sys

import anyio
import pytest

from ticktrail.plugin import Routed
from ticktrail.testing import make_trade
from ticktrail_compliance.acts import TailSealed
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.recording.observer import open_audit
from ticktrail_compliance.store.appender import Appender
from unit.compliance.export.exporting import FEED, check, exported, log_of, three_days
from unit.compliance.export.test_exporting import key_of
from unit.compliance.logs import NOW_NS, context, opened, routed, settings, verified


def test_a_feed_goes_on_meanwhile(tmp_path, database):
    """Neither disturbs the other: both write to one log, and it is sound."""
    (tmp_path / "feed.toml").write_text(FEED.format(database=database, more=""))
    told = []

    async def feed():
        async with open_audit(settings(database=database), context(tmp_path)) as observer:
            await observer.observe([routed(1), routed(2)])
            told.append(await anyio.to_thread.run_sync(exported, tmp_path))
            await observer.observe([routed(3), routed(4)])

    anyio.run(feed)
    manifest, _ = check(tmp_path / "out", key_of(tmp_path))
    assert manifest["last_seq"] == told[0]["last_seq"] == 3
    assert verified(tmp_path, database=database).sound


def test_what_a_crash_left_is_not_signed_by_an_export(tmp_path, database):
    """The feed's next start has to tell which entries no checkpoint covered."""
    log_of(tmp_path, three_days(), database=database)
    with opened(tmp_path, write=True, database=database) as log:
        act = TailSealed(at_ns=NOW_NS, first_seq=1, last_seq=1)
        Appender(log, lambda: NOW_NS).append([gathered_act("control", act).draft()])
        before = log.head().checkpoint_size
    exported(tmp_path)
    with opened(tmp_path, database=database) as log:
        assert log.head().checkpoint_size == before
    assert verified(tmp_path, database=database).sound


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="what a process took at most is read from /proc")
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_memory_is_flat(tmp_path, form):
    """Ten times the rows take no more than some megabytes more."""
    peaks = []
    for batches in (200, 2_000):
        folder = tmp_path / str(batches)
        records = [
            Routed(
                provider="leg",
                recv_ns=NOW_NS + number,
                delivered=[make_trade("61837.63", id=100 * number + n) for n in range(100)],
            )
            for number in range(batches)
        ]
        log_of(folder, records, segment_ticks=1_000)
        peaks.append(peak_of(folder, form))
        assert json.loads((folder / "out" / "manifest.json").read_text())["rows"] == 100 * batches + 2
    assert peaks[1] - peaks[0] < 16_000


def peak_of(folder, form):
    """What an export of everything takes in memory at most, in kB, in a process of its own.

    Linux says it of the program itself; `ru_maxrss` begins with what the process that started it took.
    """
    script = (
        "import pathlib, sys\n"
        "from ticktrail.cli.program import program\n"
        "program.main(sys.argv[1:], standalone_mode=False)\n"
        "status = pathlib.Path('/proc/self/status').read_text()\n"
        "sys.stderr.write(status.partition('VmHWM:')[2].split()[0])\n"
    )
    done = subprocess.run(
        [
            sys.executable, "-c", script, "audit", "export", str(folder / "feed.toml"), "--format", form, "--out",
            str(folder / "out"), "--purpose", "Case 17", "--json",
        ],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return int(done.stderr.splitlines()[-1])
