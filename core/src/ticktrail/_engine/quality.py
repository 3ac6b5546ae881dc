"""Count what the rules found, by instrument and rule, with the first and the last example of each.

Owns: the counters behind `ticktrail.report.InstrumentQuality`, and how often they are recorded.
Never: judges, or costs more than an addition for a tick that is good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import anyio
import msgspec

from ticktrail._contracts.validator import Severity
from ticktrail.events import QualityMeasured
from ticktrail.model import InstrumentId, ProviderId, Tick, Violation
from ticktrail.quality import Example, InstrumentQuality, RuleQuality

__all__ = ["Finding", "Quality", "QualityLog", "plain"]


class Finding(NamedTuple):
    """What one rule found about one tick."""

    rule: str
    severity: Severity
    violation: Violation


class _RuleCount:
    __slots__ = ("by_provider", "first", "flagged", "last", "rejected", "severity")

    def __init__(self, severity: Severity) -> None:
        self.severity: Severity = severity
        self.by_provider: Counter[ProviderId] = Counter()
        self.rejected = 0
        self.flagged = 0
        self.first: tuple[Tick, Violation, int] | None = None
        self.last: tuple[Tick, Violation, int] | None = None


class Quality:
    """One instrument of one leg, or of the route."""

    __slots__ = ("_flagged", "_instrument", "_known", "_provider", "_rejected", "_rules", "seen")

    def __init__(self, provider: ProviderId | None, instrument: InstrumentId) -> None:
        self.seen = 0
        self._provider = provider
        self._instrument = instrument
        self._rejected = 0
        self._flagged = 0
        self._rules: dict[str, _RuleCount] = {}
        self._known: set[tuple[str, ProviderId]] = set()

    def count(
        self, tick: Tick, found: Sequence[Finding], recv_ns: int, *, kept: bool, made: bool = False
    ) -> Sequence[Finding]:
        """Count a tick that rules objected to; return which findings are the first of rule and leg since `take`.

        Args:
            tick: It.
            found: What each rule found that objected.
            recv_ns: The receive time of the tick's batch.
            kept: Whether the tick was kept back; otherwise it went on, flagged.
            made: Whether a node of the route made it, so that no leg has it.
        """
        if kept:
            self._rejected += 1
        elif made or not tick.flagged:  # by a rule of its leg: there it was counted
            self._flagged += 1
        news: list[Finding] = []
        for finding in found:
            rule, severity, violation = finding
            count = self._rules.get(rule)
            if count is None:
                count = self._rules[rule] = _RuleCount(severity)
            if (rule, tick.provider) not in self._known:
                self._known.add((rule, tick.provider))
                news.append(finding)
            count.by_provider[tick.provider] += 1
            if kept:
                count.rejected += 1
            else:
                count.flagged += 1
            count.last = (tick, violation, recv_ns)
            if count.first is None:
                count.first = count.last
        return news

    def take(self) -> InstrumentQuality:
        """Return the counts since the last `take`, and begin anew."""
        told = self.look()
        self.seen = self._rejected = self._flagged = 0
        self._rules = {}
        self._known = set()
        return told

    def look(self) -> InstrumentQuality:
        """Return the counts as they stand."""
        return InstrumentQuality(
            provider=self._provider,
            instrument=self._instrument,
            seen=self.seen,
            rejected=self._rejected,
            flagged=self._flagged,
            rules=tuple(_told(rule, count) for rule, count in sorted(self._rules.items())),
        )


class QualityLog:
    """All counters of a feed, recorded in turns.

    Args:
        qualities: The counters.
        publish: Takes the events.
        now_ns: Gives their times.
        beside: Records what else is recorded at the same pace; called each time.
    """

    def __init__(
        self,
        qualities: Sequence[Quality],
        publish: Callable[[QualityMeasured], None],
        now_ns: Callable[[], int],
        *,
        beside: Callable[[], None],
    ) -> None:
        self._qualities = qualities
        self._beside = beside
        self._leaving: Sequence[Quality] = ()
        self._publish = publish
        self._now_ns = now_ns
        self._from_ns = now_ns()
        self._every_s = 0.0
        self._changed = anyio.Event()

    async def keep_recording(self, every_s: float) -> None:
        """Record every `every_s`, until cancelled."""
        self._every_s = every_s
        while True:
            with anyio.move_on_after(self._every_s) as pause:
                await self._changed.wait()
            if pause.cancelled_caught:
                self.record()

    def follow(self, qualities: Sequence[Quality], every_s: float) -> None:
        """Record what was counted so far, and from now on these, at another pace.

        Those that are left out are followed until the next change: a leg may still bring something of theirs.
        """
        self.record()
        known = {id(quality) for quality in qualities}
        self._leaving = [one for one in self._qualities if id(one) not in known]
        self._qualities = qualities
        self._every_s = every_s
        self._changed.set()
        self._changed = anyio.Event()

    def record(self) -> None:
        """Publish what was counted since the last time, if anything was judged at all."""
        at_ns = self._now_ns()
        rows = tuple(quality.take() for quality in (*self._qualities, *self._leaving) if quality.seen)
        if rows:
            self._publish(QualityMeasured(at_ns=at_ns, from_ns=self._from_ns, rows=rows))
        self._from_ns = at_ns
        self._beside()

    def look(self) -> Sequence[InstrumentQuality]:
        """Return what was counted since the last time."""
        return [quality.look() for quality in (*self._qualities, *self._leaving) if quality.seen]


def _told(rule: str, count: _RuleCount) -> RuleQuality:
    assert count.first is not None and count.last is not None  # noqa: S101, PT018 - `count` sets all of it at once
    return RuleQuality(
        rule=rule,
        severity=count.severity,
        rejected=count.rejected,
        flagged=count.flagged,
        first=_example(*count.first),
        last=_example(*count.last),
        by_provider=dict(count.by_provider),
    )


def _example(tick: Tick, violation: Violation, recv_ns: int) -> Example:
    return Example(recv_ns=recv_ns, tick=plain(tick), violation=plain(violation))


def plain(struct: Tick | Violation) -> Mapping[str, object]:
    """Return a Struct in its wire form: plain values, decimals as texts."""
    shown: Mapping[str, object] = msgspec.to_builtins(struct, enc_hook=str)
    return shown
