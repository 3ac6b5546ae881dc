"""Declare the built-in rules, by the hook that any plugin uses."""

from __future__ import annotations

from collections.abc import Iterable

from ticktrail.plugin import ValidatorSpec, hookimpl
from ticktrail.rules import (
    _backwards,
    _bar,
    _clock,
    _cross_venue,
    _crossed,
    _event_drift,
    _frozen,
    _id_gap,
    _id_order,
    _increments,
    _price_jump,
    _price_range,
    _rate,
    _size,
    _spread,
    _staleness,
    _volume,
)

__all__ = ["TICKTRAIL_API", "ticktrail_validators"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_validators() -> Iterable[ValidatorSpec]:
    """Return the rules, those first that tell most of a tick."""
    return (
        _price_range.SPEC,
        _price_jump.SPEC,
        _size.SPEC,
        _crossed.SPEC,
        _spread.SPEC,
        _volume.SPEC,
        _staleness.SPEC,
        _clock.SPEC,
        _event_drift.SPEC,
        _backwards.SPEC,
        _id_order.SPEC,
        _id_gap.SPEC,
        _increments.SPEC,
        _bar.SPEC,
        _frozen.SPEC,
        _rate.SPEC,
        _cross_venue.SPEC,
    )
