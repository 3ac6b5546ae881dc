"""An observer that comes before delivery: no sink has what it has not taken."""

import anyio
import pytest

from ticktrail._engine.runner import Runner
from ticktrail.errors import AuditError
from ticktrail.plugin import Routed
from unit.engine.stage import STAGE, Collecting, Watching, feed, run

pytestmark = pytest.mark.anyio

FEED = """
[providers.a]
plugin = "scripted"
script = "a"
[[sinks]]
plugin = "collecting"
[watching]
first = {first}
"""


async def five(session):
    session.up()
    for number in range(1, 6):
        await session.trades(number)


class Comparing(Collecting):
    """A sink that looks, at each write, for what the observer has taken."""

    def __init__(self):
        super().__init__()
        self.ahead = []

    async def write(self, ticks):
        taken = {
            tick.id
            for record in STAGE.observers["main"].records
            if isinstance(record, Routed)
            for tick in record.delivered
        }
        self.ahead += [tick.id for tick in ticks if tick.id not in taken]
        await super().write(ticks)


@pytest.mark.parametrize("first", [True, False])
async def test_nothing_is_delivered_that_the_observer_has_not_taken(tmp_path, first):
    """While it holds back its hand, no sink gets anything; by default the feed does not wait."""
    gate = anyio.Event()
    STAGE.observers["main"] = Watching(gate=gate)
    sink = STAGE.sinks["main"] = Comparing()
    runner = Runner(feed(tmp_path, FEED.format(first=str(first).lower()), a=five))
    async with anyio.create_task_group() as running:
        running.start_soon(runner.run)
        with anyio.move_on_after(30):
            if first:
                while STAGE.sessions["a"] == 0:  # noqa: ASYNC110 - a session rings no bell
                    await anyio.sleep(0.01)
                await anyio.sleep(0.2)
                assert sink.ids == []
            else:
                await sink.waiting.wait()
            gate.set()
            while len(sink.ids) < 5:  # noqa: ASYNC110 - nor does a sink
                await anyio.sleep(0.01)
    assert sink.ids == [1, 2, 3, 4, 5]
    assert (sink.ahead == []) == first


async def test_an_observer_that_fails_lets_nothing_through(tmp_path):
    """The feed halts, and no sink has the tick that could not be recorded."""
    STAGE.observers["main"] = Watching(fails_at=5)
    sink = STAGE.sinks["main"] = Collecting()
    with pytest.raises((AuditError, ExceptionGroup)):
        await run(feed(tmp_path, FEED.format(first="true"), a=five))
    recorded = [
        tick.id
        for record in STAGE.observers["main"].records
        if isinstance(record, Routed)
        for tick in record.delivered
    ]
    assert set(sink.ids) <= set(recorded)
