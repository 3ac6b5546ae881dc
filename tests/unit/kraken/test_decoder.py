"""Messages that are not as they should be, and what each one costs."""

import json
import re
from decimal import Decimal

import pytest

from ticktrail.model import Bar, BookSnapshot, Gap, Quote, Status, Ticker, Trade, Undecodable
from ticktrail_kraken.decoder import KrakenDecoder
from ticktrail_kraken.settings import CHANNELS
from ticktrail_kraken.testing.messages import PAYLOADS

LISTING, TRADES, TICKER, BOOK, CHANGE, BAR, NEXT_BAR = (PAYLOADS[at] for at in (2, 4, 5, 6, 7, 8, 10))
ETH = "ETH/USD"


def decoder(*others, channels=CHANNELS):
    lost = []
    made = KrakenDecoder(
        {name: name for name in ("BTC/USD", *others)},
        frozenset(channels),
        "leg",
        book_depth=10,
        on_book_lost=lost.append,
    )
    return made, lost


def of(found, *kinds):
    return [tick for tick in found if isinstance(tick, kinds)]


def trade(number, *, kind="update", symbol="BTC/USD"):
    raw = (
        b'{"channel":"trade","type":"%s","data":[{"symbol":"%s","side":"buy","price":1.50,"qty":2.0,"trade_id":%d,'
        b'"timestamp":"2026-11-30T03:30:26.7Z"}]}'
    )
    return raw % (kind.encode(), symbol.encode(), number)


def bar(minute, close="1.5", *, kind="update", more=()):
    row = (
        '{"symbol":"BTC/USD","open":1.5,"high":9.5,"low":1.0,"close":%s,"trades":1,"volume":2.0,"interval":1,'
        '"interval_begin":"2026-11-30T03:%02d:00.000000000Z"}'
    )
    rows = ",".join(row % (price, at) for at, price in (*more, (minute, close)))
    return f'{{"channel":"ohlc","type":"{kind}","data":[{rows}]}}'.encode()


def test_what_is_lost_with_a_message_that_names_itself():
    """Of a quote and a ticker their gaps, of a bar its own, of a book the book of that pair; of trades none."""
    made, lost = decoder(ETH)
    before = made.decode([LISTING, TRADES, TICKER, BOOK, BAR], 5)
    assert {type(tick) for tick in before} == {Status, Trade, Quote, Ticker, BookSnapshot, Bar}
    for payload, channels in (
        (TRADES, []),
        (TICKER, ["quotes", "ticker"]),
        (BAR, ["bars"]),
        (CHANGE, ["book"]),
    ):
        found = made.decode([payload[:-20]], 7)
        assert sorted((gap.instrument, gap.channel) for gap in of(found, Gap)) == [
            ("BTC/USD", channel) for channel in channels
        ]
        assert {(gap.cause, gap.from_ns, gap.to_ns) for gap in of(found, Gap)} <= {("undecodable", 5, 7)}
        assert [one.raw for one in of(found, Undecodable)] == [payload[:-20]]
    assert lost == ["BTC/USD"]


def test_what_is_lost_with_a_message_that_names_nothing():
    """Something of any stream that had brought anything, and every book is asked for anew."""
    made, lost = decoder(ETH)
    made.decode([TICKER, BOOK, BAR], 5)
    found = made.decode([b"\xff\xfe"], 7)
    assert sorted(gap.channel for gap in of(found, Gap)) == ["bars", "book", "quotes", "ticker"]
    assert lost == ["BTC/USD", ETH]


def test_a_lost_answer_or_heartbeat_costs_nothing():
    """Neither is market data."""
    made, lost = decoder()
    made.decode([TICKER, BOOK, BAR], 5)
    assert made.decode([b'{"method":"pong","req_id":3}', b'{"channel":"heartbeat"}'], 6) == []
    (only,) = made.decode([b'{"channel":"heartbeat","data":'], 6)
    assert isinstance(only, Undecodable)
    assert lost == []


@pytest.mark.parametrize(
    "payload",
    [
        TRADES.replace(b"45283.5", b'"NaN"'),
        TRADES.replace(b"45283.5", b"-1"),
        TRADES.replace(b"4665907", b"-4"),
        TRADES.replace(b"2026-11-30T03:30:26.708706Z", b"yesterday"),
        TRADES.replace(b"2026-11-30", b"2399-11-30"),
        TRADES.replace(b"45283.5", b"1e999999"),
        TRADES.replace(b"45283.5", b"1" * 5_000),
        TICKER.replace(b"45283.4", b"-45283.4"),
        TICKER.replace(b"45283.4", b"1e-99999"),
        re.sub(rb'"bid_qty":[\d.]+', b'"bid_qty":null', TICKER),
        re.sub(rb'"ask":[\d.]+', b'"ask":null', TICKER),
        BAR.replace(b'"high":45290.1', b'"high":9e99999'),
        BAR.replace(b'"high":45290.1', b'"high":1.0'),
        BAR.replace(b'"interval":1,', b'"interval":0,'),
        TRADES.replace(b"BTC/USD", b"ADA/USD"),
        TICKER.replace(b"BTC/USD", b"ADA/USD"),
        b'{"channel":"level3","type":"update","data":[]}',
    ],
)
def test_what_could_not_be_is_kept_raw(payload):
    """Whole, with a reason; nothing of it goes on."""
    made, _ = decoder()
    found = made.decode([payload], 7)
    assert [one.raw for one in of(found, Undecodable)] == [payload]
    assert of(found, Trade, Quote, Ticker, Bar) == []


def test_trades_of_one_message_are_in_the_order_of_their_ids():
    """A route takes an id below the last one for a repeat, so that it would be lost and nothing said."""
    made, _ = decoder(ETH)
    rows = [json.loads(trade(number, symbol=name))["data"][0] for number, name in
            ((9, "BTC/USD"), (4, ETH), (8, "BTC/USD"), (3, ETH), (5, ETH))]  # fmt: skip
    found = made.decode([json.dumps({"channel": "trade", "type": "update", "data": rows}).encode()], 1)
    assert [(tick.instrument, tick.id) for tick in found] == [
        ("BTC/USD", 8), (ETH, 3), ("BTC/USD", 9), (ETH, 4), (ETH, 5),
    ]  # fmt: skip


def test_trades_of_a_snapshot():
    """On the first connection they are older than the feed; later those that were missed are recalled, once."""
    made, _ = decoder()
    assert made.decode([trade(7, kind="snapshot")], 1) == []
    assert [tick.id for tick in made.decode([trade(8), trade(9)], 2)] == [8, 9]
    again = made.decode([trade(8, kind="snapshot"), trade(9, kind="snapshot"), trade(10, kind="snapshot")], 3)
    assert [(tick.id, tick.backfilled) for tick in again] == [(10, True)]
    assert made.decode([trade(10, kind="snapshot")], 4) == []
    assert [(tick.id, tick.backfilled) for tick in made.decode([trade(11)], 5)] == [(11, False)]


@pytest.mark.parametrize("kind", ["update", "snapshot"])
def test_a_hole_before_the_first_trade_is_marked(kind):
    """Nobody but the decoder knows which trades of the first snapshot were passed over; later, ids tell."""
    made, _ = decoder(ETH)
    made.decode([trade(7, kind="snapshot"), trade(3, kind="snapshot", symbol=ETH), trade(8)[:-20]], 1)
    gap, *trades = made.decode([trade(11, kind=kind), trade(12), trade(15), trade(4, symbol=ETH)], 2)
    assert (gap.instrument, gap.channel, gap.from_id, gap.to_id, gap.cause) == (
        "BTC/USD",
        "trades",
        8,
        10,
        "missing",
    )
    assert (gap.from_ns, gap.to_ns) == (1, 2)
    assert [tick.id for tick in trades] == [11, 12, 15, 4]


def test_the_first_trades_of_a_pair_are_not_lost_with_a_connection():
    """One that has not traded yet has no snapshot: what came while nobody listened is in the first that there is."""
    at_ns = 1_796_009_426_700_000_000  # of each trade
    made, _ = decoder()
    made.decode([LISTING], at_ns - 1)
    made.decode([LISTING], at_ns + 5)
    found = of(
        made.decode([trade(3, kind="snapshot"), trade(4, kind="snapshot"), trade(5)], at_ns + 6), Trade, Gap
    )
    assert [(tick.id, tick.backfilled) for tick in found] == [(3, True), (4, True), (5, False)]
    late, _ = decoder()
    late.decode([LISTING], at_ns + 1)
    late.decode([LISTING], at_ns + 5)
    assert of(late.decode([trade(4, kind="snapshot")], at_ns + 6), Trade) == []


def test_a_bar_is_final_when_the_next_begins():
    """With its last state; a state of a bar that is over is passed over."""
    made, _ = decoder()
    first = made.decode([bar(1, "2.5"), bar(1, "3.5")], 1)
    assert [(tick.close, tick.final) for tick in first] == [(Decimal("2.5"), False), (Decimal("3.5"), False)]
    over, new = made.decode([bar(2, "4.5")], 9)
    assert (over.close, over.final, over.start_ns, over.recv_ns) == (
        Decimal("3.5"),
        True,
        first[0].start_ns,
        9,
    )
    assert (new.close, new.final) == (Decimal("4.5"), False)
    assert made.decode([bar(1, "5.5")], 10) == []


def test_bars_of_a_snapshot():
    """The newest alone at first; later those that were missed as well, final and marked."""
    made, _ = decoder()
    (only,) = made.decode([bar(3, kind="snapshot", more=[(1, "2.5"), (2, "2.5")])], 1)
    assert (only.final, only.backfilled) == (False, False)
    found = made.decode([bar(5, "6.5", kind="snapshot", more=[(2, "2.5"), (3, "3.5"), (4, "4.5")])], 2)
    assert [(str(tick.close), tick.final, tick.backfilled) for tick in found] == [
        ("3.5", True, True),
        ("4.5", True, True),
        ("6.5", False, False),
    ]


def test_a_bar_of_which_a_state_was_lost_is_never_final():
    """Nobody knows its end; the gap says so."""
    made, _ = decoder()
    made.decode([bar(1, "2.5")], 1)
    assert [gap.channel for gap in of(made.decode([bar(1, "3.5")[:-30]], 2), Gap)] == ["bars"]
    assert [(tick.final, str(tick.close)) for tick in made.decode([bar(2, "4.5")], 3)] == [(False, "4.5")]


def test_quotes_without_anybody():
    """Null stands for nobody: price and size 0."""
    made, _ = decoder(channels=("quotes",))
    raw = re.sub(rb'"bid":[\d.]+,"bid_qty":[\d.]+', b'"bid":null,"bid_qty":null', TICKER)
    (quote,) = made.decode([raw], 1)
    assert (quote.bid_price, quote.bid_size, quote.ask_price) == (0, 0, Decimal("45285.2"))


def test_streams_by_name():
    """For replays: what is asked for, and of which streams a payload is."""
    made, _ = decoder(channels=("trades", "book"))
    assert set(made.asked()) == {"BTC/USD@trades", "BTC/USD@book"}
    assert made.streams_of(TICKER) == ["BTC/USD@quotes", "BTC/USD@ticker"]
    assert list(made.streams_of(b"{")) == []
    assert [made.wants(payload) for payload in (TRADES, TICKER, LISTING, PAYLOADS[1], PAYLOADS[9])] == [
        True, False, True, False, False,
    ]  # fmt: skip
