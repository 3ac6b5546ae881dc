"""Live through sessions with Kraken: connect, subscribe, hand on what comes, and watch beside it.

Owns: the order of a session and its tasks.
Never: connects again by itself once the session is lost; the leg does.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

import anyio
import anyio.abc

from ticktrail.errors import PermanentError, ProviderError, TransientError
from ticktrail.events import VenueTrouble
from ticktrail.model import Tick, Undecodable
from ticktrail.net import (
    HandshakeRefused,
    Received,
    TlsFailed,
    WebSocketError,
    allowance_of,
    open_websocket,
)
from ticktrail.plugin import Intake, ProviderContext
from ticktrail_kraken.decoder import KrakenDecoder
from ticktrail_kraken.live.link import Link, Steps
from ticktrail_kraken.live.session import Session
from ticktrail_kraken.live.watch import watch
from ticktrail_kraken.rest.client import RestClient
from ticktrail_kraken.settings import KrakenSettings
from ticktrail_kraken.subscriptions import params_of, symbols_of

__all__ = ["KrakenProvider"]

TOO_MANY = frozenset({403, 429, 1015})
"""Statuses by which the venue's front door (Cloudflare) sends away who connects too often."""


class KrakenProvider:
    """One leg at Kraken; implements `ticktrail.plugin.Provider`.

    Raises:
        ConfigError: The feed's instruments cannot be the venue's.
    """

    def __init__(self, settings: KrakenSettings, context: ProviderContext) -> None:
        self._settings = settings
        self._context = context
        self._symbols = symbols_of(context)
        self._link: Link | None = None
        self._steps: dict[str, Steps] = {}
        self._handed = 0
        self._decoder = KrakenDecoder(
            self._symbols,
            context.channels,
            context.name,
            book_depth=settings.book_depth,
            on_book_lost=self._book_lost,
        )

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return the ticks of the payloads."""
        return self._decoder.decode(payloads, recv_ns)

    def wants(self, payload: bytes) -> bool:
        """Tell whether the payload holds something of the leg's streams."""
        return self._decoder.wants(payload)

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Live through one session.

        Raises:
            TransientError: The connection was lost, refused for now, not answered in time, or is mute.
            PermanentError: The venue refuses what no second try would change, or its certificate is not to be trusted.
        """
        settings, context = self._settings, self._context
        self._keep_within_limit()
        session = Session(
            list(self._symbols),
            params_of(context.channels, settings),
            provider=context.name,
            per_request=settings.symbols_per_request,
            wait_s=settings.limited_wait_s,
        )
        link = Link(session, settings, context, intake.tell, self._steps)
        try:
            async with (
                open_websocket(
                    settings.ws_url,
                    clock=context.clock,
                    connect_s=settings.connect_s,
                    silent_s=settings.silent_s,
                    max_message_bytes=settings.max_message_bytes,
                ) as socket,
                anyio.create_task_group() as tasks,
            ):
                intake.tell(socket.carrier.opened(context.name, "websocket", at_ns=context.clock.now_ns()))
                self._link = link
                tasks.start_soon(self._beside, link, session, intake, task_status)

                async def take(received: Received) -> None:
                    await intake.frames(received.payloads, recv_ns=received.recv_ns, mono_ns=received.mono_ns)
                    self._handed += len(received.payloads)

                await link.converse(socket, take)
        except WebSocketError as exc:
            raise self._translated(exc) from exc
        except ExceptionGroup as group:
            raise self._first(group) from group
        finally:
            self._link = None

    def _book_lost(self, symbol: str) -> None:
        if self._link is not None:
            self._link.ask_again(symbol)

    def _keep_within_limit(self) -> None:
        """Count a connection.

        Raises:
            TransientError: One more now might have the venue ban this address.
        """
        settings, context = self._settings, self._context
        host = urlsplit(settings.ws_url).netloc
        allowance = allowance_of(f"connections to {host}", settings.connections_per_minute)
        wait_s = allowance.take(1, context.clock.mono_ns())
        if wait_s > 0:
            raise TransientError(
                f"leg {context.name!r}: {settings.connections_per_minute} connections to {host} were opened within a "
                f"minute, and more may have Kraken ban this address: it waits, or raise connections_per_minute",
                provider=context.name,
                cause="limited",
                retry_after_s=wait_s,
            )

    async def _beside(
        self, link: Link, session: Session, intake: Intake, task_status: anyio.abc.TaskStatus[None]
    ) -> None:
        """Once everything is subscribed to: say so, and watch."""
        settings, context = self._settings, self._context
        await link.settled.wait()
        task_status.started()
        if session.warnings:
            detail = f"Kraken warns on subscribing: {'; '.join(session.warnings)[:500]}"
            intake.tell(
                VenueTrouble(
                    at_ns=context.clock.now_ns(), provider=context.name, detail=detail, retry_in_s=None
                )
            )
        async with RestClient(settings, context.name, context.clock, intake.tell) as client:
            await watch(link, self._decoder, settings, context, client, lambda: self._handed, intake.tell)

    def _translated(self, exc: WebSocketError) -> ProviderError:
        name = self._context.name
        if isinstance(exc, HandshakeRefused):
            wait_s = exc.retry_after_s
            if wait_s is None and exc.status in TOO_MANY:
                wait_s = self._settings.limited_wait_s
            cause = "refused" if wait_s is None else "limited"
            return TransientError(f"leg {name!r}: {exc}", provider=name, cause=cause, retry_after_s=wait_s)
        if isinstance(exc, TlsFailed) and exc.untrusted:
            return PermanentError(f"leg {name!r}: {exc}", provider=name)
        return TransientError(f"leg {name!r}: {exc}", provider=name)

    def _first(self, group: ExceptionGroup[Exception]) -> Exception:
        """Return the first of what ended the session, which says why."""
        first = group.exceptions[0]
        if isinstance(first, ExceptionGroup):
            return self._first(first)
        return self._translated(first) if isinstance(first, WebSocketError) else first
