"""Whole backfills: what is fetched is with every sink, once, however often it was interrupted."""

import anyio
import pytest

from ticktrail._engine.runner import Runner
from ticktrail.errors import PermanentError, TransientError
from ticktrail.events import SinkFailed, VenueTrouble
from ticktrail.model import Rejected
from ticktrail.plugin import HistoryPage, Routed
from ticktrail.testing import make_quote, make_trade
from unit.backfill.archive import ARCHIVE, ONE_SINK, TWO_SINKS, S, backfill, run
from unit.engine.stage import STAGE, Collecting, Watching

pytestmark = pytest.mark.anyio

ALL = [(name, number) for name in ("BTC/USDT", "ETH/USDT") for number in range(25)]
PAGES = 6


def lost(page):
    raise TransientError("the line is down", provider="old")


def taken(sink):
    return [(tick.instrument, tick.id) for tick in sink.ticks]


def sinks(*names, **more):
    STAGE.sinks.update({name: Collecting(**more) for name in names})
    return [STAGE.sinks[name] for name in names]


async def test_a_period_is_fetched(tmp_path):
    """Each tick of it once, in order, marked as backfilled, seen by the observer; nothing is left to do."""
    (sink,) = sinks("main")
    watching = STAGE.observers["main"] = Watching()
    job = backfill(tmp_path)
    report = await run(job)
    assert taken(sink) == ALL
    assert all(tick.backfilled for tick in sink.ticks)
    assert report.delivered == {"trades": 50}
    assert job.progress.done
    assert job.progress.part == 1
    assert len(ARCHIVE.asked) == PAGES
    seen = [record for record in watching.records if isinstance(record, Routed)]
    assert sum(len(record.delivered) for record in seen) == 50
    job.progress.forget()
    assert [path.name for path in tmp_path.iterdir()] == ["feed.toml"]


@pytest.mark.parametrize("question", range(2, PAGES + 1))
async def test_an_error_is_gone_on_from(tmp_path, question):
    """The venue declines some question: another run goes on from there, and fetches nothing twice."""

    def declined(page):
        raise PermanentError("no more", provider="old")

    (sink,) = sinks("main")
    ARCHIVE.at_question[question] = declined
    job = backfill(tmp_path)
    with pytest.raises(PermanentError, match="no more"):
        await run(job)
    assert not job.progress.done
    assert 0 < job.progress.part < 1
    again = backfill(tmp_path)
    assert again.progress.resumed
    await run(again)
    assert again.progress.done
    assert again.progress.ticks == 50
    assert taken(sink) == ALL
    assert len(ARCHIVE.asked) == PAGES + 1


@pytest.mark.parametrize("question", range(1, PAGES + 1))
async def test_a_stop_is_gone_on_from(tmp_path, question):
    """Stopped at any page, which the sinks have by the end of the stop: it is not fetched again."""
    (sink,) = sinks("main")
    job = backfill(tmp_path)
    runner = Runner(job.plan)

    def stop(page):
        runner.stop()
        return page

    ARCHIVE.at_question[question] = stop
    with anyio.fail_after(30):
        await runner.run()
    again = backfill(tmp_path)
    await run(again)
    assert taken(sink) == ALL
    assert again.progress.done
    assert (
        len(ARCHIVE.asked) <= PAGES + 1
    )  # what was on its way at the stop, and with nobody, is asked for again


async def test_a_stop_waits_for_the_page_on_its_way(tmp_path):
    """A sink is in the middle of a write: the page is its own before the place is kept, and both before the end."""
    (sink,) = sinks("main", open_gate=False)
    job = backfill(tmp_path)
    runner = Runner(job.plan)
    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run)
            await sink.waiting.wait()
            runner.stop()
            await anyio.wait_all_tasks_blocked()
            assert job.progress.ticks == 0
            sink.gate.set()
    assert taken(sink) == ALL[:10]
    assert job.progress.ticks == 10
    await run(backfill(tmp_path))
    assert taken(sink) == ALL


async def test_a_sink_that_never_takes_the_page(tmp_path):
    """The stop ends at its deadline, and the page, which nobody has, is fetched again."""
    (sink,) = sinks("main", open_gate=False)
    text = '[limits]\nstop_s = 0.3\n[providers.old]\n[[sinks]]\nplugin = "collecting"\n'
    job = backfill(tmp_path, text)
    runner = Runner(job.plan)
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(runner.run)
            await sink.waiting.wait()
            runner.stop()
    assert job.progress.ticks == 0
    sink.gate.set()
    await run(backfill(tmp_path, text))
    assert taken(sink) == ALL


async def test_one_of_two_sinks_fails(tmp_path):
    """It ends there, although the other could go on; the place is before the page that not all of them have."""
    one, two = [*sinks("one"), *sinks("two", fails_at=15)]
    job = backfill(tmp_path, TWO_SINKS)
    with pytest.raises(PermanentError, match="a sink did not take what was fetched"):
        await run(job)
    assert job.progress.ticks == 10
    assert taken(two) == ALL[:10]
    STAGE.sinks["two"] = mended = Collecting()
    again = backfill(tmp_path, TWO_SINKS)
    await run(again)
    assert again.progress.done
    assert taken(two) + taken(mended) == ALL
    assert taken(one) == ALL[:20] + ALL[10:]  # the one page that it had alone comes again, as the error said


async def test_the_only_sink_fails(tmp_path):
    """It ends, what failed is told as an event, and the place is before it."""
    sinks("main", fails_at=15)
    job = backfill(tmp_path)
    told = []
    with pytest.raises(PermanentError, match="a sink did not take what was fetched"):
        await run(job, listener=told.append)
    assert job.progress.ticks == 10
    (failed,) = [record for record in told if isinstance(record, SinkFailed)]
    assert "No space left on device" in failed.cause


async def test_a_line_that_is_down_for_a_while(tmp_path):
    """After the first answer it is waited out, told as an event, and nothing is missed."""
    (sink,) = sinks("main")
    ARCHIVE.at_question.update(dict.fromkeys((2, 3, 6), lost))
    told = []
    await run(backfill(tmp_path), listener=told.append)
    troubles = [record for record in told if isinstance(record, VenueTrouble)]
    assert [trouble.detail for trouble in troubles] == ["the line is down"] * 3
    assert all(trouble.retry_in_s is not None for trouble in troubles)
    assert taken(sink) == ALL


async def test_a_line_that_is_down_from_the_start(tmp_path):
    """The first question of a run: whoever started it is there to mend it; also when it goes on from a place."""
    sinks("main")
    ARCHIVE.at_question[1] = lost
    with pytest.raises(TransientError, match="the line is down"):
        await run(backfill(tmp_path))
    ARCHIVE.at_question = {
        3: lambda page: (_ for _ in ()).throw(PermanentError("x", provider="old")),
        4: lost,
    }
    with pytest.raises(PermanentError):
        await run(backfill(tmp_path))
    with pytest.raises(TransientError, match="the line is down"):
        await run(backfill(tmp_path))


async def test_the_past_of_an_equivalent(tmp_path):
    """The archive is asked by the leg's name; what it gives comes under the feed's, marked."""
    (sink,) = sinks("main")
    text = ONE_SINK.replace("[providers.old]", '[providers.old]\nequivalents = { "BTC/USDT" = "BTC/USDC" }')
    await run(backfill(tmp_path, text))
    assert taken(sink) == ALL
    assert {name for name, _, _ in ARCHIVE.asked} == {"BTC/USDC", "ETH/USDT"}
    assert {tick.equivalent_of for tick in sink.ticks[:25]} == {"BTC/USDC"}
    assert {tick.equivalent_of for tick in sink.ticks[25:]} == {None}


def with_ticks(*ticks, **more):
    return lambda page: HistoryPage(
        **{"ticks": ticks or page.ticks, "through_ns": page.through_ns, "cursor": page.cursor, **more}
    )


@pytest.mark.parametrize(
    ("act", "says"),
    [
        (with_ticks(make_trade(instrument="SOL/USDT", backfilled=True)), "gave a trades of SOL/USDT"),
        (with_ticks(make_quote(instrument="BTC/USDT")), "gave a quotes of BTC/USDT"),
        (with_ticks(make_trade(instrument="BTC/USDT")), "not marked as backfilled"),
        (with_ticks(through_ns=S), "complete beyond the period"),
        (with_ticks(cursor="10"), "stands still at '10'"),
    ],
)  # fmt: skip
async def test_an_answer_that_is_not_of_the_question(tmp_path, act, says):
    """A plugin's defect ends the backfill by name, before anything of it is delivered."""
    (sink,) = sinks("main")
    ARCHIVE.at_question[2] = act
    with pytest.raises(PermanentError, match=says) as caught:
        await run(backfill(tmp_path))
    assert caught.value.cause == "defect"
    assert "report it to the plugin's authors" in str(caught.value)
    assert taken(sink) == ALL[:10]


async def test_what_the_rules_object_to_is_rejected(tmp_path):
    """The past is judged as the present is; its age alone is no fault."""
    (sink,) = sinks("main")
    watching = STAGE.observers["main"] = Watching()

    def spoilt(page):
        bad = replace_price(page.ticks[0])
        return with_ticks(bad, *page.ticks[1:])(page)

    ARCHIVE.at_question[1] = spoilt
    report = await run(backfill(tmp_path))
    rejected = [one for record in watching.records if isinstance(record, Routed) for one in record.rejected]
    assert len(rejected) == 1
    assert isinstance(rejected[0], Rejected)
    assert report.rejected == {"price_range": 1}
    assert ("BTC/USDT", 0) not in taken(sink)
    assert len(taken(sink)) == 49


def replace_price(tick):
    return make_trade("0.00000001", **{name: getattr(tick, name) for name in ("instrument", "provider", "id",
                      "event_ns", "recv_ns", "backfilled")})  # fmt: skip


async def test_a_progress_that_cannot_be_kept(tmp_path):
    """The folder went away meanwhile: it ends with the reason, rather than go on without a place."""
    sinks("main")
    job = backfill(tmp_path, state_dir=tmp_path / "gone")
    with pytest.raises(PermanentError, match="make its folder writable"):
        await run(job)
