"""Give the audit log its commands.

Owns: options, and what a person or a program is shown.
Never: opens the log itself; `ticktrail_compliance.console` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from ticktrail import events
from ticktrail_compliance.options import TimeType, which_log

__all__ = ["audit"]

KINDS = frozenset(str(kind.__struct_config__.tag) for kind in get_args(events.Event)) | {"routed"}
"""What `--event` may name: every event there is, and what became of a batch."""


@click.group()
def audit() -> None:
    """Verify and read the sealed audit log of a feed."""


@audit.command()
@which_log
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
@which_log
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
