"""Split what a web-socket server sends into data messages and the rest, without touching the network.

Owns: where a frame ends, the bytes of frames that are not whole yet, and the fragments of an open message.
Never: answers a frame, checks UTF-8 (whoever reads the payload does), or holds more than `max_bytes` of a message.

Source: RFC 6455 (December 2011), sections 5.2 (framing), 5.4 (fragmentation) and 5.5 (control frames).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

__all__ = ["FrameError", "FrameSplitter", "Split"]

_FINAL = 0x80
_CONTINUATION = 0x0
_TEXT = 0x1
_BINARY = 0x2
_CLOSE = 0x8
_PING = 0x9
_PONG = 0xA
_SOUND_CONTROL = frozenset({_FINAL | _CLOSE, _FINAL | _PING, _FINAL | _PONG})


class FrameError(Exception):
    """The server broke the protocol in a way that ends the session; `code` is the close code for it."""

    def __init__(self, cause: str, *, code: int) -> None:
        super().__init__(cause)
        self.code = code


class Split(NamedTuple):
    """What one read gave: whole messages in order, the bytes for the control protocol, whether they are its last."""

    messages: Sequence[bytes]
    control: bytes
    last: bool


class FrameSplitter:
    """Take reads of any cut, give whole data messages and everything else.

    Data frames that are unmasked and carry no extension bit are taken off, fragments put together. Control frames
    go into `Split.control`. So does a frame that no server may send, with all that follows it: `Split.last` then
    says, as it does after a close frame, that the session is over.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._tail = bytearray()  # the start of a frame that is not whole yet
        self._need = 2  # bytes the tail must have before it is worth a look
        self._message: bytearray | None = None  # fragments so far
        self._over = False

    def feed(self, data: bytes) -> Split:
        """Return what became whole with these bytes.

        Raises:
            FrameError: A message is over the limit, or begins within another one. The splitter is then of no
                more use.
        """
        if self._over:
            return Split((), data, last=True)
        if self._tail:
            self._tail += data
            if len(self._tail) < self._need:
                return Split((), b"", last=False)
            data = bytes(self._tail)
            self._tail.clear()
        return self._split(data)

    def _split(self, data: bytes) -> Split:
        messages: list[bytes] = []
        control = b""
        start = 0
        end = len(data)
        while True:
            # One turn a frame, hundreds of thousands a second: the common case first, no call, no attribute.
            if end - start < 2:
                self._need = 2
                break
            first = data[start]
            length = data[start + 1]
            payload = start + 2
            if length >= 126:
                if length > 127:  # masked: a server must not
                    self._over = True
                    return Split(messages, control + data[start:], last=True)
                width = 2 if length == 126 else 8
                payload += width
                if end < payload:
                    self._need = payload - start
                    break
                length = int.from_bytes(data[payload - width : payload])
            stop = payload + length
            if stop > end:
                self._check_size(first, length)
                self._need = stop - start
                break
            if (first in {0x81, 0x82}) and self._message is None and length <= self._max_bytes:
                messages.append(data[payload:stop])
            elif first in _SOUND_CONTROL and length <= 125:
                control += data[start:stop]
                if first == _FINAL | _CLOSE:
                    self._over = True
                    return Split(messages, control + data[stop:], last=True)
            elif self._is_fragment(first):
                whole = self._fragment(first, data[payload:stop])
                if whole is not None:
                    messages.append(whole)
            else:
                self._over = True
                return Split(messages, control + data[start:], last=True)
            start = stop
        if start < end:
            self._tail += data[start:]
        return Split(messages, control, last=False)

    def _is_fragment(self, first: int) -> bool:
        opcode = first & ~_FINAL
        return opcode in {_TEXT, _BINARY} or (opcode == _CONTINUATION and self._message is not None)

    def _fragment(self, first: int, payload: bytes) -> bytes | None:
        self._check_size(first, len(payload))
        if first & ~_FINAL == _CONTINUATION:
            if self._message is None:
                raise FrameError("a continuation of no message", code=1002)
        else:
            if self._message is not None:
                raise FrameError("a data message began within another one", code=1002)
            self._message = bytearray()
        self._message += payload
        if not first & _FINAL:
            return None
        whole, self._message = bytes(self._message), None
        return whole

    def _check_size(self, first: int, length: int) -> None:
        if first & 0x0F in {_CONTINUATION, _TEXT, _BINARY}:
            so_far = 0 if self._message is None else len(self._message)
            if so_far + length > self._max_bytes:
                raise FrameError(
                    f"a message of {so_far + length} bytes or more is over max_message_bytes = {self._max_bytes}",
                    code=1009,
                )
