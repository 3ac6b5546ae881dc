"""Keep what a node knows of one child.

Owns: whether it is up, when each channel and each instrument on it last spoke, and its reject rates.
Never: decides who speaks (the arbiters do), holds ticks back (`handover` does), or reads a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet

from ticktrail._contracts.route import Batch
from ticktrail._routes.parts import Key, key_of
from ticktrail.model import Channel, Gap, InstrumentId, Undecodable

__all__ = ["Child", "RejectWindow"]


class RejectWindow:
    """The share of rejected ticks among the last `size`."""

    __slots__ = ("_bad", "_batches", "_size", "_ticks")

    def __init__(self, size: int) -> None:
        self._size = size
        self._batches: deque[tuple[int, int]] = deque()
        self._ticks = self._bad = 0

    def add(self, good: int, bad: int) -> None:
        """Take in a batch."""
        self._batches.append((good + bad, bad))
        self._ticks += good + bad
        self._bad += bad
        while self._ticks - self._batches[0][0] >= self._size:
            ticks, gone = self._batches.popleft()
            self._ticks -= ticks
            self._bad -= gone

    def is_at(self, share: float) -> bool:
        """Tell whether the window is full, and at least that share of it was rejected."""
        return self._ticks >= self._size and self._bad >= share * self._ticks

    @property
    def is_clean(self) -> bool:
        """Whether nothing in the window was rejected."""
        return not self._bad


class Child:
    """One child of a node.

    Args:
        reject_window: Ticks over which the share of rejected ones is taken.
        instruments: Those that the node routes. A broken venue may name any other: of these nothing is kept, but that
            they were rejected counts against the child, and its channel. None: any.

    Attributes:
        last_ns: By channel, when it last brought something, monotonic; of the present session.
        heard_ns: The same by instrument and then by channel.
        unanswered: By instrument and channel, batches since the speaker of the instrument last brought some; kept by
            `others_heard`.
        well_since_ns: Since when it could speak again, by instrument; None stands for the whole child.
    """

    def __init__(self, *, reject_window: int, instruments: Collection[InstrumentId] | None = None) -> None:
        self._instruments = None if instruments is None else frozenset(instruments)
        self.up = False
        self.failed = False
        self.up_since_ns = 0
        self.last_any_ns: int | None = None
        self.last_ns: dict[Channel, int] = {}
        self.heard_ns: dict[InstrumentId, dict[Channel | None, int]] = {}
        self.unanswered: dict[Key, int] = {}
        self.well_since_ns: dict[InstrumentId | None, int] = {}
        self._window = reject_window
        self._rejects = RejectWindow(reject_window)
        self._by_channel: dict[Channel | None, RejectWindow] = {}
        self._by_instrument: dict[InstrumentId, dict[Channel | None, RejectWindow]] = {}
        self._refused: dict[Key, int] = {}

    def note(self, batch: Batch, keys: AbstractSet[Key]) -> None:
        """Take in what a batch says of the child.

        Args:
            batch: It.
            keys: Of its ticks.
        """
        at_ns = batch.mono_ns
        for key in keys:
            name, channel = key
            if not self._is_ours(name):
                continue
            heard = self.heard_ns.get(name)
            if heard is None:
                heard = self.heard_ns[name] = {}
            heard[channel] = at_ns
            self.unanswered[key] = self.unanswered.get(key, 0) + 1
            if channel is not None:
                self.last_ns[channel] = at_ns
        if batch.ticks:
            self.last_any_ns = at_ns
        self._rejects.add(len(batch.ticks), len(batch.rejected))
        if batch.rejected or self._by_instrument or self._refused:
            self._note_by_part(batch)

    def others_heard(self, keys: AbstractSet[Key]) -> None:
        """Note that the speaker brought something of these: what came before is no sign of its silence."""
        if self.unanswered:
            for key in keys:
                self.unanswered.pop(key, None)

    def is_wrong(self, max_reject_rate: float) -> bool:
        """Tell whether a full window of ticks, or of one channel's, was rejected at `max_reject_rate` or above."""
        if self._rejects.is_at(max_reject_rate):
            return True
        return any(window.is_at(max_reject_rate) for window in self._by_channel.values())

    def is_wrong_on(self, instrument: InstrumentId, max_reject_rate: float) -> bool:
        """Tell the same of one instrument's ticks, of any channel."""
        windows = self._by_instrument.get(instrument, {})
        return any(window.is_at(max_reject_rate) for window in windows.values())

    def refused(self, key: Key) -> int:
        """Return how many ticks of that part were rejected since one was not."""
        return self._refused.get(key, 0)

    def is_refused(
        self, name: InstrumentId, children: Iterable[Child], limits_ns: Mapping[Channel, int], proof: int
    ) -> bool:
        """Tell whether nothing of a channel passes that another child brings well, where no silence tells it."""
        return any(
            count >= proof and key[0] == name and key[1] not in limits_ns and self.refused(key) >= proof
            for other in children
            if other is not self and other.up
            for key, count in other.unanswered.items()
        )

    def refuses(self, instrument: InstrumentId, ticks: int) -> bool:
        """Tell whether the last so many ticks of any of its channels were all rejected."""
        return any(count >= ticks and key[0] == instrument for key, count in self._refused.items())

    def forget(self) -> None:
        """Start anew after a lost session: old silence and old rejects say nothing of the next one."""
        self.last_ns.clear()
        self.heard_ns.clear()
        self.unanswered.clear()
        self.well_since_ns.clear()
        self._rejects = RejectWindow(self._window)
        self._by_channel.clear()
        self._by_instrument.clear()
        self._refused.clear()

    def keep(self, instruments: AbstractSet[InstrumentId]) -> None:
        """Forget all of instruments but these: the node routes the others no more."""
        self._instruments = frozenset(instruments)
        self.heard_ns = {name: heard for name, heard in self.heard_ns.items() if name in instruments}
        self.unanswered = {key: count for key, count in self.unanswered.items() if key[0] in instruments}
        self._refused = {key: count for key, count in self._refused.items() if key[0] in instruments}
        for name in [name for name in self._by_instrument if name not in instruments]:
            del self._by_instrument[name]
        for gone in [name for name in self.well_since_ns if name is not None and name not in instruments]:
            del self.well_since_ns[gone]

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

    def is_silent_on(self, key: Key, limit_ns: int, other: Child, now_ns: int) -> bool:
        """Tell whether this child is past the limit on one instrument's channel while `other` still speaks there."""
        name, channel = key
        heard = self.heard_ns.get(name, {}).get(channel, self.up_since_ns)
        if now_ns - heard <= limit_ns:
            return False
        theirs = other.heard_ns.get(name, {}).get(channel)
        return other.up and theirs is not None and theirs > heard and now_ns - theirs <= limit_ns

    def brings(
        self, name: InstrumentId, channel: Channel | None, limits_ns: Mapping[Channel, int], now_ns: int
    ) -> bool:
        """Tell whether it brings an instrument; with a channel, whether it is within its limit on that one."""
        heard = self.heard_ns.get(name)
        if heard is None or channel is None:
            return heard is not None
        at_ns = heard.get(channel)
        return at_ns is not None and now_ns - at_ns <= limits_ns.get(channel, now_ns)

    def last_heard_ns(self, names: Collection[InstrumentId] | None, channel: Channel | None) -> int | None:
        """Return when it last brought anything; with a channel, when it last brought that of the quietest of these.

        Args:
            names: Of which instruments; None: of any.
            channel: The one that is silent, if one is.
        """
        if channel is None:
            return self.last_any_ns
        if names is None:
            return self.last_ns.get(channel, self.up_since_ns)
        return min(self.heard_ns.get(name, {}).get(channel, self.up_since_ns) for name in names)

    def has_been_well(self, what: InstrumentId | None, now_ns: int, *, is_well: bool, for_ns: int) -> bool:
        """Note whether it could speak now, and tell whether it could for so long without a break."""
        if not is_well:
            self.well_since_ns.pop(what, None)
            return False
        return now_ns - self.well_since_ns.setdefault(what, now_ns) >= for_ns

    def _is_ours(self, name: InstrumentId) -> bool:
        return self._instruments is None or name in self._instruments

    def _note_by_part(self, batch: Batch) -> None:
        """Count by channel and instrument, but only those that had something rejected lately: most never do."""
        counts: dict[Key, list[int]] = {}
        for rejected in batch.rejected:
            tick = rejected.tick
            if type(tick) is not Undecodable:  # what could not be read is nobody's
                counts.setdefault(key_of(tick), [0, 0])[1] += 1
        for tick in batch.ticks:
            if type(tick) is Gap:  # what stands for something rejected is no sign of health
                continue
            key = key_of(tick)
            name, channel = key
            if key in counts or channel in self._by_instrument.get(name, ()) or channel in self._by_channel:
                counts.setdefault(key, [0, 0])[0] += 1
        by_channel: dict[Channel | None, list[int]] = {}
        for (name, channel), (good, bad) in counts.items():
            of_channel = by_channel.setdefault(channel, [0, 0])
            of_channel[0] += good
            of_channel[1] += bad
            if not self._is_ours(name):
                continue
            windows = self._by_instrument.setdefault(name, {})
            self._add(windows, channel, good, bad)
            if not windows:
                del self._by_instrument[name]
            if good:
                self._refused.pop((name, channel), None)
            elif bad:
                self._refused[name, channel] = self._refused.get((name, channel), 0) + bad
        for channel, (good, bad) in by_channel.items():
            self._add(self._by_channel, channel, good, bad)

    def _add(
        self, windows: dict[Channel | None, RejectWindow], channel: Channel | None, good: int, bad: int
    ) -> None:
        window = windows.get(channel)
        if window is None:
            if not bad:
                return
            window = windows[channel] = RejectWindow(self._window)
        window.add(good, bad)
        if window.is_clean:
            del windows[channel]
