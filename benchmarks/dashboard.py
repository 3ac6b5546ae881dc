"""Measure what a dashboard costs a feed: python benchmarks/dashboard.py [--seconds N] [--rounds N] [--json].

A feed of made-up ticks, 10,000 a second, runs without a dashboard, with one that nobody looks at, and with one that
20 pages look at, which another process reads. Each figure is the feed's own processor time for a second's ticks, in per
cent of one core. The three run in turn, round after round, and the median of the last one less the first must be within
5: a machine's own ups and downs are as large as what is measured. One that is busy with other things delivers fewer
ticks, and so overstates what pages cost.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import anyio

RATE = 10_000
PAGES = 20
LIMIT_PCT = 5.0
WARM_UP_S = 4.0
FEED = """
[feed]
name = "bench"
profile = "development"
instruments = [{instruments}]
channels = ["trades", "quotes"]
[providers.made]
plugin = "synthetic"
rate = {rate}
[clock]
servers = []
chrony = "off"
[[sinks]]
plugin = "jsonl"
path = "/dev/null"
"""
FEEDS = (("without", False, 0), ("unwatched", True, 0), ("watched", True, PAGES))
"""By name, whether there is a dashboard, and how many pages look at it."""
DASHBOARD = '[dashboard]\naddress = "127.0.0.1:0"\n'


async def look(port, pages):
    """Read as many streams as pages, until they end; nothing is done with what they bring."""

    async def one():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while await reader.read(1 << 20):
            pass
        writer.close()

    await asyncio.gather(*(one() for _ in range(pages)))


async def run_feed(path, seconds):
    """Run a feed; say where it is served, then the processor time and the ticks delivered of a while."""
    from ticktrail._engine.runner import Runner
    from ticktrail._plan.compose import compose
    from ticktrail.events import FeedStarted, Notice

    started = anyio.Event()

    def listen(record):
        if type(record) is FeedStarted:
            started.set()
        elif type(record) is Notice and record.name == "served":
            print(record.text, flush=True)

    runner = Runner(compose(Path(path)), listener=listen)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        await started.wait()
        await anyio.sleep(WARM_UP_S)
        cpu_s, ticks = time.process_time(), runner.tally.delivered_ticks
        await anyio.sleep(seconds)
        cpu_s, ticks = time.process_time() - cpu_s, runner.tally.delivered_ticks - ticks
        runner.stop()
    print(json.dumps({"cpu_s": cpu_s, "ticks": ticks}), flush=True)


def measure(instruments, *, dashboard, pages, seconds):
    """Return the share of one core that the feed takes at its rate, in per cent, and the rate that there was."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed.toml"
        names = ", ".join(f'"I{number:04}/USDT"' for number in range(instruments))
        path.write_text(FEED.format(instruments=names, rate=RATE) + DASHBOARD * dashboard)
        command = [sys.executable, __file__, "--feed", str(path), "--seconds", str(seconds)]
        readers = None
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as feed:
            if dashboard:
                port = feed.stdout.readline().strip("/\n").rpartition(":")[2]
                if pages:
                    readers = subprocess.Popen([sys.executable, __file__, "--look", port])
            told = json.loads(feed.stdout.readline())
        if readers is not None:
            readers.wait(10)
        return 100 * told["cpu_s"] / told["ticks"] * RATE, told["ticks"] / seconds


def measure_round(instruments, seconds):
    """Return the share and the rate of each feed, one after the other: what a machine does meanwhile hits all alike."""
    return {
        name: measure(instruments, dashboard=dashboard, pages=pages, seconds=seconds)
        for name, dashboard, pages in FEEDS
    }


def main():
    """Measure, print, and fail where the limit is not held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--feed", help=argparse.SUPPRESS)
    parser.add_argument("--look", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        asyncio.run(look(options.look, PAGES))
        return 0
    if options.feed:
        anyio.run(run_feed, options.feed, options.seconds, backend="trio")
        return 0
    rows = []
    for instruments in (200, 2_000):
        rounds = [measure_round(instruments, options.seconds) for _ in range(options.rounds)]
        shares = {name: round(median(one[name][0] for one in rounds), 2) for name, *_ in FEEDS}
        rates = [round(rate) for one in rounds for _, rate in one.values()]
        differences = sorted(round(one["watched"][0] - one["without"][0], 2) for one in rounds)
        more = median(differences)
        rows.append(
            {
                "instruments": instruments,
                **shares,
                "more": more,
                "differences": differences,
                "kept": more <= LIMIT_PCT,
            }
        )
        if not options.json:
            print(
                f"{instruments:5,} instruments, {RATE:,} ticks a second, {options.rounds} rounds: "
                f"{shares['without']:.1f} % of a core without, {shares['unwatched']:.1f} % unwatched, "
                f"{shares['watched']:.1f} % with {PAGES} pages; more by {more:+.1f} (limit {LIMIT_PCT:g}; from "
                f"{differences[0]:+.1f} to {differences[-1]:+.1f}; there were {min(rates):,} ticks a second at least)"
            )
    if options.json:
        print(json.dumps(rows))
    return 0 if all(row["kept"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
