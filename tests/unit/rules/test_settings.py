"""What a feed file may say in ``[validation]``."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from ticktrail.plugin import Settings
from ticktrail.rules._limits import Limit
from ticktrail.rules.plugin import ticktrail_validators

SETTINGS = {key: spec.settings for spec in ticktrail_validators() for key in spec.settings.__struct_fields__}
LIMITS = [
    field.name
    for spec in ticktrail_validators()
    for field in msgspec.structs.fields(spec.settings)
    if field.type == Limit
]
SWITCHES = [
    field.name
    for spec in ticktrail_validators()
    for field in msgspec.structs.fields(spec.settings)
    if field.type is bool
]
CONFIRMATIONS = ["jump_confirm", "backwards_confirm", "id_restart"]
OF_THE_VENUE = {"tick_size", "lot_size"}


def convert(table: dict[str, Any]) -> Settings:
    (key, *_) = table
    return msgspec.convert(table, SETTINGS[key])


@pytest.mark.parametrize("key", LIMITS)
@pytest.mark.parametrize("value", [Decimal("0.5"), 0.25, "0.50", False])
def test_a_limit_is_a_number_a_string_or_false(key: str, value: object) -> None:
    """A number with its digits, as a TOML number or a string; false turns the rule off."""
    if key == "max_rate" and value is not False:
        value = type(value)(f"1{value}")  # type: ignore[call-arg] # a multiple is more than one
    read = getattr(convert({key: value}), key)
    assert read is False if value is False else read == Decimal(str(value))


@pytest.mark.parametrize("key", [key for key in LIMITS if key not in OF_THE_VENUE])
def test_true_is_refused_with_the_remedy(key: str) -> None:
    """`true` names no limit."""
    with pytest.raises(msgspec.ValidationError, match=f"{key} = true .* give a number, or false"):
        convert({key: True})


@pytest.mark.parametrize("key", sorted(OF_THE_VENUE))
def test_true_leaves_an_increment_to_the_venue(key: str) -> None:
    """There it has a meaning: what the venue states."""
    assert getattr(convert({key: True}), key) is True


@pytest.mark.parametrize("key", LIMITS)
@pytest.mark.parametrize("value", ["NaN", "Infinity", "sNaN"])
def test_a_limit_is_finite(key: str, value: str) -> None:
    """No number at all, and no bound at all, are slips."""
    with pytest.raises(msgspec.ValidationError, match=f"{key} must be a finite number"):
        convert({key: value})


@pytest.mark.parametrize("key", LIMITS)
@pytest.mark.parametrize("value", ["1E+999999999", "1E+30", "1E-31", "-1E+30"])
def test_a_limit_that_exact_arithmetic_would_work_at_for_ever_is_refused(key: str, value: str) -> None:
    """It is a slip in any case."""
    with pytest.raises(msgspec.ValidationError, match=rf"{key} must lie within 1E-30 and 1E\+30"):
        convert({key: value})


@pytest.mark.parametrize("key", [key for key in LIMITS if not key.endswith("_price")])
@pytest.mark.parametrize("value", [0, -1])
def test_a_limit_that_nothing_meets_is_refused(key: str, value: int) -> None:
    """Only a price may be zero or less."""
    with pytest.raises(msgspec.ValidationError, match=f"{key} must be greater than 0"):
        convert({key: value})


@pytest.mark.parametrize("key", SWITCHES)
def test_a_switch_is_true_or_false(key: str) -> None:
    """A law without a limit is on or off."""
    assert getattr(convert({key: True}), key) is True
    assert getattr(convert({key: False}), key) is False
    with pytest.raises(msgspec.ValidationError, match="Expected `bool`"):
        convert({key: 1})


@pytest.mark.parametrize("key", CONFIRMATIONS)
@pytest.mark.parametrize(
    ("end", "value", "message"),
    [
        ("ticks", 1, "must be 2 to"),
        ("ticks", 10_001, "must be 2 to"),
        ("s", -1, "must be 0 to"),
        ("s", "NaN", "0 to"),
    ],
)
def test_a_confirmation_that_cannot_work_is_refused(key: str, end: str, value: object, message: str) -> None:
    """One tick alone confirms nothing, and no confirmation takes for ever."""
    with pytest.raises(msgspec.ValidationError, match=f"{key}_{end} .*{message}"):
        convert({f"{key}_{end}": value})


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"min_price": 5, "max_price": 4}, "min_price 5 is above max_price 4"),
        ({"max_spread": 2}, "max_spread must be less than 2"),
        ({"max_cross_venue_deviation": 2}, "max_cross_venue_deviation must be less than 2"),
        ({"cross_venue_max_age_s": 0}, "cross_venue_max_age_s must be above 0"),
        ({"cross_venue_max_age_s": "NaN"}, "cross_venue_max_age_s must be above 0"),
        ({"jump_confirm_ticks": False}, "Expected `int`"),
        ({"max_price_jump": "ten"}, "Invalid decimal string"),
        ({"frozen_after_quotes": 1}, "frozen_after_quotes must be 2 to .* it is 1"),
        ({"frozen_after_quotes": True}, "frozen_after_quotes must be 2 to .* it is true"),
        ({"frozen_after_s": -1}, "frozen_after_s must be 0 to"),
        ({"frozen_after_s": "NaN"}, "frozen_after_s must be 0 to"),
        ({"frozen_after_trades": 0}, "frozen_after_trades must be 1 to"),
        ({"max_rate": 1}, "max_rate must be more than 1"),
        ({"max_rate": "1E+10"}, "max_rate must be more than 1"),
        ({"rate_floor": 0}, "rate_floor must be 1 to"),
        ({"consistent_bars": 1}, "Expected `bool`"),
    ],
)
def test_settings_that_cannot_work_are_refused(table: dict[str, Any], message: str) -> None:
    """Each message says what is wrong."""
    with pytest.raises(msgspec.ValidationError, match=message):
        convert(table)


def test_the_defaults_are_those_of_the_documented_feed_file() -> None:
    """A rule that nobody set is on, but for the two that object to what is normal on many a market."""
    defaults = {key: getattr(kind(), key) for key, kind in SETTINGS.items()}
    assert defaults == {
        "min_price": Decimal("0.0001"),
        "max_price": Decimal(1000000),
        "max_price_jump": Decimal("0.10"),
        "jump_confirm_ticks": 5,
        "jump_confirm_s": Decimal("1.0"),
        "positive_size": True,
        "uncrossed_quotes": True,
        "unlocked_quotes": False,
        "max_spread": Decimal("0.05"),
        "min_volume_24h": Decimal(100),
        "max_age_s": Decimal(10),
        "max_clock_offset_ms": Decimal(50),
        "max_event_drift_ms": False,
        "max_backwards_ms": Decimal(1000),
        "backwards_confirm_ticks": 10,
        "backwards_confirm_s": Decimal("5.0"),
        "growing_ids": True,
        "id_restart_ticks": 10,
        "id_restart_s": Decimal("5.0"),
        "gapless_ids": True,
        "tick_size": True,
        "lot_size": True,
        "consistent_bars": True,
        "frozen_after_quotes": 20,
        "frozen_after_s": Decimal("2.0"),
        "frozen_after_trades": 3,
        "max_rate": Decimal(50),
        "rate_floor": 2_000,
        "max_cross_venue_deviation": Decimal("0.02"),
        "cross_venue_max_age_s": Decimal(10),
    }
