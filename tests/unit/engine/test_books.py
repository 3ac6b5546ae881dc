"""A hand-over of order books: the sinks' book is the speaker's book at every moment, or known to be none."""

from decimal import Decimal

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st

from ticktrail._engine.books import Books
from ticktrail.book import OrderBook
from ticktrail.model import BookDelta, BookSnapshot, Switched
from ticktrail.plugin import Batch
from ticktrail.testing import make_book_delta as any_delta
from ticktrail.testing import make_book_snapshot as any_snapshot
from ticktrail.testing import make_gap

BTC = "BTC/USDT"
LEGS = ("a", "b")


def batch(leg, at_ns, *ticks):
    return Batch(provider=leg, recv_ns=at_ns, mono_ns=at_ns, session_ns=0, ticks=ticks)


def levels(*pairs):
    return tuple((Decimal(price), Decimal(size)) for price, size in pairs)


def make_book_snapshot(*, bids, asks, update_id, provider):
    return msgspec.structs.replace(
        any_snapshot(),
        bids=levels(*bids),
        asks=levels(*asks),
        update_id=update_id,
        depth=None,
        provider=provider,
    )


def make_book_delta(*, bids, asks, update_id, provider):
    found: BookDelta = msgspec.structs.replace(
        any_delta(first_update_id=update_id, update_id=update_id),
        bids=levels(*bids),
        asks=levels(*asks),
        provider=provider,
    )
    return found


class Leg:
    """One venue's book, and what the leg says of it; with ids or without."""

    def __init__(self, name, *, numbered):
        self.name = name
        self.book = OrderBook(BTC)
        self._numbered = numbered
        self._update = 0

    def says(self, price, size, *, snapshot):
        self._update += 1
        number = self._update if self._numbered else None
        if snapshot:
            tick = make_book_snapshot(
                bids=[(price, size)], asks=[("1000", "1")], update_id=number, provider=self.name
            )
        else:
            tick = make_book_delta(bids=[(price, size)], asks=[], update_id=number, provider=self.name)
        self.book.apply(tick)
        return tick


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "switch", "release"]),
        st.integers(1, 5),
        st.integers(0, 3),
        st.booleans(),
    ),
    max_size=60,
)


@given(steps=STEPS, numbered=st.booleans())
@example(steps=[("b", 1, 1, True), ("b", 2, 1, True), ("switch", 1, 1, True)], numbered=True)
def test_the_sinks_book_is_the_speakers_or_unknown(steps, numbered):
    """Whoever speaks, whatever was held back for how long: no change of one leg stands on another's book."""
    legs = {name: Leg(name, numbered=numbered) for name in LEGS}
    books, sink = Books(), OrderBook(BTC)
    speaker, held = "a", []

    def forward(one):
        for tick in books.place(one)[0].ticks:
            sink.apply(tick)

    for now, (what, price, size, snapshot) in enumerate(steps, 1):
        if what == "switch":
            speaker = "b" if speaker == "a" else "a"
            sink.apply(
                Switched(
                    instrument=BTC,
                    provider=speaker,
                    event_ns=None,
                    recv_ns=now,
                    from_provider=None,
                    cause="x",
                )
            )
            for tick in books.begin(speaker, [BTC], now, now).ticks:
                sink.apply(tick)
            is_whole = sink.is_known
            for one in held:
                forward(one)
                assert not is_whole or sink.bids() == legs[speaker].book.bids()
            held = []
        elif what == "release":
            held = []
        else:
            one = batch(what, now, legs[what].says(str(price), str(size), snapshot=snapshot))
            books.see(one)
            if what == speaker:
                forward(one)
            else:
                held.append(one)
        if sink.is_known:
            assert sink.provider == speaker
            assert sink.bids() == legs[speaker].book.bids()
        else:
            assert not legs[speaker].book.is_known or sink.provider is None


def test_a_standbys_book_stands_complete_at_the_hand_over():
    """One snapshot, with every level; what was held is in it, and what comes then is not."""
    books = Books()
    first = make_book_snapshot(bids=[("10", "1")], asks=[("11", "1")], update_id=5, provider="b")
    change = make_book_delta(bids=[("9", "2")], asks=[], update_id=6, provider="b")
    later = make_book_delta(bids=[("8", "3")], asks=[], update_id=7, provider="b")
    for number, tick in enumerate((first, change)):
        books.see(batch("b", number, tick))
    (snapshot,) = books.begin("b", [BTC], 10, 10).ticks
    assert isinstance(snapshot, BookSnapshot)
    assert [(level.price, level.size) for level in snapshot.bids] == [
        (Decimal(10), Decimal(1)),
        (Decimal(9), Decimal(2)),
    ]
    assert snapshot.update_id == 6
    placed, held = books.place(batch("b", 1, change))
    assert (placed.ticks, [(one.reason, list(one.ticks)) for one in held]) == (
        [],
        [("in_snapshot", [change])],
    )
    books.see(batch("b", 11, later))
    assert books.place(batch("b", 11, later)) == (batch("b", 11, later), ())


def test_a_book_that_was_held_back_is_older_than_the_one_handed_over():
    """Snapshots that came before it, and gaps between them, are in it as changes are; one that comes then is new."""
    books = Books()
    first, second, third = (
        make_book_snapshot(bids=[(price, "1")], asks=[("11", "1")], update_id=number, provider="b")
        for price, number in (("8", 5), ("9", 9), ("10", 2))
    )
    gap = msgspec.structs.replace(make_gap(channel="book"), instrument=BTC, provider="b")
    held = [batch("b", 1, first), batch("b", 2, gap), batch("b", 3, second)]
    for one in held:
        books.see(one)
    (snapshot,) = books.begin("b", [BTC], 10, 10).ticks
    assert snapshot.bids[0].price == Decimal(9)
    found = [books.place(one) for one in held]
    assert [list(placed.ticks) for placed, _ in found] == [[], [], []]
    assert {one.reason for _, suppressed in found for one in suppressed} == {"in_snapshot"}
    anew = batch("b", 11, third)  # the venue counts anew
    books.see(anew)
    assert books.place(anew) == (anew, ())


def test_without_a_book_its_changes_are_suppressed_and_a_gap_says_so():
    """Once; the next snapshot begins it."""
    books = Books()
    changes = [make_book_delta(bids=[], asks=[("9", str(n))], update_id=n, provider="b") for n in (1, 2)]
    found = []
    for number, change in enumerate(changes):
        books.see(batch("b", number, change))
        found.append(books.place(batch("b", number, change)))
    assert [tick.counted_as for placed, _ in found for tick in placed.ticks] == ["gaps"]
    assert {one.reason for _, held in found for one in held} == {"no_snapshot"}
    snapshot = make_book_snapshot(bids=[("10", "1")], asks=[], update_id=3, provider="b")
    books.see(batch("b", 5, snapshot))
    assert list(books.place(batch("b", 5, snapshot))[0].ticks) == [snapshot]
