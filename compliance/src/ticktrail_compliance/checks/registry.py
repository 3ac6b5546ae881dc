"""Name every control, and look at all of them.

Owns: the registry, and what becomes of a control that cannot be looked at.
Never: prints, or writes to the log.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.acts import ControlResult
from ticktrail_compliance.checks import (
    at_rest,
    backups,
    clock,
    connections,
    keys,
    plugins,
    programme,
    proofs,
    recording,
    retention,
)
from ticktrail_compliance.checks.control import Control, Look, unknown
from ticktrail_compliance.checks.facts import Facts

__all__ = ["CONTROLS", "look_at_all"]

CONTROLS: Final[Sequence[Control]] = (
    *programme.CONTROLS,
    *connections.CONTROLS,
    *at_rest.CONTROLS,
    *keys.CONTROLS,
    *recording.CONTROLS,
    *plugins.CONTROLS,
    *clock.CONTROLS,
    *proofs.CONTROLS,
    *backups.CONTROLS,
    *retention.CONTROLS,
)
"""Every control, in the order of a report."""


def look_at_all(facts: Facts) -> Sequence[ControlResult]:
    """Return what was found of each control, in the order of the registry."""
    results: list[ControlResult] = []
    for control in CONTROLS:
        look = _look(control, facts)
        results.append(
            ControlResult(control=control.id, found=look.found, detail=look.detail, evidence=look.evidence)
        )
    return results


def _look(control: Control, facts: Facts) -> Look:
    if facts.log is None and control.needs_log:
        return unknown(f"the log cannot be looked at: {facts.unopened}")
    if control.needs_policy and facts.policy_unread:
        return unknown(facts.policy_unread)
    if control.needs_run and (facts.run is None or facts.run.started is None):
        feed = "the feed" if facts.feed.name is None else f"feed {facts.feed.name}"
        return unknown(
            f"the log tells of no run of {feed}: start it (`ticktrail run FEED.toml`), and see {control.needs_run}"
        )
    try:
        return control.look(facts)
    except (AuditError, ConfigError, OSError) as exc:
        return unknown(str(exc))
