"""Follow one batch in so many from the socket to the sinks.

Owns: which batches are followed, the moments of their stages, and the spans that these become.
Never: looks into a tick; where nothing is followed it costs a comparison a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ticktrail._contracts.clock import Clock
from ticktrail._tracing.settings import TracingSettings
from ticktrail._tracing.tracer import Attributes, Tracer
from ticktrail.model import ProviderId

__all__ = ["BatchTraces", "Followed"]

MOST_OPEN = 64
"""Batches that are followed at the same time; the oldest is told of as it is when there are more."""


class Followed:
    """One batch: moments on the monotonic clock, by stage."""

    __slots__ = (
        "base_ns",
        "decoded_ns",
        "lanes",
        "leg",
        "mono_ns",
        "read_ns",
        "routed_ns",
        "sizes",
        "validated_ns",
    )

    def __init__(self, leg: ProviderId, mono_ns: int, read_ns: int, base_ns: int) -> None:
        self.leg = leg
        self.mono_ns = mono_ns
        self.read_ns = read_ns
        self.base_ns = base_ns
        self.decoded_ns: int | None = None
        self.validated_ns: int | None = None
        self.routed_ns: int | None = None
        self.lanes: dict[str, list[int]] = {}
        self.sizes: dict[str, int] = {}


class BatchTraces:
    """The batches of one feed that are followed.

    Args:
        every: One in so many.
        feed: The feed's name.
        lanes: The names of the sinks.
        clock: The feed's.

    Attributes:
        tracer: Set once there is one; nothing is followed before.
    """

    def __init__(self, every: int, feed: str, lanes: Iterable[str], clock: Clock) -> None:
        self.tracer: Tracer | None = None
        self._every = every
        self._feed = feed
        self._lanes = frozenset(lanes)
        self._clock = clock
        self._seen = 0
        self._open: dict[int, Followed] = {}

    @classmethod
    def of(
        cls, settings: TracingSettings | None, feed: str, lanes: Iterable[str], clock: Clock
    ) -> BatchTraces | None:
        """Return what follows batches of a feed; None where nobody asks for it."""
        if settings is None or not settings.sample_batches:
            return None
        return cls(settings.sample_batches, feed, lanes, clock)

    def sample(self, leg: ProviderId, mono_ns: int) -> Followed | None:
        """Return what notes the stages of this batch, where it is one of those that are followed.

        Args:
            leg: Whose it is.
            mono_ns: When the socket read that brought it returned: by this the batch is known from here on.
        """
        self._seen += 1
        if self._seen % self._every or self.tracer is None:
            return None
        now_ns = self._clock.mono_ns()
        followed = Followed(leg, mono_ns, now_ns, self._clock.now_ns() - now_ns)
        if len(self._open) >= MOST_OPEN:
            self._end(next(iter(self._open.values())), now_ns, "unfinished")
        self._open[mono_ns] = followed
        return followed

    def decoded(self, followed: Followed, ticks: int) -> None:
        """Note that it is decoded."""
        followed.decoded_ns = self._clock.mono_ns()
        followed.sizes["ticks"] = ticks
        if not ticks:
            self._end(followed, followed.decoded_ns, "no tick")

    def validated(self, followed: Followed, rejected: int) -> None:
        """Note that its leg's rules have judged it."""
        followed.validated_ns = self._clock.mono_ns()
        followed.sizes["rejected"] = rejected

    def routed(self, mono_ns: int, delivered: int) -> None:
        """Note that the route has decided what becomes of a batch, followed or not."""
        followed = self._open.get(mono_ns)
        if followed is None or followed.routed_ns is not None:
            return
        followed.routed_ns = self._clock.mono_ns()
        followed.sizes["delivered"] = delivered
        if not delivered or not self._lanes:
            self._end(followed, followed.routed_ns, "delivered" if delivered else "nothing delivered")

    def taken(self, lane: str, batches: Sequence[tuple[int, object]]) -> None:
        """Note that a lane takes batches out of its queue, to be written."""
        for mono_ns, _ in batches:
            followed = self._open.get(mono_ns)
            if followed is not None:
                followed.lanes.setdefault(lane, [self._clock.mono_ns()])

    def written(self, lane: str, batches: Sequence[tuple[int, object]]) -> None:
        """Note that a sink has written them; a batch that all have written is done."""
        for mono_ns, _ in batches:
            followed = self._open.get(mono_ns)
            if followed is None:
                continue
            times = followed.lanes.get(lane)
            if times is not None and len(times) == 1:
                times.append(self._clock.mono_ns())
            done = [name for name, found in followed.lanes.items() if len(found) == 2]
            if self._lanes <= set(done):
                self._end(followed, self._clock.mono_ns(), "delivered")

    def close(self) -> None:
        """Tell of what is open as it is."""
        for followed in list(self._open.values()):
            self._end(followed, self._clock.mono_ns(), "unfinished")

    def _end(self, followed: Followed, end_ns: int, outcome: str) -> None:
        self._open.pop(followed.mono_ns, None)
        tracer = self.tracer
        if tracer is None:
            return
        base_ns = followed.base_ns
        attributes: Attributes = {
            "feed": self._feed,
            "leg": followed.leg,
            "outcome": outcome,
            **followed.sizes,
        }
        whole = tracer.begin("batch", base_ns + followed.mono_ns, attributes)

        def stage(name: str, from_ns: int, to_ns: int | None, **more: str) -> None:
            if to_ns is not None:
                tracer.begin(name, base_ns + from_ns, more, parent=whole).end(base_ns + to_ns)

        stage("receive", followed.mono_ns, followed.read_ns)
        stage("decode", followed.read_ns, followed.decoded_ns)
        if followed.decoded_ns is not None:
            stage("validate", followed.decoded_ns, followed.validated_ns)
        if followed.validated_ns is not None:
            stage("route", followed.validated_ns, followed.routed_ns)
        if followed.routed_ns is not None:
            for lane, times in followed.lanes.items():
                stage("lane", followed.routed_ns, times[0], sink=lane)
                if len(times) == 2:
                    stage("write", times[0], times[1], sink=lane)
        whole.end(base_ns + end_ns)
