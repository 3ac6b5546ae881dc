"""Prove a plugin: what ticktrail's own tests use, for everyone.

Subclass one of the conformance classes in a test file, give it a `case` fixture, and pytest runs its checks::

    class TestMyRule(ValidatorConformance):
        @pytest.fixture
        def case(self) -> ValidatorCase: ...

Owns: the conformance checks, a clock that is set by hand, a sink that remembers, and ticks with sensible values.
Never: imports a test runner, or a venue.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ticktrail._sinks.memory import MemorySink
    from ticktrail.testing._cases import (
        LoopbackVenue,
        ProviderCase,
        Stage,
        Staging,
        Symbols,
        make_provider_context,
    )
    from ticktrail.testing._clock import ManualClock
    from ticktrail.testing._histories import HistoryCase, HistoryConformance
    from ticktrail.testing._observers import ObserverCase, ObserverConformance
    from ticktrail.testing._providers import ProviderConformance
    from ticktrail.testing._routes import RouteCase, RouteConformance
    from ticktrail.testing._sinks import SinkCase, SinkConformance
    from ticktrail.testing._ticks import (
        make_agg_trade,
        make_bar,
        make_book_delta,
        make_book_snapshot,
        make_correction,
        make_gap,
        make_imbalance,
        make_liquidation,
        make_mark_price,
        make_price_band,
        make_quote,
        make_status,
        make_switched,
        make_ticker,
        make_trade,
        one_of_each,
    )
    from ticktrail.testing._validators import ValidatorCase, ValidatorConformance

__all__ = [
    "HistoryCase",
    "HistoryConformance",
    "LoopbackVenue",
    "ManualClock",
    "MemorySink",
    "ObserverCase",
    "ObserverConformance",
    "ProviderCase",
    "ProviderConformance",
    "RouteCase",
    "RouteConformance",
    "SinkCase",
    "SinkConformance",
    "Stage",
    "Staging",
    "Symbols",
    "ValidatorCase",
    "ValidatorConformance",
    "make_agg_trade",
    "make_bar",
    "make_book_delta",
    "make_book_snapshot",
    "make_correction",
    "make_gap",
    "make_imbalance",
    "make_liquidation",
    "make_mark_price",
    "make_price_band",
    "make_provider_context",
    "make_quote",
    "make_status",
    "make_switched",
    "make_ticker",
    "make_trade",
    "one_of_each",
]

_MODULES = {
    "ticktrail._sinks.memory": ("MemorySink",),
    "ticktrail.testing._cases": (
        "LoopbackVenue",
        "ProviderCase",
        "Stage",
        "Staging",
        "Symbols",
        "make_provider_context",
    ),
    "ticktrail.testing._clock": ("ManualClock",),
    "ticktrail.testing._histories": (
        "HistoryCase",
        "HistoryConformance",
    ),
    "ticktrail.testing._observers": (
        "ObserverCase",
        "ObserverConformance",
    ),
    "ticktrail.testing._providers": ("ProviderConformance",),
    "ticktrail.testing._routes": (
        "RouteCase",
        "RouteConformance",
    ),
    "ticktrail.testing._sinks": (
        "SinkCase",
        "SinkConformance",
    ),
    "ticktrail.testing._ticks": (
        "make_agg_trade",
        "make_bar",
        "make_book_delta",
        "make_book_snapshot",
        "make_correction",
        "make_gap",
        "make_imbalance",
        "make_liquidation",
        "make_mark_price",
        "make_price_band",
        "make_quote",
        "make_status",
        "make_switched",
        "make_ticker",
        "make_trade",
        "one_of_each",
    ),
    "ticktrail.testing._validators": (
        "ValidatorCase",
        "ValidatorConformance",
    ),
}
"""Where each name lives. Imported when it is asked for: pytest loads a plugin from this package in every run."""


def __getattr__(name: str) -> object:
    """Return a public name, imported now."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
