"""Ask for streams and keep account of the answers, without touching a socket.

Owns: the requests, which of them are granted, and what a refusal means.
Never: waits or sends.

Source: developers.binance.com, Binance spot API, "WebSocket Streams", "Live Subscribing/Unsubscribing to streams"
and its error messages, read 2026-11: ``{"result":null,"id":1}`` grants; codes 0 to 3 say that the request is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ticktrail.errors import PermanentError, TransientError
from ticktrail_binance.decoder import SHUTDOWN_STREAM
from ticktrail_binance.wire import Envelope

__all__ = ["Subscription"]

WRONG_REQUEST = frozenset({0, 1, 2, 3})
_read = msgspec.json.Decoder(Envelope).decode


class Subscription:
    """The subscription of one connection.

    Args:
        streams: What is wanted.
        per_request: Streams in one request.
        provider: The leg's name, for errors.
    """

    def __init__(self, streams: Sequence[str], *, per_request: int, provider: str) -> None:
        self._provider = provider
        self._requests: dict[int, Sequence[str]] = {
            number: streams[start : start + per_request]
            for number, start in enumerate(range(0, len(streams), per_request), start=1)
        }
        self._unanswered = set(self._requests)

    @property
    def granted(self) -> bool:
        """Whether every request was granted."""
        return not self._unanswered

    def requests(self) -> Sequence[str]:
        """Return the messages to send, one after the other."""
        return [
            msgspec.json.encode({"method": "SUBSCRIBE", "params": streams, "id": number}).decode()
            for number, streams in self._requests.items()
        ]

    def unanswered(self) -> Sequence[str]:
        """Return the streams that the venue has not granted."""
        return [stream for number in sorted(self._unanswered) for stream in self._requests[number]]

    def take(self, payload: bytes) -> None:
        """Take a message that may concern the session; anything else is let pass.

        Raises:
            PermanentError: The venue refused a request as wrong.
            TransientError: It refused one for a reason that may pass, or says that it is about to shut down.
        """
        try:
            message = _read(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return  # garbage is data: the decoder keeps it with its reason
        if message.stream == SHUTDOWN_STREAM:
            raise TransientError(
                "Binance announced that this server shuts down; a new connection is opened at once",
                provider=self._provider,
                retry_after_s=0.0,
            )
        if message.error is not None:
            self._refuse(message.id, message.error.code, message.error.msg)
        elif message.stream is None and isinstance(message.id, int):
            self._unanswered.discard(message.id)

    def _refuse(self, number: int | str | None, code: int, said: str) -> None:
        wanted = self._requests.get(number, ()) if isinstance(number, int) else ()
        what = (
            f"to subscribe to {', '.join(wanted[:3])}{' …' if len(wanted) > 3 else ''}"
            if wanted
            else "a request"
        )
        message = f"Binance refused {what} with code {code}, {said[:200]!r}"
        if code in WRONG_REQUEST:
            raise PermanentError(f"{message}: check the instruments and ws_url", provider=self._provider)
        raise TransientError(message, provider=self._provider)
