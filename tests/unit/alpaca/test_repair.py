"""What was missed between two connections: from where to where it is asked for, when that was all, and what waits."""

import json
from contextlib import asynccontextmanager

import msgpack
import pytest

from ticktrail.events import VenueTrouble
from ticktrail.model import BookDelta, BookSnapshot, Correction, Gap, Trade, Undecodable
from ticktrail.testing import ManualClock
from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_alpaca.live import repair as repairs
from ticktrail_alpaca.live.repair import Repair
from ticktrail_alpaca.notes import ConnectedNote, MissedNote, write_note
from ticktrail_alpaca.rest.client import RestClient
from unit.alpaca.rest_venue import KEY_ID, SECRET_KEY, Archive, context, http, serving, settings_of

anyio_test = pytest.mark.anyio
DAY = "2026-07-17"
NOON_NS = moment_ns(f"{DAY}T16:00:00Z")
CONNECTED = write_note(ConnectedNote(asked_for=["AAPL", "MSFT"], number=1))


@pytest.fixture(autouse=True)
def _keys(monkeypatch):
    monkeypatch.setenv("TEST_KEY_ID", KEY_ID)
    monkeypatch.setenv("TEST_SECRET_KEY", SECRET_KEY)
    monkeypatch.setattr(repairs, "NOT_YET_S", 0.1)


def trade(number, at, day=DAY, price=190.1, **more):
    return {"T": "t", "S": "AAPL", "i": number, "x": "V", "p": price, "s": 3, "c": ["@"], "z": "C",
            "t": f"{day}T{at}Z", **more}  # fmt: skip


def corrected(original, new, at, price=190.2):
    return {"T": "c", "S": "AAPL", "x": "V", "oi": original, "op": 190.1, "os": 3, "ci": new, "cp": price, "cs": 3,
            "t": f"{DAY}T{at}Z"}  # fmt: skip


def frames(*messages):
    return [json.dumps([message]).encode() for message in messages]


def decoder(*symbols, channels=("trades",)):
    names = symbols or ("AAPL",)
    return AlpacaDecoder({name: name for name in names}, frozenset(channels), "leg")


def told(ticks):
    return [
        "gap" if isinstance(tick, Gap) else tick.id for tick in ticks if not isinstance(tick, Undecodable)
    ]


class Telling:
    """An intake that only listens to what it is told."""

    def __init__(self):
        self.events = []

    def tell(self, event):
        self.events.append(event)


@asynccontextmanager
async def repairing(reader, archive, *, clock=None, number=1, **settings):
    """A repair at a REST server; what it brings is decoded at once. Gives it with its client and what came."""
    out, listener = [], Telling()

    async def hand_on(payloads):
        out.extend(reader.decode(payloads, 1))

    async with serving(archive.answer) as venue:
        own = settings_of(venue.url, repair_s=3.0, **settings)
        asked = context(clock=clock or ManualClock(now_ns=NOON_NS))
        async with RestClient(own, "leg", asked.clock, None) as client:
            yield Repair(reader, own, asked, listener, hand_on, number), client, out, listener, venue


def archive_of(*rows):
    return Archive({("trades", "AAPL"): sorted(rows, key=lambda row: moment_ns(row["t"]))})


@anyio_test
async def test_a_trade_told_late_is_found():
    """It lies before the newest one: the question begins some seconds earlier."""
    first, newest = trade(1, "15:59:30"), trade(3, "15:59:40.010")
    reader = decoder()
    reader.decode([*frames(first, newest), CONNECTED, *frames(trade(5, "15:59:50"))], 1)
    archive = archive_of(first, trade(2, "15:59:40.005"), newest, trade(4, "15:59:45"), trade(5, "15:59:50"))
    async with repairing(reader, archive) as (repair, client, out, listener, _):
        await repair.catch_up(client)
    assert told(out) == ["V:2", "V:4", "V:5"]
    assert listener.events == []


@anyio_test
async def test_nothing_from_before_the_first_trade_is_asked_for():
    """What went before this leg began is not missing."""
    first = trade(2, "15:59:39")
    reader = decoder()
    reader.decode([*frames(first), CONNECTED], 1)
    archive = archive_of(trade(1, "15:59:38"), first, trade(3, "15:59:41"))
    async with repairing(reader, archive) as (repair, client, out, _, _):
        await repair.catch_up(client)
    assert told(out) == ["V:3"]


@anyio_test
@pytest.mark.parametrize("behind_s", [0, 60, 86_400])
async def test_a_clock_that_is_behind_hides_nothing(behind_s):
    """The venue's own times say how far to ask."""
    reader = decoder()
    reader.decode([*frames(trade(1, "15:59:30")), CONNECTED, *frames(trade(3, "15:59:50"))], 1)
    archive = archive_of(trade(1, "15:59:30"), trade(2, "15:59:40"), trade(3, "15:59:50"))
    clock = ManualClock(now_ns=NOON_NS - behind_s * 10**9)
    async with repairing(reader, archive, clock=clock) as (repair, client, out, _, _):
        await repair.catch_up(client)
    assert told(out) == ["V:2", "V:3"]


@anyio_test
async def test_an_archive_that_lags_is_asked_again():
    """What it gives is whole only once it has come as far as the first trade that waits."""
    rows = [trade(1, "15:59:30"), trade(2, "15:59:40"), trade(3, "15:59:50")]
    archive = archive_of(rows[0])

    class Lagging(Archive):
        async def answer(self, asked, stream):
            answer = await super().answer(asked, stream)
            self.rows[("trades", "AAPL")] = rows
            return answer

    lagging = Lagging(archive.rows)
    reader = decoder()
    reader.decode([*frames(rows[0]), CONNECTED, *frames(rows[2])], 1)
    async with repairing(reader, lagging) as (repair, client, out, _, _):
        await repair.catch_up(client)
    assert told(out) == ["V:2", "V:3"]


@anyio_test
async def test_an_archive_that_never_comes_so_far_leaves_a_gap_and_is_told():
    """After the time that trades may wait."""
    reader = decoder()
    reader.decode([*frames(trade(1, "15:59:30")), CONNECTED, *frames(trade(3, "15:59:50"))], 1)
    archive = archive_of(trade(1, "15:59:30"), trade(2, "15:59:40"))
    async with repairing(reader, archive) as (repair, client, out, listener, _):
        await repair.catch_up(client)
    assert told(out) == ["V:2", "gap", "V:3"]
    (event,) = listener.events
    assert isinstance(event, VenueTrouble)
    assert "not within repair_s = 3" in event.detail


@anyio_test
async def test_a_delayed_feed_is_not_given_the_future():
    """What the stream will bring in a quarter of an hour is not fetched."""
    reader = decoder()
    reader.decode([*frames(trade(1, "15:44:30")), CONNECTED], 1)
    archive = archive_of(trade(1, "15:44:30"), trade(2, "15:44:50"), trade(3, "15:55:00"))
    async with repairing(reader, archive, feed="delayed_sip") as (repair, client, out, _, _):
        await repair.catch_up(client)
    assert told(out) == ["V:2"]


@anyio_test
async def test_what_is_still_on_its_way_is_waited_for():
    """The decoder is behind: nothing is asked for before it has met the new connection."""
    reader = decoder()
    async with repairing(reader, archive_of(trade(1, "15:59:30"))) as (repair, client, out, _, venue):
        await repair.catch_up(client)
        assert venue.asked == []
    assert out == []
    reader.decode([*frames(trade(1, "15:59:30")), CONNECTED, *frames(trade(3, "15:59:50"))], 1)
    late = reader.decode([write_note(MissedNote(symbol="AAPL", trades=[], whole=False))], 1)
    assert told(late) == ["gap", "V:3"]


def missed(*rows, whole=True):
    trades = [tick for raw in frames(*rows) for tick in decoder().decode([raw], 1)]
    return write_note(MissedNote(symbol="AAPL", trades=trades, whole=whole))


def test_a_number_of_another_day_is_another_trade():
    """The venue's numbers begin anew every day."""
    reader = decoder()
    reader.decode([*frames(trade(5, "15:59:30", day="2026-07-16")), CONNECTED], 1)
    ticks = reader.decode(
        [missed(trade(5, "15:59:30", day="2026-07-16"), trade(5, "15:59:30", price=191))], 1
    )
    assert [tick.price for tick in ticks] == [191]


def test_corrections_wait_with_the_trades_that_they_mend():
    """Of a trade that waits, and of one that the archive brings; one of an unknown trade is refused in its turn."""
    reader = decoder()
    reader.decode([*frames(trade(1, "15:59:30")), CONNECTED], 1)
    waiting = frames(trade(3, "15:59:50"), corrected(3, 4, "15:59:51"), corrected(2, 6, "15:59:52"),
                     corrected(99, 100, "15:59:53"), corrected(4, 7, "15:59:54"))  # fmt: skip
    assert reader.decode(waiting, 1) == []
    ticks = reader.decode([missed(trade(2, "15:59:40"))], 1)
    kinds = [type(tick) for tick in ticks]
    assert kinds == [Trade, Trade, Correction, Correction, Undecodable, Correction]
    assert ticks[4].raw == waiting[3][1:-1]


def test_a_second_hole_gives_the_first_one_up():
    """What waited goes on, with a gap, before anything of the new connection."""
    reader = decoder()
    reader.decode([*frames(trade(1, "15:59:30")), CONNECTED, *frames(trade(3, "15:59:50"))], 1)
    assert told(reader.decode([CONNECTED], 1)) == ["gap", "V:3"]
    assert told(reader.decode([*frames(trade(5, "15:59:58"))], 1)) == []
    assert told(reader.decode([missed(trade(4, "15:59:55"))], 1)) == ["V:4", "V:5"]


def test_a_stop_while_nothing_waits_has_a_gap_with_a_sane_end():
    """From the last trade to the moment of the new connection."""
    reader = decoder()
    reader.decode(frames(trade(1, "15:59:30")), 1_000)
    reader.decode([CONNECTED], 2_000)
    (gap,) = reader.drain()
    assert (gap.from_ns, gap.to_ns, gap.recv_ns) == (1_000, 2_000, 2_000)


def test_a_symbol_without_trades_yet_waits_for_nothing():
    """Nothing of it can be missing."""
    reader = decoder("AAPL", "MSFT")
    reader.decode([*frames(trade(1, "15:59:30")), CONNECTED], 1)
    assert [symbol for symbol, tape in reader.tapes.items() if tape.is_holding] == ["AAPL"]


def test_a_halt_ends_with_the_connection_and_with_a_trade():
    """The resumption may have been missed."""
    halt = {"T": "s", "S": "AAPL", "sc": "H", "sm": "Halt", "rc": "T12", "rm": "", "t": f"{DAY}T15:00:00Z"}
    reader = decoder(channels=("trades", "status"))
    reader.decode(frames(halt), 1)
    assert reader.halted == {"AAPL"}
    reader.decode([CONNECTED], 1)
    assert reader.halted == set()
    reader.decode(frames(halt, trade(1, "15:00:01")), 1)
    assert reader.halted == set()


def book(bids, *, whole=False):
    return {"T": "o", "S": "BTC/USD", "t": f"{DAY}T15:00:00Z", "b": bids, "a": [], "r": whole}


@pytest.mark.parametrize("bad", [
    book([{"p": 100, "s": 0}, {"p": 98, "s": -1}]),
    book([{"p": 97, "s": -1}], whole=True),
    {**book([]), "t": 5},
    {**book([]), "b": "none"},
], ids=["a change", "a whole one", "a time", "levels"])  # fmt: skip
def test_a_book_whose_message_cannot_be_read_is_lost(bad):
    """A gap says so, nothing more of it goes on, and the session knows, until a whole one comes."""
    reader = decoder("BTC/USD", channels=("book",))
    whole, change = book([{"p": 100, "s": 1}], whole=True), book([{"p": 99, "s": 1}])
    assert [type(tick) for tick in reader.decode(frames(whole, change), 1)] == [BookSnapshot, BookDelta]
    found = reader.decode(frames(bad, change), 1)
    assert [type(tick) for tick in found] == [Gap, Undecodable]
    assert (found[0].channel, found[0].instrument, found[0].cause) == ("book", "BTC/USD", "undecodable")
    assert reader.books.lost == {"BTC/USD"}
    assert [type(tick) for tick in reader.decode([CONNECTED, *frames(whole)], 1)] == [BookSnapshot]
    assert reader.books.lost == set()


@pytest.mark.parametrize("is_packed", [False, True], ids=["json", "msgpack"])
def test_an_error_about_a_message_keeps_that_message_alone(is_packed):
    """Not its frame, which may hold thousands: unknown symbols, values that cannot be, corrections of nothing."""
    bad = [
        {**trade(9, "15:59:30"), "S": "NONE"},
        trade(8, "15:59:30", price=-1),
        corrected(77, 78, "15:59:31"),
    ]
    if is_packed:
        for message in bad:
            message["t"] = msgpack.Timestamp.from_unix_nano(moment_ns(message["t"]))
    payload = msgpack.packb([*bad, *bad]) if is_packed else json.dumps([*bad, *bad]).encode()
    found = decoder().decode([payload], 1)
    assert [type(one) for one in found] == [Undecodable] * 6
    read = msgpack.unpackb if is_packed else json.loads
    assert [read(one.raw) for one in found] == [*bad, *bad]


@anyio_test
async def test_three_hundred_symbols_are_a_few_questions(monkeypatch):
    """Each gets what it missed and nothing from before; a minute's allowance is hardly touched."""
    names = [f"S{number:03}" for number in range(300)]
    rows = {
        ("trades", name): [
            trade(1, f"15:59:{20 + index % 30}"),
            trade(2, "15:59:55"),
            trade(3, "15:59:58"),
        ]
        for index, name in enumerate(names)
    }
    first = [frames({**rows["trades", name][0], "S": name})[0] for name in names]
    last = [frames({**rows["trades", name][2], "S": name})[0] for name in names]
    reader = decoder(*names)
    reader.decode([*first, write_note(ConnectedNote(asked_for=names)), *last], 1)
    async with repairing(reader, Archive(rows), requests_per_minute=10) as (
        repair,
        client,
        out,
        listener,
        venue,
    ):
        await repair.catch_up(client)
        assert len(venue.asked) == 3
        assert max(len(asked.params["symbols"].split(",")) for asked in venue.asked) == 100
    assert listener.events == []
    ids = {}
    for tick in out:
        ids.setdefault(tick.instrument, []).append(tick.id)
    assert ids == {name: ["V:2", "V:3"] for name in names}


@anyio_test
async def test_one_symbol_behind_in_the_archive_keeps_no_other_waiting():
    """It alone is asked for again."""
    rows = {("trades", name): [trade(1, "15:59:30"), trade(2, "15:59:40"), trade(3, "15:59:50")]
            for name in ("AAPL", "MSFT")}  # fmt: skip
    late = {**rows, ("trades", "MSFT"): rows["trades", "MSFT"][:1]}

    class Lagging(Archive):
        async def answer(self, asked, stream):
            answer = await super().answer(asked, stream)
            self.rows = rows
            return answer

    reader = decoder("AAPL", "MSFT")
    for name in ("AAPL", "MSFT"):
        reader.decode(frames({**trade(1, "15:59:30"), "S": name}), 1)
    reader.decode([CONNECTED], 1)
    for name in ("AAPL", "MSFT"):
        reader.decode(frames({**trade(3, "15:59:50"), "S": name}), 1)
    async with repairing(reader, Lagging(late)) as (repair, client, out, _, venue):
        await repair.catch_up(client)
        assert [asked.params["symbols"] for asked in venue.asked] == ["AAPL,MSFT", "MSFT"]
    assert [(tick.instrument, tick.id) for tick in out] == [
        ("AAPL", "V:2"), ("AAPL", "V:3"), ("MSFT", "V:2"), ("MSFT", "V:3"),
    ]  # fmt: skip


@anyio_test
@pytest.mark.parametrize("failures", [repairs.MOST_FAILED - 1, repairs.MOST_FAILED])
async def test_a_question_that_fails_is_put_again(failures):
    """A few times in a row: one lost answer shall not cost a whole group its trades."""
    rows = [trade(1, "15:59:30"), trade(2, "15:59:40"), trade(3, "15:59:50")]

    class Failing(Archive):
        async def answer(self, asked, stream):
            answer = await super().answer(asked, stream)
            return http(502) if len(venue.asked) <= failures else answer

    reader = decoder()
    reader.decode([*frames(rows[0]), CONNECTED, *frames(rows[2])], 1)
    failing = Failing({("trades", "AAPL"): rows})
    async with repairing(reader, failing) as (repair, client, out, listener, venue):
        await repair.catch_up(client)
    gives_up = failures == repairs.MOST_FAILED
    assert told(out) == (["gap", "V:3"] if gives_up else ["V:2", "V:3"])
    assert ["502" in event.detail for event in listener.events] == ([True] if gives_up else [])


@anyio_test
async def test_a_row_that_cannot_be_a_trade_leaves_a_gap_and_is_told():
    """The event names the row."""
    reader = decoder()
    reader.decode([*frames(trade(1, "15:59:30")), CONNECTED, *frames(trade(4, "15:59:50"))], 1)
    archive = archive_of(trade(1, "15:59:30"), trade(2, "15:59:40", price=-5), trade(4, "15:59:50"))
    async with repairing(reader, archive) as (repair, client, out, listener, _):
        await repair.catch_up(client)
    assert told(out) == ["gap", "V:4"]
    assert "its trade V:2" in listener.events[0].detail
