"""What a rule's finding does to a tick, and what a rule's own failure does to nobody else."""

import dataclasses

import pytest

from ticktrail._engine.judge import Judge
from ticktrail._plan.model import RulePlan, Validation
from ticktrail.book import OrderBook
from ticktrail.errors import PluginError
from ticktrail.events import InstrumentQuarantined, InstrumentReleased, RuleDisabled, RuleFailing
from ticktrail.model import BookDelta, BookSnapshot, Gap, Quote, Trade, Violation
from ticktrail.plugin import Settings, ValidatorContext, validator_spec
from ticktrail.testing import ManualClock, make_book_delta, make_book_snapshot, make_quote, make_trade

BTC, ETH = "BTC/USDT", "ETH/USDT"
S = 1_000_000_000


class Picky(Settings, frozen=True):
    pass


class Refused(Violation, frozen=True, tag="picky"):
    pass


class Rule:
    """It objects to what `objects` says, raises where `raises` says so, and keeps what it was told."""

    def __init__(self, objects=lambda tick: False, raises=lambda tick: False):
        self.objects, self.raises = objects, raises
        self.accepted, self.sessions, self.steps = [], 0, []

    def check(self, tick, at_ns):
        if self.raises(tick):
            raise ZeroDivisionError("a defect")
        return Refused() if self.objects(tick) else None

    def accept(self, tick):
        self.accepted.append(tick)

    def begin_session(self):
        self.sessions += 1

    def learn(self, price, size):
        self.steps.append((price, size))


@dataclasses.dataclass
class Court:
    judge: Judge
    events: list

    def judged(self, *ticks, at_s=1):
        return self.judge.judge(ticks, at_s * S, at_s * S)


def court(*rules, action="reject", ticks=(Trade, Quote, BookDelta, BookSnapshot), opens=None, **settings):
    """Return a judge over these rules, the first named picky, the others picky1, picky2 …, and its events."""
    events = []
    plans = [
        RulePlan(
            spec=validator_spec(
                name=f"picky{number or ''}",
                summary="x",
                settings=Picky,
                open=lambda settings, context, rule=rule: opens() if opens else rule,
                ticks=ticks,
            ),
            settings={BTC: Picky(), ETH: Picky()},
            action=action,
            severity="warning",
        )
        for number, rule in enumerate(rules)
    ]
    clock = ManualClock()
    judge = Judge(
        plans,
        [BTC, ETH],
        Validation(**settings),
        context=lambda name: ValidatorContext(provider="leg", instrument=name, clock=clock),
        provider="leg",
        tell=events.append,
        now_ns=clock.now_ns,
    )
    return Court(judge, events)


def priced(price):
    return lambda tick: isinstance(tick, Trade) and str(tick.price) == price


def test_a_piece_of_a_book_that_is_refused_is_a_gap():
    """Whoever keeps the book does not take the rest for whole."""
    rule, book = Rule(), OrderBook(BTC)
    bench = court(rule)
    (snapshot,) = bench.judged(make_book_snapshot()).good
    book.apply(snapshot)
    assert book.is_known
    rule.objects = lambda tick: True
    delta = make_book_delta()
    verdict = bench.judged(delta, at_s=2)
    assert [rejected.tick for rejected in verdict.rejected] == [delta]
    (gap,) = verdict.good
    assert isinstance(gap, Gap)
    assert (gap.channel, gap.from_id, gap.to_id, gap.cause) == (
        "book",
        delta.first_update_id,
        delta.update_id,
        "rejected",
    )
    book.apply(gap)
    assert not book.is_known


def test_a_rejected_tick_is_kept_back_and_nobody_remembers_it():
    """The other rules' memory does not take it in either."""
    one, other = Rule(priced("7")), Rule()
    bench = court(one, other)
    good, bad = make_trade("5"), make_trade("7")
    verdict = bench.judged(good, bad)
    assert verdict.good == [good]
    assert [rejected.tick for rejected in verdict.rejected] == [bad]
    assert one.accepted == other.accepted == [good]


def test_a_flagged_tick_goes_on_marked():
    """Sinks see the mark, records the finding; the rule that objected does not take it for accepted."""
    one, other = Rule(priced("7")), Rule()
    bench = court(one, other, action="flag")
    verdict = bench.judged(make_trade("5"), make_trade("7"))
    assert not verdict.rejected
    assert [tick.flagged for tick in verdict.good] == [False, True]
    (flagged,) = verdict.flagged
    assert flagged.tick is verdict.good[1]
    assert flagged.violations == (Refused(),)
    assert len(one.accepted) == 1
    assert len(other.accepted) == 2


def test_an_instrument_is_quarantined_until_it_was_clean_for_long_enough():
    """What comes meanwhile is kept back with the reason; a new finding starts the wait again; others go on."""
    bench = court(Rule(priced("7")), action="quarantine", quarantine_s=10)
    assert len(bench.judged(make_trade("7"), at_s=100).rejected) == 1
    (held,) = bench.judged(make_trade("5"), at_s=105).rejected
    (why,) = held.violations
    assert (why.by, why.clean_s, why.quarantine_s) == ("picky", 5, 10)
    other = make_trade("5", instrument=ETH)
    assert bench.judged(other, at_s=105).good == [other]
    bench.judged(make_trade("7"), at_s=108)
    assert not bench.judged(make_trade("5"), at_s=117).good
    clean = make_trade("5")
    assert bench.judged(clean, at_s=118).good == [clean]
    assert [type(event) for event in bench.events] == [InstrumentQuarantined, InstrumentReleased]


def test_a_quarantine_ends_though_the_clock_was_set_back():
    """Nobody is kept apart for ever."""
    bench = court(Rule(priced("7")), action="quarantine", quarantine_s=10)
    bench.judged(make_trade("7"), at_s=1_000)
    assert not bench.judged(make_trade("5"), at_s=50).good
    assert bench.judged(make_trade("5"), at_s=60).good


def test_a_book_is_not_taken_apart_by_a_quarantine():
    """A piece left out would make the rest wrong."""
    bench = court(Rule(priced("7")), action="quarantine")
    delta = make_book_delta()
    verdict = bench.judged(make_trade("7"), delta)
    assert verdict.good == [delta]


@pytest.mark.parametrize("action", ["reject", "flag", "quarantine"])
def test_a_rule_that_raises_hurts_itself_alone(action):
    """The tick goes on with a mark, the others judge it, and after so many failures the rule judges no more."""
    broken, sound = Rule(raises=lambda tick: True), Rule(priced("7"))
    bench = court(broken, sound, action=action, max_rule_failures=3)
    verdict = bench.judged(make_trade("5"), make_quote())
    assert [tick.flagged for tick in verdict.good] == [True, True]
    assert [type(event) for event in bench.events] == [RuleFailing]
    assert (verdict.flagged[0].violations[0].failed, bench.events[0].rule) == ("picky", "picky")
    assert "ZeroDivisionError" in verdict.flagged[0].violations[0].error
    bench.judged(make_trade("5", instrument=ETH))
    assert [type(event) for event in bench.events] == [RuleFailing, RuleDisabled]
    verdict = bench.judged(make_trade("5"), make_trade("7"))
    assert not verdict.good[0].flagged
    assert len(verdict.rejected or verdict.flagged) == 1  # the sound one still judges
    assert len(bench.events) == 2 + (action == "quarantine")


class Odd(Violation, frozen=True, tag="odd"):
    thing: object


@pytest.mark.parametrize("nonsense", [True, "bad", 7, Odd(thing=object()), Odd(thing=1 << 70)])
def test_a_finding_that_is_none_is_the_rule_s_own_failure(nonsense):
    """What is no violation, or could not be recorded, says nothing of the tick."""
    rule = Rule()
    rule.check = lambda tick, at_ns: nonsense
    bench = court(rule, max_rule_failures=2)
    verdict = bench.judged(make_trade("5"), make_trade("6"), make_trade("7"))
    assert [tick.flagged for tick in verdict.good] == [True, True, False]
    assert {finding.violations[0].failed for finding in verdict.flagged} == {"picky"}
    assert [type(event) for event in bench.events] == [RuleFailing, RuleDisabled]


def test_a_rule_that_cannot_be_opened_ends_the_start_with_its_name():
    """And with what to do."""
    with pytest.raises(
        PluginError, match=r"the rule picky cannot judge BTC/USDT: .*ZeroDivisionError.*turn it off"
    ):
        court(None, opens=lambda: 1 / 0)


def test_a_rule_that_fails_to_remember_is_counted_too():
    """The tick was good and stays so."""
    broken = Rule()
    broken.accept = lambda tick: 1 / 0
    bench = court(broken, Rule(), max_rule_failures=2)
    ticks = [make_trade("5"), make_trade("6"), make_trade("7")]
    assert bench.judged(*ticks).good == ticks
    assert [type(event) for event in bench.events] == [RuleFailing, RuleDisabled]


def test_rules_hear_of_sessions_and_increments():
    """Only those of the instrument are told its steps."""
    rule = Rule()
    bench = court(rule, ticks=(Trade,))
    bench.judge.begin_session()
    assert rule.sessions == 2  # one an instrument
    bench.judge.learn(BTC, 1, 2)
    bench.judge.learn("nobody", 3, 4)
    assert rule.steps == [(1, 2)]


def test_what_was_found_is_counted_by_instrument_and_rule():
    """With the first and the last example of each, and from the beginning again once it was taken."""
    bench = court(Rule(priced("7")), Rule(lambda tick: tick.id == 2))
    bench.judged(*(make_trade(price, id=n) for n, price in enumerate(["5", "7", "7", "5"])), at_s=3)
    row = bench.judge.qualities[BTC].take()
    assert (row.provider, row.seen, row.rejected, row.flagged) == ("leg", 4, 2, 0)
    one, other = row.rules
    assert (one.rule, one.rejected, one.first.tick["id"], one.last.tick["id"]) == ("picky", 2, 1, 2)
    assert (other.rule, other.rejected, other.first) == ("picky1", 1, other.last)
    assert one.first.violation == {"rule": "picky"}
    assert one.first.tick["price"] == "7"
    assert bench.judge.qualities[BTC].look().seen == 0
