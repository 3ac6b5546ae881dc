"""Keys are checked before anything is opened, and spelling is total and reversible over a feed."""

import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.errors import ConfigError, PermanentError, TransientError
from ticktrail_binance.session import BinanceProvider
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import streams_of, symbol_of
from ticktrail_binance.subscription import Subscription
from unit.binance.test_decoder import context


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
    assert settings.ws_url == "ws://127.0.0.1:9443/a"


@pytest.mark.parametrize("instrument", ["BTCUSDT", "btc/usdt", "BTC/", "/USDT", "BTC/USDT/X", "", "AAPL"])
def test_what_is_no_pair_is_refused(instrument):
    """With what would be right."""
    with pytest.raises(ConfigError, match='such as "BTC/USDT"'):
        symbol_of(instrument)


def test_two_instruments_of_one_symbol_are_refused():
    """BTC/USDT and BTCU/SDT cannot both be BTCUSDT."""
    with pytest.raises(ConfigError, match="are both BTCUSDT"):
        streams_of(context("BTC/USDT", "BTCU/SDT"), "1m")


asset = st.text("ABCXYZ019ÖÜ币安", min_size=1, max_size=6)


@given(
    pairs=st.lists(st.tuples(asset, asset), min_size=1, max_size=8, unique_by=lambda pair: pair[0] + pair[1])
)
def test_streams_lead_back_to_their_instruments(pairs):
    """For any feed whose symbols differ, each stream's name leads back to its instrument; symbols need not be ASCII."""
    instruments = [f"{base}/{quote}" for base, quote in pairs]
    streams = streams_of(context(*instruments, channels=("trades", "bars")), "5m")
    back = {(stream.instrument, stream.channel) for stream in streams.values()}
    names = {symbol_of(name).lower() for name in instruments}
    if len(names) == len(instruments):
        assert back == {(name, channel) for name in instruments for channel in ("trades", "bars")}
    assert all("@trade" in name or "@kline_5m" in name for name in streams)


def test_more_streams_than_a_connection_carries():
    """Known before a socket is opened."""
    with pytest.raises(ConfigError, match=r"2 streams.*carries 1"):
        BinanceProvider(BinanceSettings(max_streams=1), context("BTC/USDT", channels=("trades", "quotes")))


def test_a_subscription_is_asked_in_pieces_and_kept_account_of():
    """Each piece has a number of its own; what is not answered is known."""
    subscription = Subscription(["a@trade", "b@trade", "c@trade"], per_request=2, provider="venue")
    asked = [msgspec.json.decode(text) for text in subscription.requests()]
    assert [(request["id"], request["params"]) for request in asked] == [
        (1, ["a@trade", "b@trade"]),
        (2, ["c@trade"]),
    ]
    subscription.take(b'{"result":null,"id":2}')
    assert subscription.unanswered() == ["a@trade", "b@trade"]
    assert not subscription.granted
    subscription.take(b'{"result":null,"id":1}')
    assert subscription.granted


def test_other_answers_and_garbage_grant_nothing():
    """Only an answer to a request of ours counts."""
    subscription = Subscription(["a@trade"], per_request=2, provider="venue")
    for payload in (
        b'{"result":null,"id":7}',
        b'{"result":null,"id":null}',
        b"garbage",
        b'{"stream":"x","data":{}}',
    ):
        subscription.take(payload)
    assert not subscription.granted


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b'{"error":{"code":2,"msg":"Invalid request"},"id":1}', PermanentError),
        (b'{"error":{"code":3,"msg":"Invalid JSON"},"id":null}', PermanentError),
        (b'{"error":{"code":-1000,"msg":"Unknown"},"id":1}', TransientError),
        (b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}', TransientError),
    ],
)
def test_refusals_are_told_apart(payload, error):
    """A wrong request stays wrong; anything else may pass."""
    with pytest.raises(error):
        Subscription(["a@trade"], per_request=2, provider="venue").take(payload)


@given(payload=st.binary(max_size=60))
def test_no_message_breaks_the_account(payload):
    """Whatever arrives, only the two kinds of error that a leg knows come out."""
    subscription = Subscription(["a@trade"], per_request=2, provider="venue")
    with contextlib.suppress(PermanentError, TransientError):
        subscription.take(payload)
