"""Say which rules are in force in a feed, and why the others are not.

Owns: what makes a rule idle: it is off, its channels are not asked for, or no leg gives it what it judges by.
Never: judges, or tells of a rule that cannot be opened: a run does, before it begins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ticktrail._contracts.clock import SystemClock
from ticktrail._contracts.settings import Settings
from ticktrail._contracts.validator import ValidatorContext
from ticktrail._plan.model import LegPlan, RulePlan
from ticktrail.model import CHANNEL_OF, Channel, InstrumentId, ProviderId

__all__ = ["idle", "is_off"]

_ANYBODY = InstrumentId("")
_TWO_LEGS = (ProviderId("one"), ProviderId("other"))
"""With two legs and ids without holes a rule has all that it could want, so that only its settings turn it off."""


def is_off(rule: RulePlan, settings: Settings) -> bool:
    """Tell whether the rule is turned off by these settings, whatever the feed."""
    provider = _TWO_LEGS[0] if rule.spec.scope == "leg" else None
    legs = _TWO_LEGS[:1] if rule.spec.scope == "leg" else _TWO_LEGS
    return not _opens(rule, settings, _context(provider, _ANYBODY, legs, consecutive_ids=True))


def idle(rule: RulePlan, legs: Sequence[LegPlan], channels: frozenset[Channel]) -> str | None:
    """Return why the rule judges nothing in a feed of these legs and channels; None where it judges something."""
    if all(is_off(rule, settings) for settings in _different(rule)):
        return "off"
    wanted = {CHANNEL_OF.get(kind) for kind in rule.spec.ticks}
    if None not in wanted and not wanted & channels:
        return f"the feed has no {' or '.join(sorted(filter(None, wanted)))}"
    if not any(
        _opens(rule, rule.settings[context.instrument], context) for context in _seats(rule, legs, channels)
    ):
        return "no leg or channel of the feed gives it what it judges by"
    return None


def _seats(
    rule: RulePlan, legs: Sequence[LegPlan], channels: frozenset[Channel]
) -> Iterator[ValidatorContext]:
    """Yield what a judge of each instrument would be told."""
    for name in rule.settings:
        serving = [leg for leg in legs if name in leg.instruments]
        if rule.spec.scope == "route":
            yield _context(None, name, tuple(leg.name for leg in serving), channels=channels)
            continue
        for leg in serving:
            ids = leg.capabilities.consecutive_trade_ids
            yield _context(leg.name, name, (leg.name,), consecutive_ids=ids, channels=channels)


def _context(
    provider: ProviderId | None,
    instrument: InstrumentId,
    legs: tuple[ProviderId, ...],
    *,
    consecutive_ids: bool = False,
    channels: frozenset[Channel] = frozenset(),
) -> ValidatorContext:
    return ValidatorContext(
        provider=provider,
        legs=legs,
        instrument=instrument,
        clock=SystemClock(),
        consecutive_ids=consecutive_ids,
        channels=channels,
    )


def _different(rule: RulePlan) -> Sequence[Settings]:
    found: list[Settings] = []
    for settings in rule.settings.values():
        if settings not in found:
            found.append(settings)
    return found


def _opens(rule: RulePlan, settings: Settings, context: ValidatorContext) -> bool:
    try:
        return rule.spec.open(settings, context) is not None
    except Exception:  # noqa: BLE001 - a rule is somebody else's code; opening the feed says what it cannot do
        return True
