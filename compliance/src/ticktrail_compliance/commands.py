"""Give the audit log its commands.

Owns: options, and what a person or a program is shown.
Never: opens the log itself; `ticktrail_compliance.console` does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import click

from ticktrail import events

__all__ = ["audit"]

KINDS = frozenset(
    str(getattr(events, name).__struct_config__.tag) for name in events.__all__ if name != "Event"
) | {"routed"}
"""What `--event` may name: every event there is, and what became of a batch."""
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


def _which_log(command: Command) -> Command:
    """Add the ways to name a log."""
    command = click.option("--key", help="With --database: file:PATH, env:NAME or keyring:SERVICE/USER.")(
        command
    )
    command = click.option("--database", help="The log's SQLAlchemy URL, instead of a feed file.")(command)
    return click.argument(
        "feed_file", required=False, type=click.Path(path_type=Path), metavar="[FEED.toml]"
    )(command)


@click.group()
def audit() -> None:
    """Verify and read the sealed audit log of a feed."""


@audit.command()
@_which_log
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def verify(
    ctx: click.Context, feed_file: Path | None, database: str | None, key: str | None, *, as_json: bool
) -> None:
    """Walk the whole log and name what is not as it was sealed.

    Exit status 0: everything is as it was sealed; 1: something is not; 2: the log cannot be opened.

    \b
    Examples:
      ticktrail audit verify feed.toml
      ticktrail audit verify --database sqlite:///audit.db --key file:audit.key --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance import console  # noqa: PLC0415 - `ticktrail --help` needs no database

    ctx.exit(console.verify(feed_file, database, key, as_json=as_json))


@audit.command()
@_which_log
@click.option("--from", "from_seq", type=click.IntRange(1), default=1, help="First entry, by number.")
@click.option("--to", "to_seq", type=click.IntRange(1), help="Last entry, by number.")
@click.option("--since", "since_ns", type=TimeType(), help="First moment, such as 2026-11-23T14:30:00Z.")
@click.option("--until", "until_ns", type=TimeType(), help="Last moment.")
@click.option(
    "--event",
    "kinds",
    multiple=True,
    type=click.Choice(sorted(KINDS)),
    metavar="KIND",
    help="Only records of this kind, such as leg_switched or routed; may be repeated.",
)
@click.option("--limit", type=click.IntRange(1), help="At most so many lines.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a record.")
def show(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    from_seq: int,
    to_seq: int | None,
    since_ns: int | None,
    until_ns: int | None,
    kinds: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """Decrypt a range of the log and print its records.

    \b
    Examples:
      ticktrail audit show feed.toml --event leg_switched
      ticktrail audit show feed.toml --since 2026-11-23T14:30:00Z --until 2026-11-23T14:31:00Z --json
      ticktrail audit show feed.toml --from 1 --to 20 --limit 50
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.reading import Range  # noqa: PLC0415 - see above

    wanted = Range(from_seq=from_seq, to_seq=to_seq, since_ns=since_ns, until_ns=until_ns)
    console.show(feed_file, database, key, wanted, events=kinds, limit=limit, as_json=as_json)
