"""Say by which settings a run records, so that whoever judges it later goes by these and not by a file.

Owns: which settings of ``[compliance]`` the log tells of a run, and where a feed file says others.
Never: tells of a key, a database or an anchor.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ticktrail_compliance.settings import ComplianceSettings

__all__ = ["RecordingUsed", "differing", "used_of"]


class RecordingUsed(msgspec.Struct, frozen=True, kw_only=True):
    """The settings that decide what a run's record holds, each as in ``[compliance]``.

    Attributes:
        journal: Which ticks are kept.
        on_failure: What happens where the log cannot record.
        spool: The folder that takes its place, as the feed file names it.
        spool_max_bytes: How large a file in it may become.
        segment_ticks: Ticks that are sealed together.
        segment_s: How long a tick waits to be sealed at most, in seconds.
        before_delivery: Whether nothing is delivered that is not sealed.
    """

    journal: str
    on_failure: str
    spool: str
    spool_max_bytes: int
    segment_ticks: int
    segment_s: float
    before_delivery: bool


def used_of(settings: ComplianceSettings) -> RecordingUsed:
    """Return what a run with these settings tells of them."""
    return RecordingUsed(**{name: getattr(settings, name) for name in RecordingUsed.__struct_fields__})


def differing(used: RecordingUsed, settings: ComplianceSettings, *names: str) -> Mapping[str, str]:
    """Return those of some settings that a feed file says otherwise than a run had them, each as TOML writes it."""
    return {
        name: msgspec.json.encode(getattr(settings, name)).decode()
        for name in names
        if getattr(settings, name) != getattr(used, name)
    }
