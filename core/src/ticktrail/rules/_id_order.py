"""Refuse a tick whose id was here before, or lies below one that was, and yet follow a venue that counts anew.

Owns: `growing_ids`, `id_restart_ticks`, `id_restart_s`, and which ids of trades, aggregate trades and quotes were here
in this session. What only reports a hole is the rule `id_gap`.
Never: judges a backfilled tick (it fills a hole, and is remembered), or looks beyond its leg and session: what comes
again after a reconnect, or by another leg, the route suppresses.

Refused ticks become candidates for a new count: those with a higher id than any candidate before, none of them older
than the last accepted tick. Once there are enough of them, over some time, the venue counts anew; the one that
completes both is let through. What is merely sent again is older, and neither confirms nor disturbs anything; a
candidate with a lower id does not count, and where there were as many of those in a row as confirm, the count begins
anew with the last. Where nothing was accepted for a hundred times as many ticks and as long, the next one is, whatever
came between.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from ticktrail.model import AggTrade, Quote, Tick, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.recent import Recent
from ticktrail.rules._ids import Numbers
from ticktrail.rules._limits import check_confirmation, nanoseconds

__all__ = ["IdOrderRule", "IdOrderSettings", "IdOutOfOrder"]

_NS_PER_S = 1_000_000_000
_MOST_NAMES = 10_000
_LAST_RESORT = 100
_FAR_AHEAD_NS = 60 * _NS_PER_S
"""A time further ahead than this was no venue's: one such tick must not make every later one seem old."""


class IdOrderSettings(Settings, frozen=True):
    """`growing_ids` asks for ids that grow; ``false`` turns the rule off."""

    growing_ids: bool = True
    """Ids of trades and quotes must grow, and names of trades not come twice."""
    id_restart_ticks: int = 10
    """How many refused ticks in a row with growing ids confirm that the venue counts anew."""
    id_restart_s: Decimal = Decimal("5.0")
    """How long they must have gone on, in seconds."""

    def __post_init__(self) -> None:
        """Refuse a confirmation that never comes."""
        check_confirmation("id_restart", self.id_restart_ticks, self.id_restart_s)


class IdOutOfOrder(Violation, frozen=True, tag="id_order"):
    """The id in `field` was here already (`duplicate`), or was not and yet lies below `last_id` (`backwards`).

    `last_id` is the highest accepted id, None where ids are names without an order. `candidates` counts the refused
    ticks in a row, this one included, that agree on a new count.
    """

    field: str
    id: int | str
    last_id: int | None
    problem: Literal["duplicate", "backwards"]
    candidates: int


class _Line(Numbers):
    """The ids of one kind of tick, the newest of them, and the candidates for a new count."""

    __slots__ = ("behind", "candidate", "count", "newest", "refused", "refused_ns", "since_ns")

    def forget(self) -> None:
        super().forget()
        self.newest: Tick | None = None
        self.candidate = self.since_ns = self.refused_ns = 0
        self.accepted()

    def accepted(self) -> None:
        """End all candidacy."""
        self.count = self.behind = self.refused = 0


class IdOrderRule:
    """Hold the ids of each kind of tick."""

    __slots__ = ("_agg_trade", "_names", "_quote", "_restart_ns", "_restart_ticks", "_trade")

    def __init__(self, settings: IdOrderSettings) -> None:
        self._restart_ticks = settings.id_restart_ticks
        self._restart_ns = nanoseconds(settings.id_restart_s, unit_ns=_NS_PER_S)
        self._trade, self._agg_trade, self._quote = _Line(), _Line(), _Line()
        self._names: Recent[str, int | None] = Recent(_MOST_NAMES)

    def check(self, tick: Tick, at_ns: int) -> IdOutOfOrder | None:
        """Return the id that is out of order, or None where it is not, or the venue counts anew."""
        number: int | str | None
        if type(tick) is Trade:
            line, number = self._trade, tick.id
            if type(number) is not int:
                return self._check_name(tick, str(number))
            if number > line.last:
                return None
        elif type(tick) is Quote:
            line, number = self._quote, tick.update_id
        elif type(tick) is AggTrade:
            line, number = self._agg_trade, tick.id
        else:
            return None
        if type(number) is not int or number > line.last or tick.backfilled:
            return None
        return self._confirm(line, tick, number, at_ns)

    def accept(self, tick: Tick) -> None:
        """Remember the id of a tick that every rule let through; it ends all candidacy."""
        number: int | str | None
        if type(tick) is Trade:
            line, number = self._trade, tick.id
        elif type(tick) is Quote:
            line, number = self._quote, tick.update_id
            if number is not None and not tick.backfilled:
                line.last = number  # of quotes the last id tells all: it comes again, or it lies below
                line.newest = tick
                line.accepted()
            return
        elif type(tick) is AggTrade:
            line, number = self._agg_trade, tick.id
        else:
            return
        if number == line.last + 1:
            line.last = number
        elif type(number) is not int:
            self._names.note(str(number), tick.event_ns)
            return
        elif tick.backfilled:
            line.add(number)
            return
        else:
            if number <= line.last:
                line.forget()  # a new count, confirmed
            line.add(number)
        line.newest = tick
        if line.count or line.refused:
            line.accepted()

    def begin_session(self) -> None:
        """Forget: the venue may repeat what it sent to the session before."""
        for line in (self._trade, self._agg_trade, self._quote):
            line.forget()
        self._names.clear()

    def _check_name(self, trade: Trade, name: str) -> IdOutOfOrder | None:
        if not self._names.holds(name, trade.event_ns) or trade.backfilled:
            return None
        return IdOutOfOrder(field="id", id=name, last_id=None, problem="duplicate", candidates=0)

    def _confirm(self, line: _Line, tick: Tick, number: int, at_ns: int) -> IdOutOfOrder | None:
        event_ns = tick.event_ns  # no venue counts below nought, so that such ids are never a new count
        newest_ns = None if line.newest is None else line.newest.event_ns
        if newest_ns is not None and newest_ns > at_ns + _FAR_AHEAD_NS:
            newest_ns = None
        is_old = event_ns is not None and newest_ns is not None and event_ns < newest_ns
        if number >= 0 and not is_old and self._is_new_count(line, number, at_ns):
            return None
        is_quote = type(tick) is Quote
        was_here = number == line.last if is_quote else number in line
        return IdOutOfOrder(
            field="update_id" if is_quote else "id",
            id=number,
            last_id=line.last,
            problem="duplicate" if was_here else "backwards",
            candidates=line.count,
        )

    def _is_new_count(self, line: _Line, number: int, at_ns: int) -> bool:
        """Take a candidate in; tell whether it completes a new count, or everything else has failed for long."""
        line.refused_ns = min(line.refused_ns, at_ns) if line.refused else at_ns
        line.refused += 1
        if line.count and number > line.candidate and at_ns >= line.since_ns:
            line.count, line.candidate, line.behind = line.count + 1, number, 0
            if line.count >= self._restart_ticks and at_ns - line.since_ns >= self._restart_ns:
                return True
        elif line.count and at_ns >= line.since_ns and line.behind + 1 < self._restart_ticks:
            line.behind += 1
        else:
            line.count, line.since_ns, line.candidate, line.behind = 1, at_ns, number, 0
        long = _LAST_RESORT * self._restart_ns
        return line.refused >= _LAST_RESORT * self._restart_ticks and at_ns - line.refused_ns >= long


def _open(settings: IdOrderSettings, context: ValidatorContext) -> IdOrderRule | None:  # noqa: ARG001 - contract
    return IdOrderRule(settings) if settings.growing_ids else None


SPEC = validator_spec(
    name="id_order",
    summary="an id that was here before in this session, or lies below one that was (growing_ids)",
    settings=IdOrderSettings,
    open=_open,
    ticks=(Trade, AggTrade, Quote),
)
