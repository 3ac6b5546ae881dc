"""Who speaks: each cause of a switch, and the laws that hold whatever happens."""

from collections import Counter

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ticktrail._routes.hybrid import HybridArbiter
from ticktrail._routes.settings import HybridSettings
from ticktrail.model import Rejected, Violation
from ticktrail.plugin import Batch, Forward, Reconnect, Rest, RouteContext, Suppress, Switch, Wake
from ticktrail.testing import make_quote, make_trade

S = 1_000_000_000
PRIMARY, FALLBACK = 0, 1
LEGS = ("primary", "fallback")


class Bad(Violation, frozen=True, tag="bad"):
    pass


def arbiter(**more):
    table = {
        "primary": "primary",
        "fallback": "fallback",
        "stale_after_s": {"trades": 2.0, "quotes": 1.0},
        "failback_after_s": 3.0,
        "overlap_s": 0.5,
        "reject_window": 10,
        "start_grace_s": 1.0,
        **more,
    }
    context = RouteContext(
        children=LEGS, channels=frozenset({"trades", "quotes"}), instruments=("BTC/USDT", "ETH/USDT")
    )
    return HybridArbiter(HybridSettings(**table), context)


def batch(child, at_ns, *, trades=1, quotes=0, bad=0):
    return Batch(
        provider=LEGS[child],
        recv_ns=at_ns,
        mono_ns=at_ns,
        session_ns=0,
        ticks=[*(make_trade() for _ in range(trades)), *(make_quote() for _ in range(quotes))],
        rejected=[Rejected(tick=make_trade(), violations=(Bad(),)) for _ in range(bad)],
    )


def both_up(node):
    node.on_up(PRIMARY, 0)
    node.on_up(FALLBACK, 0)
    return node


def switches(rulings):
    return [(ruling.to_child, ruling.cause) for ruling in rulings if isinstance(ruling, Switch)]


def test_the_primary_speaks_and_the_fallback_is_held():
    """A standby's batch is ruled on once the speaker has passed it by the overlap."""
    node = both_up(arbiter())
    held = batch(FALLBACK, 1 * S)
    assert list(node.on_batch(FALLBACK, held, 1 * S)) == []
    assert list(node.on_batch(PRIMARY, first := batch(PRIMARY, int(1.2 * S)), int(1.2 * S))) == [
        Forward(first)
    ]
    rulings = node.on_batch(PRIMARY, second := batch(PRIMARY, int(1.6 * S)), int(1.6 * S))
    assert list(rulings) == [Forward(second), Suppress(held, "standby")]


def test_a_lost_primary_hands_over_with_what_was_held():
    """Down: the fallback speaks at once, and what it brought since is delivered."""
    node = both_up(arbiter())
    node.on_batch(PRIMARY, batch(PRIMARY, 1 * S), 1 * S)
    node.on_batch(FALLBACK, held := batch(FALLBACK, int(1.1 * S)), int(1.1 * S))
    rulings = list(node.on_down(PRIMARY, "cut", 2 * S))
    assert rulings == [Switch(PRIMARY, FALLBACK, "down: cut", 1 * S), Forward(held)]


def test_silence_counts_only_where_the_other_speaks():
    """A quiet market is not a stale leg; one channel that only the fallback brings is."""
    node = both_up(arbiter())
    node.on_batch(PRIMARY, batch(PRIMARY, 1 * S, quotes=1), 1 * S)
    assert switches(node.on_time(10 * S)) == []
    node.on_batch(FALLBACK, batch(FALLBACK, 10 * S, trades=0, quotes=1), 10 * S)
    node.on_batch(PRIMARY, batch(PRIMARY, 10 * S), 10 * S)
    rulings = node.on_time(int(10.2 * S))
    assert switches(rulings) == [(FALLBACK, "silent: quotes")]
    assert Reconnect(PRIMARY, "silent: quotes", "quotes", int(9.2 * S)) in rulings


def test_a_primary_that_is_wrong_loses_its_turn():
    """Half of the window rejected: connected is not enough."""
    node = both_up(arbiter())
    found = []
    for number in range(1, 12):
        node.on_batch(FALLBACK, batch(FALLBACK, number * S // 10), number * S // 10)
        found += switches(
            node.on_batch(PRIMARY, batch(PRIMARY, number * S // 10, trades=0, bad=1), number * S // 10)
        )
    assert found == [(FALLBACK, "reject_rate")]


def test_a_fallback_that_is_worse_does_not_get_it():
    """Where both are wrong, the one that speaks goes on."""
    node = both_up(arbiter())
    for number in range(1, 30):
        at = number * S // 10
        node.on_batch(FALLBACK, batch(FALLBACK, at, trades=0, bad=1), at)
        assert switches(node.on_batch(PRIMARY, batch(PRIMARY, at, trades=0, bad=1), at)) == []


def test_failback_needs_a_healthy_time():
    """The primary speaks again after it was healthy for so long, not before, and not after a relapse."""
    node = both_up(arbiter())
    node.on_batch(PRIMARY, batch(PRIMARY, 1 * S), 1 * S)
    node.on_batch(FALLBACK, batch(FALLBACK, 1 * S), 1 * S)
    node.on_down(PRIMARY, "cut", 2 * S)
    node.on_up(PRIMARY, 3 * S)
    back = []
    for tenth in range(30, 90):
        at = tenth * S // 10
        if not 33 <= tenth < 70:  # a relapse of more than trades' two seconds
            node.on_batch(PRIMARY, batch(PRIMARY, at), at)
        node.on_batch(FALLBACK, batch(FALLBACK, at), at)
        if switches(node.on_time(at)):
            back.append(tenth)
    assert back == []
    for tenth in range(90, 130):
        at = tenth * S // 10
        node.on_batch(PRIMARY, batch(PRIMARY, at), at)
        node.on_batch(FALLBACK, batch(FALLBACK, at), at)
        if found := switches(node.on_time(at)):
            assert found == [(PRIMARY, "failback")]
            back.append(tenth)
    assert len(back) == 1
    assert back[0] >= 100  # three seconds after the relapse had ended


def test_a_primary_that_does_not_come_up_is_not_waited_for():
    """The fallback speaks after the grace."""
    node = arbiter()
    node.on_up(FALLBACK, 0)
    assert switches(node.on_time(S // 2)) == []
    assert switches(node.on_time(S)) == [(FALLBACK, "not up")]


def test_a_primary_that_failed_at_once_is_not_waited_for():
    """Down before it ever spoke: the fallback need not wait for the grace."""
    node = arbiter()
    node.on_down(PRIMARY, "refused", 0)
    assert switches(node.on_up(FALLBACK, S // 10)) == [(FALLBACK, "down")]


def test_a_cold_fallback_is_woken_and_put_to_rest():
    """Opened on failover, closed after failback."""
    node = arbiter(standby="cold")
    node.on_up(PRIMARY, 0)
    node.on_batch(PRIMARY, batch(PRIMARY, 1 * S), 1 * S)
    rulings = list(node.on_down(PRIMARY, "cut", 2 * S))
    assert Wake(FALLBACK) in rulings
    node.on_up(FALLBACK, 3 * S)
    node.on_up(PRIMARY, 4 * S)
    found = []
    for second in range(4, 12):
        node.on_batch(FALLBACK, batch(FALLBACK, second * S), second * S)
        node.on_batch(PRIMARY, batch(PRIMARY, second * S), second * S)
        found += node.on_time(second * S)
    assert switches(found) == [(PRIMARY, "failback")]
    assert Rest(FALLBACK) in found


def test_what_is_held_has_a_bound():
    """Beyond handover_ticks the oldest is given up, with a reason of its own."""
    node = both_up(arbiter(handover_ticks=3))
    batches = [batch(FALLBACK, number) for number in range(1, 6)]
    rulings = [ruling for one in batches for ruling in node.on_batch(FALLBACK, one, one.mono_ns)]
    assert rulings == [Suppress(batches[0], "handover_full"), Suppress(batches[1], "handover_full")]


class HybridLaws(RuleBasedStateMachine):
    """Legs come and go, speak, fall silent and are wrong in any order."""

    @initialize(standby=st.sampled_from(["hot", "cold"]), held=st.sampled_from([0, 3, 1_000]))
    def open(self, standby, held):
        self.node = arbiter(standby=standby, handover_ticks=held)
        self.now = 0
        self.up = [False, False]
        self.given = []
        self.ruled = []
        self.speaker = PRIMARY

    def take(self, rulings):
        for ruling in rulings:
            match ruling:
                case Forward(done):
                    assert done.provider == LEGS[self.speaker], (
                        "a batch of the one who does not speak was forwarded"
                    )
                    self.ruled.append(done)
                case Suppress(done, reason):
                    assert reason in {"standby", "unanswered", "handover_full"}
                    self.ruled.append(done)
                case Switch(before, to, _, _, _):
                    assert before == self.speaker
                    assert to != before
                    self.speaker = to

    @rule(tenths=st.integers(1, 40))
    def time_passes(self, tenths):
        self.now += tenths * S // 10
        deadline = self.node.deadline_ns()
        if deadline is not None and deadline <= self.now:
            self.take(self.node.on_time(self.now))

    @rule(child=st.sampled_from([PRIMARY, FALLBACK]))
    def comes_up(self, child):
        if not self.up[child]:
            self.up[child] = True
            self.take(self.node.on_up(child, self.now))

    @rule(child=st.sampled_from([PRIMARY, FALLBACK]))
    def goes_down(self, child):
        if self.up[child]:
            self.up[child] = False
            self.take(self.node.on_down(child, "cut", self.now))

    @precondition(lambda self: any(self.up))
    @rule(child=st.sampled_from([PRIMARY, FALLBACK]), trades=st.integers(0, 3), bad=st.integers(0, 5))
    def speaks(self, child, trades, bad):
        if self.up[child]:
            self.now += 1
            one = batch(child, self.now, trades=trades, bad=bad)
            self.given.append(one)
            self.take(self.node.on_batch(child, one, self.now))

    @invariant()
    def nothing_is_ruled_on_twice(self):
        if hasattr(self, "ruled"):
            assert max(Counter(map(id, self.ruled)).values(), default=0) <= 1

    @invariant()
    def somebody_who_is_up_speaks_soon(self):
        """Once anybody was heard, a speaker that is down gives way to the other, if that one is up."""
        if (
            hasattr(self, "node")
            and self.node._spoken
            and not self.up[self.speaker]
            and self.up[1 - self.speaker]
        ):
            late = self.node.deadline_ns()
            assert late is not None

    def teardown(self):
        if hasattr(self, "node"):
            self.take_the_rest()

    def take_the_rest(self):
        for ruling in self.node.drain():
            assert isinstance(ruling, Suppress)
            self.ruled.append(ruling.batch)
        assert Counter(map(id, self.ruled)) == Counter(map(id, self.given))


TestHybridLaws = HybridLaws.TestCase
TestHybridLaws.settings = settings(max_examples=150, stateful_step_count=40)


@pytest.mark.slow
class TestHybridLawsAtLength(HybridLaws.TestCase):
    """The same, for much longer."""

    settings = settings(max_examples=3_000, stateful_step_count=120)
