"""Floods: compared with a slow mean, above a floor, and what stays is usual after a while."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ticktrail.model import Tick
from ticktrail.rules import RateRule, RateSettings
from ticktrail.testing import make_quote, make_trade
from ticktrail.testing._ticks import RECV_NS

S = 1_000_000_000
TRADE = make_trade()


class Stage:
    """A rule, asked second by second."""

    def __init__(self, max_rate: str = "10", rate_floor: int = 50) -> None:
        self.rule = RateRule(RateSettings(max_rate=Decimal(max_rate), rate_floor=rate_floor))
        self.second = 0

    def bring(self, ticks: int, *, seconds: int = 1, tick: Tick = TRADE) -> int:
        """Let so many come in each of the seconds, all at once; return to how many the rule objects."""
        found = 0
        for _ in range(seconds):
            at_ns = RECV_NS + self.second * S
            found += sum(self.rule.check(tick, at_ns) is not None for _ in range(ticks))
            self.second += 1
        return found


def test_those_beyond_the_limit_are_objected_to() -> None:
    """Ten times the mean, counted within a second."""
    stage = Stage()
    assert stage.bring(10, seconds=60) == 0
    assert stage.bring(100) == 0
    stage.bring(10, seconds=300)
    assert stage.bring(103) == pytest.approx(3, abs=2)
    assert stage.bring(10, seconds=60) == 0


def test_below_the_floor_nothing_is_a_flood() -> None:
    """One tick a second, then fifty: many times the mean, and few for all that."""
    stage = Stage()
    stage.bring(1, seconds=30)
    assert stage.bring(50) == 0
    assert stage.bring(51) == 1


def test_no_mean_no_judgement() -> None:
    """The first ten seconds are learnt from: what is queued while a feed starts comes at once."""
    stage = Stage()
    assert stage.bring(10_000) == 0
    assert stage.bring(1, seconds=9) == 0
    assert stage.bring(20_000) > 0


def test_each_kind_is_counted_by_itself() -> None:
    """Many quotes do not hide a flood of trades, nor make one."""
    stage = Stage()
    quote = make_quote()
    for _ in range(30):
        stage.bring(300, tick=quote)
        stage.second -= 1
        stage.bring(2)
    assert stage.bring(300, tick=quote) == 0
    assert stage.bring(300) == 250


def test_what_stays_is_usual_after_a_while() -> None:
    """A rate that rises a thousandfold for good is objected to for less than a minute."""
    stage = Stage()
    stage.bring(5, seconds=60)
    assert stage.bring(5_000, seconds=1) > 4_900
    stage.bring(5_000, seconds=59)
    assert stage.bring(5_000, seconds=60) == 0


def test_a_flood_does_not_blind_the_rule() -> None:
    """A second of a million ticks counts for no more than its limit in the mean."""
    stage = Stage()
    stage.bring(10, seconds=60)
    stage.bring(100_000)
    assert stage.bring(200) > 50


def test_a_long_pause_is_forgotten_in_time() -> None:
    """Seconds without a tick are seconds of none."""
    stage = Stage()
    stage.bring(100, seconds=60)
    stage.second += 86_400 * 7
    assert stage.bring(51) == 1


def test_what_is_fetched_is_not_counted() -> None:
    """A hole that is filled comes at once, by its nature."""
    stage = Stage()
    stage.bring(1, seconds=30)
    assert stage.bring(10_000, tick=replace(TRADE, backfilled=True)) == 0


def test_time_that_is_set_back_begins_a_second() -> None:
    """The count goes on from there, and the mean is kept."""
    stage = Stage()
    stage.bring(1, seconds=30)
    stage.second -= 3600
    assert stage.bring(51) == 1
    assert stage.bring(51) == 1


@given(
    counts=st.lists(st.integers(0, 120), max_size=80), factor=st.integers(2, 20), floor=st.integers(1, 100)
)
def test_a_limit_is_never_below_the_floor_nor_below_the_mean(
    counts: list[int], factor: int, floor: int
) -> None:
    """Whatever came before: at most what lies over the floor is objected to, and never a tick of a steady rate."""
    stage = Stage(max_rate=str(factor), rate_floor=floor)
    for count in counts:
        assert stage.bring(count) <= max(0, count - floor)
        stage.second += count == 0
    steady = Stage(max_rate=str(factor), rate_floor=floor)
    assert steady.bring(30, seconds=90) == 0
