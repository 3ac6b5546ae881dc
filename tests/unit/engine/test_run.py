"""A feed from its first event to its last: order, stops, defects of others, and what becomes of every tick."""

import anyio
import anyio.lowlevel
import pytest

from ticktrail._engine.runner import Runner
from ticktrail.errors import AuditError, FeedError, PermanentError, SinkError, TransientError
from ticktrail.events import (
    FeedStarted,
    FeedStopped,
    FeedStopping,
    LatencyMeasured,
    LegDown,
    LegUp,
    PluginLoaded,
    QualityMeasured,
    SinkFailed,
)
from ticktrail.model import Gap
from ticktrail.plugin import Routed, Secret
from ticktrail.testing import make_quote, make_ticker, make_trade
from unit.engine.stage import HEAD, STAGE, Collecting, Watching, feed, run

pytestmark = pytest.mark.anyio

ONE = """
[providers.a]
plugin = "scripted"
script = "a"
[[sinks]]
plugin = "collecting"
[watching]
"""


async def ten(session):
    session.up()
    for number in range(1, 11):
        await session.trades(number)


async def for_ever(session):
    session.up()
    number = 0
    while True:
        number += 1
        await session.trades(number)


async def test_events_stand_in_order(tmp_path):
    """Plugins, start, up, batches, down, stop: the observer sees them as they were decided, counts last."""
    report = await run(feed(tmp_path, ONE, a=ten))
    records = STAGE.observers["main"].records
    kinds = [type(record) for record in records if not isinstance(record, PluginLoaded)]
    assert kinds[:2] == [FeedStarted, LegUp]
    assert kinds[-4:] == [FeedStopping, QualityMeasured, LatencyMeasured, FeedStopped]
    assert kinds.count(Routed) == 10
    assert records[-1].delivered == {"trades": 10}
    assert records[-1].cause == "ended"
    assert report.delivered == {"trades": 10}
    assert report.received == {"a": {"trades": 10}}
    assert report.audit == {"records": len(records)}
    assert report.sinks["collecting"].written == 10
    assert STAGE.sinks["main"].closed


async def test_every_tick_is_in_exactly_one_place(tmp_path):
    """Delivered, rejected or suppressed: the records of the observer hold each tick that was received, once."""

    async def mixed(session):
        session.up()
        for number in range(1, 200):
            wrong, again = number % 7 == 0, number % 5 == 0
            first = make_trade("5000000" if wrong else "100", id=number, provider=session.name)
            quote = make_quote(provider=session.name)
            await session.ticks(first, first if again and not wrong else quote)

    head = HEAD.replace("[validation]", "[validation]\ngrowing_ids = false")  # so that the route suppresses
    report = await run(feed(tmp_path, ONE, head, a=mixed))
    routed = [record for record in STAGE.observers["main"].records if isinstance(record, Routed)]
    delivered = sum(tick.counted_as != "gaps" for record in routed for tick in record.delivered)
    rejected = sum(len(record.rejected) for record in routed)
    suppressed = sum(len(held.ticks) for record in routed for held in record.suppressed)
    assert delivered + rejected + suppressed == sum(report.received["a"].values()) == 398
    assert rejected == 28
    assert report.suppressed == {"duplicate": suppressed}
    assert STAGE.sinks["main"].ids == [number for number in range(1, 200) if number % 7]


async def test_what_comes_again_is_a_finding_within_a_session_and_suppressed_after_it(
    tmp_path,
):
    """A venue may repeat itself to a new connection; to the same one it must not."""

    async def repeating(session):
        session.up()
        await session.trades(*((1, 2, 2, 3) if session.number == 1 else (2, 3, 4)))
        if session.number == 1:
            raise TransientError("cut", provider=session.name)

    report = await run(feed(tmp_path, ONE, a=repeating))
    assert report.rejected == {"id_order": 1}
    assert report.rejected_ticks == 1
    assert report.suppressed == {"duplicate": 2}
    assert STAGE.sinks["main"].ids == [1, 2, 3, 4]


async def test_a_stop_drains_what_was_taken_in(tmp_path):
    """The sources end; everything that they handed over is delivered, and nothing after it."""
    STAGE.sinks["main"] = sink = Collecting(open_gate=False)
    runner = Runner(feed(tmp_path, ONE, a=for_ever))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        with anyio.fail_after(10):
            await sink.waiting.wait()
        for _ in range(200):
            await anyio.lowlevel.checkpoint()
        runner.stop()
        sink.gate.set()
    assert sink.ids == list(range(1, len(sink.ids) + 1))
    assert len(sink.ids) > 1
    assert runner.report().received["a"]["trades"] == len(sink.ids)


async def test_a_sink_that_hangs_is_left_behind_at_the_deadline(tmp_path):
    """After stop_s the rest is cancelled, and what was not written is counted as dropped."""
    STAGE.sinks["main"] = sink = Collecting(open_gate=False)
    plan = feed(tmp_path, ONE + "[limits]\nstop_s = 0.05\n", a=ten)
    report = await run(plan)
    assert report.sinks["collecting"].written == 0
    assert report.sinks["collecting"].dropped == 10
    assert sink.closed


@pytest.mark.parametrize("as_frames", [False, True])
async def test_a_stop_s_deadline_leaves_nothing_unaccounted(tmp_path, as_frames):
    """A sink that hangs, full queues: what was taken in and never delivered is recorded as suppressed, to the last."""
    taken = []

    async def much(session):
        session.up()
        for number in range(1, 10_000):
            if as_frames:
                await session.frames(b"%d" % number)
            else:
                await session.trades(number)
            taken.append(number)

    STAGE.sinks["main"] = Collecting(open_gate=False)
    small = "[limits]\nstop_s = 0.05\nroute_batches = 5\nintake_batches = 5\n"
    plan = feed(tmp_path, ONE.replace("[watching]", "queue_ticks = 3\n[watching]") + small, a=much)
    runner = Runner(plan)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        with anyio.fail_after(10):
            await STAGE.sinks["main"].waiting.wait()
        for _ in range(300):
            await anyio.lowlevel.checkpoint()
        runner.stop()
    report = runner.report()
    received, delivered = report.received["a"]["trades"], report.delivered["trades"]
    assert received == len(taken)
    assert received == delivered + report.suppressed["stop deadline"]
    assert report.suppressed["stop deadline"] >= 4
    assert report.sinks["collecting"].dropped == delivered


async def test_max_ticks(tmp_path):
    """The feed ends by itself once so many are delivered."""
    report = await run(feed(tmp_path, ONE, a=for_ever), max_ticks=25)
    assert report.delivered["trades"] >= 25


async def test_a_leg_reconnects_and_its_hole_is_marked(tmp_path):
    """Lost and back: the reconnect is counted, ids that were missed stand in a gap, repeated ones are suppressed."""

    async def twice(session):
        session.up()
        if session.number == 1:
            await session.trades(1, 2, 3)
            raise TransientError("lost", provider=session.name)
        await session.trades(2, 3, 6, 7)

    report = await run(feed(tmp_path, ONE, a=twice))
    assert report.reconnects == {"a": 1}
    assert report.suppressed == {"duplicate": 2}
    assert STAGE.sinks["main"].ids == [1, 2, 3, 6, 7]
    (gap,) = [tick for tick in STAGE.sinks["main"].ticks if isinstance(tick, Gap)]
    assert (gap.from_id, gap.to_id, gap.cause) == (4, 5, "reconnect")
    downs = [record for record in STAGE.observers["main"].records if isinstance(record, LegDown)]
    assert [(down.cause, down.permanent) for down in downs] == [("lost", False), ("ended", True)]


async def test_a_leg_is_retried_for_ever(tmp_path):
    """Fifty failures in a row, each told with its pause, none above its bound; then venue and leg are back."""

    async def long_lost(session):
        session.up()
        if session.number <= 50:
            raise TransientError("lost", provider=session.name)
        await session.trades(1)

    report = await run(feed(tmp_path, ONE, a=long_lost))
    downs = [record for record in STAGE.observers["main"].records if isinstance(record, LegDown)]
    assert [down.failures for down in downs[:50]] == list(range(1, 51))
    assert all(0 <= down.retry_in_s <= 0.0024 for down in downs[:50])
    assert report.delivered == {"trades": 1}


async def test_a_permanent_error_is_not_tried_again(tmp_path):
    """Wrong credentials, an unknown instrument: one session, one event that says so."""

    async def refused(session):
        session.up()
        raise PermanentError("key refused; mend key_id", provider=session.name)

    with pytest.raises(PermanentError, match="mend key_id"):
        await run(feed(tmp_path, ONE, a=refused))
    assert STAGE.sessions["a"] == 1
    (down,) = [record for record in STAGE.observers["main"].records if isinstance(record, LegDown)]
    assert (down.permanent, down.retry_in_s) == (True, None)


async def test_a_secret_that_a_venue_repeats_is_in_no_event(tmp_path, monkeypatch):
    """What is told of a lost leg or a failed sink is sealed, sent and drawn: no secret that was resolved is in it."""
    monkeypatch.setenv("ECHOED", "qZ8vLr3TmN5sYb2WxE6u")
    secret = Secret(env="ECHOED").resolve(tmp_path)

    class Echoing(Collecting):
        async def write(self, ticks):
            await anyio.lowlevel.checkpoint()
            raise SinkError(f"postgresql://user:{secret}@db refuses")

    async def refused(session):
        session.up()
        if session.number == 1:
            raise TransientError(f"401 Invalid key {secret}", provider=session.name)
        await session.trades(1)

    STAGE.sinks["main"] = Echoing()
    await run(feed(tmp_path, TWO_SINKS, a=refused))
    records = STAGE.observers["main"].records
    down = next(record for record in records if isinstance(record, LegDown))
    (failed,) = [record for record in records if isinstance(record, SinkFailed)]
    assert down.detail == "401 Invalid key [secret]"
    assert failed.cause.endswith("postgresql://user:[secret]@db refuses")


async def test_a_venue_s_pause_is_kept(tmp_path):
    """`retry_after_s` stands above the backoff."""

    async def busy(session):
        session.up()
        if session.number == 1:
            raise TransientError("busy", provider=session.name, retry_after_s=0.07)
        await session.trades(1)

    await run(feed(tmp_path, ONE, a=busy))
    (down, _) = [record for record in STAGE.observers["main"].records if isinstance(record, LegDown)]
    assert down.retry_in_s == 0.07


@pytest.mark.parametrize("error", [TransientError, PermanentError])
async def test_a_feed_that_cannot_begin_ends_with_the_leg_s_error(tmp_path, error):
    """No leg was ever up: whoever started the feed is told why."""

    async def refused(session):
        raise error("port refused; start the venue", provider=session.name)

    with pytest.raises(error, match="start the venue"):
        await run(feed(tmp_path, ONE, a=refused))
    assert isinstance(STAGE.observers["main"].records[-1], FeedStopped)


async def test_a_venue_that_asks_to_wait_at_the_start_is_waited_for(tmp_path):
    """There is nothing to mend, as where an earlier run's connection still counts; the person is told."""

    async def later(session):
        if session.number < 3:
            raise TransientError(
                "one connection too many", provider=session.name, cause="limited", retry_after_s=0.01
            )
        session.up()
        await session.trades(1)

    report = await run(feed(tmp_path, ONE, a=later))
    assert report.delivered == {"trades": 1}
    waits = [one for one in report.warnings if "deliver" not in one]
    assert waits == ["leg a waits 0 s: one connection too many"] * 2


async def test_a_feed_may_be_told_to_go_on_trying(tmp_path):
    """retry_at_start: the first failure is like any other."""

    async def later(session):
        if session.number < 4:
            raise TransientError("not yet", provider=session.name)
        session.up()
        await session.trades(1)

    head = HEAD.replace("cap_s = 0.002", "cap_s = 0.002\nretry_at_start = true")
    report = await run(feed(tmp_path, ONE, head=head, a=later))
    assert report.delivered == {"trades": 1}


HYBRID = """
[providers.b]
plugin = "scripted"
script = "b"
[route]
kind = "hybrid"
primary = "a"
fallback = "b"
"""


async def test_a_provider_s_defect_ends_its_leg_alone(tmp_path):
    """An exception that is none of ours is a permanent end of that leg; the message says whose defect it is."""

    async def broken(session):
        session.up()
        await session.trades(1)
        raise ZeroDivisionError("oops")

    async def good(session):
        session.up()
        await anyio.sleep(0.05)
        await session.trades(1, 2, 3)

    report = await run(feed(tmp_path, ONE + HYBRID, a=broken, b=good))
    assert STAGE.sinks["main"].ids == [1, 2, 3]
    assert report.suppressed == {"duplicate": 1}
    downs = {
        record.provider: record for record in STAGE.observers["main"].records if isinstance(record, LegDown)
    }
    assert downs["a"].permanent
    assert "defect of its own, ZeroDivisionError: oops" in downs["a"].detail


async def test_a_decoder_s_defect_costs_the_payload_alone(tmp_path):
    """What it fails on is kept with its raw bytes; the payloads beside it are read."""

    async def frames(session):
        session.up()
        await session.frames(b"1", b"defect", b"2")

    report = await run(feed(tmp_path, ONE, a=frames))
    assert report.delivered == {"trades": 2}
    assert report.undecodable == 1
    (rejected,) = [
        one for r in STAGE.observers["main"].records if isinstance(r, Routed) for one in r.rejected
    ]
    assert rejected.tick.raw == b"defect"
    assert "LookupError" in rejected.tick.reason


TWO_SINKS = ONE + '[[sinks]]\nplugin = "collecting"\nname = "other"\nkey = "other"\n'


async def test_a_sink_that_fails_closes_its_lane_alone(tmp_path):
    """The other sink gets everything; the failure is an event, and what it cost is counted."""
    STAGE.sinks["main"] = Collecting(fails_at=3)
    report = await run(feed(tmp_path, TWO_SINKS, a=ten))
    assert STAGE.sinks["other"].ids == list(range(1, 11))
    (failed,) = [record for record in STAGE.observers["main"].records if isinstance(record, SinkFailed)]
    assert "No space left on device" in failed.cause
    counts = report.sinks["collecting"]
    assert counts.written + counts.dropped == 10
    assert counts.dropped > 0


async def test_a_feed_without_a_sink_that_works_ends(tmp_path):
    """The last lane failed: going on would deliver to nobody."""
    STAGE.sinks["main"] = Collecting(fails_at=3)
    with pytest.raises(SinkError, match="no sink is left"):
        await run(feed(tmp_path, ONE, a=for_ever))


async def test_an_observer_that_fails_halts_the_feed(tmp_path):
    """Unrecorded data must not flow."""
    STAGE.observers["main"] = Watching(fails_at=5)
    with pytest.raises(AuditError, match="cannot record"):
        await run(feed(tmp_path, ONE, a=for_ever))


async def test_a_slow_observer_holds_the_feed_and_not_the_memory(tmp_path):
    """Ticks wait for it up to the bound; then the legs wait; in the end it has seen everything."""
    gate = anyio.Event()
    STAGE.observers["main"] = Watching(gate=gate)
    small = "[limits]\nobserver_ticks = 50\nintake_batches = 2\nroute_batches = 2\n"

    async def wide(session):
        session.up()
        for number in range(100):
            await session.trades(*range(10 * number, 10 * number + 10))

    runner = Runner(feed(tmp_path, ONE + small, a=wide))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        for _ in range(2_000):
            await anyio.lowlevel.checkpoint()
        assert runner.tally.delivered_ticks <= 70
        gate.set()
    routed = [record for record in STAGE.observers["main"].records if isinstance(record, Routed)]
    assert sum(len(record.delivered) for record in routed) == 1_000


LANE = """
[providers.a]
plugin = "scripted"
script = "a"
[[sinks]]
plugin = "collecting"
queue_ticks = 10
on_overflow = "{}"
[watching]
"""


async def with_a_held_sink(tmp_path, policy, script):
    """Run with a sink whose first write waits until the source has ended."""
    STAGE.sinks["main"] = sink = Collecting(open_gate=False)

    async def source(session):
        session.up()
        await session.trades(0)
        await sink.waiting.wait()
        await script(session)
        for _ in range(300):
            await anyio.lowlevel.checkpoint()
        sink.gate.set()

    report = await run(feed(tmp_path, LANE.format(policy), a=source))
    return sink, report


async def test_drop_oldest_tells_the_sink(tmp_path):
    """The newest stay; what was given up is counted and stands before them as a gap with its ids."""

    async def flood(session):
        for number in range(1, 41):
            await session.trades(number)

    sink, report = await with_a_held_sink(tmp_path, "drop_oldest", flood)
    assert sink.ids == [0, *range(31, 41)]
    (gap,) = [tick for tick in sink.ticks if isinstance(tick, Gap)]
    assert (gap.from_id, gap.to_id, gap.cause) == (1, 30, "overflow")
    assert report.sinks["collecting"].dropped == 30


async def test_conflate_keeps_the_newest_state_and_every_trade(tmp_path):
    """Quotes and tickers give way to newer ones of their instrument; a trade never does."""

    async def flood(session):
        for number in range(1, 6):
            quotes = [make_quote(provider=session.name, update_id=10 * number + n) for n in range(4)]
            trade = make_trade(id=number, provider=session.name)
            await session.ticks(trade, *quotes, make_ticker(provider=session.name))

    sink, report = await with_a_held_sink(tmp_path, "conflate", flood)
    assert sink.ids == list(range(6))
    quotes = [tick for tick in sink.ticks if tick.counted_as == "quotes"]
    assert quotes[-1].update_id == 53
    assert report.sinks["collecting"].dropped > 0


async def test_halt_ends_the_feed(tmp_path):
    """A lane that must not lose anything and is full stops the feed, with the remedy."""

    async def flood(session):
        for number in range(1, 400):
            await session.trades(number)

    with pytest.raises(SinkError, match="raise queue_ticks"):
        await with_a_held_sink(tmp_path, "halt", flood)


async def test_block_loses_nothing(tmp_path):
    """The route waits, and the leg behind it."""

    async def source(session):
        session.up()
        for number in range(1, 2_000):
            await session.trades(number)

    await run(feed(tmp_path, LANE.format("block"), a=source))
    assert STAGE.sinks["main"].ids == list(range(1, 2_000))


async def test_a_cancelled_feed_still_closes_its_sinks(tmp_path):
    """Cancellation is never swallowed, and sinks are left in order."""
    plan = feed(tmp_path, ONE, a=for_ever)
    runner = Runner(plan)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        while not (STAGE.sinks.get("main") and STAGE.sinks["main"].ids):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    assert STAGE.sinks["main"].closed
    assert runner.ended


async def test_errors_are_feed_errors(tmp_path):
    """Whatever a feed ends with can be told by its branch of the tree."""
    assert issubclass(SinkError, FeedError)
    assert issubclass(PermanentError, FeedError)


NESTED = """
[providers.a]
plugin = "scripted"
script = "a"
[providers.b]
plugin = "scripted"
script = "b"
[providers.c]
plugin = "scripted"
script = "c"
[route]
kind = "hybrid"
primary = "a"
fallback = { kind = "hybrid", primary = "b", fallback = "c", start_grace_s = 0.05 }
start_grace_s = 0.05
[[sinks]]
plugin = "collecting"
[watching]
"""


async def test_a_route_in_a_route(tmp_path):
    """Primary and first fallback end; the last one speaks, and what it brought before is not lost."""
    ended = [anyio.Event(), anyio.Event()]

    async def first(session):
        session.up()
        await session.trades(1, 2)
        ended[0].set()
        raise PermanentError("gone", provider=session.name)

    async def second(session):
        session.up()
        await ended[0].wait()
        await session.trades(2, 3)
        ended[1].set()
        raise PermanentError("gone too", provider=session.name)

    async def third(session):
        session.up()
        await session.trades(1, 2, 3, 4)
        await ended[1].wait()
        await anyio.sleep(0.1)
        await session.trades(5)

    report = await run(feed(tmp_path, NESTED, a=first, b=second, c=third))
    assert STAGE.sinks["main"].ids == [1, 2, 3, 4, 5]
    assert [(switch.from_leg, switch.to_leg) for switch in report.switches][-1][1] == "c"
    assert not [tick for tick in STAGE.sinks["main"].ticks if isinstance(tick, Gap)]


COLD = ONE + HYBRID.replace('fallback = "b"', 'fallback = "b"\nstandby = "cold"\nfailback_after_s = 0.2')


async def test_a_cold_standby_is_opened_on_failover_and_closed_after_failback(tmp_path):
    """It has no session before it is needed, and none after."""
    rested = anyio.Event()

    async def primary(session):
        session.up()
        if session.number == 1:
            await session.trades(1, 2)
            assert STAGE.sessions["b"] == 0
            raise TransientError("lost", provider=session.name, retry_after_s=0.2)
        number = 10
        while True:
            number += 1
            await session.trades(number)
            await anyio.sleep(0.01)

    async def standby(session):
        session.up()
        try:
            await session.trades(3, 4)
            await anyio.sleep_forever()
        finally:
            rested.set()

    plan = feed(tmp_path, COLD, a=primary, b=standby)
    runner = Runner(plan)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run)
            await rested.wait()
            runner.stop()
    switches = [(switch.to_leg, switch.cause.partition(":")[0]) for switch in runner.report().switches]
    assert switches == [("b", "down"), ("a", "failback")]
    assert STAGE.sessions["b"] == 1
    ids = STAGE.sinks["main"].ids
    assert ids[:4] == [1, 2, 3, 4]
    assert ids == sorted(set(ids))
