"""Every message of the venue becomes its tick, and anything else a value with the raw bytes."""

import gzip
import json
from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings import recording
from ticktrail.model import AggTrade, Bar, BookSnapshot, Quote, Ticker, Trade, Undecodable
from ticktrail_binance.decoder import BinanceDecoder, is_control
from ticktrail_binance.plugin import ticktrail_providers
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import streams_of
from unit.binance.stage import context

RECV_NS = 1_723_161_254_100_000_000


def decoder(*instruments, channels=("trades", "quotes", "ticker", "bars"), **settings):
    own = BinanceSettings(**settings)
    return BinanceDecoder(streams_of(own, context(*instruments, channels=channels)), "venue", own)


BTC = decoder("BTC/USDT")


def combined(stream, data):
    return json.dumps({"stream": stream, "data": data}, separators=(",", ":")).encode()


TRADE = {
    "e": "trade", "E": 1723161255400, "s": "BTCUSDT", "t": 3735683259, "p": "61837.63000000", "q": "0.02000000",
    "T": 1723161255399, "m": True, "M": True,
}  # fmt: skip
KLINE = {
    "e": "kline", "E": 1723161300012, "s": "BTCUSDT",
    "k": {"t": 1723161240000, "T": 1723161299999, "s": "BTCUSDT", "i": "1m", "f": 1, "L": 9, "o": "61837.60",
          "c": "61830.10", "h": "61840.00", "l": "61829.99", "v": "12.5", "n": 9, "x": True, "q": "1", "V": "1",
          "Q": "1", "B": "0"},
}  # fmt: skip


def only(found):
    (tick,) = found
    return tick


def test_a_trade():
    """The maker bought, so that the taker sold; its time is when it was made; digits stay as they were written."""
    tick = only(BTC.decode([combined("btcusdt@trade", TRADE)], RECV_NS))
    assert tick == Trade(
        instrument="BTC/USDT", provider="venue", event_ns=1723161255399_000_000, recv_ns=RECV_NS, id=3735683259,
        price=Decimal("61837.63000000"), size=Decimal("0.02000000"), side="sell",
    )  # fmt: skip
    assert str(tick.price) == "61837.63000000"


@pytest.mark.parametrize(
    ("time", "ns"), [(1723161255399, 1723161255399_000_000), (1723161255399123, 1723161255399123_000)]
)
def test_milliseconds_and_microseconds(time, ns):
    """The venue writes either, as it was asked to; the size of the number tells."""
    assert only(BTC.decode([combined("btcusdt@trade", {**TRADE, "T": time})], RECV_NS)).event_ns == ns


def test_a_quote_has_no_time():
    """bookTicker brings an update id and no time."""
    data = {"u": 50093239212, "s": "BTCUSDT", "b": "61837.63", "B": "3.7", "a": "61837.64", "A": "1.5"}
    tick = only(BTC.decode([combined("btcusdt@bookTicker", data)], RECV_NS))
    assert isinstance(tick, Quote)
    assert (tick.event_ns, tick.update_id, tick.bid_price, tick.ask_size) == (
        None, 50093239212, Decimal("61837.63"), Decimal("1.5"),
    )  # fmt: skip


def test_a_ticker():
    """The volume is in units of the base asset (`v`), not of the quote (`q`)."""
    data = {
        "e": "24hrTicker", "E": 1569805259092, "s": "BTCUSDT", "c": "8000.1", "b": "8000.0", "B": "1", "a": "8000.2",
        "A": "2", "v": "20014582.0", "q": "2839.6",
    }  # fmt: skip
    tick = only(BTC.decode([combined("btcusdt@ticker", data)], RECV_NS))
    assert isinstance(tick, Ticker)
    assert (tick.last, tick.volume_24h) == (Decimal("8000.1"), Decimal("20014582.0"))


def test_a_bar_ends_where_the_next_begins():
    """`T` is the bar's last millisecond; the end is the first moment that is not in it."""
    tick = only(BTC.decode([combined("btcusdt@kline_1m", KLINE)], RECV_NS))
    assert isinstance(tick, Bar)
    assert (tick.start_ns, tick.end_ns) == (1723161240000_000_000, 1723161300000_000_000)
    assert tick.event_ns == 1723161300012_000_000
    assert tick.final
    assert tick.trades == 9


def test_a_bar_that_does_not_count_its_trades():
    """A bar is not lost for that."""
    bar = {key: value for key, value in KLINE["k"].items() if key != "n"}
    assert only(BTC.decode([combined("btcusdt@kline_1m", {**KLINE, "k": bar})], RECV_NS)).trades is None


def test_a_bar_that_will_change():
    """Left out, unless asked for."""
    data = {**KLINE, "k": {**KLINE["k"], "x": False}}
    assert list(BTC.decode([combined("btcusdt@kline_1m", data)], RECV_NS)) == []
    every = decoder("BTC/USDT", final_bars_only=False)
    assert not only(every.decode([combined("btcusdt@kline_1m", data)], RECV_NS)).final


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (combined("btcusdt@depth", {"e": "depthUpdate"}), "was not asked for"),
        (combined("ethusdt@trade", {**TRADE, "s": "ETHUSDT"}), "was not asked for"),
        (combined("btcusdt@trade", {**TRADE, "s": "ETHUSDT"}), "the stream is BTCUSDT's"),
        (combined("btcusdt@trade", {**TRADE, "p": "NaN"}), "no finite number"),
        (combined("btcusdt@trade", {**TRADE, "q": "-Infinity"}), "no finite number"),
        (combined("btcusdt@trade", {**TRADE, "p": "1,5"}), "decimal"),
        (combined("btcusdt@trade", {"e": "trade"}), "missing required field"),
        (combined("btcusdt@trade", TRADE)[:-20], "truncated"),
        (b'{"something": "else"}', "neither a message"),
        (b"\xff\xfe", "malformed"),
        (combined("btcusdt@trade", {**TRADE, "T": 2**63}), "<= 9000000000000000"),
        (combined("btcusdt@trade", {**TRADE, "T": -1}), ">= 0"),
        (combined("btcusdt@trade", {**TRADE, "t": 2**70}), "$.data.t"),
        (b'{"x":' + b"[" * 100_000, "recursion"),
    ],
)
def test_what_cannot_be_read_is_kept(payload, reason):
    """One value a payload, with the raw bytes and the reason; the messages beside it are read."""
    good = combined("btcusdt@trade", TRADE)
    before, bad, after = BTC.decode([good, payload, good], RECV_NS)
    assert before == after
    assert isinstance(bad, Undecodable)
    assert bad.raw == payload
    assert reason in bad.reason


@pytest.mark.parametrize(
    "payload",
    [
        b'{"result":null,"id":1}',
        b'{"error":{"code":2,"msg":"Invalid request"},"id":1}',
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}',
    ],
)
def test_what_concerns_the_session_is_no_tick(payload):
    """Answers and notices are the session's; they give nothing, and are found without reading every message."""
    assert list(BTC.decode([payload], RECV_NS)) == []
    assert is_control(payload)
    assert not is_control(combined("btcusdt@trade", TRADE))


def test_another_order_of_keys_reads_the_same():
    """The quick way needs the usual first key; any other order goes the long way to the same tick."""
    usual = combined("btcusdt@trade", TRADE)
    other = json.dumps({"data": TRADE, "stream": "btcusdt@trade"}).encode()
    assert BTC.decode([usual], RECV_NS) == BTC.decode([other], RECV_NS)
    assert BTC.wants(usual)
    assert BTC.wants(other)


@given(payload=st.binary(max_size=200))
def test_any_bytes_give_at_most_one_value(payload):
    """Decoding is total: bytes of any kind give nothing, or one value, and never raise."""
    found = BTC.decode([payload], RECV_NS)
    assert len(found) <= 1
    BTC.wants(payload)


@given(noise=st.binary(min_size=1, max_size=20), at=st.integers(0, 150))
def test_a_spoilt_message_is_no_wrong_tick(noise, at):
    """Bytes written over a message give an undecodable one, or the tick that a strict reader of JSON would see."""
    payload = bytearray(combined("btcusdt@trade", TRADE))
    payload[at : at + len(noise)] = noise
    for tick in BTC.decode([bytes(payload)], RECV_NS):
        if isinstance(tick, Trade):
            data = json.loads(payload.decode("utf-8", "replace"))["data"]
            assert (tick.id, tick.price, tick.size) == (data["t"], Decimal(data["p"]), Decimal(data["q"]))


@pytest.mark.parametrize(
    ("name", "instruments"),
    [
        ("binance_spot/cf_binance_20210404_btc_eth_dot.jsonl.gz", ("BTC/USDT", "ETH/USDT", "DOT/USDT")),
        ("binance_spot/cf_binance_20211012.jsonl.gz", ("NKN/USDT", "BLZ/ETH", "LRC/BTC", "RUNE/EUR")),
        ("binance_spot/cf_binance_tr_20230410.jsonl.gz", ("BEL/BTC", "XEM/USDT", "ELF/BUSD", "LTC/BRL")),
        ("binance_spot/cf_binance_us_20211011.jsonl.gz", ("CRV/USDT", "COMP/USDT", "OMG/BUSD", "ZRX/USDT")),
        ("binance_spot/tardis_mapper_inputs.jsonl.gz", ("BNB/BTC", "BTC/USDT", "DOGE/BNB")),
    ],
)
def test_recorded_markets_decode_whole(name, instruments):
    """Of every recording, each message of a channel that is ours gives one tick; the count is the recording's own."""
    every = decoder(
        *instruments, channels=("trades", "agg_trades", "quotes", "ticker", "bars"), final_bars_only=False
    )
    expected = found = 0
    for line in gzip.decompress(recording(name).read_bytes()).decode().splitlines():
        record = json.loads(line)
        stream = json.loads(record["raw"]).get("stream", "") if record["kind"] == "ws" else ""
        kind = stream.partition("@")[2]
        expected += kind in {"trade", "aggTrade", "bookTicker", "ticker", "kline_1m"}
        if every.wants(record["raw"].encode()):
            ticks = every.decode([record["raw"].encode()], RECV_NS)
            assert not isinstance(only(ticks), Undecodable)
            found += 1
    assert found == expected > 0


def test_the_declaration():
    """Channels, ids and the limit of a connection, as the plugin says of itself."""
    (spec,) = ticktrail_providers()
    capabilities = spec.describe(spec.settings(), None)
    assert capabilities.channels == {"trades", "agg_trades", "quotes", "ticker", "bars", "book", "status"}
    assert (capabilities.id_space, capabilities.consecutive_trade_ids) == ("binance:spot", True)
    futures = spec.describe(BinanceSettings(market="usdm"), None)
    assert futures.channels == capabilities.channels | {"mark_price", "liquidations"}
    assert futures.id_space == "binance:usdm"


AGG = {"e": "aggTrade", "E": 1723161255400, "s": "BTCUSDT", "a": 26129, "p": "0.01", "q": "4.7", "f": 100, "l": 105,
       "T": 1723161255399, "m": False}  # fmt: skip
FUTURE = "BTC/USDT:USDT"


def future(data, stream, channel, **settings):
    """What a message of the USD-M market's is decoded to."""
    reader = decoder(FUTURE, channels=(channel,), market="usdm", **settings)
    return only(reader.decode([combined(stream, data)], RECV_NS))


def test_an_aggregate_trade():
    """On the spot market a kind of its own, with the ids of the trades that it stands for."""
    tick = only(
        decoder("BTC/USDT", channels=("agg_trades",)).decode([combined("btcusdt@aggTrade", AGG)], RECV_NS)
    )
    assert isinstance(tick, AggTrade)
    assert (tick.id, tick.first_id, tick.last_id, tick.side, str(tick.size)) == (
        26129,
        100,
        105,
        "buy",
        "4.7",
    )


def test_the_trades_of_futures_are_aggregates():
    """They have no other public stream; asked for as trades, they are trades."""
    tick = future(AGG, "btcusdt@aggTrade", "trades")
    assert isinstance(tick, Trade)
    assert (tick.id, tick.instrument) == (26129, FUTURE)
    assert isinstance(future(AGG, "btcusdt@aggTrade", "agg_trades"), AggTrade)


def test_the_quotes_of_futures_have_a_time():
    """`T`, when the book changed."""
    data = {"e": "bookTicker", "u": 400900217, "E": 1568014460893, "T": 1568014460891, "s": "BTCUSDT", "b": "25.3",
            "B": "31.2", "a": "25.4", "A": "40.6"}  # fmt: skip
    assert future(data, "btcusdt@bookTicker", "quotes").event_ns == 1568014460891_000_000


def test_the_ticker_of_futures_has_no_best_bid_and_offer():
    """They stand as absent: price and size 0."""
    data = {"e": "24hrTicker", "E": 123456789, "s": "BTCUSDT", "c": "0.0025", "v": "10000"}
    tick = future(data, "btcusdt@ticker", "ticker")
    assert (tick.last, tick.volume_24h, tick.bid_price, tick.ask_size) == (Decimal("0.0025"), 10000, 0, 0)


@pytest.mark.parametrize(
    ("rate", "due", "expected"),
    [("0.00038167", 1562306400000, (Decimal("0.00038167"), 1562306400000_000_000)), ("", 0, (None, None))],
    ids=["perpetual", "dated"],
)
def test_a_mark_price(rate, due, expected):
    """With the funding that comes next; a dated future has none."""
    data = {"e": "markPriceUpdate", "E": 1562305380000, "s": "BTCUSDT", "p": "11794.15", "i": "11784.62", "r": rate,
            "T": due}  # fmt: skip
    tick = future(data, "btcusdt@markPrice@1s", "mark_price")
    assert (tick.mark, tick.index) == (Decimal("11794.15"), Decimal("11784.62"))
    assert (tick.funding_rate, tick.next_funding_ns) == expected


def test_a_funding_rate_that_is_no_number():
    """Kept as what cannot be read."""
    data = {"e": "markPriceUpdate", "E": 1562305380000, "s": "BTCUSDT", "p": "11794.15", "r": "much", "T": 1}
    assert "funding rate" in future(data, "btcusdt@markPrice@1s", "mark_price").reason


def test_a_liquidation():
    """The side is the order's that closed the position; the size is all that was filled."""
    order = {"s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "0.014", "p": "9910", "ap": "9911.5",
             "X": "FILLED", "l": "0.004", "z": "0.014", "T": 1568014460893}  # fmt: skip
    tick = future({"e": "forceOrder", "E": 1568014460893, "o": order}, "btcusdt@forceOrder", "liquidations")
    assert (tick.side, tick.price, tick.average_price, tick.size) == (
        "sell", Decimal(9910), Decimal("9911.5"), Decimal("0.014"),
    )  # fmt: skip


@pytest.mark.parametrize("market", ["spot", "usdm"])
def test_a_partial_book(market):
    """Whole each time; spot's names no symbol, so that the stream's name is all there is to tell."""
    levels = {"bids": [["99.5", "1"]], "asks": [["100.5", "2"]]}
    data = {"lastUpdateId": 160, **levels}
    if market == "usdm":
        data = {"e": "depthUpdate", "E": 1571889248277, "T": 1571889248276, "s": "BTCUSDT", "U": 150, "u": 160,
                "pu": 149, "b": levels["bids"], "a": levels["asks"]}  # fmt: skip
    name = FUTURE if market == "usdm" else "BTC/USDT"
    reader = decoder(name, channels=("book",), market=market, book="partial", partial_levels=5)
    tick = only(reader.decode([combined("btcusdt@depth5@100ms", data)], RECV_NS))
    assert isinstance(tick, BookSnapshot)
    assert (tick.update_id, tick.bids, tick.depth) == (160, ((Decimal("99.5"), 1),), 1)


def test_recorded_futures_decode():
    """Old messages of every channel of futures; the trade among them has no id, and so is none."""
    channels = ("trades", "quotes", "ticker", "mark_price", "liquidations")
    reader = decoder(FUTURE, channels=channels, market="usdm")
    path = recording("binance_futures/tardis_mapper_inputs_usdm.jsonl.gz")
    payloads = [json.loads(line)["raw"].encode() for line in gzip.decompress(path.read_bytes()).splitlines()]
    found = reader.decode([payload for payload in payloads if reader.wants(payload)], RECV_NS)
    assert Counter(type(tick).__name__ for tick in found) == {
        "Ticker": 2, "Undecodable": 1, "MarkPrice": 1, "Liquidation": 1, "Quote": 1,
    }  # fmt: skip
