"""Look at the evidence of this machine's clock.

Owns: the controls ``clock.*``.
Never: measures; the feed does, and the log says what it found.
"""

from __future__ import annotations

from ticktrail.events import ClockBreachBegun, ClockBreachEnded, ClockMeasured
from ticktrail_compliance.checks.control import Control, Look, failed, not_applicable, passed
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.words import moment

__all__ = ["CONTROLS"]

SECOND_NS = 10**9
NMS_NS = 50_000_000
"""FINRA 4590: 50 ms for clocks that record events in NMS securities and OTC equity securities, 1 s for all others."""

RULE = "FINRA Rule 4590"


def _measured(facts: Facts) -> Look:
    measured = list(facts.told(ClockMeasured))
    if not measured:
        return _unmeasured(facts)
    seq, last = measured[-1]
    if facts.is_to_come(last.at_ns):
        return failed(f"the last measurement is dated {moment(last.at_ns)}, which is to come", seq)
    hours, most = facts.hours_since(last.at_ns), facts.checks.clock_max_age_hours
    told = f"last measured {moment(last.at_ns)} against {last.server}, {hours:,.1f} h ago"
    if hours > most:
        return failed(
            f"{told}, more than {most:g} h: run the feed, and see that {_servers(facts)} answer", seq
        )
    return passed(told, seq)


def _tolerance(facts: Facts) -> Look:
    measured = list(facts.told(ClockMeasured))
    if not measured:
        return not_applicable("nothing was measured; see clock.measured")
    seq, last = measured[-1]
    told = f"offset {last.offset_ns / 1e6:+.3f} ms, bound {last.bound_ns / 1e6:.3f} ms"
    begun = list(facts.told(ClockBreachBegun))
    if begun and len(begun) > len(list(facts.told(ClockBreachEnded))):
        since, breach = begun[-1]
        return failed(f"out of tolerance since {moment(breach.at_ns)} ({breach.cause}): set the clock", since)
    if not last.in_tolerance:
        return failed(f"{told}: out of tolerance; set the clock", seq)
    if last.limit_ns is None:
        return passed(told, seq)
    told = f"{told}, within {last.limit_ns / 1e6:g} ms"
    if _is_declared(facts) and last.limit_ns > SECOND_NS:
        return failed(f"{told}, and the rule allows no more than 1 s: lower [clock] max_offset_ms", seq)
    if last.limit_ns > NMS_NS:
        told = f"{told}; 50 ms is asked where events in NMS securities and OTC equity securities are recorded"
    return passed(told, seq)


def _unmeasured(facts: Facts) -> Look:
    if not facts.feed.measures_clock and not _is_declared(facts):
        return not_applicable(
            "the feed asks no time server ([clock] servers), and no rule is declared that asks for it"
        )
    remedy = (
        f"see that {_servers(facts)} answer"
        if facts.feed.measures_clock
        else "name time servers in [clock] servers"
    )
    return failed(f"the clock was not measured in the feed's last run: {remedy}")


def _servers(facts: Facts) -> str:
    """Name whom the feed asks for the time, and the key that names them."""
    named = facts.feed.time_servers
    return (
        "the time servers that are asked where [clock] servers names none"
        if named is None
        else f"the time servers {', '.join(named)} ([clock] servers)"
    )


def _is_declared(facts: Facts) -> bool:
    return facts.policy is not None and not {"finra_4590", "finra_6820"}.isdisjoint(facts.policy.applicable)


CONTROLS = (
    Control(
        "clock.measured",
        "The clock was measured lately",
        RULE,
        "the last clock_measured event of the last run",
        _measured,
        needs_run="that the time servers of [clock] servers answer",
    ),
    Control(
        "clock.tolerance",
        "The clock is in tolerance, and no breach is open",
        RULE,
        "clock_measured and clock_breach events of the last run: |offset| + bound against the limit",
        _tolerance,
        needs_run="that the clock is within [clock] max_offset_ms",
    ),
)
