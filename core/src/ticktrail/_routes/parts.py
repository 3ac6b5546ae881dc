"""Take a batch apart, by instrument and channel.

Owns: which part of a batch a tick, a finding and a rejected tick belong to.
Never: drops or copies a tick: each goes into one part.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeAlias

import msgspec

from ticktrail._contracts.route import Batch
from ticktrail.model import CHANNEL_OF, Channel, Gap, InstrumentId, Tick

__all__ = ["Key", "divide", "key_of", "keys_of", "split"]

Key: TypeAlias = tuple[InstrumentId, Channel | None]
"""An instrument and a channel; None: of no channel, such as a switch."""


def key_of(tick: Tick) -> Key:
    """Return which instrument and channel a tick is of; a gap is of the channel that it is in."""
    if type(tick) is Gap:
        return tick.instrument, tick.channel
    return tick.instrument, CHANNEL_OF.get(type(tick))


def keys_of(ticks: Sequence[Tick]) -> AbstractSet[Key]:
    """Return which instruments and channels spoke; a gap does not speak for its channel."""
    if len(ticks) == 1:
        (tick,) = ticks
        return frozenset(((tick.instrument, CHANNEL_OF.get(type(tick))),))
    return {
        (instrument, CHANNEL_OF.get(kind))
        for instrument, kind in {(tick.instrument, type(tick)) for tick in ticks}
    }


def split(batch: Batch) -> Iterator[tuple[Key, Batch]]:
    """Yield the batch's parts, one an instrument and channel; what was rejected goes with the first."""
    by_key: dict[Key, list[Tick]] = {}
    for tick in batch.ticks:
        by_key.setdefault(key_of(tick), []).append(tick)
    if len(by_key) == 1:
        (key,) = by_key
        yield key, batch
        return
    rejected = batch.rejected
    for key, ticks in by_key.items():
        flagged = [one for one in batch.flagged if key_of(one.tick) == key] if batch.flagged else ()
        yield key, msgspec.structs.replace(batch, ticks=ticks, rejected=rejected, flagged=flagged)
        rejected = ()


def divide(batch: Batch, belongs: Callable[[InstrumentId], bool]) -> tuple[Batch | None, Batch | None]:
    """Return the part whose instruments belong, and the rest; None for one that would hold no tick.

    What was rejected goes with the former where there is one.
    """
    ours = [tick for tick in batch.ticks if belongs(tick.instrument)]
    if len(ours) == len(batch.ticks):
        return batch, None
    if not ours:
        return None, batch
    theirs = [tick for tick in batch.ticks if not belongs(tick.instrument)]
    flagged = [one for one in batch.flagged if belongs(one.tick.instrument)]
    rest = [one for one in batch.flagged if not belongs(one.tick.instrument)]
    return (
        msgspec.structs.replace(batch, ticks=ours, flagged=flagged),
        msgspec.structs.replace(batch, ticks=theirs, rejected=(), flagged=rest),
    )
