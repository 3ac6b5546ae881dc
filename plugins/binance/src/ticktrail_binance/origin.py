"""Tell from a message which stream it is of, and whether of the spot market or of futures.

Owns: the fields that only one kind of market has. Spot and futures name streams alike: ``btcusdt@bookTicker`` is both.
Never: reads what the fields say.

Sources: developers.binance.com, payload examples, 2026-11: "Binance Spot API docs", WebSocket Streams (`M` in trades,
no `e` in ``bookTicker``); "USDⓈ-M Futures", WebSocket Market Streams (`pu` in differences of a book; `e` in
``bookTicker``). `X` in ``@trade`` of futures: recordings of 2024; the documentation is silent of it.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType

__all__ = ["origin_of"]


class _Marks(msgspec.Struct, gc=False):
    e: msgspec.Raw | UnsetType = UNSET
    pu: msgspec.Raw | UnsetType = UNSET
    U: msgspec.Raw | UnsetType = UNSET
    X: msgspec.Raw | UnsetType = UNSET
    M: msgspec.Raw | UnsetType = UNSET


class _Combined(msgspec.Struct, gc=False):
    stream: str | None = None
    data: _Marks | None = None


_read = msgspec.json.Decoder(_Combined).decode


def origin_of(payload: bytes) -> tuple[str | None, bool | None]:
    """Return the stream of a message, and whether it is of futures; None for what does not show.

    Raises:
        msgspec.MsgspecError: It is no message of a combined stream.
    """
    found = _read(payload)
    return found.stream, None if found.data is None else _is_future(found.stream or "", found.data)


def _is_future(stream: str, marks: _Marks) -> bool | None:
    channel = stream.partition("@")[2]
    if channel == "bookTicker":
        return marks.e is not UNSET
    if channel.startswith("depth"):
        return None if marks.U is UNSET else marks.pu is not UNSET
    if marks.M is not UNSET:
        return False
    return True if marks.X is not UNSET else None
