"""Hold the ``[alerts.rules]`` tables of a feed file.

Owns: what each rule may be told, with defaults and bounds.
Never: looks at a feed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias, get_args

import msgspec
from msgspec import Meta

from ticktrail.plugin import Settings

__all__ = [
    "ClockRule",
    "DiskRule",
    "FailoversRule",
    "LatencyRule",
    "LegDegradedRule",
    "LegDownRule",
    "LegLatencyRule",
    "LoopBlockedRule",
    "NoticeRule",
    "ObserverLagRule",
    "ObserverTroubleRule",
    "OutageRule",
    "RejectRateRule",
    "RuleName",
    "RuleSettings",
    "RulesSettings",
    "Seconds",
    "Severity",
    "SilentRule",
    "SinkDropsRule",
    "SinkFailedRule",
    "SinkFullRule",
    "StoppedRule",
    "rules_in_force",
]

Severity: TypeAlias = Literal["information", "warning", "critical"]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=604_800)]
Share: TypeAlias = Annotated[float, Meta(gt=0, le=1)]
RuleName: TypeAlias = Literal[
    "outage",
    "leg_down",
    "leg_degraded",
    "failovers",
    "reject_rate",
    "silent",
    "clock",
    "observer_trouble",
    "observer_lag",
    "disk",
    "sink_failed",
    "sink_full",
    "sink_drops",
    "latency",
    "leg_latency",
    "loop_blocked",
    "notice",
    "stopped",
]


class RuleSettings(Settings, frozen=True):
    """What every rule has.

    Attributes:
        severity: How much it matters.
        after_s: How long it must hold before anybody is told, seconds.
        clear_s: How long it must be gone before it is told to be over; longer for one that keeps coming back.
    """

    severity: Severity = "warning"
    after_s: Seconds = 0.0
    clear_s: Seconds = 60.0


class OutageRule(RuleSettings, frozen=True):
    """No leg delivers an instrument."""

    severity: Severity = "critical"
    after_s: Seconds = 5.0
    clear_s: Seconds = 30.0


class LegDownRule(RuleSettings, frozen=True):
    """A leg cannot deliver."""

    after_s: Seconds = 60.0


class LegDegradedRule(RuleSettings, frozen=True):
    """A leg can deliver, and much of it is wrong or late."""

    after_s: Seconds = 300.0
    clear_s: Seconds = 120.0


class ClockRule(RuleSettings, frozen=True):
    """This machine's clock is out of the limit of ``[clock]``, or unproven."""

    severity: Severity = "critical"


class FailoversRule(RuleSettings, frozen=True):
    """More changes of the speaking leg than `above` within `window_s`."""

    above: Annotated[int, Meta(ge=1, le=10_000)] = 10
    window_s: Annotated[float, Meta(ge=60, le=86_400)] = 3_600.0
    clear_s: Seconds = 300.0


class RejectRateRule(RuleSettings, frozen=True):
    """A larger share of a leg's ticks than `above` is rejected.

    Attributes:
        above: The share, of 1.
        by_rule: Shares by validation rule, for rules that matter alone.
        window_s: Over how long.
        min_ticks: Fewer ticks than this within the window tell nothing.
    """

    above: Share = 0.05
    by_rule: Mapping[str, Share] = {}
    window_s: Annotated[float, Meta(ge=10, le=86_400)] = 300.0
    min_ticks: Annotated[int, Meta(ge=1)] = 100
    clear_s: Seconds = 120.0


class SilentRule(RuleSettings, frozen=True):
    """Nothing was delivered of an instrument for longer than `longer_than_s`.

    Attributes:
        longer_than_s: How long, seconds.
        instruments: Limits of instruments that differ from it.
        only: Watch these alone; empty: all that the feed has.
    """

    longer_than_s: Annotated[float, Meta(gt=0, le=604_800)] = 300.0
    instruments: Mapping[str, Annotated[float, Meta(gt=0, le=604_800)]] = {}
    only: tuple[str, ...] = ()


class ObserverTroubleRule(RuleSettings, frozen=True):
    """An observer, such as the audit log, says that something is wrong with it."""

    severity: Severity = "critical"


class ObserverLagRule(RuleSettings, frozen=True):
    """More waits for an observer than `above`, a share of what may."""

    above: Share = 0.5
    after_s: Seconds = 10.0


class DiskRule(RuleSettings, frozen=True):
    """A disk to which the feed writes is nearly full.

    Attributes:
        paths: Beside the feed file's folder; relative ones are taken from there.
        min_free_bytes: Less than this free is too little.
        min_free_pct: The same, in per cent of the disk.
        every_s: How often it is looked at.
    """

    severity: Severity = "critical"
    paths: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(max_length=64)] = ()
    min_free_bytes: Annotated[int, Meta(ge=0)] = 2**30
    min_free_pct: Annotated[float, Meta(ge=0, lt=100)] = 5.0
    every_s: Annotated[float, Meta(ge=0.1, le=3_600)] = 60.0


class SinkFailedRule(RuleSettings, frozen=True):
    """A sink failed and gets nothing more."""

    severity: Severity = "critical"


class SinkFullRule(RuleSettings, frozen=True):
    """More waits for a sink than `above`, a share of what may."""

    above: Share = 0.9
    after_s: Seconds = 30.0


class SinkDropsRule(RuleSettings, frozen=True):
    """A lane gave up ticks within the last `clear_s`; what was conflated into a newer state does not count."""

    clear_s: Seconds = 300.0


class LatencyRule(RuleSettings, frozen=True):
    """Of a hundred ticks within `window_s`, one or more took longer than `above_ms` from the socket into the sink."""

    above_ms: Annotated[float, Meta(gt=0)] = 1_000.0
    window_s: Annotated[float, Meta(ge=10, le=86_400)] = 300.0
    after_s: Seconds = 60.0


class LegLatencyRule(RuleSettings, frozen=True):
    """A leg's ticks come later than `above_ms` after the venue's time of them."""

    above_ms: Annotated[float, Meta(gt=0)] = 1_000.0
    after_s: Seconds = 60.0


class LoopBlockedRule(RuleSettings, frozen=True):
    """Code, such as a plugin's, kept the whole feed waiting within the last `clear_s`.

    Attributes:
        longer_than_s: Shorter blocks are no alert; those that ``[feed] blocked_after_s`` lets pass are never told.
    """

    longer_than_s: Annotated[float, Meta(ge=0, le=3_600)] = 1.0
    clear_s: Seconds = 300.0


class NoticeRule(RuleSettings, frozen=True):
    """An observer told a notice; the alert's severity is the notice's.

    Attributes:
        from_severity: Notices below it are no alerts.
        forget_s: A notice of which nobody told again for so long, nor that it is over, is closed.
    """

    from_severity: Severity = "warning"
    clear_s: Seconds = 0.0
    forget_s: Annotated[float, Meta(ge=60, le=31_536_000)] = 604_800.0


class StoppedRule(RuleSettings, frozen=True):
    """The feed ended, and nobody had told it to; over once it runs again."""

    severity: Severity = "critical"
    clear_s: Seconds = 0.0


class RulesSettings(Settings, frozen=True):
    """The rules of a feed; ``false`` turns one off, ``true`` means its defaults."""

    outage: OutageRule | bool = True
    leg_down: LegDownRule | bool = True
    leg_degraded: LegDegradedRule | bool = True
    failovers: FailoversRule | bool = True
    reject_rate: RejectRateRule | bool = True
    silent: SilentRule | bool = False
    clock: ClockRule | bool = True
    observer_trouble: ObserverTroubleRule | bool = True
    observer_lag: ObserverLagRule | bool = True
    disk: DiskRule | bool = True
    sink_failed: SinkFailedRule | bool = True
    sink_full: SinkFullRule | bool = True
    sink_drops: SinkDropsRule | bool = True
    latency: LatencyRule | bool = True
    leg_latency: LegLatencyRule | bool = False
    loop_blocked: LoopBlockedRule | bool = True
    notice: NoticeRule | bool = True
    stopped: StoppedRule | bool = True


def rules_in_force(rules: RulesSettings) -> Mapping[str, RuleSettings]:
    """Return by name the rules that are on, with their settings."""
    found: dict[str, RuleSettings] = {}
    for field in msgspec.structs.fields(RulesSettings):
        value = getattr(rules, field.name)
        if value is True:
            value = next(shape for shape in get_args(field.type) if shape is not bool)()
        if isinstance(value, RuleSettings):
            found[field.name] = value
    return found
