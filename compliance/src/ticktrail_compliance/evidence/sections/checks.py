"""Sum up what was found of the safeguards.

Owns: the section on checks.
Never: looks at a safeguard.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail_compliance.acts import ChecksRun
from ticktrail_compliance.checks.registry import CONTROLS
from ticktrail_compliance.evidence.model import (
    Cell,
    Column,
    Criterion,
    Figure,
    Section,
    entries_of,
    table,
)
from ticktrail_compliance.evidence.source import Source

__all__ = ["checks_criterion", "checks_section"]

_COLUMNS = (
    Column("control", "Control"),
    Column("title", "What must be so"),
    Column("rule", "Rule"),
    Column("found", "Found"),
    Column("detail", "Detail"),
    Column("evidence", "Shown by entry", "entry"),
)


def checks_criterion(source: Source) -> Criterion:
    """Return what is aimed at: that every control passes in the last run of the period."""
    runs = [(one.seq, one.record) for one in source.acts_within if isinstance(one.record, ChecksRun)]
    seq, last = runs[-1] if runs else (None, None)
    unknown = 0 if last is None else sum(one.found == "unknown" for one in last.results)
    return Criterion(
        id="checks",
        title="Compliance checks that failed",
        target="0 in the last run",
        kind="count",
        value=None if last is None else last.failed,
        outcome="not_recorded" if last is None else "missed" if last.failed else "met",
        how="controls of the last run of `ticktrail compliance check` in the period that failed; "
        f"{unknown:,} of {len(last.results):,} could not be looked at, and have neither failed nor passed"
        if last is not None
        else "`ticktrail compliance check` was not run in the period",
        entries=entries_of([] if seq is None else [seq]),
    )


def checks_section(source: Source) -> Section:
    """Return the section on the checks of a period."""
    runs = [(one.seq, one.record) for one in source.acts_within if isinstance(one.record, ChecksRun)]
    failed = [(seq, run, result) for seq, run in runs for result in run.results if result.found == "failed"]
    last_seq, last = runs[-1] if runs else (None, None)
    titles = {control.id: (control.title, control.rule) for control in CONTROLS}

    def row(control: str) -> Sequence[Cell]:
        return (control, *titles.get(control, ("", "")))

    return Section(
        id="checks",
        title="Checks of the safeguards",
        figures=[
            Figure(
                id="runs",
                title="Runs of the checks",
                kind="count",
                value=len(runs),
                how="the entries checks_run of the period",
                entries=entries_of(seq for seq, _ in runs),
            ),
            Figure(
                id="last_failed",
                title="Controls that failed in the last run",
                kind="count",
                value=None if last is None else last.failed,
                how="as the last run of the period recorded it",
                entries=entries_of([] if last_seq is None else [last_seq]),
            ),
            Figure(
                id="failed",
                title="Failures in all runs",
                kind="count",
                value=len(failed),
                how="each control of each run of the period that failed",
                entries=entries_of(seq for seq, _, _ in failed),
            ),
        ],
        tables=[
            table(
                "last",
                "The last run of the period",
                _COLUMNS,
                []
                if last is None
                else [(*row(one.control), one.found, one.detail, one.evidence) for one in last.results],
                empty="the safeguards were not checked in the period",
            ),
            table(
                "failures",
                "Controls that failed in any run",
                (
                    Column("at_ns", "When", "time"),
                    Column("entry", "Run in entry", "entry"),
                    *(_COLUMNS[name] for name in (0, 1, 2, 4)),
                ),
                [(run.at_ns, seq, *row(result.control), result.detail) for seq, run, result in failed],
            ),
        ],
    )
