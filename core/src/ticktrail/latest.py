"""Say what is known of an instrument at this moment, and how old it is.

Owns: the shape of the answer.
Never: keeps values (the engine's cache does).
"""

from __future__ import annotations

import msgspec

from ticktrail.model import Tick

__all__ = ["Latest"]


class Latest(msgspec.Struct, frozen=True, kw_only=True):
    """The latest value of one instrument and channel.

    Attributes:
        tick: The value, as it was delivered or fetched.
        age_s: Seconds since it was received; of a fetched one since it happened by the venue's clock.
        is_stale: It is older than ``[cache] ttl_s``, or every leg was lost since.
    """

    tick: Tick
    age_s: float
    is_stale: bool
