"""`ticktrail plugins list`: say which plugins take part, and why others do not.

Owns: nothing but the command.
Never: imports a plugin that nobody allowed.
"""

from __future__ import annotations

from collections.abc import Iterator

import click
import msgspec

from ticktrail._host import Host

__all__ = ["list_plugins"]

_EXAMPLES = "\b\nExamples:\n  ticktrail plugins list\n  ticktrail plugins list --allow acme-feeds --json"


class _Row(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    distribution: str
    status: str
    version: str = ""
    sha256: str = ""
    declares: tuple[str, ...] = ()
    reason: str = ""


@click.command("list", epilog=_EXAMPLES)
@click.option(
    "--allow", metavar="DISTRIBUTION", multiple=True, help="Allow its plugins too, as [plugins] does."
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_plugins(allow: tuple[str, ...], *, as_json: bool) -> None:
    """List the plugins that are installed: loaded, quarantined, or not allowed."""
    rows = list(_rows(Host.load(allow=allow)))
    if as_json:
        click.echo(msgspec.json.encode(rows))
        return
    from rich.console import Console  # noqa: PLC0415 - only people need a table
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("plugin", "distribution", "version", "status", "declares, or why not"):
        table.add_column(title, overflow="fold")
    for row in rows:
        text = ", ".join(row.declares) or row.reason or "nothing yet"
        table.add_row(*(_plain(cell) for cell in (row.name, row.distribution, row.version, row.status, text)))
    Console().print(table)


def _plain(text: str) -> str:
    """Keep brackets from being read as markup."""
    from rich.markup import escape  # noqa: PLC0415 - as above

    return escape(text)


def _rows(host: Host) -> Iterator[_Row]:
    host.commands()
    for plugin in host.loaded:
        yield _Row(
            name=plugin.name,
            distribution=plugin.distribution,
            version=plugin.version,
            sha256=plugin.sha256,
            status="loaded",
            declares=host.declared_by(plugin.name),
        )
    for out in host.quarantined:
        yield _Row(name=out.name, distribution=out.distribution, status="quarantined", reason=out.reason)
    for found in host.not_allowed:
        yield _Row(
            name=found.name,
            distribution=found.distribution,
            version=found.version,
            status="not allowed",
            reason=f'if you trust it, add allow = ["{found.distribution}"] under [plugins] in the feed file',
        )
