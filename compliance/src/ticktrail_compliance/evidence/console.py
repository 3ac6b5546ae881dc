"""Run `ticktrail report compliance`.

Owns: the form of what is printed.
Never: writes a file itself.
"""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from ticktrail.text import one_line
from ticktrail_compliance.bars import Bars
from ticktrail_compliance.evidence.model import Period
from ticktrail_compliance.evidence.packing import PAGE
from ticktrail_compliance.evidence.packing import pack as run_pack
from ticktrail_compliance.evidence.page import OUTCOMES, shown
from ticktrail_compliance.naming import Named

__all__ = ["pack"]


def pack(named: Named, period: Period, out: Path, purpose: str, *, as_json: bool) -> int:
    """Make a pack, tell what came of it, and return the exit status: 1 where an aim was missed."""
    with Bars("packing", shown=not as_json) as bars:
        done = run_pack(named, period, out, purpose, progress=bars)
    missed = any(one.outcome == "missed" for one in done.criteria)
    if as_json:
        click.echo(msgspec.json.encode(done))
        return 1 if missed else 0
    for one in done.criteria:
        line = f"{OUTCOMES[one.outcome]:<12}  {one.title}: {shown(one.value, one.kind)} (aim: {one.target})"
        click.echo(one_line(line))
    click.echo(
        f"packed: {done.files} files in {done.out}, of entries {done.first_seq} to {done.last_seq}, proven by the "
        f"checkpoint of {done.checkpoint_size:,} entries"
    )
    click.echo(f"manifest: sha256 {done.manifest_sha256}")
    click.echo(f"recorded: entry {done.recorded_seq} of the log tells who made it, and what for")
    click.echo(f"read it: {Path(done.out) / PAGE}")
    click.echo(f"check it: python {Path(done.out) / 'verify.py'}")
    return 1 if missed else 0
