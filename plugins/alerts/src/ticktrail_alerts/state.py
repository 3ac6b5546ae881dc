"""Keep over a restart what holds, and what is still to be sent.

Owns: the state file: one JSON object, written whole or not at all, with mode 0600.
Never: decides what is in it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from ticktrail.errors import ConfigError
from ticktrail_alerts.message import Alert, Message
from ticktrail_alerts.rule_settings import Severity

__all__ = ["KeptAlert", "KeptEnd", "KeptState", "read_state", "write_state"]

_MAX_BYTES = 2**26


class KeptAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that was told and is not over."""

    id: str
    rule: str
    about: str
    severity: Severity
    text: str
    clear_s: float
    begun_ns: int
    returns: int = 0
    first_message: str


class KeptEnd(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that is over: how often it had come back, and when it ended (UTC nanoseconds)."""

    rule: str
    about: str
    returns: int
    at_ns: int


class KeptState(msgspec.Struct, frozen=True, kw_only=True):
    """What a feed leaves to its next run.

    Attributes:
        version: Of this form.
        feed: Whose it is.
        holding: What was begun and is not over.
        ended: What is over since less than an hour.
        waiting: What is in no message yet.
        unsent: By channel, the messages that were not taken.
        lost: By channel, how many were given up, of which the receiver does not know.
    """

    version: int = 1
    feed: str
    holding: Sequence[KeptAlert] = ()
    ended: Sequence[KeptEnd] = ()
    waiting: Sequence[Alert] = ()
    unsent: Mapping[str, Sequence[Message]] = {}
    lost: Mapping[str, int] = {}


def read_state(path: Path, feed: str) -> KeptState:
    """Return what was kept; nothing where there is no file.

    Raises:
        ConfigError: It cannot be read, is none, or is another feed's.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return KeptState(feed=feed)
    except OSError as exc:
        raise ConfigError(
            f"{path}: the state of the alerts cannot be read ({exc.strerror}); give this user the right to, or name "
            f"another file by state = … in [alerts]"
        ) from exc
    try:
        kept = msgspec.json.decode(raw, type=KeptState)
    except msgspec.MsgspecError as exc:
        raise ConfigError(
            f"{path}: is no state of alerts ({exc}); move it away, and alerts that hold are told anew"
        ) from exc
    if kept.feed != feed:
        raise ConfigError(
            f"{path}: is the state of the alerts of feed {kept.feed!r}; name another file by state = … in [alerts]"
        )
    return kept


def write_state(path: Path, state: KeptState) -> None:
    """Write the state in place of the one before. Blocks until it is on the disk; for a thread.

    Raises:
        OSError: It cannot be written; the one before stands.
    """
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0), 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(state))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
