"""Give the audit log the commands that search it.

Owns: their options.
Never: opens the log itself; `ticktrail_compliance.finding.console` does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack, cast

import click

from ticktrail_compliance.classes import OUTCOMES, EntryClass, Outcome
from ticktrail_compliance.options import (
    CHANNELS,
    KINDS,
    for_a_purpose,
    of_a_period,
    of_classes,
    of_writers,
    which_log,
)

__all__ = ["explain", "find"]

Command = TypeVar("Command", bound=Callable[..., object])


class _Where(TypedDict):
    feed_file: Path | None
    database: str | None
    key: str | None
    since_ns: int | None
    until_ns: int | None
    instruments: tuple[str, ...]
    providers: tuple[str, ...]
    writers: tuple[int, ...]
    feeds: tuple[str, ...]


def _where(command: Command) -> Command:
    """Add where to look."""
    command = click.option(
        "--provider", "providers", multiple=True, help="Only of this leg; may be repeated."
    )(command)
    command = click.option(
        "--instrument", "instruments", multiple=True, help="Only of this instrument; may be repeated."
    )(command)
    return of_a_period("--since", "--until")(command)


@click.command()
@which_log
@for_a_purpose
@_where
@of_writers
@of_classes
@click.option(
    "--channel",
    "channels",
    multiple=True,
    type=click.Choice(CHANNELS),
    metavar="CHANNEL",
    help="Only with ticks of it, such as trades; may be repeated.",
)
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice(OUTCOMES),
    help="Only with ticks of which this became, or events; may be repeated.",
)
@click.option(
    "--event",
    "kinds",
    multiple=True,
    type=click.Choice(sorted(KINDS)),
    metavar="KIND",
    help="Only with records of this kind, such as leg_switched; may be repeated.",
)
@click.option(
    "--rule",
    "rules",
    multiple=True,
    help="Only where this rule objected, such as price_jump; may be repeated. Opens the segments in which any did.",
)
@click.option("--limit", type=click.IntRange(1), help="At most so many entries.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object an entry.")
@click.pass_context
def find(
    ctx: click.Context,
    *,
    classes: tuple[EntryClass, ...],
    channels: tuple[str, ...],
    outcomes: tuple[str, ...],
    kinds: tuple[str, ...],
    rules: tuple[str, ...],
    limit: int | None,
    as_json: bool,
    **where: Unpack[_Where],
) -> None:
    """Tell which entries hold something, by their summaries: contents are not opened.

    Of options of several kinds all must be met, of several values of one kind one. Exit status 1: no entry holds it.

    \b
    Examples:
      ticktrail audit find feed.toml --instrument BTC/USDT --outcome rejected
      ticktrail audit find feed.toml --since 2026-11-23T14:30:00Z --event leg_switched --json
      ticktrail audit find feed.toml --rule price_jump --limit 20
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.export.selection import Selection  # noqa: PLC0415 - `--help` needs no database
    from ticktrail_compliance.finding import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.finding.search import Search  # noqa: PLC0415 - see above
    from ticktrail_compliance.finding.writers import Writers  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    wanted = Search(
        selection=Selection(
            where["since_ns"],
            where["until_ns"],
            frozenset(classes),
            frozenset(where["instruments"]),
            frozenset(where["providers"]),
            frozenset(cast("Outcome", one) for one in outcomes),
        ),
        channels=frozenset(channels),
        events=frozenset(kinds),
        rules=frozenset(rules),
    )
    named = find_named(where["feed_file"], where["database"], where["key"])
    writers = Writers(frozenset(where["writers"]), frozenset(where["feeds"]))
    ctx.exit(console.find(named, wanted, writers, limit=limit, as_json=as_json))


@click.command()
@which_log
@for_a_purpose
@click.argument("tick_id", required=False, metavar="TICK_ID")
@_where
@of_writers
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def explain(
    ctx: click.Context,
    *,
    tick_id: str | None,
    as_json: bool,
    **where: Unpack[_Where],
) -> None:
    """Tell what became of a tick, by its venue's id: what came, what was decided and why, and the proof.

    Each copy from each leg is told with its times, beside who spoke then, how the legs were, and how far the clock was
    off. Exit status 1: no such tick is in the part of the log that was searched.

    \b
    Examples:
      ticktrail audit explain feed.toml 3735683259
      ticktrail audit explain feed.toml 3735683259 --instrument BTC/USDT --since 2026-11-23 --until 2026-11-23
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.export.selection import Selection  # noqa: PLC0415 - `--help` needs no database
    from ticktrail_compliance.finding import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.finding.search import Search  # noqa: PLC0415 - see above
    from ticktrail_compliance.finding.writers import Writers  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    feed_file = where["feed_file"]
    if tick_id is None and where["database"] is not None and feed_file is not None:
        feed_file, tick_id = None, str(feed_file)  # without a feed file the id comes first
    if tick_id is None:
        raise click.UsageError("TICK_ID is missing: give the venue's id of a trade, such as 3735683259")
    wanted = Search(
        selection=Selection(
            where["since_ns"],
            where["until_ns"],
            frozenset({"journal"}),
            frozenset(where["instruments"]),
            frozenset(where["providers"]),
        )
    )
    named = find_named(feed_file, where["database"], where["key"])
    writers = Writers(frozenset(where["writers"]), frozenset(where["feeds"]))
    how = str(feed_file) if feed_file else f"--database {where['database']} --key {where['key']}"
    ctx.exit(console.explain(named, how, tick_id, wanted, writers, as_json=as_json))
