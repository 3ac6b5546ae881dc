"""Find that a feed ended and nobody had told it to.

Owns: the rule ``stopped``.
Never: ends or starts a feed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ticktrail.events import FeedStopped, FeedStopping, LegDown, LegUp
from ticktrail.plugin import Record
from ticktrail_alerts.finding import Condition, Finding, Look
from ticktrail_alerts.rule_settings import StoppedRule

__all__ = ["Stopped"]

_WANTED: Final = re.compile(r"requested|interrupted|time is up|\d+ ticks delivered")
_ENDED: Final = "ended"
_INTERRUPTED: Final = "interrupted"


class Stopped(Condition[StoppedRule]):
    """The feed ended by an error, or was torn down before it had stopped."""

    name = "stopped"
    hears = (FeedStopped, FeedStopping, LegDown, LegUp)

    def __init__(self, settings: StoppedRule) -> None:
        super().__init__(settings)
        self._lost: dict[str, str] = {}
        self._cause = ""
        self._has_stopped = False

    def hear(self, record: Record, _mono_ns: int, /) -> None:
        """Note why the feed ends, and which legs were lost for good."""
        if isinstance(record, LegUp):
            self._lost.pop(record.provider, None)
        elif isinstance(record, LegDown):
            if record.permanent and record.cause != _ENDED:
                self._lost[record.provider] = record.detail
        elif isinstance(record, FeedStopping):
            self._cause = record.cause
        elif isinstance(record, FeedStopped):
            self._has_stopped = True

    def look(self, _look: Look, /) -> Iterable[Finding]:
        """Return nothing: a feed that is looked at runs."""
        return ()

    def conclude(self) -> Finding | None:
        """Return what is wrong with how the feed ended; None where nothing is. Asked once, at the end."""
        is_wanted = _WANTED.fullmatch(self._cause) is not None
        if is_wanted and (self._has_stopped or self._cause == _INTERRUPTED):  # the second Ctrl-C ends at once
            return None
        if self._cause == _ENDED and self._has_stopped:
            if not self._lost:
                return None
            legs = "; ".join(f"{leg}: {detail}" for leg, detail in self._lost.items())
            return self.find(f"the feed ended: {legs}")
        if is_wanted or self._cause in {"", _ENDED}:
            return self.find("the feed was torn down before it had stopped; its own output tells by what")
        return self.find(f"the feed stopped: {self._cause}")
