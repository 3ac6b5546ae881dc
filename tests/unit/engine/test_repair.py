"""A feed whose holes are filled out of an archive: what is delivered, told and counted, and what a stop leaves."""

from contextlib import asynccontextmanager
from dataclasses import replace

import anyio
import pytest

from ticktrail._contracts.known_secrets import remember
from ticktrail._engine.runner import Runner
from ticktrail.errors import TransientError
from ticktrail.events import HoleLeft, HoleRepaired
from ticktrail.model import Gap
from ticktrail.plugin import HistoryPage
from ticktrail.testing import make_quote, make_trade
from unit.engine.stage import HEAD, STAGE, Collecting, Watching, feed, run

pytestmark = pytest.mark.anyio

BASE_NS = 1_700_000_000_000_000_000
MS = 1_000_000
SINK = """
[[sinks]]
plugin = "collecting"
[watching]
"""
ONE = f"""
[providers.a]
plugin = "scripted"
script = "a"
{SINK}
"""
COLD = f"""
[providers.a]
plugin = "scripted"
script = "a"
[providers.b]
plugin = "scripted"
script = "b"
[route]
kind = "hybrid"
primary = "a"
fallback = "b"
standby = "cold"
{SINK}
"""


def trade(number, leg, price="100.00", **more):
    return make_trade(price, id=number, provider=leg, event_ns=BASE_NS + number * MS, **more)


class Past:
    """The archive of every leg: all trades, at prices of its own; `hangs` and `error` in their place."""

    def __init__(self):
        self.asked = []
        self.prices = {}
        self.hangs = False
        self.error = None
        self.waiting = anyio.Event()

    def opens(self, settings, context, tell):
        @asynccontextmanager
        async def opened():
            yield _Page(self, context.name)

        return opened()


class _Page:
    def __init__(self, past, leg):
        self._past = past
        self._leg = leg

    async def page(self, instrument, channel, *, start_ns, end_ns, cursor):
        past = self._past
        past.asked.append(self._leg)
        past.waiting.set()
        await anyio.lowlevel.checkpoint()
        if past.hangs:
            await anyio.sleep_forever()
        if past.error is not None:
            raise past.error
        first, last = -(-(start_ns - BASE_NS) // MS), -(-(end_ns - BASE_NS) // MS)
        ticks = [
            trade(number, self._leg, past.prices.get(number, "100.00"), backfilled=True)
            for number in range(first, last)
        ]
        return HistoryPage(ticks=ticks, through_ns=end_ns, cursor=None)


def repaired(tmp_path, text, past, *, heals=frozenset(), table="", **scripts):
    """The plan of a feed whose legs have that archive."""
    plan = feed(tmp_path, f"[repair]\n{table}\n{text}", HEAD, **scripts)
    legs = [
        replace(
            leg,
            capabilities=replace(leg.capabilities, history=frozenset({"trades"}), heals=heals),
            spec=replace(leg.spec, history=past.opens),
        )
        for leg in plan.legs
    ]
    return replace(plan, legs=tuple(legs))


def told(kind):
    return [record for record in STAGE.observers["main"].records if isinstance(record, kind)]


class Watched(Collecting):
    """A sink that can be waited for."""

    def __init__(self):
        super().__init__()
        self._news = anyio.Event()

    async def write(self, ticks):
        await super().write(ticks)
        self._news.set()
        self._news = anyio.Event()

    async def until(self, number):
        """Wait until it has that trade."""
        await self.shows(lambda: number in self.ids)

    async def shows(self, what):
        while not what():
            await self._news.wait()


def adds_up(report):
    """Everything received was delivered, rejected or suppressed."""
    received = sum(sum(kinds.values()) for kinds in report.received.values())
    notices = report.delivered.get("gaps", 0) + report.delivered.get("switches", 0)
    delivered = sum(report.delivered.values()) - notices
    return received == delivered + report.rejected_ticks + sum(report.suppressed.values())


async def primary(session):
    session.up()
    if session.number == 1:
        await session.ticks(*(trade(number, "a") for number in range(1, 6)))
    raise TransientError("cut", provider="a")


async def test_the_hole_of_a_switch_to_a_cold_standby_is_filled(tmp_path):
    """Each trade once and in order, the fetched ones marked; the event says what they were, and no gap stands there."""
    past = Past()
    STAGE.sinks["main"] = sink = Watched()

    async def standby(session):
        session.up()
        await session.ticks(trade(9, "b"), trade(10, "b"))
        await session.ticks(trade(11, "b"))
        await sink.until(11)

    runner = Runner(repaired(tmp_path, COLD, past, a=primary, b=standby))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:

            async def stop_after_all():
                await sink.until(11)
                runner.stop()

            tasks.start_soon(stop_after_all)
            report = await runner.run()
    assert sink.ids == list(range(1, 12))
    trades = [tick for tick in sink.ticks if tick.counted_as == "trades"]
    assert [tick.id for tick in trades if tick.backfilled] == [6, 7, 8]
    assert {tick.provider for tick in trades if tick.backfilled} == {"b"}
    assert not [tick for tick in sink.ticks if isinstance(tick, Gap)]
    (event,) = told(HoleRepaired)
    assert (event.provider, event.from_id, event.to_id, event.cause) == ("b", 6, 8, "switch")
    assert (event.ticks, event.rejected) == (3, 0)
    assert (report.repairs.repaired, report.repairs.left, report.repairs.ticks) == (1, 0, 3)
    assert report.received["b"] == {"trades": 6}
    assert adds_up(report)


async def test_other_channels_do_not_wait_and_a_late_answer_leaves_the_gap(tmp_path):
    """Quotes come while trades are held; when the time is over the gap comes, and what was held behind it."""
    past = Past()
    past.hangs = True
    STAGE.sinks["main"] = sink = Watched()

    async def script(session):
        session.up()
        await session.ticks(trade(1, "a"))
        await session.ticks(trade(5, "a"), make_quote(provider="a"))
        await past.waiting.wait()
        await sink.shows(lambda: any(tick.counted_as == "quotes" for tick in sink.ticks))
        assert sink.ids == [1]
        await session.ticks(trade(6, "a"))
        await sink.until(6)

    report = await run(repaired(tmp_path, ONE, past, table="within_s = 0.5", a=script))
    shown = [
        tick.from_id if isinstance(tick, Gap) else tick.id
        for tick in sink.ticks
        if tick.counted_as != "quotes"
    ]
    assert shown == [1, 2, 5, 6]
    (event,) = told(HoleLeft)
    assert (event.reason, event.missing, event.ticks) == ("late", 3, 0)
    assert event.took_ms >= 500
    assert adds_up(report)


async def test_a_stop_delivers_what_waits_behind_its_gap(tmp_path):
    """Though nobody has answered; the feed ends at once."""
    past = Past()
    past.hangs = True
    STAGE.sinks["main"] = sink = Watched()

    async def script(session):
        session.up()
        await session.ticks(trade(1, "a"), trade(5, "a"), trade(6, "a"))
        await anyio.sleep_forever()

    runner = Runner(repaired(tmp_path, ONE, past, table="within_s = 3600", a=script))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:

            async def stop_when_asked():
                await past.waiting.wait()
                runner.stop()

            tasks.start_soon(stop_when_asked)
            report = await runner.run()
    assert sink.ids == [1, 5, 6]
    assert [type(tick) for tick in sink.ticks].index(Gap) == 1
    assert [event.reason for event in told(HoleLeft)] == ["stopped"]
    assert adds_up(report)


async def test_what_a_deadline_leaves_waiting_is_accounted_for(tmp_path):
    """A sink that takes nothing and a hole that is open: at the deadline all of it is suppressed."""
    past = Past()
    past.hangs = True
    STAGE.sinks["main"] = Collecting(open_gate=False)

    async def script(session):
        session.up()
        await session.ticks(trade(1, "a"), trade(5, "a"))
        for number in range(6, 40):
            await session.ticks(trade(number, "a"), make_quote(provider="a"))
        await anyio.sleep_forever()

    text = ONE.replace('"collecting"', '"collecting"\nqueue_ticks = 2') + "[limits]\nstop_s = 0.2\n"
    runner = Runner(repaired(tmp_path, text, past, table="within_s = 3600", a=script))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:

            async def stop_when_asked():
                await past.waiting.wait()
                runner.stop()

            tasks.start_soon(stop_when_asked)
            report = await runner.run()
    assert report.suppressed["stop deadline"] > 0
    assert adds_up(report)


async def test_what_is_fetched_is_judged_and_what_is_rejected_is_no_hole(tmp_path):
    """By the rules of its leg: it was seen, and found wrong."""
    past = Past()
    past.prices[3] = "5000000"
    STAGE.sinks["main"] = sink = Watched()

    async def script(session):
        session.up()
        await session.ticks(trade(1, "a"), trade(5, "a"))
        await sink.until(5)

    report = await run(repaired(tmp_path, ONE, past, a=script))
    assert sink.ids == [1, 2, 4, 5]
    assert not [tick for tick in sink.ticks if isinstance(tick, Gap)]
    (event,) = told(HoleRepaired)
    assert (event.ticks, event.rejected) == (2, 1)
    assert report.rejected_ticks == 1
    assert adds_up(report)


async def test_an_archive_that_fails_by_a_defect_of_its_own_hurts_nothing_else(tmp_path):
    """The gap stands, and the event says whose defect it was, without a secret that stood in it."""
    remember("of-the-archive")
    past = Past()
    past.error = LookupError("the plugin's own, key=of-the-archive")
    STAGE.sinks["main"] = sink = Watched()

    async def script(session):
        session.up()
        await session.ticks(trade(1, "a"), trade(5, "a"))
        await sink.until(5)

    await run(repaired(tmp_path, ONE, past, a=script))
    assert sink.ids == [1, 5]
    (event,) = told(HoleLeft)
    assert event.reason == "failed"
    assert "LookupError: the plugin's own, key=[secret]" in event.detail
    assert past.asked == ["a"]


async def test_a_leg_that_heals_its_own_holes_is_not_asked_again(tmp_path):
    """It has asked already; after a switch it is asked all the same."""
    past = Past()
    STAGE.sinks["main"] = sink = Watched()

    async def script(session):
        session.up()
        await session.ticks(trade(1, "a"), trade(5, "a"))
        await sink.until(5)

    report = await run(repaired(tmp_path, ONE, past, heals=frozenset({"trades"}), a=script))
    assert (sink.ids, past.asked) == ([1, 5], [])
    assert (report.repairs.repaired, report.repairs.left) == (0, 0)
    assert not told(HoleLeft)


async def test_without_the_table_nobody_asks(tmp_path):
    """A feed file that does not say so leaves a gap at once."""
    past = Past()
    STAGE.sinks["main"] = sink = Watched()
    STAGE.observers["main"] = Watching()

    async def script(session):
        session.up()
        await session.ticks(trade(1, "a"), trade(5, "a"))

    plan = replace(repaired(tmp_path, ONE, past, a=script), repair=None)
    await run(plan)
    assert (sink.ids, past.asked) == ([1, 5], [])
    assert sum(isinstance(tick, Gap) for tick in sink.ticks) == 1
