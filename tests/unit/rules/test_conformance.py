"""Each built-in rule keeps the contract that a third party's rule must keep."""

from decimal import Decimal

import msgspec
import pytest
from msgspec.structs import replace

from ticktrail.plugin import ValidatorContext, ValidatorSpec
from ticktrail.rules import (
    BackwardsSettings,
    BarSettings,
    ClockRuleSettings,
    CrossedSettings,
    CrossVenueSettings,
    EventDriftSettings,
    FrozenSettings,
    IdGapSettings,
    IdOrderSettings,
    IncrementsSettings,
    PriceJumpSettings,
    PriceRangeSettings,
    RateSettings,
    SizeSettings,
    SpreadSettings,
    StalenessSettings,
    VolumeSettings,
)
from ticktrail.rules.plugin import ticktrail_validators
from ticktrail.testing import (
    ManualClock,
    ValidatorCase,
    ValidatorConformance,
    make_agg_trade,
    make_bar,
    make_quote,
    make_ticker,
    make_trade,
)
from ticktrail.testing._ticks import RECV_NS

SPECS = {spec.name: spec for spec in ticktrail_validators()}
SECOND = 1_000_000_000


def spec(name: str) -> ValidatorSpec:
    return SPECS[name]


def test_each_rule_has_one_name_and_a_case() -> None:
    """No rule is declared twice, and none goes without the checks below."""
    names = [spec.name for spec in ticktrail_validators()]
    cases = [case.RULE for case in ValidatorConformance.__subclasses__() if case.__module__ == __name__]
    assert names == list(dict.fromkeys(names))
    assert set(cases) == set(names)


def test_no_two_rules_share_a_key() -> None:
    """The keys of all rules lie flat in one table, so that none may be declared twice."""
    keys = [key for spec in ticktrail_validators() for key in spec.settings.__struct_fields__]
    assert len(keys) == len(set(keys))


class TestPriceRange(ValidatorConformance):
    RULE = "price_range"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("price_range"),
            settings=PriceRangeSettings(),
            off=PriceRangeSettings(min_price=False, max_price=False),
            good=[
                make_trade("0.0001"),
                make_trade("1000000"),
                make_quote(),
                make_quote("0", "100", bid_size="0"),
                make_quote("101", "100"),
                make_ticker(),
                make_bar(),
            ],
            bad=[
                make_trade("0.00009"),
                make_trade("1000000.01"),
                make_trade("0"),
                make_trade("-1"),
                make_quote("0", "100"),
                make_quote("99", "2000000"),
                make_quote("3000000", "2000000"),
                make_ticker("0"),
                make_ticker(ask="9999999"),
                make_bar("0"),
                make_bar(high="9999999"),
            ],
        )


class TestPriceJump(ValidatorConformance):
    RULE = "price_jump"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("price_jump"),
            settings=PriceJumpSettings(),
            off=PriceJumpSettings(max_price_jump=False),
            good=[
                make_trade("100"),
                make_trade("110"),
                make_trade("99"),
                make_quote("200", "202"),
                make_quote("0", "202", bid_size="0"),
                make_quote("201", "202"),
                make_ticker("50"),
                make_bar("10"),
                make_trade("100"),
            ],
            bad=[
                make_trade("110.01"),
                make_trade("89.99"),
                make_trade("0"),
                make_trade("-100"),
                make_quote("100", "101"),
                make_ticker("100"),
                make_bar("100"),
            ],
        )


class TestSpread(ValidatorConformance):
    RULE = "spread"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("spread"),
            settings=SpreadSettings(),
            off=SpreadSettings(max_spread=False),
            good=[
                make_quote("97.5", "102.5"),  # exactly five per cent
                make_quote("100", "100"),
                make_quote("0", "100", bid_size="0"),
                make_quote("100", "0", ask_size="0"),
                make_quote("200", "100"),  # crossed: another rule's matter
                make_ticker(),
            ],
            bad=[
                make_quote("97.5", "102.51"),
                make_quote("0", "100"),
                make_ticker(bid="50", ask="100"),
            ],
        )


class TestVolume(ValidatorConformance):
    RULE = "volume_24h"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("volume_24h"),
            settings=VolumeSettings(),
            off=VolumeSettings(min_volume_24h=False),
            good=[make_ticker(volume_24h="100"), make_ticker(volume_24h="100000")],
            bad=[make_ticker(volume_24h="99.999"), make_ticker(volume_24h="0"), make_ticker(volume_24h="-5")],
        )


class TestStaleness(ValidatorConformance):
    RULE = "staleness"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        # The clock runs one second slow: what seems nine seconds old is ten.
        return ValidatorCase(
            spec=spec("staleness"),
            settings=StalenessSettings(),
            off=StalenessSettings(max_age_s=False),
            clock=ManualClock(offset_ns=SECOND),
            good=[
                make_trade(event_ns=RECV_NS - 9 * SECOND),
                make_trade(event_ns=None),
                make_trade(event_ns=RECV_NS + SECOND),
                make_trade(event_ns=RECV_NS - 90 * SECOND, backfilled=True),
            ],
            bad=[
                make_trade(event_ns=RECV_NS - 9 * SECOND - 1),
                make_quote(event_ns=0),
                make_bar(event_ns=0),
            ],
        )


class TestCrossVenue(ValidatorConformance):
    RULE = "cross_venue"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("cross_venue"),
            settings=CrossVenueSettings(),
            off=CrossVenueSettings(max_cross_venue_deviation=False),
            good=[
                make_trade("100", provider="a"),
                make_trade("102", provider="b"),  # exactly two per cent
                make_quote("100", "101", provider="c"),
                make_trade("500", provider="b", backfilled=True),
                make_quote("0", "500", bid_size="0", provider="a"),
            ],
            bad=[
                make_trade("97.9", provider="a"),
                make_trade("200", provider="d"),
                make_quote("110", "111", provider="c"),
                make_ticker("10", provider="a"),
            ],
        )


class TestClock(ValidatorConformance):
    RULE = "clock"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        # The clock runs one second slow: what seems a second early is on time.
        return ValidatorCase(
            spec=spec("clock"),
            settings=ClockRuleSettings(),
            off=ClockRuleSettings(max_clock_offset_ms=False),
            clock=ManualClock(offset_ns=SECOND),
            good=[
                make_trade(event_ns=RECV_NS + SECOND + 50_000_000),
                make_trade(event_ns=None),
                make_trade(event_ns=0),
            ],
            bad=[
                make_trade(event_ns=RECV_NS + SECOND + 50_000_001),
                make_quote(event_ns=RECV_NS + 5 * SECOND),
            ],
        )


class TestSize(ValidatorConformance):
    RULE = "size"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("size"),
            settings=SizeSettings(),
            off=SizeSettings(positive_size=False),
            good=[
                make_trade(size="1E-30"),
                make_agg_trade(size="9E+30"),
                make_quote(),
                make_quote("0", "100", bid_size="0"),
                make_quote("0", "0", bid_size="0", ask_size="0"),
                make_ticker(volume_24h="0"),
                make_bar(),
            ],
            bad=[
                make_trade(size="0"),
                make_trade(size="-0"),
                make_trade(size="-1E-30"),
                make_trade(size="Infinity"),
                make_trade("0", size="0"),
                make_agg_trade(size="-3"),
                make_quote(bid_size="0"),
                make_quote(ask_size="-1"),
                make_quote("0", "100", bid_size="-1"),
                make_ticker(volume_24h="-0.1"),
                msgspec.structs.replace(make_bar(), volume=Decimal(-1)),
            ],
        )


class TestCrossed(ValidatorConformance):
    RULE = "crossed"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("crossed"),
            settings=CrossedSettings(),
            off=CrossedSettings(uncrossed_quotes=False),
            good=[
                make_quote(),
                make_quote("100", "100.0"),
                make_quote("1", "1000"),
                make_quote("100", "0", ask_size="0"),
                make_ticker(),
            ],
            bad=[
                make_quote("100.01", "100"),
                make_quote("1E-29", "1E-30"),
                make_quote("100", "0"),
                make_ticker(bid="101", ask="100"),
            ],
        )


class TestLocked(ValidatorConformance):
    RULE = "crossed"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("crossed"),
            settings=CrossedSettings(uncrossed_quotes=False, unlocked_quotes=True),
            off=CrossedSettings(uncrossed_quotes=False, unlocked_quotes=False),
            good=[
                make_quote(),
                make_quote("101", "100"),
                make_quote("0", "0", bid_size="0", ask_size="0"),
            ],
            bad=[make_quote("100", "100.0"), make_ticker(bid="100", ask="100")],
        )


class TestEventDrift(ValidatorConformance):
    RULE = "event_drift"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        # The clock runs one second slow: what seems a second early is on time.
        return ValidatorCase(
            spec=spec("event_drift"),
            settings=EventDriftSettings(max_event_drift_ms=Decimal(50)),
            off=EventDriftSettings(),
            clock=ManualClock(offset_ns=SECOND),
            good=[
                make_trade(event_ns=RECV_NS + SECOND + 50_000_000),
                make_quote(event_ns=RECV_NS + SECOND - 50_000_000),
                make_trade(event_ns=None),
                make_trade(event_ns=0, backfilled=True),
            ],
            bad=[
                make_trade(event_ns=RECV_NS + SECOND + 50_000_001),
                make_quote(event_ns=RECV_NS + SECOND - 50_000_001),
                make_ticker(event_ns=RECV_NS),
                make_bar(event_ns=0),
            ],
        )


class TestBackwards(ValidatorConformance):
    RULE = "backwards"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("backwards"),
            settings=BackwardsSettings(),
            off=BackwardsSettings(max_backwards_ms=False),
            good=[
                make_trade(event_ns=RECV_NS),
                make_trade(event_ns=RECV_NS - SECOND),
                make_trade(event_ns=0, backfilled=True),
                make_trade(event_ns=0, id="D:7"),
                make_trade(event_ns=None),
                make_quote(event_ns=RECV_NS - 9 * SECOND),
                make_quote(event_ns=RECV_NS + SECOND),
                make_ticker(event_ns=RECV_NS),
                make_agg_trade(),
            ],
            bad=[
                make_trade(event_ns=RECV_NS - SECOND - 1),
                make_quote(event_ns=RECV_NS - 1),
                make_ticker(event_ns=0),
                msgspec.structs.replace(make_agg_trade(), event_ns=0),
            ],
        )


class TestIdOrder(ValidatorConformance):
    RULE = "id_order"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("id_order"),
            settings=IdOrderSettings(),
            off=IdOrderSettings(growing_ids=False),
            good=[
                make_trade(id=5),
                make_trade(id=6),
                make_trade(id=9),
                make_trade(id=8, backfilled=True),
                make_trade(id="K:628"),
                make_trade(id="Z:628"),
                make_trade(id="K:628", event_ns=RECV_NS),
                make_agg_trade(id=3),
                make_quote(update_id=0),
                make_quote(update_id=70),
                make_quote(update_id=None),
            ],
            bad=[
                make_trade(id=9),
                make_trade(id=8),
                make_trade(id=7),
                make_trade(id=-1),
                make_trade(id="K:628", event_ns=RECV_NS),
                make_agg_trade(id=3),
                make_agg_trade(id=1),
                make_quote(update_id=70),
                make_quote(update_id=69),
            ],
        )


class TestIdGap(ValidatorConformance):
    RULE = "id_gap"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("id_gap"),
            settings=IdGapSettings(),
            off=IdGapSettings(gapless_ids=False),
            consecutive_ids=True,
            good=[
                make_trade(id=5),
                make_trade(id=6),
                make_trade(id=6),
                make_trade(id=9, backfilled=True),
                make_trade(id=10),
                make_trade(id="K:1"),
                make_agg_trade(id=3),
                make_agg_trade(id=4),
            ],
            bad=[make_trade(id=12), make_agg_trade(id=6)],
        )


def test_jumps_are_judged_only_where_ids_are_consecutive() -> None:
    """A leg whose ids may jump gets no judge of jumps."""
    context = ValidatorContext(provider="a", instrument="X", clock=ManualClock())
    assert spec("id_gap").open(IdGapSettings(), context) is None


def test_few_rules_let_the_tick_pass() -> None:
    """Those whose finding says little of the tick itself: a hole before it, another venue, a new step, a rush."""
    flagging = {name for name, spec in SPECS.items() if spec.action != "reject"}
    assert flagging == {"id_gap", "cross_venue", "increments", "rate"}


class TestIncrements(ValidatorConformance):
    RULE = "increments"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("increments"),
            settings=IncrementsSettings(tick_size=Decimal("0.05"), lot_size=Decimal("0.001")),
            off=IncrementsSettings(tick_size=False, lot_size=False),
            good=[
                make_trade("100.05000000", size="0.00100000"),
                make_trade("1E+40", size="3"),
                make_quote("0", "100.05", bid_size="0", ask_size="0.0000001"),
                make_ticker("100.10", bid="100.05", ask="100.15"),
                make_bar("100.00"),
            ],
            bad=[
                make_trade("100.04"),
                make_trade("100.05000001"),
                make_trade(size="0.0011"),
                make_trade("1E+200"),  # beyond what is counted
                make_quote("100.01", "100.05"),
                make_quote("100.00", "100.01"),
                make_ticker("100.01", bid="100.05", ask="100.15"),
                make_ticker("100.10"),
                make_bar(low="99.01"),
            ],
        )


class TestBar(ValidatorConformance):
    RULE = "bar"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        return ValidatorCase(
            spec=spec("bar"),
            settings=BarSettings(),
            off=BarSettings(consistent_bars=False),
            good=[
                make_bar(),
                make_bar("5", open="5", high="5", low="5"),
                replace(make_bar(), trades=7),
                replace(make_bar(), volume=Decimal(0), trades=0),
                replace(make_bar(), volume=Decimal(0)),
            ],
            bad=[
                make_bar("101"),
                make_bar("98"),
                make_bar(open="101"),
                make_bar(open="98"),
                make_bar(high="98", low="101"),
                replace(make_bar(), trades=0),
                replace(make_bar(), trades=-1),
                replace(make_bar(), volume=Decimal(0), trades=1),
                replace(make_bar(), end_ns=make_bar().start_ns),
            ],
        )


class TestFrozen(ValidatorConformance):
    RULE = "frozen"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        # Repeated for two seconds and more; the bad quote is the twentieth repetition.
        same = [make_quote("100", "101", recv_ns=RECV_NS + number * SECOND // 8) for number in range(20)]
        trades = [make_trade("102", recv_ns=same[-1].recv_ns) for _ in range(3)]
        return ValidatorCase(
            spec=spec("frozen"),
            settings=FrozenSettings(),
            off=FrozenSettings(frozen_after_quotes=False),
            good=[make_quote("99", "101"), *same, *trades],
            bad=[make_quote("100.00", "101.0", recv_ns=RECV_NS + 5 * SECOND)],
        )


class TestRate(ValidatorConformance):
    RULE = "rate"

    @pytest.fixture
    def case(self) -> ValidatorCase:
        # Two trades a second, then as many as are allowed in one.
        usual = [make_trade(recv_ns=RECV_NS + number * SECOND // 2) for number in range(22)]
        flood = [make_trade(recv_ns=RECV_NS + 11 * SECOND) for _ in range(8)]
        return ValidatorCase(
            spec=spec("rate"),
            settings=RateSettings(max_rate=Decimal(4), rate_floor=5),
            off=RateSettings(max_rate=False),
            good=[*usual, *flood],
            bad=[make_trade(recv_ns=RECV_NS + 11 * SECOND)],
        )
