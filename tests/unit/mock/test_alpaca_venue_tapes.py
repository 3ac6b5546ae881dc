"""The loopback Alpaca sends what its tapes hold: books from the whole one on, recordings moved to now."""

import json

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings import recording
from ticktrail.errors import ConfigError
from ticktrail_mock.venue.alpaca import serve_alpaca
from ticktrail_mock.venue.alpaca.codec import msgpack_of, ns_of, text_of
from ticktrail_mock.venue.alpaca.tape import RecordingAlpacaTape
from unit.mock.alpaca_stage import (
    BOTH,
    NEVER,
    STOCK_LISTS,
    Tape,
    connect,
    plain,
    record,
)

pytestmark = pytest.mark.anyio


@BOTH
@pytest.mark.parametrize("prefix", ["", "/b"])
async def test_a_book_begins_whole(binary, prefix):
    """Each new subscription, over this path or another, gets the whole book: with its changes, the tape's, always."""
    tape = Tape("crypto")
    async with serve_alpaca(tape, speed=1.0) as venue, connect(venue, binary=binary) as first:
        await first.ask(action="subscribe", orderbooks=["BTC/USD"])
        await first.hear_events(50)
        async with connect(venue, binary=binary, prefix=prefix) as talk:
            assert (await talk.ask(action="subscribe", orderbooks=["*"]))["orderbooks"] == ["*"]
            events = await talk.hear_events(100)
            assert [(event["S"], event.get("r")) for event in events[:2]] == [
                ("BTC/USD", True),
                ("ETH/USD", True),
            ]
            assert not any(event.get("r") for event in events[2:])
            await talk.say(action="subscribe", orderbooks=["BTC/USD"])  # nothing new: no second reset
            assert not any(event.get("r") for event in await talk.hear_events(50))
        async with (
            serve_alpaca(Tape("crypto"), speed="max", starts_at=NEVER) as fresh,
            connect(fresh, binary=binary) as talk,
        ):
            await talk.ask(action="subscribe", orderbooks=["ETH/USD"])
            (opening,) = await talk.hear_events(1)
    assert len(opening["b"]) == len(opening["a"]) == 10
    for symbol in ("BTC/USD", "ETH/USD"):
        mine, true = {"b": {}, "a": {}}, {"b": {}, "a": {}}
        own = [event for event in events if event["S"] == symbol]
        book = Tape("crypto").books()[symbol]
        true["b"] = {float(price): float(size) for price, size in book.bids.items()}
        true["a"] = {float(price): float(size) for price, size in book.asks.items()}
        changes = [plain(event) for event in tape.events("orderbooks") if event["S"] == symbol]
        before = [event for event in changes if event["t"] < own[1]["t"]]
        for event in before:
            apply(true, event)
        apply(mine, own[0])
        assert mine == true
        after = [event for event in changes if event["t"] >= own[1]["t"]]
        assert own[1:] == after[: len(own) - 1]
        for event in own[1:]:
            apply(mine, event)
            assert max(mine["b"]) < min(mine["a"])


def apply(book, event):
    for side in "ba":
        if event.get("r"):
            book[side].clear()
        for level in event[side]:
            if level["s"]:
                book[side][level["p"]] = level["s"]
            else:
                book[side].pop(level["p"], None)


async def test_trade_ids_count_by_exchange():
    """A stock's ids go up one by one within an exchange, and up and down over all; crypto has one count."""
    tape = Tape()
    async with serve_alpaca(tape, speed="max") as venue, connect(venue) as talk:
        await talk.ask(action="subscribe", trades=["AAPL"])
        trades = await talk.hear_events(300)
    by_exchange = {}
    for trade in trades:
        by_exchange.setdefault(trade["x"], []).append(trade["i"])
    assert len(by_exchange) > 2
    assert all(ids == list(range(ids[0], ids[0] + len(ids))) for ids in by_exchange.values())
    ids = [trade["i"] for trade in trades]
    assert ids != sorted(ids)
    tape = Tape("crypto")
    async with serve_alpaca(tape, speed="max") as venue, connect(venue) as talk:
        await talk.ask(action="subscribe", trades=["BTC/USD"])
        ids = [trade["i"] for trade in await talk.hear_events(100)]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_the_documentation_s_examples_are_sent():
    """A recording of every kind of event: each by its own channel, character for character."""
    tape = RecordingAlpacaTape(recording("alpaca_stocks/official_doc_examples.jsonl.gz"))
    assert tape.market == "stocks"
    messages = list(tape.messages())
    async with serve_alpaca(tape, speed="max") as venue, connect(venue) as talk:
        channels = [channel for channel in STOCK_LISTS if channel not in {"corrections", "cancelErrors"}]
        await talk.ask(action="subscribe", **{channel: ["*"] for channel in channels})
        payloads = []
        while len(payloads) < len({message.batch for message in messages}):
            payloads.append(await talk.payload())
    assert b"".join(payloads).replace(b"][", b",") == b"[" + b",".join(m.raw for m in messages) + b"]"
    assert {json.loads(message.raw)["T"] for message in messages} == set("tqbcxlsi")
    crypto = RecordingAlpacaTape(recording("alpaca_crypto/official_doc_examples.jsonl.gz"))
    assert crypto.market == "crypto"
    assert {json.loads(message.raw)["T"] for message in crypto.messages()} == set("tqbo")


async def test_a_recorded_book_that_did_not_begin_whole():
    """Whoever subscribes gets a reset all the same: an empty book, or what the tape said so far."""
    tape = RecordingAlpacaTape(recording("alpaca_crypto/official_doc_examples.jsonl.gz"))
    async with serve_alpaca(tape, speed="max") as venue, connect(venue) as talk:
        await talk.ask(action="subscribe", orderbooks=["MKR/USD"])
        reset, change = await talk.hear_events(2)
        assert (reset["b"], reset["a"], reset["r"]) == ([], [], True)
        assert change["a"] == [{"p": 2614.587, "s": 12.5308}]
        async with connect(venue) as late:
            await late.ask(action="subscribe", orderbooks=["MKR/USD"])
            (reset,) = await late.hear_events(1)
        assert (reset["a"], reset["r"]) == ([{"p": 2614.587, "s": 12.5308}], True)


def test_a_recording_s_times_move(tmp_path):
    """All by the same, to the nanosecond, so that the first comes now; nothing else changes."""
    path = record(tmp_path / "day.jsonl", Tape(ends_after=200).messages())
    plainly = list(RecordingAlpacaTape(path).messages())
    now_ns = 1_900_000_000_000_000_007
    moved = list(RecordingAlpacaTape(path, now_ns=lambda: now_ns).messages())
    shifts = {
        plain(json.loads(two.raw))["t"] - plain(json.loads(one.raw))["t"]
        for one, two in zip(plainly, moved, strict=True)
    }
    assert len(shifts) == 1
    assert max(plain(json.loads(message.raw))["t"] - message.due_ns for message in moved) <= now_ns
    assert [{**json.loads(message.raw), "t": ""} for message in moved] == [
        {**json.loads(message.raw), "t": ""} for message in plainly
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"kind": "ws", "raw": '[{"T":"success","msg":"connected"}]'}, "holds no event"),
        ({"kind": "ws", "raw": "nonsense"}, "is no message of Alpaca"),
        ({"kind": "ws", "raw": '{"T":"t","S":"AAPL","t":"soon"}'}, "'soon' is no time"),
        ({"kind": "http", "raw": '{"bars":{}}'}, "holds no event"),
    ],
)
def test_a_recording_of_something_else_is_told(tmp_path, line, says):
    """Before the venue starts."""
    path = tmp_path / "other.jsonl"
    path.write_text(json.dumps({"recv_ns": 1, **line}) + "\n")
    with pytest.raises(ConfigError, match=says):
        RecordingAlpacaTape(path)


@given(st.integers(0, 2**62))
def test_times_are_the_same_in_both_encodings(time_ns):
    """To the nanosecond, there and back."""
    text = text_of(time_ns)
    assert ns_of(text) == time_ns
    (event,) = msgpack.unpackb(msgpack_of(b'[{"t":"%b"}]' % text.encode(), "stocks"))
    assert event["t"].to_unix_nano() == time_ns
