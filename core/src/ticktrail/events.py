"""Say what happened to the feed itself: the records of the control bus.

Owns: one frozen Struct a kind of event, tagged for the audit log and `--json`.
Never: carries a tick (observers get those as `ticktrail.plugin.Routed`) or a secret.

`at_ns` is UTC nanoseconds by the feed's own clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Literal, TypeAlias

import msgspec

from ticktrail.model import InstrumentId, ProviderId
from ticktrail.quality import InstrumentQuality

__all__ = [
    "ClockBreachBegun",
    "ClockBreachEnded",
    "ClockMeasured",
    "ClockSource",
    "ClockStepped",
    "ClockUnavailable",
    "ConnectionReplaced",
    "ConnectionRotated",
    "CriticalFinding",
    "Event",
    "FeedStarted",
    "FeedStopped",
    "FeedStopping",
    "IncrementsLearned",
    "InstrumentQuarantined",
    "InstrumentReleased",
    "LegDown",
    "LegSwitched",
    "LegUp",
    "PeerOffsetDisagrees",
    "PeerOffsetMeasured",
    "PluginLoaded",
    "PluginQuarantined",
    "PriceLevelConfirmed",
    "QualityMeasured",
    "RuleDisabled",
    "RuleFailing",
    "SinkDropped",
    "SinkFailed",
    "SinkLagging",
    "VenueClockMeasured",
    "VenueTrouble",
]


class _Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    at_ns: int


class PluginLoaded(_Event, frozen=True, tag="plugin_loaded"):
    """A plugin takes part; `sha256` is over its entry-point module's file."""

    name: str
    distribution: str
    version: str
    sha256: str


class PluginQuarantined(_Event, frozen=True, tag="plugin_quarantined"):
    """A plugin could not be loaded; the feed runs because nothing in it needs the plugin."""

    name: str
    distribution: str
    reason: str


class FeedStarted(_Event, frozen=True, tag="feed_started"):
    """The feed runs; `settings_sha256` is over the feed file's bytes, `plan` the composed graph as text."""

    feed: str
    profile: str
    ticktrail: str
    settings_sha256: str
    plan: str


class FeedStopping(_Event, frozen=True, tag="feed_stopping"):
    """The sources were told to end; `cause` is ``requested``, ``ended``, ``interrupted``, or an error's message."""

    cause: str


class FeedStopped(_Event, frozen=True, tag="feed_stopped"):
    """The last event of a run: every lane is drained or given up; the counts are final."""

    cause: str
    received: Mapping[str, Mapping[str, int]]
    delivered: Mapping[str, int]
    rejected: Mapping[str, int]
    suppressed: Mapping[str, int]
    undecodable: int


class LegUp(_Event, frozen=True, tag="leg_up"):
    """Data can flow from this leg; `reconnects` counts the sessions before this one."""

    provider: ProviderId
    reconnects: int


class LegDown(_Event, frozen=True, tag="leg_down"):
    """The leg lost its venue; `retry_in_s` is None where it will not be tried again.

    `cause` is one word (`ticktrail.errors.ProviderError.cause`; ``ended`` where the source has ended), `detail` what a
    person should know.
    """

    provider: ProviderId
    cause: str
    detail: str
    permanent: bool
    failures: int
    retry_in_s: float | None


class ConnectionRotated(_Event, frozen=True, tag="connection_rotated"):
    """A leg replaced one of its connections by a new one that ran beside it; nothing was missed.

    `overlap_ms` is how long both ran, `repeated` how many messages of the new one the old one had brought already.
    """

    provider: ProviderId
    cause: str
    overlap_ms: float
    repeated: int


class ConnectionReplaced(_Event, frozen=True, tag="connection_replaced"):
    """A leg lost one of several connections and opened another; `streams` is how many it carried.

    What was missed meanwhile is marked by gaps, or fetched.
    """

    provider: ProviderId
    cause: str
    streams: int


class VenueTrouble(_Event, frozen=True, tag="venue_trouble"):
    """The venue refused or did not do something without which the leg goes on; `detail` says what, and the remedy."""

    provider: ProviderId
    detail: str
    retry_in_s: float | None


class VenueClockMeasured(_Event, frozen=True, tag="venue_clock_measured"):
    """A venue's clock against this machine's: its time = local + `offset_ns`, within ± `bound_ns`."""

    provider: ProviderId
    offset_ns: int
    bound_ns: int


class LegSwitched(_Event, frozen=True, tag="leg_switched"):
    """Another leg speaks from now on.

    `failover_ms` is how long nothing had been received from the leg that spoke before, at the moment of the decision.
    """

    from_leg: str | None
    to_leg: str
    cause: str
    failover_ms: float | None


class IncrementsLearned(_Event, frozen=True, tag="increments_learned"):
    """The venue states in what steps an instrument's prices and sizes come; None where it has no such step."""

    provider: ProviderId
    instrument: InstrumentId
    price: Decimal | None
    size: Decimal | None


class CriticalFinding(_Event, frozen=True, tag="critical_finding"):
    """A rule whose severity is critical objected; the first time an instrument and leg in each quality period.

    `violation` holds the rule's name and the numbers that tripped it.
    """

    provider: ProviderId
    instrument: InstrumentId
    rule: str
    violation: Mapping[str, object]


class PriceLevelConfirmed(_Event, frozen=True, tag="price_level_confirmed"):
    """A price that leapt was seen often and long enough to be the market's: from here on it is what others are held to.

    `field` is the kind of price; `refused` counts the ticks that were kept back or flagged before it was confirmed.
    """

    provider: ProviderId | None
    instrument: InstrumentId
    field: str
    from_price: Decimal
    to_price: Decimal
    refused: int


class RuleFailing(_Event, frozen=True, tag="rule_failing"):
    """A rule raised for the first time in this run, on a leg or (None) in the route: the plugin needs mending."""

    provider: ProviderId | None
    rule: str
    error: str


class RuleDisabled(_Event, frozen=True, tag="rule_disabled"):
    """A rule raised too often and judges no more until the feed is started again; ticks flow without it."""

    provider: ProviderId | None
    rule: str
    failures: int
    error: str


class InstrumentQuarantined(_Event, frozen=True, tag="instrument_quarantined"):
    """Nothing of this instrument is delivered from the leg (or, where None, at all) until it was clean for a while."""

    provider: ProviderId | None
    instrument: InstrumentId
    rule: str


class InstrumentReleased(_Event, frozen=True, tag="instrument_released"):
    """The instrument was clean for `quarantine_s` and is delivered again."""

    provider: ProviderId | None
    instrument: InstrumentId
    rule: str


class QualityMeasured(_Event, frozen=True, tag="quality_measured"):
    """What the rules found since `from_ns`: one row an instrument and leg that brought anything."""

    from_ns: int
    rows: Sequence[InstrumentQuality]


class SinkLagging(_Event, frozen=True, tag="sink_lagging"):
    """A lane is full and its policy is to make the route wait."""

    sink: str
    queued: int


class SinkDropped(_Event, frozen=True, tag="sink_dropped"):
    """A lane overflowed and gave up ticks by its policy; the sink was told with a `Gap`."""

    sink: str
    dropped: int
    policy: str


class SinkFailed(_Event, frozen=True, tag="sink_failed"):
    """A sink raised; its lane is closed and what it still held is counted in `dropped`."""

    sink: str
    cause: str
    dropped: int


class ClockSource(msgspec.Struct, frozen=True, kw_only=True):
    """What one time source said in one measurement: true time = local + `offset_ns`, within ± `bound_ns`.

    `verdict` is ``used``, ``false_ticker`` (it cannot be right if the majority is), ``no_majority`` (it answered, and
    too few agree to say who is right) or ``no_answer`` (`detail` says why; offset and bound are then None).
    """

    server: str
    verdict: Literal["used", "false_ticker", "no_majority", "no_answer"]
    offset_ns: int | None = None
    bound_ns: int | None = None
    detail: str = ""


class ClockMeasured(_Event, frozen=True, tag="clock_measured"):
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


class ClockUnavailable(_Event, frozen=True, tag="clock_unavailable"):
    """The clock could not be measured: no source answered, or no majority of them agrees (`sources` says which)."""

    cause: str
    sources: Sequence[ClockSource] = ()


class ClockStepped(_Event, frozen=True, tag="clock_stepped"):
    """The offset changed by more than the bounds of both measurements and 15 ppm of the time between them allow."""

    from_offset_ns: int
    to_offset_ns: int
    allowed_ns: int


class ClockBreachBegun(_Event, frozen=True, tag="clock_breach_begun"):
    """The clock is not in tolerance from here on.

    `cause` is ``offset`` (|offset| + bound is above `limit_ns`) or ``unmeasured`` (no valid measurement for
    `max_unmeasured_s`; offset and bound are then those of the last one, None if there was none).
    """

    cause: Literal["offset", "unmeasured"]
    offset_ns: int | None
    bound_ns: int | None
    limit_ns: int


class ClockBreachEnded(_Event, frozen=True, tag="clock_breach_ended"):
    """A measurement found the clock in tolerance again, `lasted_s` (monotonic) after the breach begun at `begun_ns`."""

    cause: Literal["offset", "unmeasured"]
    begun_ns: int
    lasted_s: float
    offset_ns: int
    bound_ns: int
    limit_ns: int


class PeerOffsetMeasured(_Event, frozen=True, tag="peer_offset_measured"):
    """How soon after its event time a leg's data arrives at best: what a venue's clock says of this machine's.

    `least_delay_ns` is receive time minus event time, uncorrected: the lower quartile, over the seconds of `window_s`,
    of each second's least. Nothing arrives before it is sent: below zero, this machine's clock is behind by at least so
    much, or the venue's is ahead. `ticks` is how many were looked at.
    """

    provider: ProviderId
    least_delay_ns: int
    ticks: int
    window_s: float


class PeerOffsetDisagrees(_Event, frozen=True, tag="peer_offset_disagrees"):
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


Event: TypeAlias = (
    PluginLoaded
    | PluginQuarantined
    | FeedStarted
    | FeedStopping
    | FeedStopped
    | LegUp
    | LegDown
    | LegSwitched
    | ConnectionRotated
    | ConnectionReplaced
    | VenueTrouble
    | VenueClockMeasured
    | IncrementsLearned
    | CriticalFinding
    | PriceLevelConfirmed
    | RuleFailing
    | RuleDisabled
    | InstrumentQuarantined
    | InstrumentReleased
    | QualityMeasured
    | SinkLagging
    | SinkDropped
    | SinkFailed
    | ClockMeasured
    | ClockUnavailable
    | ClockStepped
    | ClockBreachBegun
    | ClockBreachEnded
    | PeerOffsetMeasured
    | PeerOffsetDisagrees
)
