"""What Prometheus is told of a run is what the run's report says, family by family."""

import anyio
import pytest

from ticktrail._engine.runner import Runner
from ticktrail.errors import TransientError
from ticktrail.testing import make_quote, make_trade
from unit.dashboard.metered import metering, of, scraped
from unit.engine.stage import HEAD, STAGE, Collecting, Watching, feed

pytestmark = pytest.mark.anyio

LEG = '[providers.{0}]\nplugin = "scripted"\nscript = "{0}"\n'
LANE = '[[sinks]]\nplugin = "collecting"\n[watching]\n[metered]\n'
TWO = '[route]\nkind = "hybrid"\nprimary = "a"\nfallback = "b"\n' + LEG.format("a") + LEG.format("b") + LANE


@pytest.fixture(autouse=True)
def stage():
    STAGE.sinks = {"main": Collecting()}
    STAGE.observers = {"main": Watching()}


async def ran(tmp_path, text, head=HEAD, **scripts):
    """Run to the end; gives the report, and what a scrape after it says."""
    seen = []
    runner = Runner(feed(tmp_path, text, head, beside={"metering": metering(seen)}, **scripts))
    report = await runner.run()
    return report, scraped(seen[0].metrics), seen[0]


async def test_the_counts_of_ticks_are_the_report_s(tmp_path):
    """Received, delivered, rejected, flagged, suppressed, undecodable, gaps: by leg, and in sum the report's."""

    async def mixed(session):
        session.up()
        if session.number > 1:
            await session.trades(8, 9, 14, 15)
            return
        await session.trades(1, 2, 3)
        await session.frames(b"4", b"defect", b"5")
        await session.ticks(
            make_trade("5000000", id=6, provider="a"),
            make_trade("-1", id=7, provider="a"),
            make_quote(provider="a"),
        )
        await session.trades(8, 9, 9)
        raise TransientError("cut", provider="a")

    head = HEAD + '[validation.rules.id_gap]\naction = "flag"\n'
    report, samples, _ = await ran(tmp_path, LEG.format("a") + LANE, head, a=mixed)
    assert of(samples, "ticks_received_total") == {
        (channel, "a"): count for channel, count in report.received["a"].items()
    }
    assert of(samples, "ticks_delivered_total") == {
        (channel, "a"): count
        for channel, count in report.delivered.items()
        if channel not in {"gaps", "switches"}
    }
    assert of(samples, "ticks_rejected_total") == {
        ("a", rule): count for rule, count in report.rejected.items()
    }
    assert of(samples, "ticks_rejected_once_total") == {"a": report.rejected_ticks}
    assert of(samples, "ticks_suppressed_total") == {
        ("a", why): count for why, count in report.suppressed.items()
    }
    assert of(samples, "frames_undecodable_total") == {"a": report.undecodable} == {"a": 1}
    assert of(samples, "ticks_flagged_total") == {
        ("a", rule): count for rule, count in report.flagged.items()
    }
    assert of(samples, "gaps_total") == {("reconnect", "trades"): report.delivered["gaps"]}
    assert of(samples, "leg_reconnects_total") == report.reconnects == {"a": 1}
    assert of(samples, "leg_downs_total") == {("lost", "a"): 1, ("ended", "a"): 1}
    assert of(samples, "lane_written_ticks_total") == {"collecting": report.sinks["collecting"].written}
    assert report.rejected_ticks >= 2
    assert report.flagged
    assert report.suppressed == {"duplicate": 2}
    assert report.received["a"] == {"trades": 14, "quotes": 1}


async def test_a_failover(tmp_path):
    """A leg that fails hands over: the switch and its cause, who speaks now, and the states of both."""

    async def fails(session):
        session.up()
        await session.trades(1, 2, 3)
        raise TransientError("cut", provider="a", cause="lost")

    async def stays(session):
        session.up()
        await anyio.sleep_forever()

    head = HEAD.replace("0.001", "30").replace("0.002", "30")  # the pauses before another try
    seen = []
    runner = Runner(feed(tmp_path, TWO, head, beside={"metering": metering(seen)}, a=fails, b=stays))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(runner.run)
        with anyio.fail_after(30):
            while not runner.tally.switches:  # noqa: ASYNC110 - the runner has no event for it
                await anyio.sleep(0.01)
            await anyio.wait_all_tasks_blocked()
        samples = scraped(seen[0].metrics)
        runner.stop()
    (switch,) = runner.report().switches
    assert (switch.from_leg, switch.to_leg, switch.cause.partition(":")[0]) == ("a", "b", "down")
    assert of(samples, "failovers_total") == of(samples, "switches_total") == {"down": 1}
    assert of(samples, "leg_downs_total") == {("lost", "a"): 1}
    assert of(samples, "leg_state") == {("a", "down"): 1, ("b", "live"): 1}
    assert of(samples, "leg_speaks_for_instruments") == {"b": 1}
    assert of(samples, "leg_failures_in_a_row") == {"a": 1}
    assert (
        of(samples, "not_ready_reason") == {}
    )  # what was delivered a moment ago is fresh, whoever brought it
    assert of(samples, "instruments_not_ready") == {}


async def test_the_latency_is_that_of_every_tick_written(tmp_path):
    """The histogram of the sinks holds each tick once; its sum and its buckets fit the percentiles of the report."""

    async def ten(session):
        session.up()
        await session.trades(*range(1, 11))

    report, samples, _ = await ran(tmp_path, LEG.format("a") + LANE, a=ten)
    buckets = of(samples, "tick_latency_seconds_bucket")
    assert buckets["+Inf"] == samples["ticktrail_tick_latency_seconds_count",] == 10
    counts = [buckets.get(edge, 0) for edge in sorted(buckets, key=float)]
    assert counts == sorted(counts)
    assert 0 < samples["ticktrail_tick_latency_seconds_sum",] <= 10 * report.latency_us.p99 / 1e6


async def test_the_venue_s_delay(tmp_path):
    """Of each batch its newest tick counts, from the venue's time to the socket's; without one nothing does."""
    base_ns = 1_700_000_000_000_000_000

    async def late(session):
        session.up()
        for number, late_ms in enumerate((3, 3, 40, 2_000), start=1):
            tick = make_trade(
                id=number,
                provider="a",
                event_ns=base_ns + number * 10**10,
                recv_ns=base_ns + number * 10**10 + late_ms * 10**6,
            )
            await session.received(tick.recv_ns, tick)
        await session.ticks(make_trade(id=5, provider="a", event_ns=None))

    _, samples, _ = await ran(tmp_path, LEG.format("a") + LANE, a=late)
    buckets = {edge: value for (edge, _), value in of(samples, "venue_latency_seconds_bucket").items()}
    assert buckets == {
        **dict.fromkeys(("0.005", "0.01", "0.025"), 2),
        **dict.fromkeys(("0.05", "0.1", "0.25", "0.5", "1.0"), 3),
        **dict.fromkeys(("2.5", "5.0", "10.0", "30.0", "+Inf"), 4),
    }
    assert samples["ticktrail_venue_latency_seconds_sum", "a"] == pytest.approx(2.046)
