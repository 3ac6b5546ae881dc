"""Say what a case of an observer must bring, and keep what an observer tells.

Owns: `ObserverCase`, and the context that an observer is opened with.
Never: checks anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ticktrail.events import Notice
from ticktrail.plugin import Clock, ObserverContext, ObserverSpec, Settings, SystemClock

__all__ = ["ObserverCase", "Told"]


@dataclass(slots=True)
class Told:
    """What an observer told: the person who runs the feed, and the feed's bus."""

    warnings: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverCase:
    """One observer under given settings.

    Attributes:
        spec: As the plugin declares it.
        settings: Of its table.
        base_dir: A folder of its own: the feed file's.
        clock: What it is given.
        unusable: Settings under which it cannot be opened; None where there are none.
        secrets: Values that its settings refer to, and that nobody may see.
    """

    spec: ObserverSpec
    settings: Settings
    base_dir: Path
    clock: Clock = field(default_factory=SystemClock)
    unusable: Settings | None = None
    secrets: Sequence[str] = ()

    def context(self, told: Told) -> ObserverContext:
        """Return what it is told on opening, before the feed has a status."""
        return ObserverContext(
            feed="conformance",
            clock=self.clock,
            base_dir=self.base_dir,
            warn=told.warnings.append,
            tell=told.notices.append,
            status=lambda: None,
        )
