"""Let a new connection take over from an old one so that nothing is missed and nothing comes twice.

Owns: how far each stream has come on both connections, and what the new one brought and must wait.
Never: opens or closes a connection. Pure.

What the new connection brings is kept back until, stream by stream, the old one has brought the new one's first event:
from there on the new one has all that the old one has. Streams on which nothing happens meanwhile lose nothing either.
The new one may well be the later of the two: what the old one has brought is left out until the new one has passed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from ticktrail.model import Channel
from ticktrail_binance.streams import Stream
from ticktrail_binance.wire import Id, Time

__all__ = ["Handover"]

_PREFIX = b'{"stream":"'
_NAME = len(_PREFIX)


class _TradeKey(msgspec.Struct):
    t: Id


class _AggKey(msgspec.Struct):
    a: Id


class _UpdateKey(msgspec.Struct):
    u: Id


class _PartialKey(msgspec.Struct):
    lastUpdateId: Id  # noqa: N815 - the venue's name


class _TimeKey(msgspec.Struct):
    E: Time


class _Trade(msgspec.Struct):
    data: _TradeKey


class _Agg(msgspec.Struct):
    data: _AggKey


class _Update(msgspec.Struct):
    data: _UpdateKey


class _Partial(msgspec.Struct):
    data: _PartialKey


class _Timed(msgspec.Struct):
    data: _TimeKey


_trade = msgspec.json.Decoder(_Trade).decode
_agg = msgspec.json.Decoder(_Agg).decode
_update = msgspec.json.Decoder(_Update).decode
_partial = msgspec.json.Decoder(_Partial).decode
_timed = msgspec.json.Decoder(_Timed).decode

_Key: TypeAlias = Callable[[bytes], int]


def _key_of(channel: Channel, name: str) -> _Key:
    """Return what grows with each event of a stream: its id, or where it has none, its time."""
    kind = name.partition("@")[2]
    if kind == "aggTrade":
        return lambda payload: _agg(payload).data.a
    if channel == "trades":
        return lambda payload: _trade(payload).data.t
    if channel == "quotes":
        return lambda payload: _update(payload).data.u
    if channel == "book":
        return _book_key
    return lambda payload: _timed(payload).data.E


def _book_key(payload: bytes) -> int:
    try:
        return _update(payload).data.u
    except msgspec.ValidationError:
        return _partial(payload).data.lastUpdateId


class Handover:
    """One change of connections.

    Args:
        streams: What both carry, by name.

    Attributes:
        repeated: Messages of the new connection that the old one had brought.
    """

    def __init__(self, streams: Mapping[str, Stream]) -> None:
        self.repeated = 0
        self._keys: dict[bytes, _Key] = {
            name.encode(): _key_of(stream.channel, name) for name, stream in streams.items()
        }
        self._old: dict[bytes, int] = {}
        self._first: dict[bytes, int] = {}

    def old(self, payloads: Sequence[bytes]) -> None:
        """Note what the old connection brought; it goes on as ever."""
        for payload in payloads:
            name, key = self._look(payload)
            if key is not None:
                self._old[name] = (
                    key  # the last one, not the highest: a garbled one must not hide what follows
                )

    def new(self, payloads: Sequence[bytes]) -> None:
        """Note what the new connection brought; whoever calls keeps it back."""
        for payload in payloads:
            name, key = self._look(payload)
            if key is not None:
                self._first.setdefault(name, key)

    @property
    def is_joined(self) -> bool:
        """Whether the old connection has brought the new one's first event of every stream that it brought any of."""
        old = self._old
        return all(old.get(name, -1) >= first for name, first in self._first.items())

    @property
    def is_passed(self) -> bool:
        """Whether the new connection has passed all that the old one brought, as far as `fresh` was shown."""
        return not self._old

    def fresh(self, payloads: Sequence[bytes]) -> Sequence[bytes]:
        """Return what of the new connection's messages the old one has not brought; to be shown each once, in order."""
        out = []
        for payload in payloads:
            name = payload[_NAME : payload.find(b'"', _NAME)]
            if name in self._old:
                _, key = self._look(payload)
                if key is not None and key <= self._old[name]:
                    self.repeated += 1
                    continue
                if key is not None:
                    del self._old[name]
            out.append(payload)
        return out

    def _look(self, payload: bytes) -> tuple[bytes, int | None]:
        """Return the stream and the key; no key for what is no event, or cannot be read: that is always fresh."""
        name = payload[_NAME : payload.find(b'"', _NAME)]
        read = self._keys.get(name)
        if read is None:
            return name, None
        try:
            return name, read(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return name, None
