"""Tell systemd how a feed fares: started, alive, stopping, and a line about it.

Owns: the words of `sd_notify(3)`, and when each is said.
Never: does anything where the service manager has not asked for it by its variables.

A unit of ``Type=notify`` counts as started once a leg is live. Until then the time in which it must have started is
extended, so that a venue that is down does not have the service killed; a feed that ends before, because its settings
are wrong or its keys are refused, has failed to start. ``WatchdogSec=`` is answered from the event loop, at half of the
time: a feed whose loop is stuck is killed and started again.

Source: sd_notify(3), sd_watchdog_enabled(3), systemd 252.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Final

import anyio

from ticktrail.errors import ConfigError
from ticktrail.readiness import readiness
from ticktrail.status import FeedStatus
from ticktrail.text import one_line

__all__ = ["ServiceManager", "service_manager"]

_EVERY_S: Final = 5.0
"""From one look at the feed to the next."""
_AT_START_S: Final = 0.5
"""The same until a leg is live: whoever starts the service waits for it."""
_EXTENDS_S: Final = 30
"""By how much one notice extends the time in which the service must have started: more than a few looks."""
_LONGEST: Final = 200
"""Characters of a status line: more than a screen shows of it."""
_DELIVERING: Final = frozenset({"live", "degraded"})


class ServiceManager:
    """The line to the service manager that started this process.

    Args:
        address: Where it listens; a leading ``@`` stands for Linux's abstract names.
        watchdog_s: Within what time it must hear that the process is alive; None: never.

    Raises:
        ConfigError: Nobody listens there.
    """

    def __init__(self, address: str, *, watchdog_s: float | None = None) -> None:
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | getattr(socket, "SOCK_CLOEXEC", 0))
        self._line.setblocking(False)
        self._watchdog_s = watchdog_s
        try:
            self._line.connect("\0" + address[1:] if address.startswith("@") else address)
        except OSError as exc:
            self._line.close()
            raise ConfigError(
                f"NOTIFY_SOCKET: nobody listens on {address} ({exc.strerror or exc}); start the feed by its unit, or "
                "without that variable"
            ) from exc
        self._is_ready = False
        self._lost = 0

    @property
    def lost(self) -> int:
        """How many messages the service manager did not take at once; the next of their kind stands for them."""
        return self._lost

    def say(self, *lines: str) -> bool:
        """Send assignments such as ``READY=1``; never waits. Tells whether they were taken."""
        try:
            self._line.send("\n".join(lines).encode())
        except OSError:  # its queue is full, or it is being restarted: what is said next is newer
            self._lost += 1
            return False
        return True

    def close(self) -> None:
        """Let go of the line."""
        self._line.close()

    async def keep_telling(self, status: Callable[[], FeedStatus | None], every_s: float = _EVERY_S) -> None:
        """Tell how the feed stands, and once that it has started, until cancelled."""
        while True:
            self.tell(status())
            await anyio.sleep(every_s if self._is_ready else min(every_s, _AT_START_S))

    async def keep_alive(self) -> None:
        """Tell that the event loop turns, at half of the watchdog's time, until cancelled."""
        while self._watchdog_s is not None:
            self.say("WATCHDOG=1")
            await anyio.sleep(self._watchdog_s / 2)

    def tell(self, status: FeedStatus | None) -> None:
        """Tell how the feed stands; that it has started, once a leg is live."""
        text = "STATUS=" + one_line(_words(status))[:_LONGEST]
        if self._is_ready:
            self.say(text)
        elif status is not None and any(leg.state in _DELIVERING for leg in status.legs.values()):
            self._is_ready = self.say("READY=1", text)
        else:
            self.say(f"EXTEND_TIMEOUT_USEC={_EXTENDS_S * 1_000_000}", text)

    def stopping(self, cause: str) -> None:
        """Tell that the feed ends in good order."""
        self.say("STOPPING=1", "STATUS=" + one_line(f"stopping: {cause}")[:_LONGEST])


def service_manager(environ: MutableMapping[str, str]) -> ServiceManager | None:
    """Return the line to the service manager, None where none asked to be told.

    The variables are taken out of `environ`, so that no child of this process takes them for its own.

    Raises:
        ConfigError: Nobody listens where the variable says, or the watchdog's time is no number.
    """
    address = environ.pop("NOTIFY_SOCKET", "")
    within_us = environ.pop("WATCHDOG_USEC", "")
    pid = environ.pop("WATCHDOG_PID", "")
    if not address:
        return None
    watchdog_s = None
    if within_us and pid in {"", str(os.getpid())}:
        if not within_us.isdecimal() or int(within_us) == 0:
            raise ConfigError(
                f"WATCHDOG_USEC: {within_us!r} is no number of microseconds; set WatchdogSec= in the unit"
            )
        watchdog_s = int(within_us) / 1e6
    return ServiceManager(address, watchdog_s=watchdog_s)


def _words(status: FeedStatus | None) -> str:
    if status is None:
        return "starting"
    legs = ", ".join(f"{name} {leg.state}" for name, leg in status.legs.items())
    found = readiness(status, fresh_s=None)
    state = "ready" if found.ready else "not ready (" + ", ".join(one.code for one in found.reasons) + ")"
    return f"{state}; {legs}; {status.delivered:,} delivered, {status.rejected:,} rejected"
