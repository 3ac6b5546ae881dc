"""One instrument moves alone: when it does, who takes it, when it comes back, and what a person may order."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from ticktrail._routes.hybrid import HybridArbiter
from ticktrail._routes.settings import HybridSettings
from ticktrail.errors import RouteError
from ticktrail.plugin import Order, Reconnect, Rest, RouteContext, Suppress, Wake
from unit.routes.laws import (
    BTC,
    ETH,
    LEGS,
    LIMITS_S,
    NAMES,
    SOL,
    NodeLaws,
    S,
    Stage,
    forwarded,
    moves,
    quote,
    trade,
)  # fmt: skip


def arbiter(*, legs=2, **more):
    table = {
        "chain": LEGS[:legs],
        "stale_after_s": LIMITS_S,
        "failback_after_s": 3.0,
        "overlap_s": 0.5,
        "reject_window": 10,
        "start_grace_s": 1.0,
        **more,
    }
    context = RouteContext(children=LEGS[:legs], channels=frozenset({"trades", "quotes"}), instruments=NAMES)
    return HybridArbiter(HybridSettings(**table), context)


def test_a_silent_instrument_moves_alone_and_comes_back():
    """The others stay, the leg is not opened anew, what was missed is delivered, and it comes back once it is well."""
    stage = Stage(arbiter())
    stage.at(0.1, 0, trade(BTC, 1), trade(ETH, 1))
    for tenth in range(2, 30):
        stage.at(tenth / 10, 0, trade(ETH, tenth))
        stage.at(tenth / 10, 1, trade(BTC, tenth))
        found = stage.time(tenth / 10)
        if moves(found):
            break
    assert moves(found) == [(1, "silent: trades", frozenset({BTC}))]
    assert tenth == 22  # the first look after two seconds of silence
    assert [tick.id for leg, tick in forwarded(found)] == list(range(2, 23))
    assert not any(isinstance(one, Reconnect) for one in stage.rulings)
    for tenth in range(23, 80):
        stage.at(tenth / 10, 0, trade(BTC, tenth), trade(ETH, tenth))
        stage.at(tenth / 10, 1, trade(BTC, tenth))
        found = stage.time(tenth / 10)
        if moves(found):
            break
    assert moves(found) == [(0, "failback", frozenset({BTC}))]
    assert 52 <= tenth <= 54


def test_what_the_better_leg_does_not_bring_stays_when_the_rest_goes_back():
    """It would be silent at once; it goes back alone once the leg brings it, and the leg leads again till then."""
    stage = Stage(arbiter())
    stage.at(0.1, 0, trade(BTC), trade(ETH), trade(SOL))
    stage.take(stage.node.on_down(0, "cut", S))
    stage.take(stage.node.on_up(0, 2 * S))
    found = []
    for tenth in range(21, 120):
        back = [trade(BTC)] if tenth > 80 else []
        stage.at(tenth / 10, 0, *back, trade(ETH))
        stage.at(tenth / 10, 1, trade(BTC), trade(ETH))
        found += [(tenth, *move) for move in moves(stage.time(tenth / 10))]
    assert [move[1:] for move in found] == [
        (0, "failback", frozenset({ETH, SOL})),  # a market that is quiet on both goes along
        (0, "failback", frozenset({BTC})),
    ]
    assert found[0][0] < 80 < found[1][0]
    assert moves(stage.take(stage.node.on_down(0, "cut", 13 * S))) == [(1, "down: cut", None)]


def test_a_market_that_is_thin_here_is_not_silent():
    """One trade elsewhere proves nothing; three without one of ours do."""
    stage = Stage(arbiter())
    stage.at(0.1, 0, trade(BTC), trade(ETH))
    for second in (3, 4):
        stage.at(second, 1, trade(BTC))
        stage.at(second, 0, trade(ETH))
        assert moves(stage.time(second + 0.05)) == []
    stage.at(5, 0, trade(ETH))
    stage.at(5, 1, trade(BTC))
    assert moves(stage.time(5.05)) == [(1, "silent: trades", frozenset({BTC}))]


def test_a_leg_that_falls_silent_moves_as_a_whole():
    """Its instruments fall silent some milliseconds apart, as they spoke last: one switch, none alone before it."""
    stage = Stage(arbiter())
    for thousandth, name in ((100, BTC), (120, ETH), (190, SOL)):
        stage.at(thousandth / 1000, 0, trade(name))
    found = []
    for tenth in range(2, 40):
        stage.at(tenth / 10, 1, trade(BTC), trade(ETH), trade(SOL))
        for part in (0, 0.05):
            found += moves(stage.time(tenth / 10 + part))
    assert found == [(1, "silent: trades", None)]


def test_trades_that_stop_beside_quotes_that_go_on_are_all_delivered():
    """What passes a held trade is a trade, not a quote."""
    stage = Stage(arbiter())
    stage.at(0.1, 0, trade(BTC, 1), quote(BTC))
    for tenth in range(2, 25):
        stage.at(tenth / 10, 0, quote(BTC, tenth))
        stage.at(tenth / 10, 1, trade(BTC, tenth), quote(BTC, tenth))
    found = stage.time(2.45)
    assert moves(found)[0][:2] == (1, "silent: trades")
    assert [tick.id for _, tick in forwarded(found) if tick.counted_as == "trades"] == list(range(2, 25))


def test_of_quotes_that_were_held_the_newest_is_delivered():
    """Older ones are suppressed as conflated, within a batch as well."""
    stage = Stage(arbiter())
    stage.at(0.1, 0, quote(BTC))
    stage.at(0.5, 1, quote(BTC, 2), quote(BTC, 3))
    stage.at(0.6, 1, quote(BTC, 4), quote(BTC, 5))
    found = stage.take(stage.node.on_down(0, "cut", S))
    assert [tick.update_id for _, tick in forwarded(found)] == [5]
    conflated = [tick.update_id for one in found if isinstance(one, Suppress) for tick in one.batch.ticks]
    assert conflated == [2, 3, 4]
    assert {one.reason for one in found if isinstance(one, Suppress)} == {"conflated"}


def test_an_instrument_that_is_wrong_moves_alone():
    """A full window of one instrument rejected, while the leg as a whole is right."""
    stage = Stage(arbiter())
    moved = []
    for number in range(1, 16):
        stage.at(number / 10, 1, trade(BTC), trade(ETH))
        moved += moves(stage.at(number / 10, 0, *(trade(ETH) for _ in range(9)), bad=[BTC]))
    assert moved == [(1, "reject_rate", frozenset({BTC}))]


def test_a_chain_goes_on_to_the_next_and_comes_back_in_order():
    """The first that is up; the third gives way to the second, and that to the first."""
    stage = Stage(arbiter(legs=3), legs=3)
    stage.at(0.1, 0, trade(BTC))
    assert moves(stage.take(stage.node.on_down(0, "cut", S)))[0][0] == 1
    assert moves(stage.take(stage.node.on_down(1, "cut", 2 * S)))[0][0] == 2
    found = []
    for tenth in range(30, 160):
        if tenth == 30:
            stage.take(stage.node.on_up(1, 3 * S))
        if tenth == 80:
            stage.take(stage.node.on_up(0, 8 * S))
        for child in range(3):
            if child != 0 or tenth >= 80:
                stage.at(tenth / 10, child, trade(BTC), trade(ETH), trade(SOL))
        found += [(to, tenth) for to, _, _ in moves(stage.time(tenth / 10))]
    assert [to for to, _ in found] == [1, 0]
    assert 60 <= found[0][1] <= 62
    assert 110 <= found[1][1] <= 112


def test_a_cold_standby_is_opened_before_the_primary_is_lost():
    """Half of the rejects that cost the turn are enough to open it; it is closed again where that was all."""
    stage = Stage(arbiter(standby="cold"), legs=1)
    for number in range(1, 11):
        stage.at(number / 10, 0, *(trade(ETH) for _ in range(7)), bad=[BTC, ETH, SOL])
    assert [one for one in stage.time(1.1) if isinstance(one, Wake)] == [Wake(1)]
    stage.take(stage.node.on_up(1, 2 * S))
    found = []
    for tenth in range(20, 70):
        stage.at(tenth / 10, 0, trade(BTC), trade(ETH))
        stage.at(tenth / 10, 1, trade(BTC), trade(ETH))
        found += [(one, tenth) for one in stage.time(tenth / 10) if isinstance(one, Rest)]
    assert found[0][0] == Rest(1)
    assert 50 <= found[0][1] <= 54


def test_by_hand():
    """A switch holds until the next reason; a pin whatever happens, until it is taken off."""
    stage = Stage(arbiter())
    stage.at(0.1, 0, trade(BTC), trade(ETH))
    stage.at(0.1, 1, trade(BTC), trade(ETH))
    assert moves(stage.take(stage.node.steer(Order(action="switch", child=1), S))) == [
        (1, "by hand: switch", None)
    ]
    assert moves(stage.take(stage.node.steer(Order(action="pin", child=0), S))) == [(0, "by hand: pin", None)]
    assert moves(stage.take(stage.node.on_down(0, "cut", 2 * S))) == []
    stage.at(2.1, 1, trade(BTC))
    assert moves(stage.time(3)) == []
    assert moves(stage.take(stage.node.steer(Order(action="unpin"), 3 * S))) == [(1, "down", None)]
    with pytest.raises(RouteError, match="a is down"):
        stage.node.steer(Order(action="switch", child=0), 4 * S)
    with pytest.raises(RouteError, match="name one of a, b"):
        stage.node.steer(Order(action="switch", child=7), 4 * S)


def test_one_instrument_by_hand():
    """It alone is pinned; the others go on as they do."""
    stage = Stage(arbiter())
    stage.at(0.1, 0, trade(BTC), trade(ETH))
    order = Order(action="pin", child=1, instruments=frozenset({ETH}))
    assert moves(stage.take(stage.node.steer(order, S))) == [(1, "by hand: pin", frozenset({ETH}))]
    found = stage.take(stage.node.on_down(1, "cut", 2 * S))
    assert moves(found) == []
    stage.take(stage.node.on_up(1, 3 * S))
    assert moves(stage.take(stage.node.on_down(0, "cut", 4 * S))) == [(1, "down: cut", frozenset({BTC, SOL}))]


@given(
    lives=st.lists(st.tuples(st.integers(1, 29), st.integers(1, 29)), min_size=5, max_size=60),
    both=st.booleans(),
)
def test_a_leg_that_dies_again_and_again_does_not_flap(lives, both):
    """A primary that never lives as long as `failback_after_s` costs one switch, however often it dies.

    Where the fallback dies with it in turn, nobody comes back by failback either: each switch has a death behind it.
    """
    stage, tenth, found = Stage(arbiter()), 1, []

    def speak(until, *children):
        nonlocal tenth
        while tenth < until:
            for child in children:
                found.extend(moves(stage.at(tenth / 10, child, trade(BTC), trade(ETH), trade(SOL))))
            found.extend(moves(stage.time(tenth / 10)))
            tenth += 1

    speak(5, 0, 1)
    deaths = 0
    for number, (dead, alive) in enumerate(lives):
        victim = number % 2 if both else 0
        found += moves(stage.take(stage.node.on_down(victim, "cut", tenth * S // 10)))
        deaths += 1
        speak(tenth + dead, 1 - victim)
        found += moves(stage.take(stage.node.on_up(victim, tenth * S // 10)))
        speak(tenth + alive, 0, 1)
    if both:
        assert len(found) <= deaths
        assert all(cause.startswith("down") for _, cause, _ in found)
    else:
        assert found == [(1, "down: cut", None)]


class Laws(NodeLaws):
    """Three legs and three instruments, in any order of words, silence, faults and orders."""

    legs = 3

    @initialize(standby=st.sampled_from(["hot", "cold"]), held=st.sampled_from([0, 5, 100_000]))
    def open(self, standby, held):
        self.begin(arbiter(legs=3, standby=standby, handover_ticks=held), most_held=held)
        self.pinned = {}
        self.looked_ns = -1

    @rule()
    def it_looks(self):
        self.now += S // 20
        self.take(self.node.on_time(self.now))
        self.looked_ns = self.now

    @rule(
        action=st.sampled_from(["switch", "pin", "unpin"]),
        child=st.integers(0, 2),
        whom=st.one_of(st.none(), st.frozensets(st.sampled_from(NAMES), min_size=1)),
    )
    def is_told(self, action, child, whom):
        try:
            rulings = self.node.steer(Order(action=action, child=child, instruments=whom), self.now)
        except RouteError:
            assert not self.up[child]
            return
        names = set(NAMES if whom is None else whom)
        self.pinned = {name: where for name, where in self.pinned.items() if name not in names}
        self.take(rulings)
        if action == "pin":
            self.pinned.update(dict.fromkeys(names, child))

    @invariant()
    def what_is_pinned_stays_where_it_is(self):
        if hasattr(self, "node"):
            assert {name: self.speaker[name] for name in self.pinned} == self.pinned

    @invariant()
    def what_is_not_pinned_is_not_left_with_a_leg_that_is_down(self):
        """Where it is spoken for by another leg than most are, and a leg that is up brings it, it moves at once."""
        if hasattr(self, "node") and self.now > self.looked_ns:
            return
        for name in NAMES if hasattr(self, "node") else ():
            lost = name not in self.pinned and not self.up[self.speaker[name]]
            brought = [child for child in self.node._children if child.up and name in child.heard_ns]
            if lost and self.node._hand.elsewhere.get(name) is not None:
                assert all(child.is_wrong(0.5) or child.is_wrong_on(name, 0.5) for child in brought)

    @invariant()
    def the_node_and_its_rulings_agree(self):
        if hasattr(self, "node"):
            assert {name: self.node._hand.speaks(name) for name in NAMES} == self.speaker


TestLaws = Laws.TestCase
TestLaws.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


@pytest.mark.slow
class TestLawsAtLength(Laws.TestCase):
    """The same, for much longer."""

    settings = settings(max_examples=3_000, stateful_step_count=120, deadline=None)


def test_an_instrument_moves_to_the_one_that_brings_what_is_silent():
    """Not to the next in order, which is silent on the same channel: there and back would be all that happens."""
    stage = Stage(arbiter(legs=3), legs=3)
    for child in range(3):
        stage.at(0.1, child, trade(BTC, 1), quote(BTC, 1), trade(ETH, 1))
    found = []
    for tenth in range(2, 60):
        for child in (0, 1):
            stage.at(tenth / 10, child, quote(BTC, tenth), trade(ETH, tenth))
        stage.at(tenth / 10, 2, trade(BTC, tenth), quote(BTC, tenth), trade(ETH, tenth))
        found += moves(stage.time(tenth / 10))
    assert found == [(2, "silent: trades", frozenset({BTC}))]


def test_a_standby_that_was_put_to_rest_is_woken_again():
    """It was closed on purpose, and has not failed: the next failover is to it, not past it."""
    stage = Stage(arbiter(legs=3, standby="cold"), legs=1)
    stage.at(0.1, 0, trade(BTC, 1))
    assert [one.child for one in stage.take(stage.node.on_down(0, "cut", S)) if isinstance(one, Wake)] == [1]
    stage.take(stage.node.on_up(1, 2 * S))
    stage.take(stage.node.on_up(0, 2 * S))
    for tenth in range(20, 60):
        for child in (0, 1):
            stage.at(tenth / 10, child, trade(BTC, tenth))
        if any(isinstance(one, Rest) for one in stage.time(tenth / 10)):
            break
    stage.take(stage.node.on_down(1, "leg 'b': resting", 6 * S))
    assert [
        one.child for one in stage.take(stage.node.on_down(0, "cut", 7 * S)) if isinstance(one, Wake)
    ] == [1]


def test_a_cold_standby_that_is_pinned_for_some_is_not_put_to_rest():
    """It speaks for them whatever happens."""
    stage = Stage(arbiter(standby="cold"), legs=2)
    stage.take(stage.node.steer(Order(action="pin", child=1, instruments=frozenset({BTC})), 0))
    rested = []
    for tenth in range(1, 100):
        for child in (0, 1):
            stage.at(tenth / 10, child, trade(BTC, tenth), trade(ETH, tenth), trade(SOL, tenth))
        rested += [one for one in stage.time(tenth / 10) if isinstance(one, Rest)]
    assert rested == []
