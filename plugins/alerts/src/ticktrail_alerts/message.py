"""Say what people and programs are told: a message with its alerts.

Owns: the JSON body of a webhook and of a line in a file, and the same as text for people.
Never: holds a secret, or decides who gets it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

import msgspec

from ticktrail.text import one_line
from ticktrail_alerts.finding import RANK
from ticktrail_alerts.rule_settings import Severity

__all__ = ["MOST_ALERTS", "Alert", "AlertState", "Message", "compose", "messages", "subject_of", "text_of"]

AlertState: TypeAlias = Literal["begun", "worse", "repeated", "resolved"]
MOST_ALERTS: Final = 50
"""Alerts that one message holds; the rest is counted in `more`."""
_MOST_SUBJECT: Final = 150
_MINUTE_S, _HOUR_S, _DAY_S = 60, 3_600, 86_400


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert, as it stands.

    Attributes:
        id: Its own, the same from begin to end.
        rule: The rule that found it; ``test`` for a trial.
        about: The leg, instrument, sink, observer or path that it is about; empty where there is only one.
        severity: How much it matters.
        state: ``begun``, ``worse`` (its severity grew), ``repeated`` (it still holds) or ``resolved``.
        text: It, in a sentence; of one that is resolved, as it was last.
        begun_ns: UTC nanoseconds when it began to hold.
        lasted_s: For how many seconds it has held, or held.
        first_message: The `Message.id` that told of its begin.
    """

    id: str
    rule: str
    about: str
    severity: Severity
    state: AlertState
    text: str
    begun_ns: int
    lasted_s: float
    first_message: str = ""

    def of_message(self, first_message: str) -> Alert:
        """Return the same with the message that told of its begin."""
        return msgspec.structs.replace(self, first_message=first_message)


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """What is sent at once.

    Attributes:
        version: Of this form: 1. Fields may be added without another version.
        id: The same each time the same message is sent, by which a receiver knows one that came twice.
        feed: The feed's name.
        at_ns: UTC nanoseconds when it was made.
        severity: The worst of its alerts.
        title: It, in a line.
        alerts: The worst first; 50 at most.
        more: Alerts that found no room.
        lost_before: Messages before it that this channel never got.
        is_test: Whether it is a trial.
    """

    version: int = 1
    id: str
    feed: str
    at_ns: int
    severity: Severity
    title: str
    alerts: Sequence[Alert]
    more: int = 0
    lost_before: int = 0
    is_test: bool = False


def compose(
    alerts: Sequence[Alert], *, message_id: str, feed: str, at_ns: int, is_test: bool = False
) -> Message:
    """Return a message of these alerts; there must be one at least."""
    ordered = sorted(alerts, key=lambda alert: (alert.state == "resolved", -RANK[alert.severity]))
    kept = ordered[:MOST_ALERTS]
    return Message(
        id=message_id,
        feed=feed,
        at_ns=at_ns,
        severity=max((alert.severity for alert in alerts), key=lambda severity: RANK[severity]),
        title=one_line(_title(ordered)),
        alerts=kept,
        more=len(ordered) - len(kept),
        is_test=is_test,
    )


def subject_of(message: Message) -> str:
    """Return the subject of an e-mail."""
    test = "TEST " if message.is_test else ""
    subject = one_line(f"[{test}{message.severity}] {message.feed}: {message.title}")
    return subject if len(subject) <= _MOST_SUBJECT else subject[: _MOST_SUBJECT - 1] + "…"


def text_of(message: Message) -> str:
    """Return the message as text for people."""
    lines = [f"Feed {one_line(message.feed)}, {_utc(message.at_ns)}"]
    if message.is_test:
        lines += ["", "This is a test: nothing is wrong, and nothing need be done."]
    for alert in message.alerts:
        about = f" {alert.about}" if alert.about else ""
        lines += ["", one_line(f"{alert.state.upper()} ({alert.severity}) {alert.rule}{about}")]
        lines += [f"  {one_line(alert.text)}"]
        lasted = f", {_words_of(alert.lasted_s)}" if alert.lasted_s >= 1 else ""
        lines += [f"  since {_utc(alert.begun_ns)}{lasted}; alert {alert.id}"]
    if message.more:
        lines += ["", f"{message.more:,} more found no room here."]
    if message.lost_before:
        lines += ["", f"{messages(message.lost_before)} before this one could not be sent."]
    return "\n".join([*lines, "", f"Message {message.id}", ""])


def messages(count: int) -> str:
    """Return so many messages in words."""
    return f"{count:,} message{'' if count == 1 else 's'}"


def _title(alerts: Sequence[Alert]) -> str:
    first = alerts[0]
    if len(alerts) == 1:
        begin = "resolved: " if first.state == "resolved" else ""
        lasted = f" (after {_words_of(first.lasted_s)})" if first.state == "resolved" else ""
        return f"{begin}{first.text}{lasted}"
    over = sum(alert.state == "resolved" for alert in alerts)
    begun = len(alerts) - over
    if not begun:
        return f"{over:,} alerts are resolved"
    rules = ", ".join(dict.fromkeys(alert.rule for alert in alerts if alert.state != "resolved"))
    return f"{begun:,} alerts ({rules})" + (f", {over:,} resolved" if over else "")


def _utc(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _words_of(seconds: float) -> str:
    if seconds < _MINUTE_S:
        return f"{seconds:.0f} s"
    if seconds < _HOUR_S:
        return f"{seconds / _MINUTE_S:.0f} min"
    if seconds < _DAY_S:
        return f"{seconds / _HOUR_S:.1f} h"
    return f"{seconds / _DAY_S:.1f} d"
