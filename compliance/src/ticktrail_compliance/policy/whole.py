"""Write everything that a policy holds as lines of text: what its file says, and what holds where that says nothing.

Owns: that no table and no key is left out, whatever is added to the policy.
Never: prints, or judges what it writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from ticktrail_compliance.policy.settings import Policy

__all__ = ["whole_lines"]


def whole_lines(policy: Policy) -> Iterator[str]:
    """Yield a policy table by table as its file would have it, with every default; a value of none is left out."""
    yield from _lines("compliance", msgspec.to_builtins(policy))


def _lines(name: str, table: Mapping[str, object]) -> Iterator[str]:
    yield f"[{name}]"
    for key, value in table.items():
        if value is not None and not isinstance(value, Mapping):
            yield f"{key} = {msgspec.json.encode(value).decode()}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            spelled = (
                key if key.replace("_", "").replace("-", "").isalnum() else msgspec.json.encode(key).decode()
            )
            yield from _lines(f"{name}.{spelled}", value)
