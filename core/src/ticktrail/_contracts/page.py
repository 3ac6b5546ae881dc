"""Say what a page is: what a plugin shows of its own beside what everybody can see of a feed.

Owns: `PageSpec`, `Page`, and the shape of what is shown.
Never: knows how it is drawn; who serves pages decides that.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeAlias, TypeVar, cast

import msgspec

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.settings import Settings

__all__ = ["Figure", "Mood", "Page", "PageContext", "PageOffer", "PageSpec", "Panel", "page_spec"]

S = TypeVar("S", bound=Settings)

Mood: TypeAlias = Literal["plain", "good", "warning", "bad"]
"""How a figure is to be seen: ``bad`` is what somebody must act on now."""


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: its name, its value as people read it, how it is to be seen, and a word beside it."""

    label: str
    value: str
    mood: Mood = "plain"
    note: str = ""


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """What a page shows at one moment.

    Attributes:
        figures: The few that matter, in order.
        columns: The heads of a table below them; empty: there is none.
        rows: Its rows, each with one text a column; a hundred at most are shown.
        trouble: Why nothing can be shown; empty where something can.
    """

    figures: Sequence[Figure] = ()
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    trouble: str = ""


class Page(Protocol):
    """One page of a feed that runs. Called by one task at a time."""

    async def look(self) -> Panel:
        """Return what is to be shown now; what takes long is done in a thread, and given up when cancelled."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """What a page is told when it opens: the feed's name, its clock, and the folder of its file."""

    feed: str
    clock: Clock
    base_dir: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class PageSpec:
    """A page as declared; build one with `page_spec`."""

    name: str
    title: str
    table: str
    every_s: float
    open: Callable[[Settings, PageContext], AbstractAsyncContextManager[Page]]

    def __post_init__(self) -> None:
        """Refuse a time that is none: it would fail wherever the page is told of.

        Raises:
            ValueError: `every_s` is not above 0, or without end.
            TypeError: It is no number.
        """
        if not isinstance(self.every_s, int | float):
            raise TypeError(
                f"every_s of page {self.name} is a {type(self.every_s).__name__}; give it seconds"
            )
        if not 0 < self.every_s < math.inf:
            raise ValueError(f"every_s of page {self.name} is {self.every_s}; give it seconds above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageOffer:
    """A page of one feed, as whoever serves pages gets it: `open` needs nothing more."""

    name: str
    title: str
    every_s: float
    open: Callable[[], AbstractAsyncContextManager[Page]]


def page_spec(
    *,
    name: str,
    title: str,
    table: str,
    settings: type[S],  # noqa: ARG001 - binds what `open` takes to the observer's settings
    open: Callable[[S, PageContext], AbstractAsyncContextManager[Page]],  # noqa: A002 - the contract's word
    every_s: float = 5.0,
) -> PageSpec:
    """Return the declaration of a page.

    Args:
        name: Its own among all pages; letters, digits and hyphens.
        title: What stands above it.
        table: The observer to which it belongs, by name: the page is offered where a feed file has that table.
        settings: The settings of that observer; `open` is given them.
        open: An async context manager around the page's life; entered by whoever serves pages, if anybody does.
        every_s: How often it is worth looking again, seconds.

    Raises:
        ValueError: `every_s` is not above 0, or without end.
        TypeError: It is no number.
    """
    return PageSpec(
        name=name,
        title=title,
        table=table,
        every_s=every_s,
        open=cast("Callable[[Settings, PageContext], AbstractAsyncContextManager[Page]]", open),
    )
