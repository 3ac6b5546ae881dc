"""Keep what a hybrid node knows of one child.

Owns: whether it is up, when each channel last spoke, its reject rate, and what is held back for a hand-over.
Never: decides who speaks (`hybrid` does) or reads a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping

from ticktrail._contracts.route import Batch
from ticktrail.model import CHANNEL_OF, Channel

__all__ = ["Child"]


class Child:
    """One child of a hybrid node."""

    def __init__(self, *, reject_window: int) -> None:
        self.up = False
        self.failed = False
        self.up_since_ns = 0
        self.healthy_since_ns: int | None = None
        self.last_ns: dict[Channel, int] = {}
        self.last_any_ns: int | None = None
        self.held_ticks = 0
        self._held: deque[Batch] = deque()
        self._reject_window = reject_window
        self._judged: deque[tuple[int, int]] = deque()
        self._judged_ticks = 0
        self._judged_bad = 0

    def note(self, batch: Batch) -> None:
        """Take in when each channel spoke, and how much was rejected."""
        for kind in set(map(type, batch.ticks)):
            channel = CHANNEL_OF.get(kind)
            if channel is not None:
                self.last_ns[channel] = batch.mono_ns
        if batch.ticks:
            self.last_any_ns = batch.mono_ns
        bad = len(batch.rejected)
        good = len(batch.ticks)
        self._judged.append((good + bad, bad))
        self._judged_ticks += good + bad
        self._judged_bad += bad
        while self._judged_ticks - self._judged[0][0] >= self._reject_window:
            count, count_bad = self._judged.popleft()
            self._judged_ticks -= count
            self._judged_bad -= count_bad

    def is_wrong(self, max_reject_rate: float) -> bool:
        """Tell whether a full window of ticks was rejected at `max_reject_rate` or above."""
        return (
            self._judged_ticks >= self._reject_window
            and self._judged_bad >= max_reject_rate * self._judged_ticks
        )

    def forget(self) -> None:
        """Start anew after a lost session: old silence and old rejects say nothing of the next one."""
        self.last_ns.clear()
        self._judged.clear()
        self._judged_ticks = self._judged_bad = 0
        self.healthy_since_ns = None

    def silent_channel(self, limits: Mapping[Channel, int], other: Child, now_ns: int) -> Channel | None:
        """Return a channel on which this child is past its limit while `other` still speaks, or None.

        A channel on which nobody speaks is quiet, not stale: no alarm at night.
        """
        for channel, limit_ns in limits.items():
            heard = self.last_ns.get(channel, self.up_since_ns)
            if now_ns - heard <= limit_ns:
                continue
            theirs = other.last_ns.get(channel)
            if other.up and theirs is not None and theirs > heard and now_ns - theirs <= limit_ns:
                return channel
        return None

    def hold(self, batch: Batch) -> None:
        """Keep a batch back until the speaker has passed it, or is lost."""
        self._held.append(batch)
        self.held_ticks += len(batch.ticks)

    def release_before(self, mono_ns: int, *, most_ticks: int) -> Iterator[Batch]:
        """Yield held batches that are older than `mono_ns`, and the oldest beyond `most_ticks`."""
        while self._held and (self._held[0].mono_ns < mono_ns or self.held_ticks > most_ticks):
            batch = self._held.popleft()
            self.held_ticks -= len(batch.ticks)
            yield batch

    def release_all(self) -> Iterator[Batch]:
        """Yield every held batch, oldest first."""
        while self._held:
            yield self._held.popleft()
        self.held_ticks = 0
