"""Converse over one socket: subscribe at the venue's pace, see to the answers, receive.

Owns: one socket's life between open and closed, and the deadlines of its answers.
Never: opens or closes it, or decides what becomes of what it brings.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable

import anyio
import msgspec

from ticktrail.errors import ProviderError, TransientError
from ticktrail.net import Received, WebSocket, WebSocketError, Window
from ticktrail.plugin import ProviderContext
from ticktrail_binance.decoder import SHUTDOWN_STREAM
from ticktrail_binance.live.subscription import Subscription
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.wire import Envelope

__all__ = ["Link"]

PACE_PERIOD_S = 1.25
"""The venue counts by the second; the quarter more is for what the network pushes together."""
_envelope = msgspec.json.Decoder(Envelope).decode


class Link:
    """One socket.

    Args:
        streams: What to subscribe to.
        settings: Of the leg.
        context: Of the leg.
        note: A note of the session's to hand on before anything else.

    Attributes:
        settled: Set once everything is subscribed to, or it ended.
        ended: Set once nothing more will be handed on.
        failure: What ended it.
        retired: Whether it was told to end.
        last_recv_ns: When it last brought something.
    """

    def __init__(
        self,
        streams: Iterable[str],
        settings: BinanceSettings,
        context: ProviderContext,
        *,
        note: bytes | None,
    ) -> None:
        self.settled = anyio.Event()
        self.ended = anyio.Event()
        self.failure: ProviderError | None = None
        self.retired = False
        self.last_recv_ns: int | None = None
        self._settings = settings
        self._context = context
        self._note = note
        self._subscription = Subscription(
            streams, per_request=settings.streams_per_request, provider=context.name
        )
        self._pace = Window(max(1, math.floor(settings.pace)), PACE_PERIOD_S * max(1.0, 1 / settings.pace))
        self._news = anyio.Event()
        self._answered = anyio.Event()
        self._receiving: anyio.CancelScope | None = None

    def want(self, streams: Iterable[str]) -> None:
        """Carry these streams from now on."""
        self._subscription.want(streams)
        self._news.set()

    def retire(self) -> None:
        """Receive no more; what was received is still handed on."""
        self.retired = True
        self._news.set()
        if self._receiving is not None:
            self._receiving.cancel()

    async def probe(self) -> None:
        """Return once the venue has said over this socket what it carries, and that is what is wanted.

        Raises:
            TransientError: It does not say so in time.
        """
        self._subscription.look()
        self._news.set()
        with anyio.move_on_after(self._settings.answer_s):
            while not self._subscription.settled and not self.ended.is_set():
                self._answered = anyio.Event()
                await self._answered.wait()
            return
        raise self._unanswered()

    def control(self, payload: bytes) -> bool:
        """Take a message that may concern the session; return whether it says that the server shuts down.

        Raises:
            ProviderError: It is a refusal.
        """
        self._subscription.take(payload)
        self._news.set()
        self._answered.set()
        if SHUTDOWN_STREAM.encode() not in payload:
            return False
        try:
            return _envelope(payload).stream == SHUTDOWN_STREAM
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False

    async def converse(self, socket: WebSocket, take: Callable[[Link, Received], Awaitable[None]]) -> None:
        """Subscribe, and hand on what comes until told to end.

        Raises:
            WebSocketError: The connection was lost.
            ProviderError: The venue refused a request, or did not answer one in time.
        """
        if self._note is not None:
            clock = self._context.clock
            await take(self, Received((self._note,), clock.now_ns(), clock.mono_ns()))
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._ask, socket)
                await self._receive(socket, take)
                tasks.cancel_scope.cancel()
        except ExceptionGroup as group:  # the first of the two to fail says why
            raise group.exceptions[0] from group.exceptions[0].__cause__

    async def _receive(self, socket: WebSocket, take: Callable[[Link, Received], Awaitable[None]]) -> None:
        while not self.retired:
            received: Received | None = None
            with (
                anyio.CancelScope() as self._receiving
            ):  # around nothing but the wait: what came is handed on
                received = await socket.receive()
            if received is None:
                return
            self.last_recv_ns = received.recv_ns
            await take(self, received)

    async def _ask(self, socket: WebSocket) -> None:
        """Send what is to be asked, one request at a time, and see that each is answered in time."""
        subscription = self._subscription
        answer_by = math.inf
        while not self.retired:
            news = self._news = anyio.Event()
            request = subscription.next_request()
            if request is not None:
                await self._pace.turn(self._context.clock)
                try:
                    await socket.send(request)
                except WebSocketError:
                    return  # who receives says how it ended, once all that had come before is handed on
                answer_by = anyio.current_time() + self._settings.answer_s
                continue
            if subscription.settled:
                self.settled.set()
            with anyio.CancelScope(deadline=answer_by if subscription.waiting else math.inf) as patience:
                await news.wait()
            if patience.cancelled_caught and subscription.waiting:
                raise self._unanswered()

    def _unanswered(self) -> TransientError:
        name = self._context.name
        return TransientError(
            f"leg {name!r}: Binance did not answer within {self._settings.answer_s:g} s "
            f"{self._subscription.what_is_due()}",
            provider=name,
        )
