"""Give the reports the command on what a feed is meant to reach.

Owns: its options.
Never: opens the log itself; `ticktrail_compliance.objectives.console` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from ticktrail_compliance.options import for_a_purpose, of_a_period, which_log

__all__ = ["slo"]


@click.command()
@which_log
@of_a_period("--from", "--to")
@click.option(
    "--html",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a page with plots there as well, to be read and printed; an earlier one is replaced.",
)
@for_a_purpose
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def slo(
    ctx: click.Context,
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    from_ns: int | None,
    to_ns: int | None,
    html: Path | None,
    as_json: bool,
) -> None:
    """Show what a feed was meant to reach, and what it reached: service level objectives, from the log alone.

    Synthetic ticks delivered (0), latency p50 and p99 (100 ms), delivery uptime (99.9 %), invalid ticks after
    validation (0.1 %), the clock (50 ms of UTC), and the compliance checks. Each with its figure, how it was measured,
    and the entries that prove it. Without --from and --to it is of the whole log.

    Exit status 0: none was missed; 1: one was. An objective of which the log records nothing counts as neither.

    \b
    Examples:
      ticktrail report slo feed.toml --from 2026-11-01 --to 2026-11-30
      ticktrail report slo feed.toml --html slo.html
      ticktrail report slo --database sqlite:///audit.db --key file:audit.key --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - `ticktrail --help` needs no database
    from ticktrail_compliance.objectives import console  # noqa: PLC0415 - see above

    named = find_named(feed_file, database, key)
    ctx.exit(console.slo(named, from_ns, to_ns, html, as_json=as_json))
