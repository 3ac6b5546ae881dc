"""Make histories for a route node: what happens to it, one deed after the other.

Owns: which deeds there are, and that they are the same ones in every run.
Never: knows a node; whoever plays a history leaves out what cannot happen to it.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

__all__ = ["Deed", "backlog", "some_histories"]

_SHORTEST = 15
_LONGEST = 40
_BACKLOG = 1_000
_BACKLOG_TICKS = 10

Deed: TypeAlias = tuple[str, tuple[int, ...], tuple[tuple[int, int], ...]]
"""What happens next: a word, numbers, and ticks by instrument and channel. Numbers wrap round what there is."""


@functools.cache
def some_histories(many: int, *, orders: bool) -> Sequence[Sequence[Deed]]:
    """Return so many histories, the same ones in every run; in most of them every child comes up first.

    Raises:
        ModuleNotFoundError: hypothesis is not installed.
    """
    try:
        from hypothesis import HealthCheck, given, settings  # noqa: PLC0415 - only who runs the laws needs it
    except ModuleNotFoundError as exc:
        raise ModuleNotFoundError(
            "the laws of routes need hypothesis: pip install 'ticktrail[testing]'"
        ) from exc

    found: list[Sequence[Deed]] = []

    @settings(
        max_examples=many,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(_histories(orders=orders))
    def keep(history: Sequence[Deed]) -> None:
        found.append(history)

    keep()
    return found


def backlog() -> Sequence[Deed]:
    """Return a history in which all children are up and have much to bring, one after the other, all on time."""
    ticks = tuple((number, number) for number in range(_BACKLOG_TICKS))
    return [("all_up", (), ()), *(("ticks", (number, 0, 0), ticks) for number in range(_BACKLOG))]


def _histories(*, orders: bool) -> SearchStrategy[Sequence[Deed]]:
    from hypothesis import strategies as st  # noqa: PLC0415 - likewise

    number = st.integers(0, 11)
    none: tuple[tuple[int, int], ...] = ()
    ticks = st.lists(st.tuples(number, number), min_size=1, max_size=4).map(tuple)
    deeds: list[SearchStrategy[Deed]] = [
        st.tuples(st.just("ticks"), st.tuples(number, number, number), ticks),
        st.tuples(st.just("ticks"), st.tuples(number, number, number), ticks),
        st.tuples(st.just("ticks"), st.tuples(number, number, number), ticks),
        st.tuples(st.sampled_from(["up", "down"]), st.tuples(number), st.just(none)),
        st.tuples(st.sampled_from(["up", "down", "down", "part_down"]), st.tuples(number), st.just(none)),
        st.tuples(st.just("wait"), st.tuples(number), st.just(none)),
        st.tuples(st.just("reassign"), st.tuples(number, number), st.just(none)),
    ]
    if orders:
        deeds.append(st.tuples(st.just("order"), st.tuples(number, number, number), st.just(none)))
    all_up: Deed = ("all_up", (), none)
    firsts: SearchStrategy[list[Deed]] = st.sampled_from([[all_up], [all_up], []])
    rests = st.lists(st.one_of(*deeds), min_size=_SHORTEST, max_size=_LONGEST)
    return st.builds(lambda first, rest: [*first, *rest], firsts, rests)
