"""Missing trades of one stream: noticed by their ids, fetched, and put where they belong."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.testing import make_trade
from ticktrail_binance.holes import ABSURD, Hole, TradeHoles, read_row, split_rows
from ticktrail_binance.streams import Stream

STREAM = Stream("btcusdt@trade", "BTC/USDT", "BTCUSDT", "trades")


def holes(most_missing=100, most_held=1_000):
    return TradeHoles(most_missing=most_missing, most_held=most_held)


def ids(trades):
    return [trade.id for trade in trades]


def take(watch, *numbers):
    out = []
    for number in numbers:
        out += ids(watch.take(make_trade(id=number)))
    return out


def fetched(watch, hole, *numbers):
    return ids(watch.fetched(hole, [make_trade(id=number, backfilled=True) for number in numbers]))


def test_newer_trades_wait_for_the_missing():
    """The hole is wanted at once; what comes meanwhile waits, and the order is that of the ids."""
    watch = holes()
    assert take(watch, 7, 8) == [7, 8]
    assert take(watch, 11, 12) == []
    assert watch.wants == Hole(9, 10)
    assert fetched(watch, Hole(9, 10), 10, 9) == [9, 10, 11, 12]
    assert watch.wants is None
    assert take(watch, 13) == [13]


def test_what_the_venue_does_not_have_stays_a_jump():
    """Nothing, a part, or more than was asked for: what waited goes on, and nothing comes twice."""
    watch = holes()
    take(watch, 1, 5)
    assert fetched(watch, Hole(2, 4)) == [5]
    assert take(watch, 6, 9) == [6]
    assert fetched(watch, Hole(7, 8), 5, 6, 8, 9, 10) == [8, 9]
    assert watch.wants is None


def test_a_hole_in_what_waited_is_the_next_one():
    """Two losses close together: each is fetched in its turn."""
    watch = holes()
    take(watch, 1, 4, 5, 9)
    assert fetched(watch, Hole(2, 3), 2, 3) == [2, 3, 4, 5]
    assert watch.wants == Hole(6, 8)
    assert fetched(watch, Hole(6, 8), 6, 7, 8) == [6, 7, 8, 9]


def test_an_answer_to_another_hole_is_no_use():
    """Such as one from before a reconnect."""
    watch = holes()
    take(watch, 1, 4)
    assert fetched(watch, Hole(2, 2), 2) == []
    assert watch.wants == Hole(2, 3)


def test_what_is_too_large_or_waits_too_long_is_left():
    """A hole over the limit is not fetched at all; where too many wait, it is given up."""
    watch = holes(most_missing=5, most_held=3)
    assert take(watch, 1, 100) == [1, 100]
    assert watch.wants is None
    assert take(watch, 103, 104, 105) == []
    assert take(watch, 106) == [103, 104, 105, 106]
    assert watch.wants is None


def test_ids_that_go_backwards_go_straight_on():
    """A repeat, or a venue that counts anew: the route tells a duplicate, and no hole of a million is asked for."""
    watch = holes()
    assert take(watch, 50, 51, 50, 3, 52) == [50, 51, 50, 3, 52]
    assert watch.wants is None
    assert ids(watch.take(make_trade(id="x"))) == ["x"]
    assert ids(watch.take(make_trade(id=None))) == [None]


def inside(hole, numbers):
    return [number for number in range(hole.from_id, hole.to_id + 1) if number in numbers]


@given(
    lost=st.sets(st.integers(2, 60)),
    had=st.sets(st.integers(2, 60)),
    pauses=st.lists(st.integers(0, 8), max_size=80),
)
def test_whatever_is_lost_the_order_holds(lost, had, pauses):
    """Trades with any of them lost, and a venue that has any part of those: each that is to be had, once, in order."""
    watch, out, answers, waits = holes(), [], deque(), deque(pauses)
    for number in range(1, 62):
        if number not in lost:
            out += take(watch, number)
        if watch.wants is not None and not answers:
            answers.append([waits.popleft() if waits else 0, watch.wants])
        if answers:
            answers[0][0] -= 1
            if answers[0][0] < 0:
                _, hole = answers.popleft()
                out += fetched(watch, hole, *inside(hole, had))
    while watch.wants is not None:
        hole = watch.wants
        out += fetched(watch, hole, *inside(hole, had))
    assert out == sorted(set(range(1, 62)) - (lost - had))


def test_an_absurd_id_hides_nothing():
    """One that is far beyond all others is refused, unless the next one says that the venue counts from there."""
    watch = holes()
    assert take(watch, 1, 2) == [1, 2]
    with pytest.raises(ValueError, match="ahead of the one that was due"):
        watch.take(make_trade(id=3 + ABSURD + 1))
    assert take(watch, 3, 4) == [3, 4]
    far = 10 * ABSURD
    with pytest.raises(ValueError, match="ahead"):
        watch.take(make_trade(id=far))
    assert take(watch, far + 1, far + 2) == [far + 1, far + 2]


@pytest.mark.parametrize("rows", [b"", b"{}", b"7", b'"x"', b"[" * 10_000, b"[1,"])
def test_what_is_no_rows(rows):
    """One kind of error."""
    with pytest.raises((ValueError, RecursionError)):
        split_rows(rows)


@pytest.mark.parametrize(
    "row",
    [b"{}", b"7", b'{"id":null}', b'{"id":1,"price":"NaN","qty":"1","time":1,"isBuyerMaker":true}',
     b'{"id":1,"price":"x","qty":"1","time":1,"isBuyerMaker":true}',
     b'{"id":1,"price":"1","qty":"-5","time":1,"isBuyerMaker":true}',
     b'{"id":1,"price":"1","qty":"0","time":1,"isBuyerMaker":true}',
     b'{"id":1,"price":"0","qty":"1","time":1,"isBuyerMaker":true}',
     b'{"id":1,"price":"1","qty":"1","time":-1,"isBuyerMaker":true}'],
)  # fmt: skip
def test_rows_that_are_no_trade(row):
    """Whatever is wrong with one."""
    with pytest.raises(ValueError, match=r"Expected|required|number|is none|Invalid|decimal"):
        read_row(row, STREAM, "leg", 1, aggregates=False)


def read(rows, stream=STREAM, *, aggregates):
    return [read_row(row, stream, "leg", 1, aggregates=aggregates) for row in split_rows(rows)]


def test_rows_become_trades_that_say_so():
    """Of trades and of aggregate trades; an empty answer gives none, and neither does a row that stands for none."""
    rows = b'[{"id":28457,"price":"4.00000100","qty":"12.0","quoteQty":"48","time":1499865549590,"isBuyerMaker":true}]'
    (trade,) = read(rows, aggregates=False)
    assert (trade.id, str(trade.price), trade.side, trade.backfilled) == (28457, "4.00000100", "sell", True)
    assert trade.event_ns == 1_499_865_549_590_000_000
    rows = b'[{"a":26129,"p":"0.01633102","q":"4.7","f":27781,"l":27783,"T":1498793709153,"m":false}]'
    aggregate = Stream("btcusdt@aggTrade", "BTC/USDT", "BTCUSDT", "agg_trades")
    (trade,) = read(rows, aggregate, aggregates=True)
    assert (trade.id, trade.first_id, trade.last_id, trade.side) == (26129, 27781, 27783, "buy")
    (trade,) = read(rows, aggregates=True)  # a future's trades are aggregates
    assert trade.counted_as == "trades"
    assert read(b"null", aggregates=True) == []
    assert read(rows.replace(b"27781", b"-1").replace(b"27783", b"-1"), aggregates=True) == [None]
