"""Give the reports their commands.

Owns: the group ``report``, and the options of each report.
Never: opens the log itself; `ticktrail_compliance.reports.console` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from ticktrail_compliance.options import TimeType, which_log

__all__ = ["report"]


@click.group()
def report() -> None:
    """Draw reports from the sealed audit log of a feed."""


@report.command()
@which_log
@click.option("--from", "from_ns", type=TimeType(), help="First moment, such as 2026-11-23T14:30:00Z.")
@click.option("--to", "to_ns", type=TimeType(), help="Last moment.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def clock(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    from_ns: int | None,
    to_ns: int | None,
    as_json: bool,
) -> None:
    """Show each check of this machine's clock, and each time out of tolerance.

    What FINRA rules 4590 and 6820 ask to be kept: the times and results of the checks with source, offset and bound;
    breaches with begin, end and the time to correct them; the share of checks in tolerance; the longest time without
    a valid one. Nothing is measured: the log says what was.

    \b
    Examples:
      ticktrail report clock feed.toml --from 2026-11-01 --to 2026-12-01
      ticktrail report clock --database sqlite:///audit.db --key file:audit.key --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.reports import console  # noqa: PLC0415 - `ticktrail --help` needs no database

    console.clock(feed_file, database, key, from_ns=from_ns, to_ns=to_ns, as_json=as_json)


@report.command()
@which_log
@click.option("--from", "from_ns", type=TimeType(), help="First moment, such as 2026-11-23T14:30:00Z.")
@click.option("--to", "to_ns", type=TimeType(), help="Last moment.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def quality(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    from_ns: int | None,
    to_ns: int | None,
    as_json: bool,
) -> None:
    """Show what the rules found: by leg, instrument and rule, with examples.

    Of each: how many ticks were seen, rejected, flagged; the first and the last one with the numbers that tripped the
    rule. Beside them critical findings, confirmed price levels, quarantines, and rules that failed.

    \b
    Examples:
      ticktrail report quality feed.toml --from 2026-11-23
      ticktrail report quality --database sqlite:///audit.db --key file:audit.key --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.reports import console  # noqa: PLC0415 - `ticktrail --help` needs no database

    console.quality(feed_file, database, key, from_ns=from_ns, to_ns=to_ns, as_json=as_json)
