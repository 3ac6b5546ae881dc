"""Run a feed for a long time against a venue that keeps going wrong: python benchmarks/soak.py [--seconds N].

Checks at the end: nothing repeated, nothing lost without a mark, the audit log verified, and memory that stopped
growing. Exit status 1 where one of them fails.
"""

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

FAULTS = """
[[fault]]
kind = "cut"
path = "/a"
every_messages = 50000
[[fault]]
kind = "garble"
path = "/a"
every_messages = 7000
[[fault]]
kind = "mute"
path = "/a"
every_messages = 90000
for_s = 3.0
[[fault]]
kind = "skip"
path = "/b"
every_messages = 11000
stream = "@trade"
"""
FEED = """
[feed]
name = "soak"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades", "quotes", "ticker"]
[providers.primary]
plugin = "binance"
ws_url = "ws://127.0.0.1:{port}/a"
rest_url = "http://127.0.0.1:{port}/a"
[providers.fallback]
plugin = "binance"
ws_url = "ws://127.0.0.1:{port}/b"
rest_url = "http://127.0.0.1:{port}/b"
[route]
kind = "hybrid"
primary = "primary"
fallback = "fallback"
stale_after_s = {{ trades = 1.0, quotes = 1.0 }}
failback_after_s = 5.0
[backoff]
first_s = 0.2
cap_s = 2.0
[clock]
servers = []
[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"
[compliance]
key = {{ file = "audit.key" }}
"""
PROGRAM = [sys.executable, "-m", "ticktrail"]
RATE = 5_000
SAMPLES = 40


@contextmanager
def venue(folder):
    script = folder / "faults.toml"
    script.write_text(FAULTS)
    command = [
        *PROGRAM,
        "venue",
        "binance",
        "--synthetic",
        "--rate",
        str(RATE),
        "--json",
        "--faults",
        str(script),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield json.loads(process.stdout.readline())["port"]
        finally:
            process.send_signal(signal.SIGINT)


def resident_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the process has no memory")


def lost_and_repeated(path):
    """Trades that are missing without a gap, and those that stand twice."""
    last, repeated = {}, 0
    missing, marked = set(), set()
    with path.open() as lines:
        for line in lines:
            tick = json.loads(line)
            key = tick["instrument"]
            if tick["type"] == "trade":
                before = last.get(key)
                if before is not None and tick["id"] <= before:
                    repeated += 1
                elif before is not None and tick["id"] > before + 1:
                    missing.update((key, number) for number in range(before + 1, tick["id"]))
                last[key] = tick["id"]
            elif tick["type"] == "gap" and tick["from_id"] is not None:
                marked.update((key, number) for number in range(tick["from_id"], tick["to_id"] + 1))
    return len(missing - marked), repeated


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--seconds", type=float, default=3_600.0)
    seconds = options.parse_args().seconds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        feed = folder / "feed.toml"
        with venue(folder) as port:
            feed.write_text(FEED.format(port=port))
            process = subprocess.Popen(
                [*PROGRAM, "run", str(feed), "--for", f"{seconds:g}s", "--json"], stdout=subprocess.PIPE
            )
            sizes = []
            for _ in range(SAMPLES):
                time.sleep(seconds / SAMPLES)
                if process.poll() is None:
                    sizes.append(resident_mb(process.pid))
                    print(f"{sizes[-1]:8.1f} MB", file=sys.stderr)
            out, _ = process.communicate()
        report = json.loads(out)
        lost, repeated = lost_and_repeated(folder / "ticks.jsonl")
        verified = subprocess.run([*PROGRAM, "audit", "verify", str(feed)], check=False).returncode == 0
    half, whole = sizes[len(sizes) // 2], sizes[-1]
    shown = ("received", "delivered", "rejected", "suppressed", "undecodable", "reconnects")
    print(json.dumps({key: report[key] for key in shown}))
    sound = "sound" if verified else "NOT SOUND"
    print(f"{len(report['switches'])} switches, {lost} lost without a mark, {repeated} repeated, log {sound}")
    print(f"memory at half time {half:.1f} MB, at the end {whole:.1f} MB")
    sys.exit(1 if lost or repeated or not verified or process.returncode or whole > half * 1.1 + 5 else 0)


if __name__ == "__main__":
    main()
