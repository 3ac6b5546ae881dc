"""What is pinned stays where a person put it; what is not is watched and moved as if there were no pin."""

import pytest

from ticktrail.plugin import Order, Reconnect, Wake
from unit.routes.laws import BTC, ETH, NAMES, SOL, S, Stage, moves, trade
from unit.routes.test_hybrid_instruments import arbiter


def pin(stage, child, *names, at=1):
    order = Order(action="pin", child=child, instruments=frozenset(names) or None)
    return moves(stage.take(stage.node.steer(order, at * S)))


def speakers(stage):
    return {name: stage.node._hand.speaks(name) for name in NAMES}


def all_but_silent(stage, silent, first, last, legs=2):
    """Each tenth of a second every leg but the silent ones speaks of everything."""
    found = []
    for tenth in range(first, last):
        for child in range(legs):
            if child not in silent:
                stage.at(tenth / 10, child, *(trade(name) for name in NAMES))
        found += stage.time(tenth / 10)
    return found


def test_what_is_not_pinned_is_watched_while_the_pinned_leg_is_down():
    """It went to the second leg when the first was lost; when that falls silent the third takes it."""
    stage = Stage(arbiter(legs=3), legs=3)
    all_but_silent(stage, (), 1, 10, legs=3)
    pin(stage, 0, BTC)
    stage.take(stage.node.on_down(0, "cut", S))
    assert speakers(stage) == {BTC: 0, ETH: 1, SOL: 1}
    found = all_but_silent(stage, (0, 1), 11, 40, legs=3)
    assert moves(found) == [(2, "silent: trades", frozenset({ETH, SOL}))]
    assert [one.child for one in found if isinstance(one, Reconnect)] == [1]
    assert speakers(stage) == {BTC: 0, ETH: 2, SOL: 2}


def test_what_is_not_pinned_comes_back_past_the_pin():
    """The first leg gets its turn again for the rest, and had the pinned one all the time."""
    stage = Stage(arbiter())
    all_but_silent(stage, (), 1, 10)
    pin(stage, 0, BTC)
    stage.take(stage.node.on_down(0, "cut", S))
    stage.take(stage.node.on_up(0, 2 * S))
    found = all_but_silent(stage, (), 21, 70)
    assert moves(found) == [(0, "failback", frozenset({ETH, SOL}))]


def test_one_instrument_alone_moves_while_the_pinned_leg_is_down():
    """As it does at any time."""
    stage = Stage(arbiter(legs=3), legs=3)
    all_but_silent(stage, (), 1, 10, legs=3)
    pin(stage, 0, BTC)
    stage.take(stage.node.on_down(0, "cut", S))
    found = []
    for tenth in range(11, 50):
        stage.at(tenth / 10, 1, trade(SOL))
        stage.at(tenth / 10, 2, trade(SOL), trade(ETH))
        found += stage.time(tenth / 10)
    assert moves(found) == [(2, "silent: trades", frozenset({ETH}))]


def test_a_pinned_instrument_that_is_silent_proves_nothing_of_the_rest():
    """The market of the others is quiet: nothing moves, and no leg is opened anew for it."""
    stage = Stage(arbiter())
    pin(stage, 0, BTC)
    stage.at(0.5, 0, *(trade(name) for name in NAMES))
    for tenth in range(10, 60):
        if tenth % 18 == 0:
            stage.at(tenth / 10, 0, trade(SOL))
        stage.at(tenth / 10, 1, trade(BTC))
        found = stage.time(tenth / 10)
        assert not found or moves(found) == []
        assert not any(isinstance(one, Reconnect) for one in found)


def test_a_leg_that_is_pinned_for_all_speaks_whatever_happens():
    """Down or silent, nothing moves until the pin goes; then the rest of the legs have their say at once."""
    stage = Stage(arbiter(legs=3), legs=3)
    all_but_silent(stage, (), 1, 10, legs=3)
    pin(stage, 0)
    stage.take(stage.node.on_down(0, "cut", S))
    assert moves(all_but_silent(stage, (0,), 11, 60, legs=3)) == []
    stage.take(stage.node.steer(Order(action="unpin"), 6 * S))
    assert speakers(stage) == dict.fromkeys(NAMES, 1)


def test_an_instrument_can_be_taken_out_of_a_pin_of_all():
    """By an unpin or a switch that names it; what is not named stays pinned."""
    stage = Stage(arbiter(legs=3), legs=3)
    all_but_silent(stage, (), 1, 10, legs=3)
    pin(stage, 0)
    stage.take(stage.node.on_down(0, "cut", S))
    stage.take(stage.node.steer(Order(action="unpin", instruments=frozenset({ETH})), 2 * S))
    all_but_silent(stage, (0,), 21, 24, legs=3)
    assert speakers(stage) == {BTC: 0, ETH: 1, SOL: 0}
    stage.take(stage.node.steer(Order(action="switch", child=2, instruments=frozenset({SOL})), 3 * S))
    assert speakers(stage) == {BTC: 0, ETH: 1, SOL: 2}
    stage.take(stage.node.on_down(2, "cut", 4 * S))
    assert speakers(stage) == {BTC: 0, ETH: 1, SOL: 1}


def test_a_pin_that_goes_wakes_a_cold_standby_for_a_lost_leg():
    """It was not woken before, since the pinned leg was to speak whatever happens."""
    stage = Stage(arbiter(standby="cold"), legs=1)
    stage.at(0.1, 0, trade(BTC))
    pin(stage, 0)
    assert stage.take(stage.node.on_down(0, "cut", 2 * S)) == []
    found = stage.take(stage.node.steer(Order(action="unpin"), 3 * S))
    assert [one.child for one in found if isinstance(one, Wake)] == [1]
    assert moves(found)[0][:2] == (1, "down")


@pytest.mark.parametrize("is_silent", [True, False])
def test_the_next_in_order_that_brings_it_takes_the_turn(is_silent):
    """One that is up and silent itself is passed over: the stream would stand still once more."""
    stage = Stage(arbiter(legs=3), legs=3)
    all_but_silent(stage, (1,) if is_silent else (), 1, 40, legs=3)
    found = all_but_silent(stage, (0, 1) if is_silent else (0,), 40, 65, legs=3)
    assert moves(found) == [(2 if is_silent else 1, "silent: trades", None)]


def test_a_lost_leg_is_followed_by_one_that_speaks():
    """The same where it went down: the second has brought nothing for longer than its limit, the third has."""
    stage = Stage(arbiter(legs=3), legs=3)
    all_but_silent(stage, (1,), 1, 40, legs=3)
    assert moves(stage.take(stage.node.on_down(0, "cut", 4 * S))) == [(2, "down: cut", None)]


def test_of_two_that_bring_nothing_the_first_takes_the_turn():
    """A quiet market is no fault of either."""
    stage = Stage(arbiter(legs=3), legs=3)
    stage.at(0.1, 0, trade(BTC))
    assert moves(stage.take(stage.node.on_down(0, "cut", 9 * S))) == [(1, "down: cut", None)]


def test_a_leg_that_is_wrong_gives_up_what_it_has_alone():
    """It has one instrument, since the first is silent there; it is wrong as a whole, and the third brings it."""
    stage = Stage(arbiter(legs=3), legs=3)
    for tenth in range(1, 30):
        stage.at(tenth / 10, 0, trade(BTC), trade(SOL))
        for child in (1, 2):
            stage.at(tenth / 10, child, *(trade(name) for name in NAMES))
        stage.time(tenth / 10)
    assert speakers(stage) == {BTC: 0, ETH: 1, SOL: 0}
    found = []
    for hundredth in range(10):
        found += moves(stage.at(3 + hundredth / 100, 1, trade(ETH), bad=[BTC, BTC, SOL]))
    assert found == [(2, "reject_rate", frozenset({ETH}))]


def test_a_primary_that_has_not_come_yet_is_no_silent_one():
    """The monotonic clock began long ago: the others wait as they are told to, and no leg is opened anew."""
    stage = Stage(arbiter(start_grace_s=2.0), legs=0)
    stage.take(stage.node.on_up(1, 1_000 * S))
    found = all_but_silent(stage, (0,), 10_001, 10_019)
    assert moves(found) == []
    found = all_but_silent(stage, (0,), 10_019, 10_030)
    assert moves(found) == [(1, "not up", None)]
    assert not any(isinstance(one, Reconnect) for one in found)
