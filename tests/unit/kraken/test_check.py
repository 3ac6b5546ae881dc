"""What a leg's table may say, and what `ticktrail check` finds in it without opening a socket."""

import msgspec
import pytest

from ticktrail._plan import compose
from ticktrail.errors import ConfigError
from ticktrail_kraken.plugin import ticktrail_providers
from ticktrail_kraken.settings import KrakenSettings
from ticktrail_kraken.subscriptions import params_of
from ticktrail_kraken.symbols import rest_pair, symbol_of

FEED = """\
[feed]
name = "stage"
profile = "{profile}"
instruments = ["{instrument}"]
channels = [{channels}]
[clock]
servers = []
[providers.kraken]
{lines}
[[sinks]]
plugin = "jsonl"
path = "out.jsonl"
"""


def checked(tmp_path, lines="", instrument="BTC/USD", channels='"trades"', profile="development"):
    path = tmp_path / "feed.toml"
    path.write_text(FEED.format(lines=lines, instrument=instrument, channels=channels, profile=profile))
    return compose(path)


def test_a_table_without_a_key_will_do(tmp_path):
    """Every channel, no account."""
    feed = checked(tmp_path, channels='"trades", "quotes", "ticker", "book", "bars", "status"')
    assert feed.warnings == ()


@pytest.mark.parametrize(
    ("lines", "instrument", "says"),
    [
        ("", "XBT/USD", 'write "BTC/USD"'),
        ("", "BTCUSD", 'write base and quote in capitals with a slash between, such as "BTC/USD"'),
        ("book_depth = 11", "BTC/USD", "book_depth"),
        ('ws_url = "ws://ws.kraken.com/v2"', "BTC/USD", "mend ws_url"),
        ('rest_url = "http://api.kraken.com"', "BTC/USD", "mend rest_url"),
        ("quiet_after_s = { status = 5 }", "BTC/USD", "nothing can be said of the silence of status"),
        ("depth = 10", "BTC/USD", "depth"),
    ],
)
def test_what_is_wrong_is_told_with_its_remedy(tmp_path, lines, instrument, says):
    """Before any socket is opened."""
    with pytest.raises(ConfigError) as wrong:
        checked(tmp_path, lines, instrument)
    assert says in str(wrong.value)


def test_a_channel_that_there_is_not(tmp_path):
    """The feed is told which leg has it not."""
    with pytest.raises(ConfigError, match="mark_price"):
        checked(tmp_path, channels='"mark_price"')


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [("BTC/USD", "XBTUSD"), ("ETH/BTC", "ETHXBT"), ("DOGE/EUR", "XDGEUR"), ("1INCH/USD", "1INCHUSD")],
)
def test_names_by_rest(symbol, pair):
    """Two names of the first days are left there."""
    assert symbol_of(symbol) == symbol
    assert rest_pair(symbol) == pair


def test_what_is_asked_for():
    """Quotes need each change of the best prices, tickers alone each trade; nothing else is asked for."""
    own = KrakenSettings(book_depth=25, bar_minutes=5)
    assert params_of(frozenset({"ticker"}), own) == {"ticker": {"event_trigger": "trades", "snapshot": True}}
    wanted = params_of(frozenset({"ticker", "quotes", "book", "bars", "status"}), own)
    assert wanted["ticker"]["event_trigger"] == "bbo"
    assert wanted["book"]["depth"] == 25
    assert wanted["ohlc"]["interval"] == 5
    assert set(wanted) == {"ticker", "book", "ohlc"}


def test_the_addresses_that_a_production_feed_looks_at():
    """Both, also where the table leaves them to the plugin."""
    (spec,) = ticktrail_providers()
    assert spec.addresses is not None
    assert spec.addresses(msgspec.convert({}, KrakenSettings)) == {
        "ws_url": "wss://ws.kraken.com/v2",
        "rest_url": "https://api.kraken.com",
    }
