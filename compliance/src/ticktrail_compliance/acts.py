"""Say what was done with the log itself: records of its own, beside those of the feed.

Owns: one frozen Struct a kind of act, tagged as events are.
Never: carries a secret.

`at_ns` is UTC nanoseconds by the clock of whoever wrote it.
"""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

__all__ = [
    "Act",
    "Actor",
    "KeysDestroyed",
    "KeysRewrapped",
    "LogExported",
    "SpoolCaughtUp",
    "TailSealed",
    "WriterOpened",
    "actor_here",
]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: the user by the operating system's word, on which machine, in which process."""

    user: str
    host: str
    pid: int


class _Act(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """Something that was done with the log."""

    at_ns: int


class WriterOpened(_Act, frozen=True, tag="writer_opened"):
    """A process opened the log to write; its entries bear this number."""

    writer: int
    actor: Actor
    program: str
    purpose: str


class TailSealed(_Act, frozen=True, tag="tail_sealed"):
    """Entries that no checkpoint covered were found, as a crash leaves them, or a writer that is still at work.

    A checkpoint covers them from now on.
    """

    first_seq: int
    last_seq: int


class SpoolCaughtUp(_Act, frozen=True, tag="spool_caught_up"):
    """What was kept in a spool while the database could not be written stands in the entries after this one."""

    spool_id: str
    first_frame: int
    last_frame: int
    from_ns: int
    to_ns: int
    cause: str


class KeysRewrapped(_Act, frozen=True, tag="keys_rewrapped"):
    """Every key of the log was wrapped by another one; what was sealed stays as it is."""

    actor: Actor
    from_kek: str
    to_kek: str
    keys: int


class KeysDestroyed(_Act, frozen=True, tag="keys_destroyed"):
    """Data keys were destroyed: what they sealed can be proven, and be read by nobody any more."""

    actor: Actor
    purpose: str
    entry_class: str
    month: str
    key_ids: Sequence[int]
    entries: int


class LogExported(_Act, frozen=True, tag="log_exported"):
    """Part of the log was exported; `manifest_sha256` is of the export's manifest, which tells one from another."""

    actor: Actor
    purpose: str
    first_seq: int
    last_seq: int
    from_ns: int | None
    to_ns: int | None
    classes: Sequence[str]
    instruments: Sequence[str]
    providers: Sequence[str]
    outcomes: Sequence[str]
    rows_format: str
    with_keys: bool
    manifest_sha256: str = ""


Act: TypeAlias = WriterOpened | TailSealed | SpoolCaughtUp | KeysRewrapped | KeysDestroyed | LogExported


def actor_here() -> Actor:
    """Return who runs this process."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a user without a name, as in a container
        user = f"uid {os.getuid()}"
    return Actor(user=user, host=platform.node(), pid=os.getpid())
