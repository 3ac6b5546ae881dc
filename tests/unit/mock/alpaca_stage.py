"""A loopback Alpaca for tests: tapes that keep what they gave, and a client that knows nothing but frames."""

import itertools
import json
from collections import deque
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import httpx
import msgpack
import pytest
import trio

from ticktrail.net import ConnectionLost, open_websocket
from ticktrail.plugin import SystemClock
from ticktrail_mock.venue.alpaca.synthetic import SyntheticAlpacaTape

FEED = {"stocks": "/v2/iex", "crypto": "/v1beta3/crypto/us"}
NAMES = {"stocks": ["AAPL", "MSFT"], "crypto": ["BTC/USD", "ETH/USD"]}
KEYS = {"APCA-API-KEY-ID": "KEY", "APCA-API-SECRET-KEY": "SECRET"}
START_NS = 1_784_000_000_000_000_123
DEADLINE_S = 30
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


class Tape:
    """A made-up market that ends; its clock goes on by a second with every move, so that minutes pass."""

    def __init__(self, market="stocks", moves_ns=1_000_000_000, ends_after=None, seed=3, rate=1_000.0):
        self.market = market
        clock = itertools.count(START_NS, moves_ns)
        self._tape = SyntheticAlpacaTape(
            NAMES[market], market=market, seed=seed, rate=rate, now_ns=clock.__next__
        )
        self.symbols, self.books = self._tape.symbols, self._tape.books
        self._ends_after = ends_after
        self.kept = []

    def messages(self):
        for message in itertools.islice(self._tape.messages(), self._ends_after):
            self.kept.append(message)
            yield message

    def events(self, *channels):
        """What was given of some channels, as JSON."""
        return [
            json.loads(message.raw)
            for message in self.kept
            if not channels or message.stream.rpartition("@")[2] in channels
        ]


def record(path, messages):
    """Write messages as a recording, a line a batch."""
    with path.open("w") as lines:
        for _, group in itertools.groupby(messages, key=lambda message: message.batch):
            batch = list(group)
            raw = b"[" + b",".join(message.raw for message in batch) + b"]"
            line = {"recv_ns": START_NS + batch[0].due_ns, "kind": "ws", "raw": raw.decode()}
            lines.write(json.dumps(line) + "\n")
    return path


class Talk:
    """A connection, array by array, in either encoding."""

    def __init__(self, socket, *, binary):
        self._socket = socket
        self._waiting = deque()
        self.binary = binary

    async def say(self, **request):
        await self._socket.send(msgpack.packb(request) if self.binary else json.dumps(request))

    async def say_raw(self, data):
        await self._socket.send(data)

    async def payload(self):
        while not self._waiting:
            self._waiting += (await self._socket.receive()).payloads
        return bytes(self._waiting.popleft())

    async def hear(self):
        """The next array; times as nanoseconds."""
        return self.read(await self.payload())

    def read(self, payload):
        events = msgpack.unpackb(payload) if self.binary else json.loads(payload)
        return [plain(event) for event in events]

    async def to_the_end(self):
        """Every payload until the connection is lost, and how it was."""
        payloads = []
        while True:
            try:
                payloads.append(await self.payload())
            except ConnectionLost as end:
                return payloads, end

    async def hear_control(self):
        """The next message that is no event, alone in its array."""
        while True:
            events = await self.hear()
            if events[0]["T"] in {"success", "error", "subscription"}:
                (event,) = events
                return event

    async def hear_events(self, count):
        """The next so many events."""
        events = []
        while len(events) < count:
            events += [event for event in await self.hear() if len(event["T"]) == 1]
        return events

    async def log_in(self):
        await self.say(action="auth", key="KEY", secret="SECRET")
        assert await self.hear_control() == {"T": "success", "msg": "authenticated"}

    async def ask(self, **request):
        """Say something and give its answer."""
        await self.say(**request)
        return await self.hear_control()


def ns_of(time):
    if isinstance(time, msgpack.Timestamp):
        return time.to_unix_nano()
    day, _, fraction = time.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 10**9 + int(
        fraction.ljust(9, "0") or 0
    )


def plain(event):
    return {**event, "t": ns_of(event["t"])} if "t" in event else event


@asynccontextmanager
async def connect(venue, feed=None, *, prefix="", binary=False, headers=None, log_in=True, silent_s=60.0):
    """A connection, authenticated unless that is what is tested."""
    feed = feed or FEED[venue.market]
    kind = {"Content-Type": "application/msgpack"} if binary else {}
    with trio.fail_after(DEADLINE_S):
        async with open_websocket(
            venue.ws_url(prefix) + feed,
            clock=SystemClock(),
            headers={**kind, **(headers or {})},
            silent_s=silent_s,
        ) as socket:
            talk = Talk(socket, binary=binary)
            assert await talk.hear() == [{"T": "success", "msg": "connected"}]
            if log_in:
                await talk.log_in()
            yield talk
