"""Hold what a provider's history says of trades against what its session brought live.

Owns: the comparison, and which trades take part in it.
Never: knows a venue's words.
"""

from __future__ import annotations

from collections.abc import Sequence
from unittest import SkipTest

import anyio

from ticktrail.errors import TransientError
from ticktrail.model import AggTrade, Channel, InstrumentId, Tick, Trade
from ticktrail.plugin import History
from ticktrail.testing._cases import ProviderCase, Stage
from ticktrail.testing._expect import expect
from ticktrail.testing._sessions import living, venue_of

__all__ = ["expect_agreement"]

_TRADES = 40
_MOST_PAGES = 1_000
_TRIES = 5
_KINDS: dict[type[Trade | AggTrade], Channel] = {Trade: "trades", AggTrade: "agg_trades"}


async def expect_agreement(case: ProviderCase) -> None:
    """Fail unless the history of what a session brought is what it brought.

    Raises:
        SkipTest: There is no history of trades, or no venue.
    """
    kind = next(
        (
            kind
            for kind, channel in _KINDS.items()
            if channel in case.capabilities().history & case.context.channels
        ),
        None,
    )
    if kind is None or case.spec.history is None:
        raise SkipTest(f"{case.name} declares no history of trades that the case asks for")
    instrument = case.context.instruments[0]
    async with case.stage() as stage:
        venue_of(case, stage)
        async with living(case, case.open(stage)) as life:

            def live() -> Sequence[Trade | AggTrade]:
                return [
                    tick
                    for tick in life.listener.ticks_found
                    if isinstance(tick, kind) and tick.instrument == instrument and tick.event_ns is not None
                ]

            await life.until_true(lambda: len(live()) >= _TRADES, f"{_TRADES} {_KINDS[kind]} of {instrument}")
        _compare(case, live(), await _past(case, stage, instrument, _KINDS[kind], live()))


async def _past(
    case: ProviderCase,
    stage: Stage,
    instrument: InstrumentId,
    channel: Channel,
    live: Sequence[Trade | AggTrade],
) -> Sequence[Tick]:
    assert case.spec.history is not None  # noqa: S101 - for the type checker; whoever calls has looked
    start_ns, end_ns = live[0].event_ns, live[-1].event_ns
    assert start_ns is not None  # noqa: S101 - the same
    assert end_ns is not None  # noqa: S101 - the same
    found: list[Tick] = []
    cursor: str | None = None
    async with case.spec.history(stage.settings, case.context, _unheard) as history:
        for _ in range(_MOST_PAGES):
            page = await _asked(history, instrument, channel, start_ns, end_ns + 1, cursor)
            found += page[0]
            cursor = page[1]
            if cursor is None:
                return found
    raise AssertionError(
        f"{case.name}: the history of {instrument} {channel} has no end in {_MOST_PAGES} pages"
    )


async def _asked(
    history: History,
    instrument: InstrumentId,
    channel: Channel,
    start_ns: int,
    end_ns: int,
    cursor: str | None,
) -> tuple[Sequence[Tick], str | None]:
    for tried in range(_TRIES):
        try:
            page = await history.page(instrument, channel, start_ns=start_ns, end_ns=end_ns, cursor=cursor)
        except TransientError as exc:
            if tried == _TRIES - 1:
                raise AssertionError(f"the history cannot be asked: {exc}") from exc
            await anyio.sleep(min(1.0, exc.retry_after_s or 0.1))
        else:
            return page.ticks, page.cursor
    raise AssertionError("unreachable")


def _compare(case: ProviderCase, live: Sequence[Trade | AggTrade], past: Sequence[Tick]) -> None:
    said = {_id(tick): tick for tick in past if isinstance(tick, Trade | AggTrade)}
    brought = {_id(tick): tick for tick in live}
    edges = {live[0].event_ns, live[-1].event_ns}
    for tick in live:
        again = said.get(_id(tick))
        if again is None:
            raise AssertionError(f"{case.name}: what was live is not in the history: {tick}")
        expect(
            _words(tick) == _words(again),
            f"{case.name}: the history says otherwise of a trade:\n  live {_words(tick)}\n  past {_words(again)}",
        )
    for number, tick in said.items():
        expect(
            number in brought or tick.event_ns in edges,
            f"{case.name}: the history has a trade that was not live, though its time lies between those that were: "
            f"{tick}",
        )


def _id(tick: Trade | AggTrade) -> int | str:
    return tick.id


def _words(tick: Trade | AggTrade) -> tuple[str, ...]:
    return (str(tick.id), str(tick.price), str(tick.size), str(tick.side), str(tick.event_ns))


def _unheard(event: object) -> None:
    """Let what the history tells go by."""
