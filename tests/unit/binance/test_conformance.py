"""Binance keeps the laws of every provider."""

import itertools
import time
from contextlib import asynccontextmanager
from decimal import Decimal

import msgspec
import pytest

from ticktrail.errors import ConfigError
from ticktrail.model import BookDelta, BookSnapshot, Quote, Ticker, Trade
from ticktrail.testing import ProviderCase, ProviderConformance, Stage, Symbols
from ticktrail.testing.venue import Message
from ticktrail_binance.markets import MARKETS
from ticktrail_binance.notes import BookNote, write_note
from ticktrail_binance.plugin import ticktrail_providers
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.symbols import instrument_of, symbol_of
from ticktrail_binance.wire import Depth, SymbolInfo
from ticktrail_mock.venue.binance import serve_binance
from ticktrail_mock.venue.binance.tape import SyntheticTape
from unit.binance.stage import context

MS = 1_000_000
QUIET = {"trades": 0.5, "quotes": 0.5, "ticker": 0.5, "book": 0.5}
PAYLOADS = [
    (
        b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255400,"s":"BTCUSDT","t":3735683259,'
        b'"p":"61837.63000000","q":"0.02000000","T":1723161255399,"m":true,"M":true}}'
    ),
    (
        b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1723161255401,"s":"BTCUSDT","t":3735683260,'
        b'"p":"61837.64000000","q":"0.00001000","T":1723161255400,"m":false,"M":true}}'
    ),
    (
        b'{"stream":"btcusdt@bookTicker","data":{"u":48640234567,"s":"BTCUSDT","b":"61837.63000000","B":"3.10000000",'
        b'"a":"61837.64000000","A":"0.50000000"}}'
    ),
    (
        b'{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1723161256000,"s":"BTCUSDT","p":"1","P":"1","w":"1",'
        b'"x":"1","c":"61837.64000000","Q":"1","b":"61837.63000000","B":"3.10000000","a":"61837.64000000",'
        b'"A":"0.50000000","o":"1","h":"2","l":"1","v":"31337.12345000","q":"1","O":1,"C":2,"F":1,"L":2,"n":2}}'
    ),
]
COMMON = {"instrument": "BTC/USDT", "provider": "leg", "recv_ns": 0}
SIDES = {
    "bid_price": Decimal("61837.63000000"), "bid_size": Decimal("3.10000000"),
    "ask_price": Decimal("61837.64000000"), "ask_size": Decimal("0.50000000"),
}  # fmt: skip
EXPECTED = [
    Trade(**COMMON, event_ns=1723161255399 * MS, id=3735683259, price=Decimal("61837.63000000"),
          size=Decimal("0.02000000"), side="sell"),
    Trade(**COMMON, event_ns=1723161255400 * MS, id=3735683260, price=Decimal("61837.64000000"),
          size=Decimal("0.00001000"), side="buy"),
    Quote(**COMMON, event_ns=None, update_id=48640234567, **SIDES),
    Ticker(**COMMON, event_ns=1723161256000 * MS, last=Decimal("61837.64000000"),
           volume_24h=Decimal("31337.12345000"), **SIDES),
]  # fmt: skip
LISTED = {
    f"{base}{quote}": SymbolInfo(symbol=f"{base}{quote}", baseAsset=base, quoteAsset=quote)
    for base, quote in (
        ("BTC", "USDT"),
        ("ETH", "BTC"),
        ("1000SATS", "FDUSD"),
        ("USDT", "TRY"),
        ("1MBABYDOGE", "USDT"),
    )
}
SPOT = MARKETS["spot"]


def to_venue(instrument):
    """Only what is listed: a spelling alone does not tell where the base ends."""
    symbol = symbol_of(instrument, SPOT)
    if symbol not in LISTED or instrument_of(LISTED[symbol], SPOT) != instrument:
        raise ConfigError(f"{instrument} is not listed")
    return symbol


BOOK_PAYLOADS = [
    write_note(
        BookNote(
            symbol="BTCUSDT",
            limit=1_000,
            book=Depth(
                lastUpdateId=156, bids=[("0.00240000", "14.70000000")], asks=[("0.00260000", "3.60000000")]
            ),
        )
    ),
    (
        b'{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":1672515782136,"s":"BTCUSDT","U":157,"u":160,'
        b'"b":[["0.00240000","10.00000000"],["0.00220000","0.50000000"]],"a":[["0.00260000","0.00000000"]]}}'
    ),
]
BOOK_EXPECTED = [
    BookSnapshot(**COMMON, event_ns=None, bids=((Decimal("0.00240000"), Decimal("14.70000000")),),
                 asks=((Decimal("0.00260000"), Decimal("3.60000000")),), update_id=156, depth=1_000),
    BookDelta(**COMMON, event_ns=1672515782136 * MS,
              bids=((Decimal("0.00240000"), Decimal("10.00000000")), (Decimal("0.00220000"), Decimal("0.50000000"))),
              asks=((Decimal("0.00260000"), Decimal("0.00000000")),), first_update_id=157, update_id=160),
]  # fmt: skip


class BookTape(SyntheticTape):
    """A market of books alone: one level changes its size, again and again."""

    def snapshots(self):
        return {
            symbol: Depth(lastUpdateId=1_000, bids=[("100.00", "1.0")], asks=[("100.10", "2.0")])
            for symbol in self.listing()
        }

    def messages(self):
        for number in itertools.count(1_001):
            for symbol in self.listing():
                stream = f"{symbol.lower()}@depth@100ms"
                data = {"e": "depthUpdate", "E": time.time_ns() // MS, "s": symbol, "U": number, "u": number}
                levels = {"b": [["100.00", f"{number % 7 + 1}.0"]], "a": []}
                raw = msgspec.json.encode({"stream": stream, "data": {**data, **levels}})
                yield Message(stream, raw, (number - 1_000) * MS)


class TestBinance(ProviderConformance):
    """On a loopback Binance."""

    channels, payloads, expected = ("trades", "quotes", "ticker"), PAYLOADS, EXPECTED
    tape = SyntheticTape

    @pytest.fixture
    def case(self):
        (spec,) = ticktrail_providers()

        @asynccontextmanager
        async def stage(listed="BTC/USDT"):
            tape = self.tape((listed,), seed=1, rate=1_000.0, now_ns=time.time_ns)
            async with serve_binance(tape) as venue:
                urls = {"ws_url": venue.ws_url(), "rest_url": venue.rest_url()}
                quick = {"answer_s": 1.0, "connect_s": 2.0, "quiet_after_s": QUIET}
                yield Stage(settings=BinanceSettings(**urls, **quick), venue=venue)

        return ProviderCase(
            spec=spec,
            settings=BinanceSettings(),
            context=context("BTC/USDT", channels=self.channels),
            payloads=self.payloads,
            expected=self.expected,
            stage=stage,
            symbols=Symbols(
                to_venue=to_venue,
                to_canonical=lambda symbol: instrument_of(LISTED[symbol], SPOT),
                examples=list(LISTED),
            ),
            silent_s=8.0,
            permanent=lambda: stage("ETH/USDT"),
        )


class TestBinanceBooks(TestBinance):
    """Its order books: differences on a snapshot."""

    channels, payloads, expected = ("book",), BOOK_PAYLOADS, BOOK_EXPECTED
    tape = BookTape
