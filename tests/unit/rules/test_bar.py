"""Bars: each contradiction by its name."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from ticktrail.rules import BarRule
from ticktrail.testing import make_bar, make_trade
from ticktrail.testing._ticks import RECV_NS

ZERO = Decimal(0)


def fault(**fields: object) -> str | None:
    found = BarRule().check(replace(make_bar(), **fields), RECV_NS)
    return None if found is None else found.fault


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, None),
        ({"high": Decimal("100.00")}, None),
        ({"low": Decimal("99.50")}, None),
        ({"open": Decimal("98.99")}, "prices"),
        ({"open": Decimal("100.51")}, "prices"),
        ({"close": Decimal("98.99")}, "prices"),
        ({"close": Decimal("100.51")}, "prices"),
        ({"close": Decimal("NaN")}, "prices"),
        ({"high": Decimal("sNaN")}, "prices"),
        ({"trades": 3}, None),
        ({"trades": 0}, "trades"),
        ({"trades": -3}, "trades"),
        ({"trades": 3, "volume": ZERO}, "trades"),
        ({"trades": 0, "volume": ZERO}, None),
        ({"trades": 0, "volume": Decimal("-0.0")}, None),
        ({"trades": 0, "volume": Decimal("NaN")}, "trades"),
        ({"trades": None, "volume": ZERO}, None),
        ({"end_ns": RECV_NS - 60_000_000_000}, "span"),
        ({"end_ns": 0}, "span"),
    ],
)
def test_each_contradiction_has_a_name(fields: dict[str, object], expected: str | None) -> None:
    """A bar of quotes, without trades and volume, is no contradiction; an unknown count is not judged."""
    assert fault(**fields) == expected


@given(prices=st.lists(st.decimals("0.01", 1000, places=2), min_size=1), size=st.decimals(0, 5, places=3))
def test_a_bar_that_was_made_of_trades_is_right(prices: list[Decimal], size: Decimal) -> None:
    """Whatever the trades were."""
    made = {"open": prices[0], "high": max(prices), "low": min(prices), "close": prices[-1]}
    volume = size * len(prices)
    assert fault(**made, volume=volume, trades=len(prices) if volume else 0) is None


def test_nothing_but_bars_is_judged() -> None:
    """A trade has no span."""
    assert BarRule().check(make_trade(), RECV_NS) is None
