"""Run `ticktrail audit export`.

Owns: the form of what is printed.
Never: writes a file itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click
import msgspec

from ticktrail.text import one_line
from ticktrail_compliance.bars import Bars
from ticktrail_compliance.export.run import Exported
from ticktrail_compliance.export.run import export as run_export
from ticktrail_compliance.export.state import Request
from ticktrail_compliance.naming import Named
from ticktrail_compliance.words import counted

__all__ = ["export"]


def export(
    named: Named, wanted: Callable[[str], Request], out: Path, keys_out: Path | None, *, as_json: bool
) -> None:
    """Export, and tell what came of it."""
    try:
        with Bars("exporting", shown=not as_json) as bars:
            done = run_export(named, wanted, out, keys_out, progress=bars)
    except KeyboardInterrupt:
        click.echo(f"interrupted: the same command goes on from where {out}.partial ends", err=True)
        raise
    for line in _not_there(done, classes=bool(wanted("").classes)):
        click.echo(line, err=True)
    if as_json:
        click.echo(msgspec.json.encode(done))
        return
    went_on = ", gone on with after an interruption" if done.resumed else ""
    click.echo(
        f"exported: {done.rows:,} rows of {done.bodies:,} entries to {done.out} ({done.rows_format}){went_on}"
    )
    if done.entries:
        click.echo(
            f"proven: entries {done.first_seq} to {done.last_seq}, by the checkpoint of "
            f"{done.checkpoint_size:,} entries"
        )
    else:
        click.echo("no entry of the log lies in these times")
    if done.destroyed:
        gone = counted(done.destroyed, "entry", "entries")
        click.echo(f"destroyed: the content of {gone} was destroyed by rule, and cannot be exported")
    if done.keys_out is not None:
        click.echo(
            f"keys: {done.keys_out}; give it apart from the folder, to whoever may read the sealed contents"
        )
    click.echo(f"recorded: entry {done.recorded_seq} of the log tells who exported this, and what for")
    click.echo(f"check it: python {Path(done.out) / 'verify.py'}")


def _not_there(done: Exported, *, classes: bool) -> Iterator[str]:
    """Yield what to tell of an export of nothing, and of names that are in no entry: they may be misspelt."""
    if not done.rows:
        yield "nothing matches what was asked for: the export has no rows"
    if not done.entries:
        return
    readable = " that can be read" if done.destroyed else ""
    for name in done.never.get("class", ()):
        yield f"no entry in these times is of class {name}"
    for kind in ("instrument", "provider", "outcome"):
        for name in done.never.get(kind, ()):
            where = "of these classes and times" if classes else "in these times"
            yield one_line(f"no entry {where}{readable} holds {kind} {name}")
