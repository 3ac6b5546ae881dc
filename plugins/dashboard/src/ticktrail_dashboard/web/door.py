"""Decide who may look: the name by which was asked, the token, and the sessions of browsers.

Owns: the comparison with the token, the sessions, and what a wrong token costs.
Never: keeps the token or a session's id where a message or a log could show it.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from ipaddress import ip_address
from typing import Final

import trio

from ticktrail_dashboard.web.address import Place

__all__ = ["SESSION_S", "Door"]

SESSION_S: Final = 12 * 3600
MOST_SESSIONS: Final = 100
WRONG_COSTS_S: Final = 1.0
"""How long the answer to a wrong token is held back."""
MOST_HELD_BACK: Final = 4
"""Wrong tokens that are held back at once; with `WRONG_COSTS_S` the most that can be tried a second."""
TELL_AFTER: Final = 5
MOST_TOKEN: Final = 1_024


class Door:
    """Who may look.

    Args:
        place: Where is listened.
        token: What must be shown; None: everybody who can reach the address may look.
        hosts: Names by which may be asked beside the address's own.
        is_secure: Whether HTTPS is served.
        tell: Called once, after some wrong tokens.
    """

    def __init__(
        self,
        place: Place,
        token: str | None,
        hosts: tuple[str, ...],
        *,
        is_secure: bool,
        tell: Callable[[], None],
    ) -> None:
        self.needs_token = token is not None
        self.refused = 0
        # A browser tells cookies of one host apart by their names alone, whatever the port.
        self.cookie = f"{'__Host-' if is_secure else ''}ticktrail-{place.port}"
        self._digest = None if token is None else _digest(token)
        own = {"localhost", "127.0.0.1", "::1"} if place.is_loopback else set()
        self._names = {name.lower() for name in (place.host, *hosts, *own)}
        self._sessions: dict[bytes, float] = {}
        self._held_back = trio.CapacityLimiter(MOST_HELD_BACK)
        self._tell = tell

    def knows_host(self, host: str | None, own_address: str) -> bool:
        """Tell whether a ``Host`` header names this server: a page of strangers that had its name lead here does not.

        An address is as good as the name where it is the one that was connected to: no name leads to it.
        """
        if not host:
            return False
        name = _host_of(host).lower()
        if name in self._names:
            return True
        try:
            return ip_address(name) == ip_address(own_address.partition("%")[0])
        except ValueError:
            return False

    def is_open_to(self, headers: Mapping[str, str]) -> bool:
        """Tell whether the request shows the token, or a session that began with it."""
        return trio.current_time() < self.open_until(headers)

    def open_until(self, headers: Mapping[str, str]) -> float:
        """Return until when, by trio's clock, who shows these may look: a stream must not outlive its session."""
        if self._digest is None:
            return math.inf
        scheme, _, shown = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return math.inf if self._is_token(shown.strip()) else -math.inf
        session = _cookie_of(headers.get("cookie", ""), self.cookie)
        return self._sessions.get(_digest(session), -math.inf) if session else -math.inf

    def begin_session(self, shown: str) -> str | None:
        """Return the id of a new session where the token is right; else None. The oldest session gives way."""
        if not self._is_token(shown):
            return None
        now = trio.current_time()
        self._sessions = {digest: until for digest, until in self._sessions.items() if until > now}
        while len(self._sessions) >= MOST_SESSIONS:
            del self._sessions[next(iter(self._sessions))]
        session = secrets.token_urlsafe(32)
        self._sessions[_digest(session)] = now + SESSION_S
        return session

    async def hold_back(self) -> bool:
        """Wait because of a wrong token; False: too many do so already, and this one is not even worth that."""
        self.refused += 1
        if self.refused == TELL_AFTER:
            self._tell()
        try:
            self._held_back.acquire_nowait()
        except trio.WouldBlock:
            return False
        try:
            await trio.sleep(WRONG_COSTS_S)
        finally:
            self._held_back.release()
        return True

    def _is_token(self, shown: str) -> bool:
        """Compare digests, in a time that tells nothing of either."""
        if self._digest is None or len(shown) > MOST_TOKEN:
            return False
        return hmac.compare_digest(_digest(shown), self._digest)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _host_of(host: str) -> str:
    """Return the name without the port, an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _cookie_of(header: str, name: str) -> str:
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:  # what a browser never sends is no session
        return ""
    return "" if morsel is None else morsel.value
