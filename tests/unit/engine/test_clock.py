"""The clock in a running feed: the legs wait for it, it may halt them, it never holds up a stop, and legs testify."""

import anyio
import pytest
import trio.testing

from ticktrail._engine.runner import Runner
from ticktrail.errors import ClockError
from ticktrail.events import (
    ClockBreachBegun,
    ClockMeasured,
    ClockUnavailable,
    FeedStopped,
    FeedStopping,
    LegUp,
    PeerOffsetDisagrees,
    PeerOffsetMeasured,
)
from ticktrail.testing import make_trade
from time_servers import time_server
from unit.engine.stage import HEAD, STAGE, feed, run

pytestmark = pytest.mark.anyio
ONE = """
[providers.a]
plugin = "scripted"
script = "a"
[[sinks]]
plugin = "collecting"
[watching]
"""
SECOND_NS = 1_000_000_000
BEGIN_NS = 1_790_000_000 * SECOND_NS
SLOW_NS = 1_270_000_000
WINDOW_S = 10
QUICKLY = pytest.mark.parametrize(
    "anyio_backend", [("trio", {"clock": trio.testing.MockClock(autojump_threshold=0)})]
)
"""Time passes at once; no socket takes part."""


def clocked(*servers, **more):
    """The head of a feed that measures its clock."""
    keys = {"servers": list(servers), "chrony": "off", **more}
    lines = [f"{key} = {value!r}" for key, value in keys.items()]
    return HEAD.replace("servers = []", "\n".join(lines))


def records(*kinds):
    return [record for record in STAGE.observers["main"].records if isinstance(record, kinds)]


async def ten(session):
    session.up()
    await session.trades(*range(10))


@pytest.mark.parametrize("mute", [False, True])
async def test_the_legs_wait_for_the_first_measurement_or_its_timeout(tmp_path, mute):
    """The clock's event stands before the first leg's, whether a server answers or not."""
    with time_server(mute=mute) as server:
        await run(feed(tmp_path, ONE, head=clocked(server.address, timeout_s=0.3), a=ten))
    first, up = records(ClockMeasured, ClockUnavailable, LegUp)
    assert isinstance(first, ClockUnavailable if mute else ClockMeasured)
    assert isinstance(up, LegUp)


async def test_a_clock_out_of_tolerance_keeps_the_feed_from_starting(tmp_path):
    """With halt: no session was begun; the observers have seen the breach and the end, and the error says why."""
    with time_server(offset_s=5) as server:
        plan = feed(tmp_path, ONE, head=clocked(server.address, on_unsynchronised="halt"), a=ten)
        with pytest.raises(ClockError, match="out of tolerance"):
            await run(plan)
    assert STAGE.sessions["a"] == 0
    assert len(records(ClockBreachBegun)) == 1
    (stopping,) = records(FeedStopping)
    assert "out of tolerance" in stopping.cause
    assert isinstance(STAGE.observers["main"].records[-1], FeedStopped)


async def test_a_clock_out_of_tolerance_is_flagged_by_default(tmp_path):
    """The feed runs, and the breach is an event."""
    with time_server(offset_s=5) as server:
        report = await run(feed(tmp_path, ONE, head=clocked(server.address), a=ten))
    assert report.delivered["trades"] == 10
    assert len(records(ClockBreachBegun)) == 1


async def test_a_breach_halts_a_feed_that_runs(tmp_path):
    """What came is delivered first; then the feed ends with the error."""
    with time_server() as server:

        async def until_halted(session):
            await ten(session)
            server.offset_s = 5.0
            await anyio.sleep_forever()

        head = clocked(server.address, on_unsynchronised="halt", every_min_s=0.01, max_offset_ms=1000)
        with pytest.raises(ClockError, match="out of tolerance"):
            await run(feed(tmp_path, ONE, head=head, a=until_halted))
    assert len(STAGE.sinks["main"].ids) == 10
    assert records(FeedStopped)[0].delivered == {"trades": 10}


async def test_a_stop_does_not_wait_for_a_measurement(tmp_path):
    """At the start, with a server that will never answer, and a timeout far beyond the stop's deadline."""
    with time_server(mute=True) as server:
        head = clocked(server.address, timeout_s=20.0)
        runner = Runner(feed(tmp_path, ONE, head=head, a=ten))
        with anyio.fail_after(15):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(runner.run)
                await anyio.to_thread.run_sync(server.wait_asked)
                runner.stop("interrupted")
    assert STAGE.sessions["a"] == 0
    assert records(ClockMeasured, ClockUnavailable) == []
    assert records(FeedStopped)[0].cause == "interrupted"


def seconds(number, *, delay_ns, each=5):
    """A script: trades over so many seconds that arrive `delay_ns` after they were made."""

    async def script(session):
        session.up()
        for second in range(number):
            for part in range(each):
                recv_ns = BEGIN_NS + second * SECOND_NS + part * SECOND_NS // each
                trade = make_trade(
                    id=second * each + part,
                    provider=session.name,
                    event_ns=recv_ns - delay_ns,
                    recv_ns=recv_ns,
                )
                await session.received(recv_ns, trade)
        await anyio.sleep(WINDOW_S * 1.5)

    return script


@QUICKLY
@pytest.mark.parametrize(
    ("delay_ns", "excess_ns"),
    [
        (40_000_000, None),
        (-40_000_000, None),
        (-SLOW_NS, -SLOW_NS + 50_000_000),
        (3 * SECOND_NS, 2 * SECOND_NS),
    ],
)
async def test_a_leg_s_data_testifies(tmp_path, anyio_backend, delay_ns, excess_ns):
    """Every window each leg's least delay is an event; one that cannot be is named, by how much."""
    head = HEAD.replace("servers = []", f"servers = []\npeer_window_s = {WINDOW_S}")
    await run(feed(tmp_path, ONE, head=head, a=seconds(20, delay_ns=delay_ns)))
    (measured,) = records(PeerOffsetMeasured)
    assert (measured.provider, measured.least_delay_ns, measured.ticks) == ("a", delay_ns, 100)
    found = [(event.provider, event.excess_ns, event.offset_ns) for event in records(PeerOffsetDisagrees)]
    assert found == ([] if excess_ns is None else [("a", excess_ns, None)])


@QUICKLY
async def test_nobody_need_testify(tmp_path, anyio_backend):
    """``peers = "off"``."""
    head = HEAD.replace("servers = []", f'servers = []\npeers = "off"\npeer_window_s = {WINDOW_S}')
    await run(feed(tmp_path, ONE, head=head, a=seconds(20, delay_ns=-SLOW_NS)))
    assert records(PeerOffsetMeasured, PeerOffsetDisagrees) == []
