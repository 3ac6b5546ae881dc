"""Give every command of the audit log the same ways to name it, and a time.

Owns: the options that several groups of commands share.
Never: opens a log.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar, cast, get_args

import click

from ticktrail import events
from ticktrail.model import Tick, Undecodable
from ticktrail_compliance import acts
from ticktrail_compliance.classes import EntryClass

__all__ = [
    "CHANNELS",
    "KINDS",
    "MonthType",
    "TimeType",
    "for_a_purpose",
    "is_quiet",
    "key_store_named",
    "names_a_day",
    "of_a_period",
    "of_classes",
    "of_writers",
    "purpose_given",
    "quietly",
    "refuse_backwards",
    "tell_on_stderr",
    "which_log",
]

KINDS = frozenset(
    str(kind.__struct_config__.tag) for kind in (*get_args(events.Event), *get_args(acts.Act))
) | {"routed"}
"""What `--event` may name: every event there is, and what became of a batch."""

CHANNELS = tuple(sorted({kind.counted_as for kind in (*get_args(Tick), Undecodable)}))
"""What `--channel` may name: whatever ticks are counted as."""

_FRACTION = re.compile(r"[.,](\d+)")
"""Of a second, in ISO 8601; `datetime` keeps six digits of it."""

MOST_DIGITS = 19
"""Of nanoseconds: more are in no column."""

DATES_DIGITS = 8
"""So many are a date without its dashes: nobody means milliseconds of 1970."""

LAST_NS = 2**63 - 1
"""The last moment that the log's columns can hold."""

DAY_NS = 86_400 * 10**9

KEYS = "ticktrail_compliance.keys"
"""Where a command's context keeps what stands behind ``--keys``."""

PURPOSE = "ticktrail_compliance.purpose"
"""The same of ``--purpose``."""

QUIET = "ticktrail_compliance.quiet"
"""The same of ``--quiet``."""

Command = TypeVar("Command", bound=Callable[..., object])


class TimeType(click.ParamType[int]):
    """A moment as ISO 8601 (UTC where it names no zone) or as integer nanoseconds.

    Args:
        last: It is the last moment of a range: a date alone means the end of that day, and otherwise its beginning.
    """

    name = "time"

    def __init__(self, *, last: bool = False) -> None:
        self._last = last

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return nanoseconds since the epoch."""
        text = str(value)
        is_number = (
            text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS and len(text) != DATES_DIGITS
        )
        at_ns = int(text) if is_number else self._of_iso(text, param, ctx)
        if not -LAST_NS <= at_ns <= LAST_NS:
            self.fail(
                f"{text} is not within the years 1678 to 2261, of which nanoseconds can tell; write another time",
                param,
                ctx,
            )
        return at_ns

    def _of_iso(self, text: str, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self.fail(f"{text!r} is no time; write 2026-11-23T14:30:00Z, or nanoseconds", param, ctx)
        moment = moment.replace(tzinfo=moment.tzinfo or UTC)
        whole = moment.replace(microsecond=0)
        digits = _FRACTION.search(text)
        at_ns = int(whole.timestamp()) * 1_000_000_000 + int(digits[1].ljust(9, "0")[:9] if digits else 0)
        return at_ns + DAY_NS - 1 if self._last and names_a_day(text) else at_ns


def names_a_day(text: str) -> bool:
    """Tell whether a text names a day and no time of it."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


class MonthType(click.ParamType[str]):
    """A month, as ``YYYY-MM``."""

    name = "month"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it as it is written."""
        text = str(value)
        try:
            found = datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC)
        except ValueError:
            found = None
        if found is None or f"{found:%Y-%m}" != text:
            self.fail(f"{text!r} is no month; write 2026-01", param, ctx)
        return text


def refuse_backwards(options: tuple[str, str], first: int | None, last: int | None, *, shown: str) -> None:
    """Refuse a range that ends before it begins: it would hold nothing, and look like a log that holds nothing.

    Args:
        options: The two options, as a person writes them.
        first: The value of the one.
        last: The value of the other.
        shown: What the two are, in the plural.

    Raises:
        click.UsageError: It does; the message names both options and the remedy.
    """
    if first is not None and last is not None and first > last:
        raise click.UsageError(f"{options[0]} lies after {options[1]}: give the {shown} the other way round")


def of_a_period(first: str, last: str) -> Callable[[Command], Command]:
    """Add two options of times, both ends within, and refuse a range that ends before it begins.

    The command is given them as ``from_ns`` and ``to_ns`` for ``--from`` and ``--to``, and so on.

    Args:
        first: The option of the first moment.
        last: The option of the last one.
    """
    first_ns, last_ns = (f"{option.removeprefix('--')}_ns" for option in (first, last))

    def added(command: Command) -> Command:
        @functools.wraps(command)
        def checked(*given: object, **named: int | None) -> object:
            refuse_backwards((first, last), named[first_ns], named[last_ns], shown="times")
            return command(*given, **named)

        with_last = click.option(
            last, last_ns, type=TimeType(last=True), help="Last moment; a date alone is the end of that day."
        )(checked)
        with_first = click.option(
            first,
            first_ns,
            type=TimeType(),
            help="First moment, such as 2026-11-23T14:30:00Z or 2026-11-23, which is its beginning.",
        )(with_last)
        return cast("Command", with_first)

    return added


def which_log(command: Command) -> Command:
    """Add the ways to name a log; `key_store_named` tells what stands behind ``--keys``."""
    command = click.option(
        "--keys",
        expose_value=False,
        callback=_remember_keys,
        help="With --database: the URL of the data keys, where they are not where they are by default.",
    )(command)
    command = click.option(
        "--key", help="With --database: file:PATH, env:NAME, keyring:SERVICE/USER, vault:URL or aws-kms:ARN."
    )(command)
    command = click.option("--database", help="The log's SQLAlchemy URL, instead of a feed file.")(command)
    return click.argument(
        "feed_file", required=False, type=click.Path(path_type=Path), metavar="[FEED.toml]"
    )(command)


def key_store_named() -> str | None:
    """Return what was given as ``--keys``; None for nothing."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(KEYS)


def _remember_keys(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    context.meta[KEYS] = value


def for_a_purpose(command: Command) -> Command:
    """Add ``--purpose`` to a command that reads; `purpose_given` tells what stands behind it."""
    return click.option(
        "--purpose",
        metavar="TEXT",
        expose_value=False,
        callback=_remember_purpose,
        help="What for; it stands in the log, where the policy in force records who reads it.",
    )(command)


def purpose_given() -> str | None:
    """Return what was given as ``--purpose`` of a command that reads; None for nothing."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(PURPOSE)


def _remember_purpose(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    context.meta[PURPOSE] = value


def quietly(command: Command) -> Command:
    """Add the option that shows nothing of how far a long command got."""
    return click.option(
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_remember_quiet,
        help="Show nothing of how far it got.",
    )(command)


def tell_on_stderr(text: str) -> None:
    """Tell a person something beside a command's result."""
    click.echo(f"warning: {text}", err=True)


def is_quiet() -> bool:
    """Tell whether ``--quiet`` was given to the command that runs."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(QUIET))


def _remember_quiet(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.meta[QUIET] = value


def of_writers(command: Command) -> Command:
    """Add the choice of who wrote an entry."""
    command = click.option(
        "--feed", "feeds", multiple=True, metavar="NAME", help="Only what this feed wrote; may be repeated."
    )(command)
    return click.option(
        "--writer",
        "writers",
        multiple=True,
        type=click.IntRange(1),
        metavar="N",
        help="Only what this writer wrote, by its number; may be repeated.",
    )(command)


def of_classes(command: Command) -> Command:
    """Add the choice of classes of entries."""
    return click.option(
        "--class",
        "classes",
        multiple=True,
        type=click.Choice(get_args(EntryClass)),
        help="Only entries of this class; may be repeated.",
    )(command)
