"""Refuse a ticker of a market that hardly trades: its prices say little.

Owns: `min_volume_24h`.
Never: judges anything but a ticker, which alone states the volume of the last 24 hours.
"""

from __future__ import annotations

from decimal import Decimal

from ticktrail.model import Tick, Ticker, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import HUGE, Limit, check_limit

__all__ = ["LowVolume", "VolumeRule", "VolumeSettings"]


class VolumeSettings(Settings, frozen=True):
    """`min_volume_24h` counts units of the base asset, as the ticker does."""

    min_volume_24h: Limit = Decimal(100)
    """The least volume of the last 24 hours that a ticker may state, in units of the base asset."""

    def __post_init__(self) -> None:
        """Refuse a limit that nothing could break."""
        check_limit("min_volume_24h", self.min_volume_24h)


class LowVolume(Violation, frozen=True, tag="volume_24h"):
    """The volume of the last 24 hours is below `min_volume_24h`."""

    volume_24h: Decimal
    min_volume_24h: Decimal


class VolumeRule:
    """Compare a ticker's volume with a fixed limit."""

    __slots__ = ("_least",)

    def __init__(self, settings: VolumeSettings) -> None:
        self._least = Decimal(settings.min_volume_24h)

    def check(self, tick: Tick, at_ns: int) -> LowVolume | None:  # noqa: ARG002 - the contract's signature
        """Return the volume that is too low, or None."""
        if type(tick) is not Ticker:
            return None
        try:
            if self._least <= tick.volume_24h <= HUGE:
                return None
        except ArithmeticError:  # NaN is no volume: it falls through to the violation
            pass
        return LowVolume(volume_24h=tick.volume_24h, min_volume_24h=self._least)


def _open(settings: VolumeSettings, context: ValidatorContext) -> VolumeRule | None:  # noqa: ARG001 - contract
    return None if settings.min_volume_24h is False else VolumeRule(settings)


SPEC = validator_spec(
    name="volume_24h",
    summary="a ticker whose 24 h volume is below min_volume_24h",
    settings=VolumeSettings,
    open=_open,
    ticks=(Ticker,),
)
