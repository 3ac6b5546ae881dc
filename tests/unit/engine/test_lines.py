"""Legs that speak at the same time: ids of two venues interleave; those of one venue are one count."""

import dataclasses

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail._engine.continuity import Continuity
from ticktrail._engine.lines import group_legs, legs_at_once, lines_of
from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.model import Gap, Rejected
from ticktrail.plugin import Batch, Capabilities
from ticktrail.testing import make_bar, make_quote, make_trade
from unit.engine import stage

HEAD = """\
[feed]
name = "lines"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
[clock]
servers = []
"""
LEG = '[providers.{0}]\nplugin = "scripted"\nscript = "{0}"\n'


@pytest.mark.parametrize(
    ("route", "lines"),
    [
        ('{ kind = "hybrid", chain = ["a1", "a2", "b", "c"] }', ["a1 a2 b c"]),
        ('{ kind = "merge", legs = ["a1", "b", "c"] }', ["a1", "b", "c"]),
        ('{ kind = "merge", legs = ["a1", "a2", "b"] }', ["a1 a2", "b"]),
        (
            '{ kind = "merge", legs = ["a1", { kind = "hybrid", primary = "b", fallback = "c" }] }',
            ["a1", "b c"],
        ),
        (
            '{ kind = "merge", legs = ["a1", { kind = "hybrid", primary = "a2", fallback = "c" }, "b"] }',
            ["a1 a2", "c", "b"],
        ),
        (
            '{ kind = "hybrid", primary = { kind = "merge", legs = ["a1", "b"] }, fallback = "a2" }',
            ["a1 a2", "b"],
        ),
        (
            '{ kind = "hybrid", primary = { kind = "merge", legs = ["a1", "a2"] }, fallback = "b" }',
            ["a1 a2 b"],
        ),
    ],
)
def test_the_lines_of_a_route(tmp_path, route, lines):
    """One for legs of which one speaks for another, and one for legs whose ids mean the same, wherever they stand."""
    path = tmp_path / "feed.toml"
    names = [name for name in ("a1", "a2", "b", "c") if f'"{name}"' in route]
    path.write_text(f"route = {route}\n" + HEAD + "".join(LEG.format(name) for name in names))
    plan = compose(path, Host.load(plugins={"stage": stage}))
    spaces = {"a1": "A", "a2": "A", "b": "B", "c": None}
    assert {frozenset(group) for group in group_legs(plan.route, spaces)} == {
        frozenset(line.split()) for line in lines
    }
    legs = [
        dataclasses.replace(leg, capabilities=Capabilities(channels=frozenset(), id_space=spaces[leg.name]))
        for leg in plan.legs
    ]
    numbers = lines_of(dataclasses.replace(plan, legs=tuple(legs)))
    is_beside = 'legs = ["a1", "b"]' in route  # a2 is not below the merge there
    at_once = {"a1", "a2"} if "merge" in route and '"a2"' in route and not is_beside else set()
    assert legs_at_once(plan.route, spaces) == at_once
    for line in lines:
        assert len({numbers[leg] for leg in line.split()}) == 1
    assert len(set(numbers.values())) == len(lines)


def capabilities(space):
    return Capabilities(channels=frozenset({"trades"}), id_space=space, consecutive_trade_ids=True)


LEGS = {"a": capabilities("one"), "b": capabilities("one"), "c": capabilities("two"), "d": capabilities(None)}
LINES = {"a": 0, "b": 0, "c": 1, "d": 2}


def batch(leg, *ticks, at, session=0):
    return Batch(provider=leg, recv_ns=at, mono_ns=at, session_ns=session, ticks=ticks)


def trade(leg, number):
    return make_trade(id=number, provider=leg)


STEPS = st.lists(
    st.tuples(st.sampled_from("abcd"), st.integers(1, 40), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=80,
)


@given(STEPS)
def test_every_line_is_as_if_it_were_alone(steps):
    """Whatever comes between, in whatever order of receive times: the same ticks, gaps and repeats."""
    whole = Continuity(LEGS, LINES)
    alone = {line: Continuity(LEGS) for line in LINES.values()}
    session = dict.fromkeys(LEGS, 0)
    for at, (leg, number, again, late) in enumerate(steps, start=1):
        if again:
            session[leg] = at
        given_batch = batch(leg, trade(leg, number), at=max(1, at - late), session=session[leg])
        assert whole.place(given_batch) == alone[LINES[leg]].place(given_batch)


@given(STEPS)
def test_each_line_leaves_nothing_out_and_repeats_nothing(steps):
    """Ids that a line delivered and those in its gaps are one unbroken run, as of a route with that line alone."""
    route = Continuity(LEGS, LINES)
    covered = {line: [] for line in LINES.values()}
    for at, (leg, number, _, _) in enumerate(steps, start=1):
        out, _ = route.place(batch(leg, trade(leg, number), at=at))
        for tick in out:
            first, last = (tick.from_id, tick.to_id) if isinstance(tick, Gap) else (tick.id, tick.id)
            covered[LINES[leg]].extend(range(first, last + 1))
    for ids in covered.values():
        assert ids == list(range(ids[0], ids[-1] + 1) if ids else ())


def test_a_failover_within_one_venue_still_repeats_nothing():
    """While another venue's ids, lower and higher, come between."""
    route = Continuity(LEGS, LINES)
    out = []
    for at, (leg, number) in enumerate(
        [("a", 7), ("c", 3), ("a", 8), ("c", 900), ("b", 8), ("b", 9), ("c", 901)]
    ):
        out += route.place(batch(leg, trade(leg, number), at=at))[0]
    assert [(tick.provider, getattr(tick, "id", None)) for tick in out] == [
        ("a", 7),
        ("c", 3),
        ("a", 8),
        ("c", None),
        ("c", 900),
        ("b", 9),
        ("c", 901),
    ]


def test_bars_are_of_one_leg_at_a_time_in_any_route():
    """So another leg's bar follows on the one before, and an older one is a repeat."""
    route = Continuity(LEGS, LINES)
    assert len(route.place(batch("c", make_bar(), at=5))[0]) == 1
    assert not route.place(batch("d", make_bar(), at=4))[0]
    out, _ = route.place(batch("a", make_bar(), at=9, session=7))
    assert [tick.cause for tick in out if isinstance(tick, Gap)] == ["switch"]


def test_a_consolidated_quote_has_no_place_of_its_own():
    """It is of several legs: it repeats none of theirs, and sessions leave no hole in it."""
    route = Continuity(LEGS, LINES)
    quote = msgspec.structs.replace(make_quote(update_id=4), bid_provider="a", ask_provider="c")
    for at, (leg, session) in enumerate([("a", 0), ("c", 0), ("a", 2), ("b", 3)]):
        out, repeats = route.place(batch(leg, quote, at=10 - at, session=session))
        assert (out, repeats) == ([quote], [])


def growing(space):
    """A venue whose ids grow, and leave some out."""
    return Capabilities(channels=frozenset({"trades"}), id_space=space)


def told(found):
    out, repeats = found
    return [getattr(tick, "id", "gap") for tick in out], [tick.id for one in repeats for tick in one.ticks]


def test_what_one_leg_of_a_venue_missed_the_other_may_bring_later():
    """Where no id tells that anything lies between two: an id that was not delivered is no duplicate."""
    legs = {"a": growing("one"), "b": growing("one")}
    route = Continuity(legs, dict.fromkeys(legs, 0), at_once=frozenset(legs))

    def place(leg, at, *ids, session=0):
        ticks = [make_trade(id=number, provider=leg, event_ns=number) for number in ids]
        return told(route.place(batch(leg, *ticks, at=at, session=session)))

    assert place("a", 1, 10) == ([10], [])
    assert place("a", 5, 40, session=4) == (["gap", 40], [])
    assert place("b", 6, 10, 20, 30) == ([20, 30], [10])
    assert place("b", 7, 40, 30) == ([], [40, 30])
    assert place("a", 8, 45) == ([45], [])
    assert place("a", 9, 42, 42) == ([42], [42])
    newest = range(1_000, 12_000)
    place("a", 10, *newest)
    assert place("b", 11, 999) == ([], [999])  # nobody knows any more
    alone = Continuity(legs)
    alone.place(batch("a", trade("a", 40), at=1))
    assert told(alone.place(batch("b", trade("b", 20), at=2))) == ([], [20])


def test_a_new_count_is_followed_where_ids_may_come_late():
    """What of it was not here before is delivered from the first on, and the mark stands where it is proven."""
    legs = {"a": growing("one"), "b": growing("one")}
    route = Continuity(legs, dict.fromkeys(legs, 0), at_once=frozenset(legs))
    route.place(batch("a", make_trade(id=900, provider="a", event_ns=1), at=1))
    ticks = [make_trade(id=number, provider="b", event_ns=1 + number) for number in range(1, 13)]
    out, repeats = route.place(batch("b", *ticks, at=2))
    assert [tick.id for tick in out if not isinstance(tick, Gap)] == list(range(1, 13))
    assert [tick.cause for tick in out if isinstance(tick, Gap)] == ["renumbered"]
    assert not repeats


MIXED = {"v1": capabilities("v"), "w": capabilities("w"), "v2": capabilities("v")}


@pytest.mark.parametrize("back", ["v1", "v2"])
def test_a_venue_that_speaks_again_repeats_nothing(back):
    """Its ids and names mean the same as before another venue spoke in its place, and only those."""
    route = Continuity(MIXED)
    route.place(batch("v1", trade("v1", 99), trade("v1", 100), make_trade(id="x", provider="v1"), at=1))
    route.place(batch("v1", trade("v1", 101), at=1))
    route.place(batch("w", trade("w", 7), at=5))
    again = batch(back, trade(back, 100), trade(back, 101), make_trade(id="x", provider=back), at=9)
    assert told(route.place(again)) == ([], [100, 101, "x"])
    assert told(route.place(batch(back, trade(back, 150), at=10))) == ([150], [])  # the other venue spoke
    assert told(route.place(batch(back, trade(back, 152), at=11))) == (["gap", 152], [])


def test_what_one_venue_had_rejected_hides_no_hole_of_another():
    """Its id is another trade there, and it is remembered until its own venue speaks again."""
    route = Continuity(MIXED)

    def rejected(leg, number):
        return [Rejected(tick=trade(leg, number), violations=())]

    route.place(batch("v1", trade("v1", 100), at=1))
    route.place(msgspec.structs.replace(batch("v1", at=2), rejected=rejected("v1", 102)))
    route.place(batch("w", trade("w", 101), at=5))
    out, _ = route.place(batch("w", trade("w", 103), at=6))
    assert [(gap.from_id, gap.to_id) for gap in out if isinstance(gap, Gap)] == [(102, 102)]
    route.place(msgspec.structs.replace(batch("w", at=7), rejected=rejected("w", 105)))
    route.place(batch("v2", trade("v2", 104), at=8))
    out, _ = route.place(batch("v2", trade("v2", 106), at=9))
    assert [(gap.from_id, gap.to_id) for gap in out if isinstance(gap, Gap)] == [(105, 105)]


def test_what_nobody_of_a_venue_brings_any_more_is_told_where_another_venue_speaks():
    """A standby's copy of a rejected trade might have come by its turn; and no number of another venue passes it."""
    route = Continuity(MIXED)
    refused = [Rejected(tick=trade("v1", 101), violations=())]
    route.place(msgspec.structs.replace(batch("v1", trade("v1", 100), at=1), rejected=refused))
    assert not route.suppressed(batch("v2", trade("v2", 101), at=2))
    out, _ = route.place(batch("w", trade("w", 900), at=5))
    gaps = [(gap.provider, gap.from_id, gap.cause) for gap in out if isinstance(gap, Gap)]
    assert ("v2", 101, "rejected") in gaps
    assert list(route.finish()) == []
