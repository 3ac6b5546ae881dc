"""Hold messages of the venue's as its documentation shows them, and what they say, read by a person.

Owns: the example that the plugin's decoder is proved by.
Never: is made by the code that it proves.

Sources: docs.kraken.com, "Spot WebSocket v2" (the examples of trade, ticker, ohlc, instrument, status), "Book checksum
(WebSocket v2)" (the whole book and its checksum, 3310070434), read 2026-11. Times and the change of the book are made
up; the checksum after it, 4203402926, was computed from the rules of that page, apart from this plugin.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ticktrail.model import (
    Bar,
    BookDelta,
    BookSnapshot,
    InstrumentId,
    Levels,
    ProviderId,
    Quote,
    Status,
    Tick,
    Ticker,
    Trade,
)

__all__ = ["EXPECTED", "LEG", "NAME", "PAYLOADS"]

NAME = InstrumentId("BTC/USD")
LEG = ProviderId("leg")

_BIDS = (
    ("45283.5", "0.10000000"), ("45283.4", "1.54582015"), ("45282.1", "0.10000000"), ("45281.0", "0.10000000"),
    ("45280.3", "1.54592586"), ("45279.0", "0.07990000"), ("45277.6", "0.03310103"), ("45277.5", "0.30000000"),
    ("45277.3", "1.54602737"), ("45276.6", "0.15445238"),
)  # fmt: skip
_ASKS = (
    ("45285.2", "0.00100000"), ("45286.4", "1.54571953"), ("45286.6", "1.54571109"), ("45289.6", "1.54560911"),
    ("45290.2", "0.15890660"), ("45291.8", "1.54553491"), ("45294.7", "0.04454749"), ("45296.1", "0.35380000"),
    ("45297.5", "0.09945542"), ("45299.5", "0.18772827"),
)  # fmt: skip
_CHANGES = (("45283.5", "0"), ("45281.0", "0.25000000"), ("45276.0", "0.50000000"))


def _side(levels: Sequence[tuple[str, str]]) -> bytes:
    return ",".join(f'{{"price":{price},"qty":{size}}}' for price, size in levels).encode()


def _levels(levels: Sequence[tuple[str, str]]) -> Levels:
    return tuple((Decimal(price), Decimal(size)) for price, size in levels)


PAYLOADS: Sequence[bytes] = (
    (b'{"channel":"status","type":"update","data":[{"version":"2.0.4","system":"online","api_version":"v2",'
    b'"connection_id":12393906104898154338}]}'),
    (b'{"method":"subscribe","result":{"channel":"instrument","snapshot":true},"success":true,'
    b'"time_in":"2026-11-30T03:30:26.123456Z","time_out":"2026-11-30T03:30:26.123499Z","req_id":1}'),
    (b'{"channel":"instrument","type":"snapshot","data":{"assets":[{"id":"USD","status":"enabled","precision":4}],'
    b'"pairs":[{"symbol":"BTC/USD","base":"BTC","quote":"USD","status":"online","qty_precision":8,'
    b'"qty_increment":0.00000001,"price_precision":1,"cost_precision":5,"marginable":true,"has_index":true,'
    b'"cost_min":0.50,"price_increment":0.1,"qty_min":0.00005},{"symbol":"EUR/GBP","base":"EUR","quote":"GBP",'
    b'"status":"post_only","qty_precision":8,"qty_increment":0.00000001,"price_precision":5,'
    b'"price_increment":0.00001}]}}'),
    (b'{"channel":"trade","type":"snapshot","data":[{"symbol":"BTC/USD","side":"buy","price":45283.0,"qty":0.00500000,'
    b'"ord_type":"market","trade_id":4665905,"timestamp":"2026-11-30T03:30:20.000001Z"}]}'),
    (b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"sell","price":45283.5,"qty":0.10000000,'
    b'"ord_type":"market","trade_id":4665906,"timestamp":"2026-11-30T03:30:26.708706Z"},{"symbol":"BTC/USD",'
    b'"side":"buy","price":45285.2,"qty":0.00040000,"ord_type":"limit","trade_id":4665907,'
    b'"timestamp":"2026-11-30T03:30:26.708707123Z"}]}'),
    (b'{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":45283.4,"bid_qty":1.54582015,'
    b'"ask":45285.2,"ask_qty":0.00100000,"last":45285.2,"volume":2600.11415018,"vwap":45001.1,"low":44000.0,'
    b'"high":46000.5,"change":-17.2,"change_pct":-0.17,"timestamp":"2026-11-30T03:30:27.000000Z"}]}'),
    b'{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[' + _side(_BIDS) + b'],"asks":['
    + _side(_ASKS) + b'],"checksum":3310070434}]}',
    b'{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[' + _side(_CHANGES)
    + b'],"asks":[],"checksum":4203402926,"timestamp":"2026-11-30T03:30:28.440295Z"}]}',
    (b'{"channel":"ohlc","type":"update","timestamp":"2026-11-30T03:30:28.524394914Z","data":[{"symbol":"BTC/USD",'
    b'"open":45280.0,"high":45290.1,"low":45270.0,"close":45285.2,"trades":12,"volume":3.92766082,"vwap":45281.9,'
    b'"interval_begin":"2026-11-30T03:30:00.000000000Z","interval":1,"timestamp":"2026-11-30T03:31:00.000000Z"}]}'),
    b'{"channel":"heartbeat"}',
    (b'{"channel":"ohlc","type":"update","timestamp":"2026-11-30T03:31:02.000000001Z","data":[{"symbol":"BTC/USD",'
    b'"open":45285.3,"high":45285.3,"low":45285.3,"close":45285.3,"trades":1,"volume":0.10000000,"vwap":45285.3,'
    b'"interval_begin":"2026-11-30T03:31:00.000000000Z","interval":1,"timestamp":"2026-11-30T03:32:00.000000Z"}]}'),
)  # fmt: skip
"""What a connection brings, in order."""

_AT_NS = 1_796_009_400_000_000_000
"""2026-11-30T03:30:00Z."""
_MINUTE_NS = 60_000_000_000
_BAR = {"open": "45280.0", "high": "45290.1", "low": "45270.0", "close": "45285.2", "volume": "3.92766082"}


def _bar(event_ns: int, start_ns: int, numbers: dict[str, str], *, trades: int, final: bool) -> Bar:
    return Bar(
        instrument=NAME,
        provider=LEG,
        event_ns=event_ns,
        recv_ns=0,
        start_ns=start_ns,
        end_ns=start_ns + _MINUTE_NS,
        open=Decimal(numbers["open"]),
        high=Decimal(numbers["high"]),
        low=Decimal(numbers["low"]),
        close=Decimal(numbers["close"]),
        volume=Decimal(numbers["volume"]),
        final=final,
        trades=trades,
    )


EXPECTED: Sequence[Tick] = (
    Status(instrument=NAME, provider=LEG, event_ns=None, recv_ns=0, state="online"),
    Trade(instrument=NAME, provider=LEG, event_ns=_AT_NS + 26_708_706_000, recv_ns=0, id=4665906,
          price=Decimal("45283.5"), size=Decimal("0.10000000"), side="sell"),
    Trade(instrument=NAME, provider=LEG, event_ns=_AT_NS + 26_708_707_123, recv_ns=0, id=4665907,
          price=Decimal("45285.2"), size=Decimal("0.00040000"), side="buy"),
    Quote(instrument=NAME, provider=LEG, event_ns=_AT_NS + 27_000_000_000, recv_ns=0, bid_price=Decimal("45283.4"),
          bid_size=Decimal("1.54582015"), ask_price=Decimal("45285.2"), ask_size=Decimal("0.00100000")),
    Ticker(instrument=NAME, provider=LEG, event_ns=_AT_NS + 27_000_000_000, recv_ns=0, last=Decimal("45285.2"),
           bid_price=Decimal("45283.4"), bid_size=Decimal("1.54582015"), ask_price=Decimal("45285.2"),
           ask_size=Decimal("0.00100000"), volume_24h=Decimal("2600.11415018")),
    BookSnapshot(instrument=NAME, provider=LEG, event_ns=None, recv_ns=0, bids=_levels(_BIDS), asks=_levels(_ASKS),
                 update_id=None, depth=10),
    BookDelta(instrument=NAME, provider=LEG, event_ns=_AT_NS + 28_440_295_000, recv_ns=0, bids=_levels(_CHANGES),
              asks=(), first_update_id=None, update_id=None),
    _bar(_AT_NS + 28_524_394_914, _AT_NS, _BAR, trades=12, final=False),
    _bar(_AT_NS + _MINUTE_NS, _AT_NS, _BAR, trades=12, final=True),
    _bar(_AT_NS + 62_000_000_001, _AT_NS + _MINUTE_NS,
         dict.fromkeys(("open", "high", "low", "close"), "45285.3") | {"volume": "0.10000000"}, trades=1, final=False),
)  # fmt: skip
"""The ticks in them."""
