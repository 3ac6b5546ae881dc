"""Hold a composed feed: what `ticktrail check` prints and the engine runs.

Owns: the shape of a plan. Everything in it is decided: names are resolved to specs, tables to settings.
Never: opens anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from ticktrail._contracts.observer import ObserverSpec
from ticktrail._contracts.page import PageSpec
from ticktrail._contracts.provider import Capabilities, ProviderSpec, Registry
from ticktrail._contracts.route import RouteSpec
from ticktrail._contracts.settings import Settings
from ticktrail._contracts.sink import SinkSpec
from ticktrail._contracts.validator import Action, Severity, ValidatorSpec
from ticktrail._host.code import PluginCode
from ticktrail._logs.settings import LogSettings
from ticktrail._plan.clock import ClockSettings
from ticktrail._settings.document import Document
from ticktrail._tracing.settings import TracingSettings
from ticktrail.events import PluginLoaded, PluginQuarantined
from ticktrail.model import Channel, InstrumentId, ProviderId

__all__ = [
    "MAX_BLOCK_S",
    "BackoffSettings",
    "CacheSettings",
    "ClockSettings",
    "Count",
    "HealthSettings",
    "LegPlan",
    "Limits",
    "NodePlan",
    "ObserverPlan",
    "Overflow",
    "Plan",
    "RepairSettings",
    "RulePlan",
    "Seconds",
    "SinkPlan",
    "Validation",
]

Count: TypeAlias = Annotated[int, Meta(ge=1, le=10_000_000)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]

Overflow: TypeAlias = Literal["block", "drop_oldest", "conflate", "halt"]

MAX_BLOCK_S: Final = 15.0
"""How long the route waits for a full lane where the feed file does not say: well below the minute within which venues
want their pings answered, since a ping lies behind the data that nobody reads meanwhile."""


class Validation(Settings, frozen=True):
    """What ``[validation]`` says of all rules together; the rules' own keys stand beside these."""

    quarantine_s: Seconds = 60.0
    """How long an instrument must be clean before a quarantine of it ends."""
    max_rule_failures: Count = 10
    """A rule that raised so often over one instrument of a leg judges it no more."""
    quality_every_s: Annotated[float, Meta(ge=0.01)] = 900.0
    """How often what the rules found is recorded."""


class Limits(Settings, frozen=True):
    """The ``[limits]`` table: the bound of every queue and the deadline of a stop."""

    intake_batches: Count = 1_000
    route_batches: Count = 500
    observer_ticks: Count = 100_000
    stop_s: Seconds = 10.0


class BackoffSettings(Settings, frozen=True):
    """The ``[backoff]`` table: pauses before a leg reconnects, and its circuit breaker.

    A pause has full jitter between 0 and a bound that doubles from `first_s` to `cap_s`; after `rest_after_failures` in
    a row it is `rest_s`, a fifth more or less.
    """

    first_s: Seconds = 1.0
    cap_s: Seconds = 60.0
    healthy_s: Seconds = 30.0
    """A session that lasted this long starts the count of failures anew."""
    open_after_failures: Count = 3
    """Failures in a row that open the breaker."""
    rest_after_failures: Count = 10
    rest_s: Seconds | None = None
    """None: five times `cap_s`."""
    retry_at_start: bool = False
    """Go on trying where no leg at all could be opened at the start; otherwise the feed ends with the errors."""

    @property
    def resting_s(self) -> float:
        """Return the pause of a leg that rests, before its jitter."""
        return 5 * self.cap_s if self.rest_s is None else self.rest_s

    def __post_init__(self) -> None:
        """Refuse a first pause above the cap."""
        if self.first_s > self.cap_s:
            raise ValueError(f"first_s {self.first_s} is above cap_s {self.cap_s}; swap them")
        if self.open_after_failures > self.rest_after_failures:
            raise ValueError(
                f"open_after_failures {self.open_after_failures} is above rest_after_failures "
                f"{self.rest_after_failures}; a leg rests after its breaker has opened"
            )


class CacheSettings(Settings, frozen=True):
    """The ``[cache]`` table: the latest value of each instrument and channel, and what it is good for."""

    ttl_s: Seconds = 10.0
    """A value older than this is stale."""
    max_entries: Count = 10_000
    degraded: Literal["silence", "serve_stale"] = "silence"
    """When no leg is up: nothing, or the last known values once, marked as stale."""


class HealthSettings(Settings, frozen=True):
    """The ``[health]`` table: when a leg that can deliver is degraded, and when it is well again."""

    half_life_s: Seconds = 30.0
    """What came so long ago counts half, in reject rates and delays."""
    max_reject_rate: Annotated[float, Meta(gt=0, le=1)] = 0.05
    max_drift_ms: Annotated[float, Meta(gt=0)] = 500.0
    """By how many milliseconds delays may lie above what they are in the long run."""
    recover_after_s: Seconds = 30.0
    """How long both must have been below half of their limits before the leg is live again."""
    refused_after_s: Seconds = 5.0
    """A leg of which everything was rejected for so long delivers nothing."""


class RepairSettings(Settings, frozen=True):
    """The ``[repair]`` table: holes that are filled out of the legs' archives, and how long may be waited for it."""

    channels: Annotated[tuple[Literal["trades", "agg_trades", "bars"], ...], Meta(min_length=1)] = (
        "trades",
        "agg_trades",
        "bars",
    )
    """Those of which the past says the same as the present did; what a quote or a book was, no archive tells."""
    within_s: Seconds = 5.0
    """How long what comes after a hole waits for what is missing."""
    max_ticks: Count = 10_000
    """A hole of more ticks stays one, and no more of it is fetched."""
    max_span_s: Seconds = 600.0
    """So does one that is longer."""
    max_held: Count = 100_000
    """Ticks that wait, all holes together; beyond it the oldest hole is given up."""
    questions: Annotated[int, Meta(ge=1, le=64)] = 4
    """Holes that are asked about at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegPlan:
    """One leg: a provider with its settings, under its name in the feed file.

    `instruments` are those of the feed that the route asks it for; `equivalents` holds, by one of these, the one that
    the leg serves in its place.
    """

    name: ProviderId
    spec: ProviderSpec
    settings: Settings
    capabilities: Capabilities
    instruments: tuple[InstrumentId, ...] = ()
    equivalents: Mapping[InstrumentId, InstrumentId] = field(default_factory=dict)

    @property
    def served(self) -> tuple[InstrumentId, ...]:
        """What the leg is asked for, by the names that its provider knows."""
        return tuple(self.equivalents.get(name, name) for name in self.instruments)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """One node of the route tree; a leaf has a `leg` and no children, any other node has a `spec`.

    `at` is where it stands in the feed file, `instruments` what it routes.
    """

    label: str
    leg: ProviderId | None = None
    spec: RouteSpec | None = None
    settings: Settings | None = None
    children: tuple[NodePlan, ...] = ()
    cold: frozenset[int] = frozenset()
    mute: frozenset[int] = frozenset()
    at: tuple[str | int, ...] = ()
    instruments: tuple[InstrumentId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RulePlan:
    """One rule, what its findings do, and its settings for each instrument.

    `common` is what the feed itself says; `differs` holds the keys that a class (as ``class NAME``) or an instrument
    says otherwise, in the order in which they are laid over it.
    """

    spec: ValidatorSpec
    settings: Mapping[InstrumentId, Settings]
    action: Action
    severity: Severity
    common: Settings | None = None
    differs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkPlan:
    """One lane and the sink at its end.

    `max_block_s` None: the route waits for the sink for ever, which a feed file cannot say. `at` is where it stands in
    the feed file.
    """

    name: str
    spec: SinkSpec
    settings: Settings
    on_overflow: Overflow
    queue_ticks: int
    max_block_s: float | None = MAX_BLOCK_S
    at: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverPlan:
    """One observer with its settings."""

    spec: ObserverSpec
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A whole feed, ready to run.

    `legs` holds those that the route names, in its order; `warnings` what is allowed and yet looks like a slip; `unfit`
    what a production profile would refuse, with the places in the file; `pages` what its observers have to show, with
    the observer's settings; `classes` who is in each class of ``[validation]``; `control` the socket on which the feed
    is told things while it runs; `code` where each plugin's code lies; `document` the file that it was composed of;
    with `resumes` what the sinks have of an earlier run is to be kept. `cache`, `repair` and `tracing` are None where
    the file has no such table.
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
    classes: Mapping[str, Sequence[InstrumentId]]
    sinks: tuple[SinkPlan, ...]
    observers: tuple[ObserverPlan, ...]
    pages: tuple[tuple[PageSpec, Settings], ...]
    clock: ClockSettings
    backoff: BackoffSettings
    limits: Limits
    registry: Registry
    plugins: tuple[PluginLoaded, ...]
    quarantined: tuple[PluginQuarantined, ...]
    cache: CacheSettings | None = None
    health: HealthSettings = field(default_factory=HealthSettings)
    repair: RepairSettings | None = None
    log: LogSettings = field(default_factory=LogSettings)
    tracing: TracingSettings | None = None
    warnings: tuple[str, ...] = ()
    unfit: tuple[str, ...] = ()
    control: Path | None = None
    resumes: bool = False
    blocked_after_s: float = 1.0
    code: tuple[PluginCode, ...] = ()
    document: Document | None = None
