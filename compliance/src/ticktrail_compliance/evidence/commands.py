"""Give the reports the command that packs the evidence of a period.

Owns: its options.
Never: opens the log itself; `ticktrail_compliance.evidence.console` does.
"""

from __future__ import annotations

from pathlib import Path

import click

from ticktrail_compliance.options import TimeType, quietly, refuse_backwards, which_log

__all__ = ["compliance"]


@click.command()
@which_log
@click.option(
    "--from",
    "from_ns",
    type=TimeType(),
    required=True,
    help="First moment, such as 2026-07-01T00:00:00Z or 2026-07-01, which is its beginning.",
)
@click.option(
    "--to",
    "to_ns",
    type=TimeType(last=True),
    required=True,
    help="Last moment, which must be past; a date alone is the end of that day.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to make; it must not be there.",
)
@click.option(
    "--purpose",
    default="evidence of the period",
    show_default=True,
    metavar="TEXT",
    help="What for; it stands in the log and in made.txt.",
)
@quietly
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def compliance(
    ctx: click.Context,
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    from_ns: int,
    to_ns: int,
    out: Path,
    purpose: str,
    as_json: bool,
) -> None:
    """Pack the evidence of a period for an examiner: a summary, the policies, the incidents, the records, the proofs.

    Everything is drawn from the log alone, as it stood at the end of the period, and signed by the log's key. Two packs
    of one period are the same to the byte, but for made.txt, which tells when and by whom. DIR/verify.py checks all of
    it, and needs nothing of ticktrail.

    Exit status 0: every aim that the log tells of was met; 1: one was missed, and the pack is made; 2: it is not made.

    \b
    Examples:
      ticktrail report compliance feed.toml --from 2026-07-01 --to 2026-09-30 --out evidence-q3
      ticktrail report compliance --database sqlite:///audit.db --key file:audit.key \\
        --from 2026-07-01 --to 2026-09-30 --out evidence-q3 --purpose "Examination 17" --json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail_compliance.evidence import console  # noqa: PLC0415 - `ticktrail --help` needs no database
    from ticktrail_compliance.evidence.model import Period  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    refuse_backwards(("--from", "--to"), from_ns, to_ns, shown="times")
    if not purpose.strip():
        raise click.UsageError(
            "--purpose is empty: say what the pack is for, such as an examination's number"
        )
    if any("\ud800" <= character <= "\udfff" for character in purpose):
        raise click.UsageError("--purpose is no UTF-8: write it in a terminal that is set to UTF-8")
    named = find_named(feed_file, database, key)
    ctx.exit(console.pack(named, Period(from_ns, to_ns), out, purpose.strip(), as_json=as_json))
