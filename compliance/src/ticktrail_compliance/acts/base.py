"""Say of every act when it was done, and by whom.

Owns: the identity of whoever runs this process.
Never: takes a name from the environment, which anybody can set.
"""

from __future__ import annotations

import os
import platform
import pwd

import msgspec

__all__ = ["ActBase", "Actor", "actor_here"]


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: the user by the operating system's word, on which machine, in which process."""

    user: str
    host: str
    pid: int


class ActBase(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag=True):
    """Something that was done with the log, or for the firm's programme; tagged as events are.

    `at_ns` is UTC nanoseconds by the clock of whoever wrote it.
    """

    at_ns: int


def actor_here() -> Actor:
    """Return who runs this process, by its effective user."""
    uid = os.geteuid()
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:  # a user without a name, as in a container
        user = f"uid {uid}"
    return Actor(user=user, host=platform.node(), pid=os.getpid())
