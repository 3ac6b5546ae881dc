"""Say what a feed does when none of its legs is up.

Owns: which legs are up, as the route hears it, and the last known values that are delivered once when none is.
Never: invents a value, or hides the hole: ids and sessions go on from where they were, so that a `Gap` follows.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

import msgspec

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.route import Batch
from ticktrail._engine.cache import LatestCache
from ticktrail.model import ProviderId, Tick

__all__ = ["Degraded"]


class Degraded:
    """The legs of one feed, as a whole.

    Args:
        cache: What was delivered last; it is told when every leg is lost.
        serves: Whether the last known values are to be delivered then.
        clock: Stamps them.
        mute: Legs that are never delivered: whether they are up changes nothing.
    """

    def __init__(
        self, cache: LatestCache, *, serves: bool, clock: Clock, mute: AbstractSet[ProviderId] = frozenset()
    ) -> None:
        self._cache = cache
        self._serves = serves
        self._clock = clock
        self._mute = mute
        self._up: set[ProviderId] = set()

    def up(self, leg: ProviderId) -> None:
        """Note that a leg can deliver."""
        if leg not in self._mute:
            self._up.add(leg)

    def down(self, leg: ProviderId, *, ended: bool) -> Sequence[Batch]:
        """Note that a leg cannot; returns what is to be delivered, marked as stale, a batch for each leg it was of.

        Nothing is delivered where the last source has `ended`: a recording that is over is no trouble.
        """
        if leg not in self._up:
            return ()
        self._up.discard(leg)
        if self._up:
            return ()
        mono_ns, now_ns = self._clock.mono_ns(), self._clock.now_ns()
        known = self._cache.lose_all(mono_ns)
        if ended or not self._serves:
            return ()
        by_leg: dict[ProviderId, list[Tick]] = {}
        for tick in known:
            by_leg.setdefault(tick.provider, []).append(msgspec.structs.replace(tick, stale=True))
        return [
            Batch(
                provider=provider,
                recv_ns=now_ns,
                mono_ns=mono_ns,
                session_ns=mono_ns,
                ticks=ticks,
                derived=True,
            )
            for provider, ticks in by_leg.items()
        ]
