"""`ticktrail completion`: print what lets a shell complete commands, options and files.

Owns: nothing but the command; click writes the script, and answers the shell.
Never: changes a shell's files.
"""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

VARIABLE = "_TICKTRAIL_COMPLETE"
"""By which the script asks the program."""


@click.command(short_help="Print the script that completes commands in a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script by which a shell completes commands, options and files, plugins' commands among them.

    Bash needs version 4.4 or later.

    \b
    Examples:
      ticktrail completion bash > ~/.local/share/bash-completion/completions/ticktrail
      ticktrail completion zsh > ~/.zfunc/_ticktrail
      ticktrail completion fish > ~/.config/fish/completions/ticktrail.fish
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click has these three
    program = ctx.find_root().command
    click.echo(found(program, {}, "ticktrail", VARIABLE).source())
