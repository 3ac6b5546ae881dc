"""Say what happened to the feed itself: the records of the control bus.

Owns: one frozen Struct a kind of event, tagged for the audit log and `--json`.
Never: carries a tick (observers get those as `ticktrail.plugin.Routed`) or a secret.

`at_ns` is UTC nanoseconds by the feed's own clock.
"""

from __future__ import annotations

from typing import TypeAlias

from ticktrail.events._clock import (
    ClockBreachBegun,
    ClockBreachEnded,
    ClockMeasured,
    ClockSource,
    ClockStepped,
    ClockUnavailable,
    PeerOffsetDisagrees,
    PeerOffsetMeasured,
)
from ticktrail.events._feed import (
    ConnectionReplaced,
    ConnectionRotated,
    FeedStarted,
    FeedStopped,
    FeedStopping,
    LegDown,
    LegSwitched,
    LegUp,
    PluginLoaded,
    PluginQuarantined,
    SinkDropped,
    SinkFailed,
    SinkLagging,
    VenueClockMeasured,
    VenueTrouble,
)
from ticktrail.events._rules import (
    CriticalFinding,
    IncrementsLearned,
    InstrumentQuarantined,
    InstrumentReleased,
    PriceLevelConfirmed,
    QualityMeasured,
    RuleDisabled,
    RuleFailing,
)

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
