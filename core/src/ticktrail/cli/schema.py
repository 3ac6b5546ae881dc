"""`ticktrail schema`: print the JSON Schema of feed files.

Owns: nothing but the command.
Never: reads a feed file.
"""

from __future__ import annotations

import click

__all__ = ["schema"]


@click.command(
    short_help="Print the JSON Schema of feed files, for editors.",
    epilog="\b\nExamples:\n  ticktrail schema > feed.schema.json\n  ticktrail schema --allow acme-feeds",
)
@click.option(
    "--allow", metavar="DISTRIBUTION", multiple=True, help="Allow its plugins too, as [plugins] does."
)
def schema(allow: tuple[str, ...]) -> None:
    """Print the JSON Schema of feed files, with the tables of every plugin that takes part."""
    from ticktrail._host import Host  # noqa: PLC0415 - so that help comes without the plugins' machinery
    from ticktrail._plan.schema import feed_schema  # noqa: PLC0415

    click.echo(feed_schema(Host.load(allow=allow)))
