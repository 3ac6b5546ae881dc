"""Give the reports their commands.

Owns: the group ``report``, and the options of each report.
Never: opens the log itself; `ticktrail_compliance.reports.console` does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack

import click

from ticktrail_compliance.evidence.commands import compliance
from ticktrail_compliance.objectives.commands import slo
from ticktrail_compliance.options import for_a_purpose, of_a_period, which_log

__all__ = ["report"]

Command = TypeVar("Command", bound=Callable[..., object])


class _Named(TypedDict):
    feed_file: Path | None
    database: str | None
    key: str | None
    from_ns: int | None
    to_ns: int | None


def _of_a_period(command: Command) -> Command:
    """Add what every report is asked with: a log, a period, and a form."""
    command = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)
    command = of_a_period("--from", "--to")(command)
    return which_log(for_a_purpose(command))


@click.group()
def report() -> None:
    """Draw reports from the sealed audit log of a feed."""


@report.command()
@_of_a_period
def clock(*, as_json: bool, **wanted: Unpack[_Named]) -> None:
    """Show each check of this machine's clock, and each time out of tolerance.

    What FINRA rules 4590 and 6820 ask to be kept: the times and results of the checks with source, offset and bound;
    breaches with begin, end and the time to correct them; the share of checks in tolerance; the longest time without
    a valid one. Nothing is measured: the log says what was.

    \b
    Examples:
      ticktrail report clock feed.toml --from 2026-11-01 --to 2026-11-30
      ticktrail report clock --database sqlite:///audit.db --key file:audit.key --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.reports import console  # noqa: PLC0415 - `ticktrail --help` needs no database

    console.clock(console.Wanted(**wanted), as_json=as_json)


@report.command()
@_of_a_period
def quality(*, as_json: bool, **wanted: Unpack[_Named]) -> None:
    """Show what the rules found: by leg, instrument and rule, with examples.

    Of each: how many ticks were seen, rejected, flagged; the first and the last one with the numbers that tripped the
    rule. Beside them critical findings, confirmed price levels, quarantines, and rules that failed.

    \b
    Examples:
      ticktrail report quality feed.toml --from 2026-11-23
      ticktrail report quality --database sqlite:///audit.db --key file:audit.key --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.reports import console  # noqa: PLC0415 - `ticktrail --help` needs no database

    console.quality(console.Wanted(**wanted), as_json=as_json)


@report.command()
@_of_a_period
def shadow(*, as_json: bool, **wanted: Unpack[_Named]) -> None:
    """Show how a candidate compared with the speaker beside which it ran.

    By instrument and channel: how much of the speaker's data the candidate had too, what it missed and what it had
    more, by how much its prices differed, and how late both were. The summaries of a shadow node are added up that
    were recorded in the period; no tick is compared anew. Where one of the two was never up the exit status is 1, since
    nothing is proven then.

    \b
    Examples:
      ticktrail report shadow feed.toml --from 2026-11-23 --to 2026-11-23
      ticktrail report shadow --database sqlite:///audit.db --key file:audit.key --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.reports import console  # noqa: PLC0415 - `ticktrail --help` needs no database

    console.shadow(console.Wanted(**wanted), as_json=as_json)


report.add_command(compliance)
report.add_command(slo)
