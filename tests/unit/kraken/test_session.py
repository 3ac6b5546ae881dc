"""The conversation in order: pieces, answers that are waited for, and books that are lost again and again."""

import json

import pytest

from ticktrail_kraken.live.session import LISTING, Session
from ticktrail_kraken.wire import Pair, read_head

NAMES = ("ADA/USD", "BTC/USD", "ETH/USD")


def session(*names, per_request=100, wanted=None):
    channels = {"trade": {"snapshot": True}, "book": {"depth": 10}} if wanted is None else wanted
    return Session(names or NAMES, channels, provider="leg", per_request=per_request, wait_s=5.0)


def listing(made, names=NAMES):
    made.take_listing([Pair(symbol=name, status="online") for name in names])


def grant(made, request, symbol=None):
    said = {
        "method": request.method,
        "req_id": request.number,
        "success": True,
        "result": {"channel": request.channel},
    }
    if symbol:
        said["result"]["symbol"] = symbol
    made.take(read_head(json.dumps(said).encode()))


def settled(*names, **more):
    made = session(*names, **more)
    grant(made, made.next(0.0))
    listing(made)
    while (request := made.next(0.0)) is not None:
        for symbol in request.symbols:
            grant(made, request, symbol)
    assert made.settled
    return made


def test_the_list_comes_first_then_pieces():
    """One request at a time; the next once each pair of it is answered."""
    made = session(per_request=2)
    first = made.next(0.0)
    assert (first.channel, json.loads(first.payload())["params"]) == (
        LISTING,
        {"channel": LISTING, "snapshot": True},
    )
    grant(made, first)
    assert made.next(0.0) is None
    assert made.waiting
    listing(made)
    said = []
    while (request := made.next(0.0)) is not None:
        assert made.next(0.0) is None
        said.append((request.channel, tuple(request.symbols)))
        for symbol in request.symbols:
            assert not made.settled
            grant(made, request, symbol)
    assert said == [(channel, piece) for channel in ("trade", "book") for piece in (NAMES[:2], NAMES[2:])]
    assert made.settled


def test_an_answer_to_something_else_is_none():
    """Of another number it is not taken for what is waited for."""
    made = session()
    request = made.next(0.0)
    made.take(read_head(b'{"method":"subscribe","success":true,"req_id":99,"result":{"channel":"trade"}}'))
    assert "grants the subscribe to instrument" in made.due
    assert made.next(0.0) is None
    grant(made, request)
    listing(made)
    assert made.next(0.0) is not None


def again(made, now_s):
    """What is said of books at a time."""
    said = []
    while (request := made.next(now_s)) is not None:
        said.append((request.method, tuple(request.symbols)))
        for symbol in request.symbols:
            grant(made, request, symbol)
    return said


def test_a_lost_book_is_asked_for_at_once_and_alone():
    """Given up, then subscribed to again."""
    made = settled()
    made.ask_again("BTC/USD", 10.0)
    assert again(made, 10.0) == [("unsubscribe", ("BTC/USD",)), ("subscribe", ("BTC/USD",))]
    assert again(made, 10.0) == []


def test_a_book_that_is_lost_again_and_again_waits():
    """Ever longer, up to a minute: no storm of snapshots; forgotten after a good minute."""
    made = settled()
    now_s, pauses = 10.0, []
    for _ in range(12):
        made.ask_again("BTC/USD", now_s)
        made.ask_again("BTC/USD", now_s)  # told twice, asked for once
        at_s = made.wakes_at()
        pauses.append(at_s - now_s)
        assert again(made, at_s - 0.01) == []
        assert len(again(made, at_s)) == 2
        now_s = at_s
    assert pauses[:4] == [0.0, 0.5, 1.0, 2.0]
    assert pauses[-1] == 60.0
    made.ask_again("BTC/USD", now_s + 61)
    assert made.wakes_at() == now_s + 61


def test_a_book_that_is_never_right_is_asked_for_once_a_minute_for_ever():
    """Through two days, say with a pair whose precision the venue tells wrong."""
    made = settled()
    now_s = 10.0
    for _ in range(3_000):
        made.ask_again("BTC/USD", now_s)
        pause_s, now_s = made.wakes_at() - now_s, made.wakes_at()
        again(made, now_s)
    assert pause_s == 60.0


def test_a_ping_waits_for_nothing_else():
    """And is not put where an answer is due."""
    made = settled()
    made.ping()
    request = made.next(0.0)
    assert json.loads(request.payload()) == {"method": "ping", "req_id": request.number}
    made.ping()
    made.take(read_head(b'{"method":"pong","req_id":%d}' % request.number))
    assert made.next(0.0) is None


@pytest.mark.parametrize("said", ["Already subscribed", "Subscription Not Found"])
def test_what_is_as_it_should_be_is_no_refusal(said):
    """It counts as the answer."""
    made = settled("BTC/USD")
    made.ask_again("BTC/USD", 0.0)
    request = made.next(0.0)
    text = {
        "method": "unsubscribe",
        "req_id": request.number,
        "success": False,
        "error": said,
        "symbol": "BTC/USD",
    }
    made.take(read_head(json.dumps(text).encode()))
    assert made.next(0.0).method == "subscribe"
