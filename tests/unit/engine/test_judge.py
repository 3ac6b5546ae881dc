"""What a rule's finding does to a tick, and what a rule's own failure does to nobody else."""

import asyncio
import dataclasses
import logging
from decimal import Decimal

import msgspec
import pytest

from ticktrail._contracts.known_secrets import remember
from ticktrail._engine.bench import RuleFailed
from ticktrail._engine.judge import Judge
from ticktrail._engine.verdict import joined
from ticktrail._plan.model import RulePlan, Validation
from ticktrail.book import OrderBook
from ticktrail.errors import PluginError
from ticktrail.events import (
    CriticalFinding,
    InstrumentQuarantined,
    InstrumentReleased,
    RuleDisabled,
    RuleFailing,
)
from ticktrail.model import BookDelta, BookSnapshot, Gap, Quote, Status, Trade, Violation
from ticktrail.plugin import Batch, Settings, ValidatorContext, validator_spec
from ticktrail.rules import FrozenSettings
from ticktrail.rules.plugin import ticktrail_validators
from ticktrail.testing import ManualClock, make_book_delta, make_book_snapshot, make_quote, make_trade

BTC, ETH = "BTC/USDT", "ETH/USDT"
S = 1_000_000_000


class Picky(Settings, frozen=True):
    pass


class Refused(Violation, frozen=True, tag="picky"):
    pass


class RefusedToo(Violation, frozen=True, tag="picky1"):
    pass


class Rule:
    """It objects to what `objects` says, raises where `raises` says so, and keeps what it was told."""

    def __init__(self, objects=lambda tick: False, raises=lambda tick: False):
        self.objects, self.raises, self.finding = objects, raises, Refused
        self.accepted, self.sessions, self.steps = [], 0, []

    def check(self, tick, at_ns):
        if self.raises(tick):
            raise ZeroDivisionError("a defect, key=of-the-rule")
        return self.finding() if self.objects(tick) else None

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


def court(
    *rules,
    action="reject",
    severity="warning",
    ticks=(Trade, Quote, BookDelta, BookSnapshot),
    opens=None,
    **settings,
):
    """Return a judge over these rules, the first named picky, the others picky1, picky2 …, and its events."""
    events = []
    for rule, finding in zip(rules[1:], [RefusedToo], strict=False):
        rule.finding = finding
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
            severity=severity,
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
    remember("of-the-rule")
    broken, sound = Rule(raises=lambda tick: True), Rule(priced("7"))
    bench = court(broken, sound, action=action, max_rule_failures=3)
    verdict = bench.judged(make_trade("5"), make_quote())
    assert [tick.flagged for tick in verdict.good] == [True, True]
    assert [type(event) for event in bench.events] == [RuleFailing]
    assert (verdict.flagged[0].violations[0].failed, bench.events[0].rule) == ("picky", "picky")
    assert verdict.flagged[0].violations[0].error == "ZeroDivisionError: a defect, key=[secret]"
    assert bench.events[0].error == "ZeroDivisionError: a defect, key=[secret]"
    bench.judged(make_trade("5", instrument=ETH))
    assert [type(event) for event in bench.events] == [RuleFailing]
    bench.judged(make_trade("5"))
    assert [type(event) for event in bench.events] == [RuleFailing, RuleDisabled]
    assert bench.events[1].instrument == BTC
    assert bench.judged(make_trade("5", instrument=ETH)).good[0].flagged  # there it still tries
    verdict = bench.judged(make_trade("5"), make_trade("7"))
    assert not verdict.good[0].flagged
    assert len(verdict.rejected or verdict.flagged) == 1  # the sound one still judges
    assert len(bench.events) == 2 + (action == "quarantine")


def test_the_traceback_of_a_rule_s_first_failure_is_logged_once(caplog):
    """At the level DEBUG, with the line that raised; later failures, of any instrument, add none."""
    bench = court(Rule(raises=lambda tick: True), Rule(priced("7")))
    with caplog.at_level(logging.DEBUG, "ticktrail.rules"):
        bench.judged(make_trade("5"), make_trade("5"), make_trade("5", instrument=ETH))
    (record,) = caplog.records
    assert (record.levelname, record.name) == ("DEBUG", "ticktrail.rules")
    assert "the rule picky raised over BTC/USDT" in record.getMessage()
    assert 'raise ZeroDivisionError("a defect, key=of-the-rule")' in caplog.text


def test_a_failure_does_not_hide_what_the_rule_finds_later():
    """Critical findings are told all the same, and counted under the rule's own name."""
    rule = Rule(priced("7"), raises=priced("6"))
    bench = court(rule, severity="critical")
    bench.judged(make_trade("6"), make_trade("7"))
    assert [type(event) for event in bench.events] == [RuleFailing, CriticalFinding]
    rows = {row.rule: row for row in bench.judge.qualities[BTC].take().rules}
    assert (rows["picky"].severity, rows["picky"].rejected, rows["rule_failed"].flagged) == ("critical", 1, 1)


def test_what_the_feed_does_not_have_is_refused():
    """No rule would have judged it."""
    bench = court(Rule())
    verdict = bench.judged(make_trade("5", instrument="NOT/LISTED"))
    assert not verdict.good
    assert verdict.rejected[0].violations[0].instrument == "NOT/LISTED"


def test_a_quarantine_keeps_back_every_price_and_no_news():
    """Kinds that no rule judges too; a halt passes even where a rule judges it; what others reject prolongs it."""
    bench = court(
        Rule(lambda tick: isinstance(tick, Quote)),
        ticks=(Quote, Status),
        action="quarantine",
        quarantine_s=10,
    )
    bench.judged(make_quote(), at_s=100)
    halt = Status(instrument=BTC, provider="leg", event_ns=None, recv_ns=1, state="halted")
    assert bench.judged(make_trade("5"), halt, at_s=105).good == [halt]
    bench.judged(make_quote(), at_s=108)
    assert not bench.judged(make_trade("5"), at_s=117).good
    assert bench.judged(make_trade("5"), at_s=118).good


class Speechless(Exception):
    def __str__(self):
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (Speechless(), "Speechless: its message cannot be read"),
        (ValueError("\udc80" * 2), "ValueError: \\udc80\\udc80"),
        (ValueError("x" * 10_000), "ValueError: " + "x" * 488),
        (SystemExit(3), "SystemExit: 3"),
    ],
    ids=["speechless", "surrogates", "long", "exit"],
)
def test_whatever_a_rule_raises_can_be_told(caplog, error, says):
    """The message is somebody else's code too."""
    rule = Rule()

    def check(tick, at_ns):
        raise error

    rule.check = check
    bench = court(rule)
    with caplog.at_level(logging.DEBUG, "ticktrail.rules"):
        verdict = bench.judged(make_trade("5"))
    assert type(error).__name__ in caplog.text
    assert verdict.flagged[0].violations[0].error == bench.events[0].error == says
    msgspec.json.encode(bench.events[0])


class Odd(Violation, frozen=True, tag="odd"):
    thing: object


class Full(Violation, frozen=True, tag="picky"):
    thing: object


ROUND = {}
ROUND["again"] = ROUND


@pytest.mark.parametrize(
    "nonsense", [True, "bad", 7, Odd(thing=1), Full(thing=object()), Full(thing=1 << 70), Full(thing=ROUND)]
)
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
    with pytest.raises(PluginError, match=r"the rule picky cannot judge BTC/USDT: .*no attribute 'check'"):
        court(None, opens=lambda: 42)


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


class Alive(Violation, frozen=True, tag="picky"):
    thing: dict[str, object]


@pytest.mark.parametrize(
    "error", [asyncio.CancelledError(), GeneratorExit(), SystemExit(3), BaseException("x")]
)
def test_no_exception_of_a_rule_ends_the_feed(error):
    """Whatever its class: nothing in a rule waits, so that nothing in it was cancelled."""

    def check(tick, at_ns):
        raise error

    rule = Rule()
    rule.check = check
    judged = court(rule, max_rule_failures=2)
    for number in range(4):
        verdict = judged.judged(make_trade(id=number))
        assert len(verdict.good) == 1
    assert [type(event) for event in judged.events] == [RuleFailing, RuleDisabled]


def test_an_interruption_is_the_person_s():
    """Ctrl-C in the middle of a rule is no defect of it."""

    def check(tick, at_ns):
        raise KeyboardInterrupt

    rule = Rule()
    rule.check = check
    with pytest.raises(KeyboardInterrupt):
        court(rule).judged(make_trade())


def test_a_finding_is_kept_as_it_was():
    """A rule that holds on to its own object changes nothing that was found."""
    mine = {"price": 1}
    rule = Rule(objects=lambda tick: True)
    rule.finding = lambda: Alive(thing=mine)
    (rejected,) = court(rule).judged(make_trade()).rejected
    mine["price"] = object()
    assert rejected.violations == (Alive(thing={"price": 1}),)


@pytest.mark.parametrize("thing", [{(1, 2): 1}, {"x": object()}])
def test_a_finding_that_no_report_could_write_is_a_failure(thing):
    """Neither the audit nor JSON may break over it later."""
    rule = Rule(objects=lambda tick: True)
    rule.finding = lambda: Alive(thing=thing)
    judged = court(rule)
    verdict = judged.judged(make_trade())
    assert len(verdict.good) == 1
    assert [type(event) for event in judged.events] == [RuleFailing]


def test_nobody_speaks_in_the_judge_s_own_words():
    """A rule that returns the judge's finding about failures has failed itself."""
    rule = Rule(objects=lambda tick: True)
    rule.finding = lambda: RuleFailed(failed="price_jump", error="not mine")
    judged = court(rule, max_rule_failures=2)
    for number in range(3):
        judged.judged(make_trade(id=number))
    assert [(type(event), event.rule) for event in judged.events] == [
        (RuleFailing, "picky"),
        (RuleDisabled, "picky"),
    ]


@pytest.mark.parametrize(
    ("mine", "other", "action", "told"),
    [
        (Rule(), Rule(), "reject", ["7"]),
        (Rule(priced("7")), Rule(), "reject", []),
        (Rule(priced("7")), Rule(), "flag", []),
        (Rule(), Rule(priced("7")), "flag", ["7"]),
        (Rule(), Rule(priced("7")), "reject", []),
        (Rule(), Rule(priced("7")), "quarantine", []),
        (Rule(raises=priced("7")), Rule(), "reject", ["7"]),
        (Rule(raises=priced("7")), Rule(priced("7")), "reject", []),
    ],
    ids=[
        "nobody objects",
        "its own rejection",
        "its own flag",
        "another's flag",
        "another's rejection",
        "another's quarantine",
        "its own failure",
        "its own failure and another's rejection",
    ],
)
def test_what_a_rule_is_told_to_remember(mine, other, action, told):
    """As the reference of hooks has it; the order of the rules does not matter."""
    for rules in ([mine, other], [other, mine]):
        mine.accepted.clear()
        mine.finding = other.finding = Refused  # that of a second rule is the court's to set
        court(*rules, action=action).judged(make_trade("7"))
        assert [str(tick.price) for tick in mine.accepted] == told


def test_rules_follow_the_market_through_a_quarantine():
    """What is clean and yet held back is told to them: at the end they know where the market is."""
    rule = Rule(objects=priced("5"))
    judged = court(rule, action="quarantine", quarantine_s=10)
    judged.judged(make_trade("5"), at_s=1)
    held = [judged.judged(make_trade(str(100 + n)), at_s=2 + n) for n in range(3)]
    assert all(verdict.good == [] for verdict in held)
    assert [str(tick.price) for tick in rule.accepted] == ["100", "101", "102"]


def test_a_living_market_leaves_a_frozen_quote_behind():
    """The real rule under a quarantine: once the quote moves it is forgiven, and the instrument is released."""
    spec = next(spec for spec in ticktrail_validators() if spec.name == "frozen")
    settings = FrozenSettings(frozen_after_quotes=3, frozen_after_s=Decimal(1), frozen_after_trades=1)
    plan = RulePlan(spec=spec, settings={BTC: settings}, action="quarantine", severity="warning")
    clock = ManualClock()
    judge = Judge(
        [plan],
        [BTC],
        Validation(quarantine_s=10),
        context=lambda name: ValidatorContext(provider="leg", instrument=name, clock=clock),
        provider="leg",
        tell=lambda event: None,
        now_ns=clock.now_ns,
    )
    for second in range(1, 6):
        judge.judge([make_quote("100", "101")], second * S, second * S)
        judge.judge([make_trade("99")], second * S, second * S)
    walk = [("99", "100"), ("100", "101"), ("101", "102"), ("100", "101")]
    good = [len(judge.judge([make_quote(*walk[n % 4])], (6 + n) * S, (6 + n) * S).good) for n in range(60)]
    assert good[:9] == [0] * 9
    assert good[12:] == [1] * 48


@pytest.mark.parametrize("action", ["flag", "reject"])
def test_what_a_leg_found_goes_along_with_the_route_s_finding(action):
    """One tick, one record of it, with all that was found."""
    leg = court(Rule(objects=lambda tick: True), action="flag")
    first = leg.judged(make_trade())
    batch = Batch(provider="leg", recv_ns=1, mono_ns=1, session_ns=0, ticks=first.good, flagged=first.flagged)
    other = Rule(objects=lambda tick: True)
    route = court(Rule(), other, action=action)
    after = joined(batch, route.judged(*batch.ticks))
    found = [*after.rejected, *after.flagged]
    assert [[type(one) for one in each.violations] for each in found] == [[Refused, RefusedToo]]
    (row,) = [quality.look() for quality in route.judge.qualities.values() if quality.seen]
    assert (row.rejected, row.flagged) == ((1, 0) if action == "reject" else (0, 0))
    assert sum(rule.flagged + rule.rejected for rule in row.rules) == 1
