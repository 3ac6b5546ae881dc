"""Gather what an audit log says of a provider's legs in a period.

Owns: the sums: how long a leg was up while its feed ran, how often and by what it failed, what is missing for good.
Never: reads a database, or opens a tick: gaps are handed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from ticktrail.events import (
    BreakerChanged,
    ConnectionOpened,
    ConnectionReplaced,
    CriticalFinding,
    FeedStarted,
    FeedStopped,
    HoleLeft,
    InstrumentQuarantined,
    LegDown,
    LegUp,
    OutageBegun,
    QualityMeasured,
    VenueTrouble,
)
from ticktrail.model import Gap
from ticktrail_compliance.records import StoredRecord, StoredRouted

__all__ = ["LegHistory", "Permanent", "leg_histories"]

ON_PURPOSE = frozenset({"ended", "resting", "renewed"})
"""Causes by which a leg is down and nothing failed: its source has ended, it rests, or it is opened anew."""


class Permanent(msgspec.Struct, frozen=True, kw_only=True):
    """A failure after which a leg was not tried again by itself; in entry `seq`."""

    seq: int
    at_ns: int
    cause: str
    detail: str


class LegHistory(msgspec.Struct, frozen=True, kw_only=True):
    """One leg in a period.

    Attributes:
        leg: Its name.
        observed_s: How long its feed ran and the leg was meant to be up, by the records' times.
        up_s: How long it could deliver.
        uptime_pct: Per cent; None where it was not observed.
        reconnects: Sessions after the first of each run.
        replaced: Connections that were lost and replaced while the session went on.
        failures: Lost sessions and vain attempts, by cause.
        permanent: Failures after which it was not tried again.
        breaker_opened: How often its circuit breaker opened.
        seen: Ticks that rules judged.
        rejected: Ticks that they kept back.
        reject_rate: The share; None where none was judged.
        gaps: Holes that stand in what was delivered.
        holes_left: Holes that a repair could not fill, or not whole.
        troubles: What the venue refused while the leg went on.
        critical: Findings of critical rules.
        quarantines: Instruments that were taken out for a while.
        outages: Times in which nothing was delivered of some instruments, and the leg was among those that failed.
        carried_by: Versions of TLS and ciphers of its connections, ``plain text`` among them, with counts.
    """

    leg: str
    observed_s: float
    up_s: float
    uptime_pct: float | None
    reconnects: int
    replaced: int
    failures: Mapping[str, int]
    permanent: Sequence[Permanent]
    breaker_opened: int
    seen: int
    rejected: int
    reject_rate: float | None
    gaps: int
    holes_left: int
    troubles: int
    critical: int
    quarantines: int
    outages: int
    carried_by: Mapping[str, int]


def leg_histories(
    records: Iterable[tuple[int, int, StoredRecord]],
    gaps: Iterable[Gap],
    legs: Collection[str],
    *,
    from_ns: int | None = None,
    to_ns: int | None = None,
    went_on: Collection[int] = (),
) -> Sequence[LegHistory]:
    """Return what the records say of some legs, one row each, by name.

    Args:
        records: Entry, writer and event, from the log's beginning to the period's end, so that it is known which legs
            were up when it began.
        gaps: Those that were delivered in the period.
        legs: Whose.
        from_ns: The period's beginning; None: the log's.
        to_ns: Its end; None: the log's.
        went_on: The writers of which the log tells of a later time: in their runs each leg stays to the period's end as
            it was told last.
    """
    gathered = _Gathered(legs, from_ns, to_ns)
    for seq, writer, record in records:
        gathered.take(seq, writer, record)
    gathered.end(went_on)
    missing = Counter(str(gap.provider) for gap in gaps)
    return [gathered.legs[name].told(missing[name]) for name in sorted(legs)]


@dataclass(slots=True)
class _Leg:
    name: str
    observed_ns: int = 0
    up_ns: int = 0
    reconnects: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    permanent: list[Permanent] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    carried_by: Counter[str] = field(default_factory=Counter)

    def told(self, gaps: int) -> LegHistory:
        count = self.counts
        return LegHistory(
            leg=self.name,
            observed_s=self.observed_ns / 1e9,
            up_s=self.up_ns / 1e9,
            uptime_pct=100 * self.up_ns / self.observed_ns if self.observed_ns else None,
            reconnects=self.reconnects,
            replaced=count["replaced"],
            failures=dict(sorted(self.failures.items())),
            permanent=self.permanent,
            breaker_opened=count["breaker_opened"],
            seen=count["seen"],
            rejected=count["rejected"],
            reject_rate=count["rejected"] / count["seen"] if count["seen"] else None,
            gaps=gaps,
            holes_left=count["holes_left"],
            troubles=count["troubles"],
            critical=count["critical"],
            quarantines=count["quarantines"],
            outages=count["outages"],
            carried_by=dict(sorted(self.carried_by.items())),
        )


@dataclass(slots=True)
class _Run:
    """A feed that runs: since when each leg is in its state, and until when it was seen."""

    seen_ns: int
    up: dict[str, bool | None]  # None: the leg is not meant to be up
    since_ns: dict[str, int]


class _Gathered:
    """What came so far; a run that did not say its end ends with its last record."""

    def __init__(self, legs: Collection[str], from_ns: int | None, to_ns: int | None) -> None:
        self.legs = {name: _Leg(name) for name in legs}
        self._from_ns, self._to_ns = from_ns, to_ns
        self._runs: dict[int, _Run] = {}

    def take(self, seq: int, writer: int, record: StoredRecord) -> None:
        if isinstance(record, StoredRouted):
            return
        if isinstance(record, FeedStarted):  # what came before it was another run's
            self._begin(writer, record.at_ns)
        run = self._runs.get(writer)
        if run is not None:
            run.seen_ns = max(run.seen_ns, record.at_ns)
        match record:
            case FeedStopped():
                self._stop(writer)
            case LegUp() if run is not None and record.provider in self.legs:
                self._turn(run, record.provider, record.at_ns, up=True)
            case LegDown() if run is not None and record.provider in self.legs:
                up = None if record.cause in ON_PURPOSE else False
                self._turn(run, record.provider, record.at_ns, up=up)
        if self._is_within(record.at_ns):
            self._count(seq, record)

    def end(self, went_on: Collection[int]) -> None:
        for writer, run in list(self._runs.items()):
            if self._to_ns is not None and writer in went_on:
                run.seen_ns = max(run.seen_ns, self._to_ns)
            self._stop(writer)

    def _begin(self, writer: int, at_ns: int) -> None:
        self._stop(writer)
        self._runs[writer] = _Run(at_ns, {}, {})

    def _stop(self, writer: int) -> None:
        run = self._runs.pop(writer, None)
        if run is not None:
            for name in run.up:
                self._turn(run, name, run.seen_ns, up=None)

    def _turn(self, run: _Run, name: str, at_ns: int, *, up: bool | None) -> None:
        """Count the time in the state that ends now."""
        state = run.up.get(name)
        if state is not None:
            begun_ns = run.since_ns[name] if self._from_ns is None else max(run.since_ns[name], self._from_ns)
            ended_ns = at_ns if self._to_ns is None else min(at_ns, self._to_ns)
            lasted_ns = max(0, ended_ns - begun_ns)
            self.legs[name].observed_ns += lasted_ns
            self.legs[name].up_ns += lasted_ns if state else 0
        run.up[name], run.since_ns[name] = up, at_ns

    def _count(self, seq: int, record: StoredRecord) -> None:
        if isinstance(record, OutageBegun):
            for name in record.legs:
                self._add(name, "outages")
        elif isinstance(record, QualityMeasured):
            for row in record.rows:
                self._add(row.provider, "seen", row.seen)
                self._add(row.provider, "rejected", row.rejected)
        else:
            leg = self.legs.get(str(getattr(record, "provider", "")))
            if leg is not None:
                self._count_of(leg, seq, record)

    def _count_of(self, leg: _Leg, seq: int, record: StoredRecord) -> None:
        match record:
            case LegUp():
                leg.reconnects += record.reconnects > 0
            case LegDown() if record.cause not in ON_PURPOSE:
                leg.failures[record.cause] += 1
                if record.permanent:
                    leg.permanent.append(
                        Permanent(seq=seq, at_ns=record.at_ns, cause=record.cause, detail=record.detail)
                    )
            case ConnectionOpened():
                leg.carried_by[f"{record.tls} {record.cipher}" if record.tls else "plain text"] += 1
            case ConnectionReplaced():
                leg.counts["replaced"] += 1
            case BreakerChanged():
                leg.counts["breaker_opened"] += record.to_state == "open"
            case HoleLeft():
                leg.counts["holes_left"] += 1
            case VenueTrouble():
                leg.counts["troubles"] += 1
            case CriticalFinding():
                leg.counts["critical"] += 1
            case InstrumentQuarantined():
                leg.counts["quarantines"] += 1

    def _add(self, name: str | None, what: str, count: int = 1) -> None:
        leg = self.legs.get(name) if name is not None else None
        if leg is not None:
            leg.counts[what] += count

    def _is_within(self, at_ns: int) -> bool:
        return (self._from_ns is None or at_ns >= self._from_ns) and (
            self._to_ns is None or at_ns <= self._to_ns
        )
