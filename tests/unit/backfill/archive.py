"""A plugin whose archive holds a hundred trades a second, and does what a test tells it; the rest is real."""

import sys
from contextlib import asynccontextmanager
from dataclasses import replace

import anyio

from ticktrail._backfill.plan import plan_backfill
from ticktrail._engine.runner import Runner
from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.plugin import Capabilities, HistoryPage, Settings, hookimpl, provider_spec
from ticktrail.testing import make_trade
from unit.engine import stage

TICKTRAIL_API = 1
S = 1_000_000_000
STEP_NS = S // 100
PAGE = 10


class Archive:
    """What the archive was asked, and what it does at which question; a question is counted from 1."""

    def __init__(self):
        self.asked = []
        self.at_question = {}
        self.opened = 0


ARCHIVE = Archive()


class Trades:
    """Trade N of an instrument happened at N hundredths of a second; pages of ten, cursors are ids."""

    def __init__(self, leg):
        self._leg = leg

    async def page(self, instrument, channel, *, start_ns, end_ns, cursor):
        await anyio.lowlevel.checkpoint()
        ARCHIVE.asked.append((instrument, channel, cursor))
        first = -(-start_ns // STEP_NS) if cursor is None else int(cursor)
        last = min(first + PAGE, -(-end_ns // STEP_NS))
        page = HistoryPage(
            ticks=[
                make_trade(
                    instrument=instrument,
                    provider=self._leg,
                    id=number,
                    event_ns=number * STEP_NS,
                    recv_ns=9 * S,
                    backfilled=True,
                )
                for number in range(first, last)
            ],
            through_ns=min(last * STEP_NS, end_ns),
            cursor=str(last) if last * STEP_NS < end_ns else None,
        )
        act = ARCHIVE.at_question.get(len(ARCHIVE.asked))
        return page if act is None else act(page)


@asynccontextmanager
async def _history(settings, context, tell):
    ARCHIVE.opened += 1
    yield Trades(context.name)


class Empty(Settings, frozen=True):
    pass


class NeverRun:
    def __init__(self, settings, context):
        pass


def _describe(settings, registry):
    return Capabilities(
        channels=frozenset({"trades", "quotes"}), consecutive_trade_ids=True, history=frozenset({"trades"})
    )


def _describe_live_only(settings, registry):
    return replace(_describe(settings, registry), history=frozenset())


@hookimpl
def ticktrail_providers():
    return [
        provider_spec(
            name="old", summary="x", settings=Empty, open=NeverRun, describe=_describe, history=_history
        ),
        provider_spec(name="new", summary="x", settings=Empty, open=NeverRun, describe=_describe_live_only),
    ]


HEAD = """\
[feed]
name = "past"
profile = "development"
instruments = ["BTC/USDT", "ETH/USDT"]
channels = ["trades", "quotes"]
[clock]
servers = []
[backoff]
first_s = 0.001
cap_s = 0.002
"""
ONE_SINK = """\
[providers.old]
[[sinks]]
plugin = "collecting"
[watching]
"""
TWO_SINKS = """\
[providers.old]
[[sinks]]
plugin = "collecting"
name = "one"
key = "one"
[[sinks]]
plugin = "collecting"
name = "two"
key = "two"
"""


def composed(folder, text=ONE_SINK):
    """Compose a feed out of the text; gives the plan."""
    path = folder / "feed.toml"
    path.write_text(HEAD + text)
    return compose(path, Host.load(plugins={"old": sys.modules[__name__], "stage": stage}))


def backfill(folder, text=ONE_SINK, *, start_ns=0, end_ns=S // 4, **more):
    """Plan a backfill of a quarter of a second, 25 trades an instrument."""
    return plan_backfill(composed(folder, text), start_ns=start_ns, end_ns=end_ns, **more)


async def run(job, **more):
    """Run it to its end, with a limit that no run comes near."""
    with anyio.fail_after(30):
        return await Runner(job.plan, **more).run()
