"""Run `ticktrail audit verify` without the log's keys, by the verifier key alone.

Owns: the form of what is printed, and what stands in it of that which is not proven.
Never: asks for a secret, opens an incident, or writes to the log: without the keys nothing can be added.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from ticktrail.feedfile import load_table
from ticktrail_compliance.anchoring import anchor_paths
from ticktrail_compliance.proof.note import Verifier
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.store.keyless import open_keyless
from ticktrail_compliance.verify.anchored import AnchorFile
from ticktrail_compliance.verify.keyless import VerifiedInTheOpen, verify_in_the_open
from ticktrail_compliance.words import counted

__all__ = ["verify_without_keys"]

FOUND = 1


def verify_without_keys(
    feed_file: Path | None,
    database: str | None,
    verifier: Verifier,
    brought: Sequence[Path],
    *,
    quick: bool,
    as_json: bool,
) -> int:
    """Verify what stands in the open, print the outcome, and return the exit status.

    Args:
        feed_file: Names database and anchors; its key is not looked for.
        database: The log's SQLAlchemy URL, in place of a feed file.
        verifier: The log's public key.
        brought: Anchors beside those of the feed file.
        quick: Hold no ciphertext against its hash.
        as_json: Print one JSON object.

    Raises:
        click.UsageError: The log is named in no way, or in two.
        ConfigError: It cannot be opened, or is another log than the key's.
    """
    if (feed_file is None) == (database is None):
        raise click.UsageError("name the log by its FEED.toml, or by --database")
    anchors = [AnchorFile(path) for path in dict.fromkeys(brought)]
    base_dir = Path()
    if feed_file is not None:
        settings = load_table(feed_file, "compliance", ComplianceSettings)
        database, base_dir = settings.database, feed_file.parent
        own = anchor_paths(settings, base_dir)
        known = {path.resolve() for path in own}
        anchors = [
            *(AnchorFile(path, own=True) for path in own),
            *(anchor for anchor in anchors if anchor.path.resolve() not in known),
        ]
    with open_keyless(database or "", base_dir, verifier) as log:
        found = verify_in_the_open(log, anchors, quick=quick)
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _tell(found, quick=quick)
    return 0 if found.sound else FOUND


def _tell(found: VerifiedInTheOpen, *, quick: bool) -> None:
    entries = counted(found.entries, "entry", "entries")
    if found.sound:
        click.echo(f"sound without its keys: {entries}, each in its place; contents cannot be opened")
    else:
        click.echo(f"not as it was sealed: {found.findings[0].what}", err=True)
        for finding in found.findings[1:]:
            click.echo(f"  also: {finding.what}", err=True)
        click.echo(f"{entries} looked at, without the log's keys", err=True)
    click.echo(
        f"proven: entries 1 to {found.proven:,}, by a signed checkpoint" if found.proven else "proven: none"
    )
    after = found.entries - found.proven
    if after > 0:
        click.echo(
            f"not proven: {counted(after, 'entry', 'entries')} after the last checkpoint; they follow those before "
            "them, and only the log's keys tell whether more are missing"
        )
    if not quick:
        gone = f"; of {counted(found.empty, 'entry', 'entries')} nothing is left" if found.empty else ""
        click.echo(f"ciphertexts: {counted(found.sealed, 'entry', 'entries')} as sealed{gone}")
    torn = f"; {found.torn:,} cut short by a crash" if found.torn else ""
    click.echo(
        f"checkpoints that agree: {found.own_checkpoints:,} of the log, {found.checkpoints:,} of anchors{torn}"
    )
    if found.head is not None:
        click.echo(f"head: {found.head}")
