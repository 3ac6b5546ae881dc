"""Live through sessions with Alpaca: connect, be let in, subscribe, hand on what comes, repair and watch beside it.

Owns: the order of a session and its tasks.
Never: connects again by itself once the session is lost; the leg does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial

import anyio
import anyio.abc

from ticktrail.errors import ConfigError, PermanentError, ProviderError, TransientError
from ticktrail.events import VenueTrouble
from ticktrail.model import Tick, Undecodable
from ticktrail.net import HandshakeRefused, InOrder, Received, TlsFailed, WebSocketError, open_websocket
from ticktrail.plugin import Intake, ProviderContext
from ticktrail_alpaca.decoder import AlpacaDecoder
from ticktrail_alpaca.hours import open_hours
from ticktrail_alpaca.live.link import Link, credentials
from ticktrail_alpaca.live.repair import Repair
from ticktrail_alpaca.live.session import Session
from ticktrail_alpaca.live.watch import watch
from ticktrail_alpaca.notes import ConnectedNote, write_note
from ticktrail_alpaca.rest.client import RestClient
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_alpaca.subscriptions import lists_of, symbols_of

__all__ = ["AlpacaProvider"]

TOO_MANY = 429
GIVE_UP_S = 1.0
"""How long the leg may take the last notes of a session: where it is so far behind, what waits goes on later."""


class AlpacaProvider:
    """One leg at Alpaca; implements `ticktrail.plugin.Provider`.

    Raises:
        ConfigError: The feed's instruments cannot be the venue's, or credentials are lacking.
    """

    def __init__(self, settings: AlpacaSettings, context: ProviderContext) -> None:
        self._settings = settings
        self._context = context
        self._lists = lists_of(settings, context)
        self._decoder = AlpacaDecoder(
            symbols_of(settings, context), context.channels, context.name, on_loss=self._lost
        )
        self._repair: Repair | None = None
        self._handed = 0
        self._number = 0

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return the ticks of the payloads."""
        return self._decoder.decode(payloads, recv_ns)

    def wants(self, payload: bytes) -> bool:
        """Tell whether the payload holds a message of one of the leg's streams."""
        return self._decoder.wants(payload)

    def drain(self) -> Sequence[Tick | Undecodable]:
        """Return the trades that wait for those that were missed."""
        return self._decoder.drain()

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Live through one session.

        Raises:
            TransientError: The connection was lost, refused for now, not answered in time, or is mute.
            PermanentError: The venue refuses what no second try would change, the credentials are not where the
                settings say, or its certificate is not to be trusted.
        """
        settings, context = self._settings, self._context
        intake = InOrder(intake)  # the connection and the repair hand over side by side
        session = Session(
            self._lists,
            provider=context.name,
            by_headers=settings.auth == "headers",
            per_request=settings.symbols_per_request,
            wait_s=settings.connection_limit_wait_s,
        )
        self._number += 1
        link = Link(session, settings, context)
        repair = self._repair = Repair(
            self._decoder, settings, context, intake, partial(self._hand_on, intake), self._number
        )
        # It goes before anything that this connection brings.
        first = [write_note(ConnectedNote(asked_for=repair.wanted, number=self._number))]
        try:
            async with (
                open_websocket(
                    settings.stream_url,
                    clock=context.clock,
                    connect_s=settings.connect_s,
                    silent_s=settings.silent_s,
                    max_message_bytes=settings.max_message_bytes,
                    headers=self._headers(),
                ) as socket,
                anyio.create_task_group() as tasks,
            ):
                intake.tell(socket.carrier.opened(context.name, "websocket", at_ns=context.clock.now_ns()))
                tasks.start_soon(self._beside, link, session, repair, intake, task_status)

                async def take(received: Received) -> None:
                    payloads = [*first, *received.payloads]
                    first.clear()
                    await intake.frames(payloads, recv_ns=received.recv_ns, mono_ns=received.mono_ns)
                    self._handed += len(payloads)
                    self._check_books()

                await link.converse(socket, take)
        except ConfigError as exc:
            raise PermanentError(f"leg {context.name!r}: {exc}", provider=context.name) from exc
        except WebSocketError as exc:
            raise self._translated(exc) from exc
        except ExceptionGroup as group:
            raise self._first(group) from group
        finally:
            self._repair = None
            if (
                not first
            ):  # nobody fetches any more, so that what waits goes on; no later time comes while it is down
                with anyio.move_on_after(GIVE_UP_S, shield=True):
                    await repair.give_up()

    def _lost(self) -> None:
        if self._repair is not None:
            self._repair.lost()

    async def _beside(
        self,
        link: Link,
        session: Session,
        repair: Repair,
        intake: Intake,
        task_status: anyio.abc.TaskStatus[None],
    ) -> None:
        """Once everything is subscribed to: say so, fetch what was missed, and watch."""
        settings, context = self._settings, self._context
        await link.settled.wait()
        task_status.started()
        if session.missing:
            told = ", ".join(f"{name} of {symbol}" for name, symbol in session.missing[:5])
            self._tell(
                intake, f"Alpaca left out of its list what it had been asked for, and was asked again: {told}"
            )
        async with AsyncExitStack() as stack:
            client = await self._client(stack, intake)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(repair.run, client)
                hours = await open_hours(settings, provider=context.name, now_ns=context.clock.now_ns())
                await watch(
                    link,
                    self._decoder,
                    settings,
                    context,
                    hours,
                    client,
                    lambda: self._handed,
                )

    async def _client(self, stack: AsyncExitStack, intake: Intake) -> RestClient | None:
        """Open the REST side; without it the stream goes on, and what was missed is a gap."""
        settings, context = self._settings, self._context
        if not settings.can_ask:
            return None
        try:
            return await stack.enter_async_context(
                RestClient(settings, context.name, context.clock, context.base_dir, intake.tell)
            )
        except ProviderError as exc:
            self._tell(intake, f"nothing can be asked by REST: {exc}")
            return None

    def _headers(self) -> Mapping[str, str]:
        headers = {}
        if self._settings.codec == "msgpack":
            headers["Content-Type"] = "application/msgpack"
        if self._settings.auth == "headers":
            key_id, secret = credentials(self._settings, self._context)
            headers["APCA-API-KEY-ID"], headers["APCA-API-SECRET-KEY"] = key_id, secret
        return headers

    async def _hand_on(self, intake: Intake, payloads: Sequence[bytes]) -> None:
        """Put a note among the venue's messages."""
        clock = self._context.clock
        await intake.frames(payloads, recv_ns=clock.now_ns(), mono_ns=clock.mono_ns())
        self._handed += len(payloads)

    def _check_books(self) -> None:
        """End the session where a book is lost: only a new connection is given a whole one.

        Raises:
            TransientError: One is.
        """
        lost = self._decoder.books.lost
        if lost and self._decoder.connection == self._number:
            name = self._context.name
            raise TransientError(
                f"leg {name!r}: a message of {min(lost)}'s book could not be read; a new connection begins it anew",
                provider=name,
                cause="garbled",
            )

    def _tell(self, intake: Intake, detail: str) -> None:
        context = self._context
        intake.tell(
            VenueTrouble(at_ns=context.clock.now_ns(), provider=context.name, detail=detail, retry_in_s=None)
        )

    def _translated(self, exc: WebSocketError) -> ProviderError:
        name = self._context.name
        if isinstance(exc, HandshakeRefused):
            wait_s = exc.retry_after_s
            if wait_s is None and exc.status == TOO_MANY:
                wait_s = self._settings.connection_limit_wait_s
            if exc.status in {401, 403}:
                return PermanentError(
                    f"leg {name!r}: {exc}; check key_id and secret_key", provider=name, cause="credentials"
                )
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
        if isinstance(first, WebSocketError):
            return self._translated(first)
        if isinstance(first, ConfigError):
            return PermanentError(f"leg {self._context.name!r}: {first}", provider=self._context.name)
        return first
