"""Read one table of a feed file: for commands that share their settings with a feed.

Owns: the public way into feed files for plugins.
Never: composes a feed; `ticktrail check` and `ticktrail run` do.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from ticktrail._contracts.settings import Settings
from ticktrail._settings.decode import as_table, decode
from ticktrail._settings.document import read_document
from ticktrail.errors import ConfigError

__all__ = ["load_table"]

S = TypeVar("S", bound=Settings)


def load_table(path: Path, name: str, settings: type[S], *, content: bytes | None = None) -> S:
    """Return one table at the top of a feed file; the others are not looked at.

    Args:
        path: The feed file. Relative paths and secrets in the table resolve against its folder.
        name: The table's name.
        settings: What it must be.
        content: What stands in the file, where that was read already; None: it is read.

    Raises:
        ConfigError: The file cannot be read, has no such table, or the table has faults: all of them are told,
            each with file, line, key and what would be right.
    """
    document = read_document(path, content)
    if name not in document.tables:
        raise ConfigError(
            document.locate(
                (),
                f"the table [{name}] is missing, without which this cannot be done; name the file that the feed runs "
                f"from, or add [{name}] there and start the feed again",
            )
        )
    table = as_table(document, (name,), document.tables[name])
    decoded = None if table is None else decode(document, (name,), table, settings)
    if decoded is None:
        raise document.error()
    return decoded
