"""Hold the plugins of one feed or one run of the program, and answer for what they declare.

Owns: which plugins take part, which were left out and why, and that no name is declared twice.
Never: opens what a plugin declares, or shares a plugin manager with another host.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import click

from ticktrail._contracts.clock import Clock, SystemClock
from ticktrail._contracts.observer import ObserverSpec
from ticktrail._contracts.page import PageSpec
from ticktrail._contracts.provider import ProviderSpec
from ticktrail._contracts.route import RouteSpec
from ticktrail._contracts.sink import SinkSpec
from ticktrail._contracts.validator import ValidatorSpec
from ticktrail._host.builtin import BUILTIN, OWN
from ticktrail._host.code import PluginCode, path_of
from ticktrail._host.discovery import (
    Installed,
    canonical,
    find_plugins,
    is_own,
    missing_extra,
    own_distributions,
)
from ticktrail._host.hashes import file_sha256, sha256_as_loaded
from ticktrail._host.hooks import (
    PluginFault,
    check_api,
    check_spec,
    declared,
    import_in_words,
    new_manager,
    register,
)
from ticktrail._settings.document import nearest
from ticktrail.deprecation import TicktrailDeprecationWarning, uses
from ticktrail.errors import ConfigError, PluginError
from ticktrail.events import PluginLoaded, PluginQuarantined

__all__ = ["Host"]

T = TypeVar("T")

_LEAVE_ONE = "uninstall one, or allow only one of them"

_WORDS = {
    "ticktrail_providers": "provider",
    "ticktrail_validators": "rule",
    "ticktrail_sinks": "sink",
    "ticktrail_routes": "route kind",
    "ticktrail_observers": "observer",
    "ticktrail_pages": "page",
    "ticktrail_commands": "command",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Taken:
    """A plugin that takes part; of one that is brought along, distribution and version are empty."""

    name: str
    distribution: str
    version: str
    at_ns: int
    plugin: object


class Host:
    """The plugins that take part; `Host.load` makes one.

    Attributes:
        quarantined: Those that are allowed but could not be imported, or do not fit this ticktrail.
        broken: Those that a feed would be refused for; only `survey` goes on without them.
        not_allowed: Those that are installed and were not even imported, for nobody allowed them.
    """

    def __init__(self, clock: Clock) -> None:
        self._manager = new_manager()
        self._clock = clock
        self._declared: dict[str, Mapping[str, object]] = {}
        self._by_plugin: dict[str, list[str]] = {}
        self._taken: list[_Taken] = []
        self._left_out: dict[tuple[str, str], str] = {}
        self.quarantined: tuple[PluginQuarantined, ...] = ()
        self.broken: tuple[PluginQuarantined, ...] = ()
        self.not_allowed: tuple[Installed, ...] = ()

    @cached_property
    def loaded(self) -> tuple[PluginLoaded, ...]:
        """The plugins that take part, core's own first.

        The files of their distributions are read for it the first time: a command that needs none does not wait.

        Raises:
            PluginError: The files of a distribution cannot be hashed; the message says why.
        """
        hashes: dict[str, str] = {}
        for one in self._taken:
            if one.distribution and one.distribution not in hashes:
                try:
                    hashes[one.distribution] = sha256_as_loaded(one.distribution, one.version)
                except PluginError as exc:
                    raise PluginFault(str(exc), plugin=one.name, distribution=one.distribution) from exc
        return tuple(
            PluginLoaded(
                at_ns=one.at_ns,
                name=one.name,
                distribution=one.distribution,
                version=one.version,
                sha256=hashes[one.distribution] if one.distribution else file_sha256(one.plugin),
            )
            for one in self._taken
        )

    @classmethod
    def load(
        cls,
        *,
        allow: Iterable[str] = (),
        plugins: Mapping[str, object] | None = None,
        clock: Clock | None = None,
    ) -> Host:
        """Return a host with core's own plugins and those installed ones that may take part.

        Args:
            allow: Distributions whose plugins may take part, beside those that core's own extras name.
            plugins: Further plugins that whoever embeds ticktrail brings along, by name.
            clock: Gives the time of the records of loading.

        Raises:
            PluginError: A plugin implements a hook that does not exist, a declaration of it cannot be had, or two
                plugins declare the same name.
        """
        host = cls(clock or SystemClock())
        host._take_all(allow)
        for name, plugin in (plugins or {}).items():
            if (reason := check_api(plugin)) is not None:
                raise PluginError(f"plugin {name}: {reason}")
            host._take(name, plugin, distribution="", version="")
        host._declare()
        return host

    @classmethod
    def survey(cls, *, allow: Iterable[str] = ()) -> Host:
        """Return a host for looking at what is installed: one plugin at fault does not hide the others.

        Args:
            allow: As for `load`.

        Raises:
            PluginError: Core's own plugins are at fault.
        """
        faults: dict[tuple[str, str], str] = {}
        while True:
            host = cls(SystemClock())
            host._left_out = faults
            try:
                host._take_all(allow)
                host._declare()
                host.commands()
                host.loaded  # noqa: B018 - a distribution that cannot be hashed is at fault as well
            except PluginFault as exc:
                whose = exc.distribution or host._distribution_of(exc.plugin)
                if whose == OWN or (whose, exc.plugin) in faults:
                    raise
                faults[whose, exc.plugin] = str(exc)
            else:
                return host

    def provider(self, name: str) -> ProviderSpec:
        """Return a provider's spec (the `Registry` contract).

        Raises:
            ConfigError: No loaded plugin has a provider of that name.
        """
        if (spec := self.providers().get(name)) is None:
            raise ConfigError(self.unknown("provider", name, self.providers()))
        return spec

    def providers(self) -> Mapping[str, ProviderSpec]:
        """Return the providers, by name."""
        return self._specs("ticktrail_providers", ProviderSpec)

    def rules(self) -> Mapping[str, ValidatorSpec]:
        """Return the rules, by name."""
        return self._specs("ticktrail_validators", ValidatorSpec)

    def sinks(self) -> Mapping[str, SinkSpec]:
        """Return the sinks, by name."""
        return self._specs("ticktrail_sinks", SinkSpec)

    def routes(self) -> Mapping[str, RouteSpec]:
        """Return the kinds of route node, by kind."""
        return self._specs("ticktrail_routes", RouteSpec)

    def observers(self) -> Mapping[str, ObserverSpec]:
        """Return the observers, by name."""
        return self._specs("ticktrail_observers", ObserverSpec)

    def pages(self) -> Mapping[str, PageSpec]:
        """Return the pages, by name."""
        return self._specs("ticktrail_pages", PageSpec)

    def commands(self) -> Mapping[str, click.Command]:
        """Return the commands, by name; plugins are asked for them at the first call.

        Raises:
            PluginError: A plugin cannot say its commands, or two have one of the same name.
        """
        if "ticktrail_commands" not in self._declared:
            self._collect("ticktrail_commands", click.Command, lambda command: command.name or "")
        return self._specs("ticktrail_commands", click.Command)

    def declared_by(self, plugin: str) -> tuple[str, ...]:
        """Return what a loaded plugin declares, for people: ``provider x``, ``sink y``."""
        return tuple(self._by_plugin.get(plugin, ()))

    def owner(self, what: str, name: str) -> str:
        """Return which plugin declares a thing, such as a ``sink`` of that name; empty where none does."""
        return next((plugin for plugin, told in self._by_plugin.items() if f"{what} {name}" in told), "")

    def code(self) -> tuple[PluginCode, ...]:
        """Return where the code of each plugin lies that takes part."""
        return tuple(
            PluginCode(plugin=one.name, distribution=one.distribution, path=path)
            for one in self._taken
            if (path := path_of(one.plugin, own_folder=one.distribution == OWN)) is not None
        )

    def deprecated(self, plugin: str | None = None) -> tuple[str, ...]:
        """Return where plugins that take part have used old names so far; `plugin`: one of them alone."""
        places = [one.path for one in self.code() if plugin in {None, one.plugin}]
        return tuple(str(use) for use in uses() if use.is_in(places))

    def has_plugin_of(self, distribution: str) -> bool:
        """Tell whether an installed distribution brings a plugin, be it loaded or not."""
        names = {plugin.distribution for plugin in self._taken}
        names |= {plugin.distribution for plugin in (*self.quarantined, *self.broken)}
        names |= {found.distribution for found in self.not_allowed}
        return canonical(distribution) in {canonical(name) for name in names}

    def unknown(self, what: str, name: str, known: Iterable[str]) -> str:
        """Return the text for a name that no loaded plugin declares, with what may be the reason.

        Args:
            what: ``provider``, ``sink``, …
            name: What was asked for.
            known: The names that are declared.
        """
        return f'there is no {what} "{name}"; {self.hint(name, known)}'

    def hint(self, name: str, known: Iterable[str]) -> str:
        """Return what may have been meant by a name that nobody declares, or who would declare it but takes no part.

        Args:
            name: What was asked for.
            known: The names that are declared.
        """
        texts = [nearest(name, known)]
        if (distribution := missing_extra(name)) is not None:
            texts.insert(
                0, f"it comes with {distribution}, which is not installed: pip install 'ticktrail[{name}]'"
            )
        return "; ".join([*texts, *self.left_out()])

    def left_out(self, remedy: str = "name it in [plugins] allow = […]") -> Iterator[str]:
        """Yield a clause for each plugin that takes no part and may have what somebody looks for.

        Args:
            remedy: How one of those is allowed that are not.
        """
        for plugin in self.quarantined:
            state = "incompatible" if plugin.is_incompatible else "quarantined"
            yield f"plugin {plugin.name} ({plugin.distribution}), which may have it, is {state}: {plugin.reason}"
        for plugin in self.broken:
            yield f"a plugin of {plugin.distribution}, which may have it, is broken: {plugin.reason}"
        if self.not_allowed:
            others = ", ".join(dict.fromkeys(f'"{found.distribution}"' for found in self.not_allowed))
            yield f"installed but not allowed: {others}; if you trust one, {remedy}"

    def _take_all(self, allow: Iterable[str]) -> None:
        version = importlib.metadata.version(OWN)
        for name, module in BUILTIN.items():
            self._take(name, importlib.import_module(module), distribution=OWN, version=version)
        own = own_distributions()
        allowed = own | {canonical(name) for name in allow}
        # Ours come first, so that of two that clash the other one is at fault.
        for found in sorted(find_plugins(), key=lambda found: canonical(found.distribution) not in own):
            if canonical(found.distribution) not in allowed:
                self.not_allowed += (found,)
            elif found.is_borrowed:
                self._quarantine(found, found.borrowed_in_words)
            elif (reason := self._left_out.get((found.distribution, found.name))) is not None:
                self.broken += (self._out(found, reason),)
            else:
                self._take_installed(found)

    def _distribution_of(self, plugin: str) -> str:
        return next(one.distribution for one in self._taken if one.name == plugin)

    def _take_installed(self, found: Installed) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", TicktrailDeprecationWarning)  # `deprecated` tells them
                plugin: object = found.entry_point.load()
            reason = check_api(plugin)
        except KeyboardInterrupt:  # somebody's Ctrl-C
            raise
        except BaseException as exc:  # noqa: BLE001 - whatever a stranger's module raises, the others go on
            return self._quarantine(found, import_in_words(exc, found.entry_point.module))
        if reason is not None:
            return self._quarantine(found, reason, is_incompatible=True)
        return self._take(found.name, plugin, distribution=found.distribution, version=found.version)

    def _quarantine(self, found: Installed, reason: str, *, is_incompatible: bool = False) -> None:
        self.quarantined += (self._out(found, reason, is_incompatible=is_incompatible),)

    def _out(self, found: Installed, reason: str, *, is_incompatible: bool = False) -> PluginQuarantined:
        return PluginQuarantined(
            at_ns=self._clock.now_ns(),
            name=found.name,
            distribution=found.distribution,
            reason=reason,
            is_incompatible=is_incompatible,
        )

    def _take(self, name: str, plugin: object, *, distribution: str, version: str) -> None:
        for other in self._taken:
            if other.name == name:
                whose = distribution or "the program"
                remedy = f"rename the plugin in {whose}" if is_own(other.distribution) else _LEAVE_ONE
                raise PluginFault(
                    f"plugin {name} comes from both {other.distribution or 'the program'} and {whose}; {remedy}",
                    plugin=name,
                    distribution=distribution,
                )
        try:
            register(self._manager, name, plugin)
        except PluginFault as exc:
            if not distribution:
                raise
            raise PluginFault(
                f"{exc}; it comes with {distribution}, which may be mended or uninstalled",
                plugin=name,
                distribution=distribution,
            ) from exc
        self._taken.append(
            _Taken(
                name=name,
                distribution=distribution,
                version=version,
                at_ns=self._clock.now_ns(),
                plugin=plugin,
            )
        )

    def _declare(self) -> None:
        self._collect("ticktrail_providers", ProviderSpec, lambda spec: spec.name)
        self._collect("ticktrail_validators", ValidatorSpec, lambda spec: spec.name)
        self._collect("ticktrail_sinks", SinkSpec, lambda spec: spec.name)
        self._collect("ticktrail_routes", RouteSpec, lambda spec: spec.kind)
        self._collect("ticktrail_observers", ObserverSpec, lambda spec: spec.name)
        self._collect("ticktrail_pages", PageSpec, lambda spec: spec.name)

    def _collect(self, hook: str, kind: type[T], name_of: Callable[[T], str]) -> None:
        specs: dict[str, T] = {}
        owners: dict[str, str] = {}
        what = _WORDS[hook]
        for plugin, spec in declared(self._manager, hook, kind):
            name = name_of(spec)
            check_spec(plugin, f"{what} of {hook}", name, getattr(spec, "settings", None))
            if name in specs:
                gives_way = is_own(self._distribution_of(owners[name]))
                remedy = f"rename it in plugin {plugin}" if gives_way else _LEAVE_ONE
                raise PluginFault(
                    f'{what} "{name}" is declared by both plugin {owners[name]} and plugin {plugin}; {remedy}',
                    plugin=plugin,
                )
            specs[name], owners[name] = spec, plugin
            self._by_plugin.setdefault(plugin, []).append(f"{what} {name}")
        self._declared[hook] = specs

    def _specs(self, hook: str, kind: type[T]) -> Mapping[str, T]:
        return {name: spec for name, spec in self._declared[hook].items() if isinstance(spec, kind)}
