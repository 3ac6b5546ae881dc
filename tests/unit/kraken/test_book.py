"""A book against a model of the market: what is published is the truth, or a gap is told."""

import json
import random
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticktrail.book import OrderBook
from ticktrail.model import BookDelta, BookSnapshot, Gap, Undecodable
from ticktrail_kraken.decoder import KrakenDecoder
from ticktrail_kraken.testing.tape import PRICE_PLACES, SIZE_PLACES, Market, digits

SYMBOL = "BTC/USD"
AT_NS = 1_796_000_000_123_456_789


def truth_of(market):
    """The levels that the venue tells of, best first."""
    return tuple(
        [
            (Decimal(digits(price, PRICE_PLACES)), Decimal(digits(side[price], SIZE_PLACES)))
            for price in sorted(side, reverse=reverse)[: market.depth]
        ]
        for side, reverse in ((market.bids, True), (market.asks, False))
    )


def play(seed, steps, depth=10):
    """A market's book messages, with the truth after each; the first is the whole book."""
    market = Market(SYMBOL, depth, random.Random(seed))
    told = [(market.whole_book(AT_NS), truth_of(market))]
    for number in range(steps):
        for stream, raw in market.step(AT_NS + number):
            if stream.endswith("@book"):
                told.append((raw, truth_of(market)))
    return told


def decoder(depth=10):
    lost = []
    made = KrakenDecoder(
        {SYMBOL: SYMBOL}, frozenset({"book"}), "leg", book_depth=depth, on_book_lost=lost.append
    )
    return made, lost


@pytest.mark.parametrize(
    "level", ["1e-999999,0", "1e999999,0", f"{'1' * 5_000},0", "45283.5,0e-99999", "-1,0", "0,0"]
)
def test_a_level_that_goes_must_be_one_too(level):
    """The checksum says nothing of a level that was none; what it is called is not published for that."""
    made, lost = decoder()
    market = Market(SYMBOL, 10, random.Random(1))
    made.decode([market.whole_book(AT_NS)], 1)
    change = json.loads(market.whole_book(AT_NS))
    checksum = change["data"][0]["checksum"]
    price, size = level.split(",")
    raw = (
        f'{{"channel":"book","type":"update","data":[{{"symbol":"{SYMBOL}","checksum":{checksum},'
        f'"bids":[{{"price":{price},"qty":{size}}}],"asks":[]}}]}}'
    ).encode()
    found = made.decode([raw], 2)
    assert [type(tick) for tick in found] == [Gap, Undecodable]
    assert lost == [SYMBOL]


class Thin(Market):
    """A market whose book is filled once."""

    def _refill(self):
        if not self.asks:
            super()._refill()


class Reader:
    """Somebody who keeps a book of what is published."""

    def __init__(self):
        self.book = OrderBook(SYMBOL)
        self.gaps = []

    def take(self, ticks):
        for tick in ticks:
            if isinstance(tick, Gap):
                self.gaps.append(tick)
            if not isinstance(tick, Undecodable):
                self.book.apply(tick)

    def levels(self):
        return (
            [tuple(level) for level in self.book.bids(beyond=True)],
            [tuple(level) for level in self.book.asks(beyond=True)],
        )


@pytest.mark.parametrize("depth", [10, 25, 100])
def test_a_book_is_the_markets(depth):
    """To the depth that was asked for, with the venue's digits; whole again before a reader is sure of few levels."""
    made, lost = decoder(depth)
    reader = Reader()
    kinds = []
    for raw, truth in play(7, 1_500, depth):
        ticks = made.decode([raw], 1)
        kinds += map(type, ticks)
        reader.take(ticks)
        assert reader.levels() == truth
        assert [str(level) for level in reader.levels()] == [str(level) for level in truth]
        assert len(reader.book.bids()) >= depth // 2
        assert len(reader.book.asks()) >= depth // 2
    assert (lost, reader.gaps) == ([], [])
    assert kinds.count(BookDelta) > 3 * kinds.count(BookSnapshot) > 3


@settings(max_examples=120, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    fates=st.lists(st.sampled_from(["send"] * 8 + ["lose", "twice", "swap", "cut", "lie"]), max_size=80),
)
def test_any_loss_and_any_order_is_the_truth_or_a_gap(seed, fates):
    """At each message: the reader's book is the market's of some moment of it, or is not known, and a gap was told."""
    told = play(seed, 120)
    made, lost = decoder()
    reader = Reader()
    truths = [truth for _, truth in told]
    queue = list(enumerate(told))
    at = known_before = 0
    while at < len(queue):
        number, (raw, truth) = queue[at]
        fate = fates[at % len(fates)] if fates and at else "send"
        at += 1
        if fate == "lose":
            continue
        if fate == "swap" and at < len(queue):
            queue[at], raw = (number, (raw, truth)), queue[at][1][0]
        if fate == "cut":
            raw = raw[: len(raw) * 2 // 3]
        if fate == "lie":
            raw = re.sub(rb'"qty":(\d)', lambda m: b'"qty":%d' % ((int(m[1]) + 1) % 10), raw, count=1)
        was_known = reader.book.is_known
        for _ in range(2 if fate == "twice" else 1):
            reader.take(made.decode([raw], at))
        if reader.book.is_known:
            assert reader.levels() in truths
        elif was_known:
            known_before += 1
            assert len(reader.gaps) == known_before
            assert reader.gaps[-1].cause in {"checksum", "undecodable"}
            assert lost[-1] == SYMBOL
        if lost and not reader.book.is_known and fate == "send":  # it is asked for anew, and comes whole
            market = json.loads(told[0][0])["data"][0]
            bids, asks = truth
            market["bids"] = [{"price": str(price), "qty": str(size)} for price, size in bids]
            market["asks"] = [{"price": str(price), "qty": str(size)} for price, size in asks]
            market["checksum"] = json.loads(told[number][0])["data"][0]["checksum"]
            whole = json.dumps({"channel": "book", "type": "snapshot", "data": [market]})
            lost.clear()
            reader.take(made.decode([re.sub(r'"(\d+\.\d+)"', r"\1", whole).encode()], at))
            assert reader.book.is_known
            assert reader.levels() == truth


def test_changes_before_a_whole_book_mean_nothing():
    """They are not published, and no gap is told of what nobody knew."""
    made, lost = decoder()
    told = play(3, 30)
    assert [tick for raw, _ in told[1:10] for tick in made.decode([raw], 1)] == []
    assert lost == []
    (whole,) = made.decode([told[0][0]], 1)
    assert isinstance(whole, BookSnapshot)
    assert whole.depth == 10


def test_a_whole_book_that_is_wrong_is_none():
    """Its checksum says so; it is asked for again, and told: there is no gap where nobody had a book."""
    made, lost = decoder()
    raw = re.sub(rb'"checksum":\d+', b'"checksum":1', play(3, 1)[0][0])
    (told,) = made.decode([raw], 1)
    assert (type(told), told.raw) == (Undecodable, raw)
    assert "and Kraken says 1" in told.reason
    assert lost == [SYMBOL]


def test_a_side_that_fills_up_is_published_whole():
    """A reader who was told that a side is whole must not believe so once levels are cut off."""
    market = Thin(SYMBOL, 10, random.Random(1))
    for price in sorted(market.bids)[:-4]:
        del market.bids[price]
    made, _ = decoder()
    (first,) = made.decode([market.whole_book(AT_NS)], 1)
    assert len(first.bids) == 4
    kinds = []
    for number in range(8):
        before = market._top(market.bids, 1)
        market.bids[min(market.bids) - 1 - number] = 5
        changes = market._changes(before, market._top(market.bids, 1), market.bids)
        kinds += map(type, made.decode([market._book_message("update", changes, {}, AT_NS)], 2))
    assert kinds[:6] == [BookDelta] * 5 + [BookSnapshot]
