"""Be Kraken on this machine: its web socket, version 2, and the public questions of its REST interface.

Owns: the venue's words in a conversation.
Never: listens beyond the loopback interface, or keeps the pace; the server of any venue does.

Sources: docs.kraken.com, "Spot WebSocket v2" and "Spot REST API", read 2026-11. What the pages leave open is as clients
report it: the words of errors, and that `since` of trades excludes its own moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec
import trio_websocket

from ticktrail.moments import ns_of_rfc3339
from ticktrail.testing.venue import (
    Fault,
    JsonClient,
    JsonPath,
    JsonVenue,
    Message,
    SharedStream,
)
from ticktrail_kraken.testing.memory import Memory, text
from ticktrail_kraken.testing.tape import PRICE_PLACES, SIZE_PLACES, KrakenTape

__all__ = ["KrakenVenue"]

STREAMED = ("trade", "ticker", "book", "ohlc")
TIMES = {"time_in": "2026-11-30T03:30:26.123456Z", "time_out": "2026-11-30T03:30:26.123499Z"}
MOST_ROWS = 1_000
OLD_NAMES = {"BTC": "XBT", "DOGE": "XDG"}


class _Params(msgspec.Struct, frozen=True):
    channel: str = ""
    symbol: tuple[str, ...] = ()
    depth: int = 10


class _Request(msgspec.Struct):
    method: str
    params: _Params = _Params()
    req_id: int | None = None


class KrakenClient(JsonClient):
    """One connection: what happened before a subscription is in its snapshot, and is not told again."""

    def __init__(
        self,
        connection: trio_websocket.WebSocketConnection,
        stream: SharedStream,
        *,
        venue: JsonVenue,
        path: JsonPath,
    ) -> None:
        super().__init__(connection, stream, venue=venue, path=path)
        self._in_snapshot: dict[str, int] = {}

    def begin(self, stream: str, number: int) -> None:
        """Subscribe, to what comes after the message of that number: the answer holds what came before."""
        self._in_snapshot[stream] = number
        self.subscribe(stream)

    def frames(self, messages: Sequence[Message]) -> bytes:
        """Leave out what was in a snapshot."""
        return super().frames(
            [message for message in messages if message.number > self._in_snapshot.get(message.stream, 0)]
        )


class KrakenVenue(JsonVenue):
    """A running loopback Kraken.

    Args:
        tape: What happens.
        faults: What it does wrong, and when.
        past: Messages that came before the tape, each with its stream: the archive.
        starts_at: The tape starts once so many streams are subscribed to in all.
        others: Pairs that are listed beside the tape's.

    Attributes:
        system: The state of the trading engine.
        states: The state of each pair.
        refused: What it said on refusing requests.
    """

    ws_path = "/v2"
    heartbeat_every_s = 0.25

    def __init__(
        self,
        tape: KrakenTape,
        *,
        faults: Sequence[Fault] = (),
        past: Iterable[tuple[str, bytes]] = (),
        starts_at: int = 1,
        others: Sequence[str] = ("SOL/USD", "XRP/USD"),
    ) -> None:
        super().__init__(tape, faults=faults, starts_at=starts_at)
        self.system = "online"
        self.states = dict.fromkeys((*tape.symbols, *others), "online")
        self.refused: list[str] = []
        self._depth = tape.depth
        self._symbols = tape.symbols
        self._memory = Memory(tape.symbols, depth=tape.depth)
        for stream, raw in (*tape.first(), *past):
            self._memory.take(stream, raw)

    def note(self, chunk: Sequence[Message]) -> None:
        """Remember what the tape has next."""
        super().note(chunk)
        self._memory.see(chunk)

    def new_client(
        self, connection: trio_websocket.WebSocketConnection, stream: SharedStream, path: JsonPath
    ) -> JsonClient:
        """Return a client that begins a subscription with what is so."""
        return KrakenClient(connection, stream, venue=self, path=path)

    def greeting(self) -> Iterable[object]:
        """Return the state of the trading engine."""
        return (self._status(),)

    def heartbeat(self) -> object:
        """Return what comes each second where nothing else does."""
        return {"channel": "heartbeat"}

    def hear(self, client: JsonClient, message: object) -> Iterable[object]:
        """Take a request; answer it once a pair, and begin each subscription with a snapshot."""
        request = msgspec.convert(message, _Request)
        number = {} if request.req_id is None else {"req_id": request.req_id}
        if request.method == "ping":
            return ({"method": "pong", **number, **TIMES},)
        assert isinstance(client, KrakenClient)  # noqa: S101 - `new_client` makes no other
        channel = request.params.channel
        if channel == "instrument":
            acknowledged = {"method": request.method, "result": {"channel": channel, "snapshot": True}}
            return (
                {**acknowledged, "success": True, **number, **TIMES},
                self._listing("snapshot", self.states),
            )
        said: list[object] = []
        for symbol in request.params.symbol:
            said += self._grant(client, request, symbol, number)
        return said

    def refusal(self, message: object, fault: Fault) -> object | None:
        """Refuse a subscription to market data."""
        request = msgspec.convert(message, _Request)
        if request.method != "subscribe" or request.params.channel not in STREAMED:
            return None
        return self._refused(
            request, request.params.symbol[0], fault.message, {"req_id": request.req_id or 0}
        )

    def answer(self, path: str, query: Mapping[str, str]) -> object | None:
        """Answer a question of the REST interface."""
        question = path.removeprefix("/0/public/")
        symbol = next((one for one in self._symbols if _rest_name(one) == query.get("pair")), None)
        if question not in {"Trades", "OHLC", "Depth"}:
            return {"error": ["EGeneral:Unknown method"]}
        if symbol is None:
            return {"error": ["EQuery:Unknown asset pair"]}
        named = f"X{_rest_name(symbol)}"
        if question == "Depth":
            count = int(query.get("count", "100"))
            sides = {
                side: [
                    [_quoted(level["price"]), _quoted(level["qty"]), 1]
                    for level in self._memory.levels(symbol, side)[:count]
                ]
                for side in ("asks", "bids")
            }
            return {"error": [], "result": {named: sides}}
        if question == "OHLC":
            bars = [_rest_bar(row) for row in self._memory.bars(symbol)]
            since = int(query.get("since", "0"))
            kept = [row for row in bars if int(str(row[0])) > since]
            return {"error": [], "result": {named: kept, "last": kept[-2][0] if len(kept) > 1 else 0}}
        return {"error": [], "result": self._rest_trades(symbol, named, query)}

    async def set_system(self, state: str) -> None:
        """Change the state of the trading engine, and tell every connection."""
        self.system = state
        for client in self.path("").clients:
            await client.say(msgspec.json.encode(self._status()))

    async def set_pair(self, symbol: str, state: str) -> None:
        """Change the state of a pair, and tell every connection."""
        self.states[symbol] = state
        for client in self.path("").clients:
            await client.say(msgspec.json.encode(self._listing("update", {symbol: state})))

    def _grant(
        self, client: KrakenClient, request: _Request, symbol: str, number: Mapping[str, int]
    ) -> Sequence[object]:
        channel, stream = request.params.channel, f"{symbol}@{request.params.channel}"
        if channel not in STREAMED or symbol not in self._symbols:
            return [self._refused(request, symbol, f"Currency pair not supported {symbol}", number)]
        if channel == "book" and request.params.depth != self._depth:
            return [self._refused(request, symbol, "Subscription depth not supported", number)]
        if (stream in client.streams) == (request.method == "subscribe"):
            said = "Already subscribed" if stream in client.streams else "Subscription not found"
            return [self._refused(request, symbol, said, number)]
        result = {"channel": channel, "symbol": symbol, "snapshot": True}
        granted = {"method": request.method, "result": result, "success": True, **number, **TIMES}
        if request.method == "unsubscribe":
            client.unsubscribe(stream)
            return [granted]
        client.begin(stream, self._memory.number)
        snapshot = self._memory.snapshot(symbol, channel)
        return [granted] if snapshot is None else [granted, snapshot]

    def _refused(self, request: _Request, symbol: str, said: str, number: Mapping[str, int]) -> object:
        self.refused.append(said)
        return {
            "error": said,
            "method": request.method,
            **number,
            "success": False,
            "symbol": symbol,
            **TIMES,
        }

    def _status(self) -> object:
        row = {
            "api_version": "v2",
            "connection_id": 12393906104898154338,
            "system": self.system,
            "version": "2.0.10",
        }
        return {"channel": "status", "type": "update", "data": [row]}

    def _listing(self, kind: str, states: Mapping[str, str]) -> object:
        pairs = [
            {
                "base": symbol.split("/")[0],
                "quote": symbol.split("/")[1],
                "symbol": symbol,
                "status": state,
                "price_precision": PRICE_PLACES,
                "qty_precision": SIZE_PLACES,
                "price_increment": msgspec.Raw(b"0.1"),
                "qty_increment": msgspec.Raw(b"0.00000001"),
                "qty_min": msgspec.Raw(b"0.0001"),
                "marginable": False,
                "has_index": True,
            }
            for symbol, state in states.items()
        ]
        return {"channel": "instrument", "type": kind, "data": {"assets": [], "pairs": pairs}}

    def _rest_trades(self, symbol: str, named: str, query: Mapping[str, str]) -> Mapping[str, object]:
        count = min(int(query.get("count", str(MOST_ROWS))), MOST_ROWS)
        rows = self._memory.trades(symbol)
        timed = [(ns_of_rfc3339(text(row["timestamp"])), row) for row in rows]
        if "since" in query:
            since_ns = int(query["since"])
            timed = [(at_ns, row) for at_ns, row in timed if at_ns > since_ns][:count]
        else:
            timed = timed[-count:]
        told = [
            [
                _quoted(row["price"]),
                _quoted(row["qty"]),
                msgspec.Raw(str(Decimal(at_ns).scaleb(-9)).encode()),
                text(row["side"])[0],
                "m",
                "",
                row["trade_id"],
            ]
            for at_ns, row in timed
        ]
        return {named: told, "last": str(timed[-1][0]) if timed else "0"}


def _rest_name(symbol: str) -> str:
    return "".join(OLD_NAMES.get(asset, asset) for asset in symbol.split("/"))


def _quoted(raw: msgspec.Raw) -> str:
    return bytes(raw).decode()


def _rest_bar(row: Mapping[str, msgspec.Raw]) -> Sequence[object]:
    numbers = [_quoted(row[name]) for name in ("open", "high", "low", "close", "vwap", "volume")]
    return [ns_of_rfc3339(text(row["interval_begin"])) // 10**9, *numbers, row["trades"]]
