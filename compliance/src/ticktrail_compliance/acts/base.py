"""Say of every act when it was done, and by whom.

Owns: the identity of whoever runs this process.
Never: takes a user from the environment, which anybody can set; what sudo says there is told as a hint beside it.
"""

from __future__ import annotations

import os
import platform
import pwd
from pathlib import Path

import msgspec

__all__ = ["ActBase", "Actor", "actor_here", "is_namespaced", "user_name"]

_OWN_NAMESPACE = 0xEFFFFFFD
"""The number of the user namespace that a Linux kernel starts with (PROC_USER_INIT_INO in its linux/proc_ns.h)."""


class Actor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who acts: the user by the operating system's word, on which machine, in which process.

    Attributes:
        user: Of the process, by its effective user.
        host: The machine's name.
        pid: The process.
        via: Who ran sudo, by the word of the environment: a hint, which gives no right.
        database_user: As whom the database knows the session, where it knows users.
    """

    user: str
    host: str
    pid: int
    via: str | None = None
    database_user: str | None = None


class ActBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """Something that was done with the log, or for the firm's programme; tagged as events are.

    `at_ns` is UTC nanoseconds by the clock of whoever wrote it.
    """

    at_ns: int


def actor_here() -> Actor:
    """Return who runs this process, by its effective user.

    In a user namespace of its own a process names its users as it likes: it is nobody whom this machine knows.
    """
    uid = os.geteuid()
    user = f"uid {uid} of a user namespace" if is_namespaced() else user_name(uid)
    return Actor(user=user, host=platform.node(), pid=os.getpid(), via=_via())


def is_namespaced() -> bool:
    """Tell whether this process is in another user namespace than the machine's own."""
    try:
        return Path("/proc/self/ns/user").stat().st_ino != _OWN_NAMESPACE
    except OSError:  # a system without such namespaces
        return False


def user_name(uid: int) -> str:
    """Return a user's name; ``uid N`` of one that has none, as in a container."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _via() -> str | None:
    uid = os.environ.get("SUDO_UID", "")
    if not (uid.isascii() and uid.isdigit()):
        return None
    try:
        return user_name(int(uid))
    except OverflowError:
        return None
