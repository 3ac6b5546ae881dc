"""Live through sessions with Binance: connect, subscribe, hand on what comes.

Owns: the order of a session, its deadlines, and what each failure means to the leg.
Never: decodes, or connects again by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import anyio.abc

from ticktrail.errors import PermanentError, TransientError
from ticktrail.model import Tick, Undecodable
from ticktrail.net import (
    HandshakeRefused,
    Received,
    TlsFailed,
    WebSocket,
    WebSocketError,
    open_websocket,
)
from ticktrail.plugin import Intake, ProviderContext
from ticktrail_binance.decoder import SpotDecoder, is_control
from ticktrail_binance.instruments import check_instruments
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import wanted_streams
from ticktrail_binance.subscription import Subscription

__all__ = ["BinanceProvider"]


class BinanceProvider:
    """One leg at Binance; implements `ticktrail.plugin.Provider`.

    Raises:
        ConfigError: The feed's instruments cannot be the venue's, or are more than one connection carries.
    """

    def __init__(self, settings: BinanceSettings, context: ProviderContext) -> None:
        self._settings = settings
        self._context = context
        self._streams = wanted_streams(settings, context)
        self._decoder = SpotDecoder(self._streams, context.name, final_bars_only=settings.final_bars_only)
        self._instruments_checked = False

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return the ticks of the payloads."""
        return self._decoder.decode(payloads, recv_ns)

    def wants(self, payload: bytes) -> bool:
        """Tell whether the payload is a message of one of the leg's streams."""
        return self._decoder.wants(payload)

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Live through one session.

        Raises:
            TransientError: The connection was lost, refused for now, or not answered in time.
            PermanentError: The venue does not list an instrument, refuses a request as wrong, or its certificate
                is not to be trusted.
        """
        if not self._instruments_checked:
            await check_instruments(
                self._settings,
                self._context.instruments,
                provider=self._context.name,
                clock=self._context.clock,
            )
            self._instruments_checked = True
        try:
            async with open_websocket(
                self._url(),
                clock=self._context.clock,
                connect_s=self._settings.connect_s,
                silent_s=self._settings.silent_s,
                max_message_bytes=self._settings.max_message_bytes,
            ) as socket:
                await self._converse(socket, intake, task_status)
        except HandshakeRefused as exc:
            raise TransientError(
                f"leg {self._context.name!r}: {exc}",
                provider=self._context.name,
                retry_after_s=exc.retry_after_s,
            ) from exc
        except TlsFailed as exc:
            kind = PermanentError if exc.untrusted else TransientError
            raise kind(f"leg {self._context.name!r}: {exc}", provider=self._context.name) from exc
        except WebSocketError as exc:
            raise TransientError(f"leg {self._context.name!r}: {exc}", provider=self._context.name) from exc

    def _url(self) -> str:
        unit = "?timeUnit=MICROSECOND" if self._settings.time_unit == "microsecond" else ""
        return f"{self._settings.ws_url}/stream{unit}"

    async def _converse(
        self, socket: WebSocket, intake: Intake, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        subscription = Subscription(
            list(self._streams), per_request=self._settings.streams_per_request, provider=self._context.name
        )
        for request in subscription.requests():
            await socket.send(request)
            await self._until(
                anyio.current_time() + 1 / self._settings.messages_per_s, socket, subscription, intake
            )
        await self._until(anyio.current_time() + self._settings.answer_s, socket, subscription, intake)
        if not subscription.granted:
            missing = subscription.unanswered()
            raise TransientError(
                f"leg {self._context.name!r}: Binance did not answer within {self._settings.answer_s:g} s whether "
                f"it grants {', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}",
                provider=self._context.name,
            )
        task_status.started()
        while True:
            await self._hand_on(await socket.receive(), subscription, intake)

    async def _until(
        self, deadline: float, socket: WebSocket, subscription: Subscription, intake: Intake
    ) -> None:
        """Hand on what comes until the deadline, or until everything is granted."""
        while not subscription.granted:
            received: Received | None = None
            with anyio.CancelScope(
                deadline=deadline
            ):  # around nothing but the wait: what is received is handed on
                received = await socket.receive()
            if received is None:
                return
            await self._hand_on(received, subscription, intake)

    async def _hand_on(self, received: Received, subscription: Subscription, intake: Intake) -> None:
        for payload in received.payloads:
            if is_control(payload):
                subscription.take(payload)
        await intake.frames(received.payloads, recv_ns=received.recv_ns, mono_ns=received.mono_ns)
