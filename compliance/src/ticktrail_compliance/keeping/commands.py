"""Give the keys of an audit log their commands.

Owns: options and help of ``ticktrail audit keys``.
Never: touches a key; `ticktrail_compliance.keeping.console` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import click

from ticktrail_compliance.entry import EntryClass
from ticktrail_compliance.options import MonthType, for_a_purpose, quietly, which_log

__all__ = ["keys"]


@click.group()
def keys() -> None:
    """List the data keys of a log, wrap them by another key, destroy those of a month."""


@keys.command("list")
@which_log
@for_a_purpose
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_keys(feed_file: Path | None, database: str | None, key: str | None, *, as_json: bool) -> None:
    """Print which data keys there are, by class and month, and in which state.

    \b
    Examples:
      ticktrail audit keys list feed.toml
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.keeping import console  # noqa: PLC0415 - `ticktrail --help` needs no database
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    console.list_keys(find_named(feed_file, database, key), as_json=as_json)


@keys.command()
@which_log
@click.option(
    "--to", required=True, metavar="REF", help="The new key, as in --key; a file that is missing is made."
)
@quietly
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def rotate(feed_file: Path | None, database: str | None, key: str | None, *, to: str, as_json: bool) -> None:
    """Wrap every data key by another key; nothing is sealed anew, and no proof changes.

    It can be interrupted at any point, and done again: all keys are wrapped by the new one then. A feed that runs
    meanwhile goes on under the keys that it has, and must be started again with the new key before the month ends.

    \b
    Examples:
      ticktrail audit keys rotate feed.toml --to file:audit-2027.key
      ticktrail audit keys rotate feed.toml --to vault:https://vault.example:8200/v1/transit/keys/ticktrail
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.keeping import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    console.rotate(find_named(feed_file, database, key), to, as_json=as_json)


@keys.command()
@which_log
@click.option(
    "--class",
    "entry_class",
    required=True,
    type=click.Choice([one for one in get_args(EntryClass) if one != "retention"]),
    help="Of entries.",
)
@click.option(
    "--month", required=True, type=MonthType(), metavar="YYYY-MM", help="A month that is over, UTC."
)
@click.option("--purpose", required=True, help="Why; it stands in the log.")
@click.option("--yes", "confirmed", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; needs --yes.")
def destroy(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    entry_class: EntryClass,
    month: str,
    purpose: str,
    confirmed: bool,
    as_json: bool,
) -> None:
    """Destroy the keys of a class and month: what they sealed stays proven, and is read by nobody any more.

    \b
    Examples:
      ticktrail audit keys destroy feed.toml --class journal --month 2019-11 --purpose "retention of seven years"
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.keeping import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    if as_json and not confirmed:
        raise click.UsageError("--json asks no questions: add --yes")
    console.destroy(
        find_named(feed_file, database, key),
        entry_class,
        month,
        purpose,
        confirmed=confirmed,
        as_json=as_json,
    )
