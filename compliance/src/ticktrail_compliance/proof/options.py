"""Give commands the two ways to name the public key of a log.

Owns: ``--verifier-key`` and ``--verifier-key-file``.
Never: opens a log.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from ticktrail_compliance.given_file import opened_file

if TYPE_CHECKING:  # `ticktrail --help` needs no cipher
    from ticktrail_compliance.proof.note import Verifier

__all__ = ["by_verifier_key", "verifier_named"]

Command = TypeVar("Command", bound=Callable[..., object])


def by_verifier_key(command: Command) -> Command:
    """Add the ways to name the public key of a log; `verifier_named` reads what is named."""
    command = click.option(
        "--verifier-key-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        metavar="FILE",
        help="The same in a file.",
    )(command)
    return click.option(
        "--verifier-key", metavar="KEY", help="The log's public key, as `ticktrail audit key` prints it."
    )(command)


def verifier_named(key: str | None, file: Path | None) -> Verifier:
    """Return the verifier key that is named.

    Raises:
        click.UsageError: None is, or two are, or it is none.
    """
    from ticktrail_compliance.proof.note import MAX_NOTE_BYTES, BadNote, Verifier  # noqa: PLC0415 - see above

    if (key is None) == (file is None):
        raise click.UsageError(
            "give the log's public key with --verifier-key or --verifier-key-file, one of both"
        )
    option = f"--verifier-key-file {file}" if key is None else "--verifier-key"
    try:
        if file is not None:
            with opened_file(file) as handle:
                key = handle.read(MAX_NOTE_BYTES).decode()
        return Verifier.parse((key or "").strip())
    except (OSError, UnicodeDecodeError, BadNote) as exc:
        raise click.UsageError(
            f"{option}: {exc}; write what `ticktrail audit key` printed, NAME+NUMBER+BASE64"
        ) from exc
