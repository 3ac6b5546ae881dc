"""Refuse a tick whose venue's time lies before that of an earlier one, and yet follow a clock that was set back.

Owns: `max_backwards_ms`, `backwards_confirm_ticks`, `backwards_confirm_s`, and the latest time of each kind of tick.
Never: compares times of different kinds, judges or remembers a backfilled tick (old by its nature), or judges a trade
whose id is a name: where several exchanges report to one tape, trades come late as a rule, and the time has as little
order as the names. A bar is not judged either: venues restate them.

Ticks that lie too far back become candidates for a new time. Those that agree with the promptest of them (the venue's
time went on as the receive time did, within the limit) confirm it: the one that completes both the count and the time
is let through, those before it stay refused. One that is later than that does not count; where there were as many of
those in a row as confirm, the count begins anew with the last. A time that stands still is not confirmed so; but where
nothing was accepted for a hundred times as many ticks and as long, the next one is.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ticktrail.model import AggTrade, Quote, Tick, Ticker, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.rules._limits import Limit, check_confirmation, check_limit, nanoseconds

__all__ = ["Backwards", "BackwardsRule", "BackwardsSettings"]

_NS_PER_MS = 1_000_000
_NS_PER_S = 1_000_000_000
_LAST_RESORT = 100
_NEVER_NS = -(1 << 63)
_JUDGED = (Trade, AggTrade, Quote, Ticker)


class BackwardsSettings(Settings, frozen=True):
    """`max_backwards_ms` is how far a venue's time may lie before the latest accepted one of its kind."""

    max_backwards_ms: Limit = Decimal(1000)
    """How far a venue's time may lie before the latest accepted one of its kind, in milliseconds."""
    backwards_confirm_ticks: int = 10
    """How many such ticks in a row confirm that the venue's clock was set back."""
    backwards_confirm_s: Decimal = Decimal("5.0")
    """How long they must have gone on, in seconds."""

    def __post_init__(self) -> None:
        """Refuse a negative tolerance, and a confirmation that never comes."""
        check_limit("max_backwards_ms", self.max_backwards_ms)
        check_confirmation("backwards_confirm", self.backwards_confirm_ticks, self.backwards_confirm_s)


class Backwards(Violation, frozen=True, tag="backwards"):
    """The venue's time lies `back_ms` before `latest_ns`, the latest accepted one of the same kind of tick.

    `candidates` counts the refused ticks in a row, this one included, that agree on a new time.
    """

    back_ms: float
    max_backwards_ms: float
    latest_ns: int
    candidates: int


class _Latest:
    """The latest time of one kind, the earliest that may follow it, and the candidates for another."""

    __slots__ = ("behind", "count", "floor_ns", "lag_ns", "latest_ns", "refused", "refused_ns", "since_ns")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.latest_ns = self.floor_ns = _NEVER_NS
        self.count = self.behind = self.refused = 0
        self.since_ns = self.lag_ns = self.refused_ns = 0


class BackwardsRule:
    """Hold the latest time of each kind of tick."""

    __slots__ = ("_confirm_ns", "_confirm_ticks", "_latest", "_limit_ns")

    def __init__(self, settings: BackwardsSettings) -> None:
        self._limit_ns = nanoseconds(Decimal(settings.max_backwards_ms), unit_ns=_NS_PER_MS)
        self._confirm_ticks = settings.backwards_confirm_ticks
        self._confirm_ns = nanoseconds(settings.backwards_confirm_s, unit_ns=_NS_PER_S)
        self._latest: Mapping[type[Tick], _Latest] = {kind: _Latest() for kind in _JUDGED}

    def check(self, tick: Tick, at_ns: int) -> Backwards | None:
        """Return how far back the tick lies if that is too far, or None where it is not, or a new time is confirmed."""
        event_ns = tick.event_ns
        if event_ns is None:
            return None
        latest = self._latest.get(type(tick))
        if latest is None or event_ns >= latest.floor_ns or tick.backfilled:
            return None
        if _is_named(tick):
            return None
        if self._is_new_time(latest, at_ns - event_ns, at_ns):
            return None
        return Backwards(
            back_ms=(latest.latest_ns - event_ns) / _NS_PER_MS,
            max_backwards_ms=self._limit_ns / _NS_PER_MS,
            latest_ns=latest.latest_ns,
            candidates=latest.count,
        )

    def accept(self, tick: Tick) -> None:
        """Take the time of a tick that every rule let through; it ends all candidacy."""
        event_ns = tick.event_ns
        if event_ns is None or tick.backfilled:
            return
        latest = self._latest.get(type(tick))
        if latest is None:
            return
        latest.count = latest.behind = latest.refused = 0
        if event_ns > latest.latest_ns or (event_ns < latest.floor_ns and not _is_named(tick)):
            # the latter is a new time, confirmed
            latest.latest_ns = event_ns
            latest.floor_ns = event_ns - self._limit_ns

    def begin_session(self) -> None:
        """Forget: what a venue sends first may be older than what it sent last."""
        for latest in self._latest.values():
            latest.forget()

    def _is_new_time(self, latest: _Latest, lag_ns: int, at_ns: int) -> bool:
        """Take a candidate in; tell whether it completes a new time, or everything else has failed for long."""
        latest.refused_ns = min(latest.refused_ns, at_ns) if latest.refused else at_ns
        latest.refused += 1
        later_ns = lag_ns - latest.lag_ns
        is_late = later_ns > self._limit_ns
        if (
            not latest.count
            or at_ns < latest.since_ns
            or later_ns < -self._limit_ns
            or (is_late and latest.behind + 1 >= self._confirm_ticks)
        ):  # the first, this machine's time was set back, one that is far prompter, or all of late are later
            latest.count, latest.behind, latest.since_ns, latest.lag_ns = 1, 0, at_ns, lag_ns
        elif is_late:
            latest.behind += 1
        else:
            latest.count, latest.behind = latest.count + 1, 0
            latest.lag_ns = min(latest.lag_ns, lag_ns)
            if latest.count >= self._confirm_ticks and at_ns - latest.since_ns >= self._confirm_ns:
                return True
        long = _LAST_RESORT * self._confirm_ns
        return latest.refused >= _LAST_RESORT * self._confirm_ticks and at_ns - latest.refused_ns >= long


def _is_named(tick: Tick) -> bool:
    return type(tick) is Trade and type(tick.id) is str


def _open(settings: BackwardsSettings, context: ValidatorContext) -> BackwardsRule | None:  # noqa: ARG001 - contract
    return None if settings.max_backwards_ms is False else BackwardsRule(settings)


SPEC = validator_spec(
    name="backwards",
    summary="a venue's time more than max_backwards_ms before the latest accepted one, until a new time is confirmed",
    settings=BackwardsSettings,
    open=_open,
    ticks=_JUDGED,
)
