"""Fail a check in words.

Owns: the assertion of the conformance kit (it holds under ``python -O`` too), and the checks of settings and of a
tick's values that several kinds of plugin share.
Never: knows what the settings mean, or what a tick should say.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from ticktrail.model import Tick
from ticktrail.plugin import Settings
from ticktrail.wire import decode_line, encode_lines

__all__ = ["expect", "expect_exact", "expect_strict"]

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


def expect_exact(name: str, tick: Tick) -> None:
    """Fail unless a tick has finite decimals where numbers belong, and comes back from its wire form."""
    for field in tick.__struct_fields__:
        expect(_is_exact(getattr(tick, field)), f"{name}: {field} is a float, or not finite: {tick}")
    line = encode_lines([tick])
    try:
        back: Tick | None = decode_line(line)
    except ValueError as exc:
        raise AssertionError(f"{name}: a tick's wire form cannot be read ({exc}): {line!r}") from exc
    expect(back == tick, f"{name}: a tick does not come back from its wire form: {line!r}")


def _is_exact(value: object) -> bool:
    """Tell whether a field is no float, and no number without an end; pairs of a book are looked into."""
    if isinstance(value, tuple):
        return all(_is_exact(part) for part in value)
    return not isinstance(value, float) and (not isinstance(value, Decimal) or value.is_finite())
