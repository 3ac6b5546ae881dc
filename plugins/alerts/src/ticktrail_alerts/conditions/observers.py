"""Find what observers have to tell: trouble, how far behind they are, notices.

Owns: the rules ``observer_trouble``, ``observer_lag`` and ``notice``.
Never: knows what a notice is about.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ticktrail.events import Notice
from ticktrail.plugin import Record
from ticktrail_alerts.finding import RANK, Condition, Finding, Look
from ticktrail_alerts.rule_settings import NoticeRule, ObserverLagRule, ObserverTroubleRule

__all__ = ["OURSELVES", "Notices", "ObserverLag", "ObserverTrouble", "about_notice", "is_our_own"]

OURSELVES: Final = "alerts"
_MOST: Final = 5_000
"""Notices that are kept at a time; the oldest goes for one more."""


class ObserverTrouble(Condition[ObserverTroubleRule]):
    """An observer goes on although not all is well with it; our own is told as a notice."""

    name = "observer_trouble"

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each observer that is in trouble."""
        for name, observer in look.status.observers.items():
            if observer.trouble and name != OURSELVES:
                yield self.find(f"{name}: {observer.trouble}", about=name)


class ObserverLag(Condition[ObserverLagRule]):
    """Too much waits for an observer, such as a slow audit log; at the bound the whole feed waits."""

    name = "observer_lag"

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each observer that is far behind."""
        for name, observer in look.status.observers.items():
            share = observer.waiting / observer.bound if observer.bound else 0.0
            if self.exceeds(share, self.settings.above, look, about=name):
                yield self.find(
                    f"{observer.waiting:,} ticks and events wait for {name}, {share:.0%} of what may; the limit is "
                    f"{self.settings.above:.0%}, and at 100% the feed waits",
                    about=name,
                )


@dataclass(slots=True)
class _Told:
    notice: Notice
    mono_ns: int


class Notices(Condition[NoticeRule]):
    """What observers told and have not taken back."""

    name = "notice"
    hears = (Notice,)

    def __init__(self, settings: NoticeRule) -> None:
        super().__init__(settings)
        self._told: dict[str, _Told] = {}
        self._over: set[str] = set()
        self._kept: dict[str, Finding] = {}
        self._kept_until_ns: int | None = None

    def keep(self, findings: list[Finding]) -> None:
        """Take what held when the feed stopped: whether it is over, only who told it knows."""
        self._kept = {finding.about: finding for finding in findings}

    def hear(self, record: Record, mono_ns: int, /) -> None:
        """Note a notice, or that one is over."""
        if not isinstance(record, Notice):
            return
        about = about_notice(record)
        self._kept.pop(about, None)
        self._told.pop(about, None)
        if record.is_over or RANK[record.severity] < RANK[self.settings.from_severity]:
            return
        if len(self._told) >= _MOST:
            del self._told[next(iter(self._told))]
        self._told[about] = _Told(record, mono_ns)

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each notice that is not over, and not forgotten."""
        forget_ns = int(self.settings.forget_s * 1e9)
        if self._kept_until_ns is None:
            self._kept_until_ns = look.mono_ns + forget_ns
        if look.mono_ns >= self._kept_until_ns:
            self._kept.clear()
        self._told = {
            about: one for about, one in self._told.items() if look.mono_ns - one.mono_ns < forget_ns
        }
        yield from self._kept.values()
        for about, one in self._told.items():
            yield self.find(
                f"{one.notice.source}: {one.notice.text}", about=about, severity=one.notice.severity
            )


def is_our_own(about: str) -> bool:
    """Tell whether a notice is of the alerts themselves: whether it is so, they know in each run anew."""
    return about.startswith(f"{OURSELVES} ")


def about_notice(notice: Notice) -> str:
    """Return by what a notice is told apart: source, name, and subject if it has one."""
    return " ".join(part for part in (notice.source, notice.name, notice.about) if part)
