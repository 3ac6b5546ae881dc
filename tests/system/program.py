"""Run the program as its users do: the console script, in processes of its own."""

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

PROGRAM = [sys.executable, "-m", "ticktrail"]
LIMIT_S = 120


def run(*arguments, status=0, cwd=None, env=None, limit_s=LIMIT_S):
    """Run a command to its end; gives stdout and stderr."""
    done = subprocess.run(
        [*PROGRAM, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )
    assert done.returncode == status, f"status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


@contextmanager
def running(*arguments, **more):
    """Keep a command running; it is interrupted at the end, as by Ctrl-C."""
    with subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(LIMIT_S)
            process.stdout.read()
            process.stderr.read()


@contextmanager
def venue(*arguments):
    """A loopback Binance in a process of its own; gives its addresses."""
    with running("venue", "binance", "--json", *arguments) as process:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        yield json.loads(line)


def write_feed(
    folder: Path,
    addresses,
    *,
    more="",
    provider="",
    validation="max_age_s = false\nmax_clock_offset_ms = false\n",
):
    """A feed at the venue, into a file and a log; gives its path."""
    path = folder / "feed.toml"
    path.write_text(
        f"""\
[feed]
name = "system"
instruments = ["BTC/USDT"]
channels = ["trades", "quotes"]

[providers.binance]
ws_url = "{addresses["ws_url"]}"
rest_url = "{addresses["rest_url"]}"
{provider}

[validation]
{validation}
[clock]
servers = []

[[sinks]]
plugin = "jsonl"
path = "ticks.jsonl"

[compliance]
key = {{ file = "audit.key" }}
{more}
"""
    )
    return path
