"""Open incidents for what a command found wrong with a log.

Owns: the words of them, that one of a kind and subject is open at a time, and which log is not gone on with: one that
was cut, put back, forked or lost an anchor stays as it is, as evidence.
Never: verifies anything.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from ticktrail.errors import FeedError
from ticktrail_compliance.access.identity import actor_at
from ticktrail_compliance.acting import acting, see_that_it_goes_on
from ticktrail_compliance.acts.incidents import IncidentOpened
from ticktrail_compliance.incidents.register import INCIDENT_CLASS, register_of
from ticktrail_compliance.incidents.texts import clipped
from ticktrail_compliance.incidents.watch import BY
from ticktrail_compliance.naming import Named
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.verify.outcome import Finding
from ticktrail_compliance.words import counted

__all__ = ["open_for_findings"]

SHOWN = 5
"""Findings that an incident's detail repeats."""


def open_for_findings(
    named: Named, findings: Sequence[Finding], anchors: Sequence[Path]
) -> tuple[Sequence[int], str | None]:
    """Open an incident for what a verification found, unless one is open.

    Args:
        named: The log.
        findings: What was found; one or more.
        anchors: The files that it was held against.

    Returns:
        The numbers of the incidents that are open for it, and why none could be opened; None: nothing went wrong.
    """
    try:
        see_that_it_goes_on(named, anchors)
        with acting(named, "incident_open", "open an incident for what a verification found") as found:
            register = register_of(found.log)
            numbers = []
            for act in _acts(found.log, findings):
                there = register.open_of(act.kind, act.subject)
                numbers.append(found.record(INCIDENT_CLASS, act) if there is None else there.number)
            return numbers, None
    except FeedError as exc:
        return [], f"{exc}. Open it in another log, with its feed file for FEED.toml: `{_elsewhere(named)}`"


def _elsewhere(named: Named) -> str:
    """Return the command that opens the incident in another log; where this one tells its id, that is the subject."""
    subject = ""
    with suppress(FeedError), named.open() as log:
        subject = f"--subject {shlex.quote(log.log_id)} "
    return (
        f"ticktrail incident open FEED.toml --kind log_integrity --severity critical {subject}"
        "--title 'An audit log is not as it was sealed'"
    )


def _acts(log: AuditLog, findings: Sequence[Finding]) -> Iterator[IncidentOpened]:
    now_ns, actor = time.time_ns(), actor_at(log.database)
    misused = [state for state in log.keys.states() if state.state in {"damaged", "foreign"}]
    if misused:
        keys = ", ".join(
            f"{state.key_id} ({state.entry_class} {state.month}: {state.state})" for state in misused[:SHOWN]
        )
        yield IncidentOpened(
            at_ns=now_ns,
            actor=actor,
            by=BY,
            kind="key_misuse",
            severity="critical",
            subject=log.log_id,
            title=clipped(f"{counted(len(misused), 'data key')} of the audit log cannot be used", "title"),
            detail=clipped(f"Data keys that were changed, or wrapped by a foreign key: {keys}", "detail"),
            aware_ns=now_ns,
            systems=(clipped(log.keys.database.name, "systems"),),
        )
    others = [
        one for one in findings if not (misused and one.seq is None and one.what.startswith("data key "))
    ]
    if others:
        told = "; ".join(one.what for one in others[:SHOWN])
        more = f"; and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
        yield IncidentOpened(
            at_ns=now_ns,
            actor=actor,
            by=BY,
            kind="log_integrity",
            severity="critical",
            subject=log.log_id,
            title="The audit log is not as it was sealed",
            detail=clipped(f"`ticktrail audit verify` found: {told}{more}", "detail"),
            aware_ns=now_ns,
            systems=(clipped(log.name, "systems"),),
        )
