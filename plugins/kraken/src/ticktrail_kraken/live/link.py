"""Converse over one socket: subscribe at the venue's pace, see to the answers, receive.

Owns: one socket's life between open and closed, and the deadlines of its answers.
Never: opens or closes it, or decides what becomes of what it brings.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal
from typing import TypeAlias

import anyio

from ticktrail.errors import TransientError
from ticktrail.events import IncrementsLearned, VenueTrouble
from ticktrail.net import Received, WebSocket, WebSocketError, Window
from ticktrail.plugin import ProviderContext, Tell
from ticktrail_kraken.live.session import Session
from ticktrail_kraken.losses import UNREADABLE
from ticktrail_kraken.settings import KrakenSettings
from ticktrail_kraken.states import ONLINE
from ticktrail_kraken.wire import InstrumentMessage, StatusMessage, read_data, read_head

__all__ = ["Link", "Steps"]

Steps: TypeAlias = tuple[Decimal | None, Decimal | None]

READ_S = 0.5
"""Time to read what stood in the socket while nobody looked there."""
OF_DATA = (b'{"channel":"trade"', b'{"channel":"ticker"', b'{"channel":"book"', b'{"channel":"ohlc"')
"""How messages of market data begin, nearly always: all others are read here as well."""
HEARTBEAT = b'{"channel":"heartbeat"}'


class Link:
    """One socket.

    Args:
        session: The conversation.
        settings: Of the leg.
        context: Of the leg.
        tell: Takes what the venue says of itself.
        steps: By pair, the increments that the leg has told of so far.

    Attributes:
        settled: Set once everything is subscribed to.
    """

    def __init__(
        self,
        session: Session,
        settings: KrakenSettings,
        context: ProviderContext,
        tell: Tell,
        steps: dict[str, Steps],
    ) -> None:
        self.settled = anyio.Event()
        self._session = session
        self._settings = settings
        self._context = context
        self._tell = tell
        self._steps = steps
        self._names = {str(name): name for name in context.instruments}
        self._news = anyio.Event()
        self._system = ONLINE
        self._free = anyio.Event()
        self._free.set()
        self._free_since_s = -math.inf
        per_s = settings.messages_per_s
        self._pace = Window(max(1, math.floor(per_s)), max(1.0, 1 / per_s))

    async def converse(self, socket: WebSocket, take: Callable[[Received], Awaitable[None]]) -> None:
        """Subscribe, and hand on what comes until the connection ends; answers and heartbeats are kept here.

        Raises:
            WebSocketError: The connection was lost.
            ProviderError: The venue refused something, or did not answer in time.
        """
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._say, socket)
                while True:
                    received = await socket.receive()
                    data: list[bytes] = []
                    try:
                        self._look(received.payloads, data)
                    finally:  # a refusal takes nothing away from what came before it
                        if data:
                            await self._hand(take, received._replace(payloads=data))
                    if self._session.settled:
                        self.settled.set()
        except ExceptionGroup as group:  # the first of the two to fail says why
            raise group.exceptions[0] from group.exceptions[0].__cause__

    @property
    def is_handing(self) -> bool:
        """Whether the leg is taking something over, so that nobody looks into the socket."""
        return not self._free.is_set()

    def ask_again(self, symbol: str) -> None:
        """Ask for a pair's book anew, and disturb no other pair."""
        self._session.ask_again(symbol, anyio.current_time())
        self._news.set()

    def ping(self) -> None:
        """See whether the venue still answers, in time or not at all."""
        self._session.ping()
        self._news.set()

    def _look(self, payloads: Sequence[bytes], data: list[bytes]) -> None:
        """Take what concerns the session; put what brings anything else into `data`."""
        for payload in payloads:
            if payload.startswith(OF_DATA):
                data.append(payload)
            elif payload != HEARTBEAT:
                self._take(payload, data)

    def _take(self, payload: bytes, data: list[bytes]) -> None:
        try:
            head = read_head(payload)
        except UNREADABLE:
            data.append(payload)
            return
        if head.is_answer:
            self._session.take(head)
            self._news.set()
            return
        data.append(payload)
        try:
            message = read_data(payload)
        except UNREADABLE:
            return
        if isinstance(message, InstrumentMessage):
            self._learn(message)
            if message.type == "snapshot":
                self._session.take_listing(message.data.pairs)
                self._news.set()
        elif isinstance(message, StatusMessage):
            for row in message.data:
                self._take_system(row.system or self._system)

    def _learn(self, message: InstrumentMessage) -> None:
        """Tell in what steps prices and sizes come, where that is new."""
        context = self._context
        for pair in message.data.pairs:
            name, steps = self._names.get(pair.symbol), (pair.price_increment, pair.qty_increment)
            if name is None or steps == (None, None) or self._steps.get(pair.symbol) == steps:
                continue
            self._steps[pair.symbol] = steps
            self._tell(
                IncrementsLearned(
                    at_ns=context.clock.now_ns(),
                    provider=context.name,
                    instrument=name,
                    price=pair.price_increment,
                    size=pair.qty_increment,
                )
            )

    def _take_system(self, state: str) -> None:
        if state == self._system:
            return
        self._system = state
        if state != ONLINE:
            context = self._context
            detail = (
                f"Kraken's trading engine is in the state {state[:40]!r}: nothing is matched until it is back, and the "
                f"connection may be cut"
            )
            self._tell(
                VenueTrouble(
                    at_ns=context.clock.now_ns(), provider=context.name, detail=detail, retry_in_s=None
                )
            )

    async def _hand(self, take: Callable[[Received], Awaitable[None]], received: Received) -> None:
        """Hand on, and mark meanwhile that nobody looks into the socket, where an answer may stand."""
        self._free = anyio.Event()
        try:
            await take(received)
        finally:
            self._free_since_s = anyio.current_time()
            self._free.set()

    async def _say(self, socket: WebSocket) -> None:
        """Send what is due, one message at a time, and see that each is answered in time.

        Time in which this end takes its data does not count: the venue may have answered meanwhile.
        """
        session = self._session
        answer_by = anyio.current_time() + self._settings.answer_s
        while True:
            news = self._news = anyio.Event()
            request = session.next(anyio.current_time())
            if request is not None:
                await self._pace.turn(self._context.clock)
                try:
                    await socket.send(request.payload())
                except WebSocketError:
                    return  # who receives says how it ended, once all that had come before is handed on
                answer_by = anyio.current_time() + self._settings.answer_s
                continue
            wakes_at = math.inf if session.waiting else session.wakes_at() or math.inf
            with anyio.CancelScope(deadline=answer_by if session.waiting else wakes_at) as patience:
                await news.wait()
            if not (patience.cancelled_caught and session.waiting):
                continue
            await self._free.wait()
            late_by = max(answer_by, self._free_since_s + READ_S)
            if anyio.current_time() < late_by:
                answer_by = late_by
                continue
            name = self._context.name
            raise TransientError(
                f"leg {name!r}: Kraken did not answer within {self._settings.answer_s:g} s {session.due}",
                provider=name,
            )
