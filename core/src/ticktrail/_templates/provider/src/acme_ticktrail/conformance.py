"""Bring the provider to ticktrail's kit: genuine messages, what they say, and a stage for sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from ticktrail.model import InstrumentId, ProviderId, Quote, Tick, Trade
from ticktrail.testing import ProviderCase, ProviderConformance, Stage, Symbols, make_provider_context
from ticktrail.testing.venue import Fault, LiveTape

from acme_ticktrail.messages import instrument_of, symbol_of
from acme_ticktrail.plugin import ticktrail_providers
from acme_ticktrail.provider import (
    CHANNELS,
    AcmeSettings,
)
from acme_ticktrail.venue import (
    AcmeVenue,
    market,
)

__all__ = ["TestAcme"]

BTC, LEG = InstrumentId("BTC/USDT"), ProviderId("leg")
CONTEXT = make_provider_context(BTC, channels=CHANNELS, name=LEG)

# Copy these from the venue itself; what they say is read by a person, digit by digit.
PAYLOADS = [
    b'{"ch":"trades","symbol":"BTC-USDT","id":7,"price":"101.50","size":"0.10","side":"buy",'
    b'"time":1700000000000000001}',
    b'{"ch":"quotes","symbol":"BTC-USDT","bid":"101.40","bid_size":"1.0","ask":"101.60","ask_size":"2.00",'
    b'"time":1700000000000000002}',
    b'{"ch":"heartbeat"}',
]
EXPECTED: list[Tick] = [
    Trade(
        instrument=BTC,
        provider=LEG,
        event_ns=1_700_000_000_000_000_001,
        recv_ns=0,
        id=7,
        price=Decimal("101.50"),
        size=Decimal("0.10"),
        side="buy",
    ),
    Quote(
        instrument=BTC,
        provider=LEG,
        event_ns=1_700_000_000_000_000_002,
        recv_ns=0,
        bid_price=Decimal("101.40"),
        bid_size=Decimal("1.0"),
        ask_price=Decimal("101.60"),
        ask_size=Decimal("2.00"),
    ),
]


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Enter a venue on this machine, and settings that lead there."""
    async with AcmeVenue(LiveTape(market)).serve() as venue:
        yield Stage(
            settings=AcmeSettings(ws_url=venue.ws_url(), silent_s=0.5),
            venue=venue,
        )


class TestAcme(ProviderConformance):
    """The laws of providers, P01 and on."""

    @pytest.fixture
    def case(self) -> ProviderCase:
        """Return what the laws are tried on."""
        (spec,) = ticktrail_providers()
        return ProviderCase(
            spec=spec,
            settings=AcmeSettings(),
            context=CONTEXT,
            payloads=PAYLOADS,
            expected=EXPECTED,
            stage=stage,
            symbols=Symbols(
                to_venue=symbol_of, to_canonical=instrument_of, examples=["BTC-USDT", "1INCH-EUR"]
            ),
            silent_s=2.0,
            permanent=Fault(kind="error_reply", message="unknown stream", at_s=0),
        )
