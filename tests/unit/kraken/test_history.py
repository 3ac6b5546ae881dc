"""The archive where it is not as one would like it: no longer there, unknown, limited, garbled, all of one moment."""

from contextlib import asynccontextmanager

import pytest

from ticktrail.errors import PermanentError, TransientError
from ticktrail.events import VenueTrouble
from ticktrail.moments import rfc3339_of_ns
from ticktrail.testing.venue import Answer, Fault
from ticktrail_kraken.history import open_history
from ticktrail_kraken.testing.tape import KrakenTape
from ticktrail_kraken.testing.venue import KrakenVenue
from unit.kraken.stage import context, settings_at

pytestmark = pytest.mark.anyio
S = 1_000_000_000
START = 1_780_000_020 * S
MINUTE = 60 * S


@pytest.fixture
def anyio_backend():
    return "trio"


def trade(number, at_ns):
    raw = (
        f'{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"sell","price":650.10,"qty":0.00200000,'
        f'"trade_id":{number},"timestamp":"{rfc3339_of_ns(at_ns)}"}}]}}'
    )
    return "BTC/USD@trade", raw.encode()


def bar(number):
    raw = (
        f'{{"channel":"ohlc","type":"update","data":[{{"symbol":"BTC/USD","open":1.5,"high":1.5,"low":1.5,"close":1.5,'
        f'"vwap":1.5,"trades":1,"volume":2.0,"interval":1,"interval_begin":'
        f'"{rfc3339_of_ns(START + number * MINUTE)}"}}]}}'
    )
    return "BTC/USD@ohlc", raw.encode()


@asynccontextmanager
async def archive(past=(), told=None, instruments=("BTC/USD",), **settings):
    events = [] if told is None else told
    async with (
        KrakenVenue(KrakenTape(("BTC/USD",)), past=past).serve() as at,
        open_history(settings_at(at, **settings), context(*instruments), events.append) as history,
    ):
        yield at, history


async def fetch(history, channel="trades", start_ns=START, end_ns=START + 60 * MINUTE, instrument="BTC/USD"):
    ticks, cursor = [], None
    for _ in range(100):
        page = await history.page(instrument, channel, start_ns=start_ns, end_ns=end_ns, cursor=cursor)
        ticks += page.ticks
        cursor = page.cursor
        if cursor is None:
            assert page.through_ns == end_ns
            return ticks
    raise AssertionError("the pages have no end")


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
async def test_trades_of_one_moment_across_pages(rows):
    """None lacks and none comes twice, wherever a page ends; a page that is all of one moment leads on."""
    at_ns = [START + 1, START + 1, START + 1, START + 2, START + 2, START + 9]
    past = [trade(number, one) for number, one in enumerate(at_ns, 1)]
    async with archive(past, page_rows=rows) as (_, history):
        found = await fetch(history)
    wanted = [1, 2, 3, 4, 5, 6] if rows >= 4 else None
    ids = [tick.id for tick in found]
    assert ids == sorted(set(ids))
    if wanted:
        assert ids == wanted
    assert ids[0] == 1
    assert ids[-1] == 6


async def test_a_trade_says_what_the_archive_says():
    """Digits, side, time to the nanosecond."""
    async with archive([trade(5, START + 123_456_789)]) as (_, history):
        (tick,) = await fetch(history)
    assert (str(tick.price), str(tick.size), tick.side) == ("650.10", "0.00200000", "sell")
    assert (tick.id, tick.event_ns, tick.backfilled) == (5, START + 123_456_789, True)


async def test_bars_that_the_venue_has_no_more():
    """Are not passed over: the error says what is to be done."""
    async with archive([bar(number) for number in range(900)]) as (_, history):
        with pytest.raises(PermanentError, match=r"only the newest 720 bars of 1 min.*fetch the trades"):
            await fetch(history, "bars")
        kept = await fetch(history, "bars", start_ns=START + 200 * MINUTE, end_ns=START + 260 * MINUTE)
    assert len(kept) == 60
    assert all(tick.final for tick in kept)


async def test_the_bar_that_is_being_made_is_left_out():
    """The venue's last row is not over."""
    async with archive([bar(number) for number in range(5)]) as (_, history):
        assert len(await fetch(history, "bars")) == 4


async def test_a_pair_that_there_is_not():
    """For good."""
    async with archive(instruments=("BTC/USD", "NO/USD")) as (_, history):
        with pytest.raises(PermanentError, match=r"no history of NO/USD trades: EQuery:Unknown asset pair"):
            await fetch(history, instrument="NO/USD")


@pytest.mark.parametrize(
    "body", [b'{"error":["EGeneral:Too many requests"]}', b'{"error":["EAPI:Rate limit exceeded"]}']
)
async def test_a_limit_is_kept(body):
    """Told, and nothing is asked meanwhile."""
    told = []
    async with archive([trade(1, START)], told, limited_wait_s=9.0) as (at, history):
        at.answer = lambda path, query: Answer(200, body)
        with pytest.raises(TransientError) as limited:
            await fetch(history)
        asked = len(at.asked())
    assert (limited.value.cause, limited.value.retry_after_s) == ("limited", 9.0)
    assert [event.retry_in_s for event in told if isinstance(event, VenueTrouble)] == [9.0]
    assert asked == 1


async def test_http_429_says_how_long():
    """As any server does."""
    async with archive([trade(1, START)]) as (at, history):
        await at.do(Fault(kind="refuse", status=429, retry_after_s=8, at_s=0))
        with pytest.raises(TransientError) as limited:
            await fetch(history)
    assert (limited.value.cause, limited.value.retry_after_s) == ("limited", 8.0)


@pytest.mark.parametrize(
    "said",
    [
        b"<html>",
        b"[]",
        b'{"error":[]}',
        b'{"error":[],"result":{"last":"1"}}',
        b'{"error":[],"result":{"XXBTZUSD":[["NaN","1",1.5,"b","m","",1]],"last":"1"}}',
        b'{"error":[],"result":{"XXBTZUSD":[["1","1",-1,"b","m","",1]],"last":"1"}}',
        b'{"error":[],"result":{"XXBTZUSD":[["1","1"]],"last":"1"}}',
        b'{"error":["EService:Unavailable"]}',
    ],
)
async def test_an_answer_that_makes_no_sense(said):
    """Is no page: it may be asked for again."""
    async with archive([trade(1, START)]) as (at, history):
        at.answer = lambda path, query: Answer(200, said)
        with pytest.raises(TransientError):
            await fetch(history)


async def test_a_cursor_of_somebody_else():
    """Is told."""
    async with archive([trade(1, START)]) as (_, history):
        with pytest.raises(PermanentError, match="is no cursor of Kraken's"):
            await history.page("BTC/USD", "trades", start_ns=START, end_ns=START + 1, cursor="id 5")
