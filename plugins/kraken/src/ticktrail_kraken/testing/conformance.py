"""Prove the plugin by ticktrail's conformance kit: ``pytest --pyargs ticktrail_kraken.testing.conformance``.

Owns: the cases: messages, a stage with the loopback venue, an archive.
Never: checks anything by itself; the kit's laws do.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from ticktrail.model import InstrumentId
from ticktrail.plugin import History, ProviderContext, ProviderSpec, Registry, SystemClock
from ticktrail.testing import (
    HistoryCase,
    HistoryConformance,
    ProviderCase,
    ProviderConformance,
    Stage,
    Symbols,
)
from ticktrail.testing.venue import Fault
from ticktrail_kraken.plugin import ticktrail_providers
from ticktrail_kraken.settings import CHANNELS, KrakenSettings
from ticktrail_kraken.symbols import symbol_of
from ticktrail_kraken.testing.messages import EXPECTED, LEG, NAME, PAYLOADS
from ticktrail_kraken.testing.tape import KrakenTape, Market
from ticktrail_kraken.testing.venue import KrakenVenue

__all__ = ["TestHistory", "TestProvider"]

NOTHING_FOR_S = 0.4
PAST_NS = 1_780_000_020_000_000_000
"""A whole minute in May 2026."""
MINUTE_NS = 60_000_000_000


class _NoOthers(Registry):
    def provider(self, name: str) -> ProviderSpec:
        raise LookupError(name)


def _context() -> ProviderContext:
    return ProviderContext(
        name=LEG,
        instruments=(NAME,),
        channels=CHANNELS,
        clock=SystemClock(),
        base_dir=Path(),
        registry=_NoOthers(),
    )


def _settings(venue: KrakenVenue, *, page_rows: int = 1_000) -> KrakenSettings:
    return KrakenSettings(
        ws_url=venue.ws_url("/v2"),
        rest_url=venue.rest_url(),
        answer_s=2.0,
        connect_s=2.0,
        messages_per_s=1_000.0,
        connections_per_minute=100_000,
        requests_per_minute=100_000,
        quiet_after_s=dict.fromkeys(("trades", "quotes", "book", "bars"), NOTHING_FOR_S),
        page_rows=page_rows,
    )


@asynccontextmanager
async def _stage() -> AsyncIterator[Stage]:
    async with KrakenVenue(KrakenTape((NAME,), rate=300.0)).serve() as venue:
        yield Stage(settings=_settings(venue), venue=venue)


def _past() -> Iterator[tuple[str, bytes]]:
    """Yield trades and candles of an hour; some trades share a moment."""
    market, dice, at_ns = Market(NAME, 10, random.Random(5)), random.Random(6), PAST_NS  # noqa: S311 - no secrets
    while at_ns < PAST_NS + 60 * MINUTE_NS:
        at_ns += dice.choice((0, 0, 1, 900_000_001, 20_000_000_000))
        yield from (
            (stream, raw) for stream, raw in market.step(at_ns) if stream.endswith(("@trade", "@ohlc"))
        )


@asynccontextmanager
async def _archive() -> AsyncIterator[History]:
    (spec,) = ticktrail_providers()
    assert spec.history is not None  # noqa: S101 - it declares one
    async with (
        KrakenVenue(KrakenTape((NAME,)), past=_past()).serve() as venue,
        spec.history(_settings(venue, page_rows=7), _context(), lambda _: None) as history,
    ):
        yield history


class TestProvider(ProviderConformance):
    """The provider at the loopback venue."""

    @pytest.fixture
    def case(self) -> ProviderCase:
        """Return the case: every channel, and a pair that the venue says it does not support."""
        (spec,) = ticktrail_providers()
        return ProviderCase(
            spec=spec,
            settings=KrakenSettings(),
            context=_context(),
            payloads=PAYLOADS,
            expected=EXPECTED,
            stage=_stage,
            symbols=Symbols(
                to_venue=symbol_of, to_canonical=InstrumentId, examples=("BTC/USD", "1INCH/EUR", "ETH2.S/ETH")
            ),
            silent_s=8.0,
            permanent=Fault(kind="error_reply", message=f"Currency pair not supported {NAME}", at_s=0),
        )


class TestHistory(HistoryConformance):
    """Its archive: trades by the page, bars of the last twelve hours."""

    @pytest.fixture
    def case(self) -> HistoryCase:
        """Return the case: an hour of trades and bars, seven trades a page."""
        return HistoryCase(
            name="kraken",
            leg=LEG,
            instruments=(NAME,),
            channels=("trades", "bars"),
            start_ns=PAST_NS + 5 * MINUTE_NS + 1,
            end_ns=PAST_NS + 40 * MINUTE_NS,
            live=_archive,
        )
