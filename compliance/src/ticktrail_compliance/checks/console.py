"""Run the check of the safeguards.

Owns: what is opened for it, what is recorded of it, and what a person or a program is shown.
Never: judges.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from ticktrail.errors import AuditError, ConfigError
from ticktrail.text import one_line
from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.access.refusal import NotAllowedError
from ticktrail_compliance.acting import noting, reading
from ticktrail_compliance.acts import ChecksRun, ControlResult, actor_here
from ticktrail_compliance.checks.facts import gather
from ticktrail_compliance.checks.registry import CONTROLS, look_at_all
from ticktrail_compliance.naming import Named, find_named

__all__ = ["Looked", "Told", "check", "looked_at"]

WORDS = {"passed": "passed", "failed": "FAILED", "not_applicable": "n/a", "unknown": "unknown"}


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A control, and what was found of it; `evidence` is an entry of the log."""

    id: str
    title: str
    rule: str
    how: str
    found: str
    detail: str
    evidence: int | None


def check(feed_file: Path, *, dry: bool, as_json: bool) -> int:
    """Look at every control, record and print what was found; return the exit status."""
    named = find_named(feed_file, None, None)
    results, unopened, feed_sha256 = looked_at(named, feed_file, time.time_ns())
    count = sum(one.found == "failed" for one in results)
    seq, unrecorded = (
        (None, "")
        if dry
        else _record(
            named,
            lambda: ChecksRun(
                at_ns=time.time_ns(),
                actor=actor_here(),
                failed=count,
                results=results,
                feed=str(feed_file.absolute()),
                feed_sha256=feed_sha256,
            ),
        )
    )
    told = [
        Told(
            id=control.id,
            title=control.title,
            rule=control.rule,
            how=control.how,
            found=one.found,
            detail=one.detail,
            evidence=one.evidence,
        )
        for control, one in zip(CONTROLS, results, strict=True)
    ]
    if as_json:
        click.echo(msgspec.json.encode({"failed": count, "recorded": seq, "controls": told}))
    else:
        for line in _lines(told):
            click.echo(one_line(line))
        if seq is not None:
            click.echo(f"recorded in entry {seq}")
    if unrecorded:
        click.echo(f"not recorded in the log: {unrecorded}", err=True)
    if unopened:
        click.echo(f"the log cannot be looked at: {unopened}", err=True)
        return 2
    return 1 if count else 0


class Looked(NamedTuple):
    """What is found of each control, why the log cannot be looked at (empty: it can), and the feed file's digest."""

    results: Sequence[ControlResult]
    unopened: str
    feed_sha256: str


def looked_at(named: Named, feed_file: Path, now_ns: int) -> Looked:
    """Return what is found of each control at a moment.

    Raises:
        NotAllowedError: The policy in force does not let whoever runs this look.
        ConfigError: The feed file cannot be read.
    """
    with ExitStack() as stack:
        try:
            what = asked("compliance check")
            log = stack.enter_context(reading(named, "check", what, "check of the safeguards"))
        except NotAllowedError:
            raise
        except ConfigError as exc:  # what is wrong with the log is what is looked for
            facts = gather(named, feed_file, now_ns, None, str(exc))
        else:
            facts = gather(named, feed_file, now_ns, log)
        return Looked(look_at_all(facts), facts.unopened, facts.feed.sha256)


def _record(named: Named, act: Callable[[], ChecksRun]) -> tuple[int | None, str]:
    """Record a run, and return the entry that tells of it, or why there is none."""
    try:
        with noting(named) as found:
            return found.record("access", act()), ""
    except (ConfigError, AuditError) as exc:
        return None, str(exc)


def _lines(told: Sequence[Told]) -> Iterator[str]:
    ids = max(len(one.id) for one in told)
    words = max(map(len, WORDS.values()))
    for one in told:
        entry = "" if one.evidence is None else f" (entry {one.evidence})"
        yield f"{WORDS[one.found]:<{words}}  {one.id:<{ids}}  {one.title} [{one.rule}]"
        yield f"{'':<{words + ids + 4}}{one.detail}{entry}"
    counts = {found: sum(one.found == found for one in told) for found in WORDS}
    yield ", ".join(f"{count} {found.replace('_', ' ')}" for found, count in counts.items() if count)
