"""Who judges when the rules or the instruments change: those whom nothing was changed for go on with all they know."""

import pytest

from ticktrail._engine.judge import Judge
from ticktrail._plan.model import RulePlan, Validation
from ticktrail.errors import PluginError
from ticktrail.model import Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.testing import ManualClock, make_trade

BTC, ETH, SOL = "BTC/USDT", "ETH/USDT", "SOL/USDT"
S = 1_000_000_000


class Most(Settings, frozen=True):
    most: int = 100
    breaks: bool = False


class TooMuch(Violation, frozen=True, tag="most"):
    pass


class Rule:
    """It refuses prices above its limit, and keeps what it was told."""

    def __init__(self, settings):
        self.most, self.seen, self.steps = settings.most, 0, []

    def check(self, tick, at_ns):
        self.seen += 1
        if self.most == 0:
            raise ZeroDivisionError("a defect")
        return TooMuch() if tick.price > self.most else None

    def learn(self, price, size):
        self.steps.append((price, size))


class Bench:
    """A judge of one rule, with every judge that was opened for it."""

    def __init__(self, limits, **settings):
        self.opened, self.events = [], []
        clock = ManualClock()
        self._context = lambda name: ValidatorContext(provider="leg", instrument=name, clock=clock)
        self.judge = Judge(
            [self._plan(limits)],
            list(limits),
            Validation(**settings),
            context=self._context,
            provider="leg",
            tell=self.events.append,
            now_ns=clock.now_ns,
        )

    def _plan(self, limits, action="reject"):
        def opens(settings, context):
            if settings.breaks:
                raise LookupError("the rule's own")
            rule = Rule(settings)
            self.opened.append((context.instrument, rule))
            return rule

        return RulePlan(
            spec=validator_spec(name="most", summary="x", settings=Most, open=opens, ticks=(Trade,)),
            settings={name: Most(most=most, breaks=most < 0) for name, most in limits.items()},
            action=action,
            severity="warning",
        )

    def prepared(self, limits, action="reject", **settings):
        rules = [self._plan(limits, action)]
        return self.judge.prepare(rules, list(limits), Validation(**settings), self._context)

    def change(self, limits, action="reject", **settings):
        panel = self.prepared(limits, action, **settings)
        self.judge.expect(panel)
        self.judge.keep(panel)

    def refuses(self, price, name):
        return bool(self.judge.judge([make_trade(str(price), instrument=name)], S, S).rejected)


def test_only_what_was_changed_is_opened_anew():
    """The others keep their memory, and every count of findings goes on."""
    bench = Bench({BTC: 100, ETH: 100})
    assert bench.refuses(150, BTC)
    bench.change({BTC: 100, ETH: 200})
    assert [name for name, _ in bench.opened] == [BTC, ETH, ETH]
    assert (bench.refuses(150, BTC), bench.refuses(150, ETH)) == (True, False)
    assert bench.opened[0][1].seen == 2
    assert bench.judge.qualities[BTC].look().rejected == 2


def test_an_instrument_is_judged_from_its_first_tick_to_its_last():
    """What the feed does not have is refused, whoever was there before."""
    bench = Bench({BTC: 100})
    bench.change({BTC: 100, SOL: 50})
    assert (bench.refuses(60, SOL), bench.refuses(40, SOL)) == (True, False)
    bench.change({SOL: 50})
    assert bench.refuses(60, BTC)
    assert bench.refuses(40, BTC)
    assert not bench.refuses(40, SOL)


def test_what_is_prepared_and_not_kept_changes_nothing():
    """Nor what cannot be prepared."""
    bench = Bench({BTC: 100})
    bench.prepared({BTC: 10})
    with pytest.raises(PluginError, match="opening it failed by a defect of its own"):
        bench.prepared({BTC: -1})
    assert not bench.refuses(50, BTC)


def test_a_new_judge_is_told_what_it_would_know():
    """An instrument's steps were stated before; those who know them are not told twice."""
    bench = Bench({BTC: 100, ETH: 100})
    bench.judge.learn(BTC, 1, 2)
    bench.judge.learn(ETH, 3, 4)
    bench.judge.learn(SOL, 5, 6)  # by a session that runs ahead of what is judged
    bench.change({BTC: 100, ETH: 200, SOL: 10})
    assert [(name, rule.steps) for name, rule in bench.opened] == [
        (BTC, [(1, 2)]),
        (ETH, [(3, 4)]),
        (ETH, [(3, 4)]),
        (SOL, [(5, 6)]),
    ]


def test_a_rule_that_was_dismissed_stays_so_until_it_is_changed():
    """Its failures are counted on where it goes on."""
    bench = Bench({BTC: 0, ETH: 100}, max_rule_failures=2)
    for _ in range(2):
        bench.refuses(1, BTC)
    bench.change({BTC: 0, ETH: 100, SOL: 0}, max_rule_failures=2)
    assert not bench.refuses(1, BTC)
    assert bench.opened[0][1].seen == 2
    bench.change({BTC: 5, ETH: 100}, max_rule_failures=2)
    assert bench.refuses(10, BTC)


def test_what_a_finding_does_can_change_alone():
    """The tick then goes on, marked."""
    bench = Bench({BTC: 100})
    assert bench.refuses(150, BTC)
    bench.change({BTC: 100}, action="flag")
    assert not bench.refuses(150, BTC)


def test_a_change_is_prepared_on_top_of_the_one_that_is_under_way():
    """A leg that has not come to the first yet keeps the second, whole."""
    bench = Bench({BTC: 100})
    first = bench.prepared({BTC: 10, SOL: 10})
    bench.judge.expect(first)
    second = bench.prepared({BTC: 100, SOL: 10})
    bench.judge.expect(second)
    bench.judge.keep(first)
    assert bench.refuses(50, BTC)
    bench.judge.keep(second)
    assert (bench.refuses(50, BTC), bench.refuses(50, SOL)) == (False, True)
    assert [name for name, _ in bench.opened] == [BTC, BTC, SOL, BTC]
