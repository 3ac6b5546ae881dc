"""Tell a person in a sentence of an event that they must know of.

Owns: which events these are beside those that the feed itself warns of, and the words.
Never: prints.
"""

from __future__ import annotations

from ticktrail._contracts.observer import Record
from ticktrail._engine.trouble import warning_of
from ticktrail.events import ClockBreachBegun, ClockBreachEnded, PeerOffsetDisagrees, SinkFailed

__all__ = ["failure_of", "sentence_of"]


def sentence_of(record: Record) -> str | None:
    """Return the sentence of an event, be it one that the feed warns of or not; None where it has none."""
    return failure_of(record) or warning_of(record)


def failure_of(record: Record) -> str | None:
    """Return what to tell of a sink that failed, or a clock that is not to be trusted; None of all else."""
    match record:
        case SinkFailed():
            return f"sink {record.sink} has failed and gets nothing more: {record.cause}"
        case ClockBreachBegun(cause="offset", offset_ns=int(offset_ns), bound_ns=int(bound_ns)):
            return (
                f"the clock is out of tolerance: offset {offset_ns / 1e6:+.3f} ms ± {bound_ns / 1e6:.3f} ms, "
                f"limit {record.limit_ns / 1e6:g} ms"
            )
        case ClockBreachBegun():
            return "the clock has had no valid measurement for too long ([clock] max_unmeasured_s)"
        case ClockBreachEnded():
            return f"the clock is in tolerance again, after {record.lasted_s:,.0f} s"
        case PeerOffsetDisagrees():
            return f"leg {record.provider}: {record.detail}"
    return None
