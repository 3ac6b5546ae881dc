"""Name what can be done with a log, which role may do it, and which actions no one person may do both of.

Owns: the table of roles and actions, and the separation of duties.
Never: finds out who somebody is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias, get_args

__all__ = ["ACTIONS", "KEPT_APART", "RIGHTS", "ROLES", "Action", "Role", "clashes", "roles_for"]

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
    "keys_list",
    "keys_rotate",
    "keys_destroy",
    "policy_adopt",
    "incident_open",
    "incident_handle",
    "provider_review",
    "evidence",
    "predecessor_name",
]
"""What a command does with a log."""

RIGHTS: Mapping[Role, frozenset[Action]] = {
    "operator": frozenset({"verify", "checkpoint", "check", "incident_open", "predecessor_name"}),
    "auditor": frozenset(
        {"verify", "checkpoint", "check", "read", "export", "keys_list", "evidence", "incident_open"}
    ),
    "keeper": frozenset(
        {
            "verify",
            "checkpoint",
            "check",
            "hold_place",
            "retention_plan",
            "retention_apply",
            "keys_list",
            "keys_rotate",
            "keys_destroy",
            "incident_open",
            "predecessor_name",
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
            "keys_list",
            "policy_adopt",
            "incident_open",
            "incident_handle",
            "provider_review",
            "evidence",
            "predecessor_name",
        }
    ),
}
"""What each role may do. Whoever destroys cannot lift the hold that stands in the way, nor approve the plan."""

ROLES: tuple[Role, ...] = get_args(Role)
ACTIONS: tuple[Action, ...] = get_args(Action)

_DESTROYS: frozenset[Action] = frozenset({"retention_apply", "keys_destroy"})
_RULES_IT: frozenset[Action] = frozenset({"hold_lift", "retention_approve", "policy_adopt"})

KEPT_APART: Mapping[Action, frozenset[Action]] = {
    **dict.fromkeys(_DESTROYS, _RULES_IT),
    **dict.fromkeys(_RULES_IT, _DESTROYS),
}
"""Of an action, those that nobody may do who may do it: who holds roles for both may do neither.

Whoever destroys cannot lift the hold that stands in the way, approve the plan, or change the policy that it follows.
"""


def roles_for(action: Action) -> Sequence[Role]:
    """Return the roles that may do something."""
    return [role for role in ROLES if action in RIGHTS[role]]


def clashes(one: Role, other: Role) -> Sequence[tuple[Action, Action]]:
    """Return what the one role may do and the other, that nobody may do both of."""
    return [
        (action, apart)
        for action in ACTIONS
        if action in RIGHTS[one]
        for apart in ACTIONS
        if apart in KEPT_APART.get(action, ()) and apart in RIGHTS[other]
    ]
