"""One book from a snapshot and differences: whatever is lost, late or repeated, what is published is the truth."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.book import OrderBook
from ticktrail.model import BookDelta, BookSnapshot, Gap
from ticktrail_binance.book import BookSync
from ticktrail_binance.wire import Depth, DepthUpdate

NAME = "BTC/USDT"


def levels(*pairs):
    return tuple((Decimal(price), Decimal(size)) for price, size in pairs)


def event(first, last, bids=(), asks=(), pu=None):
    return DepthUpdate(
        E=1_700_000_000_000, s="BTCUSDT", U=first, u=last, b=levels(*bids), a=levels(*asks), pu=pu
    )


def depth(last, bids=((99, 1),), asks=((101, 1),)):
    return Depth(lastUpdateId=last, bids=levels(*bids), asks=levels(*asks))


def sync(*, futures=False, most_buffered=100):
    return BookSync(NAME, "leg", ids_have_holes=futures, most_buffered=most_buffered)


def kinds(ticks):
    return [(type(tick).__name__, getattr(tick, "update_id", None)) for tick in ticks]


def test_the_venue_s_procedure_for_spot():
    """Buffer, snapshot, drop what is in it, bracket, apply."""
    book = sync()
    for first, last in [(5, 7), (8, 9), (10, 12), (13, 13)]:
        assert book.change(event(first, last), 1) == ()
    assert book.wants == "snapshot"
    assert kinds(book.snapshot(depth(10), 1000, 2)) == [
        ("BookSnapshot", 10), ("BookDelta", 12), ("BookDelta", 13),
    ]  # fmt: skip
    assert (book.wants, book.synced, book.update_id) == (None, True, 13)


def test_the_venue_s_procedure_for_futures():
    """Ids have holes, and an event names the one before it; the event that ends with the snapshot is applied."""
    book = sync(futures=True)
    for first, last, before in [(10, 20, 5), (25, 30, 20), (31, 40, 30)]:
        book.change(event(first, last, pu=before), 1)
    ticks = book.snapshot(depth(30), 1000, 2)
    assert kinds(ticks) == [("BookSnapshot", 30), ("BookDelta", 30), ("BookDelta", 40)]
    assert ticks[2].first_update_id == 31
    (tick,) = book.change(event(55, 60, pu=40), 3)
    assert (tick.first_update_id, tick.update_id) == (41, 60)


def test_a_snapshot_older_than_the_buffer_is_no_use():
    """What lies between is in neither; another one is wanted, and nothing is published."""
    book = sync()
    book.change(event(20, 22), 1)
    assert book.snapshot(depth(10), 1000, 2) == ()
    assert (book.wants, book.attempts, book.synced) == ("snapshot", 1, False)
    assert kinds(book.snapshot(depth(21), 1000, 3)) == [("BookSnapshot", 21), ("BookDelta", 22)]
    assert book.attempts == 0


def test_a_snapshot_that_is_ahead_waits_for_nothing():
    """What was buffered is in it; the next event must hold the update after it."""
    book = sync()
    book.change(event(5, 7), 1)
    assert kinds(book.snapshot(depth(50), 1000, 2)) == [("BookSnapshot", 50)]
    assert book.change(event(8, 30), 3) == []
    assert kinds(book.change(event(31, 51), 3)) == [("BookDelta", 51)]


@pytest.mark.parametrize("futures", [False, True])
def test_a_lost_event_is_a_gap_and_a_new_start(futures):
    """The ids that are missing, then nothing until there is a snapshot again."""
    book = sync(futures=futures)
    book.change(event(1, 5, pu=0), 1)
    book.snapshot(depth(5), 1000, 2)
    (gap,) = book.change(event(9, 10, pu=8), 7)
    assert isinstance(gap, Gap)
    assert (gap.channel, gap.from_id, gap.to_id, gap.cause, gap.from_ns, gap.to_ns) == (
        "book", 6, 8, "missing", 1 if futures else 2, 7,
    )  # fmt: skip
    assert (book.wants, book.synced, book.update_id) == ("snapshot", False, None)
    assert book.change(event(11, 12, pu=10), 8) == ()
    assert kinds(book.snapshot(depth(9), 1000, 9))[-1] == ("BookDelta", 12)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (event(6, 6, bids=[("NaN", 1)]), "is no price and size"),
        (event(6, 6, asks=[(101, -1)]), "is no price and size"),
        (event(6, 6, asks=[(0, 1)]), "is no price and size"),
        (event(7, 6), "from update 7 back to 6"),
    ],
)
def test_what_is_no_difference(bad, why):
    """It is refused by name, and the next one shows the hole that it left."""
    book = sync()
    book.change(event(1, 5), 1)
    book.snapshot(depth(5), 1000, 2)
    with pytest.raises(ValueError, match=why):
        book.change(bad, 3)
    (gap,) = book.change(event(8, 8), 4)
    assert (gap.from_id, gap.to_id) == (6, 7)


def test_a_future_s_event_without_pu():
    """Nothing tells which one it follows."""
    with pytest.raises(ValueError, match="without pu"):
        sync(futures=True).change(event(1, 2), 1)


def test_a_crossed_book_is_not_published():
    """Something was lost that no id tells of: a gap, and a new start."""
    book = sync()
    book.change(event(1, 5), 1)
    book.snapshot(depth(5), 1000, 2)
    (gap,) = book.change(event(6, 6, bids=[(102, 1)]), 3)
    assert (gap.cause, gap.from_id) == ("crossed", None)
    assert book.wants == "snapshot"
    assert book.snapshot(depth(6, bids=[(102, 1)]), 1000, 4) == ()
    assert book.wants == "snapshot"


def test_repeats_and_old_events_change_nothing():
    """As a second connection brings them."""
    book = sync()
    book.change(event(1, 5), 1)
    book.snapshot(depth(5), 1000, 2)
    assert book.change(event(4, 5), 3) == []
    assert kinds(book.change(event(4, 6), 3)) == [("BookDelta", 6)]
    assert book.change(event(4, 6), 3) == []


def test_an_empty_book_is_a_book():
    """A market without offers."""
    book = sync()
    book.begin()
    assert book.wants == "snapshot"
    assert kinds(book.snapshot(depth(5, bids=(), asks=()), 1000, 2)) == [("BookSnapshot", 5)]
    assert book.synced
    book.begin()
    assert book.wants is None


def test_the_buffer_is_bounded():
    """The oldest differences go, and a snapshot older than the rest is then no use."""
    book = sync(most_buffered=3)
    for number in range(1, 10):
        book.change(event(number, number), 1)
    assert book.snapshot(depth(5), 1000, 2) == ()
    assert kinds(book.snapshot(depth(6), 1000, 2)) == [
        ("BookSnapshot", 6), ("BookDelta", 7), ("BookDelta", 8), ("BookDelta", 9),
    ]  # fmt: skip


def thin_book():
    """A book of ten levels a side, of which the best nine bids have gone."""
    book = sync()
    book.change(event(1, 1), 1)
    book.snapshot(
        depth(1, bids=[(100 - n, 1) for n in range(10)], asks=[(101 + n, 1) for n in range(10)]), 10, 2
    )
    for number in range(10):
        book.change(event(2 + number, 2 + number, bids=[(100 - number, 0), (80, 5 + number)]), 3)
    return book


def test_a_thin_book_is_made_deep_again():
    """Beyond a snapshot's depth not all is known: before the sure levels run out, a deeper snapshot takes its place."""
    book = thin_book()
    assert (book.wants, book.synced) == ("refresh", True)
    assert kinds(book.change(event(12, 12, asks=[(101, 2)]), 4)) == [("BookDelta", 12)]
    fresh = depth(11, bids=[(90 - n, 1) for n in range(10)], asks=[(101 + n, 1) for n in range(10)])
    (snapshot,) = book.snapshot(fresh, 10, 5)
    assert (snapshot.update_id, snapshot.depth, book.wants) == (12, 10, None)
    assert (snapshot.asks[0], snapshot.bids[-1]) == ((101, 2), (80, 14))
    assert kinds(book.change(event(13, 13), 6)) == [("BookDelta", 13)]


def test_a_refresh_that_is_ahead_waits_for_the_differences():
    """Else what they changed beyond the snapshot's depth would be missed."""
    book = thin_book()
    fresh = depth(13, bids=[(90 - n, 1) for n in range(10)], asks=[(101 + n, 1) for n in range(10)])
    assert book.snapshot(fresh, 10, 5) == ()
    assert book.wants is None
    assert kinds(book.change(event(12, 12, bids=[(79, 7)]), 6)) == [("BookDelta", 12)]
    delta, snapshot = book.change(event(13, 14, asks=[(101, 3)]), 7)
    assert (delta.update_id, snapshot.update_id) == (14, 14)
    assert (snapshot.asks[0], snapshot.bids[-2:]) == ((101, 3), ((80, 14), (79, 7)))


steps = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.booleans()),
        st.tuples(st.just("snapshot"), st.integers(0, 6)),
        st.tuples(st.just("restart"), st.none()),
    ),
    max_size=60,
)
changes = st.lists(
    st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 3), st.integers(1, 3), st.integers(0, 2)),
    min_size=60,
    max_size=60,
)


@given(steps=steps, changes=changes, futures=st.booleans())
def test_whatever_is_lost_what_is_published_is_the_truth(steps, changes, futures):
    """Against a market that keeps its own book: any loss, any snapshot however old, any new connection."""
    truth = {}  # the book after each update, by its id
    bids, asks, last = {100: 1}, {110: 1}, 10
    events = []
    for is_bid, offset, size, width, skip in changes:
        side, price = (bids, 100 - offset) if is_bid else (asks, 110 + offset)
        first = last + 1 + (skip if futures else 0)
        changed = [(price, size)]
        events.append(
            event(first, first + width - 1, changed if is_bid else (), () if is_bid else changed, last)
        )
        truth[last] = (dict(bids), dict(asks))
        side[price] = size
        if not size:
            del side[price]
        last = first + width - 1
    truth[last] = (dict(bids), dict(asks))
    ids = sorted(truth)
    book, seen, at = sync(futures=futures), OrderBook(NAME), 0

    def check(ticks):
        for tick in ticks:
            seen.apply(tick)
            if isinstance(tick, BookSnapshot | BookDelta):
                want_bids, want_asks = truth[tick.update_id]
                assert dict(seen.bids(beyond=True)) == want_bids
                assert dict(seen.asks(beyond=True)) == want_asks

    for step, what in steps:
        if step == "send" and at < len(events):
            if what:
                check(book.change(events[at], at))
            at += 1
        elif step == "snapshot" and book.wants:
            known = ids[max(0, at - what)]
            their_bids, their_asks = truth[known]
            check(book.snapshot(depth(known, sorted(their_bids.items(), reverse=True), sorted(their_asks.items())),
                                1000, at))  # fmt: skip
        elif step == "restart":
            book.restart()
    for number in range(at, len(events)):  # nothing more is lost: in the end the book is right
        check(book.change(events[number], number))
        if book.wants:
            book.begin()
            known = ids[number + 1]
            their_bids, their_asks = truth[known]
            check(book.snapshot(depth(known, sorted(their_bids.items(), reverse=True), sorted(their_asks.items())),
                                1000, number))  # fmt: skip
    if at < len(events):
        assert book.synced
        assert book.update_id == last
