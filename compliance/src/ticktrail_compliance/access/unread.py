"""Let a log be read whose policy cannot be: where the data keys of its class are missing from the key store.

Owns: when reading goes on, and what whoever reads is told.
Never: lets anything be written, exported, held or destroyed under a policy that nobody can read.
"""

from __future__ import annotations

from typing import Final

import click

from ticktrail.text import one_line
from ticktrail_compliance.access.rights import Action
from ticktrail_compliance.policy.adopted import POLICY_CLASS
from ticktrail_compliance.reading import MissingKeyError

__all__ = ["goes_on_unread", "unread"]

READING: Final[frozenset[Action]] = frozenset({"check", "keys_list", "read"})
"""The actions that only show what can be opened; `verify` goes on anyway, and says more."""


def goes_on_unread(action: Action, exc: BaseException) -> bool:
    """Tell whether an action goes on although the policy in force could not be read, and say so on standard error.

    Args:
        action: What is done with the log.
        exc: Why the policy could not be read, with its cause.
    """
    cause = exc.__cause__
    if action not in READING or not isinstance(cause, MissingKeyError) or cause.entry_class != POLICY_CLASS:
        return False
    click.echo(one_line(f"warning: {unread(cause)}; so this reading is not told in the log"), err=True)
    return True


def unread(exc: MissingKeyError) -> str:
    """Return what it means that entries of the policy's class cannot be read, and what to do."""
    return (
        f"entries of class {exc.entry_class} cannot be read (entry {exc.seq}: its data key {exc.key_id} is missing), "
        "so that nobody can tell which policy, roles and legal holds are in force, or which contents were destroyed by "
        "rule. What else can be opened is shown; put the key store back from its backup"
    )
