"""What can be wrong with a feed, a rule each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ticktrail_alerts.conditions.legs import Failovers, LegDegraded, LegDown, LegLatency, Outage
from ticktrail_alerts.conditions.loop import LoopBlockage
from ticktrail_alerts.conditions.machine import ClockBreach, Disk
from ticktrail_alerts.conditions.observers import Notices, ObserverLag, ObserverTrouble
from ticktrail_alerts.conditions.sinks import SinkDrops, SinkFailed, SinkFull
from ticktrail_alerts.conditions.stopping import Stopped
from ticktrail_alerts.conditions.ticks import RecentLatency, RejectRate, Silent
from ticktrail_alerts.finding import Rule
from ticktrail_alerts.rule_settings import RuleSettings

__all__ = ["conditions_of"]

_CONDITIONS: Final[Sequence[type[Any]]] = (
    Outage,
    LegDown,
    LegDegraded,
    Failovers,
    RejectRate,
    Silent,
    ClockBreach,
    ObserverTrouble,
    ObserverLag,
    Disk,
    SinkFailed,
    SinkFull,
    SinkDrops,
    RecentLatency,
    LegLatency,
    LoopBlockage,
    Notices,
    Stopped,
)


def conditions_of(rules: Mapping[str, RuleSettings]) -> Sequence[Rule]:
    """Return the conditions of the rules that are on."""
    return [kind(rules[kind.name]) for kind in _CONDITIONS if kind.name in rules]
