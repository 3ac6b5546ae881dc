"""Read the address of a venue, and insist on encryption beyond this machine.

Owns: the parts of a web-socket URL, and the rule that plain text stays on the loopback interface.
Never: resolves a name or opens a socket.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal
from urllib.parse import SplitResult, urlsplit

__all__ = ["Address", "is_loopback", "parse_address", "require_secure"]

_PORTS = {"ws": 80, "wss": 443}


@dataclass(frozen=True, slots=True)
class Address:
    """Where a web socket is: `resource` is path and query, as the request line has them."""

    host: str
    port: int
    resource: str
    tls: bool

    @property
    def authority(self) -> str:
        """Host and port, as a message or a ``Host:`` header names them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def parse_address(url: str) -> Address:
    """Return the parts of a ``ws://`` or ``wss://`` URL.

    Raises:
        ValueError: It is no such URL, or holds a user name or password.
    """
    parts = _split(url, ("ws", "wss"))
    resource = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not (resource.isascii() and resource.isprintable()) or " " in resource:
        raise ValueError("the path and query of a URL must be percent-encoded ASCII")
    port = _PORTS[parts.scheme] if parts.port is None else parts.port
    return Address(host=parts.hostname or "", port=port, resource=resource, tls=parts.scheme == "wss")


def is_loopback(host: str) -> bool:
    """Tell whether the host is this machine: ``localhost``, or an address of the loopback network."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def require_secure(url: str, *, kind: Literal["ws", "http"]) -> str:
    """Return the URL, without a slash at its end, if it is encrypted or stays on this machine.

    Meant for a settings Struct's ``__post_init__``, where a ValueError becomes a fault of the feed file.

    Args:
        url: As the settings have it.
        kind: ``ws`` for a web socket (``wss://``), ``http`` for requests (``https://``).

    Raises:
        ValueError: Another scheme, no host, a user name or password within, or plain text to another machine.
    """
    parts = _split(url, (kind, f"{kind}s"))
    if parts.scheme == kind and not is_loopback(parts.hostname or ""):
        raise ValueError(
            f"{kind}://{_host(parts)} would send plain text over a network: write {kind}s://{parts.hostname} "
            f"({kind}:// is for this machine only, such as {kind}://127.0.0.1:8080)"
        )
    return url.rstrip("/")


def _split(url: str, schemes: tuple[str, str]) -> SplitResult:
    parts = urlsplit(url)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError(f"a URL of the form {schemes[1]}://HOST is needed, not {_bare(url)!r}")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"the URL of {parts.hostname} must not hold a user name or password")
    try:
        _ = parts.port
    except ValueError as exc:
        raise ValueError(f"the URL of {parts.hostname} has a port that is none: {exc}") from exc
    return parts


def _host(parts: SplitResult) -> str:
    """Return host and port as they were written, without a user name."""
    return parts.netloc.rpartition("@")[2]


def _bare(url: str) -> str:
    """Return what was written, without what may be a secret: user name, password, query."""
    before, at, after = url.partition("?")[0].rpartition("@")
    return f"{before.partition('://')[0]}://{after}" if at and "://" in before else after
