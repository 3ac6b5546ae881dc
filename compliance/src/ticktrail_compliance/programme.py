"""Give the compliance programme its commands.

Owns: the group ``ticktrail compliance``.
Never: does anything itself.
"""

from __future__ import annotations

import click

from ticktrail_compliance.access.commands import access
from ticktrail_compliance.checks.commands import check
from ticktrail_compliance.oversight.commands import providers
from ticktrail_compliance.policy.commands import policy

__all__ = ["compliance"]


@click.group()
def compliance() -> None:
    """Hold a firm's policy against what its feeds and its log do."""


compliance.add_command(policy)
compliance.add_command(access)
compliance.add_command(providers)
compliance.add_command(check)
