"""Keys are checked before anything is opened, and spelling is total and reversible over a feed."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail_binance.live.subscription import Subscription
from ticktrail_binance.markets import MARKETS
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import connections_of, streams_of
from ticktrail_binance.symbols import instrument_of, symbol_of
from ticktrail_binance.wire import SymbolInfo
from unit.binance.stage import context


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"ws_url": "ws://stream.example.com"}, "ws_url"),
        ({"rest_url": "http://api.example.com"}, "rest_url"),
        ({"ws_url": "https://stream.example.com"}, "ws_url"),
        ({"messages_per_s": 6}, "messages_per_s"),
        ({"max_streams": 2000}, "max_streams"),
        ({"bar_interval": "7m"}, "bar_interval"),
        ({"market": "futures"}, "market"),
        ({"market": "usdm", "environment": "data_only"}, '"live", "testnet"'),
        ({"market": "usdm", "book_interval_ms": 1000}, "0, 100, 250, 500"),
        ({"market": "usdm", "book_depth": 5000}, "5, 10, 20, 50, 100, 500, 1000"),
        ({"market": "usdm", "bar_interval": "1s"}, "bar_interval"),
        ({"messages_per_s": 11}, "messages_per_s"),
        ({"wss_url": "wss://x"}, "wss_url"),
    ],
)
def test_wrong_keys_are_named(table, says):
    """The venue's limits and encryption beyond this machine are no matter of taste."""
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.convert(table, BinanceSettings)


def test_a_loopback_venue_may_speak_plainly():
    """On this machine, plain text is no risk."""
    settings = BinanceSettings(ws_url="ws://127.0.0.1:9443/a", rest_url="http://[::1]:9443")
    assert (settings.ws_base, settings.rest_base) == ("ws://127.0.0.1:9443/a", "http://[::1]:9443")


def test_each_market_and_environment_has_its_hosts():
    """Encrypted, all of them, and each of its own."""
    seen = set()
    for market in MARKETS.values():
        for environment in market.environments:
            settings = BinanceSettings(market=market.name, environment=environment)
            assert settings.ws_base.startswith("wss://")
            assert settings.rest_base.startswith("https://")
            seen.add(settings.ws_base)
    assert len(seen) == 7
    assert BinanceSettings().ws_base == "wss://data-stream.binance.vision"


@pytest.mark.parametrize(
    ("market", "instrument", "symbol"),
    [
        ("spot", "BTC/USDT", "BTCUSDT"),
        ("spot", "币安/USDT", "币安USDT"),
        ("usdm", "BTC/USDT:USDT", "BTCUSDT"),
        ("usdm", "BTC/USDT:USDT-270326", "BTCUSDT_270326"),
        ("usdm", "1000SHIB/USDC:USDC", "1000SHIBUSDC"),
        ("coinm", "BTC/USD:BTC", "BTCUSD_PERP"),
        ("coinm", "ETH/USD:ETH-270326", "ETHUSD_270326"),
    ],
)
def test_instruments_and_symbols(market, instrument, symbol):
    """There and, with what the venue lists, back."""
    assert symbol_of(instrument, MARKETS[market]) == symbol
    base, _, rest = instrument.partition("/")
    quote, _, settle = rest.partition(":")
    listed = SymbolInfo(symbol=symbol, baseAsset=base, quoteAsset=quote, marginAsset=settle.partition("-")[0])
    assert instrument_of(listed, MARKETS[market]) == instrument


@pytest.mark.parametrize(
    "instrument", ["BTCUSDT", "btc/usdt", "BTC/", "/USDT", "BTC/USDT/X", "", "AAPL", "B C/USDT"]
)
def test_what_is_no_pair_is_refused(instrument):
    """With what would be right."""
    with pytest.raises(ConfigError, match='such as "BTC/USDT"'):
        symbol_of(instrument, MARKETS["spot"])


@pytest.mark.parametrize(
    ("market", "instrument", "right"),
    [
        ("spot", "BTC/USDT:USDT", '"BTC/USDT"'),
        ("usdm", "BTC/USDT", '"BTC/USDT:USDT"'),
        ("coinm", "BTC/USD", '"BTC/USD:BTC"'),
        ("usdm", "BTC/USDT:USDT-27", '"BTC/USDT:USDT-270326"'),
    ],
)
def test_a_pair_is_no_future(market, instrument, right):
    """A perpetual future is another instrument than its pair, and no route may take one for the other."""
    with pytest.raises(ConfigError, match=right):
        symbol_of(instrument, MARKETS[market])


def test_two_instruments_of_one_symbol_are_refused():
    """BTC/USDT and BTCU/SDT cannot both be BTCUSDT."""
    with pytest.raises(ConfigError, match="are both BTCUSDT"):
        streams_of(BinanceSettings(), context("BTC/USDT", "BTCU/SDT"))


asset = st.text("ABCXYZ019ÖÜ币安", min_size=1, max_size=6)


@given(
    pairs=st.lists(st.tuples(asset, asset), min_size=1, max_size=8, unique_by=lambda pair: pair[0] + pair[1]),
    most=st.integers(1, 20),
)
def test_streams_lead_back_to_their_instruments(pairs, most):
    """For any feed whose symbols differ each stream leads back to its instrument, and is on exactly one connection."""
    instruments = [f"{base}/{quote}" for base, quote in pairs]
    settings = BinanceSettings(bar_interval="5m", max_streams=most)
    streams = streams_of(settings, context(*instruments, channels=("trades", "bars")))
    back = {(stream.instrument, stream.channel) for stream in streams.values()}
    names = {symbol_of(name, MARKETS["spot"]).lower() for name in instruments}
    if len(names) == len(instruments):
        assert back == {(name, channel) for name in instruments for channel in ("trades", "bars")}
    assert all("@trade" in name or "@kline_5m" in name for name in streams)
    plans = connections_of(settings, streams)
    assert [name for plan in plans for name in plan.streams] == list(streams)
    assert all(1 <= len(plan.streams) <= most for plan in plans)


def test_futures_come_over_two_paths():
    """Books and quotes over one, the rest over the other: over the wrong one a stream is granted and silent."""
    settings = BinanceSettings(market="usdm")
    channels = ("trades", "quotes", "ticker", "bars", "book", "mark_price", "liquidations")
    streams = streams_of(settings, context("BTC/USDT:USDT", channels=channels))
    assert {plan.path: sorted(plan.streams) for plan in connections_of(settings, streams)} == {
        "/public": ["btcusdt@bookTicker", "btcusdt@depth@100ms"],
        "/market": [
            "btcusdt@aggTrade", "btcusdt@forceOrder", "btcusdt@kline_1m", "btcusdt@markPrice@1s", "btcusdt@ticker",
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "stream"),
    [
        ({}, "btcusdt@depth@100ms"),
        ({"book_interval_ms": 1000}, "btcusdt@depth"),
        ({"book": "partial", "partial_levels": 5}, "btcusdt@depth5@100ms"),
        ({"book": "partial", "book_interval_ms": 1000}, "btcusdt@depth20"),
        ({"market": "usdm", "book_interval_ms": 250}, "btcusdt@depth"),
        ({"market": "usdm", "book_interval_ms": 500}, "btcusdt@depth@500ms"),
    ],
)
def test_the_streams_of_books(settings, stream):
    """By differences or its best levels, at each market's paces."""
    own = BinanceSettings(**settings)
    name = "BTC/USDT:USDT" if own.market == "usdm" else "BTC/USDT"
    assert list(streams_of(own, context(name, channels=("book",)))) == [stream]


def test_the_same_stream_is_not_two_channels():
    """Futures have aggregate trades only."""
    with pytest.raises(ConfigError, match="leave"):
        streams_of(
            BinanceSettings(market="usdm"), context("BTC/USDT:USDT", channels=("trades", "agg_trades"))
        )


def test_status_is_no_stream():
    """It is asked for, not subscribed to."""
    assert streams_of(BinanceSettings(), context("BTC/USDT", channels=("status",))) == {}


def requests(subscription, *answers):
    """Ask and answer until nothing is left to ask; returns what was asked."""
    asked = []
    answers = list(answers)
    while (text := subscription.next_request()) is not None:
        request = msgspec.json.decode(text)
        asked.append((request["method"], request.get("params")))
        answer = {"result": None} if request["method"] != "LIST_SUBSCRIPTIONS" else {"result": answers.pop(0)}
        subscription.take(msgspec.json.encode({**answer, "id": request["id"]}))
    return asked


def test_a_subscription_is_asked_in_pieces_and_compared():
    """One request at a time; then the venue's own list is looked at."""
    subscription = Subscription(["a@trade", "b@trade", "c@trade"], per_request=2, provider="leg")
    assert requests(subscription, ["c@trade", "a@trade", "b@trade"]) == [
        ("SUBSCRIBE", ["a@trade", "b@trade"]),
        ("SUBSCRIBE", ["c@trade"]),
        ("LIST_SUBSCRIPTIONS", None),
    ]
    assert subscription.settled


def test_what_the_venue_forgot_is_asked_for_again():
    """Granted and not listed: once more; listed and not wanted: given up."""
    subscription = Subscription(["a@trade", "b@trade"], per_request=9, provider="leg")
    assert requests(subscription, ["a@trade", "x@trade"], ["a@trade", "b@trade"]) == [
        ("SUBSCRIBE", ["a@trade", "b@trade"]),
        ("LIST_SUBSCRIPTIONS", None),
        ("UNSUBSCRIBE", ["x@trade"]),
        ("SUBSCRIBE", ["b@trade"]),
        ("LIST_SUBSCRIPTIONS", None),
    ]
    assert subscription.mended == ["b@trade"]
    assert subscription.settled


def test_a_list_that_never_agrees_ends_the_connection():
    """Not for ever."""
    subscription = Subscription(["a@trade"], per_request=9, provider="leg")
    with pytest.raises(TransientError, match="does not agree, 3 times"):
        requests(subscription, [], [], [], [], [])


def test_wants_change_while_it_lives():
    """What is new is asked for, what is not wanted any more is given up, and the list is looked at again."""
    subscription = Subscription(["a@trade", "b@trade"], per_request=9, provider="leg")
    requests(subscription, ["a@trade", "b@trade"])
    subscription.want(["b@trade", "c@trade"])
    assert not subscription.settled
    assert requests(subscription, ["b@trade", "c@trade"]) == [
        ("UNSUBSCRIBE", ["a@trade"]),
        ("SUBSCRIBE", ["c@trade"]),
        ("LIST_SUBSCRIPTIONS", None),
    ]
    subscription.look()
    assert not subscription.settled
    assert requests(subscription, ["b@trade", "c@trade"]) == [("LIST_SUBSCRIPTIONS", None)]


def test_wants_change_while_an_answer_is_due():
    """What is on its way is not asked for twice."""
    subscription = Subscription(["a@trade", "b@trade"], per_request=1, provider="leg")
    first = msgspec.json.decode(subscription.next_request())
    subscription.want(["a@trade", "c@trade"])
    assert subscription.next_request() is None
    assert subscription.waiting
    subscription.take(msgspec.json.encode({"result": None, "id": first["id"]}))
    assert requests(subscription, ["a@trade", "c@trade"]) == [
        ("SUBSCRIBE", ["c@trade"]),
        ("LIST_SUBSCRIPTIONS", None),
    ]


def test_other_answers_and_garbage_grant_nothing():
    """Only an answer to a request of ours counts."""
    subscription = Subscription(["a@trade"], per_request=2, provider="leg")
    subscription.next_request()
    for payload in (
        b'{"result":null,"id":7}',
        b'{"result":null,"id":null}',
        b"garbage",
        b'{"stream":"x","data":{}}',
    ):
        subscription.take(payload)
    assert subscription.waiting
    assert "a@trade" in subscription.what_is_due()


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b'{"error":{"code":2,"msg":"Invalid request"},"id":1}', PermanentError),
        (b'{"error":{"code":3,"msg":"Invalid JSON"},"id":null}', PermanentError),
        (b'{"error":{"code":-1000,"msg":"Unknown"},"id":1}', TransientError),
    ],
)
def test_refusals_are_told_apart(payload, error):
    """A wrong request stays wrong; anything else may pass."""
    subscription = Subscription(["a@trade"], per_request=2, provider="leg")
    subscription.next_request()
    with pytest.raises(error, match="code"):
        subscription.take(payload)


@given(payloads=st.lists(st.binary(max_size=60), max_size=4))
def test_no_message_breaks_the_account(payloads):
    """Whatever arrives, only the two kinds of error that a leg knows come out."""
    subscription = Subscription(["a@trade"], per_request=2, provider="leg")
    with contextlib.suppress(PermanentError, TransientError):
        for payload in payloads:
            subscription.next_request()
            subscription.take(payload)
