"""No leg is up: silence, or the last known values once, marked; and the hole is told afterwards in either case."""

import contextlib

import anyio
import anyio.lowlevel
import pytest

from ticktrail._engine.runner import Runner
from ticktrail.errors import TransientError
from ticktrail.model import Gap
from ticktrail.testing import make_quote, make_trade
from unit.engine.stage import HEAD, STAGE, feed, run

pytestmark = pytest.mark.anyio

LEG = """
[providers.{0}]
plugin = "scripted"
script = "{0}"
"""
SINKS = """
[[sinks]]
plugin = "collecting"
[[sinks]]
plugin = "collecting"
name = "other"
key = "other"
[watching]
"""
ONE = LEG.format("a") + SINKS
TWO = LEG.format("a") + LEG.format("b") + '[route]\nkind = "hybrid"\nprimary = "a"\nfallback = "b"\n' + SINKS
SERVE = '[cache]\ndegraded = "serve_stale"\n'


async def cut(session):
    """Trades and a quote, then the connection is lost; the next session has missed two trades."""
    session.up()
    if session.number == 1:
        await session.trades(1, 2)
        await session.ticks(make_quote(provider=session.name, update_id=7))
        raise TransientError("cut", provider=session.name)
    await session.trades(5)


def seen(name):
    """What a sink saw: kind, number, whether it is stale."""
    return [
        (tick.counted_as, getattr(tick, "id", getattr(tick, "update_id", None)), tick.stale)
        for tick in STAGE.sinks[name].ticks
    ]


async def test_the_last_known_values_are_served_once_and_the_hole_is_told(tmp_path):
    """To every sink, after the leg was lost; ids go on from where they were, and nothing comes when the source ends."""
    report = await run(feed(tmp_path, ONE + SERVE, a=cut))
    expected = [
        ("trades", 1, False),
        ("trades", 2, False),
        ("quotes", 7, False),
        ("trades", 2, True),
        ("quotes", 7, True),
        ("gaps", None, False),
        ("trades", 5, False),
    ]
    assert seen("main") == seen("other") == expected
    (gap,) = [tick for tick in STAGE.sinks["main"].ticks if isinstance(tick, Gap)]
    assert (gap.from_id, gap.to_id) == (3, 4)
    assert report.received == {"a": {"trades": 3, "quotes": 1}}
    assert report.delivered == {"trades": 4, "quotes": 2, "gaps": 1}
    assert report.derived_ticks == 2


@pytest.mark.parametrize("table", ["", "[cache]\n", '[cache]\ndegraded = "silence"\n'])
async def test_silence_is_the_default(tmp_path, table):
    """Nothing is delivered twice."""
    await run(feed(tmp_path, ONE + table, a=cut))
    assert not any(tick.stale for tick in STAGE.sinks["main"].ticks)
    assert STAGE.sinks["main"].ids == [1, 2, 5]


@pytest.mark.parametrize("table", ["", SERVE])
async def test_what_is_known_is_stale_until_it_is_renewed(tmp_path, table):
    """Whatever its age: the trade that came after the loss is fresh, the quote that did not come again is stale."""
    looks = []

    def look():
        now_ns = runner.clock.mono_ns()
        found = [runner.cache.get("BTC/USDT", channel, now_ns) for channel in ("trades", "quotes")]
        looks.append([(latest.tick.stale, latest.is_stale) for latest in found])

    async def watched(session):
        if session.number == 2:
            while not runner.cache.get(
                "BTC/USDT", "trades", 0
            ).is_stale:  # the route hears of the loss in its own time
                await anyio.lowlevel.checkpoint()
            look()
        with contextlib.suppress(TransientError):
            await cut(session)
        while STAGE.sinks["main"].ids[-1:] != [2 if session.number == 1 else 5]:
            await anyio.lowlevel.checkpoint()
        while runner.cache.get("BTC/USDT", "quotes", 0) is None:
            await anyio.lowlevel.checkpoint()
        look()
        if session.number == 1:
            raise TransientError("cut", provider=session.name)

    runner = Runner(
        feed(tmp_path, ONE + (table or "[cache]\n") + "ttl_s = 3600\n", a=watched), keep_latest=True
    )
    with anyio.fail_after(30):
        await runner.run()
    up, lost, back = looks
    assert up == [(False, False), (False, False)]
    assert lost == [(False, True), (False, True)]
    assert back == [(False, False), (False, True)]


async def test_a_leg_that_is_left_is_enough(tmp_path):
    """One of two is lost: nothing is stale."""
    done = anyio.Event()

    async def primary(session):
        session.up()
        if session.number > 1:
            await done.wait()
            return
        await session.trades(1, 2)
        raise TransientError("cut", provider=session.name)

    async def fallback(session):
        session.up()
        while "main" not in STAGE.sinks or 1 not in STAGE.sinks["main"].ids:
            await anyio.lowlevel.checkpoint()
        await session.ticks(*(make_trade(id=number, provider=session.name) for number in (1, 2, 3, 4)))
        while 4 not in STAGE.sinks["main"].ids:
            await anyio.lowlevel.checkpoint()
        done.set()

    await run(feed(tmp_path, TWO + SERVE, HEAD, a=primary, b=fallback))
    assert not any(tick.stale for tick in STAGE.sinks["main"].ticks)


async def test_a_run_without_the_table_keeps_nothing(tmp_path):
    """Nobody asks, nobody pays."""
    assert Runner(feed(tmp_path, ONE, a=cut)).cache is None
    assert Runner(feed(tmp_path, ONE + "[cache]\nttl_s = 3\n", a=cut)).cache.ttl_s == 3
    assert Runner(feed(tmp_path, ONE, a=cut), keep_latest=True).cache.ttl_s == 10
