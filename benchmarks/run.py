"""Measure the main job against its floor: python benchmarks/run.py [--rounds N] [--json].

The floor receives and decodes the same frames and does nothing else. The ratio says what everything between socket and
sink, validation, routing, file and audit log together, costs on top.
"""

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import anyio

RECORDING = Path(__file__).parents[2] / "shared/recordings/binance_spot/hft_btcusdt_20240808-09.jsonl.gz"
TICKS = 93_078
FEED = """
[feed]
name = "bench"
instruments = ["BTC/USDT"]
channels = ["trades", "quotes"]
[providers.binance]
ws_url = "ws://127.0.0.1:{port}"
rest_url = "http://127.0.0.1:{port}"
[validation]
max_age_s = false
max_clock_offset_ms = false
[clock]
servers = []
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
[compliance]
key = {{ file = "audit.key" }}
"""


async def floor(port, most):
    """Receive and decode, nothing else."""
    from ticktrail.net import open_websocket
    from ticktrail.plugin import ProviderContext, SystemClock
    from ticktrail_binance.decoder import BinanceDecoder
    from ticktrail_binance.settings import BinanceSettings
    from ticktrail_binance.streams import streams_of

    context = ProviderContext(
        name="floor",
        instruments=("BTC/USDT",),
        channels=frozenset({"trades", "quotes"}),
        clock=SystemClock(),
        base_dir=Path(),
        registry=None,
    )
    settings = BinanceSettings()
    streams = streams_of(settings, context)
    decoder = BinanceDecoder(streams, "floor", settings)
    url = f"ws://127.0.0.1:{port}/stream?streams={'/'.join(streams)}"
    ticks = 0
    async with open_websocket(url, clock=context.clock) as socket:
        cpu_s, wall_s = time.process_time(), time.perf_counter()
        while ticks < most:
            received = await socket.receive()
            ticks += len(decoder.decode(received.payloads, received.recv_ns))
        return ticks, time.process_time() - cpu_s, time.perf_counter() - wall_s


async def whole(port, most):
    """The main job: validated, routed, written, sealed."""
    from ticktrail._engine.runner import Runner
    from ticktrail._plan import compose

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "feed.toml"
        path.write_text(FEED.format(port=port))
        began = []

        def note_the_first(record):
            if not began and type(record).__name__ == "LegUp":
                began.extend((time.process_time(), time.perf_counter()))

        runner = Runner(compose(path), max_ticks=most, listener=note_the_first)
        report = await runner.run()
        cpu_s, wall_s = time.process_time() - began[0], time.perf_counter() - began[1]
        ticks = sum(report.delivered.values())
        assert report.audit["ticks"] == report.sinks["jsonl"].written == ticks
        return ticks, cpu_s, wall_s


JOBS = {"floor": floor, "whole": whole}


@contextmanager
def venue(recording):
    command = [sys.executable, "-m", "ticktrail", "venue", "binance", "--recording", str(recording)]
    with subprocess.Popen(
        [*command, "--speed", "max", "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield json.loads(process.stdout.readline())["port"]
        finally:
            process.send_signal(signal.SIGINT)


def measure(job, recording, most):
    command = [sys.executable, __file__, "--ticks", str(most), "--child", job]
    with venue(recording) as port:
        done = subprocess.run([*command, str(port)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def child(job, port, most):
    """One measurement, on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    ticks, cpu_s, wall_s = anyio.run(JOBS[job], port, most, backend="trio")
    print(json.dumps({"ticks": ticks, "cpu_s": cpu_s, "wall_s": wall_s}))


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--recording", type=Path, default=RECORDING)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--ticks", type=int, default=TICKS, help="measure so many of the recording")
    options.add_argument("--json", action="store_true")
    options.add_argument("--child", nargs=2, metavar=("JOB", "PORT"), help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        child(chosen.child[0], int(chosen.child[1]), chosen.ticks)
        return
    if not chosen.recording.exists():
        sys.exit(f"there is no recording {chosen.recording}; name one with --recording")
    found = {job: [] for job in JOBS}
    for number in range(chosen.rounds):
        for job in sorted(JOBS, reverse=number % 2 == 1):
            found[job].append(measure(job, chosen.recording, chosen.ticks))
            print(f"round {number + 1} of {chosen.rounds}: {job}", file=sys.stderr)
    cost_us = {
        job: statistics.median(one["cpu_s"] / one["ticks"] * 1e6 for one in measured)
        for job, measured in found.items()
    }
    ratio = statistics.median(
        one["cpu_s"] / two["cpu_s"] for one, two in zip(found["whole"], found["floor"], strict=True)
    )
    told = {
        "ticks": chosen.ticks,
        "rounds": chosen.rounds,
        "floor_us_per_tick": round(cost_us["floor"], 2),
        "whole_us_per_tick": round(cost_us["whole"], 2),
        "ratio": round(ratio, 2),
        "ticks_per_s_on_one_core": round(1e6 / cost_us["whole"]),
    }
    if chosen.json:
        print(json.dumps(told))
        return
    print(f"floor (receive, decode)          {told['floor_us_per_tick']:6.2f} µs a tick")
    print(f"whole (to file and audit log)    {told['whole_us_per_tick']:6.2f} µs a tick")
    print(f"ratio                            {told['ratio']:6.2f}")
    print(f"throughput on one core           {told['ticks_per_s_on_one_core']:,} ticks/s")


if __name__ == "__main__":
    main()
