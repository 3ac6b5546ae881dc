from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import house_memory
import house_rule
import house_sink
import pytest

from ticktrail.plugin import SinkContext
from ticktrail.testing import (
    ManualClock,
    SinkCase,
    SinkConformance,
    ValidatorCase,
    ValidatorConformance,
    make_trade,
)


class TestTradeSize(ValidatorConformance):
    @pytest.fixture
    def case(self) -> ValidatorCase:
        (spec,) = house_rule.ticktrail_validators()
        return ValidatorCase(
            spec=spec,
            settings=house_rule.TradeSizeSettings(min_trade_size=Decimal("0.5")),
            off=house_rule.TradeSizeSettings(),
            good=[make_trade(size="0.5"), make_trade(size="2")],
            bad=[make_trade(size="0.4999")],
        )


class TestSizeJump(ValidatorConformance):
    @pytest.fixture
    def case(self) -> ValidatorCase:
        (spec,) = house_memory.ticktrail_validators()
        return ValidatorCase(
            spec=spec,
            settings=house_memory.SizeJumpSettings(max_size_jump=Decimal(10)),
            off=house_memory.SizeJumpSettings(),
            good=[make_trade(size="2") for _ in range(house_memory.REMEMBERED)],
            bad=[make_trade(size="20.1")],
        )


def test_a_market_that_trades_more_is_followed() -> None:
    judge = house_memory.SizeJumpJudge(Decimal(10))
    for _ in range(house_memory.REMEMBERED):
        judge.accept(make_trade(size="1"))
    found = [judge.check(make_trade(size="50"), 0) for _ in range(house_memory.CONVINCED + 1)]
    assert all(found[:-1])
    assert found[-1] is None


class TestCount(SinkConformance):
    @pytest.fixture
    def case(self, tmp_path: Path) -> SinkCase:
        (spec,) = house_sink.ticktrail_sinks()
        path = tmp_path / "count.txt"

        def read_back() -> Sequence[object]:
            return ["a tick"] * int(path.read_text()) if path.exists() else []

        return SinkCase(
            spec=spec,
            settings=house_sink.CountSettings(path=path.name),
            context=SinkContext(feed="test", name="count", base_dir=tmp_path, clock=ManualClock()),
            stored=lambda _: read_back(),
            stored_after=read_back,
            keeps=lambda _: "a tick",  # all that it keeps of one
        )
