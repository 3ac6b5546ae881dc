"""What each violation tells, to the digit."""

from decimal import Decimal

import msgspec

from ticktrail.plugin import SystemClock
from ticktrail.rules import (
    BadSpread,
    ClockRule,
    ClockRuleSettings,
    FromTheFuture,
    LowVolume,
    PriceJump,
    PriceJumpRule,
    PriceJumpSettings,
    PriceOutOfRange,
    PriceRangeRule,
    PriceRangeSettings,
    SpreadRule,
    SpreadSettings,
    Stale,
    StalenessRule,
    StalenessSettings,
    VolumeRule,
    VolumeSettings,
)
from ticktrail.testing import make_quote, make_ticker, make_trade
from ticktrail.testing._ticks import RECV_NS


def test_price_range_names_the_field_the_price_and_the_limits() -> None:
    """A limit that is off stands as null."""
    rule = PriceRangeRule(PriceRangeSettings(min_price=False, max_price=Decimal("10.0")))
    found = rule.check(make_quote("9.00", "11.50"), RECV_NS)
    assert found == PriceOutOfRange(
        field="ask_price", price=Decimal("11.50"), min_price=None, max_price=Decimal("10.0")
    )
    assert (
        msgspec.json.encode(found)
        == b'{"rule":"price_range","field":"ask_price","price":"11.50","min_price":null,"max_price":"10.0"}'
    )


def test_price_jump_names_both_prices() -> None:
    """The price, the last accepted one, the limit, and how far a new level is confirmed."""
    rule = PriceJumpRule(PriceJumpSettings())
    rule.accept(make_quote("99", "101"))
    assert rule.check(make_quote("119", "121"), RECV_NS) == PriceJump(
        field="mid",
        price=Decimal(120),
        last_price=Decimal(100),
        max_price_jump=Decimal("0.10"),
        candidates=1,
    )


def test_spread_tells_crossed_from_wide() -> None:
    """Both sides stand in the violation."""
    rule = SpreadRule(SpreadSettings())
    limit = Decimal("0.05")
    assert rule.check(make_quote("2", "1"), RECV_NS) == BadSpread(
        bid_price=Decimal(2), ask_price=Decimal(1), max_spread=limit, crossed=True
    )
    assert rule.check(make_quote("1", "2"), RECV_NS) == BadSpread(
        bid_price=Decimal(1), ask_price=Decimal(2), max_spread=limit, crossed=False
    )


def test_volume_states_what_there_was_and_what_was_asked() -> None:
    """Exact digits."""
    rule = VolumeRule(VolumeSettings())
    assert rule.check(make_ticker(volume_24h="99.90"), RECV_NS) == LowVolume(
        volume_24h=Decimal("99.90"), min_volume_24h=Decimal(100)
    )


def test_age_and_clock_state_the_correction() -> None:
    """The offset is part of the evidence; None says that the clock was never measured."""
    clock = SystemClock()
    stale, ahead = StalenessRule(StalenessSettings(), clock), ClockRule(ClockRuleSettings(), clock)
    old, early = make_trade(event_ns=RECV_NS - 10_500_000_000), make_trade(event_ns=RECV_NS + 75_000_000)
    assert stale.check(old, RECV_NS) == Stale(age_ms=10_500.0, max_age_ms=10_000.0, clock_offset_ms=None)
    assert ahead.check(early, RECV_NS) == FromTheFuture(
        ahead_ms=75.0, max_clock_offset_ms=50.0, clock_offset_ms=None
    )
    clock.offset_ns = 20_000_000
    assert stale.check(old, RECV_NS) == Stale(age_ms=10_520.0, max_age_ms=10_000.0, clock_offset_ms=20.0)
    assert ahead.check(early, RECV_NS) == FromTheFuture(
        ahead_ms=55.0, max_clock_offset_ms=50.0, clock_offset_ms=20.0
    )


def test_a_clock_set_right_by_the_offset_is_no_violation() -> None:
    """A slow machine that knows how slow it is judges rightly."""
    clock = SystemClock()
    rule = ClockRule(ClockRuleSettings(), clock)
    early = make_trade(event_ns=RECV_NS + 1_270_000_000)
    assert rule.check(early, RECV_NS) is not None
    clock.offset_ns = 1_273_000_000
    assert rule.check(early, RECV_NS) is None
