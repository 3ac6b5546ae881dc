"""Decide what of all that is found is told, and when it is over.

Owns: each alert from its begin to its end. Pure: time arrives as an argument.
Never: looks at a feed, or sends anything.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ticktrail_alerts.finding import RANK, Finding, Key
from ticktrail_alerts.message import Alert, AlertState
from ticktrail_alerts.state import KeptAlert, KeptEnd

__all__ = ["Board"]

_NS: Final = 1_000_000_000
_MOST: Final = 10_000
"""Alerts that are followed at a time, those that do not hold for long enough yet among them."""
_SOON_S: Final = 3_600.0
"""An alert that comes back within this is said to be over later each time."""
_LONGEST_CLEAR_S: Final = 3_600.0
_LEAST_CLEAR_S: Final = 5.0
"""What is doubled of an alert that comes back, where its own is less."""
_MOST_DOUBLINGS: Final = 10


@dataclass(slots=True)
class _Holding:
    """An alert that was told; `clear_ns` is since when it is gone, None while it holds."""

    id: str
    finding: Finding
    begun_ns: int
    begun_mono_ns: int
    told_mono_ns: int
    returns: int
    first_message: str = ""
    clear_ns: int | None = None


class Board:
    """All alerts of one feed.

    Args:
        repeat_s: How often an alert that holds is told again; None: never.
        new_id: Returns an id for an alert.

    Attributes:
        ignored: Findings that were not followed, for there were too many.
    """

    def __init__(
        self, *, repeat_s: float | None = None, new_id: Callable[[], str] = lambda: secrets.token_hex(8)
    ) -> None:
        self.ignored = 0
        self._repeat_ns = None if repeat_s is None else int(repeat_s * _NS)
        self._new_id = new_id
        self._pending: dict[Key, int] = {}
        self._holding: dict[Key, _Holding] = {}
        self._ended: dict[Key, tuple[int, int]] = {}  # how often it came back, and when it ended

    def holds(self, key: Key) -> bool:
        """Tell whether an alert was begun and is not over."""
        return key in self._holding

    @property
    def holding(self) -> int:
        """How many were begun and are not over."""
        return len(self._holding)

    def restore(
        self, kept: Iterable[KeptAlert], ended: Iterable[KeptEnd] = (), *, now_ns: int, mono_ns: int
    ) -> None:
        """Take what held when the feed stopped: over, once it was not found again for long enough.

        What had `ended` not long ago is known to come back: a feed that fails and is started again and again does not
        tell so each time.
        """
        for end in ended:
            self._ended[end.rule, end.about] = (end.returns, mono_ns - max(0, now_ns - end.at_ns))
        for one in kept:
            finding = Finding(
                rule=one.rule,
                about=one.about,
                severity=one.severity,
                text=one.text,
                after_s=0.0,
                clear_s=one.clear_s,
            )
            self._holding[finding.key] = _Holding(
                id=one.id,
                finding=finding,
                begun_ns=one.begun_ns,
                begun_mono_ns=mono_ns - max(0, now_ns - one.begun_ns),
                told_mono_ns=mono_ns,
                returns=one.returns,
                first_message=one.first_message,
            )

    def kept(self) -> Sequence[KeptAlert]:
        """Return what holds, to be restored in the next run."""
        return [
            KeptAlert(
                id=one.id,
                rule=one.finding.rule,
                about=one.finding.about,
                severity=one.finding.severity,
                text=one.finding.text,
                clear_s=one.finding.clear_s,
                begun_ns=one.begun_ns,
                returns=one.returns,
                first_message=one.first_message,
            )
            for one in self._holding.values()
        ]

    def kept_ends(self, *, now_ns: int, mono_ns: int) -> Sequence[KeptEnd]:
        """Return what is over since not long ago."""
        return [
            KeptEnd(rule=rule, about=about, returns=returns, at_ns=now_ns - (mono_ns - at_ns))
            for (rule, about), (returns, at_ns) in self._ended.items()
        ]

    def name_message(self, alerts: Iterable[Alert], message: str) -> Sequence[Alert]:
        """Return alerts with the message that told of their begin, which is this one for those that begin."""
        named = []
        for alert in alerts:
            first = alert.first_message or message
            held = self._holding.get((alert.rule, alert.about))
            if held is not None and held.id == alert.id:
                held.first_message = held.first_message or message
                first = held.first_message
            named.append(alert.of_message(first))
        return named

    def look(
        self, findings: Iterable[Finding], *, now_ns: int, mono_ns: int, unseen: Collection[str] = ()
    ) -> Sequence[Alert]:
        """Return what is to be told now that these are found.

        Args:
            findings: All that is not as it should be.
            now_ns: UTC nanoseconds.
            mono_ns: The same moment by the clock that never jumps.
            unseen: Rules that did not look: what holds of them goes on to hold.
        """
        found = {finding.key: finding for finding in findings}
        told = [
            alert
            for key, finding in found.items()
            if (alert := self._follow(key, finding, now_ns, mono_ns)) is not None
        ]
        for key in self._pending.keys() - found.keys():
            del self._pending[key]
        for key in [key for key in self._holding if key not in found and key[0] not in unseen]:
            ended = self._let_go(key, mono_ns)
            if ended is not None:
                told.append(_alert(ended, "resolved", mono_ns))
        for key in [key for key, (_, at_ns) in self._ended.items() if mono_ns - at_ns > _SOON_S * _NS]:
            del self._ended[key]
        return told

    def begin(self, finding: Finding, *, now_ns: int, mono_ns: int) -> Alert | None:
        """Begin an alert at once; None where it holds already."""
        if finding.key in self._holding:
            return None
        return _alert(self._hold(finding.key, finding, now_ns, mono_ns), "begun", mono_ns)

    def _follow(self, key: Key, finding: Finding, now_ns: int, mono_ns: int) -> Alert | None:
        holding = self._holding.get(key)
        if holding is None:
            if key not in self._pending and len(self._pending) + len(self._holding) >= _MOST:
                self.ignored += 1
                return None
            since_ns = self._pending.setdefault(key, mono_ns)
            if mono_ns - since_ns < finding.after_s * _NS:
                return None
            return _alert(self._hold(key, finding, now_ns, mono_ns), "begun", mono_ns)
        is_worse = RANK[finding.severity] > RANK[holding.finding.severity]
        holding.finding = finding
        holding.clear_ns = None
        is_due = self._repeat_ns is not None and mono_ns - holding.told_mono_ns >= self._repeat_ns
        if not (is_worse or is_due):
            return None
        holding.told_mono_ns = mono_ns
        return _alert(holding, "worse" if is_worse else "repeated", mono_ns)

    def _hold(self, key: Key, finding: Finding, now_ns: int, mono_ns: int) -> _Holding:
        since_ns = self._pending.pop(key, mono_ns)
        ended = self._ended.pop(key, None)
        is_soon = ended is not None and mono_ns - ended[1] <= _SOON_S * _NS
        returns = ended[0] + 1 if ended is not None and is_soon else 0
        held = self._holding[key] = _Holding(
            id=self._new_id(),
            finding=finding,
            begun_ns=now_ns - (mono_ns - since_ns),
            begun_mono_ns=since_ns,
            told_mono_ns=mono_ns,
            returns=returns,
        )
        return held

    def _let_go(self, key: Key, mono_ns: int) -> _Holding | None:
        holding = self._holding[key]
        if holding.clear_ns is None:
            holding.clear_ns = mono_ns
        clear_s = holding.finding.clear_s
        if holding.returns:
            doubled = max(clear_s, _LEAST_CLEAR_S) * 2.0 ** min(holding.returns, _MOST_DOUBLINGS)
            clear_s = max(clear_s, min(doubled, _LONGEST_CLEAR_S))
        if mono_ns - holding.clear_ns < clear_s * _NS:
            return None
        if len(self._ended) < _MOST:
            self._ended[key] = (holding.returns, mono_ns)
        return self._holding.pop(key)


def _alert(holding: _Holding, state: AlertState, mono_ns: int) -> Alert:
    until_ns = holding.clear_ns if state == "resolved" and holding.clear_ns is not None else mono_ns
    finding = holding.finding
    return Alert(
        id=holding.id,
        rule=finding.rule,
        about=finding.about,
        severity=finding.severity,
        state=state,
        text=finding.text,
        begun_ns=holding.begun_ns,
        lasted_s=round(max(0, until_ns - holding.begun_mono_ns) / _NS, 3),
        first_message=holding.first_message,
    )
