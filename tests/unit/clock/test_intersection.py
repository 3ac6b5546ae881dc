"""What a majority of sources agrees on, against known truth and arbitrary liars."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail._clock.intersection import intersect
from ticktrail._clock.ntp import Measurement

MS = 1_000_000
DAY_NS = 86_400_000 * MS
anything = st.integers(-DAY_NS, DAY_NS)


def say(server: str, offset_ms: float, bound_ms: float) -> Measurement:
    return Measurement(server=server, offset_ns=round(offset_ms * MS), bound_ns=round(bound_ms * MS))


@st.composite
def crowds(draw: st.DrawFn) -> tuple[int, list[Measurement], list[Measurement]]:
    """The true offset, honest measurements (each holds it), and fewer liars than those."""
    truth = draw(anything)
    honest = []
    for number in range(draw(st.integers(1, 6))):
        bound = draw(st.integers(0, 1_000 * MS))
        wrong = draw(st.integers(-bound, bound))
        honest.append(Measurement(server=f"honest{number}", offset_ns=truth + wrong, bound_ns=bound))
    close = st.integers(truth - 2_000 * MS, truth + 2_000 * MS)
    liars = [
        Measurement(
            server=f"liar{number}",
            offset_ns=draw(st.one_of(anything, close)),
            bound_ns=draw(st.integers(0, 5_000 * MS)),
        )
        for number in range(draw(st.integers(0, len(honest) - 1)))
    ]
    return truth, honest, liars


@given(crowds())
def test_a_minority_of_liars_never_hides_the_truth(
    crowd: tuple[int, list[Measurement], list[Measurement]],
) -> None:
    """Whatever fewer liars than honest ones say, the truth lies within the bound, and the result among the honest."""
    truth, honest, liars = crowd
    agreed = intersect([*honest, *liars])
    assert agreed is not None
    assert abs(agreed.offset_ns - truth) <= agreed.bound_ns
    assert min(one.offset_ns - one.bound_ns for one in honest) <= agreed.offset_ns
    assert agreed.offset_ns <= max(one.offset_ns + one.bound_ns for one in honest)
    assert agreed.bound_ns <= 4 * max(one.bound_ns for one in honest)
    assert all(one in liars for one in agreed.false_tickers)


@given(crowds(), st.randoms(use_true_random=False))
def test_order_does_not_matter(
    crowd: tuple[int, list[Measurement], list[Measurement]], random: object
) -> None:
    """The same measurements in any order give the same result."""
    _, honest, liars = crowd
    everyone = [*honest, *liars]
    agreed = intersect(everyone)
    random.shuffle(everyone)  # type: ignore[attr-defined]
    assert intersect(everyone) == agreed


@given(st.lists(st.tuples(anything, st.integers(0, DAY_NS)), max_size=9))
def test_each_source_is_used_or_thrown_out(pairs: list[tuple[int, int]]) -> None:
    """Nobody is lost; a majority is used, or there is no agreement, and then no point has a majority."""
    everyone = [
        Measurement(server=str(number), offset_ns=offset, bound_ns=bound)
        for number, (offset, bound) in enumerate(pairs)
    ]
    agreed = intersect(everyone)
    if agreed is None:
        ends = [one.offset_ns - one.bound_ns for one in everyone]
        for point in ends:
            covering = sum(abs(one.offset_ns - point) <= one.bound_ns for one in everyone)
            assert covering <= len(everyone) // 2
        return
    assert len(agreed.used) > len(everyone) // 2
    assert sorted([*agreed.used, *agreed.false_tickers], key=lambda one: one.server) == sorted(
        everyone, key=lambda one: one.server
    )


def test_one_source_is_what_it_is() -> None:
    """Nobody to compare it with."""
    agreed = intersect([say("a", 30, 5)])
    assert agreed is not None
    assert (agreed.server, agreed.offset_ns, agreed.bound_ns) == ("a", 30 * MS, 5 * MS)


@pytest.mark.parametrize(
    "said",
    [
        [],
        [say("a", 0, 1), say("b", 5_000, 1)],
        [say("a", 0, 1), say("b", 0, 1), say("c", 9, 1), say("d", 9, 1)],
        [say("a", 0, 1), say("b", 5, 1), say("c", 10, 1)],
    ],
)
def test_without_a_majority_nothing_is_said(said: list[Measurement]) -> None:
    """Half is no majority; neither is a circle of sources of whom no two agree."""
    assert intersect(said) is None


def test_a_liar_is_named() -> None:
    """One of three is five seconds off; the others agree where they overlap, the closer one's offset is taken."""
    agreed = intersect([say("liar", 5_000, 1), say("near", 30, 1), say("far", 34, 10)])
    assert agreed is not None
    assert [one.server for one in agreed.false_tickers] == ["liar"]
    assert (agreed.server, agreed.offset_ns, agreed.bound_ns) == ("near", 30 * MS, 1 * MS)


def test_the_bound_holds_though_a_liar_overlaps() -> None:
    """A liar who overlaps the honest ones and claims to know best narrows the offset, but not the bound."""
    agreed = intersect([say("a", 5, 5), say("b", 14.5, 5.5), say("liar", 9.1, 0.1)])
    assert agreed is not None
    assert agreed.offset_ns == 9.1 * MS
    assert agreed.offset_ns + agreed.bound_ns >= 9.9 * MS


def test_the_offset_lies_where_the_majority_is() -> None:
    """Two that barely overlap: the closer one's offset, as far as the other allows."""
    agreed = intersect([say("a", 0, 5), say("b", 13, 9)])
    assert agreed is not None
    assert (agreed.server, agreed.offset_ns, agreed.bound_ns) == ("a", 4.5 * MS - 0.5 * MS, 1 * MS)
