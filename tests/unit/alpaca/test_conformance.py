"""Alpaca keeps the laws of every provider, in both of its markets."""

import time
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from ticktrail.model import BookDelta, BookSnapshot, InstrumentId, Quote, Trade
from ticktrail.plugin import SystemClock
from ticktrail.testing import ProviderCase, ProviderConformance, Stage, Symbols
from ticktrail_alpaca.markets import MARKETS
from ticktrail_alpaca.plugin import ticktrail_providers
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_alpaca.symbols import symbol_of
from ticktrail_mock.venue.alpaca import serve_alpaca
from ticktrail_mock.venue.alpaca.synthetic import SyntheticAlpacaTape
from unit.alpaca.live import context, keys
from unit.alpaca.test_live import OPEN, ClockAt

KEY_ID, SECRET = "PK0CORRECTHORSE", "battery/staple+0123456789"
QUIET = {"trades": 0.5, "quotes": 0.5, "bars": 60.0, "book": 0.5}
QUICK = {
    "answer_s": 1.0,
    "connect_s": 2.0,
    "auth_s": 2.0,
    "quiet_after_s": QUIET,
    "requests_per_minute": 10_000,
}
AT_NS = 1_784_300_400_123_456_789  # 2026-07-17T15:00:00.123456789Z
STOCK = (
    b'[{"T":"t","S":"AAPL","i":52983525029461,"x":"V","p":190.10,"s":3,"c":["@"],"z":"C",'
    b'"t":"2026-07-17T15:00:00.123456789Z"},{"T":"t","S":"AAPL","i":52983525029462,"x":"V","p":190.1005,"s":100,'
    b'"c":["@"],"z":"C","t":"2026-07-17T15:00:00.123456790Z"}]'
)
STOCK_QUOTE = (
    b'[{"T":"q","S":"AAPL","bx":"K","bp":190.09,"bs":2,"ax":"Q","ap":190.11,"as":1,"c":["R"],"z":"C",'
    b'"t":"2026-07-17T15:00:00.123456791Z"}]'
)
PAIR = (
    b'[{"T":"t","S":"BTC/USD","p":64123.450,"s":0.00001500,"t":"2026-07-17T15:00:00.123456789Z",'
    b'"i":3447222699101865076,"tks":"S"}]'
)
PAIR_QUOTE = (
    b'[{"T":"q","S":"BTC/USD","bp":64123.4,"bs":1.25,"ap":64123.5,"as":0.5,'
    b'"t":"2026-07-17T15:00:00.123456790Z"}]'
)


PAIR_BOOK = (
    b'[{"T":"o","S":"BTC/USD","t":"2026-07-17T15:00:00.123456791Z","b":[{"p":64123.4,"s":1.25},{"p":64122.9,"s":0.5}],'
    b'"a":[{"p":64123.5,"s":0.5}],"r":true},{"T":"o","S":"BTC/USD","t":"2026-07-17T15:00:00.123456792Z",'
    b'"b":[{"p":64123.4,"s":0}],"a":[{"p":64123.6,"s":2}]}]'
)


def trade(instrument, after_ns, number, price, size, side=None):
    return Trade(
        instrument=instrument,
        provider="leg",
        event_ns=AT_NS + after_ns,
        recv_ns=0,
        id=number,
        price=Decimal(price),
        size=Decimal(size),
        side=side,
    )


def quote(instrument, after_ns, bid, ask):
    (bid_price, bid_size), (ask_price, ask_size) = bid, ask
    return Quote(
        instrument=instrument,
        provider="leg",
        event_ns=AT_NS + after_ns,
        recv_ns=0,
        bid_price=Decimal(bid_price),
        bid_size=Decimal(bid_size),
        ask_price=Decimal(ask_price),
        ask_size=Decimal(ask_size),
    )


def levels(*rows):
    return tuple((Decimal(price), Decimal(size)) for price, size in rows)


COMMON = {"instrument": "BTC/USD", "provider": "leg", "recv_ns": 0}
MARKET = {
    "stocks": (
        "AAPL",
        [STOCK, STOCK_QUOTE],
        [
            trade("AAPL", 0, "V:52983525029461", "190.10", "3"),
            trade("AAPL", 1, "V:52983525029462", "190.1005", "100"),
            quote("AAPL", 2, ("190.09", "2"), ("190.11", "1")),
        ],
        ["AAPL", "BRK.B"],
    ),
    "crypto": (
        "BTC/USD",
        [PAIR, PAIR_QUOTE, PAIR_BOOK],
        [
            trade("BTC/USD", 0, "3447222699101865076", "64123.450", "0.00001500", "sell"),
            quote("BTC/USD", 1, ("64123.4", "1.25"), ("64123.5", "0.5")),
            BookSnapshot(
                **COMMON,
                event_ns=AT_NS + 2,
                bids=levels(("64123.4", "1.25"), ("64122.9", "0.5")),
                asks=levels(("64123.5", "0.5")),
                update_id=None,
            ),
            BookDelta(
                **COMMON,
                event_ns=AT_NS + 3,
                bids=levels(("64123.4", "0")),
                asks=levels(("64123.6", "2")),
                first_update_id=None,
                update_id=None,
            ),
        ],
        ["BTC/USD", "ETH/BTC"],
    ),
}


class TestAlpaca(ProviderConformance):
    """On a loopback Alpaca."""

    @pytest.fixture(params=list(MARKET))
    def case(self, request, tmp_path):
        (spec,) = ticktrail_providers()
        market = request.param
        instrument, payloads, expected, examples = MARKET[market]
        right = keys(tmp_path, KEY_ID, SECRET)

        @asynccontextmanager
        async def stage(key=KEY_ID):
            tape = SyntheticAlpacaTape(
                (instrument,), market=market, seed=1, rate=1_000.0, now_ns=time.time_ns
            )
            async with serve_alpaca(
                tape, key=key, secret=SECRET, ping_every_s=1.0, requests_per_minute=10_000
            ) as venue:
                urls = {"ws_url": venue.ws_url(), "rest_url": venue.rest_url()}
                yield Stage(settings=AlpacaSettings(market=market, **urls, **right, **QUICK), venue=venue)

        return ProviderCase(
            spec=spec,
            settings=AlpacaSettings(market=market, **right),
            context=context(
                instrument,
                channels=("trades", "quotes") if market == "stocks" else ("trades", "quotes", "book"),
                base_dir=tmp_path,
                clock=ClockAt(OPEN) if market == "stocks" else SystemClock(),
            ),
            payloads=payloads,
            expected=expected,
            stage=stage,
            symbols=Symbols(
                to_venue=lambda name: symbol_of(name, MARKETS[market]),
                to_canonical=InstrumentId,
                examples=examples,
            ),
            silent_s=8.0,
            permanent=lambda: stage("another"),
            secrets=[KEY_ID, SECRET],
        )
