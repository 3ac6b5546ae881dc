"""Be a group of commands that says what may have been meant by one that is not there.

Owns: the words for a command that is not there.
Never: knows a command.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

import click

__all__ = ["Group"]


class Group(click.Group):
    """A group of commands."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is asked for.

        Raises:
            UsageError: There is none of that name; the message says which is near, or what would bring it.
        """
        name = args[0]
        if not (ctx.resilient_parsing or name.startswith("-")) and self.get_command(ctx, name) is None:
            raise click.UsageError("; ".join(self.unknown(ctx, name)), ctx)
        return super().resolve_command(ctx, args)

    def unknown(self, ctx: click.Context, name: str) -> Iterator[str]:
        """Yield what to say of a command that is not there."""
        yield f'there is no command "{name}"'
        if near := get_close_matches(name, self.list_commands(ctx), n=1):
            yield f"did you mean {near[0]}?"
