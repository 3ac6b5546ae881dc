"""Say how this machine's clock was found, and when it could not be trusted.

Owns: the events of time servers and of venues as witnesses.
Never: is imported by anyone but `ticktrail.events`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from ticktrail.events._base import BaseEvent
from ticktrail.model import ProviderId

__all__ = [
    "ClockBreachBegun",
    "ClockBreachEnded",
    "ClockMeasured",
    "ClockSource",
    "ClockStepped",
    "ClockUnavailable",
    "PeerOffsetDisagrees",
    "PeerOffsetMeasured",
]


class ClockSource(msgspec.Struct, frozen=True, kw_only=True):
    """What one time source said in one measurement: true time = local + `offset_ns`, within ± `bound_ns`.

    `verdict` is ``used``, ``false_ticker`` (it cannot be right if the majority is), ``no_majority`` (it answered, and
    too few agree) or ``no_answer`` (`detail` says why; offset and bound are then None).
    """

    server: str
    verdict: Literal["used", "false_ticker", "no_majority", "no_answer"]
    offset_ns: int | None = None
    bound_ns: int | None = None
    detail: str = ""


class ClockMeasured(BaseEvent, frozen=True, tag="clock_measured"):
    """This machine's clock against time servers: true time = local + `offset_ns`, within ± `bound_ns`.

    `server` is the one of the used sources that knows best, `sources` all that were asked. `in_tolerance` says that
    |offset| + bound is within `limit_ns`. `drift_ppm` is how fast the offset grows, in millionths, by the
    measurements since the last step; None before there are three. Logs of earlier versions hold no `sources`,
    `limit_ns` or `drift_ppm`.
    """

    server: str
    offset_ns: int
    bound_ns: int
    in_tolerance: bool
    sources: Sequence[ClockSource] = ()
    limit_ns: int | None = None
    drift_ppm: float | None = None


class ClockUnavailable(BaseEvent, frozen=True, tag="clock_unavailable"):
    """The clock could not be measured: no source answered, or no majority of them agrees (`sources` says which)."""

    cause: str
    sources: Sequence[ClockSource] = ()


class ClockStepped(BaseEvent, frozen=True, tag="clock_stepped"):
    """The offset changed by more than the bounds of both measurements and 15 ppm of the time between them allow."""

    from_offset_ns: int
    to_offset_ns: int
    allowed_ns: int


class ClockBreachBegun(BaseEvent, frozen=True, tag="clock_breach_begun"):
    """The clock is not in tolerance from here on.

    `cause` is ``offset`` (|offset| + bound is above `limit_ns`) or ``unmeasured`` (no valid measurement for
    `max_unmeasured_s`; offset and bound are then those of the last one, None if there was none).
    """

    cause: Literal["offset", "unmeasured"]
    offset_ns: int | None
    bound_ns: int | None
    limit_ns: int


class ClockBreachEnded(BaseEvent, frozen=True, tag="clock_breach_ended"):
    """A measurement found the clock in tolerance again, `lasted_s` (monotonic) after the breach begun at `begun_ns`."""

    cause: Literal["offset", "unmeasured"]
    begun_ns: int
    lasted_s: float
    offset_ns: int
    bound_ns: int
    limit_ns: int


class PeerOffsetMeasured(BaseEvent, frozen=True, tag="peer_offset_measured"):
    """How soon after its event time a leg's data arrives at best: what a venue's clock says of this machine's.

    `least_delay_ns` is receive time minus event time, uncorrected: the lower quartile, over the seconds of `window_s`,
    of each second's least. Nothing arrives before it is sent: below zero, this machine's clock is behind by at least so
    much, or the venue's is ahead. `ticks` is how many were looked at.
    """

    provider: ProviderId
    least_delay_ns: int
    ticks: int
    window_s: float


class PeerOffsetDisagrees(BaseEvent, frozen=True, tag="peer_offset_disagrees"):
    """A leg's data says that this machine's clock is not where it is believed to be; told when it begins.

    `excess_ns` is how far `least_delay_ns`, corrected by the measured offset, lies outside of what can be: negative
    where data comes from the future, positive where it is later than `max_peer_delay_ms`. `offset_ns` is the measured
    offset, None where there is none.
    """

    provider: ProviderId
    least_delay_ns: int
    offset_ns: int | None
    excess_ns: int
    detail: str
