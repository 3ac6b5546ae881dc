"""Say to somebody why they were not let, who may, and whom to ask.

Owns: the words of a refusal.
Never: decides.
"""

from __future__ import annotations

from collections.abc import Sequence

from ticktrail.errors import ConfigError
from ticktrail_compliance.access.deciding import Refused
from ticktrail_compliance.access.identity import Identity
from ticktrail_compliance.access.rights import Action, Role, roles_for
from ticktrail_compliance.access.settings import AccessSettings, Holders

__all__ = ["NotAllowedError", "holders_told", "refusal"]


class NotAllowedError(ConfigError):
    """The policy in force does not let whoever runs this command do it; the log tells that they tried."""


def refusal(access: AccessSettings, who: Identity, action: Action, refused: Refused) -> NotAllowedError:
    """Return the error for who was not let: it names the action, the roles that may, and whom to ask."""
    name = who.actor.user
    if who.actor.database_user is not None:
        name += f" (database role {who.actor.database_user})"
    may = _asked(access, refused.needed)
    if refused.why == "purpose":
        return NotAllowedError(
            f"{action}: the policy in force asks what for; add --purpose TEXT, which stands in the log"
        )
    if refused.why == "separation":
        return NotAllowedError(
            f"{name} holds {' and '.join(refused.roles)}, and may therefore not do {action}: nobody may who could "
            f"{' and '.join(refused.apart)} as well. Ask somebody who holds one of these roles alone ({may}), or "
            "give one of them up"
        )
    held = f"holds {', '.join(refused.roles)}" if refused.roles else "holds no role"
    return NotAllowedError(
        f"{name} {held}, and may not do {action}: by the policy in force that is for {may}. Ask one of them, or who "
        f"may change the policy: {_asked(access, roles_for('policy_adopt'))}"
    )


def holders_told(holders: Holders) -> str:
    """Return who holds a role, in words."""
    kinds = {
        "user": holders.users,
        "group": holders.groups,
        "database role": holders.database_roles,
    }
    return ", ".join(f"{kind} {name}" for kind, names in kinds.items() for name in names) or "nobody"


def _asked(access: AccessSettings, roles: Sequence[Role]) -> str:
    return "; ".join(f"{role}: {holders_told(access.holders(role))}" for role in roles) or "no role"
