"""Write the page of every command with its arguments and options, out of the program itself.

Owns: docs/reference/commands.md.
Never: runs a command.
"""

import inspect
import re
import textwrap
from collections.abc import Iterator

import click

from ticktrail.cli.program import program

HEAD = """\
# Every command and option

Written by `make docs-pages` from the program itself: this is what `--help` says, in one place. What the exit statuses
mean, which objects `--json` prints and what a command leaves behind: [the command line](command-line.md).

Every command takes `-h` and `--help`. `ticktrail` itself also takes `--debug` and `--version`, before the command.
"""


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Yield each command that is no group, with its words; hidden ones are for programs."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        if command is None or command.hidden:
            continue
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield (*path, name), command


def options_of(command: click.Command) -> list[click.Option]:
    """Return the options that a person may give."""
    return [one for one in command.params if isinstance(one, click.Option) and not one.hidden]


def page() -> str:
    """Return the page as it is to be."""
    parts, group = [HEAD], ""
    for path, command in leaves(program):
        if path[0] != group:
            group = path[0]
            parts.append(f"\n## {group}\n")
        parts.append(_section(path, command))
    return "".join(parts)


def _section(path: tuple[str, ...], command: click.Command) -> str:
    words = " ".join(("ticktrail", *path))
    usage = " ".join([words, *command.collect_usage_pieces(click.Context(command))])
    rows = [_row(option) for option in options_of(command)]
    table = "\n".join(["| option | meaning |", "| --- | --- |", *rows]) if rows else ""
    blocks = [f"### `{words}`", f"```text\n{usage}\n```", _prose(command.help), table, _prose(command.epilog)]
    return "\n" + "\n\n".join(filter(None, blocks)) + "\n"


def _row(option: click.Option) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    metavar = "" if option.is_flag or option.count else f" {option.make_metavar(click.Context(program))}"
    notes = []
    if option.required:
        notes.append("Required.")
    if option.multiple and "several times" not in (option.help or ""):
        notes.append("May stand several times.")
    if isinstance(option.default, str | int | float) and not isinstance(option.default, bool):
        notes.append(f"Default: `{option.default}`.")
    meaning = " ".join(filter(None, [escaped((option.help or "").strip()), *notes]))
    spelled = names if not metavar else f"{names} `{metavar.strip()}`"
    return f"| {spelled.replace('|', chr(92) + '|')} | {meaning} |"


def _prose(text: str | None) -> str:
    """Return a help text as paragraphs: what click must not wrap stands as it is."""
    blocks = []
    for block in inspect.cleandoc((text or "").replace("\f", "")).split("\n\n"):
        lines = block.splitlines()
        if lines and lines[0].strip() == "\b":
            blocks.append("```text\n" + textwrap.dedent("\n".join(lines[1:])) + "\n```")
        elif lines:
            blocks.append(escaped(" ".join(lines)))
    return "\n\n".join(blocks)


def escaped(text: str) -> str:
    """Return a text in which no sign has a meaning of its own in Markdown, but for the backticks of code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.replace("``", "`").split()))
    return "".join(
        part if part.startswith("`") else re.sub(r"([\\|*_\[\]<>])", r"\\\1", part) for part in parts
    )
