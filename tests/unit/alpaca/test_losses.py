"""What is lost with bytes that cannot be read: fetched where it can be, else a gap; a book by its name."""

import json

import anyio
import msgpack
import pytest

from ticktrail.model import BookDelta, BookSnapshot, Gap, Quote, Trade, Undecodable
from ticktrail.testing.venue import Fault, cut_short
from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_alpaca.notes import ConnectedNote, MissedNote, write_note
from ticktrail_mock.venue.alpaca import serve_alpaca
from unit.alpaca.live import provider_at, session, tape
from unit.alpaca.test_live import ends
from unit.binance.stage import Listener
from unit.mock.alpaca_stage import Tape

anyio_test = pytest.mark.anyio
DAY = "2026-07-17"
CONNECTED = write_note(ConnectedNote(asked_for=["AAPL", "MSFT"]))


def trade(number, symbol="AAPL"):
    return {
        "T": "t",
        "S": symbol,
        "i": number,
        "x": "V",
        "p": 190.1,
        "s": 3,
        "t": f"{DAY}T15:00:{number:02}Z",
    }


QUOTE = {"T": "q", "S": "AAPL", "bp": 1, "bs": 1, "ap": 2, "as": 1, "t": f"{DAY}T15:00:00Z"}


def frame(*messages):
    return json.dumps(messages).encode()


def cut(*messages):
    return cut_short(frame(*messages))


def packed(*messages):
    return msgpack.packb([{**m, "t": msgpack.Timestamp.from_unix_nano(moment_ns(m["t"]))} for m in messages])


def decoder(*symbols, channels=("trades",), **more):
    names = symbols or ("AAPL",)
    return AlpacaDecoder({name: name for name in names}, frozenset(channels), "leg", **more)


def missed(*numbers, whole=True, hole=None):
    trades = decoder().decode([frame(*(trade(number) for number in numbers))], 1)
    return write_note(MissedNote(symbol="AAPL", trades=trades, whole=whole, hole=hole))


def told(ticks):
    return ["gap" if isinstance(tick, Gap) else tick.id for tick in ticks if isinstance(tick, Gap | Trade)]


@pytest.mark.parametrize(
    "spoilt",
    [cut(trade(2), trade(3)), cut_short(packed(trade(2), trade(3))), frame(trade(2))[1:-2], b"", b"\x05"],
    ids=["cut", "packed", "one", "empty", "scrambled"],
)
def test_trades_of_a_frame_that_cannot_be_read_are_fetched(spoilt):
    """What comes after it waits, whoever asked is told, and what the archive gives comes in its place."""
    calls = []
    reader = decoder(on_loss=lambda: calls.append(1))
    reader.decode([CONNECTED, frame(trade(1))], 1)
    assert [type(one) for one in reader.decode([spoilt, frame(trade(4))], 2)] == [Undecodable]
    assert calls == [1]
    tape = reader.tapes["AAPL"]
    assert (tape.is_holding, tape.first_held.id) == (True, "V:4")
    assert told(reader.decode([missed(1, 2, 3, 4, hole=tape.hole)], 3)) == ["V:2", "V:3", "V:4"]


def test_without_a_repair_it_is_a_gap_of_every_channel():
    """Of each symbol: nobody knows whose it was. What comes next waits for nothing."""
    reader = decoder("AAPL", "MSFT", channels=("trades", "quotes", "status"))
    reader.decode([write_note(ConnectedNote()), frame(trade(1), QUOTE)], 1_000)
    found = reader.decode([cut(trade(2)), frame(trade(3))], 2_000)
    gaps = [tick for tick in found if isinstance(tick, Gap)]
    assert {(gap.instrument, gap.channel) for gap in gaps} == {
        (name, channel) for name in ("AAPL", "MSFT") for channel in ("trades", "quotes", "status")
    }
    assert {gap.cause for gap in gaps} == {"undecodable"}
    spans = {(gap.instrument, gap.channel): (gap.from_ns, gap.to_ns) for gap in gaps}
    assert spans["AAPL", "trades"] == spans["AAPL", "quotes"] == (1_000, 2_000)
    assert spans["MSFT", "trades"] == (2_000, 2_000)
    assert [type(one) for one in found[-2:]] == [Undecodable, Trade]


def test_where_trades_are_repaired_the_other_channels_have_their_gap():
    """Quotes are not fetched; and a symbol that had no trade yet has no place from which to fetch."""
    reader = decoder("AAPL", "MSFT", channels=("trades", "quotes"))
    reader.decode([CONNECTED, frame(trade(1))], 1)
    gaps = [tick for tick in reader.decode([cut(trade(2))], 2) if isinstance(tick, Gap)]
    assert sorted((gap.instrument, gap.channel) for gap in gaps) == [
        ("AAPL", "quotes"), ("MSFT", "quotes"), ("MSFT", "trades"),
    ]  # fmt: skip


def test_a_second_loss_while_trades_wait():
    """They wait for both: what was fetched for the first alone is not all, and they are told once."""
    calls = []
    reader = decoder(on_loss=lambda: calls.append(1))
    reader.decode([CONNECTED, frame(trade(1)), cut(trade(2)), frame(trade(3))], 1)
    tape = reader.tapes["AAPL"]
    first = tape.hole
    reader.decode([cut(trade(4)), frame(trade(5))], 2)
    assert (tape.first_held.id, len(calls)) == ("V:5", 2)
    assert reader.decode([missed(2, hole=first)], 3) == []
    assert told(reader.decode([missed(1, 2, 3, 4, 5, hole=tape.hole)], 4)) == ["V:2", "V:4", "V:3", "V:5"]


def test_an_answer_about_a_hole_that_was_given_up_does_not_end_the_next_one():
    """Neither all of it nor a part of it."""
    reader = decoder()
    reader.decode([CONNECTED, frame(trade(1)), cut(trade(2))], 1)
    first = reader.tapes["AAPL"].hole
    reader.decode([missed(whole=False), cut(trade(4)), frame(trade(5))], 2)
    for whole in (True, False):
        assert reader.decode([missed(2, whole=whole, hole=first)], 3) == []
    assert told(reader.drain()) == ["gap", "V:5"]


def test_a_gap_that_remains_says_what_made_the_hole():
    """A frame, not a connection."""
    reader = decoder()
    reader.decode([CONNECTED, frame(trade(1)), cut(trade(2)), frame(trade(3))], 1)
    assert reader.drain()[0].cause == "undecodable"


def test_a_halt_may_have_ended_in_it():
    """Silence is a sign again."""
    halt = {"T": "s", "S": "AAPL", "sc": "H", "sm": "Halt", "rc": "T12", "rm": "", "t": f"{DAY}T15:00:00Z"}
    reader = decoder(channels=("trades", "status"))
    reader.decode([frame(halt), cut(trade(2))], 1)
    assert reader.halted == set()


def test_a_replay_is_sent_frames_that_cannot_be_read():
    """What they lost is then lost in the replay too, as it was live; another symbol's frame is passed over."""
    reader = decoder()
    assert reader.wants(cut(trade(2)))
    assert not reader.wants(frame(trade(2, symbol="MSFT")))


def book(symbol="BTC/USD", *, whole=False, **more):
    level = [{"p": 100, "s": 1}]
    return {"T": "o", "S": symbol, "t": f"{DAY}T15:00:00Z", "b": level, "a": [], "r": whole, **more}


BOOKS = ("BTC/USD", "ETH/USD")


@pytest.mark.parametrize(
    ("bad", "lost"),
    [
        (book(t=5), {"BTC/USD"}),
        (book(b=[{"p": 1e40, "s": 1}]), {"BTC/USD"}),
        (book(b="none"), {"BTC/USD"}),
        ({"S": "ETH/USD", "b": []}, {"ETH/USD"}),
        (book(symbol=7), {"BTC/USD", "ETH/USD"}),
        (None, {"BTC/USD", "ETH/USD"}),
        ({"T": "t", "S": "BTC/USD", "p": "x"}, set()),
        ({"T": "zz"}, set()),
        (book("SOL/USD", b="none"), set()),
    ],
    ids=["time", "exponent", "levels", "no type", "no symbol", "nothing", "a trade", "unknown", "of another"],
)
def test_of_a_sound_batch_only_the_book_is_lost_that_a_message_names(bad, lost):
    """All of them where it names none; the others go on."""
    reader = decoder(*BOOKS, channels=("book", "trades"))
    reader.decode([write_note(ConnectedNote()), frame(*(book(name, whole=True) for name in BOOKS))], 1)
    found = reader.decode([frame(bad, *(book(name) for name in BOOKS))], 1)
    assert {tick.instrument for tick in found if isinstance(tick, Gap)} == lost
    assert {tick.instrument for tick in found if isinstance(tick, BookDelta)} == set(BOOKS) - lost
    assert len([tick for tick in found if isinstance(tick, Undecodable)]) == 1
    assert reader.books.lost == lost


def test_a_cut_frame_loses_every_book_once():
    """A second one says nothing new, until one of them is whole again."""
    reader = decoder(*BOOKS, channels=("book",))
    reader.decode([frame(*(book(name, whole=True) for name in BOOKS))], 1)
    assert len([tick for tick in reader.decode([cut(book())], 1) if isinstance(tick, Gap)]) == 2
    assert [type(tick) for tick in reader.decode([cut(book())], 1)] == [Undecodable]
    found = reader.decode([frame(book(whole=True)), cut(book())], 1)
    assert [type(tick) for tick in found] == [BookSnapshot, Gap, Undecodable]


@anyio_test
@pytest.mark.parametrize("codec", ["msgpack", "json"])
async def test_a_session_goes_on_and_every_trade_of_a_cut_frame_comes(tmp_path, codec):
    """In their places, marked as fetched; quotes have a gap."""
    sent = Tape(rate=200.0)
    async with (
        serve_alpaca(sent, faults=[Fault(kind="garble", at_message=60, count=20)]) as venue,
        session(venue, tmp_path, codec=codec) as heard,
    ):
        await heard.until(lambda: any(trade.backfilled for trade in heard.of(Trade)))
        seen = len(heard.of(Trade))
        await heard.until(lambda: len(heard.of(Trade)) > seen + 20)
    trades = [trade.id for trade in heard.of(Trade)]
    truth = [f"{event['x']}:{event['i']}" for event in sent.events("trades") if event["S"] == "AAPL"]
    begin = truth.index(trades[0])
    assert sorted(trades) == sorted(truth[begin : begin + len(trades)])
    assert heard.of(Undecodable)
    assert {gap.channel for gap in heard.of(Gap)} == {"quotes"}
    assert heard.of(Quote)


@anyio_test
async def test_a_book_that_is_lost_with_a_frame_ends_the_session(tmp_path):
    """Only a new connection brings it whole."""
    venue_tape = tape("BTC/USD", market="crypto")
    async with serve_alpaca(venue_tape, faults=[Fault(kind="garble", at_message=60)]) as venue:
        provider = provider_at(venue, tmp_path, "BTC/USD", channels=("book",), market="crypto")
        heard = Listener(provider)
        error = await ends(provider, heard)
    assert error.cause == "garbled"
    assert [gap.channel for gap in heard.of(Gap)] == ["book"]


@anyio_test
async def test_what_waits_when_a_session_ends_goes_on_at_once(tmp_path):
    """With the gap before it: nobody fetches while the leg is down, and the leg may be down for long."""
    ended = []
    async with (
        serve_alpaca(Tape(rate=500.0), faults=[Fault(kind="garble", at_message=60)]) as venue,
        anyio.create_task_group() as tasks,
    ):
        await venue.do(Fault(kind="late_rest", at_s=0, for_s=60.0, count=1_000))
        provider = provider_at(venue, tmp_path, channels=("trades",), answer_s=60.0)
        heard = Listener(provider)

        async def live():
            ended.append(await ends(provider, heard))

        tasks.start_soon(live)
        waiting = provider._decoder.tapes["AAPL"]
        await heard.until(lambda: waiting.first_held is not None)
        first = waiting.first_held.id
        await venue.do(Fault(kind="cut", at_s=0))
        await heard.until(lambda: ended)
        assert not waiting.is_holding
        assert provider.drain() == []
        (gap,) = heard.of(Gap)
        assert gap.cause == "undecodable"
        after = heard.got[heard.got.index(gap) + 1 :]
        assert next(tick.id for tick in after if isinstance(tick, Trade)) == first
