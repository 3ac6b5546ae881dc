"""A REST client at a server of the tests' own, and a question for it."""

from ticktrail.plugin import SystemClock
from ticktrail_alpaca.rest.client import RestClient
from ticktrail_alpaca.rest.questions import (
    ask_trades,
)
from unit.alpaca.rest_venue import ok, settings_of

NS_PER_S = 1_000_000_000
NOW_S = 1_700_000_000
NOTHING = ok({"trades": {}, "next_page_token": None})
PERIOD = {"start_ns": 0, "end_ns": NS_PER_S}


def client_of(url, told=None, clock=None, **settings):
    tell = (told if told is not None else []).append
    return RestClient(settings_of(url, **settings), "leg", clock or SystemClock(), None, tell)


def ask(client):
    return ask_trades(client, "AAPL", **PERIOD)
