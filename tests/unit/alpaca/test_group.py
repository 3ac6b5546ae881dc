"""Many symbols in one question: which go together, and what is made of pages that run through them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.live.group import MOST_EMPTY, MOST_SYMBOLS, SPREAD, Catch, Span, groups_of
from ticktrail_alpaca.rest.questions import GroupPage
from ticktrail_alpaca.rest.rows import RestTrade

DAY = "2026-07-17"
NOON_NS = moment_ns(f"{DAY}T16:00:00Z")
S = 10**9


def span(symbol, *, ago_s=11.0, reach_s=None):
    reach_ns = None if reach_s is None else NOON_NS + round(reach_s * S)
    return Span(symbol=symbol, start_ns=NOON_NS - round(ago_s * S), end_ns=NOON_NS, reach_ns=reach_ns, hole=1)


def row(number, second, price=190.1, **more):
    return RestTrade(t=f"{DAY}T15:59:{second:02}Z", p=price, s=1, i=number, x="V", **more)


def catch(*spans, most=10):
    return Catch(spans, "leg", most=most, recv_ns=NOON_NS)


def page(token=None, **rows):
    return GroupPage(rows=rows, token=token)


def symbols_of(answers):
    return [answer.span.symbol for answer in answers]


def ids_of(answer):
    return [trade.id for trade in answer.trades]


@given(st.lists(st.floats(1, 10**6), max_size=400), st.lists(st.floats(0, 100), min_size=400, max_size=400))
def test_every_span_is_in_one_group_and_no_group_asks_for_much_more(ages, ends):
    """At most so many symbols, and at most so many times as long as the shortest of them."""
    spans = [
        Span(
            symbol=f"S{index}",
            start_ns=NOON_NS - round(age * S),
            end_ns=NOON_NS + round(ends[index] * S),
            reach_ns=None,
            hole=1,
        )
        for index, age in enumerate(ages)
    ]
    groups = groups_of(spans)
    assert sorted(one.symbol for group in groups for one in group) == sorted(one.symbol for one in spans)
    for group in groups:
        asked_ns = max(one.end_ns for one in group) - min(one.start_ns for one in group)
        assert len(group) <= MOST_SYMBOLS
        assert asked_ns <= SPREAD * min(one.end_ns - one.start_ns for one in group)


def test_three_hundred_symbols_that_were_cut_together_are_few_questions():
    """And those that were quiet for hours stand apart from the busy ones."""
    assert len(groups_of(span(f"S{index}", ago_s=11 + index % 20) for index in range(300))) == 3
    mixed = groups_of([span("BUSY"), span("QUIET", ago_s=20_000), span("LIVELY", ago_s=30)])
    assert [[one.symbol for one in group] for group in mixed] == [["BUSY", "LIVELY"], ["QUIET"]]


def test_a_symbol_is_through_once_the_pages_are_past_it():
    """Its rows may be on several pages; the last page ends all, those without a row too."""
    caught = catch(span("C", ago_s=60), span("A", ago_s=60), span("B", ago_s=60), span("D", ago_s=60))
    assert caught.question.symbols == ["A", "B", "C", "D"]
    assert caught.take(page("1", A=[row(1, 1)])) == []
    (first,) = caught.take(page("2", A=[row(2, 2)], B=[row(3, 1)]))
    assert (first.span.symbol, ids_of(first)) == ("A", ["V:1", "V:2"])
    assert caught.question.token == "2"
    rest = caught.take(page(C=[row(4, 3)]))
    assert {one.span.symbol: ids_of(one) for one in rest} == {"B": ["V:3"], "C": ["V:4"], "D": []}
    assert caught.question is None


def test_each_symbol_keeps_its_own_period():
    """What is asked for is the longest one; rows of another's are passed over."""
    caught = catch(span("A", ago_s=10), span("B", ago_s=40))
    assert (caught.question.start_ns, caught.question.end_ns) == (NOON_NS - 40 * S, NOON_NS)
    rows = [row(1, 30), row(2, 55)]
    a, b = caught.take(page(A=rows, B=rows))
    assert (ids_of(a), ids_of(b)) == (["V:2"], ["V:1", "V:2"])


def test_too_much_of_one_symbol_costs_no_other():
    """It is given up, what went before it is complete, and those after it are asked for anew."""
    caught = catch(*(span(name, ago_s=60) for name in "ABC"), most=2)
    found = caught.take(page("1", A=[row(1, 1)], B=[row(number, number) for number in range(2, 5)]))
    assert symbols_of(found) == ["A", "B"]
    assert (found[0].fault, found[1].fault) == ("", "more than repair_most = 2")
    assert (caught.question.symbols, caught.question.token) == (["C"], None)
    assert symbols_of(caught.take(page("1", C=[row(9, 9)]))) == []
    assert symbols_of(caught.take(page())) == ["C"]


@pytest.mark.parametrize("bad", [row(2, 2, price=-1), row(2, 2, price=0), RestTrade(t="noon", p=1, s=1, i=2)])
def test_a_row_that_cannot_be_a_trade_costs_no_other(bad):
    """Its symbol's are not all; the fault names the row."""
    a, b = catch(span("A", ago_s=60), span("B", ago_s=60)).take(
        page(A=[row(1, 1), bad, row(3, 3)], B=[row(4, 4)])
    )
    assert (ids_of(a), ids_of(b), b.fault) == (["V:1", "V:3"], ["V:4"], "")
    assert "its trade V:2" in a.fault or "noon" in a.fault


def test_the_archive_reaches_by_what_no_longer_stands_too():
    """A cancelled trade says as well how far it has come."""
    for rows, reaches in (([row(1, 40)], False), ([row(1, 40), row(2, 50, u="canceled")], True)):
        (answer,) = catch(span("A", ago_s=60, reach_s=-10)).take(page(A=rows))
        assert (answer.reaches, ids_of(answer)) == (reaches, ["V:1"])


@pytest.mark.parametrize(
    ("pages", "why"),
    [
        ([page("1", B=[row(1, 1)]), page("2", A=[row(2, 2)])], "go back from B to A"),
        ([page("1", A=[row(1, 1)]), page("1", A=[row(1, 1)])], "in a circle"),
        ([page(str(number)) for number in range(MOST_EMPTY + 1)], "have nothing in them"),
    ],
    ids=["back", "circle", "empty"],
)
def test_pages_that_lead_nowhere(pages, why):
    """An error, since nobody knows what is complete."""
    *before, last = pages
    caught = catch(span("A", ago_s=60), span("B", ago_s=60))
    for one in before:
        caught.take(one)
    with pytest.raises(ValueError, match=why):
        caught.take(last)
