"""Refuse a feed whose plugins are not those that its lock pins.

Owns: when a lock is compared, and what is told where it does not hold.
Never: imports a plugin: the first comparison comes before that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from ticktrail._host import Host
from ticktrail._host.discovery import canonical
from ticktrail._host.lock import pins_of_installed, pins_of_loaded
from ticktrail._plan.tables import PluginsTable
from ticktrail._settings.decode import as_table, decode
from ticktrail._settings.document import Document
from ticktrail.errors import ConfigError, PluginError
from ticktrail.pins import Pin, differing, read_lock

__all__ = ["host_of", "plugins_of"]

_AT = ("plugins", "lock")


def plugins_of(document: Document) -> PluginsTable:
    """Return the ``[plugins]`` table of a feed file; the default where it is at fault, which is noted.

    Raises:
        ConfigError: It is at fault and names a lock: what may be imported, nobody knows.
    """
    raw = document.tables.get("plugins", {})
    table = as_table(document, ("plugins",), raw)
    decoded = None if table is None else decode(document, ("plugins",), table, PluginsTable)
    if decoded is None and isinstance(raw, Mapping) and "lock" in raw:
        raise document.error()
    return decoded or PluginsTable()


def host_of(
    document: Document,
    table: PluginsTable,
    host: Host | None = None,
    *,
    looks_only: bool = False,
) -> Host:
    """Return the host of a feed file's plugins, once it is sure that they are those that its lock pins, if it has one.

    Args:
        document: The feed file.
        table: Its ``[plugins]`` table.
        host: Plugins that are loaded already: they are compared as they were loaded.
        looks_only: Nothing shall run: one that is at fault hides no other (`Host.survey`), and none is missed.

    Raises:
        ConfigError: They are others, or the lock cannot be read. Nothing was imported then, but for what `host` has.
        PluginError: A plugin is broken, or two of them do not go together.
    """
    locked = None if table.lock is None else _read(document, table.lock)
    if locked is not None and host is None:
        _refuse(document, locked, _installed(document, table))
    host = host or (Host.survey if looks_only else Host.load)(allow=table.allow)
    if locked is not None:  # what was put in place meanwhile was imported, and does not run all the same
        present = pins_of_loaded(host.loaded)
        idle = _idle(host, locked, present)
        if idle and not looks_only:
            raise ConfigError(*(document.locate(_AT, clause) for clause in idle.values()))
        _refuse(document, [pin for pin in locked if pin.name not in idle], present)
    return host


def _idle(host: Host, locked: Iterable[Pin], present: Iterable[Pin]) -> Mapping[str, str]:
    """Return why those take no part that are locked and installed, by name: each of their plugins is at fault."""
    loaded = {canonical(pin.name) for pin in present}
    reasons = {
        canonical(out.distribution): f"its plugin {out.name} takes no part: {out.reason}"
        for out in (*host.quarantined, *host.broken)
    }
    return {
        pin.name: f"{pin.name} {pin.version} is in the lock, and {reasons[name]}"
        for pin in locked
        if (name := canonical(pin.name)) in reasons and name not in loaded
    }


def _read(document: Document, lock: str) -> tuple[Pin, ...]:
    try:
        return read_lock(document.base_dir / lock)
    except ConfigError as exc:
        raise ConfigError(*(document.locate(_AT, problem) for problem in exc.problems)) from exc


def _installed(document: Document, table: PluginsTable) -> tuple[Pin, ...]:
    try:
        return pins_of_installed(table.allow)
    except PluginError as exc:
        raise ConfigError(document.locate(_AT, f"{exc}; nothing of it was imported")) from exc


def _refuse(document: Document, locked: Iterable[Pin], present: Iterable[Pin]) -> None:
    problems = [
        f"{clause}; look at what changed, then run `ticktrail plugins lock {_spelled(document.path)}`, or install what "
        "was locked"
        for clause in differing(locked, present)
    ]
    if problems:
        raise ConfigError(*(document.locate(_AT, problem) for problem in problems))


def _spelled(path: Path) -> str:
    text = str(path)
    return f"'{text}'" if any(sign.isspace() for sign in text) else text
