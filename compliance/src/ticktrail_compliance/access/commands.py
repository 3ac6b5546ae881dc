"""Give access control its commands.

Owns: options and help of ``ticktrail compliance access``.
Never: opens a log; `ticktrail_compliance.access.console` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from ticktrail_compliance.options import for_a_purpose, of_a_period

__all__ = ["access"]


@click.group()
def access() -> None:
    """Show who holds which role, and who did what with the log."""


@access.command()
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@click.option(
    "--user",
    metavar="NAME",
    help="Tell what this user may do, by their name and groups on this machine; or, where the log is in PostgreSQL and "
    "the policy names database roles, what a login of the database may: there logins decide.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(feed_file: Path, *, user: str | None, as_json: bool) -> None:
    """Print the roles of the policy in force: who holds each, and what it may do.

    \b
    Examples:
      ticktrail compliance access show feed.toml
      ticktrail compliance access show feed.toml --user alice
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.access import console  # noqa: PLC0415 - `ticktrail --help` needs no database

    console.show(feed_file, user, as_json=as_json)


@access.command()
@click.argument("feed_file", type=click.Path(path_type=Path), metavar="FEED.toml")
@for_a_purpose
@of_a_period("--since", "--until")
@click.option("--refused", "only_refused", is_flag=True, help="Only who was not let.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object an entry.")
def log(
    feed_file: Path, *, since_ns: int | None, until_ns: int | None, only_refused: bool, as_json: bool
) -> None:
    """Print who used the log, when, in which role and what for; and who was not let.

    To look at this list is in it as well. The log tells so where the policy in force names roles; `ticktrail audit show
    --class access` shows who wrote to it otherwise.

    \b
    Examples:
      ticktrail compliance access log feed.toml --purpose "monthly review"
      ticktrail compliance access log feed.toml --since 2026-11-01 --refused --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.access import console  # noqa: PLC0415 - see above

    console.log(feed_file, since_ns, until_ns, only_refused=only_refused, as_json=as_json)
