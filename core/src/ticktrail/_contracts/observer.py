"""Say what an observer is: one who sees everything, delivered or not.

Owns: `Observer`, `Routed`, `ObserverSpec`.
Never: changes what it sees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias, TypeVar, cast, runtime_checkable

import msgspec

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.page import PageOffer
from ticktrail._contracts.settings import Addresses, Settings
from ticktrail.events import Event, Notice
from ticktrail.model import Flagged, ProviderId, Rejected, Suppressed, Tick
from ticktrail.status import FeedStatus

__all__ = ["Observer", "ObserverContext", "ObserverSpec", "Record", "Routed", "Troubled", "observer_spec"]

S = TypeVar("S", bound=Settings)


class Routed(msgspec.Struct, frozen=True, kw_only=True, tag_field="event", tag="routed"):
    """What became of one leg's batch: every tick of it is in exactly one of `delivered`, `rejected`, `suppressed`.

    `flagged` holds what rules found about ticks that went on all the same; each is in one of the others, marked.
    `derived`: no leg brought these ticks; the route made them, or delivered them once more.
    """

    provider: ProviderId
    recv_ns: int
    delivered: Sequence[Tick] = ()
    rejected: Sequence[Rejected] = ()
    suppressed: Sequence[Suppressed] = ()
    flagged: Sequence[Flagged] = ()
    derived: bool = False


Record: TypeAlias = Event | Routed


class Observer(Protocol):
    """See all records of the feed, in the order in which they were decided. Called by one task at a time."""

    async def observe(self, records: Sequence[Record]) -> None:
        """Take the records.

        Raises:
            AuditError: They cannot be recorded; the feed halts.
        """
        ...

    def summary(self) -> Mapping[str, int]:
        """Return the counts that stand in the run's report under `ObserverSpec.report_key`."""
        ...


@runtime_checkable
class Troubled(Protocol):
    """An observer that can go on although not all is well with it."""

    def trouble(self) -> str:
        """Return what is wrong now, in a sentence; empty where nothing is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverContext:
    """What an observer is told when it opens.

    Attributes:
        feed: The feed's name.
        clock: For times of its own.
        base_dir: Folder of the feed file; relative paths and secrets resolve against it.
        warn: Tells the person who runs the feed something that they must know; one paragraph.
        tell: Puts a notice on the feed's bus: every observer sees it, those that alert people among them, and so does
            the one that tells it. Never waits; from the event loop's thread alone.
        status: Returns how the feed stands; None before its legs have begun. Worth a millisecond or so, more with
            thousands of instruments: not for every tick.
        pages: What there is to show of this feed's observers, for an observer that serves pages.
    """

    feed: str
    clock: Clock
    base_dir: Path
    warn: Callable[[str], None]
    tell: Callable[[Notice], None]
    status: Callable[[], FeedStatus | None]
    pages: Sequence[PageOffer] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverSpec:
    """An observer as declared; build one with `observer_spec`."""

    name: str
    summary: str
    settings: type[Settings]
    open: Callable[[Settings, ObserverContext], AbstractAsyncContextManager[Observer]]
    report_key: str
    unjournalled: Callable[[Settings], str | None] | None = None
    before_delivery: Callable[[Settings], bool] | None = None
    addresses: Addresses | None = None
    levels: frozenset[str] = frozenset()


def observer_spec(
    *,
    name: str,
    summary: str,
    settings: type[S],
    open: Callable[[S, ObserverContext], AbstractAsyncContextManager[Observer]],  # noqa: A002 - the contract's word
    report_key: str,
    unjournalled: Callable[[S], str | None] | None = None,
    before_delivery: Callable[[S], bool] | None = None,
    addresses: Callable[[S], Mapping[str, str]] | None = None,
    levels: Iterable[str] = (),
) -> ObserverSpec:
    """Return the declaration of an observer.

    Args:
        name: Its table at the top of a feed file: ``[name]``. Without that table it is not opened.
        summary: One line for `ticktrail plugins list`.
        settings: That table.
        open: An async context manager around its life; entered before any plugin, leg or sink runs, left after all
            of them ended. A failure inside halts the feed.
        report_key: Where its `summary` stands in the run's report.
        unjournalled: Given by an observer that can keep a journal of ticks, which a production feed must have. Returns
            None where it keeps one under given settings; else ``KEY: what is off; what to write``.
        before_delivery: Tells under given settings that nothing may be delivered before `observe` has returned for the
            record of it; None: never. The feed then waits for the observer at each batch.
        addresses: By key, the URLs that it speaks to under given settings, for the profile; without it every URL that
            stands in the table is looked at.
        levels: Those of the counts in its `summary` that can fall, such as how many wait; all others only grow.
    """
    return ObserverSpec(
        name=name,
        summary=summary,
        settings=settings,
        open=cast("Callable[[Settings, ObserverContext], AbstractAsyncContextManager[Observer]]", open),
        report_key=report_key,
        unjournalled=cast("Callable[[Settings], str | None] | None", unjournalled),
        before_delivery=cast("Callable[[Settings], bool] | None", before_delivery),
        addresses=cast("Addresses | None", addresses),
        levels=frozenset(levels),
    )
