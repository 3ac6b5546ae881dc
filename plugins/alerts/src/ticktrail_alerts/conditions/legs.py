"""Find what is wrong with the legs: nothing delivered, one down, one bad, too many failovers.

Owns: the rules ``outage``, ``leg_down``, ``leg_degraded``, ``leg_latency`` and ``failovers``.
Never: measures a leg (the engine does).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from ticktrail.events import LegSwitched, OutageBegun, OutageEnded
from ticktrail.plugin import Record
from ticktrail_alerts.finding import Condition, Finding, Look
from ticktrail_alerts.rule_settings import (
    FailoversRule,
    LegDegradedRule,
    LegDownRule,
    LegLatencyRule,
    OutageRule,
)

__all__ = ["Failovers", "LegDegraded", "LegDown", "LegLatency", "Outage"]

_NS = 1_000_000_000
_SAME_NS = 1_000_000_000
"""Switches between the same two legs within this are one failover: each group of instruments has an event."""


class Outage(Condition[OutageRule]):
    """No leg delivers an instrument."""

    name = "outage"
    is_of_legs = True
    hears = (OutageBegun, OutageEnded)

    def __init__(self, settings: OutageRule) -> None:
        super().__init__(settings)
        self._out: dict[str, str] = {}
        self._all_out: str | None = None

    def hear(self, record: Record, _mono_ns: int, /) -> None:
        """Note which instruments are out, and why."""
        if isinstance(record, OutageBegun):
            why = "; ".join(f"{leg}: {reason}" for leg, reason in record.legs.items())
            if record.instruments is None:
                self._all_out = why
            else:
                self._out.update(dict.fromkeys(record.instruments, why))
        elif isinstance(record, OutageEnded):
            if record.instruments is None:
                self._all_out = None
                self._out.clear()
            else:
                self._out.update(dict.fromkeys(record.instruments, ""))

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each instrument that is out."""
        if self._all_out is not None:  # now it is known which these are
            self._out = {**dict.fromkeys(look.status.instruments, self._all_out), **self._out}
            self._all_out = None
        self._out = {name: why for name, why in self._out.items() if why and name in look.status.instruments}
        for name, why in self._out.items():
            yield self.find(f"no leg delivers {name} ({why})", about=name)


class LegDown(Condition[LegDownRule]):
    """A leg cannot deliver; one that rests on purpose is not down."""

    name = "leg_down"
    is_of_legs = True

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each leg that is down, or tries to come up."""
        for name, leg in look.status.legs.items():
            if leg.state not in {"down", "connecting"}:
                continue
            if leg.state == "down" and leg.retry_in_s is None:
                again = "; it is not tried again before somebody says so: ticktrail ctl FEED.toml"
            else:
                again = ""
            why = leg.health.why or f"{leg.state}, {leg.failures} failures in a row"
            yield self.find(f"leg {name} cannot deliver ({why}){again}", about=name)


class LegDegraded(Condition[LegDegradedRule]):
    """A leg delivers, and much of it is wrong or late."""

    name = "leg_degraded"
    is_of_legs = True

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each leg that is degraded."""
        for name, leg in look.status.legs.items():
            if leg.state == "degraded":
                yield self.find(f"leg {name} is degraded: {leg.health.why}", about=name)


class LegLatency(Condition[LegLatencyRule]):
    """A leg's ticks come late from the venue."""

    name = "leg_latency"
    is_of_legs = True

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each leg whose latency is above the limit."""
        for name, leg in look.status.legs.items():
            latency_ms = leg.health.latency_ms
            if latency_ms is not None and self.exceeds(latency_ms, self.settings.above_ms, look, about=name):
                yield self.find(
                    f"ticks of leg {name} come {latency_ms:,.0f} ms after the venue's time; "
                    f"the limit is {self.settings.above_ms:,.0f} ms",
                    about=name,
                )


class Failovers(Condition[FailoversRule]):
    """The speaking leg changes too often."""

    name = "failovers"
    is_of_legs = True
    hears = (LegSwitched,)

    def __init__(self, settings: FailoversRule) -> None:
        super().__init__(settings)
        self._at_ns: deque[int] = deque(maxlen=settings.above + 1)
        self._last: dict[tuple[str | None, str], int] = {}

    def hear(self, record: Record, mono_ns: int, /) -> None:
        """Note a failover."""
        if not isinstance(record, LegSwitched) or not record.on_air:
            return
        between = (record.from_leg, record.to_leg)
        last_ns = self._last.get(between)
        self._last[between] = mono_ns
        if last_ns is None or mono_ns - last_ns >= _SAME_NS:
            self._at_ns.append(mono_ns)

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield that there were too many."""
        since_ns = look.mono_ns - int(self.settings.window_s * _NS)
        while self._at_ns and self._at_ns[0] < since_ns:
            self._at_ns.popleft()
        if self.exceeds(len(self._at_ns), self.settings.above, look):
            yield self.find(
                f"the speaking leg changed more than {self.settings.above} times within "
                f"{self.settings.window_s:,.0f} s"
            )
