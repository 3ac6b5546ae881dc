"""Read the venue's messages out of its frames, in whichever of its two codecs, and its moments to the nanosecond.

Owns: an array's elements one by one, so that one that cannot be read costs no other.
Never: gives a message a meaning.

Sources: docs.alpaca.markets, "WebSocket Stream" (messages come in arrays); RFC 3339 section 5.6; the MessagePack
specification, "Timestamp extension type", read 2026-11.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TypeAlias

import msgspec
from msgspec.msgpack import Ext

from ticktrail_alpaca.wire import BookMessage, Message

__all__ = ["AnyMessage", "Unreadable", "check_numbers", "elements_of", "head_of", "moment_ns", "read_frame"]

JsonMessage: TypeAlias = Message[str]
PackedMessage: TypeAlias = Message[Ext]
AnyMessage: TypeAlias = JsonMessage | PackedMessage
NS_PER_S = 1_000_000_000
MAX_S = 9_000_000_000
"""The year 2255: what lies beyond is no time of a market."""
MOST_EXPONENT = 30
"""No price or size has more digits than that before its point, or zeros behind it; arithmetic with one would overflow,
or fill the memory."""
QUOTED = 60
"""Characters that are kept of what an error quotes; it may be as long as a frame."""
LONGEST = 300
"""Bytes before an underscore in which the name of its number is looked for: no number is so long."""
_TIMESTAMP = -1
_JSON_STARTS = b"[{ \n\r\t"
"""None of these is how an array or a map begins in MessagePack: 0x20 to 0x7b are small numbers there."""
_MAP_STARTS = b"{" + bytes(range(0x80, 0x90)) + b"\xde\xdf"
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
"""A number that stands in a text: Python itself would pass over underscores and blanks in it."""
_PACKED_NUMBER = re.compile(rb"(?:\xa1[psohlcvud]|\xa2(?:[bac][ps]|as))[\xa0-\xbf\xd9-\xdb]")
"""The name of a price or size with a text behind it, as MessagePack writes them."""
_FORM = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,9})\d*)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


class Unreadable(msgspec.Struct, frozen=True):
    """An element of a frame that is no message, or a whole frame, of which nobody knows what it held.

    Attributes:
        raw: Its bytes.
        reason: Why it could not be read.
        is_frame: It is a frame, spoilt or cut.
    """

    raw: bytes
    reason: str
    is_frame: bool = False


class _Head(msgspec.Struct):
    T: object = None
    S: object = None


_json_frame = msgspec.json.Decoder(list[JsonMessage]).decode
_json_parts = msgspec.json.Decoder(list[msgspec.Raw]).decode
_json_one = msgspec.json.Decoder(JsonMessage).decode
_msgpack_frame = msgspec.msgpack.Decoder(list[PackedMessage]).decode
_msgpack_parts = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_msgpack_one = msgspec.msgpack.Decoder(PackedMessage).decode
_json_raw = msgspec.json.Decoder(msgspec.Raw).decode
_json_head = msgspec.json.Decoder(_Head).decode
_msgpack_raw = msgspec.msgpack.Decoder(msgspec.Raw).decode
_msgpack_head = msgspec.msgpack.Decoder(_Head).decode


def is_json(payload: bytes) -> bool:
    """Tell the codec of a frame."""
    return payload[:1] in _JSON_STARTS


def read_frame(payload: bytes) -> Sequence[AnyMessage | Unreadable]:
    """Return the messages of a frame, in order; what cannot be read stands in its place with its bytes.

    A single message that stands in no array is taken as well.
    """
    json = is_json(payload)
    if _may_hold_odd_numbers(payload, json=json):
        return list(_one_by_one(payload, json=json))
    try:
        found = _json_frame(payload) if json else _msgpack_frame(payload)
        for message in found:
            if type(message) is BookMessage:
                _check_levels(message)
    except (ValueError, RecursionError):
        return list(_one_by_one(payload, json=json))
    return found


@lru_cache(maxsize=1)
def elements_of(payload: bytes) -> Sequence[bytes]:
    """Return the bytes of each message of a frame that can be read, in its order.

    An error about one message keeps that message's bytes and not its frame's, which may hold thousands of them.
    """
    if payload[0] in _MAP_STARTS:
        return (payload,)
    parts = _json_parts(payload) if is_json(payload) else _msgpack_parts(payload)
    return tuple(bytes(part) for part in parts)


def head_of(raw: bytes) -> tuple[str | None, str | None]:
    """Return the type and the symbol of an element that is no message as a whole; None for what it does not tell."""
    try:
        head = _json_head(raw) if is_json(raw) else _msgpack_head(raw)
    except (ValueError, RecursionError):
        return None, None
    return head.T if isinstance(head.T, str) else None, head.S if isinstance(head.S, str) else None


def check_numbers(*numbers: Decimal) -> None:
    """Return if all of them can be a price or a size, by their magnitude.

    Raises:
        ValueError: One is not finite, or has an absurd exponent.
    """
    for number in numbers:
        if not number.is_finite():
            raise ValueError("a price or size is no finite number")
        if not -MOST_EXPONENT <= number.adjusted() <= MOST_EXPONENT:
            raise ValueError(f"a price or size with the exponent {number.adjusted()}")


def _one_by_one(payload: bytes, *, json: bool) -> Iterator[AnyMessage | Unreadable]:
    parts: Sequence[msgspec.Raw]
    try:
        if payload and payload[0] in _MAP_STARTS:
            parts = [_json_raw(payload) if json else _msgpack_raw(payload)]
        else:
            parts = _json_parts(payload) if json else _msgpack_parts(payload)
    except (ValueError, RecursionError) as exc:
        yield Unreadable(bytes(payload), _reason(exc), is_frame=True)
        return
    for part in parts:
        try:
            yield _read_one(part, json=json)
        except (ValueError, RecursionError) as exc:
            yield Unreadable(bytes(part), _reason(exc))


def _read_one(part: msgspec.Raw, *, json: bool) -> AnyMessage:
    message: AnyMessage = _json_one(part) if json else _msgpack_one(part)
    if isinstance(message, BookMessage):
        _check_levels(message)
    if _may_hold_odd_numbers(bytes(part), json=json):
        as_written: object = msgspec.json.decode(part) if json else msgspec.msgpack.decode(part)
        _check_texts(message, as_written)
    return message


def _may_hold_odd_numbers(payload: bytes, *, json: bool) -> bool:
    """Tell, quickly, whether a number may stand in a text with an underscore; seldom True without one."""
    if json:
        return b"_" in payload or b"\\" in payload  # the latter may spell it
    if payload.count(b"_") > len(payload) // 64:
        return True  # to look before each of so many would take longer than to read it
    at = payload.find(b"_")  # most are a byte of some time or price
    while at >= 0:
        if _PACKED_NUMBER.search(payload, max(0, at - LONGEST), at) is not None:
            return True
        at = payload.find(b"_", at + 1)
    return False


def _check_texts(message: object, as_written: object) -> None:
    """Return if each price and size of a message, or of a level of it, that is written as a text is a plain number.

    Raises:
        ValueError: One is not.
    """
    if not (isinstance(message, msgspec.Struct) and isinstance(as_written, Mapping)):
        return
    for field in msgspec.structs.fields(message):
        value: object = getattr(message, field.name)
        written: object = as_written.get(field.encode_name)
        if isinstance(value, Decimal) and isinstance(written, str):
            if _NUMBER.fullmatch(written) is None:
                raise ValueError(f"a price or size of {written[:QUOTED]!r}")
        elif isinstance(value, list) and isinstance(written, list):
            for level, level_written in zip(value, written, strict=True):
                _check_texts(level, level_written)


def _check_levels(message: BookMessage[str] | BookMessage[Ext]) -> None:
    for level in (*message.b, *message.a):
        check_numbers(level.p, level.s)


def _reason(exc: Exception) -> str:
    """Return what an error says: of much, the beginning of what it quotes, and where that stood."""
    said = str(exc)
    return said if len(said) <= 3 * QUOTED else f"{said[: QUOTED + 20]}… {said[-QUOTED:]}"


_minute, _minute_s = "", 0


def moment_ns(moment: str | Ext) -> int:
    """Return UTC nanoseconds for a moment of either codec.

    Raises:
        ValueError: It is none, or lies beyond what a market's time can be.
    """
    return _text_ns(moment) if isinstance(moment, str) else _extension_ns(moment)


def _text_ns(text: str) -> int:
    """Most times of a batch lie within one minute, which is read once."""
    global _minute, _minute_s
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"a time of {text[:40]!r}")
    to_second, fraction, offset = found.groups()
    minute = to_second[:16] + offset
    if minute != _minute:
        whole = datetime.fromisoformat(f"{to_second[:16]}:00{'+00:00' if offset in 'Zz' else offset}")
        _minute, _minute_s = minute, int((whole - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    second = int(to_second[17:19])
    if second > 59:
        raise ValueError(f"a time of {text[:40]!r}")
    return _checked(_minute_s + second, int(fraction.ljust(9, "0")) if fraction else 0)


def _extension_ns(ext: Ext) -> int:
    data = bytes(ext.data)
    if ext.code != _TIMESTAMP or len(data) not in {4, 8, 12}:
        raise ValueError(f"an extension {ext.code} of {len(data)} bytes is no time")
    if len(data) == 4:
        return _checked(int.from_bytes(data), 0)
    if len(data) == 8:
        both = int.from_bytes(data)
        return _checked(both & (2**34 - 1), both >> 34)
    return _checked(int.from_bytes(data[4:], signed=True), int.from_bytes(data[:4]))


def _checked(seconds: int, nanoseconds: int) -> int:
    if not (0 <= seconds <= MAX_S and 0 <= nanoseconds < NS_PER_S):
        raise ValueError(f"a time of {seconds} s and {nanoseconds} ns is none of a market")
    return seconds * NS_PER_S + nanoseconds
