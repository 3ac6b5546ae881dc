"""Measure how long an arbiter takes for what it is asked, and end a law that it would hold up.

Owns: the time that is allowed, which all laws of one case share, and the words where it is over.
Never: judges what an arbiter says.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, TypeVar

from ticktrail.plugin import RouteSpec, Settings
from ticktrail.testing._loop import nothing_collected

__all__ = ["Meter", "TooSlow", "meter_of"]

T = TypeVar("T")

_GRACE_S: Final = 2.0
_A_CALL_S: Final = 0.002
"""What is allowed beyond the grace; a sound arbiter needs a hundredth, so that only one that waits is found."""
_LONGEST_SAID: Final = 120


class TooSlow(AssertionError):
    """An arbiter takes too long; the law in which it shows is not tried to its end."""


class Meter:
    """The time that the calls of an arbiter have taken.

    Args:
        kind: Of the node, for messages.
        grace_s: What is allowed for all calls together.
        a_call_s: What is allowed beyond that for each.

    Attributes:
        spent_s: The time of all calls.
        calls: How many there were.
    """

    def __init__(self, kind: str, *, grace_s: float = _GRACE_S, a_call_s: float = _A_CALL_S) -> None:
        self._kind = kind
        self._grace_s = grace_s
        self._a_call_s = a_call_s
        self._longest_s = 0.0
        self._longest_what = ""
        self._since_s: float | None = None
        self._what = ""
        self._is_over = False
        self.spent_s = 0.0
        self.calls = 0

    def timed(self, what: str, call: Callable[[], T]) -> T:
        """Return what a call of the arbiter returns.

        Raises:
            TooSlow: All calls together have taken too long, this one or those before it.
        """
        self._check()
        self._since_s, self._what = time.monotonic(), what
        try:
            answer = call()
        finally:
            self._stop()
        self._check()
        return answer

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """Interrupt a call that does not return, where a signal can do so and nobody else waits for it.

        Nothing is collected meanwhile: no call is charged with the garbage of the whole process.

        Raises:
            TooSlow: It was interrupted.
        """
        with nothing_collected(), self._interrupted():
            yield

    @contextmanager
    def _interrupted(self) -> Iterator[None]:
        is_free = (
            hasattr(signal, "SIGALRM")
            and threading.current_thread() is threading.main_thread()
            and signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
        )
        if not is_free:
            yield
            return
        signal.signal(signal.SIGALRM, self._interrupt)
        signal.setitimer(signal.ITIMER_REAL, self._grace_s, self._grace_s)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        """Raise in the midst of a call, if one has used up the grace by itself; the kit's own work is not its fault."""
        if self._since_s is not None and time.monotonic() - self._since_s >= self._grace_s / 2:
            self._stop()
            self._is_over = True
            raise self._error()

    def _stop(self) -> None:
        if self._since_s is None:
            return
        took_s = time.monotonic() - self._since_s
        self._since_s = None
        self.spent_s += took_s
        self.calls += 1
        if took_s >= self._longest_s:
            self._longest_s, self._longest_what = took_s, self._what

    def _check(self) -> None:
        if self._is_over or self.spent_s > self._grace_s + self.calls * self._a_call_s:
            raise self._error()

    def _error(self) -> TooSlow:
        return TooSlow(
            f"{self._kind} keeps its feed waiting: {self.spent_s:.1f} s for {self.calls:,} calls, the longest "
            f"{self._longest_s:.2f} s ({self._longest_what[:_LONGEST_SAID]}); an arbiter rules at once, and "
            "never waits"
        )


_METERS: Final[dict[tuple[object, str], Meter]] = {}


def meter_of(spec: RouteSpec, settings: Settings) -> Meter:
    """Return the meter that all laws of a kind of node under the same settings share: waiting for one is enough."""
    return _METERS.setdefault((spec.open, repr(settings)), Meter(spec.kind))
