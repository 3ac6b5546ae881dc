"""Give the audit log the command that names the log before it.

Owns: its options and help.
Never: reads a checkpoint, or writes; `ticktrail_compliance.succession.console` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from ticktrail_compliance.options import which_log
from ticktrail_compliance.proof.options import by_verifier_key, verifier_named

__all__ = ["succeed"]


@click.command()
@which_log
@click.option(
    "--checkpoint",
    "checkpoints",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="An anchor of the log before, or a file with a checkpoint of it; the largest one in it counts.",
)
@by_verifier_key
@click.option("--reason", required=True, help="Why that log is not gone on with; it stands in this one.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def succeed(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    checkpoints: Path,
    verifier_key: str | None,
    verifier_key_file: Path | None,
    reason: str,
    as_json: bool,
) -> None:
    """Record in a new log which log it was begun in place of, by the last checkpoint of that one.

    The checkpoint is verified by that log's public key, as `ticktrail audit key` printed it. From then on nobody can
    pass another log off as the one before.

    \b
    Examples:
      ticktrail audit succeed feed.toml --checkpoint old-anchor.txt --verifier-key-file old-log.key \\
        --reason "The disk of the database was lost on 29 November"
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - `ticktrail --help` needs no database
    from ticktrail_compliance.succession import console  # noqa: PLC0415 - see above

    verifier = verifier_named(verifier_key, verifier_key_file)
    console.succeed(find_named(feed_file, database, key), checkpoints, verifier, reason, as_json=as_json)
