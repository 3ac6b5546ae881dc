"""Name what can be done with a log, and which role may do it.

Owns: the table of roles and actions, with the separation of duties in it.
Never: finds out who somebody is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

__all__ = ["RIGHTS", "Action", "Role"]

Role: TypeAlias = Literal["operator", "auditor", "keeper", "officer"]
"""Who runs feeds; who reads and proves; who keeps and destroys; who answers for the programme."""

Action: TypeAlias = Literal[
    "verify",
    "checkpoint",
    "read",
    "export",
    "check",
    "hold_place",
    "hold_lift",
    "retention_plan",
    "retention_approve",
    "retention_apply",
    "keys_rotate",
    "keys_destroy",
    "policy_adopt",
    "incident_open",
    "incident_handle",
    "provider_review",
    "evidence",
]
"""What a command does with a log."""

RIGHTS: Mapping[Role, frozenset[Action]] = {
    "operator": frozenset({"verify", "checkpoint", "check", "incident_open"}),
    "auditor": frozenset({"verify", "checkpoint", "check", "read", "export", "evidence", "incident_open"}),
    "keeper": frozenset(
        {
            "verify",
            "checkpoint",
            "check",
            "hold_place",
            "retention_plan",
            "retention_apply",
            "keys_rotate",
            "keys_destroy",
            "incident_open",
        }
    ),
    "officer": frozenset(
        {
            "verify",
            "check",
            "read",
            "hold_place",
            "hold_lift",
            "retention_plan",
            "retention_approve",
            "policy_adopt",
            "incident_open",
            "incident_handle",
            "provider_review",
            "evidence",
        }
    ),
}
"""What each role may do. Whoever destroys cannot lift the hold that stands in the way, nor approve the plan."""
