"""Run the commands that give something of a log away to be kept or checked elsewhere.

Owns: the form of what is printed, and the file that it goes to.
Never: signs or proves by itself.
"""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from ticktrail.errors import ConfigError
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.acting import reading
from ticktrail_compliance.anchoring import anchor_paths, check_path, signed_checkpoint
from ticktrail_compliance.naming import Named
from ticktrail_compliance.proof.anchor import Anchor
from ticktrail_compliance.proof.note import encode
from ticktrail_compliance.proving import prove as prove_entry

__all__ = ["checkpoint", "key", "prove"]


def key(named: Named, *, as_json: bool) -> None:
    """Print the verifier key of a log."""
    with reading(
        named, "verify", asked("audit key"), "the public key, which tells nothing of the log"
    ) as log:
        verifier = log.signer().verifier
    if as_json:
        click.echo(msgspec.json.encode({"origin": verifier.name, "verifier_key": str(verifier)}))
    else:
        click.echo(str(verifier))


def checkpoint(named: Named, to: Path | None, *, as_json: bool) -> None:
    """Print the signed checkpoint of a log as it is, and append it to a file."""
    paths = list(anchor_paths(named.settings, named.base_dir))
    if to is not None:
        check_path(to, named.settings, named.base_dir)
        paths.append(to)
    with reading(named, "checkpoint", asked("audit checkpoint", to=to)) as log:
        found, note = signed_checkpoint(log, paths)
    if to is not None:
        anchor = Anchor(to)
        anchor.open()
        anchor.append(note)
    if as_json:
        shown = {"origin": found.origin, "size": found.size, "root": encode(found.root), "note": str(note)}
        click.echo(msgspec.json.encode(shown))
    else:
        click.echo(str(note), nl=False)


def prove(named: Named, seq: int, out: Path | None) -> None:
    """Print the proof of an entry, or write it to a new file."""
    with reading(named, "verify", asked("audit prove", entry=seq, out=out)) as log:
        found = prove_entry(log, seq, anchor_paths(named.settings, named.base_dir))
    if out is None:
        click.echo(str(found), nl=False)
        return
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except OSError as exc:
        raise ConfigError(f"--out {out} cannot be made: {exc.strerror}; name a new file") from exc
    with os.fdopen(handle, "wb") as file:
        file.write(str(found).encode())
