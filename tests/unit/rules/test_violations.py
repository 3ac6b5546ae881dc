"""What each violation tells, to the digit."""

from decimal import Decimal

import msgspec

from ticktrail.model import Tick
from ticktrail.plugin import SystemClock
from ticktrail.rules import (
    Backwards,
    BackwardsRule,
    BackwardsSettings,
    BadBar,
    BadSize,
    BadSpread,
    BarRule,
    ClockRule,
    ClockRuleSettings,
    Crossed,
    CrossedRule,
    CrossedSettings,
    EventDrift,
    EventDriftRule,
    EventDriftSettings,
    FromTheFuture,
    Frozen,
    FrozenRule,
    FrozenSettings,
    IdGap,
    IdGapRule,
    IdOrderRule,
    IdOrderSettings,
    IdOutOfOrder,
    IncrementsRule,
    IncrementsSettings,
    LowVolume,
    OffIncrement,
    PriceJump,
    PriceJumpRule,
    PriceJumpSettings,
    PriceOutOfRange,
    PriceRangeRule,
    PriceRangeSettings,
    RateRule,
    RateSettings,
    RateSpike,
    SizeRule,
    SpreadRule,
    SpreadSettings,
    Stale,
    StalenessRule,
    StalenessSettings,
    VolumeRule,
    VolumeSettings,
)
from ticktrail.testing import make_bar, make_quote, make_ticker, make_trade
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


def test_a_quote_is_crossed_or_too_wide_and_never_both() -> None:
    """One rule is of one matter; both sides stand in either violation."""
    spread, crossed = SpreadRule(SpreadSettings()), CrossedRule(CrossedSettings(unlocked_quotes=True))
    wide, locked, over = make_quote("1", "2"), make_quote("2", "2.0"), make_quote("2", "1")
    assert spread.check(wide, RECV_NS) == BadSpread(
        bid_price=Decimal(1), ask_price=Decimal(2), max_spread=Decimal("0.05")
    )
    assert [spread.check(quote, RECV_NS) for quote in (locked, over)] == [None, None]
    assert crossed.check(wide, RECV_NS) is None
    assert crossed.check(locked, RECV_NS) == Crossed(
        bid_price=Decimal(2), ask_price=Decimal("2.0"), locked=True
    )
    assert crossed.check(over, RECV_NS) == Crossed(bid_price=Decimal(2), ask_price=Decimal(1), locked=False)


def test_size_names_the_field_and_the_price_beside_it() -> None:
    """A size of 0 is a fault of the price that stands with it."""
    rule = SizeRule()
    assert rule.check(make_trade("5", size="0"), RECV_NS) == BadSize(
        field="size", size=Decimal(0), price=Decimal(5)
    )
    assert rule.check(make_quote("1", "2", ask_size="0"), RECV_NS) == BadSize(
        field="ask_size", size=Decimal(0), price=Decimal(2)
    )
    found = rule.check(make_quote("0", "2", bid_size="NaN"), RECV_NS)
    assert msgspec.json.encode(found) == b'{"rule":"size","field":"bid_size","size":"NaN","price":null}'


def test_event_drift_has_a_sign() -> None:
    """Early is negative; the correction is part of the evidence."""
    clock = SystemClock()
    rule = EventDriftRule(EventDriftSettings(max_event_drift_ms=Decimal(50)), clock)
    late, early = make_trade(event_ns=RECV_NS - 60_000_000), make_trade(event_ns=RECV_NS + 75_000_000)
    assert rule.check(late, RECV_NS) == EventDrift(
        drift_ms=60.0, max_event_drift_ms=50.0, clock_offset_ms=None
    )
    clock.offset_ns = 20_000_000
    assert rule.check(early, RECV_NS) == EventDrift(
        drift_ms=-55.0, max_event_drift_ms=50.0, clock_offset_ms=20.0
    )


def test_backwards_tells_how_far_from_what() -> None:
    """The latest accepted time is the evidence."""
    rule = BackwardsRule(BackwardsSettings())
    rule.accept(make_trade(event_ns=RECV_NS))
    assert rule.check(make_trade(event_ns=RECV_NS - 1_500_000_000), RECV_NS) == Backwards(
        back_ms=1_500.0, max_backwards_ms=1_000.0, latest_ns=RECV_NS, candidates=1
    )


def test_ids_tell_a_duplicate_from_one_that_runs_backwards() -> None:
    """An id that was here is a duplicate; one that was not, and is lower, runs backwards; names have no order."""
    rule = IdOrderRule(IdOrderSettings())
    for number in (4, 5, 8):
        rule.accept(make_trade(id=number))
    rule.accept(make_trade(id="K:1"))
    rule.accept(make_quote(update_id=9))

    def found(tick: Tick) -> IdOutOfOrder:
        objection = rule.check(tick, RECV_NS)
        assert objection is not None
        return objection

    assert found(make_trade(id=5)) == IdOutOfOrder(
        field="id", id=5, last_id=8, problem="duplicate", candidates=1
    )
    assert found(make_trade(id=6)).problem == "backwards"
    assert found(make_trade(id=3)).problem == "backwards"
    assert found(make_trade(id="K:1")) == IdOutOfOrder(
        field="id", id="K:1", last_id=None, problem="duplicate", candidates=0
    )
    assert found(make_quote(update_id=9)).problem == "duplicate"
    assert found(make_quote(update_id=8)) == IdOutOfOrder(
        field="update_id", id=8, last_id=9, problem="backwards", candidates=1
    )


def test_a_gap_counts_what_is_missing() -> None:
    """Between the two ids."""
    rule = IdGapRule()
    assert rule.check(make_trade(id=5), RECV_NS) is None
    assert rule.check(make_trade(id=9), RECV_NS) == IdGap(id=9, last_id=5, missing=3)
    assert rule.check(make_trade(id=10), RECV_NS) is None


def test_volume_states_what_there_was_and_what_was_asked() -> None:
    """Exact digits."""
    rule = VolumeRule(VolumeSettings())
    assert rule.check(make_ticker(volume_24h="99.90"), RECV_NS) == LowVolume(
        volume_24h=Decimal("99.90"), min_volume_24h=Decimal(100)
    )


def test_an_increment_names_the_field_and_its_step() -> None:
    """The value stands with the digits that it came with."""
    rule = IncrementsRule(IncrementsSettings())
    rule.learn(Decimal("0.01"), None)
    assert rule.check(make_quote("1.00", "1.0150"), RECV_NS) == OffIncrement(
        field="ask_price", value=Decimal("1.0150"), increment=Decimal("0.01")
    )


def test_a_bar_stands_whole_in_its_violation() -> None:
    """What contradicts what can be seen from it."""
    bar = make_bar("101")
    found = BarRule().check(bar, RECV_NS)
    assert found == BadBar(
        fault="prices",
        open=bar.open,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=bar.volume,
        trades=None,
        start_ns=bar.start_ns,
        end_ns=bar.end_ns,
    )


def test_a_frozen_quote_tells_what_proves_it() -> None:
    """How often and how long, and the trades outside of it."""
    rule = FrozenRule(FrozenSettings(frozen_after_quotes=2, frozen_after_s=Decimal(1), frozen_after_trades=1))
    quote = make_quote("100", "101")
    for _ in range(2):
        assert rule.check(quote, RECV_NS) is None
        rule.accept(quote)
    rule.accept(make_trade("99.5"))
    assert rule.check(quote, RECV_NS + 1_500_000_000) == Frozen(
        bid_price=Decimal(100),
        ask_price=Decimal(101),
        repeats=2,
        frozen_s=1.5,
        trades_outside=1,
        last_trade=Decimal("99.5"),
    )


def test_a_flood_is_counted_and_compared() -> None:
    """The kind is named as reports name it."""
    rule = RateRule(RateSettings(max_rate=Decimal(2), rate_floor=1))
    trade = make_trade()
    for second in range(11):
        assert rule.check(trade, RECV_NS + second * 1_000_000_000) is None
    assert rule.check(trade, RECV_NS + 10_000_000_000) is None
    assert rule.check(trade, RECV_NS + 10_999_999_999) == RateSpike(kind="trades", count=3, limit=2, mean=1.0)


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
