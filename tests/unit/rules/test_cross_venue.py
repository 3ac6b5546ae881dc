"""What several legs say of one instrument, against each other."""

from decimal import Decimal
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.plugin import ValidatorContext
from ticktrail.rules import CrossVenueRule, CrossVenueSettings
from ticktrail.rules.plugin import ticktrail_validators
from ticktrail.testing import ManualClock, make_quote, make_ticker, make_trade

S = 1_000_000_000
SETTINGS = CrossVenueSettings()


def says(rule, leg, price, at_s=1.0):
    return rule.check(make_trade(str(price), provider=leg), round(at_s * S))


def test_two_legs_are_measured_by_each_other():
    """Both are told; nobody is named, since nobody can know."""
    rule = CrossVenueRule(SETTINGS)
    assert says(rule, "a", 100) is None
    found = says(rule, "b", 103, at_s=1.5)
    assert (found.price, found.measure, found.outlier) == (103, 100, None)
    assert found.deviation == Decimal("0.03")
    assert found.prices == {"a": 100, "b": 103}
    assert found.ages_ms == {"a": 500.0, "b": 0.0}
    back = says(rule, "a", 100, at_s=2)
    assert (back.measure, back.outlier) == (103, None)


def test_the_outlier_of_three_is_named_and_the_others_are_not_troubled():
    """The median is the majority's."""
    rule = CrossVenueRule(SETTINGS)
    assert says(rule, "a", 100) is None
    assert says(rule, "b", "100.2") is None
    found = says(rule, "c", 200)
    assert (found.outlier, found.measure) == ("c", Decimal("100.2"))
    assert says(rule, "a", "100.1") is None
    assert says(rule, "b", "100.1") is None
    assert says(rule, "c", 200).outlier == "c"


def test_four_legs_that_are_divided_have_no_outlier():
    """Two against two: each is far from the middle."""
    rule = CrossVenueRule(SETTINGS)
    says(rule, "a", 100)
    says(rule, "b", 100)
    says(rule, "c", 120)
    found = says(rule, "d", 120)
    assert (found.measure, found.outlier) == (110, None)


def test_a_silent_leg_does_not_vote():
    """Its old price says nothing; a leg alone has nobody to be compared with."""
    rule = CrossVenueRule(SETTINGS)
    says(rule, "a", 100)
    assert says(rule, "b", 150, at_s=11.001) is None
    assert says(rule, "b", 150, at_s=12) is None
    assert says(rule, "a", 150, at_s=12) is None
    assert says(rule, "b", 153.1, at_s=12).measure == 150


def test_kinds_of_price_are_one_here():
    """A quote's mid, a trade, a ticker's last: two per cent is far beyond a spread."""
    rule = CrossVenueRule(SETTINGS)
    assert rule.check(make_quote("99", "101", provider="a"), S) is None
    assert rule.check(make_ticker("101", provider="b"), S) is None
    assert rule.check(make_quote("109", "111", provider="b"), S).price == 110


def test_the_past_neither_votes_nor_is_judged():
    """A repaired hole brings old prices."""
    rule = CrossVenueRule(SETTINGS)
    says(rule, "a", 100)
    assert rule.check(make_trade("50", provider="b", backfilled=True), S) is None
    assert says(rule, "a", 100) is None


legs = st.sampled_from("abcd")
prices = st.decimals(min_value="90", max_value="110", places=2)
steps = st.lists(st.tuples(legs, prices, st.integers(0, 3_000), st.booleans()), min_size=1, max_size=40)


@given(steps, st.sampled_from(["0.001", "0.02", "0.1"]))
def test_the_zone_spares_work_and_changes_nothing(walk, limit):
    """Each verdict is that of comparing every live leg exactly, each time."""
    rule = CrossVenueRule(CrossVenueSettings(max_cross_venue_deviation=Decimal(limit)))
    votes, now_ms = {}, 0
    for leg, price, step_ms, quoted in walk:
        now_ms += step_ms
        tick = (
            make_quote(str(price - 1), str(price + 1), provider=leg)
            if quoted
            else make_trade(str(price), provider=leg)
        )
        votes[leg] = (price, now_ms)
        live = {voter: vote for voter, (vote, at_ms) in votes.items() if now_ms - at_ms <= 10_000}
        others = [vote for voter, vote in live.items() if voter != leg]
        measure = others[0] if len(others) == 1 else median(live.values())
        found = rule.check(tick, now_ms * 1_000_000)
        assert (found is not None) == (abs(price - measure) > Decimal(limit) * measure)
        if found is not None:
            assert found.prices == live
            assert found.measure == measure


@pytest.mark.parametrize(("legs_", "takes_part"), [(("a",), False), (("a", "b"), True)])
def test_a_feed_of_one_leg_pays_nothing(legs_, takes_part):
    """There is nothing to compare."""
    (spec,) = [spec for spec in ticktrail_validators() if spec.name == "cross_venue"]
    context = ValidatorContext(provider=None, legs=legs_, instrument="BTC/USDT", clock=ManualClock())
    assert (spec.open(SETTINGS, context) is not None) == takes_part
    assert (spec.scope, spec.action, spec.severity) == ("route", "flag", "critical")
