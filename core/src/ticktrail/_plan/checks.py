"""See that the legs of a feed can serve what is asked of them, as far as the file is sure of it.

Owns: what is asked of a file whose feed table or route is at fault, and the checks of legs against it.
Never: reads a leg's own table (`compose` does), or opens a leg.

A fault in one table hides none in another: what is not at fault in ``[feed]`` and ``[route]`` is enough to ask each leg
whose part in the feed is plain from it. What could only follow from a fault is not told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ticktrail._contracts.clock import SystemClock
from ticktrail._contracts.provider import ProviderContext
from ticktrail._host import Host
from ticktrail._plan.model import LegPlan
from ticktrail._plan.tables import FeedTable
from ticktrail._settings.decode import decode
from ticktrail._settings.document import Document, spell
from ticktrail._settings.positions import Path
from ticktrail.errors import ConfigError
from ticktrail.model import Channel, InstrumentId

__all__ = ["Sure", "ask_providers", "check_legs", "sure_of", "take"]

_FEED: Path = ("feed",)


@dataclass(frozen=True, slots=True)
class Sure:
    """What of ``[feed]`` is not at fault.

    Attributes:
        instruments: None where any of them is.
        channels: Those that there are.
        profile: None where it is at fault.
    """

    instruments: tuple[InstrumentId, ...] | None
    channels: tuple[Channel, ...]
    profile: Literal["production", "development"] | None


def sure_of(document: Document, feed: FeedTable | None) -> Sure:
    """Return what a feed file is sure of.

    Args:
        document: It; the faults of ``[feed]`` are noted in it.
        feed: The table; None where it has faults.
    """
    if feed is not None:
        return Sure(feed.instruments, feed.channels, feed.profile)
    table = document.tables.get("feed")
    if not isinstance(table, Mapping):
        return Sure(None, (), None)
    faulty = document.keys_at_fault(_FEED)
    said: dict[str, object] = {"name": "sure", "instruments": ["X"], "channels": ["trades"]}
    said |= {key: table[key] for key in ("instruments", "profile") if key in table and key not in faulty}
    channels = table.get("channels")
    if isinstance(channels, list):
        bad = document.keys_at_fault((*_FEED, "channels"))
        said["channels"] = [one for number, one in enumerate(channels) if number not in bad]
    rest = _decode(document, said)
    if rest is None and said.pop("channels", None):
        rest = _decode(document, {**said, "channels": ["trades"]})
        channels = None
    if rest is None:
        return Sure(None, (), None)
    return Sure(
        rest.instruments if "instruments" in table and "instruments" not in faulty else None,
        rest.channels if isinstance(channels, list) else (),
        None if "profile" in faulty else rest.profile,
    )


def _decode(document: Document, table: Mapping[str, object]) -> FeedTable | None:
    """Return a feed table, None where it has faults; they are noted nowhere."""
    return decode(replace(document, problems=[], places=[]), _FEED, table, FeedTable)


def check_legs(document: Document, feed: Sure, legs: Sequence[LegPlan]) -> Sequence[LegPlan]:
    """See that legs can give what the feed asks of them; return those that can."""
    fit: list[LegPlan] = []
    for leg in legs:
        before = len(document.problems)
        lacking = [channel for channel in feed.channels if channel not in leg.capabilities.channels]
        if lacking:
            document.blame(
                ("feed", "channels"),
                f'leg "{leg.name}" cannot give {spell(lacking)}; it can give '
                f"{spell(sorted(leg.capabilities.channels))}: ask for those, or take the leg out of the route",
            )
        streams, most = len(leg.instruments) * len(feed.channels), leg.capabilities.max_streams
        if most is not None and streams > most:
            document.blame(
                ("feed", "instruments"),
                f'leg "{leg.name}" can carry {most} streams; {len(leg.instruments)} instruments with '
                f"{len(feed.channels)} channels each are {streams}: divide them among several feeds",
            )
        _check_equivalents(document, feed.instruments or (), leg)
        if len(document.problems) == before:
            fit.append(leg)
    return fit


def _check_equivalents(document: Document, instruments: Sequence[InstrumentId], leg: LegPlan) -> None:
    """See that each equivalent stands for an instrument of the feed, and for no other one."""
    served: dict[str, str] = {}
    for name in leg.instruments:
        other = leg.equivalents.get(name, name)
        if other in served:
            document.blame(
                ("providers", leg.name, "equivalents"),
                f'leg "{leg.name}" would serve "{other}" for "{served[other]}" and for "{name}"; take one of them out',
            )
        served[other] = name
    for name in leg.equivalents:
        if name not in instruments:
            document.blame(
                ("providers", leg.name, "equivalents", name),
                f'"{name}" is no instrument of the feed, which has {spell(instruments)}; write the feed\'s '
                f"instrument to the left, the leg's to the right",
            )


def ask_providers(document: Document, feed: Sure, legs: Sequence[LegPlan], host: Host) -> Sequence[str]:
    """Let each leg's provider refuse what it could never serve, so that the file is at fault before anything runs.

    Returns what they warn of.
    """
    warnings: list[str] = []
    for leg in legs:
        context = ProviderContext(
            name=leg.name,
            instruments=leg.served,
            channels=frozenset(feed.channels),
            clock=SystemClock(),
            base_dir=document.base_dir,
            registry=host,
        )
        at = ("providers", leg.name)
        try:
            if leg.spec.check is not None:
                leg.spec.check(leg.settings, context)
            if leg.spec.advise is not None:
                warnings += [document.locate(at, text) for text in leg.spec.advise(leg.settings, context)]
        except ConfigError as exc:
            take(document, at, exc)
    return warnings


def take(document: Document, at: Path, fault: ConfigError) -> None:
    """Note what a provider finds at fault in its table; what names a key of it, as ``key: …``, is told in its place."""
    for problem in fault.problems:
        key, colon, rest = problem.partition(": ")
        place = (*at, *key.split("."))
        if colon and place in document.positions:
            document.blame(place, rest)
        else:
            document.blame(at, problem)
