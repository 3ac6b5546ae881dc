"""Tell a compliance officer what became of a tick.

Owns: the words.
Never: searches or prints.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from ticktrail.events import ClockMeasured, ClockUnavailable, LegStateChanged, LegSwitched
from ticktrail_compliance.finding.explaining import Copy, Explained, Situation
from ticktrail_compliance.finding.search import Search
from ticktrail_compliance.words import moment, value

__all__ = ["not_found", "told"]

REASONS = {
    "standby": "another leg spoke for this instrument, and this one stood by",
    "duplicate": "it is a repeat of what was delivered already",
    "stop deadline": "the feed was stopped, and there was no time left to pass it on",
    "unanswered": "it was held for a hand-over that did not come about",
    "handover_full": "more was held for a hand-over than there is room for",
    "conflated": "a newer one took its place before it could be passed on",
    "unsubscribed": "the instrument had been taken out of the feed",
}
"""What the words of the route mean (docs/reference/events.md)."""

LEFT_OUT = {"instrument", "provider", "event_ns", "recv_ns"}


def told(found: Explained, how: str) -> Iterator[str]:
    """Yield the lines of an explanation.

    Args:
        found: What the log tells.
        how: How the log was named on the command line.
    """
    for instrument in dict.fromkeys(situation.instrument for situation in found.situations):
        situations = [situation for situation in found.situations if situation.instrument == instrument]
        copies = [_copies_of(found, situation) for situation in situations]
        kind = copies[0][0].tick.__struct_config__.tag
        apart = len(situations) > 1  # a feed is named where there are several to be told apart
        verdicts = [
            f"in {_name(situation)}: {_verdict(own)}" if apart else _verdict(own)
            for situation, own in zip(situations, copies, strict=True)
        ]
        yield f"{kind} {found.tick_id} of {instrument}: {'; '.join(verdicts)}"
        yield ""
        for situation, own in zip(situations, copies, strict=True):
            if apart:
                yield f"In {_name(situation)}:"
                yield ""
            yield from _told_of_feed(own, situation, how)
    if found.destroyed:
        yield (
            f"{found.destroyed:,} entries could not be opened, since their content was destroyed: there may have been "
            "more copies"
        )


def _copies_of(found: Explained, situation: Situation) -> list[Copy]:
    """Return the copies of an instrument that one feed brought, whatever its number was when it did."""
    of = (situation.instrument, situation.feed or situation.writer)
    return [copy for copy in found.copies if (copy.instrument, copy.feed or copy.writer) == of]


def _name(situation: Situation) -> str:
    return f"writer {situation.writer}" if situation.feed is None else f"feed {situation.feed}"


def _told_of_feed(copies: list[Copy], situation: Situation, how: str) -> Iterator[str]:
    yield "What came, and what was decided:"
    for number, copy in enumerate(copies, 1):
        yield from _copy(number, copy)
    yield ""
    yield "Who spoke then:"
    yield from _who(situation)
    yield ""
    yield "The clock:"
    yield f"  {_clock(situation)}"
    yield ""
    yield "The proof:"
    yield from _proof(copies, how)
    yield ""


def not_found(found: Explained, wanted: Search) -> str:
    """Return what is said where there is no such tick: what was searched, and how to search on."""
    where = wanted.selection
    parts = [
        f"since {moment(where.from_ns)}" if where.from_ns is not None else "from the beginning",
        f"until {moment(where.to_ns)}" if where.to_ns is not None else "to the end",
    ]
    if where.instruments:
        parts.append(f"instrument {' or '.join(sorted(where.instruments))}")
    if where.providers:
        parts.append(f"leg {' or '.join(sorted(where.providers))}")
    if wanted.writers is not None:
        parts.append(f"writer {' or '.join(map(str, sorted(wanted.writers)))}")
    destroyed = f"; the content of {found.destroyed:,} was destroyed" if found.destroyed else ""
    return (
        f"no tick with the id {found.tick_id} is in the log ({', '.join(parts)}): {found.entries:,} entries were "
        f"looked at, {found.opened:,} of them opened{destroyed}. Look whether the id is the venue's own, and whether "
        f"the feed keeps all ticks (`journal` in [compliance])"
    )


def _verdict(copies: list[Copy]) -> str:
    came = [copy for copy in copies if copy.outcome != "flagged"]
    count = "1 copy came" if len(came) == 1 else f"{len(came)} copies came"
    delivered = sum(copy.outcome == "delivered" for copy in came)
    if not came:
        return "rules objected, and what became of it is not in the part that was searched"
    return f"{count}, {delivered or 'none'} of which {'was' if delivered < 2 else 'were'} delivered"


def _copy(number: int, copy: Copy) -> Iterator[str]:
    tick = copy.tick
    venue = (
        "the venue gives no time" if tick.event_ns is None else f"the venue's time {moment(tick.event_ns)}"
    )
    yield f"  {number}. From leg {copy.provider}, received {moment(tick.recv_ns)} ({venue})"
    shown = {name: getattr(tick, name) for name in tick.__struct_fields__ if name not in LEFT_OUT}
    yield "     " + ", ".join(
        f"{name} {_plain(held)}" for name, held in shown.items() if held is not None and held is not False
    )
    yield f"     {_decision(copy)}"
    for violation in copy.violations:
        yield f"       {_violation(violation)}"
    yield f"     Entry {copy.seq}, record {copy.record}, of writer {copy.writer}"


def _decision(copy: Copy) -> str:
    match copy.outcome:
        case "delivered":
            return "Delivered: it was passed on."
        case "rejected":
            return "Rejected: it broke a rule, and was not passed on."
        case "flagged":
            return "Flagged: a rule objected, and it was passed on all the same, as the rule's action says."
        case _:
            why = REASONS.get(copy.reason or "", "")
            return f"Suppressed ({copy.reason}): a good price that was not passed on{f', since {why}' if why else ''}."


def _violation(violation: Mapping[str, object]) -> str:
    numbers = ", ".join(f"{name} {_plain(held)}" for name, held in violation.items() if name != "rule")
    return f"rule {violation.get('rule')}{f': {numbers}' if numbers else ''}"


def _plain(held: object) -> str:
    """Return a field's value; a price in plain digits."""
    return format(held, "f") if isinstance(held, Decimal) else value(held)


def _who(situation: Situation) -> Iterator[str]:
    switch = situation.switch
    if switch is None or not isinstance(switch.event, LegSwitched):
        yield "  no switch to another leg is told since the feed started"
    else:
        event = switch.event
        before = f" in place of {event.from_leg}" if event.from_leg else ""
        yield f"  {event.to_leg} since {moment(event.at_ns)}{before}: {event.cause} (entry {switch.seq})"
    for leg, state in situation.legs.items():
        if isinstance(state.event, LegStateChanged):
            why = f": {state.event.why}" if state.event.why else ""
            yield f"  leg {leg} was {state.event.to_state} since {moment(state.event.at_ns)}{why} (entry {state.seq})"


def _clock(situation: Situation) -> str:
    clock = situation.clock
    if clock is not None and isinstance(clock.event, ClockMeasured):
        event = clock.event
        judged = "within" if event.in_tolerance else "OUT OF"
        return (
            f"measured {moment(event.at_ns)} against {event.server}: true time was {event.offset_ns / 1e6:+.3f} ms "
            f"from this machine's, give or take {event.bound_ns / 1e6:.3f} ms; {judged} tolerance (entry {clock.seq})"
        )
    if clock is not None and isinstance(clock.event, ClockUnavailable):
        return (
            f"could not be measured at {moment(clock.event.at_ns)}: {clock.event.cause} (entry {clock.seq}). The times "
            "above are by this machine's own clock"
        )
    return "no measurement is told since the feed started; the times above are by this machine's own clock"


def _proof(copies: list[Copy], how: str) -> Iterator[str]:
    for seq, checkpoint in sorted({copy.seq: copy.checkpoint for copy in copies}.items()):
        if checkpoint is None:
            yield f"  entry {seq} is covered by no checkpoint yet: the feed signs the next one, now or at its start"
        else:
            yield f"  entry {seq} is covered by the log's checkpoint of {checkpoint} entries"
        yield f"    ticktrail audit prove {how} {seq} --out entry-{seq}.tlog-proof"
