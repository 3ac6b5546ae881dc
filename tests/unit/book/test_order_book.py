"""The order book that users hold: exact, and never wrong without saying so."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.book import Level, OrderBook
from ticktrail.model import BookDelta, BookSnapshot
from ticktrail.testing import make_gap, make_switched, make_trade

NAME = "BTC/USDT"


def levels(*pairs):
    return tuple((Decimal(str(price)), Decimal(str(size))) for price, size in pairs)


def snapshot(bids=((99, 1), (98, 2)), asks=((101, 1), (102, 2)), update_id=10, depth=None, provider="test"):
    return BookSnapshot(instrument=NAME, provider=provider, event_ns=None, recv_ns=1, bids=levels(*bids),
                        asks=levels(*asks), update_id=update_id, depth=depth)  # fmt: skip


def delta(bids=(), asks=(), first=11, last=11, provider="test", instrument=NAME):
    return BookDelta(instrument=instrument, provider=provider, event_ns=None, recv_ns=2, bids=levels(*bids),
                     asks=levels(*asks), first_update_id=first, update_id=last)  # fmt: skip


def filled(**what):
    book = OrderBook(NAME)
    assert book.apply(snapshot(**what))
    return book


def test_a_new_book_knows_nothing():
    """Deltas before a snapshot build no book."""
    book = OrderBook(NAME)
    assert not book.apply(delta(bids=[(99, 1)]))
    assert (book.is_known, book.best_bid, book.best_ask, book.bids()) == (False, None, None, [])
    assert book.why_unknown == "no snapshot yet"


def test_a_snapshot_and_a_delta():
    """Best first; size 0 removes, a new price is put in its place, the update id follows."""
    book = filled()
    assert book.apply(delta(bids=[("99", 0), ("98.5", "3.10")], asks=[(102, 5)], last=15))
    assert book.bids() == [Level(Decimal("98.5"), Decimal("3.10")), Level(Decimal(98), Decimal(2))]
    assert book.asks(1) == [book.best_ask] == [Level(Decimal(101), Decimal(1))]
    assert book.asks()[1].size == 5
    assert book.update_id == 15
    assert str(book.best_bid.size) == "3.10"


@pytest.mark.parametrize(
    ("tick", "why"),
    [
        (delta(first=12, last=13), "updates 11 to 11 are missing"),
        (delta(provider="other"), "a delta of other without a snapshot before it"),
        (make_gap(channel="book"), "gap: reconnected"),
        (make_switched(), None),
    ],
    ids=["missing", "other leg", "gap", "switch to itself"],
)
def test_what_makes_it_unknown(tick, why):
    """An empty book that says why, until the next snapshot."""
    book = filled()
    assert book.apply(tick) is (why is not None)
    assert book.why_unknown == why
    if why is not None:
        assert (book.best_bid, book.best_ask, book.bids(beyond=True)) == (None, None, [])
        assert not book.apply(delta(first=11, last=20))
    assert book.apply(snapshot(update_id=30))
    assert book.is_known


def test_a_switch_to_another_leg():
    """What another leg brings is another book."""
    book = filled(provider="old")
    assert book.apply(make_switched())
    assert book.why_unknown == "switched to test"


@pytest.mark.parametrize(
    "tick",
    [delta(first=5, last=10), make_gap(channel="trades"), make_trade(), delta(instrument="ETH/USDT")],
    ids=["old", "gap of trades", "trade", "other instrument"],
)
def test_what_changes_nothing(tick):
    """An old delta, and what is none of its business."""
    book = filled()
    before = (book.bids(), book.asks(), book.update_id)
    assert not book.apply(tick)
    assert (book.bids(), book.asks(), book.update_id) == before


def test_an_overlapping_delta_is_applied():
    """Sizes are absolute, so that a delta which begins before the book's id and ends after it fits."""
    book = filled()
    assert book.apply(delta(bids=[(99, 7)], first=8, last=12))
    assert book.best_bid == (99, 7)


def test_ids_may_be_missing_altogether():
    """A venue that numbers nothing is followed on trust."""
    book = filled(update_id=None)
    assert book.apply(delta(bids=[(99, 7)], first=None, last=None))
    assert book.best_bid == (99, 7)


def test_beyond_the_snapshot_s_depth_is_not_sure():
    """Levels deeper than a full snapshot's are kept, and shown only to who asks."""
    book = filled(depth=2)
    assert book.apply(delta(bids=[(97, 9)], asks=[(103, 9)]))
    assert (len(book.bids()), len(book.asks())) == (2, 2)
    assert (book.bids(beyond=True)[-1].price, book.asks(beyond=True)[-1].price) == (97, 103)
    assert book.apply(delta(bids=[(99, 0), (98, 0)], asks=[(101, 0), (102, 0)], first=12, last=12))
    assert (book.best_bid, book.best_ask, book.bids(), book.asks()) == (None, None, [], [])
    with pytest.raises(ValueError, match="sure"):
        book.snapshot_of(snapshot())


def test_a_side_with_fewer_levels_than_asked_for_is_whole():
    """Only a full side can have left levels out."""
    book = filled(depth=3)
    assert book.apply(delta(bids=[(1, 1)]))
    assert book.bids()[-1].price == 1


def test_crossed_and_locked():
    """No market is: what reads the book must see it."""
    book = filled()
    assert not book.is_crossed
    assert not book.is_locked
    book.apply(delta(bids=[(101, 1)]))
    assert book.is_locked
    assert not book.is_crossed
    book.apply(delta(bids=[(101.5, 1)], first=12, last=12))
    assert book.is_crossed


def test_an_empty_side():
    """A market with no offers is a market."""
    book = filled(asks=())
    assert book.best_ask is None
    assert book.best_bid is not None
    assert not book.is_crossed


sizes = st.sampled_from([0, 0, 1, 2, 3])
changes = st.lists(
    st.tuples(st.lists(st.tuples(st.integers(90, 100), sizes), max_size=4),
              st.lists(st.tuples(st.integers(101, 111), sizes), max_size=4)),
    max_size=30,
)  # fmt: skip


@given(
    bids=st.dictionaries(st.integers(90, 100), st.integers(1, 3)),
    asks=st.dictionaries(st.integers(101, 111), st.integers(1, 3)),
    changes=changes,
    count=st.integers(0, 12),
)
def test_it_is_what_a_dictionary_would_be(bids, asks, changes, count):
    """Against the simplest model there is: sizes by price, sorted when asked; snapshots of it make the same book."""
    book = filled(bids=sorted(bids.items(), reverse=True), asks=sorted(asks.items()))
    for number, (changed_bids, changed_asks) in enumerate(changes, start=11):
        book.apply(last := delta(bids=changed_bids, asks=changed_asks, first=number, last=number))
        for model, changed in ((bids, changed_bids), (asks, changed_asks)):
            for price, size in changed:
                model[price] = size
                if not size:
                    del model[price]
        assert book.bids() == sorted(bids.items(), reverse=True)
        assert book.asks() == sorted(asks.items())
        assert book.bids(count) == book.bids()[:count]
        assert book.asks(count) == book.asks()[:count]
        other = OrderBook(NAME)
        other.apply(book.snapshot_of(last))
        assert (other.bids(), other.asks(), other.update_id) == (book.bids(), book.asks(), number)
