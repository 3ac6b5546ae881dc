"""Tell a person in a sentence of an event that they must know of, though the feed goes on.

Owns: which events these are, and the words.
Never: decides what becomes of the feed.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail._contracts.observer import Record
from ticktrail._engine.culprit import whose
from ticktrail.events import (
    LoopBlocked,
    Notice,
    OutageBegun,
    OutageEnded,
    RecordingDiffers,
    RuleDisabled,
    RuleFailing,
)

__all__ = ["warning_of"]

_NAMED = 10
"""Instruments that a warning names; the event has all."""


def warning_of(record: Record) -> str | None:  # noqa: PLR0911 - one for each kind of event
    """Return what to warn of; None for everything else."""
    match record:
        case RuleFailing():
            return f"the rule {record.rule} failed on {record.provider or 'the route'}: {record.error}"
        case RuleDisabled():
            return (
                f"the rule {record.rule} judges {record.instrument} no more on {record.provider or 'the route'}: it "
                f"failed {record.failures} times; mend its plugin and start the feed again"
            )
        case OutageBegun() | OutageEnded():
            return _outage(record)
        case LoopBlocked():
            return _blocked(record)
        case Notice(severity="warning" | "critical"):
            return f"{record.source}: {record.text}"
        case RecordingDiffers():
            return f"leg {record.provider}: the recording {record.recording} {_difference(record)}"
    return None


def _blocked(record: LoopBlocked) -> str:
    times = f"{record.blocks} times, at most " if record.blocks > 1 else ""
    return (
        f"{whose(record.plugin, record.distribution)} kept everything else in the feed waiting, {times}"
        f"{record.for_s:.1f} s, at {record.where}; slow work belongs into a thread or a process of its own"
    )


def _outage(record: OutageBegun | OutageEnded) -> str:
    names = record.instruments
    whose = None if names is None else _first(names[:_NAMED], len(names))
    if isinstance(record, OutageBegun):
        legs = "; ".join(f"{name}: {why}" for name, why in record.legs.items())
        return f"no leg delivers {whose or 'anything'} ({legs})"
    again = "" if whose is None else f" {whose}"
    return f"leg {record.provider} delivers{again} again, after {record.lasted_s:.1f} s in which none did"


def _difference(found: RecordingDiffers) -> str:
    parts = []
    if found.missing:
        parts.append(f"held nothing of {_first(found.missing[:_NAMED], len(found.missing))}")
    if found.silent:
        parts.append(f"brought nothing on {_first(found.silent, found.silent_streams)}")
    if found.unasked:
        counted = [f"{name} ({count:,})" for name, count in found.unasked.items()]
        parts.append(f"held what nobody asked for: {_first(counted, found.unasked_streams)}")
    return "; ".join(parts)


def _first(names: Sequence[str], count: int) -> str:
    rest = count - len(names)
    return ", ".join(names) + (f" and {rest:,} more" if rest > 0 else "")
