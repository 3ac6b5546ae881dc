"""Write and read the venue's messages in JSON and in MessagePack.

Owns: times in nanoseconds, in both encodings.
Never: loses a digit: a message is kept as the JSON that it came as, and written anew only for MessagePack.

Sources: docs.alpaca.markets, "WebSocket Stream" (content types), read 2026-11; the MessagePack specification,
"Timestamp extension type".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

import msgspec

from ticktrail_mock.venue.alpaca.words import Market

__all__ = ["BILLION", "array", "decimals", "json_of", "moved", "msgpack_of", "ns_of", "request_of", "text_of"]

BILLION = 1_000_000_000
PRICES = frozenset({"p", "bp", "ap", "o", "h", "l", "c", "vw", "op", "cp", "u", "d"})
"""Fields that are floating-point numbers where they are numbers at all, whole or not."""
SIZES = frozenset({"s", "bs", "as", "v"})
"""The same in crypto; stocks count whole shares."""
TIMESTAMP = -1
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)?)?")
_decimals = msgspec.json.Decoder(dict[str, object], float_hook=Decimal)
_numbers = msgspec.json.Encoder(decimal_format="number")
_binary = msgspec.msgpack.Encoder()


def ns_of(text: str) -> int:
    """Return a time's UTC nanoseconds; a day is its midnight, a time without zone is UTC.

    Raises:
        ValueError: It is no time.
    """
    parts = _TIME.fullmatch(text)
    if parts is None:
        raise ValueError(f"{text[:40]!r} is no time: RFC 3339 or YYYY-MM-DD")
    day, clock, fraction, zone = parts.groups()
    seconds = datetime.fromisoformat(f"{day}T{clock or '00:00:00'}{(zone or 'Z').replace('Z', '+00:00')}")
    return round(seconds.timestamp()) * BILLION + int((fraction or "").ljust(9, "0"))


def text_of(time_ns: int) -> str:
    """Return a time as the venue writes it: RFC 3339 with as many digits as it needs."""
    seconds, fraction = divmod(time_ns, BILLION)
    whole = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f".{fraction:09d}".rstrip("0").rstrip(".")
    return f"{whole}{digits}Z"


def decimals(raw: bytes) -> dict[str, object]:
    """Return an event's fields, numbers as the Decimals that they are."""
    return _decimals.decode(raw)


def json_of(value: object) -> bytes:
    """Return JSON; Decimals are numbers."""
    return _numbers.encode(value)


def moved(raw: bytes, shift_ns: int) -> bytes:
    """Return an event at another time."""
    event = decimals(raw)
    event["t"] = text_of(ns_of(str(event["t"])) + shift_ns)
    return json_of(event)


def array(raws: Sequence[bytes]) -> bytes:
    """Return the array of events."""
    return b"[" + b",".join(raws) + b"]"


def msgpack_of(text: bytes, market: Market) -> bytes:
    """Return an array of events, given as JSON, in MessagePack."""
    floats = PRICES if market == "stocks" else PRICES | SIZES
    return _binary.encode([_packed(event, floats) for event in msgspec.json.decode(text)])


def request_of(message: str | bytes, *, binary: bool) -> dict[str, str | list[str]]:
    """Return what a client sent.

    Raises:
        msgspec.MsgspecError: It is nothing that the venue reads.
    """
    data = message.encode() if isinstance(message, str) else message
    if binary:
        return msgspec.msgpack.decode(data, type=dict[str, str | list[str]])
    return msgspec.json.decode(data, type=dict[str, str | list[str]])


def _packed(event: object, floats: frozenset[str]) -> object:
    """Return an event with its times as extensions, and its numbers of the kinds that the venue's encoder gives."""
    if isinstance(event, list):
        return [_packed(one, floats) for one in event]
    if not isinstance(event, dict):
        return event
    packed: dict[str, object] = {}
    for key, value in event.items():
        if key == "t" and isinstance(value, str):
            packed[key] = msgspec.msgpack.Ext(TIMESTAMP, _timestamp(ns_of(value)))
        elif isinstance(value, int) and not isinstance(value, bool) and key in floats:
            packed[key] = float(value)
        else:
            packed[key] = _packed(value, floats)
    return packed


def _timestamp(time_ns: int) -> bytes:
    seconds, fraction = divmod(time_ns, BILLION)
    if fraction == 0 and 0 <= seconds < 2**32:
        return seconds.to_bytes(4, "big")
    if 0 <= seconds < 2**34:
        return (fraction << 34 | seconds).to_bytes(8, "big")
    return fraction.to_bytes(4, "big") + seconds.to_bytes(8, "big", signed=True)
