"""Say what a sink is: the end of one lane.

Owns: `Sink`, `SinkSpec`, and what a sink is told when it opens.
Never: queues. The lane before it holds the bound and the overflow policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar, cast

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.settings import Addresses, Settings
from ticktrail.model import Tick

__all__ = ["Sink", "SinkContext", "SinkSpec", "sink_spec"]

S = TypeVar("S", bound=Settings)


class Sink(Protocol):
    """Take delivered ticks. Called by one task at a time."""

    async def write(self, ticks: Sequence[Tick]) -> None:
        """Take the ticks, in order; they are safe with the sink when this returns.

        Raises:
            SinkError: The sink cannot go on; its lane is closed, the others are not.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkContext:
    """What a sink is told when it opens: its name in the feed, the feed's name, the clock, the feed file's folder.

    `resumes` says that this run goes on from an earlier one: what the sink has of it is to be kept.
    """

    name: str
    feed: str
    clock: Clock
    base_dir: Path
    resumes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSpec:
    """A sink as declared; build one with `sink_spec`."""

    name: str
    summary: str
    settings: type[Settings]
    open: Callable[[Settings, SinkContext], AbstractAsyncContextManager[Sink]]
    addresses: Addresses | None = None


def sink_spec(
    *,
    name: str,
    summary: str,
    settings: type[S],
    open: Callable[[S, SinkContext], AbstractAsyncContextManager[Sink]],  # noqa: A002 - the contract's word
    addresses: Callable[[S], Mapping[str, str]] | None = None,
) -> SinkSpec:
    """Return the declaration of a sink.

    Args:
        name: What ``plugin = "…"`` says in a ``[[sinks]]`` table.
        summary: One line for `ticktrail plugins list`.
        settings: Its own keys in that table.
        open: An async context manager around the sink's life; entered before data flows, left after the lane is
            drained. Raises `SinkError` or `ConfigError` where the sink cannot be opened.
        addresses: By key, the URLs that it speaks to under given settings, for the profile; without it every URL that
            stands in the table is looked at.
    """
    return SinkSpec(
        name=name,
        summary=summary,
        settings=settings,
        open=cast("Callable[[Settings, SinkContext], AbstractAsyncContextManager[Sink]]", open),
        addresses=cast("Addresses | None", addresses),
    )
