"""Give the commands for incidents the options that several of them share.

Owns: how an incident is named on a command line.
Never: opens a log.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar, get_args

import click

from ticktrail_compliance.acts.incidents import CustomerInformation, Severity
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.incidents.times import FirmTimeType
from ticktrail_compliance.options import which_log

__all__ = ["as_json", "nature", "sorted_out", "which_incident"]

Command = TypeVar("Command", bound=Callable[..., object])

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def which_incident(command: Command) -> Command:
    """Add the ways to name a log, and an incident of it; `sorted_out` tells which is which."""
    return which_log(click.argument("words", nargs=-1, metavar="ID")(command))


def sorted_out(
    feed_file: Path | None, database: str | None, words: Sequence[str], *, more: bool = False
) -> tuple[Path | None, int, Sequence[str]]:
    """Return the feed file, the number of the incident, and the words after it.

    Args:
        feed_file: The first word.
        database: Where it is named by --database, there is no feed file, and the first word is the incident's.
        words: The other words.
        more: Whether there may be any after the number.

    Raises:
        click.UsageError: No incident is named, or more is said than that.
    """
    if database is not None and feed_file is not None:
        feed_file, words = None, (str(feed_file), *words)
    if not words:
        raise click.UsageError("name the incident: ID is its number, as `ticktrail incident list` prints it")
    first, rest = words[0], words[1:]
    if not (first.isascii() and first.isdigit() and 0 < len(first) < 19):
        raise click.UsageError(
            f"ID is the number of an incident, as `ticktrail incident list` prints it, not {first!r}"
        )
    if rest and not more:
        raise click.UsageError(f"{rest[0]!r} is one word too many: give FEED.toml and the incident's ID")
    return feed_file, int(first), rest


def nature(command: Command) -> Command:
    """Add what may be said of an incident's nature and scope when it is opened, and when it is assessed."""
    for option in reversed(
        (
            click.option(
                "--severity",
                type=click.Choice(get_args(Severity)),
                help="How bad it is; medium until it is said.",
            ),
            click.option(
                "--customer-information",
                type=click.Choice(get_args(CustomerInformation)),
                help="Whether customer information is involved; market data is none. Unknown until it is said.",
            ),
            click.option(
                "--occurred-from",
                "occurred_from",
                type=FirmTimeType(),
                help="When it began; a date alone is the beginning of that day.",
            ),
            click.option(
                "--occurred-to",
                "occurred_to",
                type=FirmTimeType(last=True),
                help="When it ended; a date alone is the end of that day.",
            ),
            click.option(
                "--class",
                "classes",
                multiple=True,
                type=click.Choice(get_args(EntryClass)),
                help="A class of entries that it touches; may be repeated.",
            ),
            click.option(
                "--system", "systems", multiple=True, help="A system that it touches; may be repeated."
            ),
            click.option(
                "--provider-aware",
                "provider_aware",
                type=FirmTimeType(),
                help="When the service provider became aware of it; a date alone is the beginning of that day.",
            ),
            click.option(
                "--provider-told",
                "provider_told",
                type=FirmTimeType(last=True),
                help="When the service provider told the firm; a date alone is the end of that day.",
            ),
        )
    ):
        command = option(command)
    return command
