"""Say what rules found that no verdict shows, and how the rules themselves fare.

Owns: the events of validation.
Never: is imported by anyone but `ticktrail.events`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from ticktrail.events._base import BaseEvent
from ticktrail.model import InstrumentId, ProviderId
from ticktrail.quality import InstrumentQuality

__all__ = [
    "CriticalFinding",
    "IncrementsLearned",
    "InstrumentQuarantined",
    "InstrumentReleased",
    "PriceLevelConfirmed",
    "QualityMeasured",
    "RuleDisabled",
    "RuleFailing",
]


class IncrementsLearned(BaseEvent, frozen=True, tag="increments_learned"):
    """The venue states in what steps an instrument's prices and sizes come; None where it has no such step."""

    provider: ProviderId
    instrument: InstrumentId
    price: Decimal | None
    size: Decimal | None


class CriticalFinding(BaseEvent, frozen=True, tag="critical_finding"):
    """A rule whose severity is critical objected; the first time an instrument and leg in each quality period.

    `violation` holds the rule's name and the numbers that tripped it.
    """

    provider: ProviderId
    instrument: InstrumentId
    rule: str
    violation: Mapping[str, object]


class PriceLevelConfirmed(BaseEvent, frozen=True, tag="price_level_confirmed"):
    """A price that leapt was seen often and long enough to be the market's: from here on it is what others are held to.

    `field` is the kind of price; `refused` counts the ticks that were kept back or flagged before it was confirmed.
    """

    provider: ProviderId | None
    instrument: InstrumentId
    field: str
    from_price: Decimal
    to_price: Decimal
    refused: int


class RuleFailing(BaseEvent, frozen=True, tag="rule_failing"):
    """A rule raised for the first time in this run, on a leg or (None) in the route: the plugin needs mending."""

    provider: ProviderId | None
    rule: str
    error: str


class RuleDisabled(BaseEvent, frozen=True, tag="rule_disabled"):
    """A rule raised too often over an instrument and judges it no more until the feed is started again.

    Its ticks flow without the rule; other instruments are judged by it as before.
    """

    provider: ProviderId | None
    instrument: InstrumentId
    rule: str
    failures: int
    error: str


class InstrumentQuarantined(BaseEvent, frozen=True, tag="instrument_quarantined"):
    """Nothing of this instrument is delivered from the leg (or, where None, at all) until it was clean for a while."""

    provider: ProviderId | None
    instrument: InstrumentId
    rule: str


class InstrumentReleased(BaseEvent, frozen=True, tag="instrument_released"):
    """The instrument was clean for `quarantine_s` and is delivered again."""

    provider: ProviderId | None
    instrument: InstrumentId
    rule: str


class QualityMeasured(BaseEvent, frozen=True, tag="quality_measured"):
    """What the rules found since `from_ns`: one row an instrument and leg that brought anything."""

    from_ns: int
    rows: Sequence[InstrumentQuality]
