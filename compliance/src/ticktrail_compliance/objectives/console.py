"""Run `ticktrail report slo`.

Owns: the form of what is printed, and the file that is written.
Never: judges; the objectives do.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import click
import msgspec

from ticktrail.errors import ConfigError
from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.acting import reading
from ticktrail_compliance.bars import Bars
from ticktrail_compliance.evidence.page import OUTCOMES, entries_told, shown
from ticktrail_compliance.naming import Named
from ticktrail_compliance.objectives.computing import objectives_of
from ticktrail_compliance.objectives.page import page_of, verdict_of

__all__ = ["slo"]

MISSED = 1


def slo(named: Named, from_ns: int | None, to_ns: int | None, html: Path | None, *, as_json: bool) -> int:
    """Print what was reached, write the page where one is asked for, and return the exit status.

    Raises:
        NotAllowedError: The policy in force does not let whoever runs this do so.
        ConfigError: The page cannot be written.
        AuditError: The log failed, or holds nothing of the period.
    """
    what = asked("report slo", from_ns=from_ns, to_ns=to_ns)
    until_ns = time.time_ns() if to_ns is None else to_ns
    with (
        reading(named, "read", what) as log,
        Bars("reading", shown=not as_json and sys.stderr.isatty()) as bars,
    ):
        span = log.span(())
        bars.begin("segments", 0 if span is None else span[1])
        found = objectives_of(log, from_ns, until_ns, bars.done)
    if html is not None:
        _write(html, page_of(found))
    if as_json:
        click.echo(msgspec.json.encode(found))
        return 0 if found.met else MISSED
    for one in found.objectives:
        line = f"{OUTCOMES[one.outcome]:<12}  {one.title}: {shown(one.value, one.kind)} (aim: {one.target})"
        click.echo(one_line(line))
        click.echo(one_line(f"{'':<14}{one.how}; {entries_told(one.entries)}"))
    click.echo(one_line(verdict_of(found)))
    if html is not None:
        click.echo(f"read it: {html}")
    return 0 if found.met else MISSED


def _write(path: Path, page: bytes) -> None:
    """Write the page whole or not at all, over an earlier one."""
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.write_bytes(page)
        draft.replace(path)
    except OSError as exc:
        draft.unlink(missing_ok=True)
        raise ConfigError(
            f"--html {path} cannot be written ({exc.strerror}): name a file in a folder that is there"
        ) from exc
