"""Give the audit log its commands.

Owns: options, and what a person or a program is shown.
Never: opens the log itself; `ticktrail_compliance.console` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.export.commands import export
from ticktrail_compliance.finding.commands import explain, find
from ticktrail_compliance.grant_commands import grant
from ticktrail_compliance.holds.commands import hold
from ticktrail_compliance.keeping.commands import keys
from ticktrail_compliance.options import (
    KINDS,
    for_a_purpose,
    key_store_named,
    of_a_period,
    of_classes,
    of_writers,
    quietly,
    refuse_backwards,
    tell_on_stderr,
    which_log,
)
from ticktrail_compliance.proof.commands import check_proof
from ticktrail_compliance.proof.options import by_verifier_key, verifier_named
from ticktrail_compliance.retention.commands import retention
from ticktrail_compliance.succession.commands import succeed

__all__ = ["audit"]


@click.group()
def audit() -> None:
    """Verify, read and export the sealed audit log of a feed."""


audit.add_command(keys)
audit.add_command(hold)
audit.add_command(retention)


@audit.command()
@which_log
@for_a_purpose
@click.option(
    "--anchor",
    "anchors",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A file of checkpoints that the log must agree with, beside those of the feed file; may be repeated.",
)
@click.option("--quick", is_flag=True, help="Check chain, tree, checkpoints and anchors, and open no entry.")
@click.option("--full", is_flag=True, help="Open every entry as well, which is what happens by itself.")
@click.option(
    "--resume",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Keep in FILE how far it got, and go on from there if it is interrupted.",
)
@click.option("--no-incident", is_flag=True, help="Open no incident where something is found.")
@by_verifier_key
@quietly
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def verify(
    ctx: click.Context,
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    anchors: tuple[Path, ...],
    quick: bool,
    full: bool,
    resume: Path | None,
    no_incident: bool,
    verifier_key: str | None,
    verifier_key_file: Path | None,
    as_json: bool,
) -> None:
    """Walk the whole log and name what is not as it was sealed, or not as its anchors know it.

    Where something is not, an incident is opened in the log, unless one is open for it already.

    With a verifier key the log's own keys are not looked for: what stands in the open is verified (headers, hashes,
    ciphertexts, signed checkpoints), no content is opened, and nothing is written.

    Exit status 0: everything is as it was sealed; 1: something is not; 2: the log cannot be opened.

    \b
    Examples:
      ticktrail audit verify feed.toml
      ticktrail audit verify feed.toml --anchor checkpoints-of-last-month.txt
      ticktrail audit verify feed.toml --quick
      ticktrail audit verify feed.toml --resume verify.mark
      ticktrail audit verify --database sqlite:///audit.db --key file:audit.key --json
      ticktrail audit verify --database sqlite:///audit.db --verifier-key-file log.key
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail.tracing import span, traced  # noqa: PLC0415 - `ticktrail --help` needs no feed file's parser
    from ticktrail_compliance import console  # noqa: PLC0415 - `ticktrail --help` needs no database
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    if quick and (full or resume is not None):
        raise click.UsageError("--quick opens no entry: leave out --full and --resume, or --quick")
    if verifier_key is not None or verifier_key_file is not None:
        if full or resume is not None or key is not None or key_store_named() is not None:
            raise click.UsageError(
                "by a verifier key no content is opened: leave out --full, --resume, --key and --keys, or that key"
            )
        from ticktrail_compliance.verify.console import verify_without_keys  # noqa: PLC0415 - see above

        verifier = verifier_named(verifier_key, verifier_key_file)
        ctx.exit(verify_without_keys(feed_file, database, verifier, anchors, quick=quick, as_json=as_json))
    named = find_named(feed_file, database, key)
    with traced(feed_file, tell_on_stderr), span("audit verify", quick=quick):
        status = console.verify(
            named, anchors, quick=quick, resume=resume, open_incident=not no_incident, as_json=as_json
        )
    ctx.exit(status)


@audit.command()
@which_log
@for_a_purpose
@click.option("--from", "from_seq", type=click.IntRange(1), default=1, help="First entry, by number.")
@click.option("--to", "to_seq", type=click.IntRange(1), help="Last entry, by number.")
@of_a_period("--since", "--until")
@of_writers
@of_classes
@click.option(
    "--event",
    "kinds",
    multiple=True,
    type=click.Choice(sorted(KINDS)),
    metavar="KIND",
    help="Only records of this kind, such as leg_switched or routed; may be repeated.",
)
@click.option("--limit", type=click.IntRange(1), help="At most so many lines.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a record.")
def show(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    from_seq: int,
    to_seq: int | None,
    since_ns: int | None,
    until_ns: int | None,
    writers: tuple[int, ...],
    feeds: tuple[str, ...],
    classes: tuple[EntryClass, ...],
    kinds: tuple[str, ...],
    limit: int | None,
    as_json: bool,
) -> None:
    """Decrypt a range of the log and print its records.

    \b
    Examples:
      ticktrail audit show feed.toml --event leg_switched
      ticktrail audit show feed.toml --since 2026-11-23T14:30:00Z --until 2026-11-23T14:31:00Z --json
      ticktrail audit show feed.toml --from 1 --to 20 --limit 50
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.finding.writers import Writers  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above
    from ticktrail_compliance.reading import Range  # noqa: PLC0415 - see above

    refuse_backwards(("--from", "--to"), from_seq, to_seq, shown="numbers")
    wanted = Range(
        from_seq=from_seq,
        to_seq=to_seq,
        since_ns=since_ns,
        until_ns=until_ns,
        classes=frozenset(classes) or None,
    )
    named = find_named(feed_file, database, key)
    of = Writers(frozenset(writers), frozenset(feeds))
    console.show(named, wanted, of, events=kinds, limit=limit, as_json=as_json)


@audit.command()
@which_log
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def migrate(feed_file: Path | None, database: str | None, key: str | None, *, as_json: bool) -> None:
    """Bring a log's tables to the layout of this program; a feed does that at its start by itself.

    It goes forward only: make a backup first, an older program reads the log no more.

    \b
    Examples:
      ticktrail audit migrate feed.toml
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance import console  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    console.migrate(find_named(feed_file, database, key), as_json=as_json)


@audit.command("key")
@which_log
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_key(feed_file: Path | None, database: str | None, key: str | None, *, as_json: bool) -> None:
    """Print the public key that this log's checkpoints are verified with.

    Give it to whoever checks proofs or cosigns checkpoints, by a way that the log's keeper does not control.

    \b
    Examples:
      ticktrail audit key feed.toml
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above
    from ticktrail_compliance.proof import console  # noqa: PLC0415 - see above

    console.key(find_named(feed_file, database, key), as_json=as_json)


@audit.command()
@which_log
@for_a_purpose
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Append it to this file as well, synced to the disk.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def checkpoint(
    feed_file: Path | None, database: str | None, key: str | None, *, to: Path | None, as_json: bool
) -> None:
    """Print a signed checkpoint of the log as it is: how many entries, and the root of their tree.

    \b
    Examples:
      ticktrail audit checkpoint feed.toml
      ticktrail audit checkpoint feed.toml --to /mnt/other/anchor.txt
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above
    from ticktrail_compliance.proof import console  # noqa: PLC0415 - see above

    console.checkpoint(find_named(feed_file, database, key), to, as_json=as_json)


@audit.command()
@which_log
@for_a_purpose
@click.argument("seq", required=False, metavar="SEQ")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write it to a new file, such as entry.tlog-proof.",
)
def prove(
    feed_file: Path | None, database: str | None, key: str | None, seq: str | None, *, out: Path | None
) -> None:
    """Print the proof that entry SEQ stands in the log, for somebody who has the verifier key and nothing else.

    \b
    Examples:
      ticktrail audit prove feed.toml 4711 --out entry-4711.tlog-proof
      ticktrail audit prove --database sqlite:///audit.db --key file:audit.key 4711
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above
    from ticktrail_compliance.proof import console  # noqa: PLC0415 - see above

    if seq is None and database is not None and feed_file is not None:
        feed_file, seq = None, str(feed_file)  # without a feed file the number comes first
    if seq is None or not (seq.isascii() and seq.isdigit()):
        raise click.UsageError(
            f"SEQ is the number of an entry, as `ticktrail audit show` prints it, not {seq!r}"
        )
    console.prove(find_named(feed_file, database, key), int(seq), out)


for command in (check_proof, export, find, explain, grant, succeed):
    audit.add_command(command)
