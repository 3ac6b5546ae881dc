"""Say how each pair is traded: the trading engine's state where it is not well, else the pair's own.

Owns: what was last told of each.
Never: says when a state began: the venue gives no time for it. Pure.

Sources: docs.kraken.com, "Status" (WebSocket v2; `system` is ``online``, ``cancel_only``, ``maintenance`` or
``post_only``) and "Instruments" (`status` of a pair: ``cancel_only``, ``delisted``, ``limit_only``, ``maintenance``,
``online``, ``post_only``, ``reduce_only``, ``work_in_progress``), read 2026-11.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from ticktrail.model import InstrumentId, ProviderId, Status
from ticktrail_kraken.wire import Pair

__all__ = ["ENGINE", "States"]

ONLINE = "online"
MOVES = frozenset({ONLINE, "limit_only"})
"""States in which orders are matched, so that silence may be a sign."""
ENGINE = "trading engine"
"""The reason of a state that is not the pair's own."""


class _System(Protocol):
    @property
    def system(self) -> str | None: ...


class States:
    """The states of a leg's pairs.

    Args:
        symbols: Its instruments by symbol.
        provider: Its name.
        tells: Whether changes are told at all.

    Attributes:
        system: The trading engine's state; None before it was told.
    """

    def __init__(self, symbols: Mapping[str, InstrumentId], provider: ProviderId, *, tells: bool) -> None:
        self.system: str | None = None
        self._symbols = symbols
        self._provider = provider
        self._tells = tells
        self._own: dict[str, str] = {}
        self._told: dict[str, tuple[str, str | None]] = {}

    def take_system(self, rows: Iterable[_System], recv_ns: int) -> Sequence[Status]:
        """Take the trading engine's state; return what has changed by it."""
        for row in rows:
            self.system = row.system or self.system
        return self._changes(recv_ns)

    def take_pairs(self, pairs: Iterable[Pair], recv_ns: int, *, anew: bool) -> Sequence[Status]:
        """Take the states of the leg's pairs; return what has changed by them, or all of them.

        Args:
            pairs: Of the leg.
            recv_ns: When they came.
            anew: They begin a connection: what was told before it may have changed and come back since.
        """
        for pair in pairs:
            self._own[pair.symbol] = pair.status
            if anew:
                self._told.pop(pair.symbol, None)
        return self._changes(recv_ns)

    def moves(self, symbol: str) -> bool:
        """Tell whether orders of a pair are matched, as far as is known."""
        state = self._state(symbol)
        return state is None or state[0] in MOVES

    def _state(self, symbol: str) -> tuple[str, str | None] | None:
        if self.system not in {None, ONLINE}:
            return str(self.system), ENGINE
        own = self._own.get(symbol)
        return None if own is None else (own, None)

    def _changes(self, recv_ns: int) -> Sequence[Status]:
        changed: list[Status] = []
        for symbol, instrument in self._symbols.items():
            state = self._state(symbol)
            if state is None or self._told.get(symbol) == state:
                continue
            self._told[symbol] = state
            if self._tells:
                changed.append(
                    Status(
                        instrument=instrument,
                        provider=self._provider,
                        event_ns=None,
                        recv_ns=recv_ns,
                        state=state[0],
                        reason=state[1],
                    )
                )
        return changed
