"""The steps of prices and sizes: read from the venue's own answers, told where they change, judged by in a feed."""

import json
from decimal import Decimal

import msgspec
import pytest

from recordings import recording
from ticktrail.events import IncrementsLearned, VenueTrouble
from ticktrail.model import Trade
from ticktrail_binance.increments import Increments, Steps
from ticktrail_binance.wire import ExchangeInfo
from ticktrail_mock.venue.binance import serve_binance
from ticktrail_mock.venue.binance.symbols import exchange_info
from ticktrail_mock.venue.binance.tape import RecordingTape
from unit.binance.script import LISTING, scripted
from unit.binance.stage import instruments_of, market_of, session
from unit.binance.test_losses import running_feed
from unit.binance.test_session import tape
from unit.rules.market import NAMES, market

pytestmark = pytest.mark.anyio
BTC = {"BTCUSDT": "BTC/USDT"}


def info(*filters):
    return {**LISTING, "symbols": [{**LISTING["symbols"][0], "filters": filters}, *LISTING["symbols"][1:]]}


def changes(known, *filters):
    """Return what a listing with these filters changes."""
    symbols = msgspec.json.decode(json.dumps(info(*filters)), type=ExchangeInfo).symbols
    return [steps for _, steps in known.changes(symbols)]


def prices(tick, least="0.01000000"):
    return {"filterType": "PRICE_FILTER", "minPrice": least, "maxPrice": "1000000.00000000", "tickSize": tick}


def sizes(lot, least="0.00001000"):
    return {"filterType": "LOT_SIZE", "minQty": least, "maxQty": "9000.00000000", "stepSize": lot}


def test_steps_are_told_where_they_are_new():
    """A listing that says the same again says nothing; filters of other kinds are let pass."""
    known = Increments(BTC)
    other = {"filterType": "ICEBERG_PARTS", "limit": 10}
    stated = Steps(Decimal("0.01"), Decimal("0.00001"))
    assert changes(known) == []
    assert changes(known, prices("0.01000000"), other, sizes("0.00001000")) == [stated]
    assert changes(known, sizes("0.00001000"), prices("0.01000000")) == []
    assert changes(known, prices("0.00100000"), sizes("0.00001000")) == [Steps(Decimal("0.001"), stated.size)]
    assert changes(known) == [Steps()]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([prices("0.00000000"), sizes("1", "1")], Steps(size=Decimal(1))),  # 0 is no rule
        ([prices("-1"), sizes("NaN")], Steps()),
        ([prices("Infinity"), sizes("1E+30", "1E-30")], Steps()),
        (
            [prices("0.10", "556.80"), sizes("0.001", "0.0005")],
            Steps(price=Decimal("0.1")),
        ),  # counted from 0.0005
        ([prices("0.1", "NaN"), sizes("0.1", "sNaN")], Steps()),
        ([{"filterType": "PRICE_FILTER"}], Steps()),
    ],
)
def test_a_step_that_makes_no_sense_is_none(filters, expected):
    """Nothing is judged by it."""
    assert changes(Increments(BTC), *filters) == ([expected] if expected != Steps() else [])


@pytest.mark.parametrize("filters", [[7], [{"filterType": "LOT_SIZE", "stepSize": "much"}], [{}]])
def test_filters_that_cannot_be_read_are_told_once(filters):
    """The instrument's other fields stand, and so do those of the others."""
    known = Increments(BTC)
    (steps,) = changes(known, *filters)
    assert (steps.price, steps.size) == (None, None)
    assert steps.fault
    assert changes(known, *filters) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_listing_and_the_loopback_venue_s_are_one(name):
    """What the venue stated at the time is what the plugin reads through the loopback venue."""
    recorded = RecordingTape(recording(name))
    market_name = market_of(name, recorded)
    api = {"spot": "/api/v3/", "usdm": "/fapi/v1/", "coinm": "/dapi/v1/"}[market_name]
    body = exchange_info(recorded.listing(), None, 0, api=api, states={})
    stated = market(name).stated
    instruments = instruments_of(recorded, market_name, stated)
    found = dict(Increments(instruments).changes(msgspec.json.decode(body, type=ExchangeInfo).symbols))
    assert found == {instruments[symbol]: Steps(*steps) for symbol, steps in stated.items()}


async def test_a_session_tells_them_and_asks_nothing_more():
    """The first question for the status is answered by the listing that was asked for at the start."""
    async with serve_binance(tape()) as venue, session(venue, "BTC/USDT", channels=("trades",)) as listener:
        await listener.until(lambda: listener.told(IncrementsLearned))
        asked = [one.what for one in venue.asked() if "exchangeInfo" in one.what]
    (learned,) = listener.told(IncrementsLearned)
    assert (learned.instrument, learned.provider) == ("BTC/USDT", "leg")
    assert (learned.price, learned.size) == (Decimal("0.01"), Decimal("0.00001"))
    assert len(asked) == 1


async def test_a_change_is_told_within_a_poll():
    """Filters that cannot be read any more are a trouble, with the remedy."""
    stated = [prices("0.01"), sizes("1", "1")]

    def reply(target):
        return info(*stated) if "exchangeInfo" in target else None

    async with (
        scripted(reply) as venue,
        session(venue, "BTC/USDT", channels=("trades",), status_every_s=0.1) as listener,
    ):
        await listener.until(lambda: listener.told(IncrementsLearned))
        stated[0] = prices("0.001", "0.001")
        await listener.until(lambda: len(listener.told(IncrementsLearned)) == 2)
        stated[0] = 7
        await listener.until(lambda: len(listener.told(IncrementsLearned)) == 3)
    told = [(learned.price, learned.size) for learned in listener.told(IncrementsLearned)]
    assert told == [(Decimal("0.01"), 1), (Decimal("0.001"), 1), (None, None)]
    (trouble,) = listener.told(VenueTrouble)
    assert "filters of BTC/USDT" in trouble.detail
    assert "set tick_size" in trouble.detail


async def test_a_feed_flags_what_is_off_its_step(tmp_path):
    """Trades at 1.0 where the price comes in steps of 0.3: they are delivered, with the mark."""

    def reply(target):
        return info(prices("0.3", "0.3"), sizes("1", "1")) if "exchangeInfo" in target else None

    async with scripted(reply) as venue, running_feed(tmp_path, venue) as running:
        await running.until(lambda: running.told(IncrementsLearned))
        await running.until(lambda: venue.connections and len(venue.connections[0].streams) == 2)
        await venue.trades(1, 2)
        await running.until(lambda: len(running.of(Trade)) == 2)
    assert all(trade.flagged for trade in running.of(Trade))
