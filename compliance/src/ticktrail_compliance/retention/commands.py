"""Give retention its commands.

Owns: options and help of ``ticktrail audit retention``.
Never: touches a log; `ticktrail_compliance.retention.console` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from ticktrail_compliance.options import quietly, which_log

__all__ = ["retention"]


@click.group()
def retention() -> None:
    """Destroy what the policy in force says is due, and nothing that a rule or a hold keeps."""


@retention.command()
@which_log
@click.option("--save", is_flag=True, help="Keep the plan in the log, to be approved and applied.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(feed_file: Path | None, database: str | None, key: str | None, *, save: bool, as_json: bool) -> None:
    """Print what is due, by class and month, by which rule and since when, and what keeps the rest.

    Nothing is written without --save.

    \b
    Examples:
      ticktrail audit retention plan feed.toml
      ticktrail audit retention plan feed.toml --save
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - `ticktrail --help` needs no database
    from ticktrail_compliance.retention import console  # noqa: PLC0415 - see above

    console.plan_of(find_named(feed_file, database, key), save=save, as_json=as_json)


@retention.command()
@which_log
@click.option(
    "--plan",
    "digits",
    required=True,
    metavar="ID",
    help="Which, by 8 digits of its id or more, as `list` prints it.",
)
@click.option("--comment", default="", help="What the approval rests on; it stands in the log.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def approve(
    feed_file: Path | None, database: str | None, key: str | None, *, digits: str, comment: str, as_json: bool
) -> None:
    """Agree with a plan that another person saved.

    Who approves is who runs this: by their login at the database where the policy names roles of it, else by the
    operating system's word.

    \b
    Examples:
      ticktrail audit retention approve feed.toml --plan 3f9a1c0b --comment "checked against the retention schedule"
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above
    from ticktrail_compliance.retention import console  # noqa: PLC0415 - see above

    console.approve_plan(find_named(feed_file, database, key), digits, comment, as_json=as_json)


@retention.command()
@which_log
@click.option(
    "--plan",
    "digits",
    metavar="ID",
    help="A saved plan, by 8 digits of its id or more; of it is destroyed what is due still. Else whatever is due now.",
)
@click.option(
    "--vacuum/--no-vacuum",
    "whole",
    default=None,
    help="Write an SQLite file of an earlier version anew, to give its room back: stop its feeds first. By itself only "
    "where that is done within a moment.",
)
@quietly
@click.option("--yes", "confirmed", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; needs --yes.")
def apply(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    digits: str | None,
    whole: bool | None,
    confirmed: bool,
    as_json: bool,
) -> None:
    """Destroy the keys that are due, remove what nobody can read any more, and give its room back.

    The log tells what is destroyed before it is done. It can be interrupted at any point; the same command goes on.

    \b
    Examples:
      ticktrail audit retention apply feed.toml
      ticktrail audit retention apply feed.toml --plan 3f9a1c0b --yes
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above
    from ticktrail_compliance.retention import console  # noqa: PLC0415 - see above

    if as_json and not confirmed:
        raise click.UsageError("--json asks no questions: add --yes")
    console.apply_plan(
        find_named(feed_file, database, key), digits, whole=whole, confirmed=confirmed, as_json=as_json
    )


@retention.command("list")
@which_log
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_plans(feed_file: Path | None, database: str | None, key: str | None, *, as_json: bool) -> None:
    """Print the plans that the log holds: who made, approved and applied each, and what was destroyed.

    \b
    Examples:
      ticktrail audit retention list feed.toml
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above
    from ticktrail_compliance.retention import console  # noqa: PLC0415 - see above

    console.list_plans(find_named(feed_file, database, key), as_json=as_json)
