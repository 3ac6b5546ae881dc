"""Look over a node's children: which parts are silent with the one who speaks, and who is best to take its turn.

Owns: how children are compared with one another, and which of them is opened anew.
Never: switches (the arbiters do), or keeps anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from ticktrail._contracts.route import Reconnect
from ticktrail._routes.child import Child
from ticktrail.model import Channel, InstrumentId

__all__ = ["PROOF", "as_good", "best_of", "could_speak", "reconnect", "silent_parts"]

PROOF = 3
"""Batches of another child, with none of the speaker's between, that prove one instrument's silence: of a market that
is thin here and not there, one alone proves nothing."""


def best_of(
    numbers: Collection[int],
    children: Sequence[Child],
    limits_ns: Mapping[Channel, int],
    now_ns: int,
    channel: Channel | None = None,
) -> int | None:
    """Return the first of these that brings what is wanted, or where none does the first; None where there is none.

    One that is up and silent itself, or has brought nothing since it came, would let the stream stand still once more.

    Args:
        numbers: Who could speak, in the order in which they are preferred.
        children: All of the node.
        limits_ns: How long each channel may be silent.
        now_ns: The present.
        channel: The one that is silent with the present speaker, if one is.
    """

    def rank(number: int) -> tuple[bool, bool]:
        child = children[number]
        if channel is None:
            is_heard = bool(child.last_ns)
        else:
            at_ns = child.last_ns.get(channel)
            is_heard = at_ns is not None and now_ns - at_ns <= limits_ns.get(channel, now_ns)
        others = (children[other] for other in numbers if other != number)
        return not is_heard, any(child.silent_channel(limits_ns, other, now_ns) for other in others)

    return min(numbers, key=rank, default=None)


def could_speak(child: Child, speaker: Child, limits_ns: Mapping[Channel, int], now_ns: int) -> bool:
    """Tell whether a child could take the turn of one who speaks: it is up, heard, and silent on nothing."""
    is_heard = child.up and bool(child.last_ns)
    return is_heard and child.silent_channel(limits_ns, speaker, now_ns) is None


def as_good(
    names: Collection[InstrumentId],
    child: Child,
    speaker: Child,
    limits_ns: Mapping[Channel, int],
    now_ns: int,
    max_reject_rate: float,
) -> frozenset[InstrumentId]:
    """Return of these instruments those on which a child is right, and lacks nothing that the speaker brings."""
    return frozenset(
        name
        for name in names
        if not child.is_wrong_on(name, max_reject_rate)
        and not child.refuses(name, PROOF)
        and not _lacks(name, child, speaker, limits_ns, now_ns)
    )


def _lacks(
    name: InstrumentId, child: Child, speaker: Child, limits_ns: Mapping[Channel, int], now_ns: int
) -> bool:
    """Tell whether a child is silent on an instrument where the speaker is not: of a quiet market nobody lacks any."""
    return any(
        channel is not None
        and channel in limits_ns
        and child.is_silent_on((name, channel), limits_ns[channel], speaker, now_ns)
        for channel in speaker.heard_ns.get(name, ())
    )


def reconnect(
    number: int,
    cause: str,
    channel: Channel | None,
    limits_ns: Mapping[Channel, int],
    now_ns: int,
    *,
    part: float = 1.0,
) -> Reconnect:
    """Return what opens a silent child anew, or those legs below it that are silent.

    Args:
        number: The child's.
        cause: Why.
        channel: On which it is silent; None: on all.
        limits_ns: How long each channel may be silent.
        now_ns: The present.
        part: Of its limit it has been silent for so much.
    """
    limit_ns = min(limits_ns.values(), default=0) if channel is None else limits_ns[channel]
    return Reconnect(number, cause, channel, now_ns - round(part * limit_ns))


def silent_parts(
    children: Sequence[Child],
    speaks: Callable[[InstrumentId], int],
    limits_ns: Mapping[Channel, int],
    now_ns: int,
) -> Mapping[Channel, set[InstrumentId]]:
    """Return by channel the instruments on which their speaker is silent while another child brings them."""
    silent: dict[Channel, set[InstrumentId]] = {}
    for number, other in enumerate(children):
        for key, count in other.unanswered.items() if other.up else ():
            name, channel = key
            if count < PROOF or channel is None:
                continue
            speaker, limit_ns = speaks(name), limits_ns.get(channel)
            if speaker == number or limit_ns is None or not children[speaker].up:  # down is not silent
                continue
            if children[speaker].is_silent_on(key, limit_ns, other, now_ns):
                silent.setdefault(channel, set()).add(name)
    return silent
