"""Several legs that speak at the same time, in a feed: what is delivered, marked, counted and suppressed."""

import sys
from decimal import Decimal

import anyio
import msgspec
import pytest

from ticktrail._engine.runner import Runner
from ticktrail.book import OrderBook
from ticktrail.errors import TransientError
from ticktrail.events import LegSwitched
from ticktrail.model import BookSnapshot, Gap, InstrumentId, Quote, Switched
from ticktrail.plugin import Capabilities, Routed, hookimpl, provider_spec
from ticktrail.testing import make_book_delta, make_book_snapshot, make_quote, make_trade
from unit.engine import stage
from unit.engine.stage import HEAD, STAGE, Scripted, ScriptSettings, feed

pytestmark = pytest.mark.anyio
TICKTRAIL_API = 1
CHANNELS = frozenset({"trades", "quotes", "ticker", "book"})

LEGS = """
[providers.a]
plugin = "venue_one"
script = "a"
[providers.b]
plugin = "venue_one"
script = "b"
[providers.c]
plugin = "venue_two"
script = "c"
"""
SINKS = '[[sinks]]\nplugin = "collecting"\n[watching]\n'
MERGE = '[route]\nkind = "merge"\nlegs = ["a", "b", "c"]\n'
RULES = "uncrossed_quotes = true\ngrowing_ids = false\n"


def venue(name, space, *, consecutive=True):
    return provider_spec(
        name=name,
        summary="x",
        settings=ScriptSettings,
        open=Scripted,
        describe=lambda settings, registry: Capabilities(
            channels=CHANNELS, id_space=space, consecutive_trade_ids=consecutive
        ),
    )


@hookimpl
def ticktrail_providers():
    return [venue("venue_one", "one"), venue("venue_two", "two"), venue("sparse", "s", consecutive=False)]


def merged(tmp_path, text=MERGE, channels=None, **scripts):
    head = HEAD if channels is None else HEAD.replace('["trades", "quotes", "ticker"]', channels)
    return feed(tmp_path, text + LEGS + SINKS, head, {"venues": sys.modules[__name__]}, **scripts)


async def play(plan):
    with anyio.fail_after(30):
        return await Runner(plan).run()


class Turns:
    """Let legs speak in the order of a list, one step after the other."""

    def __init__(self, *steps):
        self.steps = steps
        self._done = [anyio.Event() for _ in steps]

    def __getitem__(self, leg):
        async def script(session):
            session.up()
            for number, (who, *ticks) in enumerate(self.steps):
                if number:
                    await self._done[number - 1].wait()
                if who == leg:
                    await session.ticks(*(msgspec.structs.replace(tick, provider=leg) for tick in ticks))
                    await settled()
                    self._done[number].set()
            await self._done[-1].wait()

        return script


async def settled():
    """Let what was handed over go through leg and route."""
    for _ in range(50):
        await anyio.lowlevel.checkpoint()


async def until(is_so):
    """Wait for what the sink has."""
    while not is_so():  # noqa: ASYNC110 - a sink tells nobody
        await anyio.sleep(0.001)


def accounted(report):
    received = sum(sum(kinds.values()) for kinds in report.received.values())
    delivered = sum(count for kind, count in report.delivered.items() if kind not in {"gaps", "switches"})
    return received + report.derived_ticks == delivered + report.rejected_ticks + sum(
        report.suppressed.values()
    )


def of(kind):
    return [tick for tick in STAGE.sinks["main"].ticks if isinstance(tick, kind)]


async def test_trades_of_a_venue_come_once_and_those_of_another_are_its_own(tmp_path):
    """Ids of two venues interleave without a gap; a hole in one of them is still told."""
    turns = Turns(
        ("a", make_trade(id=5)),
        ("c", make_trade(id=900)),
        ("b", make_trade(id=5), make_trade(id=6)),
        ("a", make_trade(id=6), make_trade(id=7)),
        ("c", make_trade(id=901), make_trade(id=904)),
        ("b", make_trade(id=7)),
    )
    report = await play(merged(tmp_path, a=turns["a"], b=turns["b"], c=turns["c"]))
    trades = [(tick.provider, tick.id) for tick in STAGE.sinks["main"].ticks if tick.counted_as == "trades"]
    assert trades == [("a", 5), ("c", 900), ("b", 6), ("a", 7), ("c", 901), ("c", 904)]
    assert [(gap.provider, gap.from_id, gap.to_id) for gap in of(Gap)] == [("c", 902, 903)]
    assert report.suppressed == {"later copy": 3}
    assert accounted(report)


async def test_a_leg_that_is_lost_and_comes_back_leaves_no_hole_while_its_twin_listens(tmp_path):
    """And what it is sent again is a later copy."""
    heard, lost, back = anyio.Event(), anyio.Event(), anyio.Event()

    async def cut(session):
        session.up()
        if session.number == 1:
            await session.trades(1, 2)
            heard.set()
            await lost.wait()
            raise TransientError("cut", provider=session.name)
        await session.trades(3, 4, 5)
        back.set()

    async def steady(session):
        session.up()
        await heard.wait()
        await settled()
        await session.trades(2, 3, 4)
        await settled()
        lost.set()
        await back.wait()
        await settled()
        await session.trades(5, 6)

    async def quiet(session):
        session.up()

    report = await play(merged(tmp_path, a=cut, b=steady, c=quiet))
    assert STAGE.sinks["main"].ids == [1, 2, 3, 4, 5, 6]
    assert not of(Gap)
    assert report.suppressed == {"later copy": 4}
    assert accounted(report)


async def test_the_best_quote_of_all_is_delivered_marked_and_counted(tmp_path):
    """Crossed between two venues: delivered all the same, with a finding; the log holds the quotes behind it."""
    turns = Turns(
        ("a", make_quote("100.0", "100.2", update_id=1)),
        ("c", make_quote("99.9", "100.3")),
        ("b", make_quote("100.0", "100.2", update_id=1)),
        ("c", make_quote("99.7", "99.8")),
    )
    report = await play(merged(tmp_path, a=turns["a"], b=turns["b"], c=turns["c"]))
    quotes = of(Quote)
    first, crossed, *rest = quotes
    assert (first.bid_provider, first.ask_provider, first.flagged) == ("a", "a", False)
    assert (crossed.bid_price, crossed.bid_provider) == (100, "a")
    assert (crossed.ask_price, crossed.ask_provider, crossed.flagged) == (Decimal("99.8"), "c", True)
    assert report.flagged["crossed_market"] == 1 + sum(tick.flagged for tick in rest)
    assert report.suppressed["consolidated"] == 2
    assert report.delivered["quotes"] == 2 + report.derived_ticks
    assert accounted(report)
    routed = [record for record in STAGE.observers["main"].records if isinstance(record, Routed)]
    (found,) = [one for record in routed for one in record.flagged if one.tick == crossed]
    assert found.violations[0].ask_provider == "c"
    (row,) = [row for row in report.quality if row.provider is None]
    (rule,) = row.rules
    assert (row.flagged, row.rejected) == (report.flagged["crossed_market"], 0)
    assert row.seen == 4 + report.derived_ticks  # those of the legs, which `cross_venue` judges
    assert (rule.rule, rule.severity, rule.flagged) == ("crossed_market", "info", row.flagged)
    assert rule.first.violation["ask_provider"] == "c"


async def test_where_no_rule_of_the_route_judges_quotes_the_best_ones_count_as_seen(tmp_path):
    """So that a share of crossed ones is one of those."""
    turns = Turns(
        ("a", make_quote("100.0", "100.2")),
        ("c", make_quote("99.7", "99.8")),
        ("c", make_quote("99.7", "99.6")),
    )
    head = HEAD.replace("[validation]", "[validation]\nmax_cross_venue_deviation = false")
    beside = {"venues": sys.modules[__name__]}
    report = await play(
        feed(tmp_path, MERGE + LEGS + SINKS, head, beside, a=turns["a"], b=turns["b"], c=turns["c"])
    )
    (row,) = [row for row in report.quality if row.provider is None]
    assert row.seen == len(of(Quote))
    assert row.flagged == report.flagged["crossed_market"]


async def test_a_leg_that_ends_takes_its_quote_along(tmp_path):
    """What the route makes is counted apart, and the last one leaves a gap."""
    gone = anyio.Event()

    async def worse(session):
        session.up()
        await session.ticks(make_quote("99.8", "100.4", provider="a", update_id=1))
        await gone.wait()
        await until(lambda: len(of(Quote)) >= 3)

    async def better(session):
        session.up()
        await until(lambda: of(Quote))
        await session.ticks(make_quote("99.9", "100.3", provider="c"))
        await until(lambda: len(of(Quote)) >= 2)
        gone.set()

    async def quiet(session):
        session.up()

    STAGE.sinks["main"] = stage.Collecting()
    report = await play(merged(tmp_path, a=worse, b=quiet, c=better))
    assert [(tick.bid_price, tick.bid_provider, tick.ask_provider) for tick in of(Quote)] == [
        (Decimal("99.8"), "a", "a"),
        (Decimal("99.9"), "c", "c"),
        (Decimal("99.8"), "a", "a"),
    ]
    (gap,) = of(Gap)
    assert (gap.channel, gap.provider, gap.to_ns) == ("quotes", "a", None)
    assert report.derived_ticks == 1
    assert report.delivered == {"quotes": 3, "gaps": 1}
    assert accounted(report)


async def test_a_quote_that_grows_old_is_left_out_though_nothing_comes(tmp_path):
    """By the route's own time."""
    text = '[route]\nkind = "merge"\nlegs = ["a", "b", "c"]\nstale_after_s = { quotes = 0.02 }\n'

    async def once(session):
        session.up()
        await session.ticks(make_quote("99.8", "100.4", provider="a", update_id=1))
        await until(lambda: of(Gap))

    async def quiet(session):
        session.up()

    STAGE.sinks["main"] = stage.Collecting()
    report = await play(merged(tmp_path, text, a=once, b=quiet, c=quiet))
    assert [tick.cause for tick in of(Gap)] == ["stale"]
    assert report.delivered == {"quotes": 1, "gaps": 1}


async def test_the_book_is_one_legs_and_handed_over_whole(tmp_path):
    """Changes of another leg never stand on it; where it is lost, a whole book of the next one follows."""
    led, listening = anyio.Event(), anyio.Event()
    snapshot, delta = make_book_snapshot(), make_book_delta(first_update_id=11, update_id=11)

    def own(tick, leg):
        return msgspec.structs.replace(tick, provider=leg)

    async def first(session):
        session.up()
        await listening.wait()
        await session.ticks(own(snapshot, "a"))
        await until(lambda: STAGE.sinks["main"].ticks)
        await led.wait()

    async def second(session):
        session.up()
        listening.set()
        await until(lambda: STAGE.sinks["main"].ticks)
        await session.ticks(own(snapshot, "c"), own(delta, "c"), make_trade(id=1, provider="c"))
        await until(lambda: STAGE.sinks["main"].ids)
        led.set()
        await until(lambda: len(STAGE.sinks["main"].ticks) >= 4)
        later = make_book_delta(first_update_id=12, update_id=12)
        await session.ticks(own(later, "c"))

    async def quiet(session):
        session.up()
        await led.wait()

    text = '[route]\nkind = "merge"\nlegs = ["a", "c"]\n'
    STAGE.sinks["main"] = stage.Collecting()
    report = await play(merged(tmp_path, text, '["trades", "book"]', a=first, b=quiet, c=second))
    book, ticks = OrderBook(InstrumentId("BTC/USDT")), STAGE.sinks["main"].ticks
    at = next(number for number, tick in enumerate(ticks) if isinstance(tick, Switched))
    assert [(tick.counted_as, tick.provider) for tick in ticks[:at]] == [("book", "a"), ("trades", "c")]
    assert isinstance(next(tick for tick in ticks[at:] if tick.counted_as == "book"), BookSnapshot)
    for tick in ticks:
        book.apply(tick)
        assert tick.counted_as != "book" or (book.is_known and book.provider == tick.provider)
    assert (book.is_known, book.provider, book.update_id) == (True, "c", 12)
    (switched,) = [one for one in STAGE.observers["main"].records if isinstance(one, LegSwitched)]
    assert (switched.from_leg, switched.to_leg) == ("a", "c")
    assert report.delivered["trades"] == 1


async def test_venues_are_compared_above_a_merge_as_above_any_route(tmp_path):
    """A leg that is far from the others is a finding, and its quote has no part in the best."""
    turns = Turns(
        ("a", make_quote("100", "101", update_id=1)),
        ("b", make_quote("100", "101", update_id=1)),
        ("c", make_quote("140", "141")),
    )
    text = '[validation.rules.cross_venue]\naction = "reject"\n' + MERGE
    report = await play(merged(tmp_path, text, a=turns["a"], b=turns["b"], c=turns["c"]))
    assert report.rejected == {"cross_venue": 1}
    assert {tick.bid_provider for tick in of(Quote)} <= {"a", "b"}
    assert accounted(report)


async def test_a_merge_below_a_hybrid_hands_over_as_a_leg_does(tmp_path):
    """While a leg of it is up it speaks; then the fallback does, and every tick is still in one place."""
    lost = anyio.Event()
    text = (
        '[route]\nkind = "hybrid"\nprimary = { kind = "merge", legs = ["a", "c"] }\nfallback = "b"\n'
        "failback_after_s = 60\n"
    )

    async def cut(session):
        session.up()
        if session.number == 1:
            await session.ticks(
                make_quote("99.9", "100.1", provider=session.name), *trades(session.name, 1, 2)
            )
            await lost.wait()
            raise TransientError("cut", provider=session.name)
        await until(lambda: 4 in STAGE.sinks["main"].ids)

    async def fallback(session):
        session.up()
        await until(lambda: len(STAGE.sinks["main"].ids) == 4)
        await session.ticks(*trades("b", 2, 3), make_quote("99.8", "100.2", provider="b", update_id=4))
        lost.set()
        await until(lambda: 3 in STAGE.sinks["main"].ids)
        await session.trades(4)

    STAGE.sinks["main"] = stage.Collecting()
    report = await play(merged(tmp_path, text, a=cut, b=fallback, c=cut))
    delivered = [
        (tick.provider, tick.id) for tick in STAGE.sinks["main"].ticks if tick.counted_as == "trades"
    ]
    assert sorted(delivered[:4]) == [("a", 1), ("a", 2), ("c", 1), ("c", 2)]
    assert delivered[4:] == [("b", 3), ("b", 4)]
    assert report.suppressed["duplicate"] == 1
    assert of(Switched)[0].provider == "b"
    assert of(Quote)[-1].bid_provider is None
    assert accounted(report)


def trades(leg, *ids):
    return [make_trade(id=number, provider=leg) for number in ids]


async def test_what_one_leg_missed_the_other_brings_later_where_ids_tell_no_hole(tmp_path):
    """Each trade once: a leg that comes back at once is ahead of one that lags."""
    cut, back = anyio.Event(), anyio.Event()

    async def first(session):
        session.up()
        if session.number == 1:
            await session.trades(10)
            cut.set()
            raise TransientError("cut", provider=session.name)
        await session.trades(40)
        await settled()
        back.set()

    async def lagging(session):
        session.up()
        await session.ticks(make_quote(provider=session.name))
        await cut.wait()
        await back.wait()
        await session.trades(10, 20, 30, 40)

    text = MERGE.replace('"b", "c"', '"b"') + LEGS.replace("venue_one", "sparse").split("[providers.c]")[0]
    report = await play(
        feed(tmp_path, text + SINKS, HEAD, {"venues": sys.modules[__name__]}, a=first, b=lagging)
    )
    assert STAGE.sinks["main"].ids == [10, 40, 20, 30]
    assert not [gap for gap in of(Gap) if gap.channel == "trades"]
    assert report.suppressed["later copy"] == 2
    assert accounted(report)
