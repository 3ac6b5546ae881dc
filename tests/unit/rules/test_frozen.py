"""Frozen quotes: what proves one, what does not, and that it is forgiven at once when it moves."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ticktrail._host import Host
from ticktrail.model import AggTrade, Channel, Quote, Tick
from ticktrail.plugin import ValidatorContext
from ticktrail.rules import Frozen, FrozenRule, FrozenSettings
from ticktrail.testing import ManualClock, make_agg_trade, make_quote, make_trade
from ticktrail.testing._ticks import INSTRUMENT, PROVIDER, RECV_NS

S = 1_000_000_000
QUOTE = make_quote("100", "101")
QUICK = FrozenSettings(frozen_after_quotes=3, frozen_after_s=Decimal(2), frozen_after_trades=2)


class Stage:
    """A rule, and the time at which it is asked."""

    def __init__(self, settings: FrozenSettings = QUICK) -> None:
        self.rule = FrozenRule(settings)
        self.at_ns = RECV_NS

    def quotes(self, quote: Quote = QUOTE, *, times: int = 1, after_s: float = 0.0) -> Frozen | None:
        """Judge the quote so often; the last verdict counts."""
        self.at_ns += round(after_s * S)
        found = None
        for _ in range(times):
            found = self.rule.check(quote, self.at_ns)
            if found is None:
                self.rule.accept(quote)
        return found

    def trades(self, *prices: str) -> None:
        for price in prices:
            self.rule.accept(make_trade(price))


def test_all_three_bounds_must_be_reached() -> None:
    """Repetitions, time, and trades outside: the one that completes them is the first that is refused."""
    stage = Stage()
    assert stage.quotes(times=2) is None
    stage.trades("99", "102")
    assert stage.quotes(times=5, after_s=1.9) is None
    found = stage.quotes(after_s=0.1)
    assert found is not None
    assert (found.repeats, found.frozen_s, found.trades_outside) == (7, 2.0, 2)
    assert stage.quotes() is not None


def test_a_quiet_market_is_not_frozen() -> None:
    """A quote may be repeated for ever where nothing is traded, or only at its own prices and between."""
    stage = Stage()
    for _ in range(50):
        stage.trades("100", "100.5", "101")
        assert stage.quotes(times=10, after_s=10) is None


def test_a_trade_within_the_quote_says_that_it_is_right() -> None:
    """Single prints outside of it prove nothing."""
    stage = Stage()
    assert stage.quotes(times=2) is None
    for _ in range(20):
        stage.trades("99", "100.2", "103", "101")
        assert stage.quotes(times=10, after_s=1) is None


def test_once_found_it_stays_so_until_it_moves() -> None:
    """Trades that come back to it prove nothing any more; the first other quote is let through, and so is what follows.

    A size alone is a move.
    """
    stage = Stage()
    stage.quotes(times=2)
    stage.trades("102", "102")
    assert stage.quotes(times=9, after_s=3) is not None
    stage.trades("100.5", "100.5", "100.5")
    assert stage.quotes(after_s=1) is not None
    moved = replace(QUOTE, bid_size=QUOTE.bid_size + 1)
    assert stage.quotes(moved) is None
    assert stage.quotes(moved, times=5, after_s=10) is None
    assert stage.quotes() is None


def test_a_quote_that_was_refused_is_no_move() -> None:
    """Garbage between the repetitions neither ends them nor is compared with."""
    stage = Stage()
    for _ in range(4):
        stage.quotes()
        stage.rule.check(make_quote("1", "10000"), stage.at_ns)  # which another rule refuses
    stage.trades("99", "102")
    assert stage.quotes(after_s=2) is not None
    stage.rule.check(make_quote("1", "10000"), stage.at_ns)
    assert stage.quotes() is not None


def test_the_same_numbers_in_other_digits_are_the_same() -> None:
    """100.0 is 100; other times and numbers of updates are no move."""
    stage = Stage()
    stage.quotes(times=2)
    stage.trades("102", "102")
    again = replace(QUOTE, bid_price=Decimal("100.000"), update_id=99, event_ns=5)
    assert stage.quotes(again, times=3, after_s=2) is not None


def test_aggregate_trades_are_trades() -> None:
    """For feeds that have no others."""
    stage = Stage()
    stage.quotes(times=2)
    for _ in range(2):
        trade = make_agg_trade("102")
        assert isinstance(trade, AggTrade)
        stage.rule.accept(trade)
    assert stage.quotes(times=2, after_s=2) is not None


def test_a_session_begins_with_nothing() -> None:
    """What was repeated before is not repeated after."""
    stage = Stage()
    stage.quotes(times=2)
    stage.trades("102", "102")
    assert stage.quotes(times=2, after_s=2) is not None
    stage.rule.begin_session()
    assert stage.quotes(times=10, after_s=2) is None


def test_what_was_fetched_later_is_no_proof() -> None:
    """A backfilled trade is of another time, and a backfilled quote is of another time as well."""
    stage = Stage()
    stage.quotes(times=2)
    for _ in range(5):
        stage.rule.accept(replace(make_trade("105"), backfilled=True))
    assert stage.quotes(times=5, after_s=2) is None
    stage.trades("102", "102")
    assert stage.quotes(replace(QUOTE, backfilled=True)) is None
    assert stage.quotes() is not None


@pytest.mark.parametrize(
    ("quote", "price"),
    [
        (make_quote("100", "0", ask_size="0"), "105"),
        (make_quote("0", "101", bid_size="0"), "95"),
        (make_quote("0", "0", bid_size="0", ask_size="0"), "95"),
        (make_quote("101", "100"), "100.5"),
        (QUOTE, "NaN"),
    ],
)
def test_no_trade_lies_outside_of_an_empty_side(quote: Quote, price: str) -> None:
    """Nor between the sides of a crossed quote, nor at no price."""
    stage = Stage()
    stage.quotes(quote, times=2)
    stage.trades(price, price, price)
    assert stage.quotes(quote, times=5, after_s=3) is None


@pytest.mark.parametrize(
    ("quote", "price"),
    [(make_quote("100", "0", ask_size="0"), "95"), (make_quote("0", "101", bid_size="0"), "105")],
)
def test_the_other_side_of_half_a_quote_is_judged(quote: Quote, price: str) -> None:
    """Below a bid without an ask, above an ask without a bid."""
    stage = Stage()
    stage.quotes(quote, times=2)
    stage.trades(price, price)
    assert stage.quotes(quote, times=5, after_s=3) is not None


def test_time_that_is_set_back_begins_the_bound_anew() -> None:
    """Nothing is found early, nor never."""
    stage = Stage()
    stage.quotes(times=2)
    stage.trades("102", "102")
    assert stage.quotes(times=5, after_s=-3600) is None
    assert stage.quotes(after_s=1.9) is None
    assert stage.quotes(after_s=0.1) is not None


STEPS = st.lists(
    st.tuples(st.sampled_from(["same", "same", "same", "other", "in", "out", "out"]), st.integers(0, 2)),
    max_size=80,
)


@given(steps=STEPS)
def test_the_rule_agrees_with_its_plain_statement(steps: list[tuple[str, int]]) -> None:
    """Said anew from the whole history at each quote, as the docstring of the module says it."""
    stage = Stage()
    history: list[tuple[str, Tick, int]] = []
    version = 0
    for what, pause_s in steps:
        stage.at_ns += pause_s * S
        if what in {"in", "out"}:
            trade = make_trade("100.5" if what == "in" else "102")
            stage.rule.accept(trade)
            history.append((what, trade, stage.at_ns))
            continue
        version += what == "other"
        quote = replace(QUOTE, ask_size=Decimal(version))
        history.append(("quote", quote, stage.at_ns))
        assert (stage.quotes(quote) is not None) == frozen_by(history)


def frozen_by(history: list[tuple[str, Tick, int]]) -> bool:
    first = len(history) - 1
    while first >= 0 and (history[first][0] != "quote" or history[first][1] == history[-1][1]):
        first -= 1
    run = history[first + 1 :]
    while run and run[0][0] != "quote":
        run.pop(0)
    repeats = outside = 0
    for number, (what, _, at_ns) in enumerate(run):
        if what == "quote":
            repeats += number > 0
            if repeats >= 3 and outside >= 2 and at_ns - run[0][2] >= 2 * S:
                return True
        elif repeats:
            outside = outside + 1 if what == "out" else 0
    return False


@pytest.mark.parametrize(
    ("channels", "judges"),
    [
        (set(), True),
        ({"quotes", "trades"}, True),
        ({"quotes", "agg_trades"}, True),
        ({"quotes", "bars"}, False),
        ({"trades", "agg_trades"}, False),
    ],
)
def test_without_quotes_or_without_trades_nothing_could_be_found(
    channels: set[Channel], judges: bool
) -> None:
    """The rule takes no part then; where the channels are not known it does."""
    context = ValidatorContext(
        provider=PROVIDER, instrument=INSTRUMENT, clock=ManualClock(), channels=frozenset(channels)
    )
    spec = Host.load().rules()["frozen"]
    assert (spec.open(QUICK, context) is not None) == judges
