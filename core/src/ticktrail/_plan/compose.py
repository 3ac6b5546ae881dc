"""Compose a feed file into a plan: every name resolved, every table decoded, every fault found.

Owns: which tables a feed file has, and what must hold between them.
Never: opens a socket, a provider or a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TypeVar

from ticktrail._contracts.page import PageSpec
from ticktrail._contracts.provider import Capabilities, ProviderSpec
from ticktrail._contracts.settings import Settings
from ticktrail._host import Host
from ticktrail._logs.settings import LogSettings
from ticktrail._plan.advice import advice, advice_of_repair
from ticktrail._plan.checks import ask_providers, check_legs, sure_of, take
from ticktrail._plan.lock import host_of, plugins_of
from ticktrail._plan.model import (
    BackoffSettings,
    CacheSettings,
    ClockSettings,
    HealthSettings,
    LegPlan,
    Limits,
    ObserverPlan,
    Plan,
    RepairSettings,
    SinkPlan,
)
from ticktrail._plan.production import find_unfit, judge
from ticktrail._plan.route import assign, compose_route, instruments_of, legs_of
from ticktrail._plan.rules import compose_rules
from ticktrail._plan.tables import (
    CORE_TABLES,
    LANE_KEYS,
    NAME,
    NAME_IN_WORDS,
    PROVIDER_KEYS,
    ControlTable,
    FeedTable,
    LaneTable,
    ProviderTable,
)
from ticktrail._settings.decode import as_table, decode, keys_of
from ticktrail._settings.document import Document, Table, read_document, with_added
from ticktrail._settings.positions import Path
from ticktrail._tracing.settings import TracingSettings
from ticktrail.errors import ConfigError, FeedError, PluginError
from ticktrail.model import ProviderId

__all__ = ["compose", "compose_document"]

S = TypeVar("S", bound=Settings)


def compose(path: FilePath, host: Host | None = None, *, added: Mapping[str, Table] | None = None) -> Plan:
    """Return the feed that the file describes.

    Args:
        path: The feed file.
        host: Whose plugins take part; by default those that the file's ``[plugins]`` table and ticktrail allow.
        added: By the name of a table, keys that are laid over what the file says of it.

    Raises:
        ConfigError: The file cannot be used; every fault that could be found is told, with file, line, key and
            what would be right. Or its lock does not hold: then nothing of a plugin was imported.
        PluginError: A plugin is broken, or two of them do not go together.
    """
    return compose_document(with_added(read_document(path), added or {}), host)


def compose_document(document: Document, host: Host | None = None) -> Plan:
    """Return the feed that a feed file describes which was read already, as `compose` does.

    Raises:
        ConfigError: As of `compose`.
        PluginError: As of `compose`.
    """
    allowed = plugins_of(document)
    host = host_of(document, allowed, host)
    _refuse_unknown_tables(document, host)
    for number, distribution in enumerate(allowed.allow):
        if not host.has_plugin_of(distribution):
            document.blame(
                ("plugins", "allow", number),
                f'no plugin of a distribution "{distribution}" is installed; install it, or take its name out',
            )
    feed = _feed(document)
    clock = _table(document, "clock", ClockSettings)
    limits = _table(document, "limits", Limits)
    backoff = _table(document, "backoff", BackoffSettings)
    health = _table(document, "health", HealthSettings)
    control = _table(document, "control", ControlTable) if "control" in document.tables else None
    cache = _table(document, "cache", CacheSettings) if "cache" in document.tables else None
    repair = _table(document, "repair", RepairSettings) if "repair" in document.tables else None
    log = _table(document, "log", LogSettings)
    tracing = _table(document, "tracing", TracingSettings) if "tracing" in document.tables else None
    declared = _providers(document)
    legs = _legs(document, host, declared)
    sure = sure_of(document, feed)
    route, named = compose_route(document, host, tuple(declared)) if declared else (None, ())
    rules, validation, classes = compose_rules(document, host, sure.instruments)
    sinks = _sinks(document, host)
    observers = _observers(document, host)
    _refuse_same_report_keys(document, observers)
    warnings: Sequence[str] = ()
    unfit: tuple[str, ...] = ()
    spoken = [legs[name] for name in (named if route is None else legs_of(route)) if name in legs]
    if sure.instruments is not None:
        asked = dict.fromkeys(named, sure.instruments)
        if route is not None:
            route = assign(document, route, sure.instruments)
            asked = dict(instruments_of(route))
        legs |= {leg.name: replace(leg, instruments=asked[leg.name]) for leg in spoken}
        spoken = [legs[leg.name] for leg in spoken]
        fit = check_legs(document, sure, spoken)
        warnings = ask_providers(document, sure, fit, host) if sure.channels else ()
        if feed is not None and route is not None and len(fit) == len(spoken):
            warnings = [*warnings, *advice_of_repair(document, repair, feed.channels, spoken)]
    if sure.profile is not None:
        unfit = judge(
            document, sure.profile, find_unfit(document, spoken, sinks, observers, host.observers())
        )
    if document.problems or not (feed and route and clock and limits and backoff and health and log):
        raise document.error()
    channels = frozenset(feed.channels)
    used = tuple(legs[name] for name in legs_of(route))
    return Plan(
        name=feed.name,
        profile=feed.profile,
        blocked_after_s=feed.blocked_after_s,
        code=host.code(),
        instruments=feed.instruments,
        channels=channels,
        base_dir=document.base_dir,
        settings_sha256=document.sha256,
        legs=used,
        route=route,
        rules=rules,
        validation=validation,
        classes=classes,
        sinks=sinks,
        observers=observers,
        pages=_pages(host, observers),
        clock=clock,
        backoff=backoff,
        limits=limits,
        cache=cache,
        health=health,
        repair=repair,
        log=log,
        tracing=tracing,
        registry=host,
        plugins=host.loaded,
        quarantined=host.quarantined,
        control=None if control is None else document.base_dir / control.socket,
        document=document,
        warnings=(
            *advice(document, declared, route, rules, used, channels),
            *warnings,
            *document.notices,
            *host.deprecated(),
        ),
        unfit=unfit,
    )


def _table(document: Document, name: str, settings: type[S]) -> S | None:
    table = as_table(document, (name,), document.tables.get(name, {}))
    return None if table is None else decode(document, (name,), table, settings)


def _feed(document: Document) -> FeedTable | None:
    if "feed" in document.tables:
        return _table(document, "feed", FeedTable)
    document.blame((), "the table [feed] is missing; add it, with name, instruments and channels")
    return None


def _refuse_unknown_tables(document: Document, host: Host) -> None:
    observers = host.observers()
    for name in sorted(CORE_TABLES & observers.keys()):
        raise PluginError(f"observer {name} has the name of a table of ticktrail's own; rename the observer")
    for name in document.tables:
        if name not in CORE_TABLES and name not in observers:
            document.blame((name,), host.unknown("table", name, CORE_TABLES | observers.keys()))


def _providers(document: Document) -> Mapping[str, Table]:
    tables = as_table(document, ("providers",), document.tables.get("providers", {}))
    if tables is None:
        return {}
    if not tables:
        document.blame((), "the table [providers.NAME] is missing; add one for each source of data")
    for name in tables:
        if not NAME.fullmatch(name):
            document.blame(("providers", name), f"a leg's name must be {NAME_IN_WORDS}")
    found = {name: as_table(document, ("providers", name), value) for name, value in tables.items()}
    return {name: table for name, table in found.items() if table is not None}


def _legs(document: Document, host: Host, tables: Mapping[str, Table]) -> dict[str, LegPlan]:
    """Return the legs without fault, by name."""
    legs: dict[str, LegPlan] = {}
    for name, table in tables.items():
        at = ("providers", name)
        own = decode(document, at, _pick(table, PROVIDER_KEYS), ProviderTable)
        plugin = table.get("plugin", name)
        if not isinstance(plugin, str):
            continue
        spec = host.providers().get(plugin)
        if spec is None:
            where = (*at, "plugin") if "plugin" in table else at
            document.blame(where, host.unknown("provider", plugin, host.providers()))
            continue
        _refuse_claim("provider", spec.name, spec.settings, PROVIDER_KEYS)
        settings = decode(document, at, _drop(table, PROVIDER_KEYS), spec.settings)
        if own is None or settings is None:
            continue
        capabilities = _describe(document, at, host, spec, settings)
        if capabilities is not None:
            legs[name] = LegPlan(
                name=ProviderId(name),
                spec=spec,
                settings=settings,
                capabilities=capabilities,
                equivalents=own.equivalents or {},
            )
    return legs


def _describe(
    document: Document, at: Path, host: Host, spec: ProviderSpec, settings: Settings
) -> Capabilities | None:
    try:
        return spec.describe(settings, host)
    except ConfigError as exc:
        take(document, at, exc)
        return None
    except Exception as exc:
        if isinstance(exc, FeedError):
            raise
        raise PluginError(
            f"provider {spec.name} cannot say what it can do ({type(exc).__name__}: {exc}); "
            "mend or remove its plugin"
        ) from exc


def _sinks(document: Document, host: Host) -> tuple[SinkPlan, ...]:
    tables = document.tables.get("sinks", [])
    if not isinstance(tables, list):
        document.blame(("sinks",), "is one table; write [[sinks]], in double brackets, for each sink")
        return ()
    plans: list[SinkPlan] = []
    taken: dict[str, Path] = {}
    for number, value in enumerate(tables):
        at = ("sinks", number)
        table = as_table(document, at, value)
        lane = None if table is None else decode(document, at, _pick(table, LANE_KEYS), LaneTable)
        if table is None:
            continue
        if lane is None:
            _look_through(document, at, table, host)
            continue
        name = lane.name or lane.plugin
        if name in taken:
            document.blame(
                (*at, "name") if lane.name else at,
                f'a sink named "{name}" stands in line {document.line(taken[name])} already; '
                'give each a name = "…" of its own',
            )
        taken.setdefault(name, at)
        spec = host.sinks().get(lane.plugin)
        if spec is None:
            document.blame((*at, "plugin"), host.unknown("sink", lane.plugin, host.sinks()))
            continue
        _refuse_claim("sink", spec.name, spec.settings, LANE_KEYS)
        settings = decode(document, at, _drop(table, LANE_KEYS), spec.settings)
        if settings is not None:
            plan = SinkPlan(
                name=name,
                at=at,
                spec=spec,
                settings=settings,
                on_overflow=lane.on_overflow,
                queue_ticks=lane.queue_ticks,
                max_block_s=lane.max_block_s,
            )
            plans.append(plan)
    return tuple(plans)


def _look_through(document: Document, at: Path, table: Table, host: Host) -> None:
    """Find the faults of a sink's own keys where its lane's are at fault already."""
    spec = host.sinks().get(str(table.get("plugin")))
    if spec is not None:
        decode(document, at, _drop(table, LANE_KEYS), spec.settings)


def _observers(document: Document, host: Host) -> tuple[ObserverPlan, ...]:
    found = (
        (spec, _table(document, name, spec.settings))
        for name, spec in host.observers().items()
        if name in document.tables
    )
    return tuple(
        ObserverPlan(spec=spec, settings=settings) for spec, settings in found if settings is not None
    )


def _refuse_same_report_keys(document: Document, observers: Iterable[ObserverPlan]) -> None:
    names: dict[str, str] = {}
    for plan in observers:
        other = names.setdefault(plan.spec.report_key, plan.spec.name)
        if other != plan.spec.name:
            document.blame(
                (plan.spec.name,),
                f'[{other}] reports its counts as "{plan.spec.report_key}" too, and one would hide the other; take one '
                "of them out, or have its plugin's authors give it a report_key of its own",
            )


def _pages(host: Host, observers: tuple[ObserverPlan, ...]) -> tuple[tuple[PageSpec, Settings], ...]:
    """Return the pages of the observers that stand in the file, with their settings."""
    settings = {plan.spec.name: plan.settings for plan in observers}
    return tuple((spec, settings[spec.table]) for spec in host.pages().values() if spec.table in settings)


def _refuse_claim(what: str, name: str, settings: type[Settings], taken: frozenset[str]) -> None:
    for key in keys_of(settings):
        if key in taken:
            raise PluginError(
                f"{what} {name} claims the key {key}, which is ticktrail's own; rename it in the {what}"
            )


def _pick(table: Table, keys: frozenset[str]) -> Table:
    return {key: value for key, value in table.items() if key in keys}


def _drop(table: Table, keys: frozenset[str]) -> Table:
    return {key: value for key, value in table.items() if key not in keys}
