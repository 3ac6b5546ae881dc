"""Give the audit log the command that exports a part of it.

Owns: its options.
Never: opens the log itself; `ticktrail_compliance.export.console` does.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

import click

from ticktrail_compliance.classes import OUTCOMES, EntryClass, Outcome
from ticktrail_compliance.export.tables import RowsFormat
from ticktrail_compliance.options import of_a_period, of_classes, quietly, tell_on_stderr, which_log

__all__ = ["export"]


@click.command()
@which_log
@of_a_period("--from", "--to")
@click.option(
    "--instrument", "instruments", multiple=True, help="Only rows of this instrument; may be repeated."
)
@click.option("--provider", "providers", multiple=True, help="Only rows of this leg; may be repeated.")
@of_classes
@click.option(
    "--outcome",
    "outcomes",
    multiple=True,
    type=click.Choice(OUTCOMES),
    help="Only rows of which this became; may be repeated.",
)
@click.option(
    "--format",
    "rows_format",
    type=click.Choice(get_args(RowsFormat)),
    required=True,
    help="The form of the rows: jsonl for programs; csv for spreadsheets, in which no cell can become a formula; "
    "parquet for analysis, with ticktrail-compliance[parquet] installed.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="The folder to make; it must not be there.",
)
@click.option(
    "--purpose", required=True, metavar="TEXT", help="What for; it stands in the log and in the export."
)
@click.option(
    "--keys-out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the data keys of the exported entries to this new file, outside of DIR.",
)
@quietly
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def export(
    feed_file: Path | None,
    database: str | None,
    key: str | None,
    *,
    from_ns: int | None,
    to_ns: int | None,
    instruments: tuple[str, ...],
    providers: tuple[str, ...],
    classes: tuple[EntryClass, ...],
    outcomes: tuple[str, ...],
    rows_format: RowsFormat,
    out: Path,
    purpose: str,
    keys_out: Path | None,
    as_json: bool,
) -> None:
    """Export part of the log for somebody who has neither the log nor this program, with the means to check it.

    DIR holds the rows in plain text, the sealed entries, the proof that they are in the log, a README.txt, and
    verify.py. The log tells of the export in an entry of its own: who made it, of what and what for. An export that
    was interrupted leaves DIR.partial, and the same command goes on from there.

    \b
    Examples:
      ticktrail audit export feed.toml --from 2026-11-23 --to 2026-11-23 --format csv \\
        --out case-17 --purpose "Case 17 of the regulator"
      ticktrail audit export feed.toml --instrument BTC/USDT --outcome rejected --format jsonl \\
        --out refused --purpose "Review of the price rules" --keys-out refused-keys.json
    """  # noqa: D301 - click reads the backspace as "keep these lines as they are"
    from ticktrail.tracing import span, traced  # noqa: PLC0415 - `ticktrail --help` needs no feed file's parser
    from ticktrail_compliance.export import console  # noqa: PLC0415 - `ticktrail --help` needs no database
    from ticktrail_compliance.export.state import Request  # noqa: PLC0415 - see above
    from ticktrail_compliance.naming import find_named  # noqa: PLC0415 - see above

    if not purpose.strip():
        raise click.UsageError("--purpose is empty: say what the export is for, such as a case's number")

    for option, texts in (
        ("--purpose", (purpose,)),
        ("--instrument", instruments),
        ("--provider", providers),
    ):
        if any(not _is_unicode(text) for text in texts):
            raise click.UsageError(f"{option} is no UTF-8: write it in a terminal that is set to UTF-8")

    def wanted(log_id: str) -> Request:
        return Request(
            log_id=log_id,
            from_ns=from_ns,
            to_ns=to_ns,
            classes=sorted(set(classes)),
            instruments=sorted(set(instruments)),
            providers=sorted(set(providers)),
            outcomes=sorted({cast("Outcome", one) for one in outcomes}),
            rows_format=rows_format,
            purpose=purpose.strip(),
            with_keys=keys_out is not None,
        )

    named = find_named(feed_file, database, key)
    with traced(feed_file, tell_on_stderr), span("audit export", format=rows_format):
        console.export(named, wanted, out, keys_out, as_json=as_json)


def _is_unicode(text: str) -> bool:
    """Tell whether a text of the command line was text; bytes that are none stand there as surrogates."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
