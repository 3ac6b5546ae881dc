"""Keep what a connection is subscribed to as it is wanted, without touching a socket.

Owns: the requests, which of them are answered, and whether the venue's own list agrees with what is wanted.
Never: waits or sends.

Source: developers.binance.com, Binance Spot API docs, "WebSocket Streams", "Live Subscribing/Unsubscribing to
streams" and its error messages, read 2026-11: ``{"result":null,"id":1}`` grants; codes 0 to 3 say that the request
is wrong.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

from ticktrail.errors import PermanentError, TransientError
from ticktrail_binance.wire import Envelope

__all__ = ["Subscription"]

Method: TypeAlias = Literal["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS"]
WRONG_REQUEST = frozenset({0, 1, 2, 3})
ROUNDS = 3
"""How often what is missing in the venue's list is asked for again before the connection is given up."""
_read = msgspec.json.Decoder(Envelope).decode


class Subscription:
    """The subscription of one connection.

    Args:
        streams: What is wanted.
        per_request: Streams in one request.
        provider: The leg's name, for errors.

    Attributes:
        mended: Streams that the venue's list lacked although it had granted them, so far.
    """

    def __init__(self, streams: Iterable[str], *, per_request: int, provider: str) -> None:
        self.mended: list[str] = []
        self._provider = provider
        self._per_request = per_request
        self._wanted = dict.fromkeys(streams)
        self._has: dict[str, None] = {}
        self._to_ask: deque[tuple[Method, Sequence[str]]] = deque()
        self._asked: tuple[int, Method, Sequence[str]] | None = None
        self._number = 0
        self._rounds = 0
        self._listed = False
        self._plan()

    @property
    def settled(self) -> bool:
        """Whether the venue's list is what is wanted, and nothing is on its way."""
        return self._listed and self._asked is None and not self._to_ask

    @property
    def waiting(self) -> bool:
        """Whether an answer is due."""
        return self._asked is not None

    def want(self, streams: Iterable[str]) -> None:
        """Change what is wanted; the venue's list is compared again afterwards."""
        self._wanted = dict.fromkeys(streams)
        self._rounds = 0
        self._plan()

    def look(self) -> None:
        """Compare with the venue's list again: is the connection alive, and does it carry what is wanted?"""
        if self.settled:
            self._listed = False

    def next_request(self) -> str | None:
        """Return the next message to send; None while an answer is due, or where there is nothing to ask."""
        if self._asked is not None:
            return None
        if self._to_ask:
            method, streams = self._to_ask.popleft()
        elif not self._listed:
            method, streams = "LIST_SUBSCRIPTIONS", ()
        else:
            return None
        self._number += 1
        self._asked = (self._number, method, streams)
        request: dict[str, object] = {"method": method, "id": self._number}
        if streams:
            request["params"] = streams
        return msgspec.json.encode(request).decode()

    def what_is_due(self) -> str:
        """Say which answer is due, for an error."""
        if self._asked is None:
            return "nothing"
        _, method, streams = self._asked
        if method == "LIST_SUBSCRIPTIONS":
            return "what the connection is subscribed to"
        return f"whether it grants {_some(streams)}"

    def take(self, payload: bytes) -> None:
        """Take a message that may be an answer; anything else is let pass.

        Raises:
            PermanentError: The venue refused a request as wrong.
            TransientError: It refused one for a reason that may pass, or its list never comes to what is wanted.
        """
        try:
            message = _read(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return  # garbage is data: the decoder keeps it with its reason
        if message.error is not None:
            self._refuse(message.id, message.error.code, message.error.msg)
        elif message.stream is None and self._asked is not None and message.id == self._asked[0]:
            _, method, streams = self._asked
            self._asked = None
            match method:
                case "SUBSCRIBE":
                    self._has.update(dict.fromkeys(streams))
                case "UNSUBSCRIBE":
                    for stream in streams:
                        self._has.pop(stream, None)
                case "LIST_SUBSCRIPTIONS":
                    self._compare(bytes(message.result))

    def _compare(self, result: bytes) -> None:
        try:
            self._has = dict.fromkeys(msgspec.json.decode(result, type=list[str]))
        except msgspec.MsgspecError as exc:
            raise TransientError(
                f"leg {self._provider!r}: Binance's list of subscriptions cannot be read ({exc})",
                provider=self._provider,
            ) from exc
        self._listed = True
        if self._has.keys() == self._wanted.keys():
            self._rounds = 0
            return
        missing = [stream for stream in self._wanted if stream not in self._has]
        self.mended.extend(missing)
        self._rounds += 1
        if self._rounds > ROUNDS:
            raise TransientError(
                f"leg {self._provider!r}: Binance grants {_some(missing or list(self._has))} and its list of "
                f"subscriptions does not agree, {ROUNDS} times in a row",
                provider=self._provider,
            )
        self._plan()

    def _plan(self) -> None:
        """Ask for what is missing, and give up what is not wanted; then look at the venue's list."""
        self._to_ask.clear()
        on_the_way = set(self._asked[2]) if self._asked is not None else set()
        missing = [stream for stream in self._wanted if stream not in self._has and stream not in on_the_way]
        surplus = [stream for stream in self._has if stream not in self._wanted]
        for method, streams in (("UNSUBSCRIBE", surplus), ("SUBSCRIBE", missing)):
            self._to_ask.extend(
                (method, streams[start : start + self._per_request])  # type: ignore[misc]
                for start in range(0, len(streams), self._per_request)
            )
        if self._to_ask:
            self._listed = False

    def _refuse(self, number: int | str | None, code: int, said: str) -> None:
        asked = self._asked
        what = "a request"
        if asked is not None and asked[0] == number:
            _, method, streams = asked
            verb = {"SUBSCRIBE": "subscribe to", "UNSUBSCRIBE": "give up", "LIST_SUBSCRIPTIONS": "list"}[
                method
            ]
            what = f"to {verb} {_some(streams)}" if streams else "to list the subscriptions"
        message = f"leg {self._provider!r}: Binance refused {what} with code {code}, {said[:200]!r}"
        if code in WRONG_REQUEST:
            raise PermanentError(f"{message}: check the instruments and ws_url", provider=self._provider)
        raise TransientError(message, provider=self._provider, cause="refused")


def _some(streams: Sequence[str]) -> str:
    return f"{', '.join(streams[:3])}{' …' if len(streams) > 3 else ''}"
