"""Turn an exception into what a person reads and a script tests.

Owns: which error has which exit status, and one paragraph an error.
Never: shows a traceback, unless `--debug` asks for it.
"""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from typing import TypeGuard

import click

from ticktrail.cli.statuses import DEFECT, HALTED, INTERRUPTED, WRONG_USE
from ticktrail.errors import AuditError, ClockError, ConfigError, FeedError
from ticktrail.text import one_line

__all__ = ["DEFECT", "HALTED", "INTERRUPTED", "WRONG_USE", "exit_status", "paragraphs", "report"]


def exit_status(error: BaseException) -> int:
    """Return the exit status for an error, or for the worst one in a group of them."""
    leaves = list(_leaves(error))
    if any(isinstance(leaf, AuditError | ClockError) for leaf in leaves):
        return HALTED
    if any(
        not isinstance(leaf, FeedError | KeyboardInterrupt) and not _is_of_rights(leaf) for leaf in leaves
    ):
        return DEFECT
    if any(isinstance(leaf, FeedError | PermissionError) for leaf in leaves):
        return WRONG_USE
    return INTERRUPTED


def paragraphs(error: BaseException) -> Sequence[str]:
    """Return what to tell of an error, or of each one in a group: a paragraph each, and each once."""
    return tuple(dict.fromkeys(text for leaf in _leaves(error) for text in _texts(leaf)))


def report(error: BaseException, *, debug: bool = False) -> int:
    """Tell an error on stderr and return its exit status; an interruption is not worth a word.

    Args:
        error: What ended the command.
        debug: Show the traceback first.
    """
    if debug:
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
    for text in paragraphs(error):
        click.echo(f"{click.style('error:', fg='red', bold=True)} {one_line(text)}", err=True)
    return exit_status(error)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for part in error.exceptions:
            yield from _leaves(part)
    else:
        yield error


def _is_of_rights(error: BaseException) -> TypeGuard[PermissionError]:
    """Tell whether the system does not let this user at a file: no defect, and the user's to mend."""
    return isinstance(error, PermissionError) and bool(error.filename)


def _texts(error: BaseException) -> Iterator[str]:
    if isinstance(error, ConfigError):
        yield from error.problems
    elif isinstance(error, FeedError):
        yield "; ".join([str(error), *getattr(error, "__notes__", ())])
    elif isinstance(error, PermissionError) and error.filename:
        yield f"{error.filename}: {error.strerror}; give this user the right to it, or run as one who has it"
    elif not isinstance(error, KeyboardInterrupt):
        said = f"{type(error).__name__}: {' '.join(str(error).split())}"
        shown = "with what `ticktrail --debug …` shows"
        if (whose := _plugin_of(error)) is None:
            yield f"ticktrail itself failed ({said}); please report this, {shown}"
        else:
            yield f"{whose} failed by a defect of its own ({said}); please report this to its authors, {shown}"


def _plugin_of(error: BaseException) -> str | None:
    """Return whose code raised: the plugin nearest to where it happened; None where none was on the way."""
    from ticktrail._host.code import code_of_imported, owner_of  # noqa: PLC0415 - only a defect needs it

    code = code_of_imported()
    for step in reversed(traceback.extract_tb(error.__traceback__)):
        if (owner := owner_of(step.filename, code)) is not None:
            return f"plugin {owner.plugin} ({owner.distribution})"
    return None
