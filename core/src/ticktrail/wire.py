"""Write and read the wire form of ticks: JSON lines, one tagged object a tick.

Owns: that a number on the wire is the venue's plain digits (docs/reference/wire-format.md).
Never: touches a file or a socket.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from ticktrail.model import Tick

__all__ = ["decode_line", "encode_lines"]

_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[Tick] = msgspec.json.Decoder(Tick)


def encode_lines(ticks: Sequence[Tick]) -> bytes:
    r"""Return one JSON object a tick, each ended by ``\n``; no ticks give no bytes."""
    lines = _ENCODER.encode_lines(ticks)
    # A Decimal below 1E-6 is spelt with an exponent. An id may hold the same letters, which costs time, no more.
    if b"E-" in lines or b"E+" in lines:
        return _ENCODER.encode_lines(
            [_plain(msgspec.to_builtins(tick, builtin_types=(Decimal,))) for tick in ticks]
        )
    return lines


def decode_line(line: bytes) -> Tick:
    r"""Return the tick of one line, with or without its ``\n``.

    Raises:
        ValueError: The line is no tick; the message names the field.
    """
    try:
        return _DECODER.decode(line)
    except msgspec.DecodeError as exc:
        raise ValueError(f"not a tick's JSON line: {exc}") from exc


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
