"""Find the audit log that a command line names.

Owns: what FEED.toml, --database and --key mean together.
Never: prints.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import click

from ticktrail.feedfile import load_table
from ticktrail_compliance.options import key_store_named, purpose_given
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.store.opening import open_log, see_that_it_is_there
from ticktrail_compliance.vault.settings import parse_key

__all__ = ["Named", "find_named"]


@dataclass(frozen=True, slots=True)
class Named:
    """The settings of the log that a command line names, and the folder that its paths are taken from.

    `purpose` is what ``--purpose`` of a command that reads says; None: nothing.
    """

    settings: ComplianceSettings
    base_dir: Path
    purpose: str | None = None

    def open(self, *, write: bool = False) -> AuditLog:
        """Return the log, open to be read, or to be written as well.

        Raises:
            ConfigError: It cannot be opened.
        """
        return open_log(self.settings, self.base_dir, write=write, now_ns=time.time_ns(), warn=lambda _: None)

    def open_to_migrate(self) -> AuditLog:
        """Return the log, brought forward to the layout of this program; never a new one.

        Raises:
            ConfigError: There is none, or it cannot be opened.
        """
        see_that_it_is_there(self.settings, self.base_dir)
        return self.open(write=True)


def find_named(feed_file: Path | None, database: str | None, key: str | None) -> Named:
    """Return which log is named.

    Raises:
        click.UsageError: It is named in no way, or in two.
        ConfigError: The feed file or the key's name is wrong.
    """
    keys = key_store_named()
    if feed_file is not None and database is None and key is None and keys is None:
        settings = load_table(feed_file, "compliance", ComplianceSettings)
        return Named(settings, feed_file.parent, purpose_given())
    if feed_file is None and database is not None and key is not None:
        settings = ComplianceSettings(database=database, key=parse_key(key), keys=keys)
        return Named(settings, Path(), purpose_given())
    raise click.UsageError("name the log by its FEED.toml, or by both --database and --key (and --keys)")
