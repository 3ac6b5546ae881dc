"""What holds for every node that lets one child speak and holds back the others, whatever happens."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from ticktrail.model import Rejected, Violation
from ticktrail.plugin import Batch, Forward, Lost, Suppress, Switch
from ticktrail.testing import make_quote, make_trade

S = 1_000_000_000
NAMES = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
BTC, ETH, SOL = NAMES
LEGS = ("a", "b", "c")
LIMITS_S = {"trades": 2.0, "quotes": 1.0}
LONGEST_NS = 2 * 2 * S
OVERLAP_NS = S // 2


class Bad(Violation, frozen=True, tag="bad"):
    pass


def batch(child, at_ns, *ticks, bad=()):
    return Batch(
        provider=LEGS[child],
        recv_ns=at_ns,
        mono_ns=at_ns,
        session_ns=0,
        ticks=ticks,
        rejected=[Rejected(tick=make_trade(instrument=name), violations=(Bad(),)) for name in bad],
    )


def trade(name, number=1):
    return make_trade(id=number, instrument=name)


def quote(name, number=1):
    return make_quote(update_id=number, instrument=name)


def number_of(tick):
    return tick.id if tick.counted_as == "trades" else tick.update_id


def moves(rulings):
    return [(one.to_child, one.cause, one.instruments) for one in rulings if isinstance(one, Switch)]


def forwarded(rulings):
    return [
        (one.batch.provider, tick) for one in rulings if isinstance(one, Forward) for tick in one.batch.ticks
    ]


class Stage:
    """A node whose children are up, and what it has ruled."""

    def __init__(self, node, legs=2):
        self.node = node
        self.rulings = []
        for number in range(legs):
            self.take(node.on_up(number, 0))

    def take(self, rulings):
        self.rulings += rulings
        return list(rulings)

    def at(self, seconds, child, *ticks, bad=()):
        ns = round(seconds * S)
        return self.take(self.node.on_batch(child, batch(child, ns, *ticks, bad=bad), ns))

    def time(self, seconds):
        return self.take(self.node.on_time(round(seconds * S)))


class NodeLaws(RuleBasedStateMachine):
    """Legs come and go, speak, fall silent and are wrong in any order; a subclass opens the node."""

    legs = 2

    def begin(self, node, *, most_held):
        self.node = node
        self.now = 0
        self.up = [False] * self.legs
        self.given = {}
        self.ruled = {}
        self.speaker = dict.fromkeys(NAMES, 0)
        self.passed = {}
        self.most_held = most_held
        self.number = 0

    def take(self, rulings, *, draining=False):
        for position, ruling in enumerate(rulings):
            match ruling:
                case Forward(done):
                    for tick in done.ticks:
                        assert self.speaker[tick.instrument] == LEGS.index(done.provider)
                        key = (tick.instrument, tick.counted_as)
                        self.passed[key] = max(self.passed.get(key, -1), done.mono_ns)
                        self.rule_on(tick)
                case Suppress(done, reason):
                    for tick in done.ticks:
                        self.rule_on(tick)
                        self.explain(tick, done, reason, rulings[position:], draining=draining)
                case Switch(before, to, _, _, whom):
                    for name in NAMES if whom is None else whom:
                        assert self.speaker[name] == before != to
                        self.speaker[name] = to

    def rule_on(self, tick):
        number = number_of(tick)
        assert number not in self.ruled
        self.ruled[number] = tick

    def explain(self, tick, done, reason, later, *, draining):
        """A tick that is not delivered was passed, replaced, beyond a bound, or of no use to anybody any more."""
        key = (tick.instrument, tick.counted_as)
        if reason == "standby":
            answered = self.passed.get(key, -1) >= done.mono_ns - OVERLAP_NS
            assert draining or self.passed.get(key, -1) > done.mono_ns or answered
        elif reason == "unanswered":
            assert self.passed.get(key, -S) < done.mono_ns - OVERLAP_NS
            assert self.now - done.mono_ns > LONGEST_NS
            assert Lost(tick.instrument, tick.counted_as) in later
        elif reason == "conflated":
            assert tick.counted_as == "quotes"
            newer = [one for _, one in forwarded(later) if one.instrument == tick.instrument]
            assert any(number_of(one) > number_of(tick) for one in newer if one.counted_as == "quotes")
        else:
            assert reason == "handover_full"
            assert self.most_held < 100_000

    @rule(tenths=st.integers(1, 40))
    def time_passes(self, tenths):
        self.now += tenths * S // 10
        deadline = self.node.deadline_ns()
        if deadline is not None and deadline <= self.now:
            self.take(self.node.on_time(self.now))

    @rule(child=st.integers(0, 2))
    def comes_up(self, child):
        if child < self.legs and not self.up[child]:
            self.up[child] = True
            self.take(self.node.on_up(child, self.now))

    @rule(child=st.integers(0, 2))
    def goes_down(self, child):
        if child < self.legs and self.up[child]:
            self.up[child] = False
            self.take(self.node.on_down(child, "cut", self.now))

    @rule(
        child=st.integers(0, 2),
        what=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([trade, quote])), max_size=4),
        bad=st.lists(st.sampled_from(NAMES), max_size=3),
    )
    def speaks(self, child, what, bad):
        if child < self.legs and self.up[child]:
            self.now += 1
            ticks = []
            for name, make in what:
                self.number += 1
                ticks.append(make(name, self.number))
                self.given[self.number] = ticks[-1]
            self.take(self.node.on_batch(child, batch(child, self.now, *ticks, bad=bad), self.now))

    def teardown(self):
        if hasattr(self, "node"):
            self.take(self.node.drain(), draining=True)
            assert self.ruled.keys() == self.given.keys()
