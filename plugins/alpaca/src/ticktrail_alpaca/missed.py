"""Remember a symbol's trades, and hold newer ones back until those that were missed were fetched or given up.

Owns: the order: what was missed comes before what was there, marked as backfilled, and nothing comes twice; whether a
correction mends a trade that went on.
Never: fetches or waits. Pure.

The venue's ids have no order, and begin anew every day, so that what was missed is what the archive has between the
last trade before the hole and the first one after it, and is not known by its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from ticktrail.model import Correction, Gap, Tick, Trade, Undecodable
from ticktrail.recent import Recent

__all__ = ["Tape"]

REMEMBERED = 25_000
"""Names of trades kept a symbol at least: more than a repair brings, and a busy stock's for some minutes."""


class _Mending(NamedTuple):
    correction: Correction
    raw: bytes


_Held: TypeAlias = Trade | _Mending


class Tape:
    """The trades of one symbol.

    Args:
        most_held: Trades that wait for a hole at most; beyond it the hole is given up.

    Attributes:
        newest: The last trade that went on; None before the first.
        heard_ns: Receive time of that trade.
        first_ns: Event time of the first trade ever.
        latest_ns: The latest event time of a trade so far; the trades of a stock do not come in order of time.
        is_holding: Whether trades wait.
        began: Number of the hole that they wait for; holes are counted from 1 on.
        hole: Number of the newest hole, as far as which is to be fetched.
    """

    __slots__ = (
        "_before", "_cause", "_held", "_most_held", "_since_ns", "_times_ns", "began", "first_ns", "heard_ns", "hole",
        "is_holding", "latest_ns", "newest",
    )  # fmt: skip

    def __init__(self, *, most_held: int) -> None:
        self.newest: Trade | None = None
        self.heard_ns: int | None = None
        self.first_ns: int | None = None
        self.latest_ns: int | None = None
        self.is_holding = False
        self.began = 0
        self.hole = 0
        self._most_held = most_held
        self._cause = "reconnect"
        self._before = 0
        self._since_ns = 0
        self._times_ns: Recent[str, int | None] = Recent(REMEMBERED)
        self._held: list[_Held] = []

    @property
    def first_held(self) -> Trade | None:
        """Return the first trade that waits and came after the newest hole, which ends before it."""
        return next((one for one in self._held[self._before :] if isinstance(one, Trade)), None)

    def hold(self, recv_ns: int, *, cause: str = "reconnect") -> Sequence[Tick | Undecodable]:
        """Hold back what comes from now on; return what had waited for an earlier hole, which is given up."""
        before = self.missed((), whole=False, recv_ns=recv_ns)
        self.is_holding = self.newest is not None
        self.hole += 1
        self.began = self.hole
        self._cause = cause
        self._since_ns = recv_ns
        return before

    def lose(self, recv_ns: int) -> bool:
        """Hold back what comes from now on, since a trade before it may be lost; tell whether it is held.

        Where trades wait already, they wait for this hole too. Before the first trade ever nothing tells from where on
        one could be missing, so that nothing waits.
        """
        if self.is_holding:
            self.hole += 1
            self._before = len(self._held)
        else:
            self.hold(recv_ns, cause="undecodable")
        return self.is_holding

    def drain(self) -> Sequence[Tick | Undecodable]:
        """Return what waits: no more will come."""
        return self.missed((), whole=False, recv_ns=self._since_ns)

    def take(self, trade: Trade) -> Sequence[Tick | Undecodable]:
        """Take a trade, and return what may go on: it, nothing yet, or all that was held, after the hole."""
        return self._take(trade, trade.recv_ns)

    def mend(self, correction: Correction, raw: bytes) -> Sequence[Tick | Undecodable]:
        """Take a correction in its place among the trades.

        Args:
            correction: Names the trade that it mends.
            raw: Its message, for the case that this tape has not brought that trade.
        """
        return self._take(_Mending(correction, raw), correction.recv_ns)

    def missed(
        self, trades: Sequence[Trade], *, whole: bool, recv_ns: int, hole: int | None = None
    ) -> Sequence[Tick | Undecodable]:
        """Take what the archive gave for the hole, and return it with what waited; a hole that remains is marked.

        Args:
            trades: In order; what is known already is passed over.
            whole: Whether they are all that was missed.
            recv_ns: When this was learned.
            hole: The newest hole of which the archive was asked; None: whichever it is. What is all as far as that one
                is not all where there has been another since, and nothing is said of holes that began after it.
        """
        if not self.is_holding or (hole is not None and hole < (self.hole if whole else self.began)):
            return ()
        held, self._held, self.is_holding, self._before = self._held, [], False, 0
        known = {(str(one.id), one.event_ns) for one in held if isinstance(one, Trade)}
        out: list[Tick | Undecodable] = []
        for trade in trades:
            name = (str(trade.id), trade.event_ns)
            if name not in known and not self._has(trade):
                known.add(name)
                out.append(trade)
        for tick in out:
            if isinstance(tick, Trade):
                self._note(tick)
        if not whole and self.newest is not None:
            out.append(_gap(self.newest, self.heard_ns, recv_ns, self._cause))
        return [*out, *map(self._pass, held)]

    def _take(self, one: _Held, recv_ns: int) -> Sequence[Tick | Undecodable]:
        if not self.is_holding:
            return (self._pass(one),)
        self._held.append(one)
        if len(self._held) > self._most_held:
            return self.missed((), whole=False, recv_ns=recv_ns)
        return ()

    def _pass(self, one: _Held) -> Tick | Undecodable:
        if isinstance(one, Trade):
            self._note(one)
            return one
        correction = one.correction
        if str(correction.original_id) not in self._times_ns:
            return Undecodable(
                provider=correction.provider,
                recv_ns=correction.recv_ns,
                raw=one.raw,
                reason=f"a correction of the trade {correction.original_id}, which this leg has not brought",
            )
        if correction.id is not None:
            self._times_ns.note(str(correction.id), correction.event_ns)
        return correction

    def _has(self, trade: Trade) -> bool:
        """Tell whether this very trade went on: its name alone may be another day's."""
        return self._times_ns.holds(str(trade.id), trade.event_ns)

    def _note(self, trade: Trade) -> None:
        self._times_ns.note(str(trade.id), trade.event_ns)
        self.newest, self.heard_ns = trade, trade.recv_ns
        if trade.event_ns is not None:
            self.first_ns = trade.event_ns if self.first_ns is None else self.first_ns
            self.latest_ns = max(trade.event_ns, self.latest_ns or 0)


def _gap(newest: Trade, from_ns: int | None, to_ns: int, cause: str) -> Gap:
    return Gap(
        instrument=newest.instrument,
        provider=newest.provider,
        event_ns=None,
        recv_ns=to_ns,
        channel="trades",
        from_id=None,
        to_id=None,
        from_ns=from_ns,
        to_ns=to_ns,
        cause=cause,
    )
