"""Watch how one leg fares: what it brings, what of it is rejected, how late it is, and how long it was up.

Owns: the leg's state with its hysteresis, and the numbers behind it. Pure: time is an argument.
Never: publishes, or decides who speaks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.provider import Capabilities
from ticktrail._contracts.route import Batch
from ticktrail._engine.uptime import DAY_NS, HOUR_NS, Uptime
from ticktrail._engine.weighted import WeightedMean, WeightedShare
from ticktrail._plan.model import HealthSettings
from ticktrail.health import HealthState, InstrumentHealth, LegHealth
from ticktrail.model import CHANNEL_OF, Channel, Gap, InstrumentId, Tick, Undecodable
from ticktrail.status import LegState

__all__ = ["LegMonitor"]

_LEAST_TICKS = 20.0
"""Ticks, weighted, of which a share says something."""
_LEAST_DELAYS = 5.0
_LONG_RUN = 20
"""Half-lives after which a delay counts half in the long run."""
_NS_PER_MS = 1_000_000


class LegMonitor:
    """One leg.

    Args:
        instruments: What it is asked for.
        capabilities: Whose clock its receive times are of.
        settings: The ``[health]`` table.
        clock: Its measured offset is taken off the delays.
        now_ns: Monotonic, when the feed began.

    Attributes:
        state: As of the last look.
        has_failed: Whether it was lost, or rejects everything, and is not back yet.
        reason: Why it does not deliver, in words.
    """

    def __init__(
        self,
        instruments: Sequence[InstrumentId],
        capabilities: Capabilities,
        settings: HealthSettings,
        clock: Clock,
        now_ns: int,
    ) -> None:
        self.state: HealthState = "connecting"
        self._instruments = dict.fromkeys(instruments)
        self._capabilities = capabilities
        self._settings = settings
        self._clock = clock
        self._uptime = Uptime(now_ns)
        self._changes: list[tuple[HealthState, HealthState, str]] = []
        self._is_up = False
        self._ended = False
        self._lost_by = ""
        self._wrong = ""
        self._well_since_ns: int | None = None
        self._last_update_ns: int | None = None
        self._long_run = WeightedMean(settings.half_life_s * _LONG_RUN)
        self._refused_since_ns: int | None = None
        self._begin()

    @property
    def delivers(self) -> bool:
        """Whether it is up, and not everything it brings is rejected."""
        return self._is_up and not self._refuses

    @property
    def has_failed(self) -> bool:
        """Whether it was lost, or rejects everything, and is not back yet."""
        return self._refuses if self._is_up else bool(self._lost_by) and not self._ended

    def may_come(self, leg: LegState) -> bool:
        """Tell whether it is on its way, or rests and may be opened, and has not failed at that."""
        return not self._is_up and not self._lost_by and leg in {"connecting", "resting", "live"}

    @property
    def reason(self) -> str:
        """Why it does not deliver."""
        if self._is_up:
            return f"everything is rejected, the last by {self._last_rule}"
        return self._lost_by or self.state

    def up(self, now_ns: int) -> None:
        """Note that a session can deliver."""
        self._begin()
        self._is_up, self._ended, self._lost_by = True, False, ""
        self._uptime.up(now_ns)
        self._become("live", "")

    def down(self, cause: str, now_ns: int) -> None:
        """Note that it was lost."""
        is_rest = cause == "resting"  # closed on purpose is not lost
        self._is_up, self._ended, self._lost_by = False, cause == "ended", "" if is_rest else cause
        self._uptime.down(now_ns)
        self._become("resting" if is_rest else "down", self._lost_by)

    def see(self, batch: Batch) -> None:
        """Take in what it brought."""
        at_ns = batch.mono_ns
        ticks, rejected = batch.ticks, batch.rejected
        kinds = {(tick.instrument, type(tick)) for tick in ticks}
        good = len(ticks)
        if any(kind is Gap for _, kind in kinds):  # that something is missing is no sign of health
            kinds = {(name, kind) for name, kind in kinds if kind is not Gap}
            good = sum(type(tick) is not Gap for tick in ticks)
        if rejected:
            self._last_rule = str(type(rejected[-1].violations[0]).__struct_config__.tag)
            for one in rejected:
                if type(one.tick) is not Undecodable and one.tick.instrument in self._instruments:
                    self._shares.setdefault(one.tick.instrument, WeightedShare(self._settings.half_life_s))
        if good:
            self._refused_since_ns = None
            self._last_update_ns = batch.recv_ns
            at = (at_ns, batch.recv_ns)
            for name, kind in kinds:
                heard = self._heard.get(name)
                if heard is None:
                    heard = self._heard[name] = {}
                heard[kind] = at
            self._see_delay(batch)
        elif rejected and self._refused_since_ns is None:
            self._refused_since_ns = at_ns
        if rejected or good:
            self._rejects.add(good + len(rejected), len(rejected), at_ns)
            self._last_ns = at_ns
        if self._shares:
            self._share_out(batch)

    def follow(self, instruments: Sequence[InstrumentId], settings: HealthSettings) -> None:
        """Watch other instruments, by other limits; another half-life counts from the next session on."""
        self._instruments, self._settings = dict.fromkeys(instruments), settings
        for gone in (self._heard.keys() | self._shares.keys()) - set(instruments):
            self._heard.pop(gone, None)
            self._shares.pop(gone, None)

    def look(self, leg: LegState, now_ns: int) -> Sequence[tuple[HealthState, HealthState, str]]:
        """Return what changed since the last look: from, to, why."""
        if self._is_up:
            was, self._wrong = self._wrong, self._find_wrong(now_ns)
            if self._wrong and not was:
                self._become("degraded", self._wrong)
            elif was and not self._wrong:
                self._become("live", "")
        elif leg != "live":  # or its word that it is up is on the way
            self._become(leg, self._lost_by if leg == "down" else "")
        changes, self._changes = self._changes, []
        return changes

    def health(self, leg: LegState, failures: int, now_ns: int) -> LegHealth:
        """Return how it does now."""
        state = self.state if self._is_up or leg == "live" else leg
        why = self._wrong if state == "degraded" else self._lost_by if state == "down" else ""
        delay_ms = self._delay.value
        return LegHealth(
            state=state,
            why=why,
            is_healthy=state == "live",
            last_update_ns=self._last_update_ns,
            consecutive_failures=failures,
            uptime_pct=round(self._uptime.pct(now_ns), 3),
            uptime_1h_pct=round(self._uptime.pct(now_ns, HOUR_NS), 3),
            uptime_24h_pct=round(self._uptime.pct(now_ns, DAY_NS), 3),
            reject_rate=self._rejects.share(_LEAST_TICKS),
            latency_ms=None if delay_ms is None else round(delay_ms, 3),
            latency_drift_ms=_rounded(self._drift_ms()),
            silent_s=_silent_s(self._heard.values(), now_ns),
            instruments={name: self._instrument(name, state, now_ns) for name in self._instruments},
        )

    def _begin(self) -> None:
        """Forget what an earlier session brought; what is late in the long run is the venue's, and stays."""
        half_life_s = self._settings.half_life_s
        self._rejects = WeightedShare(half_life_s)
        self._shares: dict[InstrumentId, WeightedShare] = {}
        self._delay = WeightedMean(half_life_s)
        self._heard: dict[InstrumentId, dict[type[Tick], tuple[int, int]]] = {}
        self._refused_since_ns = None
        self._last_ns = 0
        self._last_rule = ""
        self._wrong = ""
        self._well_since_ns = None

    @property
    def _refuses(self) -> bool:
        since_ns = self._refused_since_ns
        return since_ns is not None and self._last_ns - since_ns >= self._settings.refused_after_s * 1e9

    def _become(self, state: HealthState, why: str) -> None:
        if state != self.state:
            self._changes.append((self.state, state, why))
            self.state = state

    def _find_wrong(self, now_ns: int) -> str:
        """Return what is wrong; it stays so until all of it was well below its limit for a while."""
        settings = self._settings
        rate, drift_ms = self._rejects.share(_LEAST_TICKS) or 0.0, self._drift_ms() or 0.0
        if rate >= settings.max_reject_rate:
            self._well_since_ns = None
            return f"{rate:.1%} rejected, the last by {self._last_rule}"
        if drift_ms >= settings.max_drift_ms:
            self._well_since_ns = None
            return f"{drift_ms:.0f} ms later than in the long run"
        if not self._wrong:
            return ""
        if 2 * rate >= settings.max_reject_rate or 2 * drift_ms >= settings.max_drift_ms:
            self._well_since_ns = None
            return self._wrong
        if self._well_since_ns is None:
            self._well_since_ns = now_ns
        return "" if now_ns - self._well_since_ns >= settings.recover_after_s * 1e9 else self._wrong

    def _see_delay(self, batch: Batch) -> None:
        """Take in how late the newest tick of a batch is, if it says when it happened."""
        tick = batch.ticks[-1]
        if tick.event_ns is None or tick.backfilled:
            return
        own = self._capabilities.own_clock
        offset_ns = self._capabilities.own_offset_ns if own else self._clock.offset_ns
        delay_ms = (batch.recv_ns + (offset_ns or 0) - tick.event_ns) / _NS_PER_MS
        self._delay.add(delay_ms, batch.mono_ns)
        self._long_run.add(delay_ms, batch.mono_ns)

    def _drift_ms(self) -> float | None:
        if self._delay.weight < _LEAST_DELAYS or self._long_run.weight < 4 * _LEAST_DELAYS:
            return None
        now_ms, long_ms = self._delay.value, self._long_run.value
        return None if now_ms is None or long_ms is None else now_ms - long_ms

    def _share_out(self, batch: Batch) -> None:
        """Count by instrument, but only those of which something was rejected in this session: most never are."""
        good = Counter(tick.instrument for tick in batch.ticks if type(tick) is not Gap)
        bad = Counter(one.tick.instrument for one in batch.rejected if type(one.tick) is not Undecodable)
        for name, share in self._shares.items():
            if good[name] or bad[name]:
                share.add(good[name] + bad[name], bad[name], batch.mono_ns)

    def _instrument(self, name: InstrumentId, leg: HealthState, now_ns: int) -> InstrumentHealth:
        heard = self._heard.get(name, {})
        share = self._shares.get(name)
        rate = share.share(_LEAST_TICKS) if share is not None else 0.0 if heard else None
        state = leg
        if leg in {"live", "degraded"}:
            state = "live" if heard else "connecting"
            if rate is not None and rate >= self._settings.max_reject_rate:
                state = "degraded"
        return InstrumentHealth(
            state=state,
            reject_rate=rate,
            last_update_ns=max((recv_ns for _, recv_ns in heard.values()), default=None),
            silent_s=_silent_s((heard,), now_ns),
        )


def _silent_s(heard: Iterable[Mapping[type[Tick], tuple[int, int]]], now_ns: int) -> Mapping[Channel, float]:
    """Return by channel how long nothing of it came."""
    newest: dict[Channel, int] = {}
    for kinds in heard:
        for kind, (at_ns, _) in kinds.items():
            channel = CHANNEL_OF.get(kind)
            if channel is not None:
                newest[channel] = max(newest.get(channel, 0), at_ns)
    return {channel: round(max(0, now_ns - at_ns) / 1e9, 3) for channel, at_ns in newest.items()}


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
