"""Fail a check in words.

Owns: the assertion of the conformance kit (it holds under ``python -O`` too), and the check of settings that all
three kinds of plugin share.
Never: knows what the settings mean.
"""

from __future__ import annotations

import msgspec

from ticktrail.plugin import Settings

__all__ = ["expect", "expect_strict"]

_UNKNOWN = "no_plugin_has_a_key_of_this_name"


def expect(condition: object, message: str) -> None:
    """Fail with the message unless the condition holds."""
    if not condition:
        raise AssertionError(message)


def expect_strict(settings: Settings, declared: type[Settings]) -> None:
    """Fail unless the settings are of the declared type, frozen, and refuse unknown keys."""
    name = declared.__name__
    expect(isinstance(settings, declared), f"the case's settings are no {name}")
    expect(
        declared.__struct_config__.frozen, f"{name} is not frozen: write class {name}(Settings, frozen=True)"
    )
    table = msgspec.to_builtins(settings)
    expect(msgspec.convert(table, declared) == settings, f"{name} does not come back from its own table")
    try:
        msgspec.convert({**table, _UNKNOWN: 1}, declared)
    except msgspec.ValidationError:
        return
    raise AssertionError(f"{name} takes unknown keys: a slip in a feed file would pass unseen")
