"""Load the plugins that a command of this group speaks of: as a feed file has them, or as nobody's.

Owns: what a feed file means for a command that runs no feed.
Never: composes the feed: only its ``[plugins]`` table is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec import structs

from ticktrail._host import Host
from ticktrail._plan.lock import host_of, plugins_of
from ticktrail._plan.tables import PluginsTable
from ticktrail._settings.document import Document, read_document
from ticktrail.errors import ConfigError

__all__ = ["load_host", "read_plugins"]


def load_host(feed: Path | None, allow: Iterable[str]) -> Host:
    """Return the plugins that take part; one that is at fault hides no other.

    Args:
        feed: The feed file whose ``[plugins]`` table counts; None: none does.
        allow: Distributions that are allowed beside those.

    Raises:
        ConfigError: The feed file cannot be read, the plugins are not those that its lock pins, or one is to be
            allowed that is not installed.
        PluginError: Core's own plugins are broken.
    """
    names = tuple(allow)
    if feed is None:
        host = Host.survey(allow=names)
    else:
        document, table = read_plugins(feed)
        host = host_of(document, structs.replace(table, allow=(*table.allow, *names)), looks_only=True)
    if problems := [
        f'--allow: no plugin of a distribution "{name}" is installed; install it, or take its name out'
        for name in names
        if not host.has_plugin_of(name)
    ]:
        raise ConfigError(*problems)
    return host


def read_plugins(feed: Path) -> tuple[Document, PluginsTable]:
    """Return a feed file and its ``[plugins]`` table.

    Raises:
        ConfigError: It cannot be read, or the table has faults.
    """
    document = read_document(feed)
    table = plugins_of(document)
    if document.problems:
        raise document.error()
    return document, table
