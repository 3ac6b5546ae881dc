"""Increments: known or not, stated by the venue or by the settings, and exact under any context."""

from decimal import MAX_EMAX, Context, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.rules import IncrementsRule, IncrementsSettings
from ticktrail.testing import make_bar, make_quote, make_ticker, make_trade
from ticktrail.testing._ticks import RECV_NS

TICK, LOT = Decimal("0.01"), Decimal("0.001")


def rule(**settings: Decimal | bool) -> IncrementsRule:
    return IncrementsRule(IncrementsSettings(**settings))


def test_what_is_not_known_is_not_judged() -> None:
    """Until the venue has stated its increments, and where it states that it has none."""
    judge = rule()
    odd = make_trade("0.123456789", size="0.987654321")
    assert judge.check(odd, RECV_NS) is None
    judge.learn(TICK, None)
    found = judge.check(odd, RECV_NS)
    assert found is not None
    assert found.field == "price"
    judge.learn(None, LOT)
    found = judge.check(odd, RECV_NS)
    assert found is not None
    assert found.field == "size"
    judge.learn(None, None)
    assert judge.check(odd, RECV_NS) is None


def test_the_newest_statement_holds() -> None:
    """A venue that makes its increment finer tells it, and the new prices are right from then on."""
    judge = rule()
    judge.learn(TICK, LOT)
    assert judge.check(make_trade("100.005"), RECV_NS) is not None
    judge.learn(Decimal("0.005"), LOT)
    assert judge.check(make_trade("100.005"), RECV_NS) is None


def test_an_increment_of_ones_own_goes_before_the_venues() -> None:
    """So does `false`, for each of the two by itself."""
    judge = rule(tick_size=Decimal("0.5"), lot_size=False)
    judge.learn(TICK, LOT)
    assert judge.check(make_trade("100.5", size="0.00001"), RECV_NS) is None
    assert judge.check(make_trade("100.25"), RECV_NS) is not None


@pytest.mark.parametrize("stated", ["0", "-0.01", "NaN", "sNaN", "Infinity"])
def test_a_statement_that_makes_no_sense_is_none(stated: str) -> None:
    """Nothing is a multiple of it, and nothing is refused by it."""
    judge = rule()
    judge.learn(Decimal(stated), Decimal(stated))
    assert judge.check(make_trade("0.123"), RECV_NS) is None


def test_the_size_of_a_quote_is_not_judged() -> None:
    """It may hold orders that are older than the increment."""
    judge = rule()
    judge.learn(TICK, LOT)
    assert judge.check(make_quote("1.00", "1.01", bid_size="0.0000001"), RECV_NS) is None
    assert judge.check(make_quote("1.001", "1.01"), RECV_NS) is not None
    assert judge.check(make_bar("99.999"), RECV_NS) is not None
    assert judge.check(make_ticker("99.999"), RECV_NS) is not None


NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12)
INCREMENTS = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), st.integers(1, 500), st.integers(0, 10)
)


@given(value=NUMBERS, times=st.integers(-(10**15), 10**15), step=INCREMENTS, precision=st.integers(1, 40))
def test_a_verdict_is_that_of_fractions(value: Decimal, times: int, step: Decimal, precision: int) -> None:
    """Whatever the thread's context rounds to, and whether it raises or not."""
    judge = rule()
    judge.learn(step, None)
    multiple = Context(prec=60).multiply(step, Decimal(times))
    for traps in ([], None):
        with localcontext(Context(prec=precision, traps=traps)):
            objects = judge.check(make_trade(str(value)), RECV_NS) is not None
            assert objects == (Fraction(value) % Fraction(step) != 0)
            assert judge.check(make_quote(str(multiple), str(multiple)), RECV_NS) is None


@pytest.mark.parametrize("price", ["NaN", "sNaN", "Infinity", "-Infinity", "1E+999999", f"1E+{MAX_EMAX}"])
def test_what_is_no_price_is_no_multiple(price: str) -> None:
    """It never raises, and its exponent costs nothing."""
    judge = rule()
    judge.learn(TICK, LOT)
    for tick in (make_trade(price), make_trade(size=price), make_quote(price, price), make_bar(high=price)):
        assert judge.check(tick, RECV_NS) is not None
