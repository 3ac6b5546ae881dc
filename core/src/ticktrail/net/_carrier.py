"""Tell what protects a connection: who is at the other end, which version of TLS, which cipher.

Owns: the facts as the TLS library has them, and the event that tells of them.
Never: demands any; `ticktrail.address.require_secure` does, before there is a connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol
from urllib.parse import urlsplit

from ticktrail.address import is_loopback
from ticktrail.events import ConnectionOpened
from ticktrail.model import ProviderId

__all__ = ["Carrier", "TlsSession", "carrier_of"]

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


class TlsSession(Protocol):
    """An encrypted connection after its handshake, such as `ssl.SSLSocket` and `ssl.SSLObject`."""

    def version(self) -> str | None:
        """Return the protocol's version, such as ``TLSv1.3``."""
        ...

    def cipher(self) -> tuple[str, str, int] | None:
        """Return the cipher suite's name, the version that defined it, and the bits of its key."""
        ...


@dataclass(frozen=True, slots=True)
class Carrier:
    """What a connection is carried by; `tls` and `cipher` are None for plain text."""

    host: str
    port: int
    tls: str | None
    cipher: str | None

    def opened(
        self, provider: ProviderId, kind: Literal["websocket", "rest"], *, at_ns: int
    ) -> ConnectionOpened:
        """Return the event for the control bus (`Intake.tell`).

        Args:
            provider: The leg.
            kind: What is spoken over it.
            at_ns: The present, UTC nanoseconds.
        """
        return ConnectionOpened(
            at_ns=at_ns,
            provider=provider,
            kind=kind,
            host=self.host,
            port=self.port,
            loopback=is_loopback(self.host),
            tls=self.tls,
            cipher=self.cipher,
        )


def carrier_of(url: str, session: TlsSession | None) -> Carrier:
    """Return what a connection is carried by.

    Args:
        url: To whom it was opened.
        session: Its TLS as it is after the handshake; None: it is plain text.
    """
    parts = urlsplit(url)
    cipher = None if session is None else session.cipher()
    return Carrier(
        host=parts.hostname or "",
        port=parts.port or _PORTS.get(parts.scheme, 0),
        tls=None if session is None else session.version(),
        cipher=None if cipher is None else cipher[0],
    )
