"""Bring the provider to ticktrail's kit: genuine messages, what they say, and a stage for sessions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest
from ticktrail.model import InstrumentId, ProviderId, Quote, Tick, Trade
from ticktrail.testing import ProviderCase, ProviderConformance, Stage, Symbols, make_provider_context
from ticktrail.testing.venue import Fault, LiveTape

from coinbase_ticktrail.decoder import CHANNELS
from coinbase_ticktrail.messages import instrument_of, product_of
from coinbase_ticktrail.plugin import ticktrail_providers
from coinbase_ticktrail.provider import CoinbaseSettings
from coinbase_ticktrail.venue import CoinbaseVenue, market

__all__ = ["TestCoinbase"]

BTC, LEG = InstrumentId("BTC/USD"), ProviderId("leg")
CONTEXT = make_provider_context(BTC, channels=CHANNELS, name=LEG)

# In the form of the venue's documentation, fields that this plugin lets pass among them.
PAYLOADS = [
    b'{"type":"last_match","trade_id":9,"maker_order_id":"ac928c66-ca53-498f-9c13-a110027a60e8","side":"sell",'
    b'"size":"0.5","price":"64000.10","product_id":"BTC-USD","sequence":90,"time":"2026-11-07T08:19:26.000001Z"}',
    b'{"type":"match","trade_id":10,"maker_order_id":"ac928c66-ca53-498f-9c13-a110027a60e8","side":"sell",'
    b'"size":"5.23512000","price":"64000.23","product_id":"BTC-USD","sequence":100,'
    b'"time":"2026-11-07T08:19:27.028459Z"}',
    b'{"type":"ticker","sequence":101,"product_id":"BTC-USD","price":"64000.23","open_24h":"63629.9",'
    b'"volume_24h":"5667.41926850","best_bid":"64000.20","best_bid_size":"0.02880000","best_ask":"64000.24",'
    b'"best_ask_size":"0.00949200","side":"buy","time":"2026-11-07T08:19:27.028459Z","trade_id":10,'
    b'"last_size":"5.23512000"}',
    b'{"type":"heartbeat","sequence":101,"last_trade_id":10,"product_id":"BTC-USD",'
    b'"time":"2026-11-07T08:19:28.464459Z"}',
]
AT_NS = 1_794_039_567_028_459_000
EXPECTED: list[Tick] = [
    Trade(
        instrument=BTC,
        provider=LEG,
        event_ns=AT_NS,
        recv_ns=0,
        id=10,
        price=Decimal("64000.23"),
        size=Decimal("5.23512000"),
        side="buy",
    ),
    Quote(
        instrument=BTC,
        provider=LEG,
        event_ns=AT_NS,
        recv_ns=0,
        bid_price=Decimal("64000.20"),
        bid_size=Decimal("0.02880000"),
        ask_price=Decimal("64000.24"),
        ask_size=Decimal("0.00949200"),
    ),
]


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Enter a venue on this machine, and settings that lead there."""
    async with CoinbaseVenue(LiveTape(market)).serve() as venue:
        yield Stage(settings=CoinbaseSettings(ws_url=venue.ws_url(), silent_s=0.5), venue=venue)


class TestCoinbase(ProviderConformance):
    """The laws of providers, P01 and on."""

    @pytest.fixture
    def case(self) -> ProviderCase:
        """Return what the laws are tried on."""
        (spec,) = ticktrail_providers()
        return ProviderCase(
            spec=spec,
            settings=CoinbaseSettings(),
            context=CONTEXT,
            payloads=PAYLOADS,
            expected=EXPECTED,
            stage=stage,
            symbols=Symbols(
                to_venue=product_of, to_canonical=instrument_of, examples=["BTC-USD", "1INCH-EUR", "00-USD"]
            ),
            silent_s=2.0,
            permanent=Fault(kind="error_reply", message="XYZ-USD is not a valid product", at_s=0),
        )
