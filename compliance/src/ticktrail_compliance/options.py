"""Give every command of the audit log the same ways to name it, and a time.

Owns: the options that several groups of commands share.
Never: opens a log.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

__all__ = ["TimeType", "which_log"]

Command = TypeVar("Command", bound=Callable[..., object])


class TimeType(click.ParamType[int]):
    """A moment as ISO 8601 (UTC where it names no zone) or as integer nanoseconds."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return nanoseconds since the epoch."""
        text = str(value)
        if text.isdigit():
            return int(text)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is no time; write 2026-11-23T14:30:00Z, or nanoseconds", param, ctx)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        whole = moment.replace(microsecond=0)
        return int(whole.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000


def which_log(command: Command) -> Command:
    """Add the ways to name a log."""
    command = click.option("--key", help="With --database: file:PATH, env:NAME or keyring:SERVICE/USER.")(
        command
    )
    command = click.option("--database", help="The log's SQLAlchemy URL, instead of a feed file.")(command)
    return click.argument(
        "feed_file", required=False, type=click.Path(path_type=Path), metavar="[FEED.toml]"
    )(command)
