"""Find what is wrong with the ticks: too many rejected, none of an instrument, too slow into the sinks.

Owns: the rules ``reject_rate``, ``silent`` and ``latency``, and counts in windows of bounded size.
Never: looks into a tick that is not rejected, but for its instrument.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator

from ticktrail.model import Gap, Switched, Violation
from ticktrail.plugin import Record, Routed
from ticktrail_alerts.finding import Condition, Finding, Look
from ticktrail_alerts.rule_settings import LatencyRule, RejectRateRule, SilentRule

__all__ = ["RejectRate", "RunLatency", "Silent"]

_NS = 1_000_000_000
_SLICES = 30
"""Parts of a window: counts leave it a thirtieth of it late at most."""
_NAMED = 5


class _Slice:
    """The counts of one part of a window."""

    __slots__ = ("begun_ns", "by_rule", "rejected", "seen")

    def __init__(self, begun_ns: int) -> None:
        self.begun_ns = begun_ns
        self.seen = 0
        self.rejected = 0
        self.by_rule: Counter[str] = Counter()


class RejectRate(Condition[RejectRateRule]):
    """Rules reject too large a share of a leg's ticks."""

    name = "reject_rate"
    hears = (Routed,)

    def __init__(self, settings: RejectRateRule) -> None:
        super().__init__(settings)
        self._slices: dict[str, deque[_Slice]] = {}
        self._slice_ns = int(settings.window_s * _NS / _SLICES)

    def hear(self, record: Record, mono_ns: int, /) -> None:
        """Count a batch."""
        if not isinstance(record, Routed) or record.derived:
            return
        slices = self._slices.setdefault(record.provider, deque(maxlen=_SLICES + 1))
        if not slices or mono_ns - slices[-1].begun_ns >= self._slice_ns:
            slices.append(_Slice(mono_ns))
        now = slices[-1]
        now.seen += len(record.delivered) + len(record.rejected)
        for held in record.suppressed:
            now.seen += len(held.ticks)
        now.rejected += len(record.rejected)
        for rejected in record.rejected:
            now.by_rule.update({_rule_of(violation) for violation in rejected.violations})

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each leg, and each rule of a leg, by which too much is rejected."""
        since_ns = look.mono_ns - int(self.settings.window_s * _NS)
        for leg, slices in self._slices.items():
            while slices and slices[0].begun_ns < since_ns:
                slices.popleft()
            seen = sum(one.seen for one in slices)
            if seen >= self.settings.min_ticks:
                by_rule = sum((one.by_rule for one in slices), Counter[str]())
                yield from self._judge(leg, seen, sum(one.rejected for one in slices), by_rule, look)

    def _judge(
        self, leg: str, seen: int, rejected: int, by_rule: Counter[str], look: Look
    ) -> Iterator[Finding]:
        within = f"within {self.settings.window_s:,.0f} s"
        if self.exceeds(rejected / seen, self.settings.above, look, about=leg):
            most = ", ".join(f"{rule} {count:,}" for rule, count in by_rule.most_common(_NAMED))
            yield self.find(
                f"{rejected / seen:.1%} of the ticks of leg {leg} were rejected {within} "
                f"({rejected:,} of {seen:,}; {most}); the limit is {self.settings.above:.1%}",
                about=leg,
            )
        for rule, limit in self.settings.by_rule.items():
            about = f"{leg} {rule}"
            if self.exceeds(by_rule[rule] / seen, limit, look, about=about):
                yield self.find(
                    f"the rule {rule} rejected {by_rule[rule] / seen:.1%} of the ticks of leg {leg} {within} "
                    f"({by_rule[rule]:,} of {seen:,}); the limit is {limit:.1%}",
                    about=about,
                )


class Silent(Condition[SilentRule]):
    """Nothing of an instrument was delivered for too long; gaps, switches and stale values are nothing."""

    name = "silent"
    is_of_legs = True
    hears = (Routed,)

    def __init__(self, settings: SilentRule) -> None:
        super().__init__(settings)
        self._heard_ns: dict[str, int] = {}

    def hear(self, record: Record, mono_ns: int, /) -> None:
        """Note of which instruments something was delivered."""
        if isinstance(record, Routed):
            for tick in record.delivered:
                if not tick.stale and type(tick) is not Gap and type(tick) is not Switched:
                    self._heard_ns[tick.instrument] = mono_ns

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each instrument that is silent; one that was never heard counts from the first look on."""
        chosen = self.settings.only
        watched = [name for name in look.status.instruments if not chosen or name in chosen]
        self._heard_ns = {name: self._heard_ns.get(name, look.mono_ns) for name in watched}
        for name, heard_ns in self._heard_ns.items():
            limit_s = self.settings.instruments.get(name, self.settings.longer_than_s)
            silent_s = (look.mono_ns - heard_ns) / _NS
            if silent_s > limit_s:
                yield self.find(f"nothing of {name} was delivered for more than {limit_s:,.0f} s", about=name)


class RunLatency(Condition[LatencyRule]):
    """Ticks take too long from the socket into the sinks."""

    name = "latency"

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield that the 99th percentile of this run is above the limit."""
        p99_us = look.status.latency_us.p99
        if p99_us is not None and self.exceeds(p99_us / 1_000, self.settings.above_ms, look):
            yield self.find(
                f"one tick in a hundred of this run took {p99_us / 1_000:,.0f} ms or more from the socket into the "
                f"sink; the limit is {self.settings.above_ms:,.0f} ms"
            )


def _rule_of(violation: Violation) -> str:
    return str(violation.__struct_config__.tag)
