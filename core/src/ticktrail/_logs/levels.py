"""Say how grave each event is.

Owns: the one table of levels.
Never: decides what is written (the settings do).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ticktrail import events
from ticktrail._logs.settings import Level
from ticktrail.events import Event, Notice

__all__ = ["LEVELS", "OF_A_NOTICE", "level_of"]

LEVELS: Final[Mapping[type[Event], Level]] = {
    events.PluginLoaded: "debug",
    events.PluginQuarantined: "warning",
    events.FeedStarted: "info",
    events.FeedReloaded: "info",
    events.FeedStopping: "info",
    events.FeedStopped: "info",
    events.LegUp: "info",
    events.LegDown: "warning",
    events.LegSwitched: "warning",
    events.HoleRepaired: "info",
    events.HoleLeft: "warning",
    events.ConnectionOpened: "info",
    events.ConnectionRotated: "info",
    events.ConnectionReplaced: "warning",
    events.BreakerChanged: "info",
    events.LegStateChanged: "info",
    events.LatencyMeasured: "debug",
    events.OutageBegun: "error",
    events.OutageEnded: "warning",
    events.ControlOrdered: "info",
    events.VenueTrouble: "warning",
    events.RecordingDiffers: "warning",
    events.VenueClockMeasured: "debug",
    events.IncrementsLearned: "debug",
    events.CriticalFinding: "error",
    events.PriceLevelConfirmed: "warning",
    events.RuleFailing: "error",
    events.RuleDisabled: "error",
    events.InstrumentQuarantined: "warning",
    events.InstrumentReleased: "info",
    events.QualityMeasured: "debug",
    events.LoopBlocked: "warning",
    events.Notice: "info",
    events.CanaryMoved: "info",
    events.ShadowCompared: "debug",
    events.SinkLagging: "warning",
    events.SinkDropped: "warning",
    events.SinkFailed: "error",
    events.ClockMeasured: "debug",
    events.ClockUnavailable: "warning",
    events.ClockStepped: "warning",
    events.ClockBreachBegun: "error",
    events.ClockBreachEnded: "warning",
    events.PeerOffsetMeasured: "debug",
    events.PeerOffsetDisagrees: "warning",
}

OF_A_NOTICE: Final[Mapping[str, Level]] = {"information": "info", "warning": "warning", "critical": "error"}
"""A notice has the level of its severity."""


def level_of(event: Event) -> Level:
    """Return the level of an event."""
    if isinstance(event, Notice):
        return OF_A_NOTICE[event.severity]
    return LEVELS.get(type(event), "info")  # a kind that the table lacks is found by a test
