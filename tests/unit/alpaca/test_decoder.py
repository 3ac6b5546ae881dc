"""Every message of the venue becomes its tick, in both codecs alike; anything else a value with the raw bytes."""

import gzip
import json
from datetime import UTC, datetime
from decimal import Decimal

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings import recording
from ticktrail.book import OrderBook
from ticktrail.model import (
    Bar,
    BookDelta,
    BookSnapshot,
    Correction,
    Gap,
    Imbalance,
    PriceBand,
    Quote,
    Status,
    Trade,
    Undecodable,
)
from ticktrail.testing import make_trade
from ticktrail_alpaca.codec import moment_ns, read_frame
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_alpaca.notes import ConnectedNote, MissedNote, write_note

RECV_NS = 1_700_000_000_000_000_000
STOCKS = ("trades", "quotes", "bars", "status", "price_bands", "imbalances")
CRYPTO = ("trades", "quotes", "bars", "book")
EXAMPLES = {
    "alpaca_stocks/official_doc_examples.jsonl.gz": STOCKS,
    "alpaca_crypto/official_doc_examples.jsonl.gz": CRYPTO,
}


def decoder(*symbols, channels=STOCKS):
    return AlpacaDecoder({name: name for name in symbols or ("AAPL",)}, frozenset(channels), "leg")


def examples(name):
    """The messages that the venue's documentation shows as sent by it."""
    lines = gzip.decompress(recording(name).read_bytes()).decode().splitlines()
    return [line["raw"] for line in map(json.loads, lines) if line["kind"] == "doc-example"]


def packed(text):
    """The same message as the venue writes it in MessagePack: moments are timestamps."""

    def convert(value, key=""):
        if isinstance(value, dict):
            return {name: convert(part, name) for name, part in value.items()}
        if isinstance(value, list):
            return [convert(part) for part in value]
        if key == "t":
            whole, _, fraction = value.removesuffix("Z").partition(".")
            seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
            return msgpack.Timestamp(seconds, int(fraction.ljust(9, "0")) if fraction else 0)
        return value

    return msgpack.packb(convert(json.loads(text)))


def frame(*messages):
    return json.dumps(messages).encode()


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_documentation_s_messages_in_both_codecs(name):
    """Each of them decodes, to the same ticks whichever way it was written, and none is left over."""
    messages = [message for raw in examples(name) for message in _messages(raw)]
    symbols = {message["S"] for message in messages if "S" in message}
    json_ticks = decoder(*symbols, channels=EXAMPLES[name])
    msgpack_ticks = decoder(*symbols, channels=EXAMPLES[name])
    market = 0
    for raw in examples(name):
        as_json = json_ticks.decode([raw.encode()], RECV_NS)
        as_msgpack = msgpack_ticks.decode([packed(raw)], RECV_NS)
        assert _read(as_msgpack) == _read(as_json)
        assert _not_brought(as_msgpack) == _not_brought(as_json)
        assert len(_read(as_json)) + len(_not_brought(as_json)) == len(as_json)
        market += len(as_json)
    expected = [message for message in messages if "S" in message]
    books = [message for message in expected if message["T"] == "o"]
    assert market == len(expected) - len(books)  # changes of books that are not known yet
    assert market >= 5


def _read(found):
    return [tick for tick in found if not isinstance(tick, Undecodable)]


def _not_brought(found):
    """Of corrections of trades that did not come: what was said of each (their raw bytes differ by codec)."""
    return [one.reason for one in found if isinstance(one, Undecodable) and "has not brought" in one.reason]


def _messages(raw):
    message = json.loads(raw)
    return message if isinstance(message, list) else [message]


def test_what_the_fields_mean():
    """A message of each kind, field by field, with the venue's digits."""
    at = "2023-04-06T11:54:26.838232225Z"
    at_ns = 1_680_782_066_838_232_225
    reader = decoder("AAPL")
    trade, quote, bar, updated, daily, halt, band, imbalance, corrected, cancelled = reader.decode(
        [
            frame(
                {"T": "t", "S": "AAPL", "i": 628, "x": "K", "p": 162.92, "s": 3, "c": ["@"], "z": "C", "t": at},
                {"T": "q", "S": "AAPL", "bx": "K", "bp": 91.95, "bs": 2, "ax": "Q", "ap": 91.98, "as": 1, "t": at},
                {"T": "b", "S": "AAPL", "o": 1, "h": 4, "l": 0.5, "c": 2.5, "v": 10, "n": 3,
                 "t": "2023-04-06T11:54:00Z"},
                {"T": "u", "S": "AAPL", "o": 1, "h": 5, "l": 0.5, "c": 2.5, "v": 11, "t": "2023-04-06T11:54:00Z"},
                {"T": "d", "S": "AAPL", "o": 1, "h": 4, "l": 0.5, "c": 2.5, "v": 99, "t": "2023-04-06T04:00:00Z"},
                {"T": "s", "S": "AAPL", "sc": "H", "sm": "Trading Halt", "rc": "T12", "rm": "Asked", "t": at},
                {"T": "l", "S": "AAPL", "u": 3.24, "d": 2.65, "i": "B", "t": at},
                {"T": "i", "S": "AAPL", "p": 9.12, "z": "C", "t": at},
                {"T": "c", "S": "AAPL", "x": "K", "oi": 628, "op": 162.92, "os": 3, "ci": 700, "cp": 162.9, "cs": 4,
                 "t": at},
                {"T": "x", "S": "AAPL", "i": 628, "x": "K", "p": 162.92, "s": 3, "a": "C", "t": at},
            )
        ],
        RECV_NS,
    )  # fmt: skip
    assert isinstance(trade, Trade)
    assert (trade.id, trade.price, trade.size, trade.side) == ("K:628", Decimal("162.92"), 3, None)
    assert trade.event_ns == at_ns
    assert isinstance(quote, Quote)
    assert (quote.bid_price, quote.bid_size) == (Decimal("91.95"), 2)
    assert (quote.ask_price, quote.ask_size, quote.update_id) == (Decimal("91.98"), 1, None)
    assert all(isinstance(one, Bar) for one in (bar, updated, daily))
    assert (bar.open, bar.high, bar.low, bar.close, bar.volume) == (1, 4, Decimal("0.5"), Decimal("2.5"), 10)
    assert bar.end_ns - bar.start_ns == 60 * 10**9
    assert (bar.trades, updated.trades) == (3, None)
    assert (bar.final, updated.final, updated.high, daily.final) == (True, True, 5, False)
    assert isinstance(halt, Status)
    assert (halt.state, halt.reason) == ("H: Trading Halt", "T12: Asked")
    assert isinstance(band, PriceBand)
    assert (band.lower, band.upper, band.indicator) == (Decimal("2.65"), Decimal("3.24"), "B")
    assert isinstance(imbalance, Imbalance)
    assert isinstance(corrected, Correction)
    assert (corrected.original_id, corrected.id) == ("K:628", "K:700")
    assert (corrected.price, corrected.size) == (Decimal("162.9"), 4)
    assert isinstance(cancelled, Correction)
    assert (cancelled.original_id, cancelled.id, cancelled.price) == ("K:628", None, None)
    assert reader.halted == {"AAPL"}


def test_a_crypto_trade_says_who_took():
    """B bought, S sold; the id is a text, for it has no order."""
    message = {"T": "t", "S": "BTC/USD", "p": 47.299, "s": 0.5, "t": "2024-03-12T10:27:48.858228144Z",
               "i": 3447222699101865076, "tks": "S"}  # fmt: skip
    (trade,) = decoder("BTC/USD", channels=CRYPTO).decode([frame(message)], RECV_NS)
    assert (trade.id, trade.side) == ("3447222699101865076", "sell")


def test_a_correction_of_a_trade_that_was_not_here():
    """It cannot be tied to anything: counted, and kept as it came."""
    message = {"T": "x", "S": "AAPL", "i": 5, "x": "D", "t": "2023-04-06T13:15:42.83540958Z"}
    (refused,) = decoder().decode([frame(message)], RECV_NS)
    assert isinstance(refused, Undecodable)
    assert "correction of the trade D:5, which this leg has not brought" in refused.reason


def test_a_book_is_known_from_its_reset_to_the_next_connection():
    """Changes before mean nothing; its messages bear no number, so that a new connection forgets it."""

    def change(reset=False, **sides):
        message = {"T": "o", "S": "BTC/USD", "t": "2024-03-12T10:39:40.5Z", **sides}
        return frame({**message, "r": True} if reset else message)

    level = [{"p": 10.5, "s": 2}]
    reader = decoder("BTC/USD", channels=CRYPTO)
    assert reader.decode([change(b=level, a=[])], RECV_NS) == []
    whole = change(
        reset=True, b=[{"p": 9, "s": 1}, {"p": 10, "s": 1}], a=[{"p": 12, "s": 1}, {"p": 11, "s": 1}]
    )
    ticks = reader.decode([whole, change(b=level, a=[{"p": 11, "s": 0}])], RECV_NS)
    assert [type(tick) for tick in ticks] == [BookSnapshot, BookDelta]
    book = OrderBook("BTC/USD")
    for tick in ticks:
        book.apply(tick)
    assert (book.best_bid.price, book.best_ask.price) == (Decimal("10.5"), 12)
    assert reader.decode([write_note(ConnectedNote()), change(b=level, a=[])], RECV_NS) == []
    spoilt = change(reset=True, b=[{"p": -1, "s": 1}], a=[])
    assert [type(one) for one in reader.decode([spoilt], RECV_NS)] == [
        Gap,
        Undecodable,
    ]  # no other one will come


@pytest.mark.parametrize(
    "bad",
    [
        {"T": "zz", "S": "AAPL"},
        {"T": "t", "S": "AAPL"},
        {"T": "t", "S": "AAPL", "i": 1, "p": None, "s": 1, "t": "2023-04-06T11:54:26Z"},
        {"T": "t", "S": "AAPL", "i": 1, "p": "x", "s": 1, "t": "2023-04-06T11:54:26Z"},
        {"T": "t", "S": "AAPL", "i": 1, "p": 1, "s": 1, "t": "noon"},
        {"T": "t", "S": "AAPL", "i": -1, "p": 1, "s": 1, "t": "2023-04-06T11:54:26Z"},
        {"T": "t", "S": "MSFT", "i": 1, "p": 1, "s": 1, "t": "2023-04-06T11:54:26Z"},
        {"T": "t", "S": "AAPL", "i": 1, "p": 1, "s": 1, "t": "9999-04-06T11:54:26Z"},
        {"S": "AAPL"},
        7,
        "text",
        None,
        [],
    ],
)
def test_one_bad_element_costs_no_other(bad):
    """In an array that mixes kinds, what cannot be read stands in its place as a value; the rest is read."""
    good = {"T": "t", "S": "AAPL", "i": 1, "x": "V", "p": 1, "s": 1, "t": "2023-04-06T11:54:26Z"}
    quote = {"T": "q", "S": "AAPL", "bp": 1, "bs": 1, "ap": 2, "as": 1, "t": "2023-04-06T11:54:26Z"}
    ticks = decoder().decode([frame(good, bad, quote)], RECV_NS)
    assert [type(tick) for tick in ticks] == [Trade, Undecodable, Quote]
    assert ticks[1].raw
    assert ticks[1].reason


@given(st.binary(max_size=200))
def test_any_bytes_decode(data):
    """Decoding is total: bytes of any kind give nothing, values, or the mark of a loss, and never raise."""
    for found in decoder().decode([data], RECV_NS):
        assert isinstance(found, Undecodable | Gap)


SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text() | st.floats()
KEYS = st.sampled_from(["T", "S", "p", "s", "t", "i", "x", "r", "b", "a"])


def _nested(inner):
    return st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6)


@given(st.recursive(SCALARS, _nested, max_leaves=12))
def test_any_msgpack_decodes(value):
    """Neither does well-formed MessagePack of a strange shape."""
    decoder().decode([msgpack.packb(value)], RECV_NS)


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2021-02-22T15:51:44.208Z", 1_614_009_104_208_000_000),
        ("2023-04-06T13:15:42.83540958Z", 1_680_786_942_835_409_580),
        ("2023-04-06T09:15:42.000000001-04:00", 1_680_786_942_000_000_001),
        ("2023-04-06T13:15:42.1234567899Z", 1_680_786_942_123_456_789),
    ],
)
def test_moments_are_whole(text, ns):
    """Nanoseconds, whatever the digits; more than nine are cut."""
    assert moment_ns(text) == ns


@given(st.integers(0, 8_999_999_999), st.integers(0, 999_999_999))
def test_moments_of_both_codecs_are_the_same(seconds, nanoseconds):
    """Of each of MessagePack's three forms, and of the text."""
    packed_trade = msgpack.packb([{"T": "t", "S": "A", "i": 1, "p": 1, "s": 1,
                                   "t": msgpack.Timestamp(seconds, nanoseconds)}])  # fmt: skip
    (message,) = read_frame(packed_trade)
    whole = datetime.fromtimestamp(seconds, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert moment_ns(message.t) == moment_ns(f"{whole}.{nanoseconds:09}Z") == seconds * 10**9 + nanoseconds


# --- missed trades --------------------------------------------------------------------------------------------------


def live(*numbers):
    return frame(*({"T": "t", "S": "AAPL", "i": number, "x": "V", "p": 1, "s": 1,
                    "t": f"2023-04-06T11:54:{number:02}Z"} for number in numbers))  # fmt: skip


def missed(*numbers, whole=True):
    trades = [
        make_trade(
            "1", id=f"V:{number}", provider="leg", instrument="AAPL", backfilled=True,
            event_ns=moment_ns(f"2023-04-06T11:54:{number:02}Z"),
        )
        for number in numbers
    ]  # fmt: skip
    return write_note(MissedNote(symbol="AAPL", trades=trades, whole=whole))


def names(ticks):
    return ["gap" if isinstance(tick, Gap) else tick.id for tick in ticks]


def test_missed_trades_come_before_those_that_waited():
    """What is known already, and what waits itself, is passed over; nothing comes twice."""
    reader = decoder()
    assert names(reader.decode([live(1, 2)], RECV_NS)) == ["V:1", "V:2"]
    assert reader.decode([write_note(ConnectedNote(asked_for=["AAPL"])), live(6, 7)], RECV_NS) == []
    ticks = reader.decode([missed(2, 3, 4, 5, 6)], RECV_NS)
    assert names(ticks) == ["V:3", "V:4", "V:5", "V:6", "V:7"]
    assert [tick.backfilled for tick in ticks] == [True, True, True, False, False]
    assert names(reader.decode([live(8)], RECV_NS)) == ["V:8"]


@pytest.mark.parametrize("rows", [[], [3]])
def test_what_cannot_be_had_is_a_gap(rows):
    """Before what waited; a stop gives it up in the same way."""
    reader = decoder()
    reader.decode([live(1, 2), write_note(ConnectedNote(asked_for=["AAPL"])), live(6)], RECV_NS)
    ticks = reader.decode([missed(*rows, whole=False)], RECV_NS)
    assert names(ticks) == [*[f"V:{row}" for row in rows], "gap", "V:6"]
    stopped = decoder()
    stopped.decode([live(1), write_note(ConnectedNote(asked_for=["AAPL"])), live(6)], RECV_NS)
    assert names(stopped.drain()) == ["gap", "V:6"]
    assert stopped.drain() == []
