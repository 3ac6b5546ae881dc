"""The loopback Alpaca speaks the venue's protocol in both encodings, and keeps its limits."""

import json
from contextlib import suppress
from decimal import Decimal

import msgpack
import pytest
import trio

from ticktrail.errors import ConfigError
from ticktrail.net import ConnectionLost, HandshakeRefused
from ticktrail.testing.venue import Fault
from ticktrail_mock.venue.alpaca import serve_alpaca
from unit.mock.alpaca_stage import (
    BOTH,
    CRYPTO_LISTS,
    KEYS,
    MARKETS,
    NEVER,
    Tape,
    connect,
    error,
    plain,
    subscribed,
)

pytestmark = pytest.mark.anyio


@BOTH
@MARKETS
@pytest.mark.parametrize("prefix", ["", "/a", "/a/b"])
async def test_events_are_those_of_the_tape(market, binary, prefix):
    """By either encoding and over any path, every event, in order, number for number and nanosecond for nanosecond."""
    tape = Tape(market)
    channels = ["trades", "quotes", "bars", "dailyBars"]
    async with serve_alpaca(tape, speed="max") as venue, connect(venue, prefix=prefix, binary=binary) as talk:
        await talk.ask(action="subscribe", **{channel: ["*"] for channel in channels})
        events = await talk.hear_events(2_000)
    assert events[:2_000] == [plain(event) for event in tape.events(*channels)][:2_000]
    assert {event["T"] for event in events} == {"t", "q", "b", "d"}


@BOTH
async def test_events_that_came_together_share_an_array(binary):
    """As the tape gives it: some arrays hold several, and none mixes what did not come together."""
    tape = Tape()
    async with serve_alpaca(tape, speed="max") as venue, connect(venue, binary=binary) as talk:
        await talk.ask(action="subscribe", trades=["*"], quotes=["*"])
        arrays = [await talk.hear() for _ in range(200)]
    batches = {}
    for message in tape.kept:
        if message.stream.endswith(("@trades", "@quotes")):
            batches.setdefault(message.batch, []).append(plain(json.loads(message.raw)))
    expected = list(batches.values())
    # the tape is cut into pieces of some hundred messages, wherever a batch may be
    assert sum(array == batch for array, batch in zip(arrays, expected, strict=False)) > 100
    assert max(map(len, arrays)) > 1


async def test_the_encodings_of_numbers_and_times():
    """JSON has the tape's digits; MessagePack has doubles for prices, whole or not, and timestamps with nanoseconds."""
    tape = Tape("crypto")
    async with (
        serve_alpaca(tape, speed="max", starts_at=2) as venue,
        connect(venue) as text,
        connect(venue, binary=True) as packed,
    ):
        await text.ask(action="subscribe", trades=["BTC/USD"])
        await packed.ask(action="subscribe", trades=["BTC/USD"])
        one, other = await text.payload(), msgpack.unpackb(await packed.payload())
    raw = next(message.raw for message in tape.kept if message.stream == "BTC/USD@trades")
    assert one.startswith(b"[" + raw[:-1])
    (trade, *_) = other
    expected = json.loads(raw, parse_float=Decimal)
    assert isinstance(trade["p"], float)
    assert isinstance(trade["s"], float)
    assert isinstance(trade["i"], int)
    assert trade["t"].to_unix_nano() == plain(expected)["t"]
    assert trade["t"].to_unix_nano() % 1_000


@BOTH
async def test_the_steps_before_data(binary):
    """Nothing without keys, nothing with wrong ones, nothing twice; each refusal leaves the connection open."""
    async with (
        serve_alpaca(Tape(), starts_at=NEVER) as venue,
        connect(venue, binary=binary, log_in=False) as talk,
    ):
        assert await talk.ask(action="subscribe", trades=["AAPL"]) == error(401, "not authenticated")
        assert await talk.ask(action="unsubscribe", trades=["AAPL"]) == error(401, "not authenticated")
        assert await talk.ask(action="auth", key="KEY", secret="no") == error(402, "auth failed")
        assert await talk.ask(action="auth", key="no", secret="SECRET") == error(402, "auth failed")
        await talk.log_in()
        assert await talk.ask(action="auth", key="KEY", secret="SECRET") == error(
            403, "already authenticated"
        )
        assert await talk.ask(action="subscribe", bars=["AAPL"]) == subscribed(bars=["AAPL"])


@BOTH
async def test_what_is_no_request(binary):
    """Broken text, a request without action, one whose lists are none, a symbol of another market: 400, and no end."""
    async with serve_alpaca(Tape(), starts_at=NEVER) as venue, connect(venue, binary=binary) as talk:
        for broken in (b"\xc1\x00", b"[]") if binary else ("{", "[]", "7"):
            await talk.say_raw(broken)
            assert await talk.hear_control() == error(400, "invalid syntax")
        for request in (
            {"action": "dance"},
            {"trades": ["AAPL"]},
            {"action": "subscribe", "trades": 7},
            {"action": "subscribe", "trades": ["aapl"]},
            {"action": "subscribe", "trades": ["BTC/USD"]},
            {"action": "auth", "key": "KEY"},
        ):
            assert await talk.ask(**request) == error(400, "invalid syntax")
        assert await talk.ask(action="subscribe", trades=["AAPL"]) == subscribed(
            trades=["AAPL"], corrections=["AAPL"], cancelErrors=["AAPL"]
        )


async def test_keys_in_the_handshake():
    """The headers authenticate as the message does; wrong ones are told, and right ones may follow."""
    async with serve_alpaca(Tape(), key="K", secret="S", starts_at=NEVER) as venue:
        async with connect(
            venue, headers={"APCA-API-KEY-ID": "K", "APCA-API-SECRET-KEY": "S"}, log_in=False
        ) as talk:
            assert await talk.hear() == [{"T": "success", "msg": "authenticated"}]
            assert (await talk.ask(action="subscribe"))["T"] == "subscription"
        async with connect(venue, headers=KEYS, log_in=False) as talk:
            assert await talk.hear() == [error(402, "auth failed")]
            assert (await talk.ask(action="auth", key="K", secret="S"))["msg"] == "authenticated"


@BOTH
async def test_who_does_not_authenticate_is_sent_away(binary):
    """404 once the time is up, and the connection is closed."""
    async with (
        serve_alpaca(Tape(), auth_within_s=0.2) as venue,
        connect(venue, binary=binary, log_in=False) as talk,
    ):
        assert await talk.hear() == [error(404, "auth timeout")]
        with pytest.raises(ConnectionLost) as caught:
            await talk.hear()
    assert caught.value.code == 1000


async def test_who_has_authenticated_stays():
    """The time for it is not the time of the connection."""
    async with serve_alpaca(Tape(rate=100.0), auth_within_s=0.3) as venue, connect(venue) as talk:
        await talk.ask(action="subscribe", quotes=["*"])
        began = trio.current_time()
        while trio.current_time() < began + 0.6:
            await talk.hear()


async def test_pings():
    """A connection without data lives by pings; without those not a byte comes over it."""
    for ping_every_s, lives in ((0.1, True), (None, False)):
        async with (
            serve_alpaca(Tape(), starts_at=NEVER, ping_every_s=ping_every_s) as venue,
            connect(venue, silent_s=0.5) as talk,
        ):
            with trio.move_on_after(1.5) as waiting, suppress(ConnectionLost):
                await talk.hear()
            assert waiting.cancelled_caught is lives


async def test_the_list_of_subscriptions():
    """Each answer has all of it; trades bring corrections and cancellations; `*` stands for itself."""
    async with serve_alpaca(Tape(), starts_at=NEVER) as venue, connect(venue) as talk:
        own = {"corrections": ["AAPL", "MSFT"], "cancelErrors": ["AAPL", "MSFT"]}
        both = {"trades": ["AAPL", "MSFT"], **own}
        asked = await talk.ask(action="subscribe", trades=["MSFT", "AAPL"], quotes=["AMD"], bars=["*"])
        assert asked == subscribed(**both, quotes=["AMD"], bars=["*"])
        asked = await talk.ask(
            action="subscribe", quotes=["*"], lulds=["F"], imbalances=["F"], statuses=["*"]
        )
        everything = {"quotes": ["*", "AMD"], "lulds": ["F"], "imbalances": ["F"], "statuses": ["*"]}
        assert asked == subscribed(**both, **everything, bars=["*"])
        asked = await talk.ask(action="unsubscribe", trades=["AAPL", "NOBODY"], quotes=["*"], bars=["*"])
        rest_of_it = {"lulds": ["F"], "imbalances": ["F"], "statuses": ["*"]}
        only = {"trades": ["MSFT"], "corrections": ["MSFT"], "cancelErrors": ["MSFT"]}
        assert asked == subscribed(**only, **rest_of_it)
        assert venue.subscribed() == 4


async def test_channels_of_another_feed():
    """410 for what this market has not; the subscriptions stay as they were."""
    refusal = error(410, "invalid subscribe action for this feed")
    async with serve_alpaca(Tape(), starts_at=NEVER) as venue, connect(venue) as talk:
        assert await talk.ask(action="subscribe", trades=["AAPL"], orderbooks=["AAPL"]) == refusal
        assert await talk.ask(action="subscribe", news=["*"]) == refusal
        assert await talk.ask(action="subscribe", news=[]) == subscribed()
    async with serve_alpaca(Tape("crypto"), starts_at=NEVER) as venue, connect(venue) as talk:
        assert await talk.ask(action="subscribe", statuses=["*"]) == refusal
        assert await talk.ask(action="subscribe", bars=["BTC/USD"]) == subscribed(
            CRYPTO_LISTS, bars=["BTC/USD"]
        )


async def test_the_symbol_limit():
    """A request beyond it is refused whole; bars do not count, `*` is every symbol, and the socket stays open."""
    refusal = error(405, "symbol limit exceeded")
    async with serve_alpaca(Tape(), symbol_limit=1, starts_at=NEVER) as venue, connect(venue) as talk:
        assert (await talk.ask(action="subscribe", trades=["AAPL"]))["trades"] == ["AAPL"]
        assert (await talk.ask(action="subscribe", quotes=["AAPL"], bars=["*"]))["quotes"] == ["AAPL"]
        assert await talk.ask(action="subscribe", quotes=["MSFT"], statuses=["AAPL"]) == refusal
        assert await talk.ask(action="subscribe", trades=["*"]) == refusal
        asked = await talk.ask(action="subscribe")
        assert (asked["quotes"], asked["statuses"], asked["bars"]) == (["AAPL"], [], ["*"])


async def test_the_connection_limit():
    """A second connection to a feed is told so when it shows its keys; another feed, or a later time, is free."""
    async with serve_alpaca(Tape(), connection_limit=1, starts_at=NEVER) as venue:
        async with connect(venue), connect(venue, log_in=False) as second, connect(venue, "/v2/sip"):
            asked = await second.ask(action="auth", key="KEY", secret="SECRET")
            assert asked == error(406, "connection limit exceeded")
            assert venue.connections() == 3
        with trio.fail_after(30):
            while venue.connections():
                await trio.lowlevel.checkpoint()
        async with connect(venue):
            pass


@pytest.mark.parametrize("market", ["stocks", "crypto"])
async def test_paths(market):
    """The feeds of a market are there, and nothing else."""
    feeds = {
        "stocks": [
            "/v2/sip",
            "/v2/iex",
            "/v2/delayed_sip",
            "/v2/test",
            "/v1beta1/boats",
            "/v1beta1/overnight",
        ],
        "crypto": ["/v1beta3/crypto/us", "/v1beta3/crypto/us-1", "/v1beta3/crypto/eu-1"],
    }
    other = next(feeds[name] for name in feeds if name != market)
    async with serve_alpaca(Tape(market), starts_at=NEVER) as venue:
        for feed in feeds[market]:
            async with connect(venue, feed, prefix="/x"):
                assert venue.connections("/x") == 1
        for feed in (*other, "/v2/nothing", ""):
            with pytest.raises(HandshakeRefused) as caught:
                async with connect(venue, feed or "/"):
                    raise AssertionError("it opened")
            assert caught.value.status == 404


async def test_what_does_not_fit_is_told():
    """A market that is not the tape's, and faults of another venue, in the script and at once."""
    with pytest.raises(ConfigError, match="the tape is of stocks"):
        async with serve_alpaca(Tape(), market="crypto"):
            raise AssertionError("it opened")
    with pytest.raises(ConfigError, match="no fault 'old_book'"):
        async with serve_alpaca(Tape(), faults=[Fault(kind="old_book", at_s=0)]):
            raise AssertionError("it opened")
    async with serve_alpaca(Tape()) as venue:
        with pytest.raises(ConfigError, match="no fault 'shutdown'"):
            await venue.do(Fault(kind="shutdown", at_s=0))
