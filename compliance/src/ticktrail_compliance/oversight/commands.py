"""Give the oversight of service providers its commands.

Owns: options and help of ``ticktrail compliance providers``.
Never: reads a log; `ticktrail_compliance.oversight.console` does.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import get_args

import click

from ticktrail_compliance.acts.oversight import ReviewOutcome
from ticktrail_compliance.options import of_a_period

__all__ = ["providers"]


@click.group()
def providers() -> None:
    """Oversee the venues, clouds and plugins that the firm's policy names.

    It gives evidence and workflow, and no legal advice: who is a service provider under which rule is for the firm.
    """


@providers.command("list")
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@click.option(
    "--overdue", is_flag=True, help="Only those whose review is overdue; exit status 1 where one is."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def list_providers(ctx: click.Context, feed_file: Path, *, overdue: bool, as_json: bool) -> None:
    """Print every provider of the policy in force: its legs, its plugin as it last ran, its next review.

    \b
    Examples:
      ticktrail compliance providers list feed.toml
      ticktrail compliance providers list feed.toml --overdue
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.oversight import console  # noqa: PLC0415 - `ticktrail --help` needs no database

    ctx.exit(console.list_of(feed_file, overdue=overdue, as_json=as_json))


@providers.command()
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@click.argument("name", metavar="NAME")
@of_a_period("--from", "--to")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(feed_file: Path, name: str, *, from_ns: int | None, to_ns: int | None, as_json: bool) -> None:
    """Print what the log says of a provider's legs in a period, and its reviews.

    Uptime while the feed ran, reconnects, failures, gaps, reject rates, outages, and by what its connections were
    carried. Nothing is measured: the log says what was.

    \b
    Examples:
      ticktrail compliance providers show feed.toml binance --from 2026-11-01 --to 2026-11-30
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.oversight import console  # noqa: PLC0415 - see above

    console.show(feed_file, name, from_ns=from_ns, to_ns=to_ns, as_json=as_json)


@providers.command()
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@click.argument("name", metavar="NAME")
@click.option("--outcome", required=True, type=click.Choice(get_args(ReviewOutcome)), help="What came of it.")
@click.option("--note", default="", help="What was looked at; it stands in the log.")
@click.option(
    "--next",
    "next_review",
    required=True,
    type=click.DateTime(formats=["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The day of the next review, no later than the policy's `review_every_days` from today.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def review(
    feed_file: Path,
    name: str,
    *,
    outcome: ReviewOutcome,
    note: str,
    next_review: datetime,
    as_json: bool,
) -> None:
    """Record in the log that a provider was reviewed, and when it is to be again.

    \b
    Examples:
      ticktrail compliance providers review feed.toml binance --outcome ok --note "uptime, SOC 2" --next 2027-11-30
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.oversight import console  # noqa: PLC0415 - see above

    console.review(
        feed_file, name, outcome=outcome, note=note, next_review=next_review.date(), as_json=as_json
    )
