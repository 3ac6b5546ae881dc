"""The loopback venue speaks the venue's protocol, and goes wrong exactly as it is told."""

import itertools
import json
import time
from collections import deque
from contextlib import asynccontextmanager

import httpx
import pytest
import trio

from recordings import recording
from ticktrail.errors import ConfigError
from ticktrail.net import ConnectionLost, HandshakeRefused, open_websocket
from ticktrail.plugin import SystemClock
from ticktrail.testing.venue import Fault, FaultScript, load_faults
from ticktrail_mock.venue.binance import serve_binance
from ticktrail_mock.venue.binance.meddler import Meddler
from ticktrail_mock.venue.binance.tape import RecordingTape, SyntheticTape
from unit.net.test_web_socket import read_all

pytestmark = pytest.mark.anyio
STREAM = "btcusdt@trade"


def tape(rate=1_000.0):
    return SyntheticTape(["BTC/USDT", "ETH/BTC"], seed=3, rate=rate, now_ns=time.time_ns)


class Messages:
    """A connection, message by message."""

    def __init__(self, socket):
        self._socket = socket
        self._waiting = deque()
        self.send_message = socket.send

    async def get_message(self):
        while not self._waiting:
            self._waiting += (await self._socket.receive()).payloads
        return self._waiting.popleft()


@asynccontextmanager
async def connect(url):
    async with open_websocket(url, clock=SystemClock()) as socket:
        yield Messages(socket)


def subscribe(*streams, number=1):
    return json.dumps({"method": "SUBSCRIBE", "params": streams, "id": number})


async def next_data(socket):
    """The next message that is no answer."""
    while True:
        message = json.loads(await socket.get_message())
        if "stream" in message or "e" in message or "u" in message:
            return message


async def ids(socket, count):
    return [(await next_data(socket))["data"]["t"] for _ in range(count)]


async def test_subscriptions_are_answered_and_listed():
    """Granted with a null result; listed with what is subscribed; unknown methods and broken JSON are errors."""
    async with (
        serve_binance(tape()) as venue,
        connect(venue.ws_url() + "/stream") as socket,
    ):
        for sent, expected in [
            (subscribe(STREAM), {"result": None, "id": 1}),
            ('{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":"x"}', {"result": None, "id": "x"}),
            ('{"method":"LIST_SUBSCRIPTIONS","id":3}', {"result": [], "id": 3}),
        ]:
            await socket.send_message(sent)
            answer = json.loads(await socket.get_message())
            while "stream" in answer:
                answer = json.loads(await socket.get_message())
            assert answer == expected
        await socket.send_message('{"method":"DANCE","id":4}')
        assert json.loads(await socket.get_message())["error"]["code"] == 2
        await socket.send_message("{")
        assert json.loads(await socket.get_message())["error"]["code"] == 3


async def test_combined_and_raw_streams():
    """`/stream` wraps an event with its stream's name, `/ws` does not."""
    async with serve_binance(tape()) as venue:
        async with connect(f"{venue.ws_url()}/stream?streams={STREAM}") as socket:
            message = await next_data(socket)
            assert (message["stream"], message["data"]["s"]) == (STREAM, "BTCUSDT")
        async with connect(f"{venue.ws_url('/b')}/ws/{STREAM}") as socket:
            assert (await next_data(socket))["e"] == "trade"


async def test_trades_are_consecutive_and_repeatable():
    """The same seed gives the same prices and ids, whoever asks."""

    async def first(count):
        async with (
            serve_binance(tape(), speed="max") as venue,
            connect(f"{venue.ws_url()}/stream?streams={STREAM}") as socket,
        ):
            return [
                (message["data"]["t"], message["data"]["p"])
                for message in [await next_data(socket) for _ in range(count)]
            ]

    one, other = await first(50), await first(50)
    assert one == other
    assert [number for number, _ in one] == list(range(one[0][0], one[0][0] + 50))


async def ask_without_end(socket):
    while True:
        await socket.send_message('{"method":"LIST_SUBSCRIPTIONS","id":3}')
        await socket.get_message()


async def test_the_venue_s_limit_on_messages():
    """More than 5 messages a second end the connection with 1008."""
    async with (
        serve_binance(tape()) as venue,
        connect(venue.ws_url() + "/stream") as socket,
    ):
        with trio.fail_after(10), pytest.raises(ConnectionLost) as caught:
            await ask_without_end(socket)
        assert caught.value.code == 1008


async def test_rest():
    """What the plugin asks: the listing, whole and by symbol; the rest is told to be missing."""
    async with serve_binance(tape()) as venue, httpx.AsyncClient(base_url=venue.rest_url("/any")) as client:
        assert (await client.get("/api/v3/ping")).json() == {}
        assert abs((await client.get("/api/v3/time")).json()["serverTime"] - time.time() * 1e3) < 60_000
        listed = (await client.get("/api/v3/exchangeInfo")).json()["symbols"]
        assert {(entry["symbol"], entry["baseAsset"]) for entry in listed} == {
            ("BTCUSDT", "BTC"),
            ("ETHBTC", "ETH"),
        }
        steps = {one["filterType"]: one.get("tickSize") or one["stepSize"] for one in listed[0]["filters"]}
        assert steps == {"PRICE_FILTER": "0.01", "LOT_SIZE": "0.00001"}
        some = await client.get("/api/v3/exchangeInfo", params={"symbols": '["ETHBTC"]'})
        assert [entry["symbol"] for entry in some.json()["symbols"]] == ["ETHBTC"]
        none = await client.get("/api/v3/exchangeInfo", params={"symbols": '["NONE"]'})
        assert (none.status_code, none.json()["code"]) == (400, -1121)
        assert (await client.get("/api/v3/nonsense")).status_code == 404


async def test_a_cut_is_exact_and_the_tape_waits():
    """Every 40 messages the connection ends without a close frame; who comes back misses nothing."""
    fault = Fault(kind="cut", every_messages=40)
    seen = []
    async with serve_binance(tape(), speed="max", faults=[fault], waits=True) as venue:
        for _ in range(3):
            async with open_websocket(
                f"{venue.ws_url()}/stream?streams={STREAM}", clock=SystemClock()
            ) as socket:
                payloads, end = await read_all(socket)
            assert end.code is None
            assert len(payloads) == 40
            seen += [json.loads(payload)["data"]["t"] for payload in payloads]
    assert seen == list(range(seen[0], seen[0] + 120))


async def test_a_path_goes_wrong_for_itself():
    """A mute path misses what the other one gets, and both see one market."""
    async with (
        serve_binance(tape(rate=2_000)) as venue,
        connect(f"{venue.ws_url('/a')}/stream?streams={STREAM}") as a,
        connect(f"{venue.ws_url('/b')}/stream?streams={STREAM}") as b,
    ):
        before = await ids(a, 5)
        await venue.do(Fault(kind="mute", path="/a", at_s=0, for_s=0.3))
        with trio.fail_after(10):
            after = await ids(a, 200)
            other = await ids(b, 300)
        jumps = [
            two - one
            for one, two in zip(before + after, (before + after)[1:], strict=False)
            if two != one + 1
        ]
        assert len(jumps) == 1
        assert other == list(range(other[0], other[0] + 300))


async def test_skip_garble_and_shutdown():
    """One message left out, one cut short, and the notice: each where it was asked for, nothing else."""
    faults = [
        Fault(kind="skip", at_message=10, stream="@trade"),
        Fault(kind="garble", at_message=20, stream="@trade"),
        Fault(kind="shutdown", at_message=30),
    ]
    async with (
        serve_binance(tape(), speed="max", faults=faults) as venue,
        connect(f"{venue.ws_url()}/stream?streams={STREAM}") as socket,
    ):
        texts = [await socket.get_message() for _ in range(40)]
    seen, garbled, notices = [], 0, 0
    for text in texts:
        try:
            message = json.loads(text)
        except ValueError:
            garbled += 1
            seen.append(None)
            continue
        if message["stream"] == "!serverShutdown":
            notices += 1
        else:
            seen.append(message["data"]["t"] - json.loads(texts[0])["data"]["t"])
    assert (garbled, notices) == (1, 1)
    assert seen[:20] == [*range(10), *range(11, 20), None]


async def test_slow_and_refuse_and_error_reply():
    """The pace is held down; connections and requests are declined with the status; a subscription gets an error."""
    async with (
        serve_binance(tape(rate=5_000)) as venue,
        connect(f"{venue.ws_url()}/stream?streams={STREAM}") as socket,
    ):
        await next_data(socket)
        await venue.do(Fault(kind="error_reply", at_s=0, code=-1, message="no"))
        await socket.send_message(subscribe("ethbtc@trade"))
        while "stream" in (answer := json.loads(await socket.get_message())):
            pass
        assert answer == {"error": {"code": -1, "msg": "no"}, "id": 1}
        await venue.do(Fault(kind="refuse", at_s=0, status=429, retry_after_s=3, count=2))
        with pytest.raises(HandshakeRefused) as caught:
            async with connect(venue.ws_url() + "/stream"):
                raise AssertionError("it opened")
        assert caught.value.status == 429
        async with httpx.AsyncClient() as client:
            assert (await client.get(venue.rest_url() + "/api/v3/ping")).headers["retry-after"] == "3"
            assert (await client.get(venue.rest_url() + "/api/v3/ping")).status_code == 418
        assert [asked.in_ban for asked in venue.asked()] == [False, True]
        await venue.do(Fault(kind="slow", at_s=0, rate=20.0, for_s=30))
        sent = venue.sent()
        await trio.sleep(0.5)
        assert venue.sent() - sent < 300  # far from the 600 that the tape's pace would give


async def test_a_taken_port_is_told():
    """With the remedy."""
    async with serve_binance(tape()) as venue:
        with pytest.raises(ConfigError, match="choose another --port"):
            async with serve_binance(tape(), port=venue.port):
                raise AssertionError("it opened")


def test_a_script_s_moments():
    """Once at a count or a time, again and again at multiples."""
    script = FaultScript(
        [Fault(kind="cut", every_messages=10), Fault(kind="mute", at_message=15), Fault(kind="skip", at_s=2)],
        "",
    )
    assert [fault.kind for fault in script.due(9, 0.0)] == []
    assert script.next_message(9) == 10
    assert [fault.kind for fault in script.due(10, 0.0)] == ["cut"]
    assert script.next_message(10) == 15
    assert [fault.kind for fault in script.due(16, 3.0)] == ["mute", "skip"]
    assert [fault.kind for fault in script.due(20, 3.0)] == ["cut"]
    assert FaultScript([Fault(kind="cut", at_s=0, path="/a")], "/b").due(0, 9) == []


def test_a_count_that_stands_still_is_one_moment():
    """The venue looks while nobody is connected and nothing is sent: the fault came, and does not come again."""
    script = FaultScript([Fault(kind="cut", every_messages=10)], "")
    assert [len(script.due(sent, 0)) for sent in (0, 10, 10, 10, 19, 20, 20, 30)] == [0, 1, 0, 0, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[[fault]]\nkind="explode"\nat_s=1', "Invalid enum value"),
        ('[[fault]]\nkind="cut"', "set one of"),
        ('[[fault]]\nkind="cut"\nat_s=1\nat_message=2', "set one of"),
        ('[[fault]]\nkind="cut"\nwhen=1', "unknown field"),
        ("[[fault", "fault script"),
    ],
)
def test_a_wrong_script_is_told(tmp_path, text, says):
    """File and fault are named."""
    path = tmp_path / "faults.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        load_faults(path)
    assert str(path) in str(caught.value)


def test_a_missing_script_is_told(tmp_path):
    """The path is named."""
    with pytest.raises(ConfigError, match="No such file"):
        load_faults(tmp_path / "none.toml")


def test_a_recording_is_sent_character_for_character():
    """Every combined message, in order, with the time at which it was received."""
    path = recording("binance_spot/tardis_mapper_inputs.jsonl.gz")
    found = RecordingTape(path)
    messages = list(found.messages())
    assert len(messages) == 10
    assert messages[0].raw.startswith(b'{"stream":"bnbbtc@trade","data":{"e":"trade"')
    assert found.listing()["DOGEBNB"][:3] == ("DOGE", "BNB", "BNB")


def test_times_move_and_nothing_else_does():
    """Shifted by whole milliseconds, the same for every message; ids, prices and sizes stay as they were."""
    path = recording("binance_spot/cf_binance_20210404_btc_eth_dot.jsonl.gz")
    plain = list(RecordingTape(path).messages())
    moved = list(RecordingTape(path, now_ns=lambda: 1_800_000_000_000_000_000).messages())
    shift = (1_800_000_000_000_000_000 - plain[0].due_ns) // 1_000_000  # this recorder's clock was not behind
    times = {"E", "T", "O", "C"}
    for one, two in zip(plain[:3_000], moved, strict=False):
        before, after = json.loads(one.raw)["data"], json.loads(two.raw)["data"]
        for event, other in ((before, after), (before.get("k", {}), after.get("k", {}))):
            for key, value in event.items():
                if (
                    isinstance(value, int)
                    and not isinstance(value, bool)
                    and (key in times or (key == "t" and "x" in event))
                ):
                    assert other[key] == value + shift
                elif key != "k":
                    assert other[key] == value


def test_a_recorder_s_slow_clock_puts_no_time_into_the_future():
    """Where the recorder was behind the venue, the moved times are not ahead of the moment at which they are sent."""
    start = 1_800_000_000_000_000_000
    messages = RecordingTape(recording(), now_ns=lambda: start).messages()
    first = next(messages)
    sent = [
        json.loads(message.raw)["data"].get("E") for message in (first, *itertools.islice(messages, 20_000))
    ]
    assert json.loads(first.raw)["data"]["E"] * 1_000_000 <= start
    assert min(time for time in sent if time) * 1_000_000 > start - 100_000_000


def test_a_recording_without_streams_is_refused(tmp_path):
    """A file of something else is told before the venue starts."""
    path = tmp_path / "empty.jsonl"
    path.write_text('{"kind":"note","raw":"x"}\n')
    with pytest.raises(ConfigError, match="no message of a Binance combined stream"):
        RecordingTape(path)


def test_the_meddler_keeps_account():
    """A falsified trade keeps its id; every id is on the account."""
    meddler = Meddler(tape())
    messages = meddler.messages()
    for _ in range(200):
        next(messages)
    meddler.falsify(age_ms=60_000, count=2)
    wrong = []
    while len(meddler.falsified) < 2:
        message = next(messages)
        if message.stream.endswith("@trade"):
            wrong.append(json.loads(message.raw)["data"])
    assert [(data["s"], data["t"]) for data in wrong] == meddler.falsified
    assert all(data["t"] in meddler.trade_ids[data["s"]] for data in wrong)
    assert all(time.time() * 1e3 - data["T"] > 59_000 for data in wrong)
