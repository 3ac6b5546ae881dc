"""Tell whose code a file is.

Owns: where a plugin's code lies, and which plugin a file belongs to.
Never: imports or reads any of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ticktrail._host.discovery import find_plugins

__all__ = ["PluginCode", "code_of_imported", "owner_of", "path_of"]


@dataclass(frozen=True, slots=True)
class PluginCode:
    """A plugin and the folder of its package, or the file of its only module.

    `distribution` is empty where a program brought the plugin along.
    """

    plugin: str
    distribution: str
    path: str


def path_of(plugin: object, *, own_folder: bool = False) -> str | None:
    """Return where a plugin's code lies: the outermost package that its module is in, else the module's file.

    Args:
        plugin: The module, or an instance of a class of one.
        own_folder: It shares its outermost package with others, so that its own folder is all that is meant.
    """
    module = plugin if hasattr(plugin, "__file__") else sys.modules.get(type(plugin).__module__)
    file = getattr(module, "__file__", None)
    if not isinstance(file, str):
        return None
    path = Path(file)
    if not _is_package(path.parent):
        return str(path)
    folder = path.parent
    while not own_folder and _is_package(folder.parent):
        folder = folder.parent
    return str(folder)


def code_of_imported() -> tuple[PluginCode, ...]:
    """Return the same of every installed plugin that was imported in this process, whoever did."""
    return tuple(
        PluginCode(plugin=found.name, distribution=found.distribution, path=path)
        for found in find_plugins()
        if (module := sys.modules.get(found.entry_point.module)) is not None
        and (path := path_of(module)) is not None
    )


def owner_of(file: str, code: Sequence[PluginCode]) -> PluginCode | None:
    """Return whose a file is: of those that hold it, who lies nearest to it; None where it is no plugin's."""
    holders = [one for one in code if file == one.path or file.startswith(one.path + os.sep)]
    return max(holders, key=lambda one: len(one.path), default=None)


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()
