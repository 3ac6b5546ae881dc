"""Judge ticks: the rules that ticktrail brings, and what each says of a tick that it refuses.

Owns: the rules' names, settings and violations (docs/explanation/validation.md tells why they are as they are).
Never: corrects a tick. A rule objects or is silent.

The kind of a tick is asked with ``type(tick) is Quote``: on a Struct, `isinstance` against another class costs some
120 ns more (`StructMeta` brings an instance check of its own), which is as much as a whole rule.
"""

from __future__ import annotations

from ticktrail.rules._backwards import Backwards, BackwardsRule, BackwardsSettings
from ticktrail.rules._bar import BadBar, BarRule, BarSettings
from ticktrail.rules._clock import ClockRule, ClockRuleSettings, FromTheFuture
from ticktrail.rules._cross_venue import CrossVenueDeviation, CrossVenueRule, CrossVenueSettings
from ticktrail.rules._crossed import Crossed, CrossedRule, CrossedSettings
from ticktrail.rules._event_drift import EventDrift, EventDriftRule, EventDriftSettings
from ticktrail.rules._frozen import Frozen, FrozenRule, FrozenSettings
from ticktrail.rules._id_gap import IdGap, IdGapRule, IdGapSettings
from ticktrail.rules._id_order import IdOrderRule, IdOrderSettings, IdOutOfOrder
from ticktrail.rules._increments import IncrementsRule, IncrementsSettings, OffIncrement
from ticktrail.rules._price_jump import PriceJump, PriceJumpRule, PriceJumpSettings
from ticktrail.rules._price_range import PriceOutOfRange, PriceRangeRule, PriceRangeSettings
from ticktrail.rules._rate import RateRule, RateSettings, RateSpike
from ticktrail.rules._size import BadSize, SizeRule, SizeSettings
from ticktrail.rules._spread import BadSpread, SpreadRule, SpreadSettings
from ticktrail.rules._staleness import Stale, StalenessRule, StalenessSettings
from ticktrail.rules._volume import LowVolume, VolumeRule, VolumeSettings

__all__ = [
    "Backwards",
    "BackwardsRule",
    "BackwardsSettings",
    "BadBar",
    "BadSize",
    "BadSpread",
    "BarRule",
    "BarSettings",
    "ClockRule",
    "ClockRuleSettings",
    "CrossVenueDeviation",
    "CrossVenueRule",
    "CrossVenueSettings",
    "Crossed",
    "CrossedRule",
    "CrossedSettings",
    "EventDrift",
    "EventDriftRule",
    "EventDriftSettings",
    "FromTheFuture",
    "Frozen",
    "FrozenRule",
    "FrozenSettings",
    "IdGap",
    "IdGapRule",
    "IdGapSettings",
    "IdOrderRule",
    "IdOrderSettings",
    "IdOutOfOrder",
    "IncrementsRule",
    "IncrementsSettings",
    "LowVolume",
    "OffIncrement",
    "PriceJump",
    "PriceJumpRule",
    "PriceJumpSettings",
    "PriceOutOfRange",
    "PriceRangeRule",
    "PriceRangeSettings",
    "RateRule",
    "RateSettings",
    "RateSpike",
    "SizeRule",
    "SizeSettings",
    "SpreadRule",
    "SpreadSettings",
    "Stale",
    "StalenessRule",
    "StalenessSettings",
    "VolumeRule",
    "VolumeSettings",
]
