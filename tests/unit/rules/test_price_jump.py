"""The jump rule as a state machine: spikes never pass, moves are followed, nothing is locked out."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.model import Trade
from ticktrail.rules import PriceJumpRule, PriceJumpSettings, SpreadRule, SpreadSettings
from ticktrail.testing import make_bar, make_quote, make_ticker, make_trade

MS = 1_000_000
prices = st.decimals(min_value="0.00000001", max_value="10000000", places=8)
jumps = st.decimals(min_value="0.001", max_value="0.999", places=3)
HALF_TO_DOUBLE = st.decimals(min_value="0.5", max_value="2", places=4)


def trade(price: Decimal) -> Trade:
    return make_trade(format(price, "f"))


def judge(rule: PriceJumpRule, price: Decimal, at_ns: int) -> bool:
    """Tell whether the trade passes; one that does is accepted."""
    tick = trade(price)
    passed = rule.check(tick, at_ns) is None
    if passed:
        rule.accept(tick)
    return passed


@given(jump=jumps, walk=st.lists(prices, min_size=1, max_size=30), near=st.lists(HALF_TO_DOUBLE, max_size=30))
def test_the_band_is_the_naive_one(jump: Decimal, walk: list[Decimal], near: list[Decimal]) -> None:
    """A price passes, confirmation aside, exactly where |price - last| <= limit x |last|, in rationals."""
    rule = PriceJumpRule(PriceJumpSettings(max_price_jump=jump, jump_confirm_ticks=10_000))
    last: Decimal | None = None
    for price in [walk[0], *(walk[0] * factor for factor in near), *walk]:
        found = rule.check(trade(price), 0)
        naive = last is None or abs(Fraction(price) - Fraction(last)) <= Fraction(jump) * abs(Fraction(last))
        assert (found is None) == naive
        if found is None:
            rule.accept(trade(price))
            last = price
        else:
            assert found.price == price
            assert found.last_price == last


@given(jump=jumps, start=prices)
def test_the_limit_itself_passes_and_one_digit_more_does_not(jump: Decimal, start: Decimal) -> None:
    """The limit belongs to the band, to the last digit."""
    rule = PriceJumpRule(PriceJumpSettings(max_price_jump=jump))
    rule.accept(trade(start))
    edge = start * (1 + jump)
    assert rule.check(trade(edge), 0) is None
    assert rule.check(trade(edge + Decimal("1E-20")), 0) is not None


@given(
    start=prices,
    spikes=st.lists(
        st.tuples(st.sampled_from(["0.0001", "0.5", "0.89", "1.11", "2", "1000"]), st.integers(1, 4))
    ),
)
def test_an_isolated_spike_never_passes(start: Decimal, spikes: list[tuple[str, int]]) -> None:
    """Fewer candidates in a row than the setting asks for never pass, however often they come."""
    rule = PriceJumpRule(PriceJumpSettings())
    now = 0
    assert judge(rule, start, now)
    for factor, length in spikes:
        for _ in range(length):
            now += 10_000 * MS
            assert not judge(rule, start * Decimal(factor), now)
        now += 1
        assert judge(rule, start, now)


@given(
    start=prices,
    factor=st.sampled_from(["0.01", "0.5", "0.88", "1.12", "3", "100"]),
    step_ms=st.integers(1, 600),
)
def test_a_lasting_move_is_accepted_within_the_bound(start: Decimal, factor: str, step_ms: int) -> None:
    """The first tick that completes both count and time passes, and none before it; then the old level is the jump."""
    rule = PriceJumpRule(PriceJumpSettings())
    assert judge(rule, start, 0)
    moved = start * Decimal(factor)
    verdicts = [judge(rule, moved, number * step_ms * MS) for number in range(1, 1_100)]
    first = verdicts.index(True)
    assert first == max(4, -(-1_000 // step_ms))  # the fifth, or the first one a second after the first
    assert all(verdicts[first:])
    assert not judge(rule, start, 10_000_000 * MS)


@given(noise=st.lists(st.tuples(prices, st.integers(-(10**12), 10**12)), max_size=60), end=prices)
def test_nothing_is_locked_out(noise: list[tuple[Decimal, int]], end: Decimal) -> None:
    """Whatever came before, and whatever the wall clock did: a market that holds a level is followed."""
    rule = PriceJumpRule(PriceJumpSettings())
    for price, at_ns in noise:
        judge(rule, price, at_ns)
    verdicts = [judge(rule, end, number * 250 * MS) for number in range(8)]
    assert verdicts[-1]


def test_a_wall_clock_set_back_begins_the_candidacy_anew() -> None:
    """An hour back does not mean an hour of refusals."""
    rule = PriceJumpRule(PriceJumpSettings())
    assert judge(rule, Decimal(100), 0)
    assert not judge(rule, Decimal(200), 3_600_000 * MS)
    verdicts = [judge(rule, Decimal(200), number * 250 * MS) for number in range(5)]
    assert verdicts == [False, False, False, False, True]


def test_the_count_alone_confirms_nothing() -> None:
    """A burst at one moment, however long, is one message gone wrong."""
    rule = PriceJumpRule(PriceJumpSettings())
    assert judge(rule, Decimal(100), 0)
    assert not any(judge(rule, Decimal(200), 5) for _ in range(1_000))


def test_candidates_that_disagree_confirm_nothing() -> None:
    """A leg that talks nonsense at random stays refused."""
    rule = PriceJumpRule(PriceJumpSettings())
    assert judge(rule, Decimal(100), 0)
    nonsense = [Decimal(price) for price in (200, 900, 30, 5000, 1) * 50]
    assert not any(judge(rule, price, number * 500 * MS) for number, price in enumerate(nonsense))


@pytest.mark.parametrize(("wrong", "true"), [("50", ("1.00", "1.13")), ("0.00000001", ("2E-8", "5E-8"))])
def test_a_market_that_never_agrees_with_itself_is_followed_in_the_end(
    wrong: str, true: tuple[str, str]
) -> None:
    """A wrong first price, and a true one that moves by more than the limit from tick to tick."""
    rule = PriceJumpRule(PriceJumpSettings())
    assert judge(rule, Decimal(wrong), 0)
    verdicts = [judge(rule, Decimal(true[number % 2]), number * 250 * MS) for number in range(1_000)]
    first = verdicts.index(True)
    assert first == 499  # five hundred of them, and more than a hundred seconds
    assert sum(verdicts[first:]) >= 250


def test_a_repair_is_judged_at_its_own_time() -> None:
    """A page of trades comes at one moment; a fall in it is followed after a second of theirs."""
    rule = PriceJumpRule(PriceJumpSettings())
    old = [
        make_trade("100" if n < 500 else "88", event_ns=n * 60 * MS, backfilled=True) for n in range(1_000)
    ]
    now = 60_000 * MS
    refused = 0
    for tick in old:
        if rule.check(tick, now) is None:
            rule.accept(tick)
        else:
            refused += 1
    assert refused == 17  # of a second, as live
    assert rule.check(make_trade("88.1", event_ns=now), now) is None


def test_what_is_older_than_the_level_says_nothing_of_it() -> None:
    """A provider that brings a repair after newer trades: neither is refused for the other."""
    rule = PriceJumpRule(PriceJumpSettings())
    for number, price in enumerate(["104", "110", "115"]):
        tick = make_trade(price, event_ns=(100 + number) * MS)
        assert rule.check(tick, 0) is None
        rule.accept(tick)
    for number, price in enumerate(["100", "90", "80"]):
        tick = make_trade(price, event_ns=number * MS, backfilled=True)
        assert rule.check(tick, 0) is None
        rule.accept(tick)
    assert rule.check(make_trade("120", event_ns=200 * MS), 0) is None


def test_only_what_every_rule_accepts_moves_the_reference() -> None:
    """A confirmed level that another rule refuses leaves the reference where it was."""
    rule = PriceJumpRule(PriceJumpSettings())
    rule.accept(make_trade("100"))
    verdicts = [rule.check(make_trade("5000000"), number * 1_000 * MS) for number in range(10)]
    assert verdicts[-1] is None
    assert rule.check(make_trade("100.5"), 20_000 * MS) is None
    rule.accept(make_trade("100.5"))
    assert rule.check(make_trade("5000000"), 30_000 * MS) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (make_trade("100"), make_quote("199", "201")),
        (make_quote("99", "101"), make_ticker("200", bid="99", ask="101")),
        (make_ticker("100"), make_bar("200")),
        (make_bar("100"), make_trade("200")),
    ],
)
def test_kinds_of_price_are_not_compared_with_each_other(one: Trade, other: Trade) -> None:
    """Each kind has its own last price."""
    rule = PriceJumpRule(PriceJumpSettings())
    rule.accept(one)
    assert rule.check(other, 0) is None


@given(
    limit=st.decimals(min_value="0.001", max_value="1.999", places=3),
    quotes=st.lists(st.tuples(prices, HALF_TO_DOUBLE)),
)
def test_a_spread_is_judged_exactly_whatever_came_before(
    limit: Decimal, quotes: list[tuple[Decimal, Decimal]]
) -> None:
    """The spread rule's corridor never changes a verdict: it is ask - bid <= limit x mid in rationals."""
    rule = SpreadRule(SpreadSettings(max_spread=limit))
    for bid, factor in quotes:
        for ask in (bid, bid * factor, bid * Decimal("1.0001"), bid * (2 + limit) / (2 - limit)):
            low, high = Fraction(bid), Fraction(ask)
            fine = high - low <= Fraction(limit) * (low + high) / 2
            assert (rule.check(make_quote(format(bid, "f"), format(ask, "f")), 0) is None) == fine
