"""Each built-in kind of route node keeps the contract that a third party's kind must keep."""

import pytest

from ticktrail._routes.canary import CanarySettings
from ticktrail._routes.merge import MergeSettings
from ticktrail._routes.plugin import ticktrail_routes
from ticktrail._routes.settings import HybridSettings
from ticktrail._routes.shadow import ShadowSettings
from ticktrail._routes.split import SplitPart, SplitSettings
from ticktrail.plugin import RouteContext, Settings
from ticktrail.testing import RouteCase, RouteConformance

SPECS = {spec.kind: spec for spec in ticktrail_routes()}
NAMES = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
CHANNELS = frozenset({"trades", "agg_trades", "quotes", "ticker", "book", "bars", "status"})


def case_of(kind: str, settings: Settings, *children: str, same_ids: bool = False) -> RouteCase:
    context = RouteContext(
        children=children,
        channels=CHANNELS,
        instruments=NAMES,
        same_ids=same_ids,
        id_spaces=dict.fromkeys(children, "venue" if same_ids else None),
    )
    return RouteCase(spec=SPECS[kind], settings=settings, context=context)


def test_each_kind_has_a_case() -> None:
    """None goes without the checks below."""
    suites = [one for one in RouteConformance.__subclasses__() if one.__module__ == __name__]
    assert {suite.KIND for suite in suites} == SPECS.keys()


class TestHybrid(RouteConformance):
    KIND = "hybrid"
    SETTINGS = HybridSettings(primary="a", fallback="b", failback_after_s=5)

    @pytest.fixture
    def case(self) -> RouteCase:
        return case_of("hybrid", self.SETTINGS, "a", "b", same_ids=True)


class TestColdHybrid(TestHybrid):
    SETTINGS = HybridSettings(primary="a", fallback="b", standby="cold")


class TestLittleRoom(TestHybrid):
    SETTINGS = HybridSettings(primary="a", fallback="b", handover_ticks=3, failback_after_s=0)


class TestChain(RouteConformance):
    KIND = "hybrid"

    @pytest.fixture
    def case(self) -> RouteCase:
        return case_of("hybrid", HybridSettings(chain=("a", "b", "c"), overlap_s=0), "a", "b", "c")


class TestCanary(RouteConformance):
    KIND = "canary"
    BY = "instruments"

    @pytest.fixture
    def case(self) -> RouteCase:
        settings = CanarySettings(
            incumbent="a",
            candidate="b",
            by=self.BY,
            steps=(34.0, 67.0, 100.0),
            period_s=3.0,
            min_ticks=1,
            window_s=10.0,
            promote_after_s=20.0,
        )
        return case_of("canary", settings, "a", "b", same_ids=True)


class TestCanaryByTime(TestCanary):
    BY = "time"


class TestMerge(RouteConformance):
    KIND = "merge"

    @pytest.fixture
    def case(self) -> RouteCase:
        return case_of("merge", MergeSettings(legs=("a", "b", "c")), "a", "b", "c")


class TestMergeOfOneVenue(RouteConformance):
    KIND = "merge"

    @pytest.fixture
    def case(self) -> RouteCase:
        return case_of("merge", MergeSettings(legs=("a", "b")), "a", "b", same_ids=True)


class TestShadow(RouteConformance):
    KIND = "shadow"

    @pytest.fixture
    def case(self) -> RouteCase:
        return case_of("shadow", ShadowSettings(speaker="a", candidate="b"), "a", "b")


class TestSplit(RouteConformance):
    KIND = "split"

    @pytest.fixture
    def case(self) -> RouteCase:
        parts = (
            SplitPart(child="a", instruments=("BTC/*",)),
            SplitPart(child="b", instruments=("*",)),
        )
        return case_of("split", SplitSettings(parts=parts), "a", "b")
