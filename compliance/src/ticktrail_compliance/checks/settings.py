"""Hold the table ``[compliance.checks]`` of a policy file.

Owns: its keys, defaults and bounds.
Never: checks anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta, field

from ticktrail.plugin import Settings

__all__ = ["CheckSettings"]

_Hours = Annotated[float, Meta(gt=0, le=87_600)]


class CheckSettings(Settings, frozen=True):
    """How old evidence may be, and where it is.

    Attributes:
        verify_max_age_hours: Since the log was last verified and found sound.
        checkpoint_max_age_hours: How long an entry may stand without a checkpoint that covers it.
        anchor_max_age_hours: How long a checkpoint may stand without an anchor that knows of it.
        clock_max_age_hours: Since the clock was last measured.
        spool_max_age_hours: How long a spool may wait to be added to the log.
        key_max_age_days: Since the key that wraps all others was last exchanged.
        key_service: The key must be in a service that never gives it away (``vault``, ``aws_kms``).
        before_delivery: Nothing may be delivered that is not sealed yet.
        backup: A path or a pattern of the log's backups, taken from the feed file's folder.
        backup_max_age_hours: Since the newest of them was made.
        retention_max_lag_days: How long after the end of its time content may still be readable.
        plugins: By distribution, the version that must run, or ``sha256:`` and the hash of its files
            (`ticktrail.digest`), which `ticktrail plugins list --json` prints.
        search_mib: How much of each file or database the search for plain text reads at most, from its end.
    """

    verify_max_age_hours: _Hours = 168
    checkpoint_max_age_hours: _Hours = 1
    anchor_max_age_hours: _Hours = 1
    clock_max_age_hours: _Hours = 24
    spool_max_age_hours: _Hours = 1
    key_max_age_days: Annotated[int, Meta(ge=1, le=3_650)] = 365
    key_service: bool = False
    before_delivery: bool = False
    backup: Annotated[str, Meta(min_length=1)] | None = None
    backup_max_age_hours: _Hours = 26
    retention_max_lag_days: Annotated[int, Meta(ge=0, le=3_650)] = 31
    plugins: Mapping[str, Annotated[str, Meta(min_length=1)]] = field(default_factory=dict)
    search_mib: Annotated[int, Meta(ge=1, le=65_536)] = 256
