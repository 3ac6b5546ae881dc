"""Answer ``/healthz`` and ``/readyz``.

Owns: what each says, and with which status.
Never: serves it; whoever does leaves the body out of an answer to HEAD.

``/healthz`` says whether the process is worth keeping: 200 as long as the event loop answers and takes what the feed
tells. A venue that is down is no reason to kill a feed. ``/readyz`` says whether who needs the feed can go by it: 200,
or 503 with the reasons (`ticktrail.readiness`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ticktrail.plugin import ObserverContext, Record
from ticktrail.readiness import Readiness
from ticktrail.readiness import readiness as readiness_of
from ticktrail.status import FeedStatus
from ticktrail_dashboard.settings import DashboardSettings

__all__ = ["Answer", "Health", "readiness"]

_OWN: Final = "dashboard"
_STUCK_S: Final = 30.0
"""How long the observer may take nothing although something waits: far longer than a batch of it takes."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer over HTTP; `body` is JSON. Not to be cached."""

    status: int
    body: bytes
    content_type: str = "application/json"

    def as_http(self) -> tuple[int, bytes, str]:
        """Return status, body and content type."""
        return self.status, self.body, self.content_type


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The body of ``/healthz``; `reasons` has the code ``observer_stuck`` or nothing."""

    alive: bool
    feed: str
    reasons: Sequence[dict[str, str]] = ()


class Health:
    """The answers of one feed.

    Args:
        context: The observer's: it is asked how the feed stands, once an answer.
        settings: Say how long an instrument is fresh.
    """

    def __init__(self, context: ObserverContext, settings: DashboardSettings) -> None:
        self._context = context
        self._settings = settings
        self._taken = 0
        self._seen = 0
        self._stuck_since_ns: int | None = None

    def observe(self, records: Sequence[Record]) -> None:
        """Note that the observer takes what the feed tells."""
        self._taken += len(records)

    def healthz(self) -> Answer:
        """Return 200, or 503 where the observer has taken nothing for 30 s although something waits for it."""
        if not self._is_stuck():
            return _answer(200, Alive(alive=True, feed=self._context.feed))
        text = f"The feed waits for [dashboard], which has taken nothing for {_STUCK_S:g} s: start the feed again."
        reasons = [{"code": "observer_stuck", "text": text}]
        return _answer(503, Alive(alive=False, feed=self._context.feed, reasons=reasons))

    def readyz(self) -> Answer:
        """Return 200, or 503 with the reasons."""
        found = readiness(self._context.status(), self._settings, feed=self._context.feed)
        return _answer(200 if found.ready else 503, found)

    def _is_stuck(self) -> bool:
        """Tell whether nothing was taken between two looks that far apart, with something waiting at each."""
        status = self._context.status()
        own = None if status is None else status.observers.get(_OWN)
        now_ns = self._context.clock.mono_ns()
        if own is None or not own.waiting or self._taken != self._seen:
            self._seen, self._stuck_since_ns = self._taken, None
            return False
        if self._stuck_since_ns is None:
            self._stuck_since_ns = now_ns
        return now_ns - self._stuck_since_ns >= _STUCK_S * 1e9


def readiness(status: FeedStatus | None, settings: DashboardSettings, *, feed: str = "") -> Readiness:
    """Return whether a feed is ready, by the settings of its dashboard."""
    return readiness_of(status, fresh_s=settings.fresh_s, feed=feed)


def _answer(status: int, body: Alive | Readiness) -> Answer:
    return Answer(status=status, body=msgspec.json.encode(body) + b"\n")
