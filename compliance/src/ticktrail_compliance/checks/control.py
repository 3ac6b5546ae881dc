"""Say what a control is, and what can be found of one.

Owns: the shapes of the registry.
Never: looks at anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ticktrail_compliance.acts.checks import Found
from ticktrail_compliance.checks.facts import Facts

__all__ = ["POLICY", "Control", "Look", "failed", "not_applicable", "passed", "unknown"]

POLICY = "policy"
"""Stands for the rule where no rule asks for a control, and the firm's own policy does."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was found of a control: with the remedy where it failed, and the entry that shows it where one does."""

    found: Found
    detail: str
    evidence: int | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """A safeguard that can be looked at.

    Attributes:
        id: Its name in a report, such as ``keys.file``.
        title: What must be so.
        rule: What it answers to: a rule's citation, or `POLICY`.
        how: By what it is checked.
        look: Looks.
        needs_log: It cannot be looked at where the log cannot be opened.
        needs_run: What it looks for once the feed has run: without a run it cannot be looked at. Empty: it needs none.
        needs_policy: It goes by the policy in force alone, and cannot be looked at where nobody can read that.
    """

    id: str
    title: str
    rule: str
    how: str
    look: Callable[[Facts], Look]
    needs_log: bool = True
    needs_run: str = ""
    needs_policy: bool = False


def passed(detail: str, evidence: int | None = None) -> Look:
    """Return that a safeguard holds."""
    return Look("passed", detail, evidence)


def failed(detail: str, evidence: int | None = None) -> Look:
    """Return that it does not; the detail names the remedy."""
    return Look("failed", detail, evidence)


def not_applicable(detail: str) -> Look:
    """Return that there is nothing that it could protect here."""
    return Look("not_applicable", detail)


def unknown(detail: str) -> Look:
    """Return that it could not be looked at."""
    return Look("unknown", detail)
