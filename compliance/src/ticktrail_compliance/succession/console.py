"""Record which log another one was begun in place of.

Owns: which checkpoint of the log before counts, and the form of what is printed.
Never: opens that log: it may be lost.
"""

from __future__ import annotations

import time
from pathlib import Path

import click
import msgspec

from ticktrail.errors import ConfigError
from ticktrail_compliance.access.identity import actor_at
from ticktrail_compliance.acting import acting
from ticktrail_compliance.acts import PredecessorNamed
from ticktrail_compliance.naming import Named
from ticktrail_compliance.proof.anchor import read_anchor
from ticktrail_compliance.proof.checkpoint import Checkpoint, checkpoint_of
from ticktrail_compliance.proof.note import BadNote, Note, Verifier
from ticktrail_compliance.words import counted

__all__ = ["succeed"]


def succeed(named: Named, checkpoints: Path, verifier: Verifier, reason: str, *, as_json: bool) -> None:
    """Record the predecessor of a log.

    Args:
        named: The new log.
        checkpoints: A file with checkpoints of the log before.
        verifier: That log's public key.
        reason: Why it is not gone on with.
        as_json: Print one JSON object.

    Raises:
        ConfigError: The file holds no checkpoint of that log, or that log is this one; or this one cannot be written.
        NotAllowedError: The policy in force does not let whoever runs this do so.
    """
    found, note = _largest(checkpoints, verifier)
    with acting(named, "predecessor_name", f"name the log before this one: {reason}") as opened:
        if opened.log.verifier.name == found.origin:
            raise ConfigError(
                f"{checkpoints} holds checkpoints of this log itself: give those of the log before it"
            )
        act = PredecessorNamed(
            at_ns=time.time_ns(),
            actor=actor_at(opened.log.database),
            reason=reason,
            origin=found.origin,
            size=found.size,
            root=found.root.hex(),
            note=str(note),
            verifier_key=str(verifier),
        )
        seq = opened.record("retention", act)
    if as_json:
        told = {"entry": seq, "origin": found.origin, "size": found.size, "root": found.root.hex()}
        click.echo(msgspec.json.encode(told))
    else:
        entries = counted(found.size, "entry", "entries")
        click.echo(f"entry {seq} tells that this log follows {found.origin}, of which {entries} are proven")


def _largest(path: Path, verifier: Verifier) -> tuple[Checkpoint, Note]:
    """Return the checkpoint of the log before that covers most, and as it was signed.

    Raises:
        ConfigError: There is none in the file, or it cannot be read.
    """
    largest: tuple[Checkpoint, Note] | None = None
    why = "it holds no note"
    for anchored in read_anchor(path):
        if anchored.note is None:
            continue
        try:
            found = checkpoint_of(anchored.note, [verifier], verifier.name)
        except BadNote as exc:
            why = str(exc)
            continue
        if largest is None or found.size > largest[0].size:
            largest = (found, anchored.note)
    if largest is None:
        raise ConfigError(
            f"--checkpoint {path} holds no checkpoint that this verifier key signed ({why}): give the anchor of the "
            "log before, and the key that `ticktrail audit key` printed for it"
        )
    return largest
