"""A small venue that does not exist, and a sound provider for it: the broken ones of the tests are made of it."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path

import anyio
import anyio.abc
import anyio.lowlevel
import msgspec
import trio

from ticktrail.errors import ConfigError, PermanentError, ProviderError, TransientError
from ticktrail.model import Channel, InstrumentId, ProviderId, Quote, Tick, Trade, Undecodable
from ticktrail.net import HandshakeRefused, Received, WebSocket, WebSocketError, open_websocket
from ticktrail.plugin import (
    Capabilities,
    History,
    HistoryPage,
    Intake,
    Provider,
    ProviderContext,
    ProviderSpec,
    Registry,
    Secret,
    Settings,
    Tell,
    provider_spec,
)
from ticktrail.testing import ProviderCase, Stage, Symbols, make_provider_context
from ticktrail.testing.venue import Fault, JsonClient, JsonVenue, LiveTape

BTC = InstrumentId("BTC/USDT")
LEG = ProviderId("leg")
KEY, WRONG = "correct-horse-battery", "wrong-horse"
CHANNELS = frozenset({"trades", "quotes"})
ANSWER_S = 2.0
PAGE = 10


class OddVenue(JsonVenue):
    """Greets, asks for a key with each subscription, and beats when it has nothing to say."""

    ws_path = "/live"
    heartbeat_every_s = 0.1

    def greeting(self) -> Iterable[object]:
        return ({"hello": "odd"},)

    def hear(self, client: JsonClient, message: object) -> Iterable[object]:
        asked = msgspec.convert(message, _Ask)
        if asked.key != KEY:
            return ({"error": "key"},)
        client.subscribe(*asked.sub)
        return ({"subbed": asked.sub},)

    def refusal(self, message: object, fault: Fault) -> object | None:
        return {"error": fault.message}

    def heartbeat(self) -> object:
        return {"beat": 1}

    def answer(self, path: str, query: Mapping[str, str]) -> object | None:
        if path != "/past":
            return None
        wanted = [message for message in self.told if message.stream == query["ch"]]
        return [msgspec.json.decode(message.raw) for message in wanted]


class _Ask(msgspec.Struct):
    sub: list[str]
    key: str


def make(number: int, now_ns: int) -> Iterable[tuple[str, object]]:
    """Trade and quote in turn."""
    name = "BTC-USDT"
    if number % 2:
        said = {"id": number // 2 + 1, "p": f"{100 + number % 7}.50", "q": "0.10", "s": "b", "ns": now_ns}
        yield f"trades:{name}", {"ch": f"trades:{name}", **said}
    else:
        said = {"b": "100.00", "B": "1.0", "a": "100.10", "A": "2.00", "ns": now_ns}
        yield f"quotes:{name}", {"ch": f"quotes:{name}", **said}


PAYLOADS = [
    b'{"ch":"trades:BTC-USDT","id":7,"p":"101.50","q":"0.10","s":"b","ns":1700000000000000001}',
    b'{"ch":"trades:BTC-USDT","id":8,"p":"101.00","q":"2.00","s":"s","ns":1700000000000000002}',
    b'{"ch":"quotes:BTC-USDT","b":"100.00","B":"1.0","a":"100.10","A":"2.00","ns":1700000000000000003}',
]
EXPECTED: list[Tick] = [
    Trade(instrument=BTC, provider=LEG, event_ns=1_700_000_000_000_000_001, recv_ns=0, id=7,
          price=Decimal("101.50"), size=Decimal("0.10"), side="buy"),
    Trade(instrument=BTC, provider=LEG, event_ns=1_700_000_000_000_000_002, recv_ns=0, id=8,
          price=Decimal("101.00"), size=Decimal("2.00"), side="sell"),
    Quote(instrument=BTC, provider=LEG, event_ns=1_700_000_000_000_000_003, recv_ns=0,
          bid_price=Decimal("100.00"), bid_size=Decimal("1.0"), ask_price=Decimal("100.10"),
          ask_size=Decimal("2.00")),
]  # fmt: skip


class OddSettings(Settings, frozen=True):
    ws_url: str = "wss://odd.example/live"
    key: Secret = Secret(env="ODD_KEY")
    silent_s: float = 0.5


class TradeMessage(msgspec.Struct):
    ch: str
    id: int
    p: str
    q: str
    s: str
    ns: int


class QuoteMessage(msgspec.Struct):
    ch: str
    b: str
    B: str
    a: str
    A: str
    ns: int


class Head(msgspec.Struct):
    ch: str = ""


class Sound:
    """Keeps every law. What a broken one does otherwise is a method of its own."""

    def __init__(self, settings: OddSettings, context: ProviderContext) -> None:
        self.settings = settings
        self.context = context

    # -- reading

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        return [tick for payload in payloads for tick in self.read(payload, recv_ns)]

    def read(self, payload: bytes, recv_ns: int) -> Sequence[Tick | Undecodable]:
        try:
            return self.parse(payload, recv_ns)
        except (ValueError, ArithmeticError, RecursionError) as exc:
            return self.unreadable(payload, recv_ns, str(exc))

    def unreadable(self, payload: bytes, recv_ns: int, reason: str) -> Sequence[Tick | Undecodable]:
        return [Undecodable(provider=self.context.name, recv_ns=recv_ns, raw=payload, reason=reason)]

    def parse(self, payload: bytes, recv_ns: int) -> Sequence[Tick | Undecodable]:
        head = msgspec.json.decode(payload, type=Head)
        channel, _, symbol = head.ch.partition(":")
        instrument = InstrumentId(symbol.replace("-", "/"))
        if channel not in self.context.channels or instrument not in self.context.instruments:
            return []
        if channel == "trades":
            return [self.trade(msgspec.json.decode(payload, type=TradeMessage), instrument, recv_ns)]
        return [self.quote(msgspec.json.decode(payload, type=QuoteMessage), instrument, recv_ns)]

    def trade(self, message: TradeMessage, instrument: InstrumentId, recv_ns: int) -> Tick:
        return Trade(
            instrument=instrument, provider=self.context.name, event_ns=message.ns, recv_ns=recv_ns,
            id=message.id, price=number(message.p), size=number(message.q),
            side="buy" if message.s == "b" else "sell",
        )  # fmt: skip

    def quote(self, message: QuoteMessage, instrument: InstrumentId, recv_ns: int) -> Tick:
        return Quote(
            instrument=instrument, provider=self.context.name, event_ns=message.ns, recv_ns=recv_ns,
            bid_price=number(message.b), bid_size=number(message.B),
            ask_price=number(message.a), ask_size=number(message.A),
        )  # fmt: skip

    def wants(self, payload: bytes) -> bool:
        return bool(self.decode([payload], 0))

    # -- living

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        try:
            async with self.connected() as socket:
                await self.subscribe(socket)
                task_status.started()
                await self.listen(socket, intake)
        except WebSocketError as exc:
            raise self.translated(exc) from exc

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[WebSocket]:
        async with open_websocket(self.settings.ws_url, clock=self.context.clock) as socket:
            yield socket

    def wanted(self) -> list[str]:
        names = [one.replace("/", "-") for one in self.context.instruments]
        return [f"{channel}:{name}" for channel in sorted(self.context.channels) for name in names]

    async def subscribe(self, socket: WebSocket) -> None:
        ask = {"sub": self.wanted(), "key": self.settings.key.resolve(Path())}
        with trio.move_on_after(ANSWER_S):
            await socket.receive()
            await socket.send(msgspec.json.encode(ask).decode())
            while True:
                received = await socket.receive()
                if any(b'"subbed"' in payload for payload in received.payloads):
                    return
                if any(b'"error":"key"' in payload for payload in received.payloads):
                    raise self.permanent()
        raise self.lost("no answer", "lost")

    def permanent(self) -> ProviderError:
        return PermanentError("leg: the key is refused; mend key", provider=LEG, cause="credentials")

    async def listen(self, socket: WebSocket, intake: Intake) -> None:
        heard = dict.fromkeys(Sound.wanted(self), trio.current_time())
        while True:
            with trio.move_on_at(self.patient_until(heard)) as patience:
                received = await self.next(socket)
            if patience.cancelled_caught:
                raise self.lost("connected and silent", "silent")
            await self.hand(intake, received)
            for payload in received.payloads:
                if (stream := stream_of(payload)) in heard:
                    heard[stream] = trio.current_time()

    def patient_until(self, heard: Mapping[str, float]) -> float:
        return min(heard.values()) + self.settings.silent_s

    async def next(self, socket: WebSocket) -> Received:
        while True:
            received = await socket.receive()
            if any(b'"ch"' in payload for payload in received.payloads):
                return received

    async def hand(self, intake: Intake, received: Received) -> None:
        await intake.frames(received.payloads, recv_ns=received.recv_ns, mono_ns=received.mono_ns)

    def translated(self, exc: WebSocketError) -> ProviderError:
        if isinstance(exc, HandshakeRefused):
            cause = "refused" if exc.retry_after_s is None else "limited"
            return self.lost(str(exc), cause, exc.retry_after_s)
        return self.lost(str(exc), "lost")

    def lost(self, why: str, cause: str, retry_after_s: float | None = None) -> ProviderError:
        return TransientError(f"leg: {why}", provider=LEG, cause=cause, retry_after_s=retry_after_s)


def stream_of(payload: bytes) -> str:
    """Return the stream of a message; empty where it cannot be read, or is of none."""
    try:
        return msgspec.json.decode(payload, type=Head).ch
    except (ValueError, RecursionError):
        return ""


def number(text: str) -> Decimal:
    """Return a finite decimal."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number") from None
    if not found.is_finite():
        raise ValueError(f"{text!r} is not finite")
    return found


class Past:
    """Trades that the venue remembers, two a page; a cursor is the id to go on from."""

    def __init__(self, settings: OddSettings, context: ProviderContext) -> None:
        self.sound = Sound(settings, context)
        self.host = settings.ws_url.removeprefix("ws://").partition("/")[0]

    async def page(
        self, instrument: InstrumentId, channel: Channel, *, start_ns: int, end_ns: int, cursor: str | None
    ) -> HistoryPage:
        rows = [row for row in await self.rows(instrument, channel) if start_ns <= row.ns < end_ns]
        rows = [row for row in rows if cursor is None or row.id >= int(cursor)]
        ticks = [self.tick(row, instrument) for row in rows[:PAGE]]
        more = len(rows) > PAGE
        through_ns = rows[PAGE].ns if more else end_ns
        return HistoryPage(ticks=ticks, through_ns=through_ns, cursor=str(rows[PAGE].id) if more else None)

    def tick(self, row: TradeMessage, instrument: InstrumentId) -> Tick:
        return msgspec.structs.replace(self.sound.trade(row, instrument, 0), backfilled=True)

    async def rows(self, instrument: InstrumentId, channel: Channel) -> list[TradeMessage]:
        host, _, port = self.host.partition(":")
        async with await trio.open_tcp_stream(host, int(port)) as stream:
            target = f"/past?ch={channel}:{instrument.replace('/', '-')}"
            await stream.send_all(f"GET {target} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
            read = b""
            async for piece in stream:
                read += piece
        return msgspec.json.decode(read.partition(b"\r\n\r\n")[2], type=list[TradeMessage])


CAPABILITIES = Capabilities(
    channels=CHANNELS, consecutive_trade_ids=True, history=frozenset[Channel]({"trades"})
)


def spec_of(
    kind: Callable[[OddSettings, ProviderContext], Provider] = Sound,
    capabilities: Capabilities = CAPABILITIES,
    past: Callable[[OddSettings, ProviderContext], History] = Past,
) -> ProviderSpec:
    def describe(settings: OddSettings, registry: Registry) -> Capabilities:
        return capabilities

    def open_provider(settings: OddSettings, context: ProviderContext) -> Provider:
        return kind(settings, context)

    @asynccontextmanager
    async def history(settings: OddSettings, context: ProviderContext, tell: Tell) -> AsyncIterator[History]:
        await anyio.lowlevel.checkpoint()
        yield past(settings, context)

    return provider_spec(
        name="odd", summary="odd", settings=OddSettings, open=open_provider, describe=describe,
        history=history if capabilities.history else None,
    )  # fmt: skip


CONTEXT = make_provider_context(BTC, channels=CHANNELS, name=LEG)


def to_venue(instrument: InstrumentId) -> str:
    if instrument.count("/") != 1 or "-" in instrument or ":" in instrument:
        raise ConfigError(f"{instrument} is no pair")
    return instrument.replace("/", "-")


def to_canonical(symbol: str) -> InstrumentId:
    return InstrumentId(symbol.replace("-", "/"))


def case_of(
    kind: Callable[[OddSettings, ProviderContext], Provider] = Sound,
    folder: Path = Path(),
    *,
    capabilities: Capabilities = CAPABILITIES,
    past: Callable[[OddSettings, ProviderContext], History] = Past,
    make: Callable[[int, int], Iterable[tuple[str, object]]] = make,
    rate: float = 400.0,
) -> ProviderCase:
    """Return the kit's case of a provider of this venue; `folder` is where its key's file goes."""

    @asynccontextmanager
    async def stage(key: str = KEY) -> AsyncIterator[Stage]:
        file = folder / f"{len(key)}.key"
        file.write_text(key)
        async with OddVenue(LiveTape(make, rate=rate)).serve() as venue:
            secret = Secret(file=str(file))
            yield Stage(settings=OddSettings(ws_url=venue.ws_url("/live"), key=secret), venue=venue)

    return ProviderCase(
        spec=spec_of(kind, capabilities, past),
        settings=OddSettings(),
        context=CONTEXT,
        payloads=PAYLOADS,
        expected=EXPECTED,
        stage=stage,
        symbols=Symbols(to_venue=to_venue, to_canonical=to_canonical, examples=["BTC-USDT", "1INCH-USD"]),
        silent_s=1.5,
        permanent=lambda: stage(WRONG),
        secrets=[KEY, WRONG],
    )
