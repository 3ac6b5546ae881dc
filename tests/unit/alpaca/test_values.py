"""Values that no market can mean: each message with one is kept as it came, and costs no other."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import msgpack
import pytest

from ticktrail.model import Bar, BookSnapshot, Quote, Trade, Undecodable
from ticktrail_alpaca.codec import moment_ns, read_frame
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_alpaca.events import read_other, read_quote, read_trade
from ticktrail_alpaca.spans import bar_end_ns

RECV_NS = 1_700_000_000_000_000_000
AT = "2026-07-17T15:00:00Z"
TRADE = {"T": "t", "S": "AAPL", "i": 1, "x": "V", "p": 190.1, "s": 3, "t": AT}
QUOTE = {"T": "q", "S": "AAPL", "bp": 1.5, "bs": 1, "ap": 2.5, "as": 1, "t": AT}
BAR = {"T": "b", "S": "AAPL", "o": 2, "h": 4, "l": 1, "c": 3, "v": 10, "t": AT}
CORRECTION = {"T": "c", "S": "AAPL", "x": "V", "oi": 1, "ci": 2, "cp": 1.5, "cs": 3, "t": AT}
BOOK = {"T": "o", "S": "BTC/USD", "b": [{"p": 10, "s": 1}], "a": [{"p": 11, "s": 1}], "r": True, "t": AT}


def as_json(*messages):
    return json.dumps(messages).encode()


def as_msgpack(*messages):
    """Moments are timestamps there."""

    def packed(message):
        at = datetime.fromisoformat(message["t"])
        return {**message, "t": msgpack.Timestamp.from_datetime(at)}

    return msgpack.packb([packed(message) for message in messages])


CODECS = pytest.mark.parametrize("write", [as_json, as_msgpack])


def decoded(*payloads):
    symbols = {name: name for name in ("AAPL", "BTC/USD")}
    channels = frozenset({"trades", "quotes", "bars", "book"})
    return AlpacaDecoder(symbols, channels, "leg").decode(payloads, RECV_NS)


@pytest.mark.parametrize("second", ["60", "61", "99"])
def test_a_minute_has_sixty_seconds(second):
    """No second is carried into the next minute."""
    text = f"2026-07-17T15:00:{second}Z"
    with pytest.raises(ValueError, match=f"a time of '{text}'"):
        moment_ns(text)
    assert moment_ns("2026-07-17T15:00:59Z") == moment_ns(AT) + 59 * 10**9


@CODECS
@pytest.mark.parametrize("text", ["5_0", "_5", "5_", "1_0.5"])
@pytest.mark.parametrize(
    ("message", "field"), [(TRADE, "p"), (TRADE, "s"), (QUOTE, "bp"), (QUOTE, "as"), (BAR, "o")]
)
def test_a_number_with_underscores(write, text, message, field):
    """Python would read 50; the venue can have meant anything."""
    bad, after = decoded(write({**message, field: text}, TRADE))
    assert isinstance(bad, Undecodable)
    assert text in bad.reason
    assert isinstance(after, Trade)


@CODECS
def test_a_level_with_underscores(write):
    """In a book as well."""
    lost, bad = decoded(write({**BOOK, "b": [{"p": "1_0", "s": 1}]}))
    assert (lost.channel, lost.instrument) == ("book", BOOK["S"])
    assert isinstance(bad, Undecodable)
    assert "'1_0'" in bad.reason


def test_an_underscore_that_is_spelt():
    """JSON can write it in another way."""
    raw = as_json(TRADE).replace(b"190.1", b'"5\\u005f0"')
    assert isinstance(decoded(raw)[0], Undecodable)


@CODECS
def test_underscores_elsewhere(write):
    """They mean nothing, and numbers in texts are read."""
    trade, quote = decoded(write({**TRADE, "p": "190.10", "s": "1e3", "z": "A_B"}, QUOTE))
    assert (trade.price, trade.size) == (Decimal("190.10"), 1000)
    assert isinstance(quote, Quote)


@CODECS
@pytest.mark.parametrize("text", ["1E+999999", "1E-999999", "1e31", "1e-31", "0E+99999"])
@pytest.mark.parametrize("message", [TRADE, QUOTE, BAR, CORRECTION])
def test_an_absurd_exponent(write, text, message):
    """A number that would overflow, or fill the memory once it is written out, is none of a market."""
    field = {"t": "p", "q": "bp", "b": "h", "c": "cp"}[message["T"]]
    found = decoded(write(TRADE), write({**message, field: text}))
    assert isinstance(found[-1], Undecodable)
    assert "exponent" in found[-1].reason


def test_an_absurd_exponent_without_quotes():
    """As JSON writes numbers, and as a float of MessagePack."""
    (bad,) = decoded(as_json(TRADE).replace(b"190.1", b"1E+999999"))
    assert "exponent 999999" in bad.reason
    (bad,) = decoded(as_msgpack({**TRADE, "p": 1e200}))
    assert "exponent 200" in bad.reason


@CODECS
def test_an_absurd_level_of_a_book(write):
    """It costs its message alone."""
    bad, good = read_frame(write({**BOOK, "a": [{"p": 1e200, "s": 1}]}, BOOK))
    assert "exponent 200" in bad.reason
    assert good.S == "BTC/USD"
    assert isinstance(decoded(write(BOOK))[0], BookSnapshot)


@pytest.mark.parametrize(
    "message",
    [
        {**TRADE, "p": -5},
        {**TRADE, "p": 0},
        {**TRADE, "s": -1},
        {**QUOTE, "bp": -0.01},
        {**QUOTE, "bs": -1},
        {**QUOTE, "ap": -1},
        {**QUOTE, "as": -1},
        {**BAR, "o": 5},
        {**BAR, "c": 0.5},
        {**BAR, "h": 2.5},
        {**BAR, "l": 2.5},
        {**BAR, "l": 0},
        {**BAR, "l": -1},
        {**BAR, "v": -3},
        {**BAR, "T": "u", "h": 2.5},
        {**BAR, "T": "d", "h": 2.5},
        {**CORRECTION, "cp": 0},
        {**CORRECTION, "cp": -190.1},
        {**CORRECTION, "cs": -1},
    ],
)
def test_what_no_trade_quote_or_bar_can_be(message):
    """It is an error of whoever reads the one message, and a value of the decoder."""
    (read,) = read_frame(as_json(message))
    reader = {"t": read_trade, "q": read_quote}.get(message["T"], read_other)
    with pytest.raises(ValueError, match=r"no trade|less than 0|a bar from"):
        reader(read, "AAPL", "leg", RECV_NS)
    *_, bad = decoded(as_json(TRADE), as_json(message))
    assert isinstance(bad, Undecodable)


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ({**QUOTE, "bp": 0, "bs": 0}, Quote),
        ({**QUOTE, "bp": 0, "bs": 0, "ap": 0, "as": 0}, Quote),
        ({**TRADE, "s": 0}, Trade),
        ({**TRADE, "p": 1e-9, "s": 4.5e-9}, Trade),
        ({**BAR, "o": 2, "h": 2, "l": 2, "c": 2, "v": 0}, Bar),
    ],
)
def test_what_looks_odd_and_may_be(message, kind):
    """A side without an offer, a bar without a trade, tiny amounts of a coin."""
    (tick,) = decoded(as_json(message))
    assert isinstance(tick, kind)


@pytest.mark.parametrize(
    ("symbol", "begin", "hours"),
    [
        ("AAPL", datetime(2026, 11, 1, 4, tzinfo=UTC), 25),
        ("AAPL", datetime(2026, 3, 8, 5, tzinfo=UTC), 23),
        ("AAPL", datetime(2026, 7, 17, 4, tzinfo=UTC), 24),
        ("BTC/USD", datetime(2026, 11, 1, tzinfo=UTC), 24),
        ("BTC/USD", datetime(2026, 11, 1, 5, tzinfo=UTC), 25),
    ],
)
def test_a_day_ends_as_in_the_archive(symbol, begin, hours):
    """On the days on which the clocks change as well."""
    (bar,) = decoded(as_json({**BAR, "T": "d", "S": symbol, "t": f"{begin:%Y-%m-%dT%H:%M:%SZ}"}))
    market = "crypto" if "/" in symbol else "stocks"
    assert bar.end_ns == bar_end_ns(bar.start_ns, "1Day", market) == bar.start_ns + hours * 3_600 * 10**9
    assert bar.event_ns is None


@CODECS
def test_a_reason_is_short(write):
    """However long what it quotes is; the whole stands in the raw bytes."""
    raw = write({**TRADE, "T": "z" * 100_000}, TRADE)
    bad, after = decoded(raw)
    assert len(bad.reason) < 200
    assert "zzz" in bad.reason
    assert "$.T" in bad.reason
    assert len(bad.raw) > 100_000
    assert isinstance(after, Trade)
