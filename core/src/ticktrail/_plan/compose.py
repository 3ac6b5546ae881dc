"""Compose a feed file into a plan: every name resolved, every table decoded, every fault found.

Owns: which tables a feed file has, and what must hold between them.
Never: opens a socket, a provider or a secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path as FilePath
from typing import TypeVar

from ticktrail._contracts.clock import SystemClock
from ticktrail._contracts.provider import Capabilities, ProviderContext, ProviderSpec
from ticktrail._contracts.settings import Settings
from ticktrail._host import Host
from ticktrail._plan.model import (
    BackoffSettings,
    ClockSettings,
    LegPlan,
    Limits,
    NodePlan,
    ObserverPlan,
    Plan,
    SinkPlan,
)
from ticktrail._plan.route import compose_route, legs_of
from ticktrail._plan.rules import compose_rules
from ticktrail._plan.tables import (
    CORE_TABLES,
    LANE_KEYS,
    NAME,
    NAME_IN_WORDS,
    PROVIDER_KEYS,
    FeedTable,
    LaneTable,
    PluginsTable,
    ProviderTable,
)
from ticktrail._settings.decode import as_table, decode, keys_of
from ticktrail._settings.document import Document, Table, read_document, spell
from ticktrail._settings.positions import Path
from ticktrail.errors import ConfigError, FeedError, PluginError
from ticktrail.model import ProviderId

__all__ = ["compose"]

S = TypeVar("S", bound=Settings)


def compose(path: FilePath, host: Host | None = None) -> Plan:
    """Return the feed that the file describes.

    Args:
        path: The feed file.
        host: Whose plugins take part; by default those that the file's ``[plugins]`` table and ticktrail allow.

    Raises:
        ConfigError: The file cannot be used; every fault that could be found is told, with file, line, key and
            what would be right.
        PluginError: A plugin is broken, or two of them do not go together.
    """
    document = read_document(path)
    allowed = _table(document, "plugins", PluginsTable) or PluginsTable()
    host = host or Host.load(allow=allowed.allow)
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
    declared = _providers(document)
    legs = _legs(document, host, declared)
    route = compose_route(document, host, tuple(declared)) if declared else None
    rules, validation = compose_rules(document, host.rules(), feed.instruments if feed else None)
    sinks = _sinks(document, host)
    observers = _observers(document, host)
    if feed is not None and route is not None:
        spoken = [legs[name] for name in legs_of(route) if name in legs]
        _check_legs(document, feed, spoken)
        if not document.problems:
            _ask_providers(document, feed, spoken, host)
    if document.problems or not (feed and route and clock and limits and backoff):
        raise document.error()
    return Plan(
        name=feed.name,
        profile=feed.profile,
        instruments=feed.instruments,
        channels=frozenset(feed.channels),
        base_dir=document.base_dir,
        settings_sha256=document.sha256,
        legs=tuple(legs[name] for name in legs_of(route)),
        route=route,
        rules=rules,
        validation=validation,
        sinks=sinks,
        observers=observers,
        clock=clock,
        backoff=backoff,
        limits=limits,
        registry=host,
        plugins=host.loaded,
        quarantined=host.quarantined,
        warnings=_unused(document, declared, route),
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


def _legs(document: Document, host: Host, tables: Mapping[str, Table]) -> Mapping[str, LegPlan]:
    """Return the legs without fault, by name."""
    legs = {}
    for name, table in tables.items():
        at = ("providers", name)
        own = decode(document, at, _pick(table, PROVIDER_KEYS), ProviderTable)
        if own is None:
            continue
        plugin = own.plugin or name
        spec = host.providers().get(plugin)
        if spec is None:
            where = (*at, "plugin") if "plugin" in table else at
            document.blame(where, host.unknown("provider", plugin, host.providers()))
            continue
        _refuse_claim("provider", spec.name, spec.settings, PROVIDER_KEYS)
        settings = decode(document, at, _drop(table, PROVIDER_KEYS), spec.settings)
        if settings is None:
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
        for problem in exc.problems:
            document.blame(at, problem)
        return None
    except Exception as exc:
        if isinstance(exc, FeedError):
            raise
        raise PluginError(
            f"provider {spec.name} cannot say what it can do ({type(exc).__name__}: {exc}); "
            "mend or remove its plugin"
        ) from exc


def _check_legs(document: Document, feed: FeedTable, legs: Sequence[LegPlan]) -> None:
    for leg in legs:
        lacking = [channel for channel in feed.channels if channel not in leg.capabilities.channels]
        if lacking:
            document.blame(
                ("feed", "channels"),
                f'leg "{leg.name}" cannot give {spell(lacking)}; it can give '
                f"{spell(sorted(leg.capabilities.channels))}: ask for those, or take the leg out of the route",
            )
        streams, most = len(feed.instruments) * len(feed.channels), leg.capabilities.max_streams
        if most is not None and streams > most:
            document.blame(
                ("feed", "instruments"),
                f'leg "{leg.name}" can carry {most} streams; {len(feed.instruments)} instruments with '
                f"{len(feed.channels)} channels each are {streams}: divide them among several feeds",
            )
        _check_equivalents(document, feed, leg)
        if leg.capabilities.synthetic and feed.profile == "production":
            document.blame(
                ("providers", leg.name),
                f'leg "{leg.name}" makes its data up, which a production feed refuses anywhere in its route; '
                'take it out of the route, or set profile = "development" in [feed], which marks such data',
            )


def _check_equivalents(document: Document, feed: FeedTable, leg: LegPlan) -> None:
    """See that each equivalent stands for an instrument of the feed, and for no other one."""
    served: dict[str, str] = {}
    for name in feed.instruments:
        other = leg.equivalents.get(name, name)
        if other in served:
            document.blame(
                ("providers", leg.name, "equivalents"),
                f'leg "{leg.name}" would serve "{other}" for "{served[other]}" and for "{name}"; take one of them out',
            )
        served[other] = name
    for name in leg.equivalents:
        if name not in feed.instruments:
            document.blame(
                ("providers", leg.name, "equivalents", name),
                f'"{name}" is no instrument of the feed, which has {spell(feed.instruments)}; write the feed\'s '
                f"instrument to the left, the leg's to the right",
            )


def _ask_providers(document: Document, feed: FeedTable, legs: Sequence[LegPlan], host: Host) -> None:
    """Let each leg's provider refuse what it could never serve, so that the file is at fault before anything runs."""
    for leg in legs:
        if leg.spec.check is None:
            continue
        context = ProviderContext(
            name=leg.name,
            instruments=leg.served(feed.instruments),
            channels=frozenset(feed.channels),
            clock=SystemClock(),
            base_dir=document.base_dir,
            registry=host,
        )
        try:
            leg.spec.check(leg.settings, context)
        except ConfigError as exc:
            for problem in exc.problems:
                document.blame(("providers", leg.name), problem)


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
        if table is None or lane is None:
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
                spec=spec,
                settings=settings,
                on_overflow=lane.on_overflow,
                queue_ticks=lane.queue_ticks,
            )
            plans.append(plan)
    return tuple(plans)


def _observers(document: Document, host: Host) -> tuple[ObserverPlan, ...]:
    found = (
        (spec, _table(document, name, spec.settings))
        for name, spec in host.observers().items()
        if name in document.tables
    )
    return tuple(
        ObserverPlan(spec=spec, settings=settings) for spec, settings in found if settings is not None
    )


def _unused(document: Document, declared: Iterable[str], route: NodePlan) -> tuple[str, ...]:
    used = legs_of(route)
    return tuple(
        document.locate(
            ("providers", name), "is declared, and stands nowhere in the route; add it there or remove it"
        )
        for name in declared
        if name not in used
    )


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
