"""Converse over one socket: be let in, subscribe, see to the answers, receive.

Owns: one socket's life between open and closed, the deadlines of its answers, and the moment at which secrets are sent.
Never: decides what becomes of what it brings.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping, Sequence

import anyio
import msgspec

from ticktrail.errors import TransientError
from ticktrail.net import Received, WebSocket, WebSocketError
from ticktrail.plugin import ProviderContext
from ticktrail_alpaca.codec import is_json, read_frame
from ticktrail_alpaca.live.session import Ask, Authenticate, Session
from ticktrail_alpaca.rest.client import read_credential
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_alpaca.wire import Error, Subscription, Success

__all__ = ["Link", "concerns_session", "credentials"]

_OF_SESSION = (Success, Error, Subscription)
_SIGNS_JSON = (b'"success"', b'"error"', b'"subscription"', b"\\")
"""Words, and what may begin an escaped letter of one: a single byte is found the soonest."""
_SIGNS_MSGPACK = (b"success", b"error", b"subscription")
"""The words alone: a text's length may be written in several ways before it."""
_pack = msgspec.msgpack.Encoder().encode
_write = msgspec.json.Encoder().encode
READ_S = 0.5
"""Time to read what stood in the socket while nobody looked there."""


def concerns_session(payload: bytes) -> bool:
    """Tell whether a frame may hold a message about the session, without reading it.

    One that does is never missed; one that does not may be taken for one, and is read in vain.
    """
    signs = _SIGNS_JSON if is_json(payload) else _SIGNS_MSGPACK
    return any(sign in payload for sign in signs)


class Link:
    """One socket.

    Args:
        session: The conversation.
        settings: Of the leg.
        context: Of the leg.

    Attributes:
        settled: Set once everything is subscribed to.
    """

    def __init__(self, session: Session, settings: AlpacaSettings, context: ProviderContext) -> None:
        self.settled = anyio.Event()
        self._session = session
        self._settings = settings
        self._context = context
        self._news = anyio.Event()
        self._free: anyio.Event | None = None
        self._began_s = self._handed_s = 0.0

    async def converse(self, socket: WebSocket, take: Callable[[Received], Awaitable[None]]) -> None:
        """Be let in, subscribe, and hand on what comes until the connection ends.

        Args:
            socket: The connection.
            take: Takes the data, without what concerns the session alone; nothing, once, when all is subscribed to.

        Raises:
            WebSocketError: The connection was lost.
            ProviderError: The venue refused something, or did not answer in time.
            ConfigError: The credentials are not there.
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
                        if data or (self._session.settled and not self.settled.is_set()):
                            await self._hand(take, received._replace(payloads=data))
                    if self._session.settled:
                        self.settled.set()
        except ExceptionGroup as group:  # the first of the two to fail says why
            raise group.exceptions[0] from group.exceptions[0].__cause__

    def look(self, name: str, symbol: str) -> None:
        """See whether the venue still answers, in time or not at all, and has all that is wanted in its list.

        Args:
            name: Of a list.
            symbol: One that speaks, in that list.
        """
        self._session.look(name, symbol)
        self._news.set()

    def _look(self, payloads: Sequence[bytes], data: list[bytes]) -> None:
        """Take what concerns the session; put what brings anything else into `data`."""
        for payload in payloads:
            if not concerns_session(payload):
                data.append(payload)
                continue
            messages = read_frame(payload)
            of_session = [message for message in messages if isinstance(message, _OF_SESSION)]
            if len(of_session) < len(messages):
                data.append(payload)
            for message in of_session:
                self._session.take(message)
            self._news.set()

    async def _hand(self, take: Callable[[Received], Awaitable[None]], received: Received) -> None:
        """Hand on, and count how long that takes: nobody looks into the socket, where an answer may stand."""
        free = self._free = anyio.Event()
        self._began_s = anyio.current_time()
        try:
            await take(received)
        finally:
            self._handed_s = self._blind_s()
            self._free = None
            free.set()

    def _blind_s(self) -> float:
        """Return how long nobody has looked into the socket, all in all."""
        return self._handed_s + (0.0 if self._free is None else anyio.current_time() - self._began_s)

    def _excused_s(self, blind_before_s: float) -> float:
        """Return how much later an answer may be seen, by how long nobody had looked when it was asked for."""
        blind_s = self._blind_s() - blind_before_s
        return blind_s + READ_S if blind_s else 0.0

    async def _say(self, socket: WebSocket) -> None:
        """Send what is due, one message at a time, and see that each is answered in time.

        Time in which this end takes its data does not count: the venue may have answered meanwhile.
        """
        session, settings = self._session, self._settings
        answer_by, blind_before_s = anyio.current_time() + settings.auth_s, self._blind_s()
        while True:
            news = self._news = anyio.Event()
            due = session.next()
            if due is not None:
                answer_by = anyio.current_time() + (
                    settings.auth_s if isinstance(due, Authenticate) else settings.answer_s
                )
                blind_before_s = self._blind_s()
                try:
                    await socket.send(self._message(due))
                except WebSocketError:
                    return  # who receives says how it ended, once all that had come before is handed on
                continue
            deadline = answer_by + self._excused_s(blind_before_s) if session.waiting else math.inf
            with anyio.CancelScope(deadline=deadline) as patience:
                await news.wait()
            if not (patience.cancelled_caught and session.waiting):
                continue
            if self._free is not None:
                await self._free.wait()
            elif anyio.current_time() >= answer_by + self._excused_s(blind_before_s):
                name = self._context.name
                raise TransientError(
                    f"leg {name!r}: Alpaca did not answer in time {session.due}", provider=name
                )

    def _message(self, due: Authenticate | Ask) -> str | bytes:
        message: Mapping[str, object]
        if isinstance(due, Authenticate):
            key_id, secret = credentials(self._settings, self._context)
            message = {"action": "auth", "key": key_id, "secret": secret}
        else:
            message = {"action": due.action, **due.lists}
        return _pack(message) if self._settings.codec == "msgpack" else _write(message).decode()


def credentials(settings: AlpacaSettings, context: ProviderContext) -> tuple[str, str]:
    """Return the key's id and its secret, resolved now; nobody keeps them.

    Raises:
        ConfigError: They are not where the settings say, or what stands there cannot be sent.
    """
    assert settings.key_id is not None  # noqa: S101 - the settings' check of the leg insists on both
    assert settings.secret_key is not None  # noqa: S101 - as above
    return (
        read_credential("key_id", settings.key_id, context.base_dir),
        read_credential("secret_key", settings.secret_key, context.base_dir),
    )
