"""Everything that a plugin imports from ticktrail, in one place.

A plugin is a module named by an entry point of the group ``ticktrail``. It sets ``TICKTRAIL_API = 1`` and
implements some of the hooks of `ticktrail.hookspecs` with `hookimpl`.
"""

from __future__ import annotations

from ticktrail._contracts.clock import Clock, SystemClock
from ticktrail._contracts.history import History, HistoryPage
from ticktrail._contracts.observer import (
    Observer,
    ObserverContext,
    ObserverSpec,
    Record,
    Routed,
    observer_spec,
)
from ticktrail._contracts.provider import (
    Capabilities,
    Decoder,
    Holding,
    Intake,
    Provider,
    ProviderContext,
    ProviderSpec,
    Registry,
    Tell,
    provider_spec,
)
from ticktrail._contracts.route import (
    Arbiter,
    Batch,
    Forward,
    Reconnect,
    Rest,
    RouteContext,
    RouteRef,
    RouteSpec,
    Ruling,
    Suppress,
    Switch,
    Wake,
    route_spec,
)
from ticktrail._contracts.settings import Secret, Settings
from ticktrail._contracts.sink import Sink, SinkContext, SinkSpec, sink_spec
from ticktrail._contracts.validator import (
    Action,
    IncrementValidator,
    Scope,
    SessionValidator,
    Severity,
    StatefulValidator,
    Validator,
    ValidatorContext,
    ValidatorSpec,
    validator_spec,
)
from ticktrail.hookspecs import API_VERSION, hookimpl

__all__ = [
    "API_VERSION",
    "Action",
    "Arbiter",
    "Batch",
    "Capabilities",
    "Clock",
    "Decoder",
    "Forward",
    "History",
    "HistoryPage",
    "Holding",
    "IncrementValidator",
    "Intake",
    "Observer",
    "ObserverContext",
    "ObserverSpec",
    "Provider",
    "ProviderContext",
    "ProviderSpec",
    "Reconnect",
    "Record",
    "Registry",
    "Rest",
    "RouteContext",
    "RouteRef",
    "RouteSpec",
    "Routed",
    "Ruling",
    "Scope",
    "Secret",
    "SessionValidator",
    "Settings",
    "Severity",
    "Sink",
    "SinkContext",
    "SinkSpec",
    "StatefulValidator",
    "Suppress",
    "Switch",
    "SystemClock",
    "Tell",
    "Validator",
    "ValidatorContext",
    "ValidatorSpec",
    "Wake",
    "hookimpl",
    "observer_spec",
    "provider_spec",
    "route_spec",
    "sink_spec",
    "validator_spec",
]
