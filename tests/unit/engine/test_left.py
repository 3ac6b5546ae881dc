"""What a stop's deadline finds between legs and lanes is recorded, each batch once."""

import anyio
import pytest
from anyio import wait_all_tasks_blocked

from ticktrail._engine.left import waiting_in
from ticktrail._engine.route import Route
from ticktrail._engine.runner import Runner
from ticktrail._engine.session import Up
from ticktrail.plugin import Batch, Routed
from ticktrail.testing import make_trade
from unit.engine.stage import feed

pytestmark = pytest.mark.anyio

TWO = """
[route]
kind = "hybrid"
primary = "a"
fallback = "b"
[providers.a]
plugin = "scripted"
script = "a"
[providers.b]
plugin = "scripted"
script = "b"
[[sinks]]
plugin = "collecting"
"""


class Hung:
    """A lane that has no room, for ever."""

    waits_until_s = 0.0

    def offer(self, ticks, mono_ns):
        return False

    async def admitted(self):
        await anyio.sleep_forever()

    def miss(self, ticks):
        pass


async def never(session):
    await anyio.sleep_forever()


def batch(leg, number):
    return Batch(
        provider=leg,
        recv_ns=number,
        mono_ns=number,
        session_ns=0,
        ticks=[make_trade(id=number, provider=leg)],
    )


async def test_what_the_route_has_in_its_hand_is_recorded(tmp_path):
    """It took a batch, and waits for a lane with what a person ordered just before."""
    records = []
    plan = feed(tmp_path, TWO, a=never, b=never)
    runner = Runner(plan, listener=records.append)
    route = Route(
        plan,
        runner._legs,
        [Hung()],
        clock=runner.clock,
        bus=runner._bus,
        after_batch=lambda: None,
        see=lambda batch: None,
    )
    sender, receiver = anyio.create_memory_object_stream(10)
    with receiver.clone() as left_over, sender:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(route.run, receiver)
            for number in (0, 1):
                sender.send_nowait((number, Up()))
            await wait_all_tasks_blocked()
            sender.send_nowait((0, batch("a", 1)))
            route.order("switch", "b", None)
            await wait_all_tasks_blocked()
            sender.send_nowait((0, batch("a", 2)))
            tasks.cancel_scope.cancel()
        route.give_up(left_over)
    found = [
        (one.reason, tick.id)
        for record in records
        if isinstance(record, Routed)
        for one in record.suppressed
        for tick in one.ticks
    ]
    assert found == [("stop deadline", 1), ("stop deadline", 2)]


async def test_what_waits_in_a_stream_is_all_that_is_taken():
    """Nobody is waited for."""
    sender, receiver = anyio.create_memory_object_stream(3)
    with sender, receiver:
        for number in range(3):
            sender.send_nowait(number)
        assert list(waiting_in(receiver)) == [0, 1, 2]
        assert list(waiting_in(receiver)) == []
