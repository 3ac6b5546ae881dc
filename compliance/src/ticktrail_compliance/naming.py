"""Find the audit log that a command line names, and write times as people read them.

Owns: what FEED.toml, --database and --key mean together.
Never: prints.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import click

from ticktrail.errors import ConfigError
from ticktrail.feedfile import load_table
from ticktrail.plugin import Secret
from ticktrail_compliance.log import AuditLog
from ticktrail_compliance.opening import open_log
from ticktrail_compliance.settings import ComplianceSettings

__all__ = ["moment", "open_named"]


def open_named(feed_file: Path | None, database: str | None, key: str | None) -> AuditLog:
    """Return the log, open to be read.

    Raises:
        click.UsageError: It is named in no way, or in two.
        ConfigError: It cannot be opened.
    """
    if feed_file is not None and database is None and key is None:
        settings, base_dir = load_table(feed_file, "compliance", ComplianceSettings), feed_file.parent
    elif feed_file is None and database is not None and key is not None:
        settings, base_dir = ComplianceSettings(database=database, key=_secret(key)), Path()
    else:
        raise click.UsageError("name the log by its FEED.toml, or by both --database and --key")
    return open_log(settings, base_dir, write=False, now_ns=time.time_ns(), warn=lambda _: None)


def _secret(ref: str) -> Secret:
    kind, _, value = ref.partition(":")
    try:
        match kind:
            case "file" if value:
                return Secret(file=value)
            case "env" if value:
                return Secret(env=value)
            case "keyring" if value:
                return Secret(keyring=value)
    except ValueError as exc:
        raise ConfigError(f"--key {exc}") from None  # what was written may be the key itself
    raise ConfigError(
        "--key is file:PATH, env:NAME or keyring:SERVICE/USER; a key itself never stands on a command line"
    )


def moment(at_ns: int) -> str:
    """Return a time as ISO 8601 in UTC, with all nine digits of its fraction."""
    whole = datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{at_ns % 1_000_000_000:09d}Z"
