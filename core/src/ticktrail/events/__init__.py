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
from ticktrail.events._connections import ConnectionOpened
from ticktrail.events._feed import (
    BreakerChanged,
    ConnectionReplaced,
    ConnectionRotated,
    ControlOrdered,
    FeedReloaded,
    FeedStarted,
    FeedStopped,
    FeedStopping,
    HoleLeft,
    HoleRepaired,
    LegDown,
    LegSwitched,
    LegUp,
    PluginLoaded,
    PluginQuarantined,
    RecordingDiffers,
    SinkDropped,
    SinkFailed,
    SinkLagging,
    VenueClockMeasured,
    VenueTrouble,
)
from ticktrail.events._health import LatencyMeasured, LegStateChanged, OutageBegun, OutageEnded
from ticktrail.events._loop import LoopBlocked
from ticktrail.events._notices import Notice
from ticktrail.events._routes import CanaryMoved, CanarySide, ShadowCompared, ShadowHealth
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
    "BreakerChanged",
    "CanaryMoved",
    "CanarySide",
    "ClockBreachBegun",
    "ClockBreachEnded",
    "ClockMeasured",
    "ClockSource",
    "ClockStepped",
    "ClockUnavailable",
    "ConnectionOpened",
    "ConnectionReplaced",
    "ConnectionRotated",
    "ControlOrdered",
    "CriticalFinding",
    "Event",
    "FeedReloaded",
    "FeedStarted",
    "FeedStopped",
    "FeedStopping",
    "HoleLeft",
    "HoleRepaired",
    "IncrementsLearned",
    "InstrumentQuarantined",
    "InstrumentReleased",
    "LatencyMeasured",
    "LegDown",
    "LegStateChanged",
    "LegSwitched",
    "LegUp",
    "LoopBlocked",
    "Notice",
    "OutageBegun",
    "OutageEnded",
    "PeerOffsetDisagrees",
    "PeerOffsetMeasured",
    "PluginLoaded",
    "PluginQuarantined",
    "PriceLevelConfirmed",
    "QualityMeasured",
    "RecordingDiffers",
    "RuleDisabled",
    "RuleFailing",
    "ShadowCompared",
    "ShadowHealth",
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
    | FeedReloaded
    | FeedStopping
    | FeedStopped
    | LegUp
    | LegDown
    | LegSwitched
    | HoleRepaired
    | HoleLeft
    | ConnectionOpened
    | ConnectionRotated
    | BreakerChanged
    | LegStateChanged
    | OutageBegun
    | OutageEnded
    | ConnectionReplaced
    | ControlOrdered
    | VenueTrouble
    | RecordingDiffers
    | VenueClockMeasured
    | IncrementsLearned
    | CriticalFinding
    | PriceLevelConfirmed
    | RuleFailing
    | RuleDisabled
    | InstrumentQuarantined
    | InstrumentReleased
    | QualityMeasured
    | LatencyMeasured
    | LoopBlocked
    | Notice
    | CanaryMoved
    | ShadowCompared
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
