"""An archive that answers nonsense: a backfill that is complete has everything, once, in order, or marks a hole."""

import json
import re
import time

import anyio
import pytest
import trio

from ticktrail._backfill.plan import plan_backfill
from ticktrail._engine.runner import Runner
from ticktrail.errors import FeedError
from ticktrail.model import Gap
from unit.binance.script import LISTING
from unit.binance.test_rest import http
from unit.engine.stage import STAGE, Collecting, Stage, Watching, feed

pytestmark = pytest.mark.anyio

MS = 1_000_000
BEGIN_MS, STEP_MS = 1_700_000_040_000, 60_000
TRADES, BARS = 5_000, 2_500
FEED = """\
[feed]
name = "stage"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades", "agg_trades", "bars"]
[clock]
servers = []
[backoff]
first_s = 0.01
cap_s = 0.02
[providers.binance]
ws_url = "ws://127.0.0.1:1"
rest_url = "{url}"
answer_s = 2.0
connect_s = 2.0
[[sinks]]
plugin = "collecting"
[watching]
"""


def asked_for(target, key):
    found = re.search(rf"{key}=(\d+)", target)
    return int(found[1]) if found else None


def trade(number):
    return {"id": number, "price": "1", "qty": "1", "time": BEGIN_MS + number, "isBuyerMaker": True}


def aggregate(number):
    at = BEGIN_MS + number
    return {"a": number, "p": "1", "q": "1", "f": number, "l": number, "T": at, "m": True}


def bar(number, length_ms=STEP_MS):
    begin = BEGIN_MS + number * STEP_MS
    return [begin, "1", "1", "1", "1", "1", begin + length_ms - 1, "1", 1, "1", "1", "0"]


def sound(target):
    """What an archive of 5,000 trades, a millisecond each, and 2,500 bars gives."""
    if "klines" in target:
        first, last = asked_for(target, "startTime"), asked_for(target, "endTime")
        within = [number for number in range(BARS) if first <= BEGIN_MS + number * STEP_MS <= last]
        return [bar(number) for number in within[: asked_for(target, "limit")]]
    make = aggregate if "aggTrades" in target else trade
    if asked_for(target, "startTime") is not None:
        return [aggregate(0)]
    first = asked_for(target, "fromId")
    if first is None:
        return [make(TRADES - 1)]
    return [make(number) for number in range(first, min(first + asked_for(target, "limit"), TRADES))]


class Outcome:
    """What became of a backfill."""

    def __init__(self, job, sink, error, questions):
        self.done = job.progress.done
        self.ticks = [tick for tick in sink.ticks if not isinstance(tick, Gap)]
        self.gaps = [tick for tick in sink.ticks if isinstance(tick, Gap)]
        self.error = error
        self.questions = questions

    @property
    def numbers(self):
        return [tick.id for tick in self.ticks]

    @property
    def bars(self):
        return [(tick.start_ns // MS - BEGIN_MS) // STEP_MS for tick in self.ticks]


async def fetch(tmp_path, channel, answer=sound, *, end_ms=None, end_ns=None):
    """Run a whole backfill at an archive that answers so."""
    STAGE.__dict__.update(Stage().__dict__)
    sink = STAGE.sinks["main"] = Collecting()
    STAGE.observers["main"] = Watching()
    questions = []

    async def serve(stream):
        target = (await stream.receive_some()).split(b" ")[1].decode()
        if "exchangeInfo" in target:
            body = LISTING
        elif target.split("?")[0].endswith("/time"):
            body = {"serverTime": time.time_ns() // MS}
        else:
            questions.append(target)
            body = answer(target)
        await stream.send_all(http(200, json.dumps(body).encode()))
        await stream.send_eof()

    length_ms = BARS * STEP_MS if channel == "bars" else STEP_MS
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, serve, 0)
        url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        job = plan_backfill(
            feed(tmp_path, FEED.format(url=url), head=""),
            start_ns=BEGIN_MS * MS,
            end_ns=end_ns or (end_ms or BEGIN_MS + length_ms) * MS,
            channels=[channel],
        )
        error = None
        with anyio.fail_after(20):
            try:
                await Runner(job.plan).run()
            except FeedError as exc:
                error = exc
        nursery.cancel_scope.cancel()
    return Outcome(job, sink, error, questions)


KINDS = ["trades", "agg_trades"]


@pytest.mark.parametrize("channel", KINDS)
async def test_a_sound_archive(tmp_path, channel):
    """The measure for all that follows."""
    outcome = await fetch(tmp_path, channel)
    assert outcome.numbers == list(range(TRADES))
    assert outcome.done
    assert not outcome.gaps


async def test_sound_bars(tmp_path):
    """The same of bars."""
    outcome = await fetch(tmp_path, "bars")
    assert outcome.bars == list(range(BARS))
    assert outcome.done


@pytest.mark.parametrize("channel", [*KINDS, "bars"])
async def test_a_period_that_ends_within_a_millisecond(tmp_path, channel):
    """As one that ends now does: it is complete, to the nanosecond."""
    outcome = await fetch(tmp_path, channel, end_ns=BEGIN_MS * MS + 300 * MS + 123_456)
    assert outcome.error is None
    assert outcome.done
    assert len(outcome.ticks) == (1 if channel == "bars" else 301)


def at_page(number, spoil):
    """Spoil the page of trades that begins at an id, whenever it is asked for."""

    def answer(target):
        rows = sound(target)
        return spoil(rows) if asked_for(target, "fromId") == number else rows

    return answer


def in_the_future(rows):
    for row in rows[-1:]:
        row["T" if "a" in row else "time"] = 8_999_999_999_999
    return rows


def with_an_absurd_id(rows):
    rows[500]["a" if "a" in rows[500] else "id"] = 2**63 - 1
    return rows


def with_a_size(size):
    def spoil(rows):
        rows[500]["q" if "a" in rows[500] else "qty"] = size
        return rows

    return spoil


SPOILT = {
    "empty": lambda rows: [],
    "future": in_the_future,
    "twice": lambda rows: rows[:10] + rows[5:],
    "reversed": lambda rows: rows[::-1],
    "absurd id": with_an_absurd_id,
    "negative size": with_a_size("-5"),
    "no size": with_a_size("0"),
    "no rows": lambda rows: {"no": "list"},
}


@pytest.mark.parametrize("channel", KINDS)
@pytest.mark.parametrize("spoilt", SPOILT)
async def test_a_page_that_makes_no_sense_is_not_taken(tmp_path, channel, spoilt):
    """It is asked for again a few times; then it ends there, with what was asked, and nothing of the page delivered."""
    outcome = await fetch(tmp_path, channel, at_page(2_000, SPOILT[spoilt]))
    assert outcome.numbers == list(range(2_000))
    assert not outcome.done
    assert outcome.error.cause == "garbled"
    asked = [target for target in outcome.questions if asked_for(target, "fromId") == 2_000]
    assert 5 <= len(asked) <= 7


@pytest.mark.parametrize("channel", KINDS)
async def test_a_page_that_made_no_sense_once(tmp_path, channel):
    """The second answer will do."""
    spoilt = iter([SPOILT["reversed"], SPOILT["empty"]])

    def spoil(rows):
        return next(spoilt, list)(rows)

    outcome = await fetch(tmp_path, channel, at_page(2_000, spoil))
    assert outcome.numbers == list(range(TRADES))
    assert outcome.done


@pytest.mark.parametrize("channel", KINDS)
@pytest.mark.parametrize("first", [0, 2_000])
async def test_trades_that_the_archive_leaves_out(tmp_path, channel, first):
    """Marked by a gap with their ids, be it before the first trade or between two pages."""

    def answer(target):
        wrong = f"fromId={first}&"
        return sound(target.replace(wrong, f"fromId={first + 700}&") if wrong in target else target)

    outcome = await fetch(tmp_path, channel, answer)
    assert outcome.done
    assert [(gap.from_id, gap.to_id) for gap in outcome.gaps] == [(first, first + 699)]
    assert outcome.numbers == [*range(first), *range(first + 700, TRADES)]


@pytest.mark.parametrize("channel", KINDS)
async def test_a_page_that_overlaps(tmp_path, channel):
    """It begins before what was asked for: no answer to it."""
    outcome = await fetch(
        tmp_path, channel, lambda target: sound(target.replace("fromId=2000&", "fromId=1900&"))
    )
    assert outcome.numbers == list(range(2_000))
    assert outcome.error.cause == "garbled"


async def test_rows_that_stand_for_no_trade(tmp_path):
    """The venue's archive has some, with ids of -1: they are passed over, wherever they stand."""

    def answer(target):
        rows = sound(target)
        for row in rows:
            if row.get("a", 1) % 1_000 == 0:
                row["f"] = row["l"] = -1
        return rows if asked_for(target, "startTime") is None else [*rows, aggregate(1)]

    outcome = await fetch(tmp_path, "agg_trades", answer)
    assert outcome.error is None
    assert outcome.done
    assert 0 not in outcome.numbers
    assert 1_001 in outcome.numbers


async def test_a_first_trade_of_another_time(tmp_path):
    """An answer that lies outside of what was asked for."""

    def answer(target):
        return [aggregate(10**9)] if asked_for(target, "startTime") is not None else sound(target)

    outcome = await fetch(tmp_path, "trades", answer)
    assert outcome.error.cause == "garbled"
    assert outcome.ticks == []


SPOILT_BARS = {
    "empty": lambda rows: [],
    "far end": lambda rows: [*rows[:500], bar(1_500, 10**12), *rows[501:]],
    "twice": lambda rows: rows[:10] + rows[5:],
    "reversed": lambda rows: rows[::-1],
    "before": lambda rows: [bar(-100), *rows],
    "other length": lambda rows: [bar(1_000 + number, 5 * STEP_MS) for number in range(len(rows))],
}


@pytest.mark.parametrize("spoilt", SPOILT_BARS)
async def test_bars_that_make_no_sense_are_not_taken(tmp_path, spoilt):
    """Nothing of the page is delivered, and it does not go on for ever; two empty answers are the archive's end."""

    def answer(target):
        rows = sound(target)
        begins = asked_for(target, "startTime") > BEGIN_MS + 999 * STEP_MS
        return SPOILT_BARS[spoilt](rows) if begins and len(rows) > 900 else rows

    outcome = await fetch(tmp_path, "bars", answer)
    assert outcome.bars == list(range(1_000))
    assert outcome.done == (spoilt == "empty")
    assert (outcome.error is None) == (spoilt == "empty")


async def test_an_empty_page_of_bars_is_asked_for_twice(tmp_path):
    """Once is a slip."""
    answers = iter([sound, sound, lambda target: []])

    def answer(target):
        return next(answers, sound)(target)

    outcome = await fetch(tmp_path, "bars", answer)
    assert outcome.bars == list(range(BARS))
    assert outcome.done
