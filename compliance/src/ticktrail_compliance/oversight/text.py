"""Tell of service providers to people.

Owns: the words.
Never: counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ticktrail_compliance.oversight.history import LegHistory
from ticktrail_compliance.oversight.told import Listed, Shown
from ticktrail_compliance.words import counted, moment, share

__all__ = ["list_lines", "show_lines"]


def list_lines(listed: Sequence[Listed], *, overdue: bool) -> Iterator[str]:
    """Yield the lines of the list, one or two a provider."""
    if overdue and not listed:
        yield "no review is overdue"
    width = max((len(one.name) for one in listed), default=0)
    for one in listed:
        legs = f"; legs {', '.join(one.legs)}" if one.legs else ""
        yield f"{one.name:<{width}}  {one.kind}{legs}; {_due(one)}"
        for plugin in one.plugins:
            named = f"plugin {plugin.name} of {plugin.distribution} {plugin.version}"
            yield f"{'':<{width}}  {named}, sha256 {plugin.sha256}"


def show_lines(shown: Shown) -> Iterator[str]:
    """Yield the lines of one provider."""
    one = shown.provider
    yield from list_lines([one], overdue=False)
    if one.contract_date is not None:
        yield f"contract of {one.contract_date}; has to tell of a breach within {one.notice_hours} h"
    if one.contact:
        yield f"contact: {one.contact}"
    if one.certifications:
        yield f"certifications: {', '.join(one.certifications)}"
    for leg in shown.legs:
        yield from _leg_lines(leg)
    if not shown.legs:
        yield "no leg of the feed is its"
    for incident in shown.incidents:
        yield f"incident {moment(incident.at_ns)} (entry {incident.seq}): {incident.event}"
    for review in shown.reviews:
        note = f": {review.note}" if review.note else ""
        yield f"reviewed {moment(review.at_ns)} by {review.by} (entry {review.seq}): {review.outcome}{note}"


def _due(one: Listed) -> str:
    if one.next_review is None:
        return "OVERDUE: never reviewed"
    return f"{'OVERDUE: review was due on' if one.overdue else 'next review'} {one.next_review}"


def _leg_lines(leg: LegHistory) -> Iterator[str]:
    if leg.uptime_pct is None:
        yield f"leg {leg.leg}: never came up in this period"
    else:
        yield f"leg {leg.leg}: up {leg.uptime_pct:.3f} % of {leg.observed_s:,.1f} s"
    failures = ", ".join(f"{count:,} {cause}" for cause, count in leg.failures.items()) or "none"
    yield f"  reconnects {leg.reconnects:,}; connections replaced {leg.replaced:,}; failures: {failures}"
    for failure in leg.permanent:
        yield f"  failed for good {moment(failure.at_ns)} (entry {failure.seq}): {failure.detail}"
    yield f"  ticks judged {leg.seen:,}, rejected {share(leg.rejected, leg.seen)}"
    yield (
        f"  {counted(leg.gaps, 'gap')}, {counted(leg.holes_left, 'hole')} left by repairs, "
        f"{counted(leg.outages, 'outage')}, {counted(leg.critical, 'critical finding')}, "
        f"{counted(leg.quarantines, 'quarantine')}, {counted(leg.troubles, 'refusal')} of the venue"
    )
    for carrier, count in leg.carried_by.items():
        yield f"  {counted(count, 'connection')} by {carrier}"
