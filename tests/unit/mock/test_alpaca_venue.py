"""The loopback Alpaca speaks the venue's protocol in both encodings, keeps its limits, and goes wrong as it is told."""

import json
from contextlib import suppress
from decimal import Decimal

import httpx
import msgpack
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from recordings import recording
from ticktrail.errors import ConfigError
from ticktrail.net import ConnectionLost, HandshakeRefused
from ticktrail_mock.venue.alpaca import serve_alpaca
from ticktrail_mock.venue.alpaca.codec import msgpack_of, ns_of, text_of
from ticktrail_mock.venue.alpaca.memory import Row
from ticktrail_mock.venue.alpaca.pages import Position, page_of
from ticktrail_mock.venue.alpaca.tape import RecordingAlpacaTape
from ticktrail_mock.venue.faults import Fault
from unit.mock.alpaca_stage import KEYS, Tape, connect, plain, record

pytestmark = pytest.mark.anyio
BOTH = pytest.mark.parametrize("binary", [False, True], ids=["json", "msgpack"])
MARKETS = pytest.mark.parametrize("market", ["stocks", "crypto"])
STOCK_LISTS = {
    name: []
    for name in (
        "trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds", "corrections",
        "cancelErrors", "imbalances",
    )
}  # fmt: skip
CRYPTO_LISTS = {name: [] for name in ("trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars")}
NEVER = 10**12
"""More streams than anybody subscribes to: the tape does not start."""


def error(code, message):
    return {"T": "error", "code": code, "msg": message}


def subscribed(lists=STOCK_LISTS, **names):
    return {"T": "subscription", **lists, **names}


def rest(venue, prefix="", keys=KEYS):
    return httpx.AsyncClient(base_url=venue.rest_url(prefix), headers=keys, timeout=30)


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


@BOTH
@pytest.mark.parametrize("prefix", ["", "/b"])
async def test_a_book_begins_whole(binary, prefix):
    """Each new subscription, over this path or another, gets the whole book: with its changes, the tape's, always."""
    tape = Tape("crypto")
    async with serve_alpaca(tape, speed=1.0) as venue, connect(venue, binary=binary) as first:
        await first.ask(action="subscribe", orderbooks=["BTC/USD"])
        await first.hear_events(50)
        async with connect(venue, binary=binary, prefix=prefix) as talk:
            assert (await talk.ask(action="subscribe", orderbooks=["*"]))["orderbooks"] == ["*"]
            events = await talk.hear_events(100)
            assert [(event["S"], event.get("r")) for event in events[:2]] == [
                ("BTC/USD", True),
                ("ETH/USD", True),
            ]
            assert not any(event.get("r") for event in events[2:])
            await talk.say(action="subscribe", orderbooks=["BTC/USD"])  # nothing new: no second reset
            assert not any(event.get("r") for event in await talk.hear_events(50))
        async with (
            serve_alpaca(Tape("crypto"), speed="max", starts_at=NEVER) as fresh,
            connect(fresh, binary=binary) as talk,
        ):
            await talk.ask(action="subscribe", orderbooks=["ETH/USD"])
            (opening,) = await talk.hear_events(1)
    assert len(opening["b"]) == len(opening["a"]) == 10
    for symbol in ("BTC/USD", "ETH/USD"):
        mine, true = {"b": {}, "a": {}}, {"b": {}, "a": {}}
        own = [event for event in events if event["S"] == symbol]
        book = Tape("crypto").books()[symbol]
        true["b"] = {float(price): float(size) for price, size in book.bids.items()}
        true["a"] = {float(price): float(size) for price, size in book.asks.items()}
        changes = [plain(event) for event in tape.events("orderbooks") if event["S"] == symbol]
        before = [event for event in changes if event["t"] < own[1]["t"]]
        for event in before:
            apply(true, event)
        apply(mine, own[0])
        assert mine == true
        after = [event for event in changes if event["t"] >= own[1]["t"]]
        assert own[1:] == after[: len(own) - 1]
        for event in own[1:]:
            apply(mine, event)
            assert max(mine["b"]) < min(mine["a"])


def apply(book, event):
    for side in "ba":
        if event.get("r"):
            book[side].clear()
        for level in event[side]:
            if level["s"]:
                book[side][level["p"]] = level["s"]
            else:
                book[side].pop(level["p"], None)


async def test_trade_ids_count_by_exchange():
    """A stock's ids go up one by one within an exchange, and up and down over all; crypto has one count."""
    tape = Tape()
    async with serve_alpaca(tape, speed="max") as venue, connect(venue) as talk:
        await talk.ask(action="subscribe", trades=["AAPL"])
        trades = await talk.hear_events(300)
    by_exchange = {}
    for trade in trades:
        by_exchange.setdefault(trade["x"], []).append(trade["i"])
    assert len(by_exchange) > 2
    assert all(ids == list(range(ids[0], ids[0] + len(ids))) for ids in by_exchange.values())
    ids = [trade["i"] for trade in trades]
    assert ids != sorted(ids)
    tape = Tape("crypto")
    async with serve_alpaca(tape, speed="max") as venue, connect(venue) as talk:
        await talk.ask(action="subscribe", trades=["BTC/USD"])
        ids = [trade["i"] for trade in await talk.hear_events(100)]
    assert ids == list(range(ids[0], ids[0] + len(ids)))


async def test_the_documentation_s_examples_are_sent():
    """A recording of every kind of event: each by its own channel, character for character."""
    tape = RecordingAlpacaTape(recording("alpaca_stocks/official_doc_examples.jsonl.gz"))
    assert tape.market == "stocks"
    messages = list(tape.messages())
    async with serve_alpaca(tape, speed="max") as venue, connect(venue) as talk:
        channels = [channel for channel in STOCK_LISTS if channel not in {"corrections", "cancelErrors"}]
        await talk.ask(action="subscribe", **{channel: ["*"] for channel in channels})
        payloads = []
        while len(payloads) < len({message.batch for message in messages}):
            payloads.append(await talk.payload())
    assert b"".join(payloads).replace(b"][", b",") == b"[" + b",".join(m.raw for m in messages) + b"]"
    assert {json.loads(message.raw)["T"] for message in messages} == set("tqbcxlsi")
    crypto = RecordingAlpacaTape(recording("alpaca_crypto/official_doc_examples.jsonl.gz"))
    assert crypto.market == "crypto"
    assert {json.loads(message.raw)["T"] for message in crypto.messages()} == set("tqbo")


async def test_a_recorded_book_that_did_not_begin_whole():
    """Whoever subscribes gets a reset all the same: an empty book, or what the tape said so far."""
    tape = RecordingAlpacaTape(recording("alpaca_crypto/official_doc_examples.jsonl.gz"))
    async with serve_alpaca(tape, speed="max") as venue, connect(venue) as talk:
        await talk.ask(action="subscribe", orderbooks=["MKR/USD"])
        reset, change = await talk.hear_events(2)
        assert (reset["b"], reset["a"], reset["r"]) == ([], [], True)
        assert change["a"] == [{"p": 2614.587, "s": 12.5308}]
        async with connect(venue) as late:
            await late.ask(action="subscribe", orderbooks=["MKR/USD"])
            (reset,) = await late.hear_events(1)
        assert (reset["a"], reset["r"]) == ([{"p": 2614.587, "s": 12.5308}], True)


def test_a_recording_s_times_move(tmp_path):
    """All by the same, to the nanosecond, so that the first comes now; nothing else changes."""
    path = record(tmp_path / "day.jsonl", Tape(ends_after=200).messages())
    plainly = list(RecordingAlpacaTape(path).messages())
    now_ns = 1_900_000_000_000_000_007
    moved = list(RecordingAlpacaTape(path, now_ns=lambda: now_ns).messages())
    shifts = {
        plain(json.loads(two.raw))["t"] - plain(json.loads(one.raw))["t"]
        for one, two in zip(plainly, moved, strict=True)
    }
    assert len(shifts) == 1
    assert max(plain(json.loads(message.raw))["t"] - message.due_ns for message in moved) <= now_ns
    assert [{**json.loads(message.raw), "t": ""} for message in moved] == [
        {**json.loads(message.raw), "t": ""} for message in plainly
    ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ({"kind": "ws", "raw": '[{"T":"success","msg":"connected"}]'}, "holds no event"),
        ({"kind": "ws", "raw": "nonsense"}, "is no message of Alpaca"),
        ({"kind": "ws", "raw": '{"T":"t","S":"AAPL","t":"soon"}'}, "'soon' is no time"),
        ({"kind": "http", "raw": '{"bars":{}}'}, "holds no event"),
    ],
)
def test_a_recording_of_something_else_is_told(tmp_path, line, says):
    """Before the venue starts."""
    path = tmp_path / "other.jsonl"
    path.write_text(json.dumps({"recv_ns": 1, **line}) + "\n")
    with pytest.raises(ConfigError, match=says):
        RecordingAlpacaTape(path)


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


@given(st.integers(0, 2**62))
def test_times_are_the_same_in_both_encodings(time_ns):
    """To the nanosecond, there and back."""
    text = text_of(time_ns)
    assert ns_of(text) == time_ns
    (event,) = msgpack.unpackb(msgpack_of(b'[{"t":"%b"}]' % text.encode(), "stocks"))
    assert event["t"].to_unix_nano() == time_ns


SYMBOLS = st.sampled_from(["A", "B", "C", "D"])
ROWS = st.dictionaries(SYMBOLS, st.lists(st.integers(0, 20), max_size=12))


@given(ROWS, st.integers(1, 15), st.booleans())
def test_pages_are_the_rows_once(times, limit, descending):
    """However many have the same time, in either direction; all pages but the last are full."""
    rows = {
        symbol: sorted(Row(time_ns, number, b"") for number, time_ns in enumerate(of))
        for symbol, of in times.items()
    }
    pages, after = [], None
    while not pages or after is not None:
        page = page_of(rows, limit=limit, after=after, descending=descending)
        pages.append([(symbol, row) for symbol, of in page.rows.items() for row in of])
        after = None if page.end is None else Position.of(page.end.token)
    assert [row for page in pages for row in page] == [
        (symbol, row) for symbol in sorted(rows) for row in sorted(rows[symbol], reverse=descending)
    ]
    assert all(len(page) == limit for page in pages[:-1])


# REST


async def all_pages(client, path, **params):
    """Every page of a request."""
    pages = []
    while True:
        answer = await client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        pages.append(answer.json())
        if pages[-1]["next_page_token"] is None:
            return pages
        params["page_token"] = pages[-1]["next_page_token"]
        assert len(pages) < 500


def rows_of(pages, channel):
    rows = {}
    for page in pages:
        for symbol, of in page[channel].items():
            rows.setdefault(symbol, []).extend(of)
    return rows


def expected_rows(messages, channel):
    rows = {}
    for message in messages:
        event = json.loads(message.raw)
        if message.stream.endswith(f"@{channel}"):
            rows.setdefault(event["S"], []).append({k: v for k, v in event.items() if k not in "TS"})
    return rows


def archive(tmp_path, market="stocks", count=1_500):
    """A finite tape, and its messages."""
    messages = list(Tape(market, ends_after=count).messages())
    return RecordingAlpacaTape(record(tmp_path / "day.jsonl", messages)), messages


BASE = {"stocks": "/v2/stocks/", "crypto": "/v1beta3/crypto/us/"}


@MARKETS
@pytest.mark.parametrize("channel", ["trades", "quotes", "bars"])
@pytest.mark.parametrize("limit", [7, 100, 10_000])
async def test_pages_have_each_row_once(tmp_path, market, channel, limit):
    """Over several symbols, full to the limit, the last one without a token; backwards as forwards."""
    tape, messages = archive(tmp_path, market)
    expected = expected_rows(messages, channel)
    symbols = ",".join(reversed(tape.symbols()))
    params = {"symbols": symbols, "limit": limit, "timeframe": "1Min"}
    async with (
        serve_alpaca(tape, archive=True, requests_per_minute=10_000) as venue,
        rest(venue, "/x") as client,
    ):
        pages = await all_pages(client, BASE[market] + channel, **params)
        assert rows_of(pages, channel) == expected
        assert all(sum(map(len, page[channel].values())) == limit for page in pages[:-1])
        assert sum(map(len, pages[-1][channel].values())) <= limit
        assert any(len(page[channel]) == 2 for page in pages) or limit < 10_000
        backwards = rows_of(await all_pages(client, BASE[market] + channel, sort="desc", **params), channel)
        assert backwards == {symbol: list(reversed(rows)) for symbol, rows in expected.items()}
        assert len(venue.asked("/x")) == 2 * len(pages)
        assert venue.asked("/x")[0].what.startswith(BASE[market][1:] + channel + "?symbols=")


async def test_a_period(tmp_path):
    """From and to, both ends included; days, zones and nanoseconds are read."""
    tape, messages = archive(tmp_path)
    rows = expected_rows(messages, "trades")["AAPL"]
    first, last = rows[20]["t"], rows[40]["t"]
    async with serve_alpaca(tape, archive=True) as venue, rest(venue) as client:
        for start in (first, first.replace("Z", "+00:00")):
            answer = await client.get(
                "/v2/stocks/trades", params={"symbols": "AAPL", "start": start, "end": last}
            )
            assert answer.json() == {"trades": {"AAPL": rows[20:41]}, "next_page_token": None}
        day = rows[0]["t"][:10]
        answer = await client.get("/v2/stocks/trades", params={"symbols": "AAPL", "end": day})
        assert answer.json() == {"trades": {}, "next_page_token": None}
        answer = await client.get("/v2/stocks/trades", params={"symbols": "AAPL,GONE", "start": day})
        assert answer.json()["trades"] == {"AAPL": rows}


@pytest.mark.parametrize(
    ("timeframe", "starts"),
    [
        ("1Day", "2026-07-14T00:00:00Z"),
        ("1Week", "2026-07-13T00:00:00Z"),
        ("1Month", "2026-07-01T00:00:00Z"),
        ("6Month", "2026-07-01T00:00:00Z"),
        ("12Month", "2026-01-01T00:00:00Z"),
    ],
)
async def test_longer_bars(tmp_path, timeframe, starts):
    """Made of the minutes: open of the first, close of the last, the extremes and the sum."""
    tape, messages = archive(tmp_path)
    minutes = expected_rows(messages, "bars")["AAPL"]
    async with serve_alpaca(tape, archive=True) as venue, rest(venue) as client:
        answer = await client.get("/v2/stocks/bars", params={"symbols": "AAPL", "timeframe": timeframe})
        (bar,) = answer.json()["bars"]["AAPL"]
    assert bar["t"] == starts
    assert (bar["o"], bar["c"]) == (minutes[0]["o"], minutes[-1]["c"])
    assert bar["h"] == max(minute["h"] for minute in minutes)
    assert bar["l"] == min(minute["l"] for minute in minutes)
    assert bar["v"] == sum(minute["v"] for minute in minutes)
    assert bar["n"] == sum(minute["n"] for minute in minutes)
    assert bar["l"] <= bar["vw"] <= bar["h"]


async def test_bars_of_some_minutes(tmp_path):
    """Each begins at a whole one; together they have all that was traded; other lengths are told."""
    tape, messages = archive(tmp_path)
    minutes = expected_rows(messages, "bars")["AAPL"]
    async with serve_alpaca(tape, archive=True) as venue, rest(venue) as client:
        answer = await client.get("/v2/stocks/bars", params={"symbols": "AAPL", "timeframe": "5Min"})
        bars = answer.json()["bars"]["AAPL"]
        for wrong in ("1Moon", "0Min", ""):
            refused = await client.get("/v2/stocks/bars", params={"symbols": "AAPL", "timeframe": wrong})
            assert (refused.status_code, "timeframe" in refused.json()["message"]) == (400, True)
    assert 1 < len(bars) < len(minutes)
    assert all(int(bar["t"][14:16]) % 5 == 0 for bar in bars)
    assert sum(bar["v"] for bar in bars) == sum(minute["v"] for minute in minutes)


@MARKETS
async def test_what_was_sent_can_be_asked_for(market):
    """Without an archive, a path knows what it was sent, and nothing before; latest and snapshots are the newest."""
    tape = Tape(market, ends_after=600)
    symbols = ",".join(tape.symbols())
    kinds = ["trades", "quotes", "bars", *(["orderbooks"] if market == "crypto" else [])]
    latest = {kind: f"latest/{kind}" if market == "crypto" else f"{kind}/latest" for kind in kinds}
    async with serve_alpaca(tape, speed="max") as venue, rest(venue) as client, connect(venue) as talk:
        empty = await client.get(BASE[market] + "trades", params={"symbols": symbols})
        assert empty.json() == {"trades": {}, "next_page_token": None}
        for kind in kinds:
            answer = await client.get(BASE[market] + latest[kind], params={"symbols": symbols})
            assert answer.json() == {kind: {}}
        await talk.ask(action="subscribe", quotes=["*"], trades=["*"])
        await venue.ended.wait()
        await talk.hear_events(len(tape.events("quotes", "trades")))
        for kind in ("trades", "quotes", "bars"):
            expected = expected_rows(tape.kept, kind)
            params = {"symbols": symbols, "timeframe": "1Min"}
            answer = await client.get(BASE[market] + kind, params=params)
            assert answer.json()[kind] == expected
            answer = await client.get(BASE[market] + latest[kind], params=params)
            assert answer.json() == {kind: {symbol: rows[-1] for symbol, rows in expected.items()}}
        shots = (await client.get(BASE[market] + "snapshots", params={"symbols": symbols})).json()
        shots = shots["snapshots"] if market == "crypto" else shots
        for symbol, shot in shots.items():
            assert shot["latestTrade"] == expected_rows(tape.kept, "trades")[symbol][-1]
            assert shot["latestQuote"] == expected_rows(tape.kept, "quotes")[symbol][-1]
            assert shot["minuteBar"] == expected_rows(tape.kept, "bars")[symbol][-1]
            assert shot["dailyBar"]["t"].endswith("T00:00:00Z")
        if market == "crypto":
            answer = await client.get(BASE[market] + latest["orderbooks"], params={"symbols": symbols})
            for symbol, book in answer.json()["orderbooks"].items():
                assert book["b"][0]["p"] == shots[symbol]["latestQuote"]["bp"]
                assert book["a"][0]["p"] == shots[symbol]["latestQuote"]["ap"]


async def test_a_revised_bar_takes_the_place_of_the_first(tmp_path):
    """Whoever asks later gets the revised one."""
    bar = {
        "S": "AAPL",
        "o": 1.0,
        "h": 2.0,
        "l": 1.0,
        "c": 2.0,
        "v": 3,
        "n": 1,
        "vw": 1.5,
        "t": "2026-01-05T15:00:00Z",
    }
    lines = [[{"T": "b", **bar}], [{"T": "u", **bar, "v": 7}]]
    path = tmp_path / "bars.jsonl"
    path.write_text(
        "".join(json.dumps({"recv_ns": 1, "kind": "ws", "raw": json.dumps(x)}) + "\n" for x in lines)
    )
    async with serve_alpaca(RecordingAlpacaTape(path), archive=True) as venue, rest(venue) as client:
        answer = await client.get("/v2/stocks/bars", params={"symbols": "AAPL", "timeframe": "1Min"})
    assert [row["v"] for row in answer.json()["bars"]["AAPL"]] == [7]


async def test_keys_of_requests(tmp_path):
    """Stocks need the right ones, crypto none."""
    async with serve_alpaca(Tape()) as venue:
        for keys, status in ((None, 401), ({**KEYS, "APCA-API-SECRET-KEY": "no"}, 403), (KEYS, 200)):
            async with rest(venue, keys=keys) as client:
                answer = await client.get("/v2/stocks/trades", params={"symbols": "AAPL"})
                assert answer.status_code == status
                assert status == 200 or answer.json() == {"message": "forbidden."}
                assert answer.headers["x-ratelimit-limit"] == "200"
    async with serve_alpaca(Tape("crypto")) as venue, rest(venue, keys=None) as client:
        answer = await client.get("/v1beta3/crypto/us/trades", params={"symbols": "BTC/USD"})
        assert answer.status_code == 200


async def test_the_limit_of_requests():
    """Every answer says what is left; beyond it 429 and when it begins anew, by path."""
    async with serve_alpaca(Tape(), requests_per_minute=3) as venue, rest(venue) as client:
        answers = [await client.get("/v2/stocks/trades", params={"symbols": "AAPL"}) for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert [answer.headers["x-ratelimit-remaining"] for answer in answers] == list("21000")
        assert len({answer.headers["x-ratelimit-reset"] for answer in answers}) == 1
        assert [asked.in_ban for asked in venue.asked()] == [False, False, False, False, True]
        other = await client.get("/b/v2/stocks/trades", params={"symbols": "AAPL"})
        assert (other.status_code, other.headers["x-ratelimit-remaining"]) == (200, "2")
        nothing = await client.get("/v2/nothing")
        assert (nothing.status_code, nothing.headers["x-ratelimit-limit"]) == (404, "3")


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"symbols": "AAPL", "limit": "0"},
        {"symbols": "AAPL", "limit": "10001"},
        {"symbols": "AAPL", "limit": "many"},
        {"symbols": "AAPL", "start": "yesterday"},
        {"symbols": "AAPL", "sort": "up"},
        {"symbols": "AAPL", "page_token": "nonsense"},
        {"symbols": "AAPL", "page_token": "QUFQTA=="},
    ],
)
async def test_requests_that_cannot_be_read(params):
    """400, with the reason."""
    async with serve_alpaca(Tape()) as venue, rest(venue) as client:
        answer = await client.get("/v2/stocks/trades", params=params)
    assert answer.status_code == 400
    assert answer.json()["message"]


async def test_pages_that_go_wrong(tmp_path):
    """The same page and token again and again; a page without rows that has a token; both end, and no row is lost."""
    tape, messages = archive(tmp_path)
    expected = expected_rows(messages, "trades")
    params = {"symbols": "AAPL,MSFT", "limit": 50}
    async with serve_alpaca(tape, archive=True) as venue, rest(venue) as client:
        first = (await client.get("/v2/stocks/trades", params=params)).json()
        params["page_token"] = first["next_page_token"]
        await venue.do(Fault(kind="loop_page", at_s=0, count=3))
        looped = [(await client.get("/v2/stocks/trades", params=params)).json() for _ in range(3)]
        assert looped[0] == looped[1] == looped[2]
        assert looped[0]["next_page_token"] == params["page_token"]
        assert looped[0]["trades"] != first["trades"]
        await venue.do(Fault(kind="loop_page", at_s=0, count=2))
        del params["page_token"]
        start = (await client.get("/v2/stocks/trades", params=params)).json()
        again = await client.get(
            "/v2/stocks/trades", params={**params, "page_token": start["next_page_token"]}
        )
        assert again.json() == start
        assert start["trades"] == first["trades"]
        await venue.do(Fault(kind="empty_page", at_s=0, count=2))
        pages = await all_pages(client, "/v2/stocks/trades", **params)
        assert [page["trades"] for page in pages[:2]] == [{}, {}]
        assert rows_of(pages, "trades") == expected


async def test_a_symbol_that_is_missing_without_a_word(tmp_path):
    """Of every kind of request, for as many as are told."""
    tape, _ = archive(tmp_path)
    params = {"symbols": "MSFT,AAPL"}
    async with serve_alpaca(tape, archive=True) as venue, rest(venue) as client:
        await venue.do(Fault(kind="drop_symbol", at_s=0, symbol="AAPL", count=3))
        answers = [
            (await client.get(f"/v2/stocks/{what}", params=params)).json()
            for what in ("trades", "quotes/latest", "snapshots", "trades/latest")
        ]
        assert [list(answer) for answer in answers[2:3]] == [["MSFT"]]
        assert [list(answers[0]["trades"]), list(answers[1]["quotes"])] == [["MSFT"], ["MSFT"]]
        assert sorted(answers[3]["trades"]) == ["AAPL", "MSFT"]
        await venue.do(Fault(kind="drop_symbol", at_s=0))
        answer = await client.get("/v2/stocks/trades/latest", params=params)
        assert list(answer.json()["trades"]) == ["AAPL"]


async def test_requests_that_are_refused_late_or_answered_with_a_page():
    """As at any venue."""
    async with serve_alpaca(Tape()) as venue, rest(venue) as client:
        await venue.do(Fault(kind="refuse", at_s=0, status=503, retry_after_s=2))
        refused = await client.get("/v2/stocks/trades", params={"symbols": "AAPL"})
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        await venue.do(Fault(kind="html", at_s=0, status=502))
        page = await client.get("/v2/stocks/trades", params={"symbols": "AAPL"})
        assert (page.status_code, page.headers["content-type"]) == (502, "text/html")
        await venue.do(Fault(kind="late_rest", at_s=0, for_s=0.3))
        began = trio.current_time()
        assert (await client.get("/v2/stocks/trades", params={"symbols": "AAPL"})).status_code == 200
        assert trio.current_time() - began >= 0.3
