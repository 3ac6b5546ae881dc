"""Let a candidate run beside the speaker, compare everything, and deliver nothing of it.

Owns: when a summary is due, and what is compared. Pure: time is an argument.
Never: lets the candidate speak, be the speaker lost or not: a person promotes it, in the feed file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from ticktrail._contracts.route import Batch, Forward, Publish, RouteContext, Ruling, Suppress
from ticktrail._contracts.settings import Settings
from ticktrail._routes.gauge import CANDIDATE, SPEAKER, Gauge
from ticktrail._routes.match import Matcher
from ticktrail._routes.settings import Ref, Seconds
from ticktrail.events import ShadowCompared, ShadowHealth
from ticktrail.model import (
    CHANNEL_OF,
    AggTrade,
    Channel,
    InstrumentId,
    Quote,
    Rejected,
    Tick,
    Trade,
    Undecodable,
)
from ticktrail.shadow import MatchedBy, ShadowRow, merge_shadow

__all__ = ["CANDIDATE", "SPEAKER", "ShadowArbiter", "ShadowSettings"]


class ShadowSettings(Settings, frozen=True):
    """A speaker and a candidate, each a leg's name or a table of its own.

    Attributes:
        speaker: Speaks, for all.
        candidate: Is compared with it, and never delivered.
        window_s: How long a tick of one side waits for the same of the other before it is missing or extra.
        window_ticks: Most ticks that are kept for it; of more the oldest are not compared, and counted so.
        tolerance_ms: By how much the event times of equal trades may differ, where the two have no common ids.
        report_every_s: How often a summary is recorded; one more comes when the feed stops.
        report_rows: Most instruments and channels in a summary; its totals are of all.
    """

    speaker: Ref
    candidate: Ref
    window_s: Seconds = 5.0
    window_ticks: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    tolerance_ms: Annotated[float, msgspec.Meta(ge=0)] = 100.0
    report_every_s: Seconds = 60.0
    report_rows: Annotated[int, msgspec.Meta(ge=0)] = 100


class _Health:
    """Whether a child is up, and for how long it was not since the last summary."""

    def __init__(self) -> None:
        self.up = False
        self.failures = 0
        self.rejected = 0
        self.down_ns = 0
        self.down_since_ns = 0

    def come(self, now_ns: int) -> None:
        if not self.up:
            self.up = True
            self.down_ns += now_ns - self.down_since_ns

    def go(self, now_ns: int) -> None:
        self.failures += 1
        if self.up:
            self.up = False
            self.down_since_ns = now_ns

    def take(self, child: str, now_ns: int) -> ShadowHealth:
        if not self.up:
            self.down_ns += now_ns - self.down_since_ns
            self.down_since_ns = now_ns
        told = ShadowHealth(
            child=child, failures=self.failures, down_s=self.down_ns / 1e9, rejected=self.rejected
        )
        self.failures = self.rejected = self.down_ns = 0
        return told


class ShadowArbiter:
    """The arbiter of a ``shadow`` node."""

    def __init__(self, settings: ShadowSettings, context: RouteContext) -> None:
        self._settings = settings
        self._names = context.children
        self._instruments = frozenset(context.instruments)
        self._same_ids = context.same_ids
        self._every_ns = round(settings.report_every_s * 1e9)
        self._window_ns = round(settings.window_s * 1e9)
        self._matcher = Matcher(
            window_ns=self._window_ns,
            most=settings.window_ticks,
            tolerance_ns=round(settings.tolerance_ms * 1e6),
        )
        self._health = (_Health(), _Health())
        self._gauges: dict[InstrumentId, dict[type, Gauge]] = {}
        self._since_ns: int | None = None
        self._last_ns = 0
        self._compared_from_ns: int | None = None

    @property
    def up(self) -> bool:
        """Whether the speaker can deliver: the candidate does not count."""
        return self._health[SPEAKER].up

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        """Forward the speaker's, suppress the candidate's, and compare."""
        self._go_on(now_ns)
        is_excused = self._compared_from_ns is None or now_ns < self._compared_from_ns
        gauges, matcher = self._gauges, self._matcher
        for tick in batch.ticks:
            own = gauges.get(tick.instrument)
            gauge = None if own is None else own.get(type(tick))
            if gauge is None:
                gauge = self._new(tick)
                if gauge is None:
                    continue
            gauge.sides[child].see(tick)
            if isinstance(tick, Quote):
                if child == SPEAKER:
                    gauge.quote = tick
                else:
                    gauge.compare_mid(tick)
            if gauge.matched_by is not None:
                if isinstance(tick, Trade | AggTrade | Quote):
                    matcher.add(child, gauge, tick, now_ns, is_excused=is_excused)
                else:
                    gauge.sides[child].uncompared += 1  # the correction of a trade
        if batch.rejected:
            self._count_rejected(child, batch.rejected)
        return (Forward(batch),) if child == SPEAKER else (Suppress(batch, "shadow"),)

    def on_up(self, child: int, now_ns: int) -> Sequence[Ruling]:
        """Note it; once both have been up for a window, what one has and the other has not is told."""
        self._go_on(now_ns)
        self._health[child].come(now_ns)
        if self._compared_from_ns is None and all(one.up for one in self._health):
            self._compared_from_ns = now_ns + self._window_ns
        return ()

    def on_down(self, child: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        """Note it; a lost speaker's quotes are nothing to compare with."""
        del cause
        self._go_on(now_ns)
        self._health[child].go(now_ns)
        if child == SPEAKER:
            for own in self._gauges.values():
                for gauge in own.values():
                    gauge.quote = None
        return ()

    def on_time(self, now_ns: int) -> Sequence[Ruling]:
        """Tell how the two compare, when it is time."""
        self._go_on(now_ns)
        deadline_ns = self.deadline_ns()
        return [self._told(now_ns)] if deadline_ns is not None and deadline_ns <= now_ns else ()

    def deadline_ns(self) -> int | None:
        """Return the time of the next summary."""
        return None if self._since_ns is None else self._since_ns + self._every_ns

    def drain(self) -> Sequence[Ruling]:
        """Tell the last summary; nothing is held."""
        if self._since_ns is None:
            return ()
        self._matcher.drain()
        told = self._told(self._last_ns)
        self._since_ns = None
        return [told]

    def _go_on(self, now_ns: int) -> None:
        if self._since_ns is None:
            self._since_ns = now_ns
            for one in self._health:
                one.down_since_ns = now_ns
        self._last_ns = now_ns
        self._matcher.expire(now_ns)

    def _new(self, tick: Tick) -> Gauge | None:
        """Return where a kind of tick is counted from now on; None for gaps and switches, which no venue sends."""
        channel = CHANNEL_OF.get(type(tick))
        if channel is None:
            return None
        own = self._gauges.setdefault(tick.instrument, {})
        gauge = next((one for one in own.values() if one.channel == channel), None)
        if gauge is None:
            gauge = Gauge(tick.instrument, channel, self._matched_by(tick, channel))
        own[type(tick)] = gauge
        return gauge

    def _matched_by(self, tick: Tick, channel: Channel) -> MatchedBy | None:
        if channel in {"trades", "agg_trades"}:
            return "ids" if self._same_ids else "values"
        has_ids = self._same_ids and isinstance(tick, Quote) and tick.update_id is not None
        return "ids" if has_ids else None

    def _count_rejected(self, child: int, rejected: Sequence[Rejected]) -> None:
        """Count them by instrument as well, where that is one of the node's: a broken venue may name any."""
        self._health[child].rejected += len(rejected)
        for one in rejected:
            tick = one.tick
            if isinstance(tick, Undecodable) or tick.instrument not in self._instruments:
                continue
            gauge = self._gauges.get(tick.instrument, {}).get(type(tick)) or self._new(tick)
            if gauge is not None:
                gauge.sides[child].rejected += 1

    def _told(self, now_ns: int) -> Publish:
        assert self._since_ns is not None  # noqa: S101 - a deadline is only after a beginning
        over_ns, self._since_ns = now_ns - self._since_ns, now_ns
        counted = {id(gauge): gauge for own in self._gauges.values() for gauge in own.values()}
        rows = [gauge.take() for gauge in counted.values() if not gauge.is_empty]
        totals = merge_shadow(msgspec.structs.replace(row, instrument=None) for row in rows)
        shown = rows
        if len(rows) > self._settings.report_rows:
            shown = sorted(rows, key=_weight, reverse=True)[: self._settings.report_rows]
        speaker, candidate = (
            one.take(name, now_ns) for one, name in zip(self._health, self._names, strict=True)
        )
        return Publish(
            ShadowCompared(
                at_ns=0,
                speaker=speaker,
                candidate=candidate,
                over_s=over_ns / 1e9,
                totals=totals,
                rows=shown,
                rows_left_out=len(rows) - len(shown),
            )
        )


def _weight(row: ShadowRow) -> tuple[int, int]:
    """Order rows by what a reader looks for first: what only one side had, then how much there was."""
    return row.missing + row.extra, row.speaker.ticks + row.candidate.ticks
