"""Tell the report on the clock to people.

Owns: the words.
Never: judges; `ticktrail_compliance.reports.clock` does.
"""

from __future__ import annotations

from collections.abc import Iterator

from ticktrail_compliance.reports.clock import ClockBreach, ClockCheck, ClockReport
from ticktrail_compliance.words import moment

__all__ = ["clock_lines"]

_NS_PER_MS = 1_000_000


def clock_lines(found: ClockReport) -> Iterator[str]:
    """Yield the lines of the report."""
    begin = "the beginning" if found.from_ns is None else moment(found.from_ns)
    end = "the end" if found.to_ns is None else moment(found.to_ns)
    yield f"clock, from {begin} to {end} of the log"
    if found.share_in_tolerance is None:
        yield "no check of the clock is recorded"
    else:
        yield (
            f"{len(found.checks):,} checks, {found.measured:,} measured, {found.in_tolerance:,} in tolerance "
            f"({found.share_in_tolerance:.3%})"
        )
    if found.longest_unchecked_s is not None:
        yield f"longest time without a valid check: {found.longest_unchecked_s:,.3f} s"
    for server, times in found.false_tickers.items():
        yield f"false ticker: {server}, in {times:,} checks"
    yield f"breaches: {len(found.breaches) or 'none'}"
    yield from (f"  {_breach(breach)}" for breach in found.breaches)
    if found.steps:
        yield "steps:"
        yield from (
            f"  {moment(step.at_ns)}  {_ms(step.from_offset_ns)} → {_ms(step.to_offset_ns)}, "
            f"where {_ms(step.allowed_ns)} can be explained"
            for step in found.steps
        )
    if found.peers:
        yield "venues that disagree:"
        yield from (f"  {moment(peer.at_ns)}  {peer.provider}: {peer.detail}" for peer in found.peers)
    if found.checks:
        yield "checks:"
        yield from (f"  {_check(check)}" for check in found.checks)


def _check(check: ClockCheck) -> str:
    at = moment(check.at_ns)
    if check.offset_ns is None or check.bound_ns is None:
        return f"{at}  not measured: {check.cause}"
    limit = "" if check.limit_ns is None else f" (limit {_ms(check.limit_ns).lstrip('+')})"
    verdict = "in tolerance" if check.in_tolerance else "OUT OF TOLERANCE"
    return (
        f"{at}  {check.source}  {_ms(check.offset_ns)} ± {_ms(check.bound_ns).lstrip('+')}{limit}  {verdict}"
    )


def _breach(breach: ClockBreach) -> str:
    what = (
        "no valid measurement"
        if breach.cause == "unmeasured"
        else "offset not recorded"
        if breach.offset_ns is None or breach.bound_ns is None
        else f"{_ms(breach.offset_ns)} ± {_ms(breach.bound_ns).lstrip('+')}"
    )
    if breach.ended_ns is not None and breach.lasted_s is not None:
        end = f"to {moment(breach.ended_ns)}, corrected after {breach.lasted_s:,.3f} s"
    else:
        how = "the feed stopped" if breach.ended_by == "feed_stopped" else "the records end"
        end = f"not corrected before {how}"
    return f"{moment(breach.begun_ns)}  {what} against {_ms(breach.limit_ns).lstrip('+')}, {end}"


def _ms(ns: int) -> str:
    return f"{ns / _NS_PER_MS:+,.3f} ms"
