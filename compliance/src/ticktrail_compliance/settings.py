"""Hold the ``[compliance]`` table of a feed file.

Owns: its keys, defaults and bounds.
Never: opens the database or resolves the key.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ticktrail.plugin import Secret, Settings

__all__ = ["ComplianceSettings"]


class ComplianceSettings(Settings, frozen=True):
    """The audit log of a feed.

    Attributes:
        key: The master key: ``{ file = "audit.key" }`` (made at the first start), ``{ env = … }`` or
            ``{ keyring = … }``; 32 bytes in base64.
        database: An SQLAlchemy URL; the path of an SQLite file is taken from the feed file's folder.
        journal: Which ticks are kept; events always are.
        on_failure: What happens where the log cannot record; ``halt``: the feed stops, since unrecorded data must
            not flow.
        segment_ticks: Ticks that are sealed together.
        segment_s: How long a tick waits to be sealed at most: what a crash can lose.
    """

    key: Secret
    database: Annotated[str, Meta(min_length=1)] = "sqlite:///audit.db"
    journal: Literal["all", "rejected", "none"] = "all"
    on_failure: Literal["halt"] = "halt"
    segment_ticks: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    segment_s: Annotated[float, Meta(gt=0, le=60)] = 1.0
