"""Rules in a whole feed: what they do to ticks, to legs, to the report, and to each other."""

import itertools

import anyio
import pytest

from ticktrail.events import CriticalFinding, PriceLevelConfirmed, QualityMeasured, RuleDisabled, RuleFailing
from ticktrail.plugin import Routed
from ticktrail.testing import make_quote, make_trade
from unit.engine import third_party
from unit.engine.stage import HEAD, STAGE, Collecting, Watching, feed, run

pytestmark = pytest.mark.anyio
BTC = "BTC/USDT"
LANE = '[[sinks]]\nplugin = "collecting"\n[watching]\n'
ONE = '[providers.a]\nplugin = "scripted"\nscript = "a"\n' + LANE
THREE = (
    '[route]\nkind = "hybrid"\nprimary = "a"\nfallback = { kind = "hybrid", primary = "b", fallback = "c" }\n'
    + "".join(f'[providers.{leg}]\nplugin = "scripted"\nscript = "{leg}"\n' for leg in "abc")
    + LANE
)


@pytest.fixture(autouse=True)
def seen():
    """A new sink and a new observer."""
    STAGE.sinks = {"main": Collecting()}
    STAGE.observers = {"main": Watching()}


def ruled(*keys):
    """Return the head of a feed with these keys of its rules."""
    return HEAD.replace("[validation]\n", "\n".join(["[validation]", *keys, ""]))


def events(kind):
    return [record for record in STAGE.observers["main"].records if isinstance(record, kind)]


class Turns:
    """Legs speak one after the other, in the order of the list, each its price; then all of them end."""

    def __init__(self, turns):
        self._turns = turns
        self._at = 0
        self._moved = anyio.Event()

    async def __call__(self, session):
        session.up()
        while self._at < len(self._turns):
            leg, price = self._turns[self._at]
            if leg == session.name:
                await session.ticks(make_quote(str(price - 1), str(price + 1), provider=leg))
                self._at += 1
                self._moved.set()
                self._moved = anyio.Event()
            else:
                await self._moved.wait()


ROUND = [("a", 100), ("b", 100), ("c", 100)]


@pytest.mark.parametrize(("action", "kept"), [("flag", False), ("reject", True)])
async def test_the_leg_that_stands_alone_is_found_in_the_route(tmp_path, action, kept):
    """Of three venues one is five per cent off: its quotes are marked or kept back, with all prices; no one else's."""
    turns = Turns([*ROUND, ("a", 100), ("c", 105), ("b", 100), ("a", 100), *ROUND])
    rule = f'[validation.rules.cross_venue]\naction = "{action}"\n'
    report = await run(feed(tmp_path, rule + THREE, a=turns, b=turns, c=turns))
    findings = [
        found
        for record in events(Routed)
        for found in (*record.rejected, *record.flagged)
        if record.provider == "c"
    ]
    assert all(record.provider == "c" for record in events(Routed) if record.rejected or record.flagged)
    (found,) = findings
    (violation,) = found.violations
    assert violation.outlier == "c"
    assert {leg: int(price) for leg, price in violation.prices.items()} == {"a": 100, "b": 100, "c": 105}
    assert report.rejected == ({"cross_venue": 1} if kept else {})
    assert report.flagged == {}, "what was marked stood by, and was suppressed"
    (alarm,) = events(CriticalFinding)
    assert (alarm.provider, alarm.rule, alarm.violation["outlier"]) == ("c", "cross_venue", "c")
    (row,) = [row for row in report.quality if row.provider is None]
    assert (row.seen, row.rejected, row.flagged) == (10, int(kept), int(not kept))


async def test_each_leg_that_deviates_is_an_alarm_of_its_own(tmp_path):
    """Two venues that disagree, the whole run long: one alarm each, not one a tick."""
    two = ONE.replace("[[sinks]]", '[providers.b]\nplugin = "scripted"\nscript = "b"\n[[sinks]]')
    route = '[route]\nkind = "hybrid"\nprimary = "a"\nfallback = "b"\n'
    turns = Turns([("a", 100), ("b", 110)] * 5)
    report = await run(feed(tmp_path, route + two, a=turns, b=turns))
    of_route = [row for row in report.quality if row.provider is None]
    assert sum(row.flagged for row in of_route) >= 8
    assert report.flagged["cross_venue"] >= 4, "of those that were delivered"
    assert sorted(alarm.provider for alarm in events(CriticalFinding)) == ["a", "b"]


async def test_a_new_level_is_recorded(tmp_path):
    """A market that moves by a fifth and stays: refused, confirmed, followed, and told."""

    async def leaps(session):
        session.up()
        for number, price in enumerate(["100", *["120"] * 10], start=1):
            await session.ticks(make_trade(price, id=number))

    head = ruled("jump_confirm_s = 0", "jump_confirm_ticks = 3")
    report = await run(feed(tmp_path, ONE, head=head, a=leaps))
    (told,) = events(PriceLevelConfirmed)
    assert (told.provider, told.instrument, told.field, told.refused) == ("a", BTC, "price", 2)
    assert (int(told.from_price), int(told.to_price)) == (100, 120)
    assert report.rejected == {"price_jump": 2}
    assert STAGE.sinks["main"].ids == [1, 4, 5, 6, 7, 8, 9, 10, 11]


async def test_somebody_elses_rule_is_declared_like_ours_and_cannot_break_the_feed(tmp_path):
    """Its keys stand in the same table; where it raises the tick goes on, marked; after three times it is off."""

    async def prices(session):
        session.up()
        for number, price in enumerate(["11", "12", "13", "13", "14", "13", "13", "12"], start=1):
            await session.ticks(make_trade(price, id=number))

    rules = (
        "[validation.rules.price_jump]\naction = 'flag'\n[validation.instruments.\"BTC/USDT\"]\n"
        "max_price_jump = false\nno_multiple_of = 4\n"
    )
    plan = feed(
        tmp_path,
        rules + ONE,
        head=ruled("max_rule_failures = 3"),
        beside={"third": third_party},
        a=prices,
    )
    report = await run(plan)
    assert report.rejected == {"round": 1}
    assert report.flagged == {"rule_failed": 3}
    assert STAGE.sinks["main"].ids == [1, 3, 4, 5, 6, 7, 8]
    (failing,), (off,) = events(RuleFailing), events(RuleDisabled)
    assert (failing.rule, off.rule, off.provider, off.failures) == ("round", "round", "a", 3)
    assert off.error == "LookupError: unlucky"
    assert [warning.partition(":")[0] for warning in report.warnings] == [
        "the rule round failed on a",
        "the rule round judges BTC/USDT no more on a",
    ]


async def test_quality_is_recorded_in_turns_and_adds_up(tmp_path):
    """Each period's counts stand in the audit; the report holds their sum, with the first and the last example."""

    async def bad_now_and_then(session):
        session.up()
        for number in range(1, 31):
            price = "5000000" if number % 10 == 0 else "100"
            await session.ticks(make_trade(price, id=number))
            await anyio.sleep(0.005)

    report = await run(feed(tmp_path, ONE, head=ruled("quality_every_s = 0.03"), a=bad_now_and_then))
    told = events(QualityMeasured)
    assert len(told) > 1
    assert all(one.at_ns == other.from_ns for one, other in itertools.pairwise(told))
    (row,) = report.quality
    assert (row.provider, row.instrument, row.seen, row.rejected) == ("a", BTC, 30, 3)
    assert sum(period.rows[0].seen for period in told) == 30
    by_rule = {rule.rule: rule for rule in row.rules}
    assert by_rule["price_range"].rejected == 3
    assert by_rule["price_range"].first.tick["id"] == 10
    assert by_rule["price_range"].last.tick["id"] == 30
