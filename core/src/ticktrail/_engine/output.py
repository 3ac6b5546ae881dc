"""Deliver what the route decided on, and record what became of it.

Owns: the order of things at a delivery: the record, the latest values, every lane, the wait for those that are full.
Never: decides what is delivered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ticktrail._contracts.observer import Routed
from ticktrail._contracts.route import Batch
from ticktrail._engine.bus import Bus
from ticktrail._engine.cache import LatestCache
from ticktrail._engine.found import Found
from ticktrail._engine.lane import Lane
from ticktrail._tracing.batches import BatchTraces
from ticktrail.model import Gap, InstrumentId, Suppressed, Switched, Tick

__all__ = ["Output"]

_NOTICES = frozenset({Gap, Switched})


class Output:
    """The end of one feed's route.

    Args:
        lanes: All of them.
        bus: Takes the records.
        cache: The latest values, where they are kept.
        after_batch: Called after each batch.
        found: Counts what nodes found, where there are any that find something.

    Attributes:
        follow: Follows some batches, where the feed is traced.
        delivered_ns: By instrument, when what was delivered last was received; monotonic. Gaps, switches and values
            that were served once more are nothing new.
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        bus: Bus,
        *,
        cache: LatestCache | None,
        after_batch: Callable[[], None],
        found: Found | None = None,
    ) -> None:
        self.follow: BatchTraces | None = None
        self.delivered_ns: dict[InstrumentId, int] = {}
        self._lanes = lanes
        self._bus = bus
        self._cache = cache
        self._after_batch = after_batch
        self._found = found

    async def deliver(
        self, batch: Batch, delivered: Sequence[Tick], suppressed: Sequence[Suppressed]
    ) -> None:
        """Record a batch and give every lane what of it is delivered.

        Raises:
            SinkError: A lane is full and its policy is to halt the feed.
        """
        if self.follow is not None:
            self.follow.routed(batch.mono_ns, len(delivered))
        self.record(batch, delivered, suppressed)
        if self._found is not None:
            self._found.see(batch, delivered)
        if delivered:
            for name in {
                tick.instrument for tick in delivered if not tick.stale and type(tick) not in _NOTICES
            }:
                self.delivered_ns[name] = batch.mono_ns
            await self._bus.recorded()
            if self._cache is not None:
                self._cache.note(delivered, batch.mono_ns)
            offered = 0
            full: list[Lane] = []
            try:
                for lane in self._lanes:
                    if not lane.offer(delivered, batch.mono_ns):
                        full.append(lane)
                    offered += 1
            finally:
                for lane in self._lanes[offered:]:
                    lane.miss(len(delivered))
            if full:  # all of them wait at the same time, and every other lane has the batch already
                for lane in sorted(full, key=lambda lane: lane.waits_until_s):
                    await lane.admitted()
        await self._bus.room()
        self._after_batch()

    def record(self, batch: Batch, delivered: Sequence[Tick], suppressed: Sequence[Suppressed]) -> None:
        """Put on the bus what became of a batch."""
        self._bus.publish(
            Routed(
                provider=batch.provider,
                recv_ns=batch.recv_ns,
                delivered=delivered,
                rejected=batch.rejected,
                suppressed=suppressed,
                flagged=batch.flagged,
                derived=batch.derived,
            )
        )
