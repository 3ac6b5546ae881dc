"""Read the address of a venue, and insist on encryption beyond this machine.

Owns: the parts of a web-socket URL, and the rule that plain text stays on the loopback interface.
Never: resolves a name or opens a socket.

Source: PostgreSQL documentation, "SSL Support" (libpq), read 2026-11: without `sslmode` it is `prefer`, which falls
back to plain text; only `require`, `verify-ca` and `verify-full` never do.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

__all__ = ["Address", "PlainText", "find_plain_text", "is_loopback", "parse_address", "require_secure"]

_PORTS = {"ws": 80, "wss": 443}
_ENCRYPTED: Final = {
    "amqp": "amqps",
    "ftp": "ftps",
    "http": "https",
    "ldap": "ldaps",
    "mqtt": "mqtts",
    "nats": "tls",
    "redis": "rediss",
    "smtp": "smtps",
    "tcp": "tls",
    "valkey": "valkeys",
    "ws": "wss",
}
"""By a scheme that is plain text, the one to write in its place."""
_POSTGRES: Final = frozenset({"postgres", "postgresql"})
_TLS_MODES: Final = frozenset({"require", "verify-ca", "verify-full"})


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


@dataclass(frozen=True, slots=True)
class PlainText:
    """An address to which plain text would go: `what` is wrong, without what may be a secret, and the `remedy`."""

    what: str
    remedy: str


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
    _split(url, (kind, f"{kind}s"))
    plain = find_plain_text(url)
    if plain is not None:
        raise ValueError(
            f"{plain.what}: {plain.remedy} ({kind}:// is for this machine only, such as {kind}://127.0.0.1:8080)"
        )
    return url.rstrip("/")


def find_plain_text(url: str) -> PlainText | None:
    """Return what is wrong with an address that sends, or may fall back to, plain text over a network.

    None: it is encrypted, or stays on this machine (a loopback host, a unix socket, a file), or its scheme is not known
    here, so that nothing can be said.

    Args:
        url: Of any scheme; several hosts, with commas between them, are each looked at.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None  # no address at all, which who opens it will say
    scheme = parts.scheme.partition("+")[0]
    hosts = [_host_of(part) for part in parts.netloc.rpartition("@")[2].split(",")]
    if scheme in _POSTGRES:
        return _database(parts, hosts)
    away = next((host for host in hosts if host and not is_loopback(host)), None)
    if scheme not in _ENCRYPTED or away is None:
        return None
    host = f"[{away}]" if ":" in away else away
    return PlainText(
        f"{parts.scheme}://{host} would send plain text over a network",
        f"write {_ENCRYPTED[scheme]}://{host}",
    )


def _database(parts: SplitResult, hosts: list[str]) -> PlainText | None:
    query = parse_qs(parts.query)
    named = [
        host.partition(":")[0]
        for key in ("host", "hostaddr")
        for host in ",".join(query.get(key, ())).split(",")
    ]
    away = [host for host in (*hosts, *named) if host and not host.startswith("/") and not is_loopback(host)]
    modes = {*query.get("sslmode", ()), *query.get("ssl", ())}
    if not away or (modes and modes <= _TLS_MODES):
        return None
    said = f"with sslmode={', '.join(sorted(modes))}" if modes else "without sslmode"
    return PlainText(
        f"{parts.scheme}://{away[0]} {said} may send plain text over a network",
        "write ?sslmode=verify-full behind it (or verify-ca, or require, which does not ask who answers)",
    )


def _host_of(part: str) -> str:
    """Return the host of ``HOST:PORT``, of ``[ADDRESS]:PORT``, or of a percent-encoded path."""
    if part.startswith("["):
        return part[1:].partition("]")[0]
    return unquote(part.partition(":")[0])


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


def _bare(url: str) -> str:
    """Return what was written, without what may be a secret: user name, password, query."""
    before, at, after = url.partition("?")[0].rpartition("@")
    return f"{before.partition('://')[0]}://{after}" if at and "://" in before else after
