"""Tell whether what a plugin made is what its types say, before it is delivered and sealed.

Owns: the look at a value's every field.
Never: looks at what a value means: rules do.

Python checks no types when a struct is made. A tick whose side is ``"SELL"`` would go through a whole feed, and the log
that holds it could be read by nobody, which is what a log that was tampered with looks like.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from ticktrail._engine.bench import words_of
from ticktrail.events import Event
from ticktrail.model import Tick, Undecodable

__all__ = ["misfit_of_event", "misfit_of_ticks"]

_encode: Final = msgspec.msgpack.Encoder().encode
_ticks_of: Final = msgspec.msgpack.Decoder(list[Tick | Undecodable]).decode
_event_of: Final = msgspec.msgpack.Decoder(Event).decode


def misfit_of_ticks(ticks: object) -> str:
    """Return what is wrong with the types in a list of ticks; empty where all of it can be written and read."""
    return _misfit(ticks, _ticks_of)


def misfit_of_event(event: object) -> str:
    """Return the same of an event."""
    return _misfit(event, _event_of)


def _misfit(given: object, read: Callable[[bytes], object]) -> str:
    try:
        read(_encode(given))
    except Exception as exc:  # noqa: BLE001 - a stranger's values: encoding may raise whatever they raise
        return words_of(exc)  # it may quote the value, which has no bound
    return ""
