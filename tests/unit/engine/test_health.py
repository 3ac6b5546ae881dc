"""Legs' health in a whole feed, and the alarm when nothing is delivered."""

import anyio
import pytest

from ticktrail._engine.route import Route
from ticktrail._engine.runner import Runner
from ticktrail.errors import TransientError
from ticktrail.events import LegDown, LegStateChanged, LegUp, OutageBegun, OutageEnded
from unit.engine.stage import HEAD, STAGE, Collecting, Watching, feed, run

pytestmark = pytest.mark.anyio
LANE = '[[sinks]]\nplugin = "collecting"\n[watching]\n'
TWO = (
    '[route]\nkind = "hybrid"\nprimary = "a"\nfallback = "b"\n'
    + "".join(f'[providers.{leg}]\nplugin = "scripted"\nscript = "{leg}"\n' for leg in "ab")
    + LANE
)
ONE = '[providers.a]\nplugin = "scripted"\nscript = "a"\n' + LANE


@pytest.fixture(autouse=True)
def seen():
    """A new sink and a new observer."""
    STAGE.sinks = {"main": Collecting()}
    STAGE.observers = {"main": Watching()}


def events(*kinds):
    return [record for record in STAGE.observers["main"].records if isinstance(record, kinds)]


async def until(reached):
    while not reached():  # noqa: ASYNC110 - what is waited for tells nobody
        await anyio.sleep(0.005)


async def test_an_outage_is_told_when_the_last_leg_is_lost_and_when_one_is_back(tmp_path):
    """Behind what led to it, with each leg's cause; and the person who runs the feed is warned."""

    async def source(session):
        session.up()
        await session.trades(session.number)
        if session.number == 1:
            raise TransientError("away", provider=session.name, cause="cut", retry_after_s=0.2)
        await until(lambda: events(OutageEnded))

    report = await run(feed(tmp_path, ONE, a=source))
    (begun,) = events(OutageBegun)
    (ended,) = events(OutageEnded)
    assert begun.legs == {"a": "cut"}
    assert (ended.provider, ended.lasted_s >= 0.19) == ("a", True)
    told = [type(record) for record in events(LegUp, LegDown, OutageBegun, OutageEnded)]
    assert told == [LegUp, LegDown, OutageBegun, LegUp, OutageEnded, LegDown]
    assert report.warnings[0] == "no leg delivers anything (a: cut)"
    assert "a delivers again, after 0." in report.warnings[1]


async def test_one_of_two_is_no_outage(tmp_path):
    """The other delivers; with a stop there is none either."""
    lost = []

    async def a(session):
        session.up()
        await until(lambda: "b" in STAGE.sessions)
        raise TransientError("away", provider=session.name, cause="cut", retry_after_s=3_600)

    async def b(session):
        session.up()
        await until(
            lambda: ("a", "down") in [(one.provider, one.to_state) for one in events(LegStateChanged)]
        )
        lost.extend(events(OutageBegun))
        runner.stop()
        await anyio.sleep_forever()

    runner = Runner(feed(tmp_path, TWO, a=a, b=b))
    with anyio.fail_after(30):
        await runner.run()
    assert lost == events(OutageBegun) == []


async def test_the_end_of_a_source_is_no_outage(tmp_path):
    """A recording that is over is no trouble."""

    async def source(session):
        session.up()
        await session.trades(1)

    await run(feed(tmp_path, TWO, a=source, b=source))
    assert not events(OutageBegun)
    assert {event.to_state for event in events(LegStateChanged)} <= {"live", "down"}


async def test_a_feed_that_rejects_everything_says_so(tmp_path):
    """Connected, and yet nothing is delivered: such as with a clock that is wrong."""

    async def source(session):
        session.up()
        for _ in range(400):
            await session.trades(1)  # the same id again and again
            await anyio.sleep(0.005)
            if events(OutageBegun):
                return

    head = HEAD.replace(
        "[validation]\n", "[health]\nrefused_after_s = 0.05\n[validation]\nmin_price = 1000000\n"
    )
    report = await run(feed(tmp_path, ONE, head=head, a=source))
    (begun,) = events(OutageBegun)
    assert begun.legs == {"a": "everything is rejected, the last by price_range"}
    assert STAGE.sinks["main"].ids == []
    assert any("no leg delivers anything (a: everything is rejected" in one for one in report.warnings)


async def test_how_a_leg_does_can_be_asked(tmp_path):
    """The plan's four, and by instrument."""
    found = []

    async def source(session):
        session.up()
        await session.trades(1, 2)
        await until(lambda: STAGE.sinks["main"].ids == [1, 2])
        found.append(runner.health()["a"])

    runner = Runner(feed(tmp_path, ONE, a=source))
    with anyio.fail_after(30):
        await runner.run()
    (health,) = found
    assert health.is_healthy
    assert health.last_update_ns is not None
    assert health.consecutive_failures == 0
    assert 0 < health.uptime_pct <= 100
    assert health.instruments["BTC/USDT"].state == "live"
    assert runner.health()["a"].state == "down"


SPLIT = (
    '[route]\nkind = "split"\nparts = [{ child = "a", instruments = ["BTC/USDT"] }, '
    '{ child = "b", instruments = ["*"] }]\n'
    + "".join(f'[providers.{leg}]\nplugin = "scripted"\nscript = "{leg}"\n' for leg in "ab")
    + LANE
)
OF_TWO = HEAD.replace('["BTC/USDT"]', '["BTC/USDT", "ETH/USDT"]')


async def test_an_instrument_that_nobody_brings_any_more_is_an_outage_of_its_own(tmp_path):
    """Half of a book dark while the other half goes on: told with its name, ended with it."""

    async def a(session):
        session.up()
        if session.number == 1:
            await until(lambda: "b" in STAGE.sessions)
            raise TransientError("away", provider=session.name, cause="cut", retry_after_s=0.2)
        await until(lambda: events(OutageEnded))

    async def b(session):
        session.up()
        await until(lambda: events(OutageEnded))

    report = await run(feed(tmp_path, SPLIT, head=OF_TWO, a=a, b=b))
    (begun,) = events(OutageBegun)
    (ended,) = events(OutageEnded)
    assert (begun.instruments, begun.legs) == (["BTC/USDT"], {"a": "cut"})
    assert (ended.instruments, ended.provider) == (["BTC/USDT"], "a")
    assert report.warnings[0] == "no leg delivers BTC/USDT (a: cut)"
    assert report.warnings[1].startswith("leg a delivers BTC/USDT again, after 0.")


async def test_a_route_that_is_pinned_to_a_lost_leg_is_an_outage(tmp_path, monkeypatch):
    """Another leg is well, and may not speak: after a moment in which it might have been let."""
    monkeypatch.setattr("ticktrail._engine.health._GRACE_NS", 100_000_000)
    made = []

    class Kept(Route):
        def __init__(self, *parts, **more):
            super().__init__(*parts, **more)
            made.append(self)

    monkeypatch.setattr("ticktrail._engine.runner.Route", Kept)

    async def a(session):
        session.up()
        await until(lambda: "b" in STAGE.sessions)
        await session.trades(1)
        await until(lambda: STAGE.sinks["main"].ids == [1])
        made[0].order("pin", "a", None)
        raise TransientError("away", provider=session.name, cause="cut", retry_after_s=3_600)

    async def b(session):
        session.up()
        await until(lambda: events(OutageBegun))
        runner.stop()

    runner = Runner(feed(tmp_path, TWO, a=a, b=b))
    with anyio.fail_after(30):
        await runner.run()
    (begun,) = events(OutageBegun)
    assert begun.legs == {"a": "cut", "b": "well, but it does not speak"}


async def test_a_standby_that_is_still_being_opened_is_waited_for(tmp_path):
    """The start of a feed, and a cold failover, are no outage: somebody is on the way."""

    async def a(session):
        raise TransientError("away", provider=session.name, cause="cut", retry_after_s=3_600)

    async def b(session):
        await until(lambda: events(LegDown))
        await anyio.sleep(0.1)
        session.up()
        await session.trades(1)
        await until(lambda: STAGE.sinks["main"].ids == [1])
        runner.stop()

    runner = Runner(
        feed(tmp_path, TWO.replace('fallback = "b"', 'fallback = "b"\nstart_grace_s = 0'), a=a, b=b)
    )
    with anyio.fail_after(30):
        await runner.run()
    assert STAGE.sinks["main"].ids == [1]
    assert not events(OutageBegun)
