"""Every command of the program, ours and the plugins', explains itself well enough to need no manual."""

import re
import shlex

import click
import pytest

from ticktrail.cli.program import program


def walk(group, path=()):
    """Every command and group, with its place."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from walk(command, (*path, name))


COMMANDS = dict(walk(program))
LEAVES = {path: command for path, command in COMMANDS.items() if not isinstance(command, click.Group)}


def lines_of(command):
    """The lines of a command's examples, those that go on after a backslash joined."""
    text = (command.help or "") + "\n" + (command.epilog or "")
    _, mark, after = text.partition("Examples:\n")
    assert mark, "there are no examples"
    block = after.split("\n\n")[0].replace("\\\n", " ").replace("\b", "")
    return [line.strip() for line in block.splitlines() if line.strip()]


def parsed(arguments):
    """What click makes of arguments: the last command and what was given to it. Nothing is run."""
    ctx = program.make_context("ticktrail", list(arguments))
    while isinstance(ctx.command, click.Group):
        name, command, rest = ctx.command.resolve_command(ctx, [*ctx._protected_args, *ctx.args])
        assert command is not None, name
        ctx = command.make_context(name, rest, parent=ctx)
    return ctx.command


def test_the_plugins_commands_are_among_them():
    """The walk sees ours and the plugins'."""
    assert {("run",), ("audit", "verify"), ("demo",), ("ctl", "drain"), ("completion",)} <= set(LEAVES)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_it_says_what_it_does(path):
    """A summary of one sentence, which the list of commands shows."""
    command = COMMANDS[path]
    summary = (command.help or "").strip().split("\n\n")[0].replace("\n", " ")
    assert len(summary) > 15
    assert summary.endswith((".", "?"))
    assert command.get_short_help_str(limit=200)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_each_option_has_help(path):
    """Nobody guesses what an option does."""
    for option in COMMANDS[path].params:
        if isinstance(option, click.Option):
            assert (option.help or "").strip().endswith((".", ")")), option.opts


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_its_examples_are_commands(path, tmp_path, monkeypatch):
    """Each line of the examples is read by the program as it stands, and one at least is of this very command."""
    monkeypatch.chdir(tmp_path)
    seen = []
    for line in lines_of(LEAVES[path]):
        words = shlex.split(line, comments=True)
        cut = next((at for at, word in enumerate(words) if word in {"|", ">", "2>", "&&"}), len(words))
        assert words[0] == "ticktrail", line
        for word in words[1:cut]:
            if re.fullmatch(r"[\w-]+\.\w[\w-]*", word):  # a file that must be there is
                (tmp_path / word).touch()
        seen.append(parsed(words[1:cut]))
    assert any(command is not None and command.name == LEAVES[path].name for command in seen)


def test_the_check_can_fail():
    """A line that the program does not read is found."""
    with pytest.raises(click.UsageError):
        parsed(["run", "feed.toml", "--no-such-option"])
    with pytest.raises(AssertionError):
        lines_of(click.Command("x", help="Does something."))
