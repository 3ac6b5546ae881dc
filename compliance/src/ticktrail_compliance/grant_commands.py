"""Give roles of the audit log's database what they need, and no more.

Owns: the command `ticktrail audit grant`.
Never: decides which rights there are; `ticktrail_compliance.store.roles` does.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import click

from ticktrail_compliance.options import which_log

__all__ = ["grant"]

_ADDS = "may add to the audit log in {} now, and change or delete nothing that stands there"
_TELLS = "may read the audit log in {} now, and add what it has to tell; it changes and deletes nothing"
KINDS = {
    "writer": _ADDS,
    "reader": "may read the audit log in {} now, and nothing else",
    "operator": _ADDS,
    "auditor": _TELLS,
    "keeper": (
        "may read the audit log in {} now, add what it has to tell, change and empty its keys, and empty contents; it "
        "deletes nothing"
    ),
    "officer": _TELLS,
}
"""Whom a role can be for, and what is said once it has its rights."""


@click.command()
@which_log
@click.option(
    "--writer", metavar="ROLE", help="A role that feeds record as: it may add, and not change or delete."
)
@click.option(
    "--reader", metavar="ROLE", help="A role that verifies and reads, where no policy with roles is in force."
)
@click.option("--operator", metavar="ROLE", help="A role of who runs feeds: the same as --writer.")
@click.option("--auditor", metavar="ROLE", help="A role of who reads, and adds to the log that they did.")
@click.option(
    "--keeper", metavar="ROLE", help="A role of who keeps keys: it may change and empty them as well."
)
@click.option("--officer", metavar="ROLE", help="A role of who answers for the programme: as --auditor.")
@click.option("--print", "only_print", is_flag=True, help="Print the SQL, and run none of it.")
def grant(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    only_print: bool,
    **roles_by_kind: str | None,
) -> None:
    """Give a role of PostgreSQL just what it needs on the log's tables, and take all others.

    Run it as the owner of the tables, once the log is there; the roles must exist. What stands in the log, none can
    change or delete, but for a keeper, who can empty what is due: the database refuses that.

    \b
    Examples:
      ticktrail audit grant feed.toml --writer ticktrail_feed
      ticktrail audit grant feed.toml --operator ticktrail_feed --auditor audit --keeper keeper --officer officer
      ticktrail audit grant feed.toml --writer ticktrail_feed --reader auditor --print
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - `ticktrail --help` needs no database
    from ticktrail_compliance.store import roles  # noqa: PLC0415 - see above
    from ticktrail_compliance.store.opening import open_databases  # noqa: PLC0415 - see above

    wanted = {kind: role for kind in KINDS if (role := roles_by_kind[kind])}
    _refuse_twice(wanted)
    rights = [(role, roles.BY_KIND[kind]) for kind, role in wanted.items()]
    named = find_named(feed_file, database, key)
    with open_databases(named.settings, named.base_dir) as databases:
        for one in databases:
            statements = roles.grant(one, rights, run=not only_print)
            if only_print:
                told = [f"{statement};" for statement in statements]
            else:
                told = [f"role {role} {KINDS[kind].format(one.name)}" for kind, role in wanted.items()]
            for line in told:
                click.echo(line)


def _refuse_twice(wanted: Mapping[str, str]) -> None:
    """Refuse to give nothing, and to give one role the rights of two: the second would take what the first gave.

    Raises:
        click.UsageError: No role is named, or one is named twice; the message names the options and the remedy.
    """
    if not wanted:
        raise click.UsageError(f"name a role with {', '.join(f'--{kind}' for kind in KINDS)}, or several")
    for one, other in combinations(wanted, 2):
        if wanted[one] == wanted[other]:
            hint = (
                "a writer may read already: leave out --reader, or name another role"
                if (one, other) == ("writer", "reader")
                else "name another role for one of them"
            )
            raise click.UsageError(f"--{one} and --{other} both name {wanted[one]}: {hint}")
