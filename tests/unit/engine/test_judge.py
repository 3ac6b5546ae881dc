"""A rule that takes a piece out of a book: the book is known to be unknown, from there to its next snapshot."""

from ticktrail._engine.judge import Judge
from ticktrail._plan.model import LegPlan, RulePlan
from ticktrail.book import OrderBook
from ticktrail.model import BookDelta, BookSnapshot, Gap, Violation
from ticktrail.plugin import Capabilities, Settings, provider_spec, validator_spec
from ticktrail.testing import ManualClock, make_book_delta, make_book_snapshot

BOOK = "BTC/USDT"


class Picky(Settings, frozen=True):
    pass


class Refused(Violation, frozen=True, tag="picky"):
    pass


class Rule:
    """It refuses every book tick while `on`."""

    on = False

    def check(self, tick, at_ns):
        return Refused() if Rule.on else None


def judge():
    rule = validator_spec(
        name="picky",
        summary="x",
        settings=Picky,
        open=lambda settings, context: Rule(),
        ticks=(BookDelta, BookSnapshot),
    )
    leg = LegPlan(
        name="leg",
        spec=provider_spec(name="x", summary="x", settings=Picky, open=None, describe=None),
        settings=Picky(),
        capabilities=Capabilities(channels=frozenset({"book"})),
    )
    return Judge(leg, [RulePlan(spec=rule, settings={BOOK: Picky()})], [BOOK], ManualClock())


def test_a_piece_of_a_book_that_is_refused_is_a_gap():
    """Whoever keeps the book does not take the rest for whole."""
    bench, book = judge(), OrderBook(BOOK)
    Rule.on = False
    good, _ = bench.judge([make_book_snapshot()], 1)
    book.apply(good[0])
    assert book.is_known
    Rule.on = True
    delta = make_book_delta()
    good, (rejected,) = bench.judge([delta], 2)
    assert rejected.tick == delta
    (gap,) = good
    assert isinstance(gap, Gap)
    assert (gap.channel, gap.from_id, gap.to_id, gap.cause) == (
        "book",
        delta.first_update_id,
        delta.update_id,
        "rejected",
    )
    book.apply(gap)
    assert not book.is_known
