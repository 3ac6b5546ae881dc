"""What is kept of records: last values, counts, examples, marks, sentences, bars; all of it bounded."""

from decimal import Decimal
from typing import get_args

import msgspec
import pytest

from ticktrail import events
from ticktrail.events import (
    ClockMeasured,
    InstrumentQuarantined,
    InstrumentReleased,
    LegUp,
    OutageBegun,
    OutageEnded,
)
from ticktrail.model import Rejected, Suppressed, Undecodable, Violation
from ticktrail.plugin import Routed
from ticktrail.testing import make_gap, make_quote, make_switched, make_ticker, make_trade, one_of_each
from ticktrail_dashboard.state.board import MOST_ITEMS, MOST_MEASUREMENTS, Board
from ticktrail_dashboard.state.encoding import encode
from ticktrail_dashboard.state.instrument import MOST_MARKS, PAST_S, Instrument
from ticktrail_dashboard.state.latency import EDGES_US, view_latency
from ticktrail_dashboard.state.ticks import MOST_EXAMPLES, Ticks
from ticktrail_dashboard.state.views import view_row
from ticktrail_dashboard.state.violations import said
from ticktrail_dashboard.state.words import MOST_TEXT, say
from ticktrail_dashboard.view import Chart, ChartMark
from ticktrail_dashboard.web.files import load_files

SECOND = 1_000_000_000


class TooFar(Violation, frozen=True, tag="too_far"):
    price: Decimal
    limit: Decimal | None = None


def routed(*delivered, rejected=(), suppressed=()):
    return Routed(provider="one", recv_ns=1, delivered=delivered, rejected=rejected, suppressed=suppressed)


def rejected(tick, price="150"):
    return Rejected(tick=tick, violations=[TooFar(price=Decimal(price))])


def test_every_kind_of_tick_is_taken():
    """What has a price changes it; what only tells of the feed is no tick that was delivered of the instrument."""
    ticks = Ticks()
    every = one_of_each()
    ticks.see(routed(*every))
    told = [tick for tick in every if tick.counted_as not in ("gaps", "switches")]
    assert ticks.delivered == len(every)
    assert sum(instrument.delivered for instrument in ticks.instruments.values()) == len(told)


def test_the_last_values_are_those_of_the_last_tick():
    """Bid and ask come from quotes and tickers, the last price from trades and tickers too."""
    ticks = Ticks()
    ticks.see(routed(make_quote("1.10", "1.30", recv_ns=5), make_trade("1.2", recv_ns=6)))
    (instrument,) = ticks.instruments.values()
    row = view_row(instrument, 0)
    assert (row.last, row.bid, row.ask, row.spread) == ("1.2", "1.10", "1.30", "0.20")
    ticker = make_ticker(recv_ns=7)
    ticks.see(routed(ticker))
    assert (instrument.last, instrument.bid, instrument.ask) == (
        ticker.last,
        ticker.bid_price,
        ticker.ask_price,
    )
    assert instrument.at_ns == 7


def test_what_was_kept_back_is_counted_and_shown():
    """A reject counts for its instrument, with the numbers of the last few; what was suppressed changes nothing."""
    ticks = Ticks()
    ticks.know(["BTC/USDT"])
    ticks.see(routed(rejected=[rejected(make_trade(recv_ns=n * SECOND), n) for n in range(1, 11)]))
    ticks.see(routed(suppressed=[Suppressed(reason="standby", ticks=[make_trade("9")])]))
    instrument = ticks.instruments["BTC/USDT"]
    assert (instrument.rejected, instrument.delivered, instrument.last) == (10, 0, None)
    examples = ticks.examples()["too_far"]
    assert [example.said for example in examples] == ["price 8", "price 9", "price 10"]
    assert len(examples) == MOST_EXAMPLES
    assert [mark.kind for mark in instrument.chart(11 * SECOND).marks] == ["reject"] * 10


def test_what_is_no_tick_and_strange_instruments_make_no_rows():
    """Frames of nonsense are examples of their rule; a rejected tick of an unknown instrument is no new row."""
    ticks = Ticks()
    nonsense = Undecodable(provider="one", recv_ns=1, raw=b"\xff", reason="no JSON")
    ticks.see(routed(rejected=[rejected(nonsense), rejected(make_trade(instrument="X/Y"))]))
    assert ticks.instruments == {}
    assert [example.instrument for example in ticks.examples()["too_far"]] == ["", "X/Y"]


def test_switches_and_gaps_are_marks():
    """They say who spoke, and what is missing; many of them push out the oldest."""
    ticks = Ticks()
    ticks.see(routed(make_switched(recv_ns=SECOND), make_gap(recv_ns=2 * SECOND)))
    (instrument,) = ticks.instruments.values()
    chart = instrument.chart(3 * SECOND)
    assert [mark.kind for mark in chart.marks] == ["switch", "gap"]
    assert "in place of other" in chart.marks[0].text
    ticks.see(routed(*(make_gap(recv_ns=3 * SECOND) for _ in range(2 * MOST_MARKS))))
    assert [mark.kind for mark in instrument.chart(3 * SECOND).marks] == ["switch"] + ["gap"] * MOST_MARKS
    assert instrument.chart((4 + PAST_S) * SECOND).marks == []


def test_a_flood_of_rejects_pushes_no_switch_off_the_chart():
    """Marks of each kind have room of their own, and stand in order of time."""
    ticks = Ticks()
    ticks.see(routed(make_switched(recv_ns=2 * SECOND)))
    ticks.see(routed(rejected=[rejected(make_trade(recv_ns=n * SECOND)) for n in range(1, 2 * MOST_MARKS)]))
    marks = ticks.instruments["BTC/USDT"].chart(2 * MOST_MARKS * SECOND).marks
    assert [mark.kind for mark in marks] == ["switch"] + ["reject"] * MOST_MARKS
    assert [mark.at_ms for mark in marks] == sorted(mark.at_ms for mark in marks)


class Everything(Violation, frozen=True, tag="everything"):
    field: str
    price: Decimal
    last_price: Decimal | None
    max_price_jump: Decimal
    min_size: int
    age_ms: float
    latest_ns: int
    prices: dict[str, Decimal]
    locked: bool
    crossed: bool
    candidates: int


def test_what_a_rule_found_reads_as_words():
    """The value that was wrong comes first, by the name of its field; then limits, units, times and counts."""
    found = Everything(
        field="mid",
        price=Decimal(150),
        last_price=None,
        max_price_jump=Decimal("0.1"),
        min_size=1,
        age_ms=12.5,
        latest_ns=61_500_000_000,
        prices={"one": Decimal(1), "two": Decimal(2)},
        locked=False,
        crossed=True,
        candidates=3,
    )
    assert said(found) == (
        "mid 150: price jump at most 0.1, size at least 1, age 12.5 ms, latest 00:01:01.500 UTC, "
        "prices one 1 and two 2, crossed, 3 in a row agree"
    )
    assert said(TooFar(price=Decimal(8))) == "price 8"


def test_the_plugins_of_a_fresh_feed_are_one_item():
    """A time line that begins with a screen of plugins shows nothing else; one alone is told as ever."""

    def loaded(number):
        return events.PluginLoaded(
            at_ns=number, name=f"p{number}", distribution="d", version="1.0", sha256="0" * 64
        )

    board = Board()
    board.see([loaded(1), loaded(2)])
    board.see([loaded(3), LegUp(at_ns=4, provider="one", reconnects=0), loaded(5)])
    board.see([LegUp(at_ns=6, provider="one", reconnects=0)])
    assert [item.event for item in board.timeline] == ["plugin_loaded", "leg_up", "plugin_loaded", "leg_up"]
    assert [item.number for item in board.timeline] == [1, 2, 3, 4]
    assert board.timeline[0].text == "3 plugins are loaded: p1 1.0, p2 1.0, p3 1.0"
    assert board.timeline[2].about == "p5"


def test_text_that_is_no_utf8_is_told_all_the_same():
    """A folder's name may hold any bytes; a frame with it reads in a browser, and says what others say."""
    odd = ChartMark(at_ms=1, kind="gap", text=b"/data/\xff".decode("utf-8", "surrogateescape"))
    assert encode(Chart(instrument="A", at_ms=[1], marks=[odd])) == (
        b'{"instrument": "A", "at_ms": [1], "marks": [{"at_ms": 1, "kind": "gap", "text": "/data/\\udcff"}]}'
    )
    assert encode(Chart(instrument="Ä")) == '{"instrument":"Ä"}'.encode()


def test_the_past_is_a_ring():
    """The last points are kept, oldest first; what is unknown is null, and older ones are not shown."""
    instrument = Instrument("A")
    for second in range(1, PAST_S + 51):
        instrument.last = Decimal(second)
        instrument.sample(second)
    chart = instrument.chart((PAST_S + 50) * SECOND)
    assert chart.at_ms == [second * 1_000 for second in range(51, PAST_S + 51)]
    assert chart.last[0] == 51.0
    assert chart.bid == [None] * PAST_S
    later = instrument.chart((PAST_S + 100) * SECOND)
    assert later.at_ms[0] == 100 * 1_000


def test_a_point_is_made_of_what_moved():
    """An instrument of which nothing came gets none, whether somebody looks or not."""
    ticks = Ticks()
    ticks.see(routed(make_trade(instrument="A"), make_trade(instrument="B")))
    assert {instrument.name for instrument in ticks.take_changed()} == {"A", "B"}
    ticks.sample(1)
    ticks.see(routed(make_trade(instrument="A")))
    ticks.sample(2)
    assert {instrument.name for instrument in ticks.take_changed()} == {"A"}
    assert ticks.take_changed() == set()
    assert ticks.instruments["A"].chart(2 * SECOND).at_ms == [1_000, 2_000]
    assert ticks.instruments["B"].chart(2 * SECOND).at_ms == [1_000]


def test_instruments_come_and_go_with_the_feed():
    """Those that a feed has no more are told once, and kept no more."""
    ticks = Ticks()
    assert ticks.know(["A", "B"]) == []
    assert ticks.know(["B", "C"]) == ["A"]
    assert set(ticks.instruments) == {"B", "C"}
    assert {instrument.name for instrument in ticks.take_changed()} == {"B", "C"}


def test_the_state_of_an_instrument_follows_what_happened():
    """Nothing yet, live, quiet, out, quarantined: as events and the time say."""
    board = Board()
    board.ticks.know(["BTC/USDT", "ETH/USDT"])
    row = lambda fresh_from_ns=0: view_row(board.ticks.instruments["BTC/USDT"], fresh_from_ns).state  # noqa: E731
    assert row() == "waiting"
    board.see([routed(make_trade(recv_ns=10, provider="one"))])
    assert (row(), row(11)) == ("live", "quiet")
    board.see([OutageBegun(at_ns=1, legs={"one": "down"})])
    assert row() == "out"
    board.see([OutageEnded(at_ns=1, provider="one", lasted_s=1, instruments=["BTC/USDT"])])
    assert row() == "live"
    assert board.ticks.instruments["ETH/USDT"].is_out
    on_other = {"at_ns": 1, "instrument": "BTC/USDT", "rule": "too_far", "provider": "two"}
    board.see([InstrumentQuarantined(**on_other)])
    assert row() == "live"
    board.see([InstrumentQuarantined(**on_other | {"provider": None})])
    assert row() == "quarantined"
    board.see([InstrumentReleased(**on_other | {"provider": None})])
    assert row() == "live"


def test_what_happened_before_anybody_looked_is_known():
    """An instrument of which nothing came is out, or in quarantine, though no page was open when that was told."""
    board = Board()
    state = lambda name: view_row(board.ticks.instruments[name], 0).state  # noqa: E731
    board.see([OutageBegun(at_ns=1, legs={"one": "down"})])
    board.see([OutageEnded(at_ns=2, provider="one", lasted_s=1, instruments=["B"])])
    board.see([InstrumentQuarantined(at_ns=3, instrument="B", rule="too_far", provider=None)])
    board.ticks.know(["A", "B"])
    assert (state("A"), state("B")) == ("out", "quarantined")
    board.ticks.know(["A", "B", "C"])
    assert state("C") == "waiting"
    board.see([OutageBegun(at_ns=4, legs={"one": "down"})])
    board.ticks.know(["A", "B", "C", "D"])
    assert (state("C"), state("D")) == ("out", "waiting")


def test_the_time_line_and_the_clock_s_past_are_bounded():
    """A run of weeks keeps the last of them; numbers go on."""
    board = Board()
    board.see([LegUp(at_ns=n, provider="one", reconnects=n) for n in range(MOST_ITEMS + 10)])
    measured = {"server": "a", "offset_ns": 1_500_000, "bound_ns": 500_000, "in_tolerance": True}
    board.see([ClockMeasured(at_ns=n, **measured) for n in range(MOST_MEASUREMENTS + 10)])
    assert len(board.timeline) == MOST_ITEMS
    assert board.newest == MOST_ITEMS + MOST_MEASUREMENTS + 20
    assert len(board.clock_past) == MOST_MEASUREMENTS
    assert board.clock_past[0][1:] == (1.5, 0.5)
    assert [item.number for item in board.timeline_after(board.newest - 2)] == [
        board.newest - 1,
        board.newest,
    ]


def example_of(kind):
    """Return an event with something in every field."""
    return msgspec.convert(
        {field.name: value_of(field.type) for field in msgspec.structs.fields(kind)} | kept(kind), kind
    )


def kept(kind):
    return {kind.__struct_config__.tag_field: kind.__struct_config__.tag}


def value_of(kind):
    """Return some value of a type, long texts among them."""
    info = msgspec.inspect.type_info(kind)
    return _value(info)


def _value(info):
    match info:
        case msgspec.inspect.UnionType():
            return _value(next(kind for kind in info.types if not isinstance(kind, msgspec.inspect.NoneType)))
        case msgspec.inspect.LiteralType():
            return info.values[0]
        case msgspec.inspect.StrType():
            return "word_" * 200
        case msgspec.inspect.BoolType():
            return True
        case msgspec.inspect.IntType() | msgspec.inspect.FloatType():
            return 7
        case msgspec.inspect.DecimalType():
            return Decimal("1.5")
        case msgspec.inspect.CollectionType() | msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
            return [_value(info.item_type)] * 5
        case msgspec.inspect.TupleType():
            return [_value(one) for one in info.item_types]
        case msgspec.inspect.DictType():
            return {
                _value(info.key_type)
                if isinstance(info.key_type, msgspec.inspect.IntType)
                else "one": _value(info.value_type)
            }
        case msgspec.inspect.StructType():
            return {field.encode_name: _value(field.type) for field in info.fields} | (
                {} if info.tag is None else {info.tag_field: info.tag}
            )
        case _:
            return "x"


@pytest.mark.parametrize("kind", get_args(events.Event), ids=lambda kind: kind.__name__)
def test_every_event_has_a_sentence(kind):
    """None falls back to its bare name; none is longer than a line or two, however long what it tells of is."""
    event = example_of(kind)
    saying = say(event)
    assert saying.kind in ("feed", "leg", "route", "rule", "sink", "clock", "person", "notice")
    assert saying.tone in ("plain", "good", "warning", "bad")
    assert 0 < len(saying.text) <= MOST_TEXT
    assert saying.text != kind.__struct_config__.tag.replace("_", " ")


def test_latency_is_in_bars_with_its_percentiles():
    """Each tick is in one bar; without a tick there is none."""
    assert view_latency([]) is None
    view = view_latency([(40.0, 50), (150.0, 45), (99_000_000.0, 5)])
    assert sum(view.counts) == 100
    assert (view.counts[0], view.counts[2], view.counts[-1]) == (50, 45, 5)
    assert len(view.counts) == len(EDGES_US) + 1
    assert (view.p50_us, view.p90_us, view.p99_us) == (40.0, 150.0, 99_000_000.0)


def test_every_file_of_the_page_has_a_type():
    """The page stands at its root, and a file's tag is that of its bytes."""
    files = load_files()
    assert files["index.html"].media_type == "text/html; charset=utf-8"
    assert len({file.etag for file in files.values()}) == len({file.body for file in files.values()})
