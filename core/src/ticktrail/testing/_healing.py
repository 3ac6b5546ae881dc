"""See whether what a loss took comes back: fetched, or told by a `Gap`.

Owns: the loss that is provoked, and the count of ids over it.
Never: knows how a provider heals.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from unittest import SkipTest

import anyio

from ticktrail.model import AggTrade, Channel, Gap, InstrumentId, Tick, Trade
from ticktrail.testing._cases import ProviderCase
from ticktrail.testing._provoking import cut
from ticktrail.testing._sessions import living, venue_of

__all__ = ["expect_healed"]

_BEFORE = 20
_AFTER = 50
_AWAY_S = 0.3
_KINDS: dict[Channel, type[Trade | AggTrade]] = {"trades": Trade, "agg_trades": AggTrade}


async def expect_healed(case: ProviderCase) -> None:
    """Fail unless every id between the first and the last one was brought, or lies in a gap that was told.

    Raises:
        SkipTest: Nothing of the kind is declared, or there is no venue.
    """
    able = case.capabilities()
    channel = next((name for name in _KINDS if name in able.heals & case.context.channels), None)
    if channel is None or not able.consecutive_trade_ids:
        raise SkipTest(f"{case.name} declares no `heals` of trades whose ids grow by one")
    instrument = case.context.instruments[0]
    async with case.stage() as stage:
        venue = venue_of(case, stage)
        provider = case.open(stage)
        async with living(case, provider) as life:
            heard = life.listener

            def ids() -> Sequence[int]:
                return _ids(heard.ticks_found, _KINDS[channel], instrument)

            await life.until_true(lambda: len(ids()) >= _BEFORE, f"{_BEFORE} {channel} of {instrument}")
            await cut(venue)
            await life.until(lambda: life.ended, case.stop_s)
        await anyio.sleep(_AWAY_S)
        last = max(ids())
        async with living(case, provider, heard) as again:
            await again.until_true(lambda: max(ids()) > last + _AFTER, f"{channel} after the loss")
    gaps = [
        gap
        for gap in heard.ticks_found
        if isinstance(gap, Gap) and gap.channel == channel and gap.instrument == instrument
    ]
    brought = sorted(set(ids()))
    for before, after in pairwise(brought):
        if after != before + 1 and not any(_covers(gap, before + 1, after - 1) for gap in gaps):
            raise AssertionError(
                f"{case.name} declares heals={sorted(able.heals)}, and of {instrument} {channel} it neither fetched "
                f"{before + 1} to {after - 1} after a loss nor told of them by a Gap"
            )


def _ids(ticks: Sequence[Tick], kind: type[Trade | AggTrade], instrument: InstrumentId) -> Sequence[int]:
    return [
        tick.id
        for tick in ticks
        if isinstance(tick, kind) and tick.instrument == instrument and isinstance(tick.id, int)
    ]


def _covers(gap: Gap, first: int, last: int) -> bool:
    """Tell whether a gap names the ids; one without ids is taken at its word."""
    if not isinstance(gap.from_id, int) or not isinstance(gap.to_id, int):
        return True
    return gap.from_id <= first and last <= gap.to_id
