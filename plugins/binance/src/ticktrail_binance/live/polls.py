"""Ask the venue now and then: whether its instruments trade, in what steps, and what time it has.

Owns: what was last known of each instrument's status, and the ticks that tell of a change.
Never: ends the session: a poll that fails is tried again at its next turn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet

import anyio

from ticktrail.errors import TransientError
from ticktrail.events import IncrementsLearned, VenueClockMeasured, VenueTrouble
from ticktrail.model import InstrumentId, Status
from ticktrail.plugin import Intake, ProviderContext
from ticktrail_binance.increments import Increments
from ticktrail_binance.rest.client import Declined, RestClient
from ticktrail_binance.rest.questions import ask_listing, ask_time
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.wire import SymbolInfo

__all__ = ["StatusPoll", "measure_clock"]

NOT_LISTED = "NOT_LISTED"
"""The state of an instrument that the venue lists no more; it has no word of its own for that."""
MS_NS = 1_000_000


class StatusPoll:
    """The status of a leg's instruments, and the steps of their prices and sizes, which the same answer states.

    Args:
        symbols: The instruments by symbol.
        settings: Of the leg.
        context: Of the leg.
        on_listed: Called with the symbols that the venue lists now, whenever they have changed.
        increments: What the leg has told of steps so far.
    """

    def __init__(
        self,
        symbols: Mapping[str, InstrumentId],
        settings: BinanceSettings,
        context: ProviderContext,
        on_listed: Callable[[frozenset[str]], None],
        increments: Increments,
    ) -> None:
        self._symbols = symbols
        self._settings = settings
        self._context = context
        self._on_listed = on_listed
        self._increments = increments
        self._states: dict[str, str] = {}
        self._missing: AbstractSet[str] = frozenset()
        self._listed = frozenset(symbols)

    def changes(self, listing: Sequence[SymbolInfo], recv_ns: int) -> Sequence[Status]:
        """Return a tick for each instrument whose state is not what it was, or was not known.

        An instrument that is missing once may be missing by mistake: it counts as listed no more when the next answer
        says so too.
        """
        found = {entry.symbol: entry.state for entry in listing if entry.symbol in self._symbols}
        missing = self._symbols.keys() - found.keys()
        doubtful = missing - self._missing - {s for s, state in self._states.items() if state == NOT_LISTED}
        self._missing = missing
        ticks: list[Status] = []
        for symbol, instrument in self._symbols.items():
            if symbol in doubtful:
                continue
            state = found.get(symbol, NOT_LISTED)
            if self._states.get(symbol) != state:
                self._states[symbol] = state
                ticks.append(
                    Status(
                        instrument=instrument,
                        provider=self._context.name,
                        event_ns=None,
                        recv_ns=recv_ns,
                        state=state,
                        reason="no longer in exchangeInfo" if state == NOT_LISTED else None,
                    )
                )
        listed = frozenset(self._symbols.keys() - missing | doubtful)
        if listed != self._listed:
            self._listed = listed
            self._on_listed(listed)
        return ticks

    async def run(self, client: RestClient, intake: Intake) -> None:
        """Ask at every turn, until cancelled; ticks go to the intake where the feed wants the channel."""
        context, period_s = self._context, self._settings.status_every_s
        while True:
            try:
                listing = await ask_listing(
                    client, list(self._symbols), patience_s=period_s, keep_s=period_s / 2
                )
                if listing is None:  # one of them is gone; the whole list tells which
                    listing = await ask_listing(client, None, patience_s=period_s)
            except (TransientError, Declined) as exc:
                detail = f"the status of the instruments could not be asked for: {exc}"
                self._tell(intake, detail, period_s)
            else:
                clock = context.clock
                recv_ns, mono_ns = clock.now_ns(), clock.mono_ns()
                self._tell_increments(intake, listing or (), recv_ns, period_s)
                ticks = self.changes(listing or (), recv_ns)
                for tick in ticks:
                    if tick.state == NOT_LISTED:
                        self._tell(
                            intake,
                            f"Binance lists {tick.instrument} no more, and its streams are given up until it does: "
                            f"take it out of instruments if that is for good",
                            period_s,
                        )
                if ticks and "status" in context.channels:
                    await intake.ticks(ticks, recv_ns=recv_ns, mono_ns=mono_ns)
            await anyio.sleep(period_s)

    def _tell_increments(
        self, intake: Intake, listing: Sequence[SymbolInfo], at_ns: int, period_s: float
    ) -> None:
        for instrument, steps in self._increments.changes(listing):
            if steps.fault is not None:
                self._tell(
                    intake,
                    f"the filters of {instrument} in exchangeInfo cannot be read ({steps.fault}), and its prices and "
                    f"sizes are not checked against their increments: set tick_size and lot_size to have them checked",
                    period_s,
                )
            intake.tell(
                IncrementsLearned(
                    at_ns=at_ns,
                    provider=self._context.name,
                    instrument=instrument,
                    price=steps.price,
                    size=steps.size,
                )
            )

    def _tell(self, intake: Intake, detail: str, retry_in_s: float) -> None:
        context = self._context
        intake.tell(
            VenueTrouble(
                at_ns=context.clock.now_ns(),
                provider=context.name,
                detail=detail,
                retry_in_s=retry_in_s,
            )
        )


async def measure_clock(
    client: RestClient, intake: Intake, settings: BinanceSettings, context: ProviderContext
) -> None:
    """Compare the venue's clock with this machine's at every turn, until cancelled."""
    clock = context.clock
    while True:
        try:
            sent_ns, sent_mono_ns = clock.now_ns(), clock.mono_ns()
            venue_ms = await ask_time(client)
            took_ns = clock.mono_ns() - sent_mono_ns
        except (TransientError, Declined) as exc:
            detail = f"the venue's clock could not be read: {exc}"
            retry_s = settings.time_every_s
            intake.tell(
                VenueTrouble(at_ns=clock.now_ns(), provider=context.name, detail=detail, retry_in_s=retry_s)
            )
        else:
            intake.tell(
                VenueClockMeasured(
                    at_ns=clock.now_ns(),
                    provider=context.name,
                    # a whole millisecond stands for any moment in it
                    offset_ns=venue_ms * MS_NS + MS_NS // 2 - sent_ns - took_ns // 2,
                    bound_ns=took_ns // 2 + MS_NS // 2,
                )
            )
        await anyio.sleep(settings.time_every_s)
