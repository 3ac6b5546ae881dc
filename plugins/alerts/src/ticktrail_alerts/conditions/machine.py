"""Find what is wrong with this machine: its clock, its disks.

Owns: the rules ``clock`` and ``disk``, and what a look at a disk brings.
Never: touches a disk from the event loop; `take` is given what a thread found.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ticktrail_alerts.finding import Condition, Finding, Look, exceeds
from ticktrail_alerts.rule_settings import ClockRule, DiskRule

__all__ = ["ClockBreach", "Disk", "DiskLook", "look_at_disks"]


class ClockBreach(Condition[ClockRule]):
    """This machine's clock is not in tolerance."""

    name = "clock"

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield the breach, if there is one."""
        clock = look.status.clock
        if clock.breach == "unmeasured":
            yield self.find("this machine's clock could not be measured for too long; see: ticktrail clock")
        elif clock.breach:
            known = (
                ""
                if clock.offset_ns is None or clock.bound_ns is None
                else f" by {clock.offset_ns / 1e6:+.3f} ms (± {clock.bound_ns / 1e6:.3f})"
            )
            yield self.find(
                f"this machine's clock is wrong{known}; the limit is {clock.limit_ns / 1e6:g} ms; see: ticktrail clock"
            )


@dataclass(frozen=True, slots=True)
class DiskLook:
    """What was found of a path: bytes in all and free, or why it could not be looked at."""

    total: int = 0
    free: int = 0
    error: str = ""


class Disk(Condition[DiskRule]):
    """A disk to which the feed writes is nearly full."""

    name = "disk"

    def __init__(self, settings: DiskRule) -> None:
        super().__init__(settings)
        self._found: Mapping[str, DiskLook] = {}

    def take(self, found: Mapping[str, DiskLook]) -> None:
        """Take what a look at the paths brought."""
        self._found = found

    def take_hung(self, paths: Sequence[Path], waited_s: float) -> None:
        """Take that a look at the paths did not end."""
        hung = DiskLook(error=f"no answer within {waited_s:g} s")
        self._found = {str(path): hung for path in paths}

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each path whose disk is nearly full, or that cannot be looked at."""
        for path, disk in self._found.items():
            if disk.error:
                yield self.find(f"the room at {path} cannot be looked at: {disk.error}", about=path)
            elif self._is_short(disk, is_held=look.holds((self.name, path))):
                share = disk.free / disk.total if disk.total else 0.0
                yield self.find(
                    f"{disk.free / 1e6:,.0f} MB ({share:.1%}) are free at {path}; less than "
                    f"{self.settings.min_free_bytes / 1e6:,.0f} MB or {self.settings.min_free_pct:g} % is too little",
                    about=path,
                )

    def _is_short(self, disk: DiskLook, *, is_held: bool) -> bool:
        """Tell whether too little is free: by the same margin as all limits, turned round."""
        wanted = max(self.settings.min_free_bytes, disk.total * self.settings.min_free_pct / 100)
        return wanted > 0 and (disk.free < wanted or (is_held and exceeds(wanted, disk.free, is_held=True)))


def look_at_disks(paths: Sequence[Path]) -> Mapping[str, DiskLook]:
    """Return what is free at each path, of the nearest folder that is there. Blocks; for a thread."""
    found = {}
    for path in paths:
        there = path
        while not there.exists() and there != there.parent:
            there = there.parent
        try:
            usage = shutil.disk_usage(there)
        except OSError as exc:
            found[str(path)] = DiskLook(error=exc.strerror or type(exc).__name__)
        else:
            found[str(path)] = DiskLook(total=usage.total, free=usage.free)
    return found
