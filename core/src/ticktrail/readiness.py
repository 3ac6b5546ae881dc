"""Decide whether a feed is ready: whether who needs its ticks can go by what it delivers now.

Owns: the reasons for which it is not, their codes, and their remedies.
Never: asks a feed anything, or reads a clock: the status that is given says when it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from ticktrail.model import InstrumentId
from ticktrail.status import FeedStatus

__all__ = ["REASONS", "Readiness", "Reason", "ReasonCode", "readiness"]

ReasonCode: TypeAlias = Literal[
    "not_started",
    "outage",
    "not_fresh",
    "sink_failed",
    "lane_full",
    "unrecorded",
    "observer_full",
    "clock_offset",
    "clock_unmeasured",
]
REASONS: Final[Sequence[ReasonCode]] = get_args(ReasonCode)
"""Every code, in the order in which reasons are told. A code keeps its meaning; new ones may come."""

_NAMED: Final = 5
_DELIVERING: Final = frozenset({"live", "degraded"})


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """Why a feed is not ready.

    Attributes:
        code: What kind of reason it is, for machines.
        text: It, and what can be done about it, for people.
        about: Which instruments, sinks or observers it is about; empty where it is the feed.
    """

    code: ReasonCode
    text: str
    about: Sequence[str] = ()


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a feed is ready, and why it is not: one reason of a kind, but one each of sinks and observers.

    `at_ns` is the time of the status, 0 without one.
    """

    ready: bool
    feed: str
    at_ns: int
    reasons: Sequence[Reason] = ()


def readiness(status: FeedStatus | None, *, fresh_s: float | None, feed: str = "") -> Readiness:
    """Return whether a feed is ready.

    It is where something of each of its instruments was delivered within `fresh_s`, nothing stands between its ticks
    and its sinks, what it does is recorded, and its clock is known to be right. A feed that measures no clock is not
    held to one. A degraded leg is one that delivers.

    Args:
        status: How the feed stands; None before its sources have begun.
        fresh_s: For how long nothing may have come of an instrument; None: however long, for a market that is closed.
        feed: Its name, where there is no status.
    """
    if status is None:
        text = "The feed's sources have not begun yet: wait, or see what it says on stderr."
        return Readiness(ready=False, feed=feed, at_ns=0, reasons=[Reason(code="not_started", text=text)])
    reasons = [
        *_of_instruments(status, fresh_s),
        *_of_sinks(status),
        *_of_observers(status),
        *_of_the_clock(status),
    ]
    return Readiness(ready=not reasons, feed=status.feed, at_ns=status.at_ns, reasons=reasons)


def _of_instruments(status: FeedStatus, fresh_s: float | None) -> Iterator[Reason]:
    out: list[str] = []
    quiet: list[str] = []
    for name in status.instruments:
        instrument = InstrumentId(name)
        speaking = [status.legs[leg].health for leg in status.speaking.get(instrument, ())]
        delivering = [leg for leg in speaking if leg.state in _DELIVERING]
        if not delivering:
            out.append(name)
        elif fresh_s is not None and status.delivered_s.get(instrument, math.inf) > fresh_s:
            quiet.append(name)
    if out:
        why = "; ".join(
            f"leg {name} is {leg.health.state}{f' ({leg.health.why})' if leg.health.why else ''}"
            for name, leg in list(status.legs.items())[:_NAMED]
            if leg.health.state not in _DELIVERING
        )
        yield Reason(
            code="outage",
            text=f"No leg delivers {_first(out)}: {why or 'none speaks for it'}. "
            "See `ticktrail ctl status`; `ticktrail ctl reset` tries a leg at once.",
            about=out,
        )
    if quiet:
        yield Reason(
            code="not_fresh",
            text=f"Nothing was delivered of {_first(quiet)} for {fresh_s:g} s, or nothing yet. Where its market is "
            "closed or quiet, raise fresh_s; otherwise see the leg that speaks for it, and what rules reject, in "
            "`ticktrail ctl status`.",
            about=quiet,
        )


def _of_sinks(status: FeedStatus) -> Iterator[Reason]:
    for name, lane in status.sinks.items():
        if lane.failed is not None:
            yield Reason(
                code="sink_failed",
                text=f"Sink {name} has failed and gets nothing more: {lane.failed}. Mend it, and start the feed again.",
                about=[name],
            )
        elif lane.queued >= lane.bound:
            yield Reason(
                code="lane_full",
                text=f"Sink {name} is {lane.queued:,} ticks behind, which is all that may wait: make it faster, "
                "or raise queue_ticks in its table.",
                about=[name],
            )


def _of_observers(status: FeedStatus) -> Iterator[Reason]:
    for name, observer in status.observers.items():
        if (
            observer.trouble and observer.keeps_record
        ):  # a pager that cannot be reached is no fault of the ticks
            text = observer.trouble[0].upper() + observer.trouble[1:].rstrip(".") + "."
            yield Reason(code="unrecorded", text=text, about=[name])
        if observer.waiting >= observer.bound:
            yield Reason(
                code="observer_full",
                text=f"{observer.waiting:,} ticks and events wait for [{name}], which is all that may, and the "
                "feed waits for it: see whether its database or disk is slow.",
                about=[name],
            )


def _of_the_clock(status: FeedStatus) -> Iterator[Reason]:
    clock = status.clock
    if not clock.is_measured:
        return
    if clock.breach == "offset":
        offset_ms, bound_ms = (clock.offset_ns or 0) / 1e6, (clock.bound_ns or 0) / 1e6
        yield Reason(
            code="clock_offset",
            text=f"This machine's clock is {offset_ms:+.3f} ms ± {bound_ms:.3f} ms off, more than "
            f"{clock.limit_ns / 1e6:g} ms: see whether chronyd runs and has good sources (`ticktrail clock`).",
        )
    elif clock.breach or clock.measured_at_ns is None:
        yield Reason(
            code="clock_unmeasured",
            text="This machine's clock has no valid measurement: see whether the servers in [clock] can be reached "
            "(`ticktrail clock`).",
        )


def _first(names: Sequence[str]) -> str:
    rest = "" if len(names) <= _NAMED else f" and {len(names) - _NAMED:,} more"
    return ", ".join(names[:_NAMED]) + rest
