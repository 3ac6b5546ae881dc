"""Give roles of the audit log's database what they need, and no more.

Owns: the command `ticktrail audit grant`.
Never: decides which rights there are; `ticktrail_compliance.store.roles` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from ticktrail_compliance.options import which_log

__all__ = ["grant"]


@click.command()
@which_log
@click.option(
    "--writer", metavar="ROLE", help="A role that feeds record as: it may add, and not change or delete."
)
@click.option("--reader", metavar="ROLE", help="A role that verifies and reads.")
@click.option("--print", "only_print", is_flag=True, help="Print the SQL, and run none of it.")
def grant(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    writer: str | None,
    reader: str | None,
    only_print: bool,
) -> None:
    """Give a role of PostgreSQL the rights to write the log, or to read it, and take all others on its tables.

    Run it as the owner of the tables, once the log is there; the roles must exist. What a writer has recorded, it can
    neither change nor delete: the database refuses that.

    \b
    Examples:
      ticktrail audit grant feed.toml --writer ticktrail_feed
      ticktrail audit grant feed.toml --writer ticktrail_feed --reader auditor --print
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - `ticktrail --help` needs no database
    from ticktrail_compliance.store import roles  # noqa: PLC0415 - see above
    from ticktrail_compliance.store.opening import open_databases  # noqa: PLC0415 - see above

    wanted = [
        (role, rights) for role, rights in ((writer, roles.OF_A_WRITER), (reader, roles.OF_A_READER)) if role
    ]
    if not wanted:
        raise click.UsageError("name a role with --writer, with --reader, or both")
    if writer == reader:
        raise click.UsageError(
            f"--writer and --reader both name {writer}: a writer may read already: leave out --reader, or name another "
            "role"
        )
    named = find_named(feed_file, database, key)
    with open_databases(named.settings, named.base_dir) as databases:
        for one in databases:
            for statement in roles.grant(one, wanted, run=not only_print):
                if only_print:
                    click.echo(f"{statement};")
            if not only_print:
                _tell(one.name, writer, reader)


def _tell(database: str, writer: str | None, reader: str | None) -> None:
    """Say what was granted in a database, to whom."""
    if writer:
        click.echo(
            f"role {writer} may add to the audit log in {database} now, and change or delete nothing that stands there"
        )
    if reader:
        click.echo(f"role {reader} may read the audit log in {database} now, and nothing else")
