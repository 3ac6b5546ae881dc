"""A merge: one best bid and offer of all legs, every venue's trades once, books and bars of the one who leads."""

from decimal import Decimal

import msgspec
import pytest

from ticktrail._routes.merge import MergeArbiter, MergeSettings
from ticktrail.model import Flagged, Gap, Quote
from ticktrail.plugin import Batch, Forward, RouteContext, Suppress, Switch
from ticktrail.testing import (
    make_bar,
    make_book_delta,
    make_correction,
    make_gap,
    make_quote,
    make_status,
    make_ticker,
    make_trade,
)
from unit.routes.laws import BTC, ETH, LEGS, NAMES, Bad, S, batch

LIMITS_S = {"quotes": 1.0, "ticker": 2.0, "book": 1.0}
SAME = {"a": "one", "b": "one", "c": "two"}


def arbiter(legs=3, spaces=None, channels=("trades", "quotes", "ticker"), **more):
    settings = MergeSettings(
        legs=LEGS[:legs], **{"stale_after_s": LIMITS_S, "failback_after_s": 3.0, "start_grace_s": 1.0, **more}
    )
    context = RouteContext(
        children=LEGS[:legs],
        channels=frozenset(channels),
        instruments=NAMES,
        id_spaces=dict.fromkeys(LEGS[:legs]) if spaces is None else spaces,
    )
    return MergeArbiter(settings, context)


class Stage:
    """A merge whose legs are up; what is delivered and what is suppressed, of each call."""

    def __init__(self, legs=3, **more):
        self.node = arbiter(legs, **more)
        for number in range(legs):
            self.node.on_up(number, 0)

    def at(self, seconds, child, *ticks, session=0, flagged=()):
        ns = round(seconds * S)
        ticks = [msgspec.structs.replace(tick, provider=LEGS[child], recv_ns=ns) for tick in ticks]
        given = Batch(
            provider=LEGS[child],
            recv_ns=ns,
            mono_ns=ns,
            session_ns=round(session * S),
            ticks=ticks,
            flagged=flagged,
        )
        return split(self.node.on_batch(child, given, ns))

    def time(self, seconds):
        return split(self.node.on_time(round(seconds * S)))

    def down(self, seconds, child):
        return split(self.node.on_down(child, "cut", round(seconds * S)))


def split(rulings):
    out = [tick for one in rulings if isinstance(one, Forward) for tick in one.batch.ticks]
    held = [(one.reason, tick) for one in rulings if isinstance(one, Suppress) for tick in one.batch.ticks]
    return out, held


def best(tick):
    """A consolidated quote, short: price@size of whom, a side each."""
    return (
        f"{tick.bid_price}@{tick.bid_size} {tick.bid_provider}",
        f"{tick.ask_price}@{tick.ask_size} {tick.ask_provider}",
    )


def quote(bid, ask, name=BTC, **more):
    return make_quote(bid, ask, instrument=name, **more)


def shown(found):
    out, _ = found
    return [best(tick) for tick in out]


def test_the_best_of_each_side_with_its_own_size():
    """The highest bid and the lowest ask, whosever they are; what changes neither is told as consolidated."""
    stage = Stage()
    assert shown(stage.at(0.1, 0, quote("99", "103"))) == [("99@2 a", "103@3 a")]
    assert shown(stage.at(0.2, 1, quote("100", "104", bid_size="7"))) == [("100@7 b", "103@3 a")]
    out, held = stage.at(0.3, 2, quote("98", "105"))
    assert not out
    assert [reason for reason, _ in held] == ["consolidated"]
    assert shown(stage.at(0.4, 1, quote("97", "102"))) == [("99@2 a", "102@3 b")]


def test_at_equal_prices_the_leg_that_stands_earlier_has_the_side():
    """With its own size, whoever came first."""
    stage = Stage()
    stage.at(0.1, 1, quote("99", "101", bid_size="5"))
    assert shown(stage.at(0.2, 0, quote("99.0", "101.5", bid_size="1"))) == [("99.0@1 a", "101@3 b")]


def test_a_consolidated_quote_stands_for_the_one_that_changed_it():
    """It has that one's times and leg, and its place in the batch; no venue's number."""
    stage = Stage()
    stage.at(0.1, 0, quote("99", "103"))
    ticks = [make_trade(id=1), quote("100", "104", update_id=9, event_ns=77), make_trade(id=2)]
    out, held = stage.at(0.2, 1, *ticks)
    assert [tick.counted_as for tick in out] == ["trades", "quotes", "trades"]
    assert not held
    tick = out[1]
    assert (tick.provider, tick.event_ns, tick.recv_ns, tick.update_id) == ("b", 77, S // 5, None)
    assert tick.is_consolidated


def test_the_same_quote_again_is_shown_once():
    """Also where only its digits differ."""
    stage = Stage()
    assert shown(stage.at(0.1, 0, quote("99", "101")))
    assert not shown(stage.at(0.2, 0, quote("99.00", "101.0")))


def test_a_leg_that_goes_down_takes_its_quotes_along():
    """At once, by ticks that no leg brought; the last one leaves a gap, and its first word after it is shown."""
    stage = Stage(2)
    stage.at(0.1, 0, quote("99", "103"), quote("9", "11", ETH))
    stage.at(0.2, 1, quote("100", "102"))
    rulings = stage.node.on_down(1, "cut", S)
    (made,) = [one.batch for one in rulings]
    assert made.derived
    (tick,) = made.ticks
    assert best(tick) == ("99@2 a", "103@3 a")
    assert (tick.provider, tick.event_ns, tick.recv_ns, made.mono_ns) == ("a", None, S, S)
    out, _ = stage.down(1.05, 0)
    assert [(gap.instrument, gap.provider, gap.channel, gap.cause, gap.to_ns) for gap in out] == [
        (BTC, "a", "quotes", "down: cut", None),
        (ETH, "a", "quotes", "down: cut", None),
    ]
    assert out[0].from_ns == S // 10
    stage.node.on_up(1, 2 * S)
    assert shown(stage.at(2.1, 1, quote("100", "102"))) == [("100@2 b", "102@3 b")]


def test_a_quote_that_is_too_old_is_left_out_by_time():
    """Whether a leg went silent on one instrument or on all; where nobody is left, a gap says since when."""
    stage = Stage(2)
    stage.at(0.1, 0, quote("100", "101"))
    stage.at(0.5, 1, quote("99", "102"))
    assert stage.node.deadline_ns() == round(1.1 * S) + 1
    assert stage.time(1.1) == ([], [])
    out, _ = split(stage.node.on_time(round(1.1 * S) + 1))
    assert [best(tick) for tick in out] == [("99@2 b", "102@3 b")]
    out, _ = stage.time(1.6)
    assert [(gap.cause, gap.from_ns) for gap in out] == [("stale", S // 2)]
    assert stage.node.deadline_ns() is None


def test_an_empty_side_is_nobodys():
    """Price 0 and size 0, or no number; a leg with two of them has no quote, and the last of all leaves a gap."""
    stage = Stage(2)
    empty = {"bid_size": "0", "ask_size": "0"}
    assert shown(stage.at(0.1, 0, quote("0", "101", bid_size="0"))) == [("0@0 None", "101@3 a")]
    assert shown(stage.at(0.2, 1, quote("99", "NaN"))) == [("99@2 b", "101@3 a")]
    assert shown(stage.at(0.3, 0, quote("0", "0", **empty))) == [("99@2 b", "0@0 None")]
    out, held = stage.at(0.4, 1, quote("sNaN", "0", ask_size="0"))
    assert [tick.cause for tick in out] == ["empty"]
    assert [reason for reason, _ in held] == ["consolidated"]


def test_a_market_that_is_crossed_between_venues_is_delivered_and_marked():
    """A bid above another venue's ask, or equal to it: real, and a finding each time that it changes."""
    stage = Stage(2)
    stage.at(0.1, 0, quote("100", "101"))
    for at, ask, locked in [(0.2, "99", False), (0.3, "100", True)]:
        given = batch(1, round(at * S), quote("98", ask, provider="b"))
        (ruling,) = stage.node.on_batch(1, given, given.mono_ns)
        (tick,) = ruling.batch.ticks
        (found,) = ruling.batch.flagged
        assert tick.flagged
        assert found.tick == tick
        (violation,) = found.violations
        assert (violation.bid_provider, violation.ask_provider, violation.locked) == ("a", "b", locked)
    out, _ = stage.at(0.4, 1, quote("98", "102"))
    assert not out[0].flagged


def test_what_a_rule_found_goes_with_the_quote():
    """The finding keeps the leg's own tick, and the quote that stands for it is marked."""
    stage = Stage(2)
    marked = msgspec.structs.replace(quote("99", "101"), flagged=True, provider="a", recv_ns=S)
    found = Flagged(tick=marked, violations=(Bad(),))
    whole = Batch(provider="a", recv_ns=S, mono_ns=S, session_ns=0, ticks=[marked], flagged=[found])
    (ruling,) = stage.node.on_batch(0, whole, S)
    assert ruling.batch.flagged == [found]
    assert ruling.batch.ticks[0].flagged
    again = msgspec.structs.replace(whole, mono_ns=S + 1)
    (ruling,) = stage.node.on_batch(0, again, S + 1)
    assert isinstance(ruling, Suppress)
    assert ruling.batch.flagged == [found]


def test_what_was_rejected_goes_along_once():
    """With the first part, also of a batch that holds nothing else."""
    stage = Stage(2)
    stage.at(0.1, 0, quote("99", "101"))
    for ticks in [(), (quote("98", "102"),), (quote("98", "102"), make_trade(), make_book_delta())]:
        rulings = stage.node.on_batch(1, batch(1, S, *ticks, bad=[BTC]), S)
        assert sum(len(one.batch.rejected) for one in rulings) == 1


def test_the_legs_of_one_venue_have_one_quote():
    """The newest by its number; a copy changes nothing, whichever leg brings it first."""
    stage = Stage(spaces=SAME)
    assert shown(stage.at(0.1, 0, quote("99", "103", update_id=5))) == [("99@2 a", "103@3 a")]
    assert shown(stage.at(0.2, 1, quote("98", "104", update_id=6))) == [("98@2 b", "104@3 b")]
    assert not shown(stage.at(0.3, 0, quote("98", "104", update_id=6)))
    assert not shown(stage.at(0.4, 0, quote("97", "105", update_id=4)))
    assert shown(stage.at(0.5, 2, quote("97", "103.5", update_id=1))) == [("98@2 b", "103.5@3 c")]
    assert shown(stage.down(0.6, 1)) == [("98@2 a", "103.5@3 c")]  # it has the newest too


def test_the_legs_of_one_venue_bring_each_trade_once():
    """The first copy is delivered, by number or by name; a correction too. Another venue's trades are its own."""
    stage = Stage(spaces=SAME)
    ticks = [make_trade(id=5), make_trade(id="P:6"), make_correction(original_id=5)]
    assert len(stage.at(0.1, 1, *ticks)[0]) == 3
    out, held = stage.at(0.2, 0, *ticks, make_trade(id=7))
    assert [tick.id for tick in out] == [7]
    assert [reason for reason, _ in held] == ["later copy"] * 3
    assert len(stage.at(0.3, 2, *ticks)[0]) == 3


def test_a_leg_that_comes_back_has_missed_nothing_while_another_listened():
    """So that continuity marks no hole in what the legs of one venue bring together."""
    node = Stage(spaces=SAME).node

    def session_of(seconds, child, session):
        given = batch(child, round(seconds * S), make_trade(id=round(seconds * 10), provider=LEGS[child]))
        (ruling,) = node.on_batch(
            child, msgspec.structs.replace(given, session_ns=session * S), given.mono_ns
        )
        return ruling.batch.session_ns // S

    assert [session_of(1, 0, 0), session_of(2, 1, 1)] == [0, 0]
    node.on_down(1, "cut", 3 * S)
    assert session_of(5, 1, 4) == 0
    node.on_down(0, "cut", 6 * S)
    assert session_of(7, 1, 4) == 0
    node.on_down(1, "cut", 8 * S)
    assert session_of(10, 0, 9) == 9
    assert session_of(11, 2, 8) == 8


def test_the_newest_ticker_goes_on():
    """By the venues' times; one that is lost, or has been silent for long, keeps nobody back."""
    stage = Stage()

    def goes_on(seconds, child, event_ns):
        return bool(stage.at(seconds, child, make_ticker(event_ns=event_ns))[0])

    assert [goes_on(0.1, 0, 50), goes_on(0.2, 1, 40), goes_on(0.3, 1, 60), goes_on(0.4, 0, 60)] == [
        1,
        0,
        1,
        0,
    ]
    assert goes_on(0.5, 1, 10)  # a leg's own next one
    assert goes_on(0.6, 2, None)
    assert [goes_on(0.7, 0, 90), goes_on(0.8, 1, 80)] == [1, 0]
    stage.down(0.9, 0)
    assert goes_on(1.0, 1, 80)
    assert [goes_on(2.9, 2, 70), goes_on(3.1, 2, 70)] == [0, 1]


def test_what_each_leg_brings_for_itself_goes_on():
    """Status, and a gap of trades; a gap of one leg's quotes is none of the consolidated ones."""
    stage = Stage()
    for child in (0, 1):
        out, held = stage.at(0.1, child, make_status(), make_gap(), make_gap(channel="quotes"))
        assert [tick.counted_as for tick in out] == ["status", "gaps"]
        assert [reason for reason, _ in held] == ["consolidated"]


def leads(rulings):
    return [(one.from_child, one.to_child, one.cause) for one in rulings if isinstance(one, Switch)]


def test_books_and_bars_are_of_the_one_who_leads():
    """The first that is up; the others' are held back, and delivered where it is lost. It is back when it is well."""
    stage = Stage(channels=("trades", "book", "bars"))
    out, _ = stage.at(0.1, 0, make_book_delta(), make_trade(id=1), make_bar())
    assert [tick.counted_as for tick in out] == ["book", "trades", "bars"]
    out, held = stage.at(0.2, 1, make_book_delta(), make_trade(id=2), make_bar())
    assert [tick.counted_as for tick in out] == ["trades"]
    assert not held
    rulings = stage.node.on_down(0, "cut", S // 2)
    assert leads(rulings) == [(0, 1, "down: cut")]
    assert [tick.counted_as for tick in split(rulings)[0]] == ["book", "bars"]
    stage.node.on_up(0, S)
    stage.at(1.1, 0, make_book_delta())
    found = []
    for tenths in range(11, 60):
        stage.at(tenths / 10, 0, make_book_delta())
        stage.at(tenths / 10, 1, make_book_delta())
        found += [(tenths, *one) for one in leads(stage.node.on_time(tenths * S // 10))]
    assert found == [(41, 1, 0, "failback")]


def test_who_is_silent_on_its_book_leads_no_more():
    """While another one brings it; and the others wait for a first one that has not connected for a while only."""
    stage = Stage(channels=("book",))
    stage.at(0.1, 0, make_book_delta())
    stage.at(0.9, 1, make_book_delta())
    assert leads(stage.node.on_time(S)) == []
    stage.at(1.2, 1, make_book_delta())
    assert leads(stage.node.on_time(round(1.25 * S))) == [(0, 1, "silent: book")]
    node = arbiter(channels=("book",))
    node.on_up(1, 0)
    assert leads(node.on_time(S // 2)) == []
    assert leads(node.on_time(S)) == [(0, 1, "not up")]


def test_where_nothing_is_led_nobody_switches():
    """A feed of trades and quotes has no speaker to lose."""
    stage = Stage()
    assert stage.node.on_down(0, "cut", S) == []
    assert stage.node.deadline_ns() is None
    assert stage.node.up
    stage.node.on_down(1, "cut", S)
    stage.node.on_down(2, "cut", S)
    assert not stage.node.up


def test_what_was_fetched_afterwards_says_nothing_of_now():
    """A quote of the past is no best one."""
    stage = Stage()
    old = msgspec.structs.replace(quote("200", "201"), backfilled=True)
    out, held = stage.at(0.1, 0, old)
    assert not out
    assert [reason for reason, _ in held] == ["consolidated"]


def test_the_marks_of_a_quote_are_kept():
    """One made-up side makes it synthetic; a leg that serves another instrument is told."""
    stage = Stage()
    stage.at(0.1, 0, msgspec.structs.replace(quote("99", "103"), synthetic=True, equivalent_of="BTC/USD"))
    (tick,), _ = stage.at(0.2, 1, quote("100", "104"))
    assert (tick.synthetic, tick.equivalent_of) == (True, "BTC/USD")
    (tick,), _ = stage.at(0.3, 1, quote("100", "102"))
    assert (tick.synthetic, tick.equivalent_of) == (False, None)


def test_a_merge_below_a_merge_names_the_legs():
    """A consolidated quote keeps whose its sides are, and is one voice."""
    stage = Stage(2, spaces={"a": "one", "b": "one"})
    inner = msgspec.structs.replace(quote("99", "101"), bid_provider="x", ask_provider="y")
    assert shown(stage.at(0.1, 0, inner)) == [("99@2 x", "101@3 y")]
    assert shown(stage.at(0.2, 1, quote("100", "102"))) == [("100@2 b", "101@3 y")]


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ({"legs": ("a",)}, "legs: names less than two children"),
        ({"legs": ("a", "b"), "stale_after_s": {"trades": 3.0}}, "has no meaning for trades"),
    ],
)
def test_what_makes_no_sense_is_refused(table, fault):
    """With what to write."""
    with pytest.raises(ValueError, match=fault):
        MergeSettings(**table)


def test_no_consolidated_number_is_rounded():
    """The digits are the venue's own, however many."""
    stage = Stage()
    long = "1" * 40 + "." + "2" * 40
    (tick,), _ = stage.at(0.1, 0, quote("1", long))
    assert tick.ask_price == Decimal(long)
    assert isinstance(tick, Quote)
    assert not isinstance(tick, Gap)


def test_a_venue_that_counts_anew_is_not_taken_for_copies():
    """Without event times too: what a leg brings again itself is continuity's to judge, and copies are of seconds."""
    stage = Stage(spaces=SAME)
    for child in (0, 1):
        stage.at(0.1, child, *(make_trade(id=number, event_ns=None) for number in range(1, 4)))

    def goes_on(seconds, child, *ids):
        return [
            tick.id for tick in stage.at(seconds, child, *(make_trade(id=n, event_ns=None) for n in ids))[0]
        ]

    assert goes_on(1, 0, 1, 2) == [1, 2]  # a new count: of each trade one copy again
    assert goes_on(1.1, 1, 1, 2, 3) == [3]
    assert goes_on(1.2, 0, 3) == []
    assert goes_on(20, 0, 9) == [9]
    assert goes_on(40, 1, 9, 10) == [10]  # it lags by 20 s
    stage.at(41, 0, make_trade(id=11, event_ns=None))
    assert goes_on(80, 1, 11) == [11]  # the other leg's trade of that number is long ago
    correction = make_correction(original_id=5)
    assert [len(stage.at(at, child, correction)[0]) for at, child in [(81, 0), (82, 0), (140, 1)]] == [
        1,
        0,
        0,
    ]


@pytest.mark.parametrize("older", [{"update_id": 4}, {"event_ns": 4}, {"update_id": 4, "event_ns": 9}])
def test_no_older_quote_of_a_venue_follows_on_a_newer_one(older):
    """By its number, or by its time where it has none: not of the same leg, nor of another, nor after a loss."""
    newer, newest = ({key: value + step for key, value in older.items()} for step in (1, 2))
    older, newer, newest = ({"event_ns": None, **what} for what in (older, newer, newest))
    for second in (0, 1):
        stage = Stage(spaces=SAME)
        stage.at(0.1, 0, quote("99", "103", **newer))
        assert not shown(stage.at(0.2, second, quote("100", "102", **older)))
        assert shown(stage.at(0.3, second, quote("101", "102", **newest)))
    out, _ = stage.down(0.4, 1)  # what is left of the first leg is older than what was shown
    assert [(gap.channel, gap.cause) for gap in out] == [("quotes", "down: cut")]
    assert not shown(stage.at(0.5, 0, quote("99", "103", **newer)))
    assert shown(stage.at(0.6, 0, quote("98", "102", **newest))) == [("98@2 a", "102@3 a")]


def test_an_empty_quote_is_the_venues_newest_word_too():
    """What another leg of it brought before is no longer so."""
    stage = Stage(spaces=SAME)
    stage.at(0.1, 0, quote("99", "103", update_id=1))
    out, _ = stage.at(0.2, 1, quote("0", "0", bid_size="0", ask_size="0", update_id=2))
    assert [tick.cause for tick in out] == ["empty"]
    assert not shown(stage.at(0.3, 0, quote("99", "103", update_id=1)))


@pytest.mark.parametrize(
    ("at", "first", "then", "session"),
    [
        (
            0.2,
            {"update_id": 90, "event_ns": 1},
            {"update_id": 1, "event_ns": 2},
            0,
        ),  # later by the venue's time
        (
            0.9,
            {"update_id": 90, "event_ns": None},
            {"update_id": 1, "event_ns": None},
            0.5,
        ),  # a session since
        (1.2, {"update_id": 90, "event_ns": None}, {"update_id": 1, "event_ns": None}, 0),  # a silence
        (
            1.2,
            {"update_id": None, "event_ns": 90},
            {"update_id": None, "event_ns": 1},
            0,
        ),  # its clock was fast
    ],
)
def test_a_venue_that_counts_its_quotes_anew_is_followed(at, first, then, session):
    """By its time where it gives one, in a later session, or once the newest is too old to count."""
    stage = Stage(spaces=SAME)
    stage.at(0.1, 0, quote("99", "103", **first))
    assert shown(stage.at(at, 1, quote("98", "104", **then), session=session)) == [("98@2 b", "104@3 b")]


def test_legs_of_which_nobody_shares_the_ids_have_numbers_of_their_own():
    """Also below one child, where one speaks for another."""
    stage = Stage(2)
    stage.at(0.1, 0, quote("99", "103", update_id=90))
    other = msgspec.structs.replace(quote("98", "104", update_id=1), provider="x", recv_ns=S // 5)
    given = Batch(provider="x", recv_ns=S // 5, mono_ns=S // 5, session_ns=0, ticks=[other])
    assert shown(split(stage.node.on_batch(0, given, S // 5))) == [("98@2 x", "104@3 x")]


def book(name):
    return msgspec.structs.replace(make_book_delta(), instrument=name)


def test_the_book_of_one_instrument_is_of_who_brings_it():
    """Where the one who leads brings none of it, or no more, while it brings others; and its again once it does."""
    stage = Stage(channels=("trades", "book"))
    node, found = stage.node, []

    def run(start, end, *, first=(), second=()):
        out = []
        for tenths in range(start, end):
            for child, names in enumerate((first, second)):
                for name in names:
                    ticks = book(name), make_trade(id=tenths, instrument=name)
                    out += stage.at(tenths / 10, child, *ticks)[0]
            found.extend(
                (tenths, one.from_child, one.to_child, one.cause, one.instruments)
                for one in node.on_time(tenths * S // 10)
                if isinstance(one, Switch)
            )
        return [tick for tick in out if tick.counted_as == "book"]

    books = run(1, 20, first=[BTC], second=[BTC, ETH])
    assert found == [(11, 0, 1, "silent: book", frozenset({ETH}))]
    assert {(tick.provider, tick.instrument) for tick in books} == {("a", BTC), ("b", ETH)}
    assert node.describe() == {"books and bars": "a", "books and bars of b": ETH}
    books = run(20, 50, first=[BTC, ETH], second=[BTC, ETH])
    assert found[1:] == []
    run(50, 54, first=[BTC, ETH], second=[BTC, ETH])
    assert found[1:] == [(50, 1, 0, "failback", frozenset({ETH}))]
    assert node.describe() == {"books and bars": "a"}


def test_who_leads_one_instrument_and_is_lost_hands_it_to_who_brings_it():
    """The other instruments stay where they are; trades of all legs go on wherever the books are."""
    stage = Stage(channels=("trades", "book"))
    for tenths in range(1, 20):
        stage.at(tenths / 10, 0, make_book_delta())
        for child in (1, 2):
            stage.at(tenths / 10, child, book(ETH))
        stage.time(tenths / 10)
    out, held = stage.at(2, 0, make_trade(id=1, instrument=ETH), make_book_delta(), make_trade(id=2))
    assert {tick.counted_as for tick in out} == {"trades", "book"}
    assert not held
    rulings = stage.node.on_down(1, "cut", 2 * S)
    assert [(one.to_child, one.instruments) for one in rulings if isinstance(one, Switch)] == [(2, {ETH})]
    rulings = stage.node.on_down(2, "cut", 2 * S)
    assert leads(rulings) == [(2, 0, "down: cut")]


def kept_of(node):
    """Return of which instruments a merge keeps anything."""
    names = {name for _, name in node._copies._seen}
    names |= node._quotes._voices.keys() | node._quotes._newest.keys() | node._tickers._last.keys()
    for child in node._lead._children:
        names |= child.heard_ns.keys() | child._by_instrument.keys() | {name for name, _ in child.unanswered}
    return names


def test_of_a_name_that_nobody_asked_for_nothing_is_kept():
    """A broken venue may name any: what it brings of them goes on as it is, and memory stays as it was."""
    stage = Stage(
        legs=2, spaces=dict.fromkeys(LEGS[:2], "one"), channels=("trades", "quotes", "ticker", "book")
    )

    def all_of(name):
        made = (make_trade(), make_quote(), make_ticker(), make_book_delta())
        return [msgspec.structs.replace(tick, instrument=name) for tick in made]

    for number in range(100):
        ticks = all_of(f"X{number}/USDT")
        out, held = stage.at(1 + number / 100, 0, *ticks)
        assert len(out) + len(held) == len(ticks)
    assert kept_of(stage.node) == set()
    stage.at(3, 0, *all_of(BTC))
    assert kept_of(stage.node) == {BTC}
    stage.node.reassign([ETH], 4 * S)
    stage.at(5, 0, *all_of(BTC), *all_of(ETH))
    assert kept_of(stage.node) == {ETH}
