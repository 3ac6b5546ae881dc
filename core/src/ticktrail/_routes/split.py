"""Give each part of the instruments to a child of its own.

Owns: which child an instrument belongs to.
Never: switches: each part may be a node of its own that does.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from ticktrail._contracts.route import Batch, Forward, RouteContext, Ruling
from ticktrail._contracts.settings import Settings
from ticktrail._routes.settings import Ref
from ticktrail.errors import ConfigError
from ticktrail.model import InstrumentId

__all__ = ["SplitArbiter", "SplitPart", "SplitSettings", "share_out"]


class SplitPart(Settings, frozen=True):
    """A child, and whose ticks it brings: names, or patterns such as ``*/USDT``."""

    child: Ref
    """A leg, or another node."""
    instruments: tuple[str, ...]
    """Names, or patterns such as ``*/USDT``."""


class SplitSettings(Settings, frozen=True):
    """The parts; an instrument belongs to the first whose pattern means it."""

    parts: tuple[SplitPart, ...]
    """The children; an instrument belongs to the first whose patterns mean it."""

    def __post_init__(self) -> None:
        """Refuse a split into nothing."""
        if not self.parts:
            raise ValueError("parts: is empty; name at least one child with its instruments")


def share_out(
    settings: SplitSettings, instruments: Sequence[InstrumentId]
) -> Sequence[Sequence[InstrumentId]]:
    """Return each part's instruments.

    Raises:
        ConfigError: An instrument belongs to no part, or a part has none.
    """
    shares: list[list[InstrumentId]] = [[] for _ in settings.parts]
    problems: list[str] = []
    for name in instruments:
        for part, share in zip(settings.parts, shares, strict=True):
            if any(fnmatchcase(name, pattern) for pattern in part.instruments):
                share.append(name)
                break
        else:
            problems.append(f'no part of the split means {name}; add it to one, or a last part with "*"')
    for part, share in zip(settings.parts, shares, strict=True):
        if not share:
            patterns = ", ".join(part.instruments) or "nothing"
            problems.append(f"a part of the split means none of the instruments ({patterns}); take it out")
    if problems:
        raise ConfigError(*problems)
    return shares


class SplitArbiter:
    """The arbiter of a ``split`` node: a child was asked for its own instruments alone."""

    def __init__(self, settings: SplitSettings, context: RouteContext) -> None:
        del settings
        self._up = [False] * len(context.children)

    @property
    def up(self) -> bool:
        """Whether any child can deliver."""
        return any(self._up)

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        """Forward it."""
        del child, now_ns
        return (Forward(batch),)

    def on_up(self, child: int, now_ns: int) -> Sequence[Ruling]:
        """Note it."""
        del now_ns
        self._up[child] = True
        return ()

    def on_down(self, child: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        """Note it."""
        del cause, now_ns
        self._up[child] = False
        return ()

    def on_time(self, now_ns: int) -> Sequence[Ruling]:
        """Do nothing."""
        del now_ns
        return ()

    def deadline_ns(self) -> int | None:
        """Return None: nothing depends on time."""
        return None

    def reassign(self, instruments: Sequence[InstrumentId], now_ns: int) -> Sequence[Ruling]:
        """Do nothing: whose part an instrument is, its name says."""
        del instruments, now_ns
        return ()

    def drain(self) -> Sequence[Ruling]:
        """Return nothing: nothing is held."""
        return ()
