"""Code that keeps the event loop from turning is found and named, whose ever it is; a loop that waits never is."""

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time

import anyio
import pytest

from ticktrail._engine.runner import Runner
from ticktrail._plan import compose
from ticktrail.events import FeedStopped, LoopBlocked
from ticktrail.feed import open_feed
from unit.host.installed import install

pytestmark = pytest.mark.anyio

SLOW = """
import re
import signal
import subprocess
import time
from contextlib import asynccontextmanager

import anyio

from ticktrail.model import Trade
from ticktrail.plugin import (
    Capabilities, Settings, hookimpl, observer_spec, provider_spec, sink_spec, validator_spec
)
from ticktrail.testing import make_trade

TICKTRAIL_API = 1
SLEPT = set()


def nap(here, where, again=False):
    if here == where and (again or here not in SLEPT):
        SLEPT.add(here)
        if where == "hold":
            sum(range(HOLDS))  # holds the interpreter all the while
        else:
            time.sleep(SLEEP_S)


class Given(Settings, frozen=True):
    blocks: str = ""
    ticks: int = 50
    every_s: float = 0.001


class Provider:
    def __init__(self, settings, context):
        self.settings, self.context = settings, context

    def decode(self, payloads, recv_ns):
        nap("decode", self.settings.blocks)
        return [make_trade(id=int(one), provider=self.context.name, recv_ns=recv_ns) for one in payloads]

    def wants(self, payload):
        return True

    async def run(self, intake, *, task_status):
        task_status.started()
        clock = self.context.clock
        for number in range(1, self.settings.ticks + 1):
            await intake.frames([b"%d" % number], recv_ns=clock.now_ns(), mono_ns=clock.mono_ns())
            await anyio.sleep(self.settings.every_s)
            if number == 20:
                nap("run", self.settings.blocks)
                nap("hold", self.settings.blocks)
            if self.settings.blocks == "again" and number % 10 == 0:
                nap("again", self.settings.blocks, again=True)


class Sink:
    async def write(self, ticks):
        nap("write", self.blocks)


class Observer:
    async def observe(self, records):
        nap("observe", self.blocks)

    def summary(self):
        return {}


class RuleSettings(Settings, frozen=True):
    slow_rule: str = ""


class Rule:
    def __init__(self, settings, context):
        self.blocks = settings.slow_rule

    def check(self, tick, now_ns):
        nap("check", self.blocks)
        return None


@asynccontextmanager
async def open_sink(settings, context):
    sink = Sink()
    sink.blocks = settings.blocks
    yield sink
    nap("close", settings.blocks)


@asynccontextmanager
async def open_observer(settings, context):
    observer = Observer()
    observer.blocks = settings.blocks
    yield observer


@hookimpl
def ticktrail_providers():
    can = Capabilities(channels=frozenset({"trades"}))
    return [provider_spec(name="slow", summary="", settings=Given, open=Provider, describe=lambda s, r: can)]


@hookimpl
def ticktrail_sinks():
    return [sink_spec(name="slowly", summary="", settings=Given, open=open_sink)]


@hookimpl
def ticktrail_observers():
    return [observer_spec(name="slow", summary="", settings=Given, open=open_observer, report_key="slow")]


@hookimpl
def ticktrail_validators():
    return [validator_spec(name="slow", summary="", settings=RuleSettings, open=Rule, ticks=(Trade,))]
"""

FEED = """\
[feed]
name = "slow"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
blocked_after_s = {after_s}
[plugins]
allow = ["slow-feeds"]
[clock]
servers = []
[providers.slow]
{provider}
[validation]
max_age_s = false
{rule}
[[sinks]]
plugin = "slowly"
{sink}
[slow]
{observer}
"""


@pytest.fixture
def feed(tmp_path, monkeypatch):
    """Gives the path of a feed file whose plugin blocks where the test says, as long as it says."""
    site = tmp_path / "site"
    site.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(site))

    def write(*, sleep_s=0.8, holds=60_000_000, after_s=0.3, provider="", rule="", sink="", observer=""):
        if not (site / "slow_feeds_module.py").exists():
            install(
                site, "slow-feeds", "slow", SLOW.replace("SLEEP_S", str(sleep_s)).replace("HOLDS", str(holds))
            )
        path = tmp_path / "slow.toml"
        path.write_text(
            FEED.format(after_s=after_s, provider=provider, rule=rule, sink=sink, observer=observer)
        )
        return path

    yield write
    for name in set(sys.modules) - before:
        if name.endswith("_module"):
            del sys.modules[name]


async def told(path, **more):
    """Run a feed to its end; returns its blocks, with all that was on the bus."""
    heard = []
    runner = Runner(compose(path), listener=heard.append, **more)
    with anyio.fail_after(30):
        await runner.run()
    assert "ticktrail-watchdog" not in [thread.name for thread in threading.enumerate()]
    return [one for one in heard if isinstance(one, LoopBlocked)], heard, runner


@pytest.mark.parametrize(
    ("blocks", "where"),
    [
        ({"provider": 'blocks = "run"'}, "run"),
        ({"provider": 'blocks = "decode"'}, "decode"),
        ({"sink": 'blocks = "write"'}, "write"),
        ({"sink": 'blocks = "close"'}, "close"),
        ({"rule": 'slow_rule = "check"'}, "check"),
        ({"observer": 'blocks = "observe"'}, "observe"),
    ],
    ids=str,
)
async def test_whoever_blocks_the_loop_is_named(feed, caplog, blocks, where):
    """Plugin, distribution, file, line and function, for how long: on the bus once it is over, in the log at once."""
    caplog.set_level(logging.WARNING, "ticktrail.watchdog")
    (blocked,), heard, runner = await told(feed(**blocks))
    assert (blocked.plugin, blocked.distribution, blocked.blocks) == ("slow", "slow-feeds", 1)
    assert re.fullmatch(r"slow_feeds_module\.py:\d+ nap", blocked.where)
    assert 0.6 < blocked.for_s < 3
    assert any(
        re.search(rf"slow_feeds_module\.py:\d+ (\w+\.|open_)?{where}|open_sink", line)
        for line in blocked.stack
    )
    assert isinstance(heard[-1], FeedStopped), "the block is told before the last event of a run"
    (line,) = [record.getMessage() for record in caplog.records if record.name == "ticktrail.watchdog"]
    assert "plugin slow (slow-feeds) is at slow_feeds_module.py" in line
    assert any("plugin slow (slow-feeds) kept everything else" in text for text in runner.report().warnings)


async def test_code_that_holds_the_interpreter_is_named_too(feed):
    """No other thread runs meanwhile, so that it is found at its end."""
    (blocked, *_), _, _ = await told(feed(provider='blocks = "hold"'))
    assert (blocked.plugin, blocked.distribution) == ("slow", "slow-feeds")
    assert blocked.for_s > 0.3


async def test_a_feed_that_waits_or_works_is_none(feed):
    """A loop with nothing to do, and one that gives way all the time, are no blocks."""
    for provider in ("ticks = 3\nevery_s = 0.5", "ticks = 3000\nevery_s = 0.0"):
        blocks, _, _ = await told(feed(after_s=0.2, provider=provider))
        assert blocks == []


async def test_what_blocks_again_is_told_together(feed, caplog):
    """One event for the first, and one for all that follow in a minute or until the end; one line, with the remedy."""
    caplog.set_level(logging.WARNING, "ticktrail.watchdog")
    (first, rest), _, _ = await told(feed(sleep_s=0.5, provider='blocks = "again"'))
    assert (first.blocks, rest.blocks) == (1, 4)
    assert first.where == rest.where
    (line,) = [record.getMessage() for record in caplog.records if record.name == "ticktrail.watchdog"]
    assert "anyio.to_thread.run_sync" in line


async def test_nobody_looks_where_it_is_off(feed):
    """No thread, no event."""
    blocks, _, _ = await told(feed(after_s=0, provider='blocks = "run"'))
    assert blocks == []


async def test_the_program_around_a_feed_is_named(feed, caplog):
    """Who embeds a feed and sleeps in its loop is told so."""
    caplog.set_level(logging.WARNING, "ticktrail.watchdog")
    with anyio.fail_after(30):
        async with open_feed(feed()) as running:
            async for tick in running:
                if tick.id == 20:
                    time.sleep(0.8)  # noqa: ASYNC251 - the point
    (line,) = [record.getMessage() for record in caplog.records if record.name == "ticktrail.watchdog"]
    assert "the program around the feed is at" in line
    assert "test_the_program_around_a_feed_is_named" in line


def test_ctrl_c_ends_a_feed_that_is_blocked_and_watched(feed, tmp_path):
    """The signal is taken as soon as the code gives way; the person was told who it was."""
    path = feed(sleep_s=0.5, provider='blocks = "again"\nticks = 1000000')
    program = subprocess.Popen(
        [sys.executable, "-m", "ticktrail", "run", str(path)],
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site")},
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for line in program.stderr:
            if "kept everything else in the feed waiting" in line:
                break
        program.send_signal(signal.SIGINT)
        _, said = program.communicate(timeout=30)
    finally:
        program.kill()
    assert program.returncode == 0, said
    assert "plugin slow (slow-feeds)" in line
