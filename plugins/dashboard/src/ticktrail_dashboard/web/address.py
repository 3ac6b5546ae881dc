"""Say where the dashboard listens, and refuse an address that is not safe.

Owns: the parts of ``[dashboard] address``, what an address beyond this machine needs, and the bound sockets.
Never: answers anybody.
"""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ticktrail.address import is_loopback
from ticktrail.errors import ConfigError

if TYPE_CHECKING:
    from ticktrail_dashboard.settings import DashboardSettings

__all__ = ["Place", "bind", "judge", "open_certificate", "parse_place"]

BACKLOG: Final = 64
MOST_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class Place:
    """Host and port of a listener."""

    host: str
    port: int

    @property
    def authority(self) -> str:
        """Both, as a URL has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return is_loopback(self.host)


def parse_place(text: str) -> Place:
    """Return host and port of ``HOST:PORT``; an IPv6 address stands in brackets.

    Raises:
        ValueError: It is neither.
    """
    host, colon, port = text.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if is_bracketed else host
    is_host = bool(host) and host.isascii() and not any(sign in host for sign in " /@?#[]")
    is_port = port.isascii() and port.isdigit() and int(port) <= MOST_PORT
    if not (colon and is_host and is_port) or is_bracketed != (":" in host):
        raise ValueError(
            f"address: {text!r} is not HOST:PORT; write such as 127.0.0.1:8787, or [::1]:8787, "
            f"with a port from 0 (a free one) to {MOST_PORT}"
        )
    return Place(host=host, port=int(port))


def judge(settings: DashboardSettings) -> None:
    """Refuse settings under which strangers could read the feed, or a token could be overheard.

    Raises:
        ValueError: See `DashboardSettings`; the message names the key and what to write.
    """
    place = parse_place(settings.address)
    if (settings.certificate is None) != (settings.certificate_key is None):
        alone, other = "certificate", "certificate_key"
        if settings.certificate is None:
            alone, other = other, alone
        raise ValueError(f"{alone}: stands without {other}; set both, or neither")
    if place.is_loopback:
        return
    if settings.token is None:
        raise ValueError(
            f"address: {settings.address} can be reached from other machines, and everybody there could read the "
            f'feed; set token = {{ env = "NAME" }} (or file, keyring), or listen at 127.0.0.1:{place.port}'
        )
    if settings.certificate is None and not settings.plain_text:
        raise ValueError(
            f"address: {settings.address} can be reached from other machines, and the token would cross the network "
            f"as plain text; set certificate and certificate_key, or plain_text = true where a proxy before it "
            f"has HTTPS"
        )


def bind(place: Place) -> socket.socket:
    """Return a socket that listens there.

    Raises:
        ConfigError: The host cannot be resolved or is not this machine's, or the port is taken or not allowed.
    """
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            place.host, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as exc:  # UnicodeError: of a name that the domain name system cannot hold
        raise ConfigError(_cannot(place, exc)) from exc
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as exc:
        listener.close()
        raise ConfigError(_cannot(place, exc)) from exc
    return listener


def _cannot(place: Place, exc: OSError | UnicodeError) -> str:
    why = (exc.strerror if isinstance(exc, OSError) else None) or exc
    return (
        f"[dashboard] address: nothing can be served at {place.authority} ({why}); choose a port that "
        f"is free (0 takes any) and a host of this machine's"
    )


def open_certificate(settings: DashboardSettings, base_dir: Path) -> ssl.SSLContext | None:
    """Return what HTTPS needs; None without a certificate. TLS 1.2 at least, HTTP/1.1 alone.

    Raises:
        ConfigError: A file is not there, or the two do not belong together.
    """
    if settings.certificate is None or settings.certificate_key is None:
        return None
    chain, key = base_dir / settings.certificate, base_dir / settings.certificate_key
    for name, path in (("certificate", chain), ("certificate_key", key)):
        if not path.is_file():
            raise ConfigError(
                f"[dashboard] {name}: there is no file {path}; the dashboard is not served at [dashboard] address "
                f"{settings.address} without it: write the path of a PEM file, from the feed file's folder on"
            )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(chain, key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as exc:
        raise ConfigError(
            f"[dashboard] certificate: {chain} and the key {key} cannot be used "
            f"({getattr(exc, 'reason', None) or type(exc).__name__}); the dashboard is not served at [dashboard] "
            f"address {settings.address} without them: both must be PEM, belong together, and have no password"
        ) from exc
    return context


def _no_password() -> str:
    """Answer where a key asks for a password, so that nobody is asked at a terminal."""
    raise ValueError("the key has a password")
