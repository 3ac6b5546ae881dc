"""Name what goes wrong on a web socket, by what can be done about it.

::

    WebSocketError            .host .port
    ├── ConnectFailed         no web socket there: name, port, time-out, or another protocol
    ├── TlsFailed             .untrusted: the certificate is not one for this host
    ├── HandshakeRefused      .status .retry_after_s: the server answered, and declined
    └── ConnectionLost        .code .reason: it stood, and ended; code is None without a close frame

Owns: these classes, the wording that names host, port and remedy, and how a ``Retry-After`` is read.
Never: holds a query string or a header, where a secret may be.
"""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

from ticktrail.address import Address
from ticktrail.errors import FeedError

__all__ = [
    "ConnectFailed",
    "ConnectionLost",
    "HandshakeRefused",
    "TlsFailed",
    "WebSocketError",
    "retry_after_s",
]

_CODES = {
    1000: "normal closure",
    1001: "going away",
    1002: "protocol error",
    1003: "unsupported data",
    1006: "no close frame",
    1007: "invalid data",
    1008: "policy violation",
    1009: "message too big",
    1011: "server error",
    1012: "service restart",
    1013: "try again later",
}  # RFC 6455 section 7.4.1 and the IANA registry of close codes
_MAX_RETRY_AFTER_S = 7 * 86_400.0


class WebSocketError(FeedError):
    """A web socket could not be opened, or ended; `host` and `port` are the server's."""

    def __init__(self, message: str, *, address: Address) -> None:
        super().__init__(message)
        self.host = address.host
        self.port = address.port


class ConnectFailed(WebSocketError):
    """There is no web socket at the address, or none that answers in time."""

    def __init__(self, address: Address, cause: str, *, remedy: str) -> None:
        super().__init__(
            f"cannot open a web socket to {address.authority}: {cause}; {remedy}", address=address
        )


class TlsFailed(WebSocketError):
    """No encrypted connection came about; `untrusted` if the certificate was the reason."""

    def __init__(self, address: Address, cause: str, *, untrusted: bool) -> None:
        remedy = (
            "check the host's name, this machine's date and its trusted certificates, and whether something "
            "on the way intercepts TLS"
            if untrusted
            else "check that the port speaks TLS 1.2 or newer"
        )
        super().__init__(f"no TLS connection to {address.authority}: {cause}; {remedy}", address=address)
        self.untrusted = untrusted


class HandshakeRefused(WebSocketError):
    """The server answered the handshake with an HTTP `status` other than 101.

    `retry_after_s` is the pause that it asked for, None if it named none.
    """

    def __init__(self, address: Address, status: int, *, retry_after_s: float | None) -> None:
        wait = "" if retry_after_s is None else f" and asks for a pause of {retry_after_s:.0f} s"
        super().__init__(
            f"{address.authority} refused the web socket with HTTP status {status}{wait}; {_remedy(status)}",
            address=address,
        )
        self.status = status
        self.retry_after_s = retry_after_s


class ConnectionLost(WebSocketError):
    """The web socket ended; `code` and `reason` are the close frame's, None where there was none."""

    def __init__(
        self, address: Address, cause: str, *, code: int | None = None, reason: str | None = None
    ) -> None:
        super().__init__(
            f"the web socket to {address.authority} ended: {cause}; connect again", address=address
        )
        self.code = code
        self.reason = reason

    @classmethod
    def closed(cls, address: Address, code: int, reason: str | None) -> ConnectionLost:
        """Return the error for a close frame."""
        said = f", {reason!r}" if reason else ""
        return cls(
            address,
            f"closed by the server with code {code} ({_CODES.get(code, 'a code of its own')}){said}",
            code=code,
            reason=reason,
        )


def retry_after_s(value: str, *, now_ns: int) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks for, or None if it says nothing that can be read.

    Never below 0, nor above a week.

    Source: RFC 9110 section 10.2.3: a number of seconds, or a date.
    """
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _MAX_RETRY_AFTER_S)
    try:
        at = parsedate_to_datetime(text)
        seconds = at.replace(tzinfo=at.tzinfo or UTC).timestamp() - now_ns / 1e9
    except (ValueError, OverflowError):
        return None
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_S)


def _remedy(status: int) -> str:
    if status in (401, 403):
        return "check the credentials, and whether this address or region may connect"
    if status in (404, 410):
        return "check the path of the URL"
    if status in (418, 429):
        return "fewer connections in the same time are needed"
    if status >= 500:
        return "the server's own fault: try again later"
    return "check the URL"
