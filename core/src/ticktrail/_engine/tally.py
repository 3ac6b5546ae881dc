"""Count what happened to every tick.

Owns: the counters behind a run's report.
Never: decides anything, or costs more than a few list operations a batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, get_args

from ticktrail._contracts.observer import Record, Routed
from ticktrail._engine.latency import Histogram
from ticktrail.events import HoleLeft, HoleRepaired, LegSwitched, LegUp, QualityMeasured
from ticktrail.model import Gap, ProviderId, Switched, Tick, Undecodable
from ticktrail.quality import InstrumentQuality, merge_quality
from ticktrail.report import Latency, RepairCounts, Report, SinkCounts, SwitchRecord

__all__ = ["Tally"]

_KINDS: Final = frozenset((*get_args(Tick), Undecodable))

_NOTICES = frozenset({Gap, Switched})
"""Kinds that tell of the feed, and that nobody expects to have been received."""
_AUDIT: Final = "audit"
"""The report key of whoever keeps the record; a report has a field of that name."""


class Tally:
    """The counters of one run."""

    def __init__(self, legs: Iterable[ProviderId]) -> None:
        self.received: dict[str, Counter[type]] = {leg: Counter() for leg in legs}
        self.delivered: Counter[type] = Counter()
        self.rejected: Counter[str] = Counter()
        self.flagged: Counter[str] = Counter()
        self.suppressed: Counter[str] = Counter()
        self.quality: Sequence[InstrumentQuality] = ()
        self.undecodable = 0
        self.delivered_ticks = 0
        self.rejected_ticks = 0
        self.derived_ticks = 0
        self.suppressed_kinds: Counter[type] = Counter()
        self.switches: list[SwitchRecord] = []
        self.switches_below: list[SwitchRecord] = []
        self.reconnects: dict[str, int] = dict.fromkeys(self.received, 0)
        self.repairs = RepairCounts()
        self.latency = Histogram()
        self.written: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.warnings: list[str] = []

    def take(self, leg: ProviderId, ticks: Sequence[Tick | Undecodable]) -> bool:
        """Count what a leg decoded; tells whether some of it is no tick, which is then still to be counted."""
        counts = self.received[leg]
        known = len(counts)
        counts.update(map(type, ticks))
        if len(counts) == known or counts.keys() <= _KINDS:
            return False
        counts.subtract(map(type, ticks))  # a plugin's defect: what is no tick must not hide among the kinds
        for kind in [kind for kind in counts if kind not in _KINDS or not counts[kind]]:
            del counts[kind]
        return True

    def see(self, record: Record) -> None:
        """Count what a record says."""
        if type(record) is Routed:
            self.delivered.update(map(type, record.delivered))
            self.delivered_ticks += len(record.delivered)
            for rejected in record.rejected:
                if type(rejected.tick) is Undecodable:
                    self.undecodable += 1
                    continue
                self.rejected_ticks += 1
                for violation in rejected.violations:
                    self.rejected[str(type(violation).__struct_config__.tag)] += 1
            delivered = {id(tick) for tick in record.delivered} if record.flagged else ()
            for flagged in record.flagged:
                if id(flagged.tick) not in delivered:
                    continue  # what was suppressed counts as that
                for violation in flagged.violations:
                    self.flagged[str(type(violation).__struct_config__.tag)] += 1
            for suppressed in record.suppressed:
                self.suppressed[suppressed.reason] += len(suppressed.ticks)
                self.suppressed_kinds.update(map(type, suppressed.ticks))
            if record.derived:
                self.derived_ticks += sum(type(tick) not in _NOTICES for tick in record.delivered)
                self.derived_ticks += sum(len(suppressed.ticks) for suppressed in record.suppressed)
        elif type(record) is LegSwitched:
            (self.switches if record.on_air else self.switches_below).append(
                SwitchRecord(
                    at_ns=record.at_ns,
                    from_leg=record.from_leg,
                    to_leg=record.to_leg,
                    cause=record.cause,
                    failover_ms=record.failover_ms,
                    instruments=record.instruments,
                )
            )
        elif type(record) is HoleRepaired or type(record) is HoleLeft:
            is_left = type(record) is HoleLeft
            before = self.repairs
            self.repairs = RepairCounts(
                repaired=before.repaired + (not is_left),
                left=before.left + is_left,
                ticks=before.ticks + record.ticks,
            )
        elif type(record) is QualityMeasured:
            self.quality = merge_quality((*self.quality, *record.rows))
        elif type(record) is LegUp:
            self.reconnects[record.provider] = record.reconnects

    def unruled(self) -> int:
        """Return how many ticks came in, or were derived, and were neither delivered, rejected nor suppressed.

        At the end of a run there are none; below 0: so many were decided upon twice.
        """
        received = sum(_without_notices(counts) for counts in self.received.values())
        decided = (
            _without_notices(self.delivered) + self.rejected_ticks + _without_notices(self.suppressed_kinds)
        )
        return received + self.derived_ticks - decided

    def received_by_kind(self) -> Mapping[str, Mapping[str, int]]:
        """Return the ticks decoded, by leg and kind; frames that were no tick are not among them."""
        return {
            leg: by_name(Counter({kind: n for kind, n in counts.items() if kind is not Undecodable}))
            for leg, counts in self.received.items()
        }

    def report(
        self,
        *,
        observers: Mapping[str, Mapping[str, int]],
        sinks: Iterable[str],
        quality: Iterable[InstrumentQuality],
    ) -> Report:
        """Return the counts as they stand; `observers` are by report key."""
        return Report(
            received=self.received_by_kind(),
            delivered=by_name(self.delivered),
            rejected=dict(self.rejected),
            rejected_ticks=self.rejected_ticks,
            derived_ticks=self.derived_ticks,
            flagged=dict(self.flagged),
            quality=merge_quality((*self.quality, *quality)),
            suppressed=dict(self.suppressed),
            undecodable=self.undecodable,
            switches=tuple(self.switches),
            switches_below=tuple(self.switches_below),
            reconnects=dict(self.reconnects),
            latency_us=Latency(p50=self.latency.percentile_us(0.5), p99=self.latency.percentile_us(0.99)),
            audit=dict(observers.get(_AUDIT, {})),
            observers={key: dict(counts) for key, counts in observers.items() if key != _AUDIT},
            sinks={
                name: SinkCounts(written=self.written[name], dropped=self.dropped[name]) for name in sinks
            },
            repairs=self.repairs,
            warnings=tuple(self.warnings),
        )


def by_name(counts: Counter[type]) -> dict[str, int]:
    """Return counts under the names that people read, kinds of one name added up."""
    named: Counter[str] = Counter()
    for kind, count in counts.items():
        named[kind.counted_as] += count  # type: ignore[attr-defined] # every tick class has it
    return dict(named)


def _without_notices(counts: Counter[type]) -> int:
    return sum(number for kind, number in counts.items() if kind not in _NOTICES and kind is not Undecodable)
