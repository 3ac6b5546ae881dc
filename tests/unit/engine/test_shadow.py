"""A shadow in a running feed: the candidate changes nothing of what is delivered, and all of it is accounted for."""

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskStatus

from ticktrail._backfill.plan import plan_backfill
from ticktrail._engine.node import Spoke
from ticktrail._engine.runner import Runner
from ticktrail._engine.tree import Tree
from ticktrail._plan import as_json, render
from ticktrail.errors import ConfigError, PermanentError, RouteError, TransientError
from ticktrail.events import FeedStopped, LegSwitched, ShadowCompared
from ticktrail.plugin import Batch, Forward, Routed, Suppress
from ticktrail.testing import make_trade
from unit.backfill.archive import composed
from unit.engine.stage import HEAD, STAGE, Collecting, feed, run
from unit.engine.test_fetch import Past, Scene

pytestmark = pytest.mark.anyio

LEG = """
[providers.{0}]
plugin = "scripted"
script = "{0}"
"""
END = """
[[sinks]]
plugin = "collecting"
[watching]
"""
LEGS = LEG.format("a") + LEG.format("b") + LEG.format("c") + END
SHADOW = '{ kind = "shadow", speaker = "a", candidate = "b" }'
NESTED = f'[route]\nkind = "hybrid"\nprimary = {SHADOW}\nfallback = "c"\n'
HYBRID = '{ kind = "hybrid", primary = "b", fallback = "c" }'
OF_TWO = f'[route]\nkind = "shadow"\nspeaker = "a"\ncandidate = {HYBRID}\n'
PLAIN = '[route]\nkind = "shadow"\nspeaker = "a"\ncandidate = "b"\n'


def summaries():
    return [record for record in STAGE.observers["main"].records if isinstance(record, ShadowCompared)]


async def speaks(session):
    """Forty trades, one a write."""
    session.up()
    for number in range(1, 41):
        await session.trades(number)
        await anyio.lowlevel.checkpoint()


async def breaks(session):
    """Repeats, sends what is no tick, is cut, comes back, and ends for good."""
    session.up()
    await session.trades(1, 1, 7, 900)
    await session.frames(b"defect")
    if session.number < 3:
        raise TransientError("cut", provider=session.name)
    raise PermanentError("no such account", provider=session.name)


async def never(session):
    """Cannot even connect."""
    raise PermanentError("no such account", provider=session.name)


@pytest.mark.parametrize("candidate", [speaks, breaks, never])
async def test_a_candidate_changes_nothing_of_what_is_delivered(tmp_path, candidate):
    """Whatever it does: the speaker's ticks, in order, each once; the candidate's all suppressed; one last summary."""
    report = await run(feed(tmp_path, PLAIN + LEGS, a=speaks, b=candidate, c=never))
    assert STAGE.sinks["main"].ids == list(range(1, 41))
    assert {tick.provider for tick in STAGE.sinks["main"].ticks} == {"a"}
    shadowed = report.suppressed.get("shadow", 0)
    assert shadowed + report.rejected_ticks == report.received["b"].get("trades", 0)
    (event,) = summaries()
    assert event.at_ns > 0
    assert [row.speaker.ticks for row in event.totals] == [40]
    records = STAGE.observers["main"].records
    assert records.index(event) < next(
        place for place, record in enumerate(records) if isinstance(record, FeedStopped)
    )
    reasons = [
        held.reason
        for record in records
        if isinstance(record, Routed) and record.provider == "b"
        for held in record.suppressed
    ]
    assert set(reasons) <= {"shadow"}


async def test_a_lost_speaker_is_not_replaced(tmp_path):
    """Alone in the route nothing is delivered; below a hybrid the fallback speaks, not the candidate."""

    async def once(session):
        session.up()
        await session.trades(1)

    async def fails(session):
        await once(session)
        raise PermanentError("gone", provider=session.name)

    async def later(session):
        session.up()
        await anyio.sleep(0.2)
        await session.trades(2, 3)

    report = await run(feed(tmp_path, PLAIN + LEGS, a=once, b=later, c=never))
    assert (STAGE.sinks["main"].ids, report.suppressed) == ([1], {"shadow": 2})
    STAGE.sinks.clear()
    await run(feed(tmp_path, NESTED + LEGS, a=fails, b=later, c=later))
    assert [
        (tick.provider, tick.id) for tick in STAGE.sinks["main"].ticks if tick.counted_as == "trades"
    ] == [
        ("a", 1),
        ("c", 2),
        ("c", 3),
    ]


@pytest.mark.parametrize("failure", [PermanentError, TransientError])
async def test_a_candidate_keeps_no_feed_alive_that_needs_a_person(tmp_path, failure):
    """A speaker that could not be opened, or will not come back, ends the feed with its error, as it does alone."""

    async def refused(session):
        raise failure("refused", provider=session.name)

    async def lives(session):
        session.up()
        await anyio.sleep_forever()

    with pytest.raises(failure, match="refused"):
        await run(feed(tmp_path, PLAIN + LEGS, a=refused, b=lives, c=never))

    async def loses(session):
        session.up()
        await session.trades(1)
        raise PermanentError("gone", provider=session.name)

    with pytest.raises(PermanentError, match="gone"):
        await run(feed(tmp_path, PLAIN + LEGS, a=loses, b=lives, c=never))
    assert STAGE.sinks["main"].ids == [1]


async def test_a_candidate_does_not_keep_the_last_known_values_back(tmp_path):
    """Where the speaker was the last leg that is ever delivered, they are served although the candidate is up."""
    lost = anyio.Event()

    async def cut(session):
        session.up()
        if session.number == 1:
            await session.trades(1)
            await anyio.sleep(0.05)
            lost.set()
            raise TransientError("cut", provider=session.name)

    async def lives(session):
        session.up()
        await lost.wait()
        await anyio.sleep(0.1)

    serve = '[cache]\ndegraded = "serve_stale"\n'
    await run(feed(tmp_path, PLAIN + LEGS + serve, a=cut, b=lives, c=never))
    assert [(tick.id, tick.stale) for tick in STAGE.sinks["main"].ticks] == [(1, False), (1, True)]


async def test_a_stop_that_runs_out_of_time_keeps_the_summary(tmp_path):
    """A sink that hangs holds the route; what was compared is recorded all the same."""
    STAGE.sinks["main"] = Collecting(open_gate=False)
    handed_over = anyio.Event()

    async def much(session):
        session.up()
        await session.trades(*range(1, 10))
        handed_over.set()
        await anyio.sleep_forever()

    text = PLAIN + LEGS.replace('plugin = "collecting"', 'plugin = "collecting"\nqueue_ticks = 1')
    plan = feed(tmp_path, text, head=HEAD + "[limits]\nstop_s = 0.2\n", a=much, b=never, c=never)
    runner = Runner(plan)

    async def stopped(*, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        task_status.started()
        await handed_over.wait()
        await STAGE.sinks["main"].waiting.wait()
        runner.stop()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            await tasks.start(stopped)
            await runner.run()
    assert sum(row.speaker.ticks for event in summaries() for row in event.totals) == 9


def tree(tmp_path, text):
    plan = feed(tmp_path, text + LEGS, a=speaks, b=speaks, c=speaks)
    root = Tree(plan.route, plan.channels, {leg.name: None for leg in plan.legs})
    for leg in plan.legs:
        root.on_up(leg.name, 1)
    return root


def test_no_order_lets_a_candidate_speak(tmp_path):
    """Not alone and not below a hybrid; its own fallback may take its turn, which nobody sees but the comparison."""
    for text in (PLAIN, NESTED):
        with pytest.raises(RouteError, match="b is never delivered, since it stands below a shadow node"):
            tree(tmp_path, text).steer("switch", "b", None, 1)
    (spoke,) = [
        found for found in tree(tmp_path, OF_TWO).steer("switch", "c", None, 1) if isinstance(found, Spoke)
    ]
    assert (spoke.to_leg, spoke.on_air) == ("c", False)
    (spoke,) = [
        found for found in tree(tmp_path, NESTED).steer("switch", "c", None, 1) if isinstance(found, Spoke)
    ]
    assert (spoke.to_leg, spoke.on_air) == ("c", True)


def test_a_node_may_be_the_candidate(tmp_path):
    """What its own speaker brings is compared, what its standby brings is not; nothing of either is delivered."""
    root = tree(tmp_path, OF_TWO)
    decisions = []
    for leg in ("a", "b", "c"):
        batch = Batch(provider=leg, recv_ns=2, mono_ns=2, session_ns=1, ticks=[make_trade(provider=leg)])
        decisions += root.on_batch(leg, batch, 2)
    decisions += root.drain(3)
    forwarded = [found.batch.provider for found in decisions if isinstance(found, Forward)]
    suppressed = {found.batch.provider: found.reason for found in decisions if isinstance(found, Suppress)}
    assert (forwarded, suppressed) == (["a"], {"b": "shadow", "c": "standby"})


async def test_no_archive_of_a_candidate_is_asked(tmp_path):
    """Neither for the latest value nor for a backfill that names no leg; one that names it is a person's will."""
    speakers, candidates = Past(), Past()
    speakers.error = TransientError("busy", provider="one")
    text = (
        '[providers.one]\nplugin = "old"\n[providers.two]\nplugin = "old"\n[[sinks]]\nplugin = "collecting"\n'
    )
    shadow = '[route]\nkind = "shadow"\nspeaker = "one"\ncandidate = "two"\n'
    scene = Scene(tmp_path, speakers, candidates, text=text + shadow)
    with pytest.raises(TransientError, match="busy"):
        await scene.fetch()
    assert (len(speakers.asked), candidates.asked) == (1, [])
    period = {"start_ns": 1, "end_ns": 2}
    assert plan_backfill(composed(tmp_path, text + shadow), **period).plan.route.leg == "one"
    live = text.replace('[providers.one]\nplugin = "old"', '[providers.one]\nplugin = "new"')
    with pytest.raises(ConfigError):
        plan_backfill(composed(tmp_path, live + shadow), **period)
    assert plan_backfill(composed(tmp_path, live + shadow), provider="two", **period).plan.route.leg == "two"


def test_check_prints_the_node_and_refuses_a_made_up_candidate(tmp_path):
    """The tree says who never speaks; a production feed refuses made-up data in a shadow as anywhere else."""
    plan = feed(tmp_path, PLAIN + LEGS, a=speaks, b=speaks, c=speaks)
    text = render(plan)
    assert "  shadow: window_s = 5.0, window_ticks = 100000, tolerance_ms = 100.0" in text
    assert "├─ a: " in text
    assert "└─ b (never speaks): " in text
    assert b'"mute":[1]' in as_json(plan)
    made_up = '[providers.b]\nplugin = "synthetic"\n'
    production = HEAD.replace('"development"', '"production"')
    with pytest.raises(ConfigError, match='leg "b" makes its data up, which a production feed refuses'):
        feed(tmp_path, PLAIN + LEG.format("a") + made_up, head=production, a=speaks)


async def test_a_switch_within_the_candidate_is_counted_apart(tmp_path):
    """Nobody who takes the ticks saw it."""

    async def ends(session):
        session.up()
        await session.trades(1)
        raise PermanentError("no such account", provider=session.name)

    async def waits(session):
        session.up()
        while not any(isinstance(one, LegSwitched) for one in STAGE.observers["main"].records):  # noqa: ASYNC110 - an observer tells nobody
            await anyio.sleep(0.001)

    report = await run(feed(tmp_path, OF_TWO + LEGS, a=waits, b=ends, c=waits))
    (event,) = [one for one in STAGE.observers["main"].records if isinstance(one, LegSwitched)]
    assert (event.from_leg, event.to_leg, event.on_air) == ("b", "c", False)
    assert report.switches == ()
    assert [(one.from_leg, one.to_leg) for one in report.switches_below] == [("b", "c")]
