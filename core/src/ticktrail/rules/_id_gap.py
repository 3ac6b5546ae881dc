"""Notice a jump in the ids of trades where they are consecutive: what lies between is missing.

Owns: `gapless_ids`.
Never: judges where ids may jump (a leg says whether its own are consecutive), a backfilled trade, or an id that does
not grow (the rule `id_order` does). The route marks the hole with a `Gap` whatever this rule does, so that its finding
flags by default: the trade after a hole is as good as any.
"""

from __future__ import annotations

from ticktrail.model import AggTrade, Tick, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec

__all__ = ["IdGap", "IdGapRule", "IdGapSettings"]

_UNKNOWN = -(1 << 63)


class IdGapSettings(Settings, frozen=True):
    """`gapless_ids` asks for ids without jumps; ``false`` turns the rule off."""

    gapless_ids: bool = True
    """Ids of trades must not jump where the leg's are consecutive; a jump flags the trade after it."""


class IdGap(Violation, frozen=True, tag="id_gap"):
    """Between the trade `last_id` and this one, `missing` were never seen."""

    id: int
    last_id: int
    missing: int


class _Due:
    """Which id comes next."""

    __slots__ = ("next_id",)

    def __init__(self) -> None:
        self.next_id = _UNKNOWN


class IdGapRule:
    """Count along with the trades and the aggregate trades.

    It counts in `check`, so that a trade which another rule refuses is no hole; `accept` follows a venue that counts
    anew.
    """

    __slots__ = ("_agg_trade", "_trade")

    def __init__(self) -> None:
        self._trade, self._agg_trade = _Due(), _Due()

    def check(self, tick: Tick, at_ns: int) -> IdGap | None:  # noqa: ARG002 - the contract's signature
        """Return the jump before this trade, or None."""
        if type(tick) is Trade:
            due, number = self._trade, tick.id
        elif type(tick) is AggTrade:
            due, number = self._agg_trade, tick.id
        else:
            return None
        expected = due.next_id
        if number == expected:
            due.next_id = expected + 1
            return None
        if type(number) is not int or number < expected:
            return None
        due.next_id = number + 1
        if expected == _UNKNOWN or tick.backfilled:
            return None
        return IdGap(id=number, last_id=expected - 1, missing=number - expected)

    def accept(self, tick: Tick) -> None:
        """Go on from a trade that every rule let through, if it lies below the one that was due."""
        if type(tick) is Trade:
            due, number = self._trade, tick.id
        elif type(tick) is AggTrade:
            due, number = self._agg_trade, tick.id
        else:
            return
        if type(number) is int and number < due.next_id - 1 and not tick.backfilled:
            due.next_id = number + 1

    def begin_session(self) -> None:
        """Forget: what passed between two sessions is the route's to mark."""
        self._trade.next_id = self._agg_trade.next_id = _UNKNOWN


def _open(settings: IdGapSettings, context: ValidatorContext) -> IdGapRule | None:
    return IdGapRule() if settings.gapless_ids and context.consecutive_ids else None


SPEC = validator_spec(
    name="id_gap",
    summary="a jump in the ids of trades where they are consecutive (gapless_ids)",
    settings=IdGapSettings,
    open=_open,
    ticks=(Trade, AggTrade),
    action="flag",
)
