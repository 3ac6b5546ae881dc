"""What of an archive's answer is of a hole, and when the hole is closed, where ids do not tell what is missing."""

import msgspec
import pytest

from ticktrail._engine.continuity import Continuity
from ticktrail._engine.hole import Hole
from ticktrail.model import Gap
from ticktrail.plugin import Batch, Capabilities
from ticktrail.testing import make_bar, make_trade

S = 1_000_000_000
OTHERS = {
    "a": Capabilities(channels=frozenset({"trades", "bars"}), id_space="one", consecutive_trade_ids=True),
    "b": Capabilities(channels=frozenset({"trades", "bars"}), id_space="two"),
}


def trade(number, second, leg="b", **more):
    return make_trade(id=number, provider=leg, event_ns=round(second * S), **more)


def bar(minute, leg="b", *, final=True, backfilled=True):
    start_ns = minute * 60 * S
    return msgspec.structs.replace(
        make_bar(),
        provider=leg,
        start_ns=start_ns,
        end_ns=start_ns + 60 * S,
        event_ns=start_ns + 60 * S,
        final=final,
        backfilled=backfilled,
    )


def hole_after(*steps):
    """Place ticks, each as (leg, session, tick); gives the hole before the last of them."""
    breaks = []
    route = Continuity(OTHERS)
    route.tell = breaks.append
    for at, (leg, session, tick) in enumerate(steps, start=1):
        breaks.clear()
        batch = Batch(provider=leg, recv_ns=at * S, mono_ns=at * S, session_ns=session, ticks=[tick])
        out, _ = route.place(batch)
    gap, last = out
    assert isinstance(gap, Gap)
    return Hole(breaks, last, batch)


def ids(ticks):
    return ["gap" if isinstance(tick, Gap) else tick.id for tick in ticks]


def test_another_venue_is_asked_for_what_it_had_since_the_last_word_of_the_first():
    """Its trades between the last delivered time and its own first one; the hole is closed once that one is reached."""
    hole = hole_after(("a", 0, trade(900, 10, "a")), ("b", 2 * S - 1, trade(50, 12)))
    assert hole.spans == ()
    start_ns, end_ns = hole.period_ns
    assert start_ns <= 10 * S < 12 * S < end_ns
    hole.take([trade(46, 9.9), trade(48, 11.5), trade(47, 11)])
    assert not hole.is_answered
    assert ids(hole.fill(hole.found)) == [47, 48, "gap"]
    hole.take([trade(47, 11), trade(48, 11.5), trade(49, 12), trade(50, 12), trade(51, 12.1)])
    assert hole.is_closed
    assert ids(hole.fill(hole.found)) == [47, 48, 49]


def test_what_a_venue_brought_before_it_lost_its_turn_is_not_delivered_again():
    """Though the clock of the one between lags, so that it is as new as what was delivered last."""
    hole = hole_after(
        ("b", 0, trade(40, 10)),
        ("a", 1 * S + 1, trade(900, 9, "a")),
        ("b", 2 * S + 1, trade(43, 12)),
    )
    hole.take([trade(39, 9.5), trade(40, 10), trade(41, 10), trade(42, 11), trade(43, 12)])
    assert ids(hole.found) == [41, 42]


def test_names_of_a_venue_that_comes_again_are_told_by_their_times_alone():
    """Names are forgotten while another venue speaks: what is not surely new is left aside."""
    hole = hole_after(
        ("b", 0, trade("x", 10)),
        ("a", 1 * S + 1, trade(900, 9, "a")),
        ("b", 2 * S + 1, trade("z", 12)),
    )
    hole.take([trade("x", 10), trade("w", 9.5), trade("y", 11), trade("z", 12)])
    assert ids(hole.found) == ["y"]
    assert hole.is_closed


@pytest.mark.parametrize(
    ("last_is_final", "got", "found", "closed"),
    [
        (True, [2, 3, 4], [2, 3, 4], True),
        (False, [1, 2, 3, 4], [1, 2, 3, 4], True),
        (False, [2, 3, 4], [2, 3, 4], False),
        (True, [2, 4], [2, 4], False),
        (True, [1, 4, 3, 2, 5, 6], [2, 3, 4], True),
        (True, [], [], False),
    ],
)
def test_bars_close_a_hole_where_they_follow_on_one_another(last_is_final, got, found, closed):
    """From the last one, if it was final, to the first one after it; none of them twice."""
    hole = hole_after(
        ("b", 0, bar(1, final=last_is_final, backfilled=False)),
        ("b", 2 * S - 1, bar(5, final=False, backfilled=False)),
    )
    assert hole.period_ns == (60 * S, 300 * S)
    hole.take([bar(minute) for minute in got])
    assert [one.start_ns // (60 * S) for one in hole.found] == found
    assert hole.is_closed == closed
    assert sum(isinstance(tick, Gap) for tick in hole.fill(hole.found)) == (not closed)


def test_a_bar_that_is_not_final_fills_nothing():
    """It would be taken for the whole."""
    hole = hole_after(("b", 0, bar(1)), ("b", 2 * S - 1, bar(3)))
    hole.take([bar(2, final=False)])
    assert (hole.found, hole.is_closed) == ([], False)


def test_without_times_there_is_no_period():
    """Where a venue gives none, nobody can be asked."""
    untimed = make_trade(id=1, provider="a", event_ns=None)
    assert hole_after(("a", 0, untimed), ("a", 0, trade(5, 3, "a"))).period_ns is None
