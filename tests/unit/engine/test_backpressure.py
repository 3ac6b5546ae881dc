"""A slow sink meets its own policy and never another's: who waits, for how long, and what it costs whom."""

import tracemalloc
from dataclasses import replace

import anyio
import anyio.lowlevel
import pytest

from ticktrail._engine.runner import Runner
from ticktrail.errors import SinkError
from ticktrail.events import SinkDropped, SinkFailed, SinkLagging
from ticktrail.model import Gap
from ticktrail.testing import make_quote
from unit.engine.stage import STAGE, Collecting, feed, run

pytestmark = pytest.mark.anyio

LEG = """
[providers.a]
plugin = "scripted"
script = "a"
[watching]
[limits]
stop_s = 0.05
"""
FEW = "intake_batches = 5\nroute_batches = 5\n"
SINK = """
[[sinks]]
plugin = "collecting"
name = "{name}"
key = "{name}"
queue_ticks = {queue_ticks}
on_overflow = "{policy}"
max_block_s = {max_block_s}
"""
FAST = SINK.format(name="fast", queue_ticks=10_000, policy="block", max_block_s=3_600)
EVER = 3_600


def slow(policy="block", max_block_s=0.05, queue_ticks=10):
    return SINK.format(name="slow", queue_ticks=queue_ticks, policy=policy, max_block_s=max_block_s)


class Slow(Collecting):
    """Takes ten milliseconds a tick."""

    async def write(self, ticks):
        await anyio.sleep(0.01 * len(ticks))
        await super().write(ticks)


def numbered(count, size=1):
    async def source(session):
        session.up()
        for number in range(0, count, size):
            await session.trades(*range(number + 1, number + size + 1))

    return source


def events(kind):
    return [record for record in STAGE.observers["main"].records if isinstance(record, kind)]


def told(sink):
    """Every id that a sink got or was told of by a gap, in order."""
    ids = []
    for tick in sink.ticks:
        ids.extend(range(tick.from_id, tick.to_id + 1) if isinstance(tick, Gap) else [tick.id])
    return ids


@pytest.mark.parametrize("policy", ["block", "conflate"])
async def test_a_sink_that_hangs_costs_the_others_its_limit_once(tmp_path, policy):
    """For ever: the others get everything in order; the route waits for it once, not once a batch.

    Once a batch would be a hundred seconds, and no run may take thirty.
    """
    STAGE.sinks["slow"] = hung = Collecting(open_gate=False)
    report = await run(feed(tmp_path, LEG + slow(policy, max_block_s=0.2) + FAST, a=numbered(500)))
    assert STAGE.sinks["fast"].ids == list(range(1, 501))
    assert hung.ticks == []
    assert len(events(SinkLagging)) == 1
    counts = report.sinks["slow"]
    assert (counts.written, counts.dropped) == (0, 500)
    policies = {event.policy for event in events(SinkDropped)}
    assert policies == {f"{policy}, max_block_s reached", "stop deadline"}


async def test_a_sink_that_comes_back_is_told_what_it_missed(tmp_path):
    """Its next write begins with the gap of exactly what was dropped; then it is waited for again."""
    STAGE.sinks["slow"] = sink = Collecting(open_gate=False)

    async def source(session):
        session.up()
        await session.trades(1)
        await sink.waiting.wait()
        for number in range(2, 101):
            await session.trades(number)
        while STAGE.sinks["fast"].ids[-1:] != [100]:
            await anyio.lowlevel.checkpoint()
        sink.gate.set()
        while sink.ids[-1:] != [100]:
            await anyio.lowlevel.checkpoint()
        sink.gate = anyio.Event()
        sink.waiting = anyio.Event()
        await session.trades(101)
        await sink.waiting.wait()
        for number in range(102, 201):
            await session.trades(number)
        while STAGE.sinks["fast"].ids[-1:] != [200]:
            await anyio.lowlevel.checkpoint()
        sink.gate.set()

    plan = feed(tmp_path, LEG.replace("0.05", "30") + slow() + FAST, a=source)
    report = await run(plan)
    assert told(sink) == list(range(1, 201))
    assert sink.ids == [1, *range(91, 102), *range(191, 201)]
    assert len(events(SinkLagging)) == 2
    counts = report.sinks["slow"]
    assert counts.written == len(sink.ids)
    assert counts.dropped == 200 - counts.written


async def test_the_others_have_a_batch_before_anybody_waits_with_it(tmp_path):
    """However long the route waits for a lane that stands before them in the file."""
    STAGE.sinks["slow"] = hung = Collecting(open_gate=False)
    runner = Runner(feed(tmp_path, LEG + slow(max_block_s=EVER) + FAST, a=numbered(100)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        with anyio.fail_after(30):
            while not events_so_far(SinkLagging):
                await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            fast = STAGE.sinks["fast"]
            assert fast.ids == list(range(1, runner.tally.delivered_ticks + 1))
            assert len(fast.ids) < 100
            hung.gate.set()
    assert fast.ids == hung.ids == list(range(1, 101))


def events_so_far(kind):
    return "main" in STAGE.observers and events(kind)


async def test_lanes_wait_at_the_same_time(tmp_path):
    """Two that hang cost the longer of their limits, and each gets its batch as soon as it has room."""
    STAGE.sinks["slow"] = hung = Collecting(open_gate=False)
    STAGE.sinks["other"] = other = Collecting(open_gate=False)
    two = slow(max_block_s=EVER) + slow(max_block_s=EVER).replace('"slow"', '"other"')

    async def source(session):
        session.up()
        await session.trades(1)
        for sink in (hung, other):  # what both hold alike, both are full of at the same tick
            await sink.waiting.wait()
        for number in range(2, 101):
            await session.trades(number)

    runner = Runner(feed(tmp_path, LEG + two, a=source))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        with anyio.fail_after(30):
            while len(events_so_far(SinkLagging) or ()) < 2:
                await anyio.lowlevel.checkpoint()
            await anyio.wait_all_tasks_blocked()
            waiting_with = runner.tally.delivered_ticks
            other.gate.set()
            await anyio.wait_all_tasks_blocked()
            assert other.ids == list(range(1, waiting_with + 1))
            hung.gate.set()
    assert other.ids == hung.ids == list(range(1, 101))


async def test_a_slow_sink_is_waited_for_within_its_limit(tmp_path):
    """Ten milliseconds a tick, far below the limit: it gets everything, and the fast one does."""
    STAGE.sinks["slow"] = Slow()
    plan = feed(tmp_path, LEG.replace("0.05", "30") + slow(max_block_s=EVER) + FAST, a=numbered(60))
    report = await run(plan)
    assert STAGE.sinks["slow"].ids == STAGE.sinks["fast"].ids == list(range(1, 61))
    assert report.sinks["slow"].dropped == 0
    assert events(SinkDropped) == []


async def test_a_sink_slower_than_its_limit_loses_and_knows_it(tmp_path):
    """Ten milliseconds a tick, where the route waits for five: what was written and what gaps tell are everything."""
    STAGE.sinks["slow"] = sink = Slow()
    plan = feed(tmp_path, LEG.replace("0.05", "30") + slow(max_block_s=0.005) + FAST, a=numbered(300))
    report = await run(plan)
    assert STAGE.sinks["fast"].ids == list(range(1, 301))
    assert told(sink) == list(range(1, 301))
    counts = report.sinks["slow"]
    assert (counts.written, counts.written + counts.dropped) == (len(sink.ids), 300)
    assert sum(event.dropped for event in events(SinkDropped)) == counts.dropped


async def test_a_sink_that_raises_while_the_route_waits_for_it_frees_the_route(tmp_path):
    """Its lane closes, what it held is counted, and the others go on."""
    STAGE.sinks["slow"] = sink = Collecting(open_gate=False, fails_at=1)
    runner = Runner(feed(tmp_path, LEG + slow(max_block_s=EVER) + FAST, a=numbered(100)))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        with anyio.fail_after(30):
            while not events_so_far(SinkLagging):
                await anyio.lowlevel.checkpoint()
            sink.gate.set()
    assert STAGE.sinks["fast"].ids == list(range(1, 101))
    counts = runner.report().sinks["slow"]
    assert (counts.written, counts.dropped) == (0, 100)
    assert len(events(SinkFailed)) == 1


@pytest.mark.parametrize(
    ("policy", "ids"),
    [
        ("block", range(1, 36)),
        ("drop_oldest", range(26, 36)),
        ("conflate", range(1, 36)),
    ],
)
async def test_a_batch_larger_than_the_lane(tmp_path, policy, ids):
    """By parts where the route may wait; its newest ticks where the oldest give way."""
    plan = feed(tmp_path, LEG + slow(policy, max_block_s=EVER), a=numbered(35, size=35))
    report = await run(plan)
    sink = STAGE.sinks["slow"]
    assert sink.ids == list(ids)
    assert max(sink.writes) <= 11  # ten ticks and a gap
    assert told(sink) == list(range(1, 36))
    assert report.sinks["slow"].dropped == 35 - len(ids)


async def test_a_batch_larger_than_the_lane_halts_the_feed(tmp_path):
    """Where nothing may wait and nothing may be lost."""
    with pytest.raises(SinkError, match="35 more have no room"):
        await run(feed(tmp_path, LEG + slow("halt"), a=numbered(35, size=35)))


@pytest.mark.parametrize("policy", ["block", "drop_oldest", "conflate"])
async def test_what_waits_for_a_sink_that_hangs_is_bounded(tmp_path, policy):
    """A hundred thousand ticks pass a lane of a hundred: memory does not grow with them."""
    STAGE.sinks["slow"] = Collecting(open_gate=False)
    plan = feed(tmp_path, LEG + FEW + slow(policy, queue_ticks=100), a=flood)
    plan = replace(plan, rules=(), observers=())
    tracemalloc.start()
    try:
        report = await run(plan)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.delivered == {"quotes": 100_000}
    assert report.sinks["slow"].dropped == 100_000
    assert peak < 8_000_000  # the ticks alone would be above 50 MB


async def flood(session):
    session.up()
    for number in range(1_000):
        first = 100 * number
        quotes = [make_quote(provider=session.name, update_id=first + n) for n in range(1, 101)]
        await session.ticks(*quotes)
