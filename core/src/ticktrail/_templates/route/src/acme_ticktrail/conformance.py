"""Bring the kind of route to ticktrail's kit, which plays it many histories."""

from __future__ import annotations

import pytest
from ticktrail.model import InstrumentId
from ticktrail.plugin import RouteContext
from ticktrail.testing import RouteCase, RouteConformance

from acme_ticktrail.plugin import (
    AcmeSettings,
    ticktrail_routes,
)

__all__ = ["TestAcme"]


class TestAcme(RouteConformance):
    """The laws of route nodes, R01 and on."""

    @pytest.fixture
    def case(self) -> RouteCase:
        """Return what the laws are tried on."""
        (spec,) = ticktrail_routes()
        children = ("a", "b", "c")
        return RouteCase(
            spec=spec,
            settings=AcmeSettings(children=children, silent_s=2.0),
            context=RouteContext(
                children=children,
                channels=frozenset({"trades", "quotes"}),
                instruments=(InstrumentId("BTC/USDT"), InstrumentId("ETH/USDT")),
            ),
        )
