"""Decide which of two legs speaks: a primary, or the fallback while the primary is down, silent or wrong.

Owns: who speaks, and what of the standby is held back so that a hand-over loses nothing. Pure: time is an argument.
Never: opens sockets, starts or stops a provider, or compares ids (the route's continuity drops what was delivered).
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail._contracts.route import (
    Batch,
    Forward,
    Reconnect,
    Rest,
    RouteContext,
    Ruling,
    Suppress,
    Switch,
    Wake,
)
from ticktrail._routes.health import Child
from ticktrail._routes.settings import HybridSettings

__all__ = ["HybridArbiter"]

PRIMARY, FALLBACK = 0, 1
CHECK_EVERY_NS = 100_000_000
"""How often silence and failback are looked at: a tenth of a second, far below any sensible limit."""


class HybridArbiter:
    """The arbiter of a ``hybrid`` node."""

    def __init__(self, settings: HybridSettings, context: RouteContext) -> None:
        self._settings = settings
        self._cold = settings.standby == "cold"
        self._limits_ns = {
            channel: round(limit * 1e9)
            for channel, limit in settings.stale_after_s.items()
            if channel in context.channels
        }
        self._overlap_ns = round(settings.overlap_s * 1e9)
        self._failback_ns = round(settings.failback_after_s * 1e9)
        self._grace_ns = round(settings.start_grace_s * 1e9)
        self._children = tuple(Child(reject_window=settings.reject_window) for _ in range(2))
        self._speaker = PRIMARY
        self._spoken = False
        self._next_check_ns: int | None = None

    @property
    def up(self) -> bool:
        """Whether either child can deliver."""
        return any(child.up for child in self._children)

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        """Forward the speaker's batch; hold the standby's until the speaker has passed it."""
        state = self._children[child]
        state.note(batch)
        if child != self._speaker:
            state.hold(batch)
            rulings: list[Ruling] = [
                Suppress(old, "handover_full")
                for old in state.release_before(0, most_ticks=self._settings.handover_ticks)
            ]
            return rulings
        self._spoken = True
        rulings = [Forward(batch)]
        passed_ns = batch.mono_ns - self._overlap_ns
        rulings.extend(
            Suppress(old, "standby")
            for old in self._children[1 - child].release_before(
                passed_ns, most_ticks=self._settings.handover_ticks
            )
        )
        if batch.rejected and state.is_wrong(self._settings.max_reject_rate):
            rulings.extend(self._leave("reject_rate", now_ns))
        return rulings

    def on_up(self, child: int, now_ns: int) -> Sequence[Ruling]:
        """Take a child that came up; it speaks if the one whose turn it is was lost."""
        state = self._children[child]
        state.forget()
        state.up = True
        state.failed = False
        state.up_since_ns = now_ns
        if self._next_check_ns is None:
            self._next_check_ns = now_ns + CHECK_EVERY_NS
        speaker = self._children[self._speaker]
        if child != self._speaker and not speaker.up and (self._spoken or speaker.failed):
            return self._switch(child, "down", now_ns)
        return ()

    def on_down(self, child: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        """Hand over where the speaker went down and the other can take its place."""
        state = self._children[child]
        state.up = False
        state.failed = True
        state.forget()
        if child != self._speaker:
            return ()
        return self._leave(f"down: {cause}", now_ns)

    def on_time(self, now_ns: int) -> Sequence[Ruling]:
        """Look for a silent speaker, a primary that does not come, and a primary that is well again."""
        self._next_check_ns = now_ns + CHECK_EVERY_NS
        speaker, other = self._children[self._speaker], self._children[1 - self._speaker]
        if not speaker.up:
            late = other.up and now_ns - other.up_since_ns >= self._grace_ns
            return self._switch(1 - self._speaker, "not up", now_ns) if late else ()
        channel = speaker.silent_channel(self._limits_ns, other, now_ns) or self._silent_cold(now_ns)
        if channel is not None:
            silent = self._speaker
            return [*self._leave(f"silent: {channel}", now_ns), Reconnect(silent, f"silent: {channel}")]
        if self._speaker == FALLBACK:
            return self._failback(now_ns)
        return ()

    def deadline_ns(self) -> int | None:
        """Return the time of the next check."""
        return self._next_check_ns

    def drain(self) -> Sequence[Ruling]:
        """Suppress what is still held back: the speaker delivered it, or stopped before it."""
        return [Suppress(batch, "standby") for child in self._children for batch in child.release_all()]

    def _silent_cold(self, now_ns: int) -> str | None:
        """A cold standby cannot be compared with: every channel that once spoke must then have gone quiet."""
        speaker = self._children[self._speaker]
        if not self._cold or self._speaker == FALLBACK or not speaker.last_ns:
            return None
        for channel, heard in speaker.last_ns.items():
            limit = self._limits_ns.get(channel)
            if limit is None or now_ns - heard <= limit:
                return None
        return "all channels"

    def _leave(self, cause: str, now_ns: int) -> Sequence[Ruling]:
        other = 1 - self._speaker
        candidate = self._children[other]
        if self._cold and other == FALLBACK and not candidate.up:
            return [Wake(FALLBACK), *self._switch(FALLBACK, cause, now_ns)]
        if not candidate.up or candidate.is_wrong(self._settings.max_reject_rate):
            return ()
        return self._switch(other, cause, now_ns)

    def _failback(self, now_ns: int) -> Sequence[Ruling]:
        primary, fallback = self._children[PRIMARY], self._children[FALLBACK]
        well = (
            primary.up
            and bool(primary.last_ns)
            and not primary.is_wrong(self._settings.max_reject_rate)
            and primary.silent_channel(self._limits_ns, fallback, now_ns) is None
        )
        if not well:
            primary.healthy_since_ns = None
            return ()
        if primary.healthy_since_ns is None:
            primary.healthy_since_ns = now_ns
        if now_ns - primary.healthy_since_ns < self._failback_ns:
            return ()
        rulings = list(self._switch(PRIMARY, "failback", now_ns))
        if self._cold:
            rulings.append(Rest(FALLBACK))
        return rulings

    def _switch(self, to: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        before = self._speaker
        last_ns = self._children[before].last_any_ns
        self._speaker = to
        self._spoken = True
        self._children[before].healthy_since_ns = None
        silent_ns = None if last_ns is None else max(0, now_ns - last_ns)
        rulings: list[Ruling] = [Switch(before, to, cause, silent_ns)]
        rulings.extend(Forward(batch) for batch in self._children[to].release_all())
        return rulings
