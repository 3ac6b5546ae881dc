"""Gather what an audit log says of delivery: how long feeds ran, and how long nothing was delivered of something.

Owns: the sums of a period. Pure.
Never: reads a database. Where one instrument is out, delivery counts as out: what is doubtful counts against the feed.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from ticktrail.events import FeedStarted, FeedStopped, LegDown, LegUp, OutageBegun, OutageEnded
from ticktrail_compliance.records import StoredRecord, StoredRouted

__all__ = ["Delivery", "Outage", "delivery_of"]

_ALL = ""
"""Stands for all instruments of a feed, where an event names none."""


class Outage(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which nothing was delivered of some instruments; none named: of all of the feed.

    `ended_ns` is None where the feed stopped, or the records end, before it was over.
    """

    seq: int
    begun_ns: int
    ended_ns: int | None
    instruments: Sequence[str]
    legs: Sequence[str]


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """Delivery in a period.

    Attributes:
        ran_s: How long feeds ran, by the records' times; of several beside one another, the sum.
        out_s: How long of that something was out.
        uptime_pct: Per cent; None where no feed ran.
        starts: How often a feed started.
        outages: Each, in order.
        run_seqs: The entries that tell of starts and stops.
    """

    ran_s: float
    out_s: float
    uptime_pct: float | None
    starts: int
    outages: Sequence[Outage]
    run_seqs: Sequence[int]


def delivery_of(
    records: Iterable[tuple[int, int, StoredRecord]],
    *,
    from_ns: int,
    to_ns: int,
    went_on: Container[int] = frozenset(),
) -> Delivery:
    """Return what the records say of delivery in a period.

    Args:
        records: Entry, writer and event, from the log's beginning to the period's end.
        from_ns: The period's first moment.
        to_ns: Its last.
        went_on: The writers of which the log tells of a later time: their runs last to the period's end, however long
            they were silent before it. Otherwise a period that ends amid an outage would be without that outage.
    """
    gathered = _Gathered(from_ns, to_ns, went_on)
    for seq, writer, record in records:
        if not isinstance(record, StoredRouted):
            gathered.take(seq, writer, record)
    return gathered.told()


@dataclass(slots=True)
class _Out:
    """What is out: since when, and by which entry."""

    seq: int
    begun_ns: int
    instruments: Sequence[str]
    legs: Sequence[str]
    names: set[str]
    ended_ns: int | None = None  # of a part of it, where nobody can tell whether that was all


@dataclass(slots=True)
class _Run:
    """A feed that runs: since when, until when it was seen, and what is out.

    `was_up`: a leg came up, or an outage was told. `down`: the legs that did not before that; `down_seq`: the entry.
    """

    begun_ns: int
    seen_ns: int
    out: list[_Out] = field(default_factory=list)
    spans: list[tuple[int, int]] = field(default_factory=list)
    was_up: bool = False
    down: set[str] = field(default_factory=set)
    down_seq: int = 0


class _Gathered:
    """What came so far; a run that did not say its end, and did not go on, ends with its last record."""

    def __init__(self, from_ns: int, to_ns: int, went_on: Container[int]) -> None:
        self._from_ns, self._to_ns = from_ns, to_ns
        self._went_on = went_on
        self._runs: dict[int, _Run] = {}
        self._ran_ns = self._out_ns = 0
        self._starts = 0
        self._outages: list[Outage] = []
        self._run_seqs: list[int] = []

    def take(self, seq: int, writer: int, record: StoredRecord) -> None:
        if isinstance(record, StoredRouted):
            return
        if isinstance(record, FeedStarted | FeedStopped) and record.at_ns >= self._from_ns:
            self._run_seqs.append(seq)
        if isinstance(record, FeedStarted):
            self._stop(writer)
            self._runs[writer] = _Run(record.at_ns, record.at_ns)
            self._starts += record.at_ns >= self._from_ns
        run = self._runs.get(writer)
        if run is None:
            return
        run.seen_ns = max(run.seen_ns, record.at_ns)
        match record:
            case LegUp():
                run.was_up = True
            case LegDown():
                run.down.add(record.provider)
                run.down_seq = run.down_seq or seq
            case OutageBegun():
                run.was_up = True
                names = tuple(record.instruments or ())
                run.out.append(
                    _Out(seq, record.at_ns, names, sorted(record.legs), set(names) if names else {_ALL})
                )
            case OutageEnded():
                self._over(run, record)
            case FeedStopped():
                self._stop(writer)

    def told(self) -> Delivery:
        for writer, run in list(self._runs.items()):
            if writer in self._went_on:
                run.seen_ns = max(run.seen_ns, self._to_ns)
            self._stop(writer)
        return Delivery(
            ran_s=self._ran_ns / 1e9,
            out_s=self._out_ns / 1e9,
            uptime_pct=100 * (self._ran_ns - self._out_ns) / self._ran_ns if self._ran_ns else None,
            starts=self._starts,
            outages=sorted(self._outages, key=lambda one: (one.begun_ns, one.seq)),
            run_seqs=self._run_seqs,
        )

    def _over(self, run: _Run, ended: OutageEnded) -> None:
        names = set(ended.instruments or ())
        for out in list(run.out):
            if names and out.names.isdisjoint(names | {_ALL}):
                continue
            out.begun_ns = min(out.begun_ns, ended.at_ns - round(ended.lasted_s * 1e9))
            out.names -= names
            if names and out.names:
                out.ended_ns = ended.at_ns if _ALL in out.names else None
            else:
                run.out.remove(out)
                self._add(run, out, ended.at_ns)

    def _stop(self, writer: int) -> None:
        run = self._runs.pop(writer, None)
        if run is None:
            return
        if run.down and not run.was_up:  # no leg could be opened: such a feed ends, and tells of no outage
            run.out.append(_Out(run.down_seq, run.begun_ns, (), sorted(run.down), {_ALL}))
        for out in run.out:
            self._add(run, out, out.ended_ns)
        first_ns, last_ns = max(run.begun_ns, self._from_ns), min(run.seen_ns, self._to_ns)
        if first_ns < last_ns:
            self._ran_ns += last_ns - first_ns
            self._out_ns += _length(run.spans, first_ns, last_ns)

    def _add(self, run: _Run, out: _Out, ended_ns: int | None) -> None:
        last_ns = run.seen_ns if ended_ns is None else ended_ns
        run.spans.append((out.begun_ns, last_ns))
        if last_ns >= self._from_ns:
            self._outages.append(
                Outage(
                    seq=out.seq,
                    begun_ns=out.begun_ns,
                    ended_ns=ended_ns,
                    instruments=out.instruments,
                    legs=out.legs,
                )
            )


def _length(spans: Iterable[tuple[int, int]], first_ns: int, last_ns: int) -> int:
    """Return how long the union of spans is, as far as it lies within."""
    total, reached = 0, first_ns
    for begun_ns, ended_ns in sorted(spans):
        begun = max(begun_ns, reached)
        ended = min(ended_ns, last_ns)
        if ended > begun:
            total += ended - begun
            reached = ended
    return total
