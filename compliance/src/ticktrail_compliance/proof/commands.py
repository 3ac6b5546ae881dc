"""Give the audit log the command that checks a proof.

Owns: its options, and the form of what it prints.
Never: opens a log, or asks for a secret: whoever is given a proof has neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from ticktrail.text import one_line
from ticktrail_compliance.given_file import opened_file
from ticktrail_compliance.proof.options import by_verifier_key, verifier_named

if TYPE_CHECKING:  # `ticktrail --help` needs no cipher
    from ticktrail_compliance.entry import Header
    from ticktrail_compliance.proof.checking import Checked

__all__ = ["check_proof"]

NOT_PROVEN = 1
DIGEST_DIGITS = 64


@click.command("check-proof")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE")
@by_verifier_key
@click.option(
    "--digest", metavar="HEX", help="The digest of the entry that it must be of, in hexadecimal; else any."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def check_proof(
    ctx: click.Context,
    *,
    file: Path,
    verifier_key: str | None,
    verifier_key_file: Path | None,
    digest: str | None,
    as_json: bool,
) -> None:
    """Check the proof of an entry, as `prove` writes it, by the log's public key and nothing else.

    Have that key from the log's keeper by another way than the proof. Exit status 0: the entry stands in the log; 1:
    that is not proven, and why.

    \b
    Examples:
      ticktrail audit check-proof entry-4711.tlog-proof --verifier-key-file log.key
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.proof.checking import MAX_PROOF_BYTES, NoLeaf, check  # noqa: PLC0415 - see above

    verifier = verifier_named(verifier_key, verifier_key_file)
    wanted = None if digest is None else _digest(digest)
    try:
        with opened_file(file) as proof:
            data = proof.read(MAX_PROOF_BYTES + 1)
    except OSError as exc:
        raise click.UsageError(f"{file} cannot be read: {exc.strerror}") from exc
    try:
        found = check(data, verifier, wanted)
    except NoLeaf as exc:
        raise click.UsageError(f"{exc}: give the digest of the entry with --digest") from exc
    if as_json:
        click.echo(msgspec.json.encode(found))
    elif found.proven:
        for line in _lines(found):
            click.echo(one_line(line))
    else:
        click.echo(one_line(f"not proven: {found.reason}"), err=True)
    ctx.exit(0 if found.proven else NOT_PROVEN)


def _digest(text: str) -> bytes:
    if len(text) != DIGEST_DIGITS or not set(text.lower()) <= set("0123456789abcdef"):
        raise click.UsageError(f"--digest: write {DIGEST_DIGITS} hexadecimal digits")
    return bytes.fromhex(text)


def _lines(found: Checked) -> Iterator[str]:
    yield f"proven: entry {found.seq} of {found.size} stands in the log {found.origin}"
    if found.header is not None:
        yield from _told(found.header)
    yield f"digest {found.digest}"


def _told(header: Header) -> Iterator[str]:
    """Yield what a header says."""
    from ticktrail_compliance.words import moment  # noqa: PLC0415 - see above

    records = "1 record" if header.records == 1 else f"{header.records:,} records"
    ticks = "1 tick" if header.ticks == 1 else f"{header.ticks:,} ticks"
    until = "" if header.first_ns == header.last_ns else f" to {moment(header.last_ns)}"
    yield f"class {header.entry_class}, {records}, {ticks}, of {moment(header.first_ns)}{until}"
    yield f"sealed {moment(header.written_ns)} by writer {header.writer}, as its entry {header.counter}"
    if header.clock_offset_ns is None:
        yield "the clock of that machine had not been measured"
    else:
        bound = (
            "" if header.clock_bound_ns is None else f", give or take {header.clock_bound_ns / 1e6:.3f} ms"
        )
        yield f"the clock of that machine was {header.clock_offset_ns / 1e6:+.3f} ms off{bound}"
    yield f"its content, which is under data key {header.key_id}, is not told by a proof"
