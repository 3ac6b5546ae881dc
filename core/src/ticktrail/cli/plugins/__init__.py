"""`ticktrail plugins`: see what plugins there are and what they declare, pin them, write one, have one tested.

Owns: the group, and which of its commands is in which module; each is imported when it is asked for.
Never: imports a plugin.
"""

from __future__ import annotations

import importlib
from typing import Final

import click

from ticktrail.cli.group import Group

__all__ = ["plugins"]

_COMMANDS: Final = {
    "list": (
        "ticktrail.cli.plugins.list",
        "list_plugins",
        "List the plugins that are installed, and how each stands.",
    ),
    "lock": (
        "ticktrail.cli.plugins.lock",
        "lock_plugins",
        "Pin the plugins of a feed by the hashes of their files.",
    ),
    "new": (
        "ticktrail.cli.plugins.new",
        "new_plugin",
        "Write a new plugin distribution whose own tests pass.",
    ),
    "show": ("ticktrail.cli.plugins.show", "show_plugin", "Show what a plugin declares, and its settings."),
    "test": (
        "ticktrail.cli.plugins.test",
        "test_plugin",
        "Run the conformance kit on an installed plugin.",
    ),
}
"""By name: module, attribute, and what the help of the group says of it."""


class _Group(Group):
    """A group whose commands are imported one by one."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands."""
        return sorted({*_COMMANDS, *super().list_commands(ctx)})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now."""
        if (place := _COMMANDS.get(cmd_name)) is None:
            return super().get_command(ctx, cmd_name)
        module, attribute, _summary = place
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}.{attribute} is no command")
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in sorted(_COMMANDS.items())])


@click.group(cls=_Group, short_help="See which plugins take part and why others do not; write and test one.")
def plugins() -> None:
    """See which plugins take part and why others do not, what they declare, and pin them; write one, and test it."""
