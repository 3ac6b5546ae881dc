"""Gather what an audit log says of this machine's clock.

Owns: the evidence: checks, breaches, steps, the share in tolerance, the longest time without a check. Pure.
Never: reads a database, or judges a clock anew: each record stands as it was sealed.

FINRA rules 4590 and 6820 (the Consolidated Audit Trail), read in November 2026, ask for a log of the times and results
of each synchronisation, and of each drift beyond tolerance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

import msgspec

from ticktrail.events import (
    ClockBreachBegun,
    ClockBreachEnded,
    ClockMeasured,
    ClockSource,
    ClockStepped,
    ClockUnavailable,
    FeedStarted,
    FeedStopped,
    Notice,
    PeerOffsetDisagrees,
    PluginLoaded,
    PluginQuarantined,
)
from ticktrail_compliance.records import StoredRecord, StoredRouted

__all__ = ["ClockBreach", "ClockCheck", "ClockReport", "Seen", "clock_report"]


class ClockCheck(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement, or the attempt at one: true time = local + `offset_ns`, within ± `bound_ns`.

    `source` is the time source that was taken; None, as offset and bound, where nothing was measured: `cause` says why.
    `limit_ns` is None in logs of versions that did not record it.
    """

    at_ns: int
    source: str | None
    offset_ns: int | None
    bound_ns: int | None
    limit_ns: int | None
    in_tolerance: bool
    drift_ppm: float | None
    cause: str
    sources: Sequence[ClockSource]


class ClockBreach(msgspec.Struct, frozen=True, kw_only=True):
    """A time out of tolerance; `lasted_s` is the time to correct it, None where it was not (`ended_by` says how)."""

    cause: Literal["offset", "unmeasured"]
    begun_ns: int
    offset_ns: int | None
    bound_ns: int | None
    limit_ns: int
    ended_ns: int | None = None
    lasted_s: float | None = None
    ended_by: Literal["corrected", "feed_stopped", "log_ends"] = "log_ends"


class ClockReport(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence of a period.

    `share_in_tolerance` is of all checks, those among them that measured nothing; None without any.
    `longest_unchecked_s` is the longest time in which a feed ran without a valid measurement, by the records' times.
    """

    from_ns: int | None
    to_ns: int | None
    checks: Sequence[ClockCheck]
    measured: int
    in_tolerance: int
    share_in_tolerance: float | None
    longest_unchecked_s: float | None
    breaches: Sequence[ClockBreach]
    steps: Sequence[ClockStepped]
    false_tickers: Mapping[str, int]
    peers: Sequence[PeerOffsetDisagrees]


def clock_report(
    records: Iterable[StoredRecord | Seen], *, from_ns: int | None = None, to_ns: int | None = None
) -> ClockReport:
    """Return what the records say of the clock in a period.

    Args:
        records: Events from the log's beginning to the period's end, in order, so that it is known how things stood
            when the period began; `Seen` stands for ticks between them. Ticks themselves are passed over.
        from_ns: The period's beginning.
        to_ns: The period's end, for the report's head.
    """
    gathered = _Gathered(from_ns)
    for record in records:
        if not isinstance(record, StoredRouted):
            gathered.take(record)
    gathered.end()
    measured = sum(check.source is not None for check in gathered.checks)
    in_tolerance = sum(check.in_tolerance for check in gathered.checks)
    return ClockReport(
        from_ns=from_ns,
        to_ns=to_ns,
        checks=gathered.checks,
        measured=measured,
        in_tolerance=in_tolerance,
        share_in_tolerance=in_tolerance / len(gathered.checks) if gathered.checks else None,
        longest_unchecked_s=None if gathered.longest_ns is None else gathered.longest_ns / 1e9,
        breaches=gathered.breaches,
        steps=gathered.steps,
        false_tickers=dict(sorted(gathered.false_tickers.items())),
        peers=gathered.peers,
    )


class Seen(NamedTuple):
    """The feed ran at that time: ticks of it stand in the log."""

    at_ns: int


class _Gathered:
    """What came so far; a run that did not say its end ends with its last record."""

    def __init__(self, from_ns: int | None) -> None:
        self._from_ns = from_ns
        self.checks: list[ClockCheck] = []
        self.breaches: list[ClockBreach] = []
        self.steps: list[ClockStepped] = []
        self.false_tickers: Counter[str] = Counter()
        self.peers: list[PeerOffsetDisagrees] = []
        self.longest_ns: int | None = None
        self._open: ClockBreach | None = None
        self._checked_ns: int | None = None
        self._seen_ns: int | None = None

    def take(self, record: StoredRecord | Seen) -> None:
        if isinstance(record, StoredRouted | PluginLoaded | PluginQuarantined | Notice):
            return  # these are told before their feed has started: after a killed run they would seem its end
        if isinstance(record, FeedStarted):
            self._end_run("log_ends")
        if self._checked_ns is None:
            self._checked_ns = record.at_ns
        self._seen_ns = max(record.at_ns, self._seen_ns or record.at_ns)
        match record:
            case ClockMeasured():
                self._measured(record)
            case ClockUnavailable():
                self._unavailable(record)
            case ClockBreachBegun():
                self._open = ClockBreach(
                    cause=record.cause,
                    begun_ns=record.at_ns,
                    offset_ns=record.offset_ns,
                    bound_ns=record.bound_ns,
                    limit_ns=record.limit_ns,
                )
            case ClockBreachEnded():
                self._ended(record)
            case ClockStepped():
                if self._is_within(record.at_ns):
                    self.steps.append(record)
            case PeerOffsetDisagrees():
                if self._is_within(record.at_ns):
                    self.peers.append(record)
            case FeedStopped():
                self._end_run("feed_stopped")

    def end(self) -> None:
        self._end_run("log_ends")

    def _measured(self, found: ClockMeasured) -> None:
        self._unchecked_until(found.at_ns)
        self._checked_ns = found.at_ns
        if not self._is_within(found.at_ns):
            return
        self.false_tickers.update(one.server for one in found.sources if one.verdict == "false_ticker")
        self.checks.append(
            ClockCheck(
                at_ns=found.at_ns,
                source=found.server,
                offset_ns=found.offset_ns,
                bound_ns=found.bound_ns,
                limit_ns=found.limit_ns,
                in_tolerance=found.in_tolerance,
                drift_ppm=found.drift_ppm,
                cause="",
                sources=found.sources,
            )
        )

    def _unavailable(self, found: ClockUnavailable) -> None:
        if not self._is_within(found.at_ns):
            return
        self.checks.append(
            ClockCheck(
                at_ns=found.at_ns,
                source=None,
                offset_ns=None,
                bound_ns=None,
                limit_ns=None,
                in_tolerance=False,
                drift_ppm=None,
                cause=found.cause,
                sources=found.sources,
            )
        )

    def _ended(self, found: ClockBreachEnded) -> None:
        """Close a breach; where it began before the period, its end still tells when."""
        begun = self._open or ClockBreach(
            cause=found.cause,
            begun_ns=found.begun_ns,
            offset_ns=None,
            bound_ns=None,
            limit_ns=found.limit_ns,
        )
        self._open = None
        if not self._is_within(found.at_ns):
            return
        self.breaches.append(
            msgspec.structs.replace(
                begun, ended_ns=found.at_ns, lasted_s=found.lasted_s, ended_by="corrected"
            )
        )

    def _end_run(self, ended_by: Literal["feed_stopped", "log_ends"]) -> None:
        seen_ns = self._seen_ns
        if seen_ns is not None:
            self._unchecked_until(seen_ns)
        self._checked_ns = self._seen_ns = None
        if self._open is not None and (seen_ns is None or self._is_within(seen_ns)):
            self.breaches.append(msgspec.structs.replace(self._open, ended_by=ended_by))
        self._open = None

    def _unchecked_until(self, at_ns: int) -> None:
        """Count the time since the last valid check, as far as it lies within the period."""
        if self._checked_ns is None or not self._is_within(at_ns):
            return
        since_ns = self._checked_ns if self._from_ns is None else max(self._checked_ns, self._from_ns)
        self.longest_ns = max(self.longest_ns or 0, at_ns - since_ns)

    def _is_within(self, at_ns: int) -> bool:
        return self._from_ns is None or at_ns >= self._from_ns
