"""Hold a composed feed: what `ticktrail check` prints and the engine runs.

Owns: the shape of a plan. Everything in it is decided: names are resolved to specs, tables to settings.
Never: opens anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from ticktrail._contracts.observer import ObserverSpec
from ticktrail._contracts.provider import Capabilities, ProviderSpec, Registry
from ticktrail._contracts.route import RouteSpec
from ticktrail._contracts.settings import Settings
from ticktrail._contracts.sink import SinkSpec
from ticktrail._contracts.validator import Action, Severity, ValidatorSpec
from ticktrail._plan.clock import ClockSettings
from ticktrail.events import PluginLoaded, PluginQuarantined
from ticktrail.model import Channel, InstrumentId, ProviderId

__all__ = [
    "BackoffSettings",
    "ClockSettings",
    "Count",
    "LegPlan",
    "Limits",
    "NodePlan",
    "ObserverPlan",
    "Overflow",
    "Plan",
    "RulePlan",
    "Seconds",
    "SinkPlan",
    "Validation",
]

Count: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]

Overflow: TypeAlias = Literal["block", "drop_oldest", "conflate", "halt"]


class Validation(Settings, frozen=True):
    """What ``[validation]`` says of all rules together; the rules' own keys stand beside these."""

    quarantine_s: Seconds = 60.0
    """How long an instrument must be clean before a quarantine of it ends."""
    max_rule_failures: Count = 10
    """A rule that raised so often on one leg judges no more there."""
    quality_every_s: Seconds = 900.0
    """How often what the rules found is recorded."""


class Limits(Settings, frozen=True):
    """The ``[limits]`` table: the bound of every queue and the deadline of a stop."""

    intake_batches: Count = 1_000
    route_batches: Count = 500
    observer_ticks: Count = 100_000
    stop_s: Seconds = 10.0


class BackoffSettings(Settings, frozen=True):
    """The ``[backoff]`` table: pauses before a leg reconnects; full jitter between 0 and the doubled pause."""

    first_s: Seconds = 1.0
    cap_s: Seconds = 60.0
    healthy_s: Seconds = 30.0
    """A session that lasted this long starts the count of failures anew."""
    retry_at_start: bool = False
    """Go on trying where no leg at all could be opened at the start; otherwise the feed ends with the errors."""

    def __post_init__(self) -> None:
        """Refuse a first pause above the cap."""
        if self.first_s > self.cap_s:
            raise ValueError(f"first_s {self.first_s} is above cap_s {self.cap_s}; swap them")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPlan:
    """One leg: a provider with its settings, under its name in the feed file.

    `equivalents` holds, by an instrument of the feed, the one that the leg serves in its place.
    """

    name: ProviderId
    spec: ProviderSpec
    settings: Settings
    capabilities: Capabilities
    equivalents: Mapping[InstrumentId, InstrumentId] = field(default_factory=dict)

    def served(self, instruments: Sequence[InstrumentId]) -> tuple[InstrumentId, ...]:
        """Return what the leg is asked for, by the names that its provider knows."""
        return tuple(self.equivalents.get(name, name) for name in instruments)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """One node of the route tree; a leaf has a `leg` and no children, any other node has a `spec`."""

    label: str
    leg: ProviderId | None = None
    spec: RouteSpec | None = None
    settings: Settings | None = None
    children: tuple[NodePlan, ...] = ()
    cold: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlan:
    """One rule, what its findings do, and its settings for each instrument (they differ where overridden)."""

    spec: ValidatorSpec
    settings: Mapping[InstrumentId, Settings]
    action: Action
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkPlan:
    """One lane and the sink at its end."""

    name: str
    spec: SinkSpec
    settings: Settings
    on_overflow: Overflow
    queue_ticks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverPlan:
    """One observer with its settings."""

    spec: ObserverSpec
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole feed, ready to run.

    `legs` holds those that the route names, in its order; `warnings` what is allowed and yet looks like a slip; with
    `resumes` what the sinks have of an earlier run is to be kept.
    """

    name: str
    profile: Literal["production", "development"]
    instruments: tuple[InstrumentId, ...]
    channels: frozenset[Channel]
    base_dir: Path
    settings_sha256: str
    legs: tuple[LegPlan, ...]
    route: NodePlan
    rules: tuple[RulePlan, ...]
    validation: Validation
    sinks: tuple[SinkPlan, ...]
    observers: tuple[ObserverPlan, ...]
    clock: ClockSettings
    backoff: BackoffSettings
    limits: Limits
    registry: Registry
    plugins: tuple[PluginLoaded, ...]
    quarantined: tuple[PluginQuarantined, ...]
    warnings: tuple[str, ...] = ()
    resumes: bool = False
