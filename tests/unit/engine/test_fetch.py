"""Asking an archive for the latest value: only where nothing fresh is known, once for all, and of a leg that has it."""

from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import msgspec
import pytest

from ticktrail._engine.cache import LatestCache
from ticktrail._engine.fetch import Fetcher
from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail.plugin import HistoryPage
from ticktrail.testing import ManualClock, make_bar, make_gap, make_trade
from unit.backfill.archive import composed

pytestmark = pytest.mark.anyio

S = 1_000_000_000
TTL_S = 10
TWO = """
[providers.one]
plugin = "old"
[providers.two]
plugin = "old"
[route]
kind = "hybrid"
primary = "one"
fallback = "two"
"""


class Past:
    """An archive of some ticks in pages of ten; opens `gate` before each answer, raises `error` in its place."""

    def __init__(self, *ticks):
        self.ticks = ticks
        self.asked = []
        self.error = None
        self.gate = anyio.Event()
        self.gate.set()

    def opens(self, settings, context, tell):
        @asynccontextmanager
        async def opened():
            yield self

        return opened()

    async def page(self, instrument, channel, *, start_ns, end_ns, cursor):
        self.asked.append((instrument, channel, (end_ns - start_ns) // S, cursor))
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        there = [tick for tick in self.ticks if start_ns <= tick.event_ns < end_ns]
        first = int(cursor or 0)
        last = first + 10
        return HistoryPage(
            ticks=there[first:last], through_ns=end_ns, cursor=str(last) if last < len(there) else None
        )


class Scene:
    """A fetcher over legs with an archive each, by a clock that is set by hand."""

    def __init__(self, folder, *pasts, text=None):
        plan = composed(folder, text or ("[providers.old]\n" if len(pasts) == 1 else TWO))
        legs = [
            replace(leg, spec=replace(leg.spec, history=past.opens))
            for leg, past in zip(plan.legs, pasts, strict=True)
        ]
        self.clock = ManualClock()
        self.cache = LatestCache(ttl_s=TTL_S, max_entries=100)
        self.fetcher = Fetcher(
            replace(plan, legs=tuple(legs)), self.cache, clock=self.clock, tell=lambda event: None
        )

    async def fetch(self, instrument="BTC/USDT", channel="trades"):
        with anyio.fail_after(30):
            return await self.fetcher.fetch(instrument, channel)


def trade_of(clock, seconds_ago, number=1, **more):
    return make_trade(id=number, event_ns=clock.now_ns() - round(seconds_ago * S), backfilled=True, **more)


CLOCK = ManualClock()


async def test_what_is_fresh_is_not_asked_for(tmp_path):
    """What the feed delivered within its time to live is the answer."""
    past = Past()
    scene = Scene(tmp_path, past)
    trade = make_trade()
    scene.cache.note([trade], scene.clock.mono_ns())
    scene.clock.advance(TTL_S)
    latest = await scene.fetch()
    assert (latest.tick, latest.age_s, latest.is_stale, past.asked) == (trade, TTL_S, False, [])


@pytest.mark.parametrize(("ago_s", "periods"), [(1, [2]), (20, [2, 30]), (3_000, [2, 30, 3_600])])
async def test_what_is_not_known_is_asked_for(tmp_path, ago_s, periods):
    """Further and further back; the answer is the newest of it, and says its age."""
    past = Past(*(trade_of(CLOCK, ago_s + 0.5 - n / 100, n) for n in range(35)))
    scene = Scene(tmp_path, past)
    latest = await scene.fetch()
    assert latest.tick is past.ticks[-1]
    assert latest.age_s == pytest.approx(ago_s + 0.16)
    assert latest.is_stale == (ago_s > TTL_S)
    assert list(dict.fromkeys(back_s for _, _, back_s, _ in past.asked)) == periods


async def test_a_value_that_grew_old_is_asked_for(tmp_path):
    """What was fetched takes the place of the older one in the answer, and of nothing in the feed."""
    scene = Scene(tmp_path, past := Past())
    scene.cache.note([make_trade(id=1)], scene.clock.mono_ns())
    scene.clock.advance(TTL_S + 1)
    past.ticks = (trade_of(scene.clock, 1.5, 2),)
    assert (await scene.fetch()).tick.id == 2
    assert scene.cache.get("BTC/USDT", "trades", scene.clock.mono_ns()).tick.id == 1


async def test_an_answer_is_good_for_a_while(tmp_path):
    """The archive of a quiet market is not asked again for each caller; then it is. A newer tick goes before it."""
    past = Past(trade_of(CLOCK, 1_000))
    scene = Scene(tmp_path, past)
    first = await scene.fetch()
    asked = len(past.asked)
    scene.clock.advance(TTL_S)
    again = await scene.fetch()
    assert (again.tick, again.age_s, len(past.asked)) == (first.tick, first.age_s + TTL_S, asked)
    scene.clock.advance(1)
    await scene.fetch()
    assert len(past.asked) == 2 * asked
    live = make_trade(id=9)
    scene.cache.note([live], scene.clock.mono_ns())
    assert (await scene.fetch()).tick is live


async def test_where_nothing_happened_there_is_no_answer(tmp_path):
    """None, or the old value that was delivered, with its age."""
    scene = Scene(tmp_path, Past())
    assert await scene.fetch() is None
    scene.cache.note([make_trade()], scene.clock.mono_ns())
    scene.clock.advance(4_000)
    latest = await scene.fetch()
    assert (latest.age_s, latest.is_stale) == (4_000, True)


async def test_callers_share_one_question(tmp_path):
    """By instrument and channel; others have their own."""
    past = Past(trade_of(CLOCK, 1), trade_of(CLOCK, 1, instrument="ETH/USDT"))
    past.gate = anyio.Event()
    scene = Scene(tmp_path, past)
    got = []

    async def one(instrument):
        got.append((await scene.fetch(instrument)).tick.instrument)

    async with anyio.create_task_group() as tasks:
        for instrument in ["BTC/USDT", "ETH/USDT"] * 20:
            tasks.start_soon(one, instrument)
        await anyio.wait_all_tasks_blocked()
        assert sorted(past.asked) == [("BTC/USDT", "trades", 2, None), ("ETH/USDT", "trades", 2, None)]
        past.gate.set()
    assert sorted(got) == ["BTC/USDT"] * 20 + ["ETH/USDT"] * 20


async def test_an_error_reaches_all_and_is_not_remembered(tmp_path):
    """Each caller of the question gets it; the next one asks anew."""
    past = Past(trade_of(CLOCK, 1))
    past.error = TransientError("asked to wait", provider="old", cause="limited", retry_after_s=3)
    past.gate = anyio.Event()
    scene = Scene(tmp_path, past)
    caught = []

    async def one():
        with pytest.raises(TransientError, match="asked to wait") as error:
            await scene.fetch()
        caught.append(error.value.retry_after_s)

    async with anyio.create_task_group() as tasks:
        for _ in range(10):
            tasks.start_soon(one)
        await anyio.wait_all_tasks_blocked()
        past.gate.set()
    assert (caught, len(past.asked)) == ([3] * 10, 1)
    past.error = None
    assert (await scene.fetch()).tick is past.ticks[0]


async def test_another_leg_answers_where_the_first_cannot(tmp_path):
    """In the route's order; where none can, the first one's error is told."""
    first, second = Past(), Past(trade_of(CLOCK, 1))
    scene = Scene(tmp_path, first, second)
    first.error = TransientError("the first", provider="one")
    assert (await scene.fetch()).tick is second.ticks[0]
    second.error = TransientError("the second", provider="two")
    scene.clock.advance(TTL_S + 1)
    with pytest.raises(TransientError, match="the first"):
        await scene.fetch()


async def test_a_defect_of_a_plugin_is_told_as_one(tmp_path):
    """Whatever it raises, alone or in a group of its own tasks; an error of ours comes out as itself."""
    past = Past()
    scene = Scene(tmp_path, past)
    past.error = LookupError("the plugin's own")
    with pytest.raises(PermanentError, match="LookupError: the plugin's own") as caught:
        await scene.fetch()
    assert caught.value.cause == "defect"
    past.error = ExceptionGroup("tasks", [TransientError("cut", provider="old")])
    with pytest.raises(TransientError, match="cut"):
        await scene.fetch()


async def test_what_is_not_of_the_question_is_no_answer(tmp_path):
    """A gap, or a tick of another instrument or kind."""
    at_ns = CLOCK.now_ns() - S
    past = Past(
        trade_of(CLOCK, 1),
        trade_of(CLOCK, 0.9, instrument="X"),
        make_bar(),
        replace_time(make_gap(), at_ns),
    )
    past.ticks = tuple(replace_time(tick, at_ns) for tick in past.ticks)
    assert (await Scene(tmp_path, past).fetch()).tick is past.ticks[0]


def replace_time(tick, event_ns):
    return msgspec.structs.replace(tick, event_ns=event_ns)


async def test_an_equivalent_is_asked_for_by_its_name(tmp_path):
    """And comes back under the feed's, marked as what it is."""
    past = Past(trade_of(CLOCK, 1, instrument="BTC/USD"))
    text = '[providers.old]\nequivalents = { "BTC/USDT" = "BTC/USD" }\n'
    scene = Scene(tmp_path, past, text=text)
    tick = (await scene.fetch()).tick
    assert (past.asked[0][0], tick.instrument, tick.equivalent_of) == ("BTC/USD", "BTC/USDT", "BTC/USD")


@pytest.mark.parametrize("asked", [("BTC/USDT", "quotes"), ("DOGE/USDT", "trades")])
async def test_what_no_leg_has(tmp_path, asked):
    """It is the caller's mistake, and told where to look."""
    with pytest.raises(ConfigError, match="ticktrail check"):
        await Scene(tmp_path, Past()).fetch(*asked)


async def test_an_archive_without_end_is_left(tmp_path):
    """A market with more trades than pages are asked for: the last of them is the answer, and its age tells."""
    past = Past(*(trade_of(CLOCK, 1.9 - n / 1_000, n) for n in range(1_000)))
    scene = Scene(tmp_path, past)
    latest = await scene.fetch()
    assert (latest.tick.id, len(past.asked)) == (99, 10)
    assert latest.age_s == pytest.approx(1.801)
