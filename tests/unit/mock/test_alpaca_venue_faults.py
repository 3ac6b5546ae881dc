"""The loopback Alpaca goes wrong as it is told: its streams."""

import json

import msgpack
import pytest
import trio

from ticktrail.net import HandshakeRefused
from ticktrail.testing.venue import Fault
from ticktrail_mock.venue.alpaca import serve_alpaca
from unit.mock.alpaca_stage import (
    BOTH,
    NEVER,
    Tape,
    connect,
    error,
    plain,
    subscribed,
)

pytestmark = pytest.mark.anyio


@BOTH
@pytest.mark.parametrize("code", [405, 409, 410, 411, 500])
async def test_errors_in_place_of_an_answer(binary, code):
    """`error_reply` answers the next subscription, nothing else, and nothing is subscribed to."""
    async with serve_alpaca(Tape(), starts_at=NEVER) as venue, connect(venue, binary=binary) as talk:
        await venue.do(Fault(kind="error_reply", at_s=0, code=code, message="no"))
        assert await talk.ask(action="unsubscribe", trades=["AAPL"]) == subscribed()
        assert await talk.ask(action="subscribe", trades=["AAPL"]) == error(code, "no")
        assert await talk.ask(action="subscribe", quotes=["AAPL"]) == subscribed(quotes=["AAPL"])


async def test_errors_in_place_of_an_authentication():
    """With `stream` "auth" it is the next authentication that is refused, whatever its keys."""
    fault = Fault(kind="error_reply", at_s=0, code=409, message="insufficient subscription", stream="auth")
    async with serve_alpaca(Tape(), starts_at=NEVER) as venue, connect(venue) as before:
        await venue.do(fault)
        assert await before.ask(action="subscribe", bars=["AAPL"]) == subscribed(bars=["AAPL"])
        async with connect(venue, log_in=False) as talk:
            refused = await talk.ask(action="auth", key="KEY", secret="SECRET")
            assert refused == error(409, "insufficient subscription")
            await talk.log_in()


@BOTH
async def test_errors_that_nobody_caused(binary):
    """`error` goes to the path's connections at once, and to no other's; data go on."""
    async with (
        serve_alpaca(Tape()) as venue,
        connect(venue, binary=binary, prefix="/a") as a,
        connect(venue, prefix="/b") as b,
    ):
        await a.ask(action="subscribe", quotes=["*"])
        await b.ask(action="subscribe", quotes=["*"])
        await venue.do(Fault(kind="error", at_s=0, path="/a", code=407, message="slow client"))
        assert await a.hear_control() == error(407, "slow client")
        assert len(await a.hear_events(5)) >= 5
        assert all(event["T"] == "q" for event in await b.hear_events(200))


@BOTH
async def test_skip_garble_and_cut(binary):
    """One event is left out, one array is cut short, and the connection ends where it was told to."""
    faults = [
        Fault(kind="skip", at_message=10, stream="@quotes"),
        Fault(kind="garble", at_message=20, stream="AAPL@quotes"),
        Fault(kind="cut", at_message=60),
    ]
    tape = Tape()
    async with serve_alpaca(tape, speed="max", faults=faults) as venue, connect(venue, binary=binary) as talk:
        await talk.ask(action="subscribe", quotes=["AAPL"])
        payloads, end = await talk.to_the_end()
    assert end.code is None
    whole, broken = [], 0
    for payload in payloads:
        try:
            whole += msgpack.unpackb(payload) if binary else json.loads(payload)
        except ValueError:
            broken += 1
    assert broken == 1
    quotes = [event for event in tape.events("quotes") if event["S"] == "AAPL"][:60]
    got = [plain(event)["t"] for event in whole]
    missing = [number for number, event in enumerate(quotes) if plain(event)["t"] not in got]
    assert missing[0] == 10
    assert missing[1] == 20
    assert len(missing) <= 5  # what came together with the spoilt one is spoilt as well


async def test_mute_and_forget_one_stream():
    """By the end of its name: a symbol's channel, or a channel of all symbols; the list tells what was forgotten."""
    async with serve_alpaca(Tape(rate=5_000.0)) as venue, connect(venue) as talk:
        await talk.ask(action="subscribe", trades=["AAPL", "MSFT"], quotes=["AAPL", "MSFT"])
        await venue.do(Fault(kind="mute", at_s=0, stream="@trades"))
        await talk.ask(action="subscribe", bars=["*"])
        assert {event["T"] for event in await talk.hear_events(300)} <= {"q", "b"}
        await venue.do(Fault(kind="forget", at_s=0, stream="AAPL@quotes"))
        asked = await talk.ask(action="subscribe")
        assert (asked["quotes"], asked["trades"]) == (["MSFT"], ["AAPL", "MSFT"])
        assert {event["S"] for event in await talk.hear_events(200) if event["T"] == "q"} == {"MSFT"}


async def test_refused_and_late_connections():
    """The handshake is declined with a status, or takes its time."""
    async with serve_alpaca(Tape(), starts_at=NEVER) as venue:
        await venue.do(Fault(kind="refuse", at_s=0, status=429))
        with pytest.raises(HandshakeRefused) as caught:
            async with connect(venue):
                raise AssertionError("it opened")
        assert caught.value.status == 429
        await venue.do(Fault(kind="late_handshake", at_s=0, for_s=0.3))
        began = trio.current_time()
        async with connect(venue):
            assert trio.current_time() - began >= 0.3


async def test_the_tape_waits_for_who_comes_back():
    """With `waits` nothing is missed over a cut."""
    tape = Tape()
    seen = []
    fault = Fault(kind="cut", every_messages=50)
    async with serve_alpaca(tape, speed="max", waits=True, faults=[fault]) as venue:
        for _ in range(3):
            async with connect(venue) as talk:
                await talk.say(action="subscribe", quotes=["AAPL"])
                payloads, _ = await talk.to_the_end()
                seen += [event for payload in payloads for event in talk.read(payload) if event["T"] == "q"]
    assert seen == [plain(event) for event in tape.events("quotes") if event["S"] == "AAPL"][:150]
