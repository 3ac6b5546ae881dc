"""Try an arbiter with many histories, and read what it ruled.

Owns: what a case of a route node must bring, and that a broken law is told with the shortest history.
Never: says what must hold; `ticktrail.testing._routes` and `ticktrail.testing._routes_rulings` do.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ticktrail.model import Gap, InstrumentId, Tick
from ticktrail.plugin import (
    Arbiter,
    Batch,
    Forward,
    Lost,
    Reconnect,
    Rest,
    RouteContext,
    RouteSpec,
    Settings,
    Suppress,
    Switch,
    Wake,
)
from ticktrail.testing._routes_histories import Deed, some_histories
from ticktrail.testing._routes_meter import TooSlow, meter_of
from ticktrail.testing._routes_play import Played, play

__all__ = [
    "RouteCase",
    "are_words",
    "children_in",
    "each",
    "instruments_in",
    "is_a",
    "ruled",
    "said_by",
    "try_all",
    "try_pairs",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteCase:
    """One kind of route node under given settings.

    Attributes:
        spec: As the plugin declares it.
        settings: Of the node.
        context: What it is told on opening: its children are legs of these names.
        histories: How many each law is tried with.
    """

    spec: RouteSpec
    settings: Settings
    context: RouteContext
    histories: int = 60

    def arbiter(self) -> Arbiter:
        """Return a new arbiter.

        Raises:
            TooSlow: It takes too long to be had.
        """
        opens = meter_of(self.spec, self.settings).timed
        return opens("opened", lambda: self.spec.open(self.settings, self.context))

    def played(self, history: Sequence[Deed], *, without: frozenset[int] = frozenset()) -> Played:
        """Play a history to a new arbiter."""
        return play(self.arbiter(), self.spec, self.settings, self.context, history, without=without)


def is_a(arbiter: object, contract: type) -> bool:
    return isinstance(arbiter, contract)


def are_words(said: object) -> bool:
    return isinstance(said, str) and bool(said.strip())


def said_by(played: Played) -> Sequence[object]:
    said = [(step.what, step.rulings, step.node_up, step.deadline_ns, step.words) for step in played.steps]
    return [one if played.raised is None else (one, repr(played.raised)) for one in said]


def ruled(ruling: object) -> Sequence[Tick]:
    """Return the ticks that a ruling is about, without those that the node made."""
    if not isinstance(ruling, Forward | Suppress) or ruling.batch.derived:
        return ()
    batch: Batch = ruling.batch
    return [tick for tick in batch.ticks if not isinstance(tick, Gap)]


def children_in(ruling: object) -> Sequence[int]:
    if isinstance(ruling, Switch):
        return [child for child in (ruling.from_child, ruling.to_child) if child is not None]
    return [ruling.child] if isinstance(ruling, Wake | Rest | Reconnect) else ()


def instruments_in(ruling: object) -> Sequence[InstrumentId]:
    if isinstance(ruling, Switch):
        return sorted(ruling.instruments or ())
    return [ruling.instrument] if isinstance(ruling, Lost) else ()


def each(case: RouteCase, look: Callable[[Played], None], *, orders: bool = True) -> None:
    """Look at many histories, each played to a new arbiter."""
    try_all(case, lambda history: look(case.played(history)), orders=orders)


def try_all(case: RouteCase, look: Callable[[Sequence[Deed]], None], *, orders: bool = True) -> None:
    """Look at many histories; of one that breaks the law tell the shortest that still does."""
    for history in some_histories(case.histories, orders=orders):
        try:
            look(history)
        except TooSlow:
            raise
        except AssertionError as exc:
            raise _shortest(history, look, exc) from None


def _shortest(
    history: Sequence[Deed], look: Callable[[Sequence[Deed]], None], error: AssertionError
) -> AssertionError:
    """Leave out one deed after the other, for as long as the law is broken without it."""
    place = len(history) - 1
    while place >= 0:
        shorter = [*history[:place], *history[place + 1 :]]
        try:
            look(shorter)
        except TooSlow:
            return error
        except AssertionError as exc:
            history, error = shorter, exc
        place -= 1
    return error


def try_pairs(case: RouteCase, look: Callable[[Sequence[Deed], Sequence[Deed]], None]) -> None:
    """Look at many histories, each with the next one."""
    """Return the instruments that a ruling names."""
    """Return the children that a ruling names."""
    """Return all that an arbiter said in a history, call by call."""
    """Tell whether something is a text that says something."""
    """Tell whether an arbiter has the methods of a contract."""
    tried = some_histories(case.histories, orders=True)
    for first, second in itertools.pairwise(tried):
        look(first, second)
