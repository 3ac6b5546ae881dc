"""Declare the built-in rules, by the hook that any plugin uses."""

from __future__ import annotations

from collections.abc import Iterable

from ticktrail.plugin import ValidatorSpec, hookimpl
from ticktrail.rules import (
    _bar,
    _clock,
    _frozen,
    _increments,
    _price_jump,
    _price_range,
    _rate,
    _spread,
    _staleness,
    _volume,
)

__all__ = ["TICKTRAIL_API", "ticktrail_validators"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_validators() -> Iterable[ValidatorSpec]:
    """Return the ten rules, those first that tell most of a tick."""
    return (
        _price_range.SPEC,
        _price_jump.SPEC,
        _spread.SPEC,
        _volume.SPEC,
        _staleness.SPEC,
        _clock.SPEC,
        _increments.SPEC,
        _bar.SPEC,
        _frozen.SPEC,
        _rate.SPEC,
    )
