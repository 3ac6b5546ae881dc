"""Kill -9 under load, at random moments: what was sealed is sound each time, and what is lost is within the window."""

import os
import random
import subprocess
import sys
import time
from threading import Thread

import pytest

from unit.compliance.logs import SQLITE, opened, postgres, verified

SEGMENT_TICKS = 400
SEGMENT_S = 0.4
TICKS_A_BATCH = 2

WRITER = f"""
import sys, time
import anyio
from pathlib import Path
from ticktrail.plugin import SystemClock
from unit.compliance.logs import context, open_audit, routed, settings, up

async def main():
    more = {{"database": sys.argv[2], "segment_ticks": {SEGMENT_TICKS}, "segment_s": {SEGMENT_S}, "checkpoint_s": 0.3,
            "anchors": ("anchor.txt",)}}
    start = int(sys.argv[3])
    async with open_audit(settings(**more), context(Path(sys.argv[1]), SystemClock())) as observer:
        print("open", flush=True)
        for number in range(start, start + 1_000_000):
            await observer.observe([routed(number)] if number % 50 else [routed(number), up(number)])
            print(number - start + 1, time.monotonic_ns(), flush=True)
            if number % 4 == 0:
                await anyio.sleep(0.002)

anyio.run(main)
"""


def killed(folder, database, start, after_s):
    """Run a writer until it is killed; gives the batches that it had observed then, and a window before."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-c", WRITER, str(folder), database, str(start)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as victim:
        assert victim.stdout.readline() == "open\n"
        lines = []
        reader = Thread(target=lambda: lines.extend(victim.stdout))  # a full pipe would stop the writer
        reader.start()
        time.sleep(after_s)
        at_ns = time.monotonic_ns()
        victim.kill()
        reader.join()
    seen = [tuple(map(int, line.split())) for line in lines if line.endswith("\n")]
    observed = seen[-1][0] if seen else 0
    due = max((count for count, when in seen if when <= at_ns - SEGMENT_S * 1e9), default=0)
    return observed, due


def kill_again_and_again(folder, database, times):
    """Each time: sound, nothing sealed is gone, and what is lost is the open segment and younger than the window."""
    chance = random.Random(7)
    sealed = total = 0
    for run in range(times):
        observed, due = killed(folder, database, total, chance.uniform(0.0, 1.2))
        found = verified(folder, database=database)
        assert found.sound, (run, found.findings)
        kept = (found.ticks - sealed) // TICKS_A_BATCH
        sealed = found.ticks
        total += observed
        assert kept >= due, (run, kept, due, observed)
        assert (observed - kept) * TICKS_A_BATCH <= SEGMENT_TICKS, (run, kept, observed)
    with opened(folder, database=database) as log:
        head = log.head()
        assert head.writers == times
        assert head.checkpoints > times  # of each run, and what the next one found uncovered
    return sealed


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_killed_writer_loses_no_more_than_its_window(tmp_path, kind):
    """A few times in the gate."""
    _kill(tmp_path, kind, 4)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_hundred_kills(tmp_path, kind):
    """As often as a year of bad luck."""
    assert _kill(tmp_path, kind, 200) > 200 * SEGMENT_TICKS


def _kill(folder, kind, times):
    if kind == "sqlite":
        return kill_again_and_again(folder, SQLITE, times)
    with postgres() as database:
        return kill_again_and_again(folder, database, times)
