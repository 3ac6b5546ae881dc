"""Say what a route node is: a pure arbiter between its children.

Owns: `Arbiter`, the rulings that it gives, `Batch`, `RouteSpec`.
Never: opens a leg or reads a clock; the route's shell carries the rulings out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar, cast

import msgspec

from ticktrail._contracts.settings import Settings
from ticktrail.model import Channel, Flagged, ProviderId, Rejected, Tick

__all__ = [
    "Arbiter",
    "Batch",
    "Forward",
    "Reconnect",
    "Rest",
    "RouteContext",
    "RouteRef",
    "RouteSpec",
    "Ruling",
    "Suppress",
    "Switch",
    "Wake",
    "route_spec",
]

S = TypeVar("S", bound=Settings)

RouteRef: TypeAlias = str | Mapping[str, object]
"""A child in a feed file: a leg's name, or a table with a `kind` of its own."""


class Batch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """All that one socket read of one leg gave, judged.

    Attributes:
        provider: The leg.
        recv_ns: UTC nanoseconds when the read returned.
        mono_ns: The same moment on the monotonic clock.
        session_ns: On the monotonic clock, when the leg's present session began to deliver.
        ticks: What went on, in order.
        rejected: What the rules kept back, in order.
        flagged: The findings about those of `ticks` that rules only marked.
    """

    provider: ProviderId
    recv_ns: int
    mono_ns: int
    session_ns: int
    ticks: Sequence[Tick]
    rejected: Sequence[Rejected] = ()
    flagged: Sequence[Flagged] = ()


@dataclass(frozen=True, slots=True)
class Forward:
    """Deliver the batch."""

    batch: Batch


@dataclass(frozen=True, slots=True)
class Suppress:
    """Do not deliver the batch; `reason` stands in the audit and the report."""

    batch: Batch
    reason: str


@dataclass(frozen=True, slots=True)
class Switch:
    """From here on `to_child` speaks.

    `silent_ns` is how long nothing had come from `from_child` at the decision, None if it never spoke.
    """

    from_child: int | None
    to_child: int
    cause: str
    silent_ns: int | None


@dataclass(frozen=True, slots=True)
class Wake:
    """Open the child's legs (a cold standby is needed)."""

    child: int


@dataclass(frozen=True, slots=True)
class Rest:
    """Close the child's legs (a cold standby is no longer needed)."""

    child: int


@dataclass(frozen=True, slots=True)
class Reconnect:
    """End the present session of the child's legs, so that each opens a new one."""

    child: int
    cause: str


Ruling: TypeAlias = Forward | Suppress | Switch | Wake | Rest | Reconnect


class Arbiter(Protocol):
    """Decide between children, by number from 0. Pure: `now_ns` is `Clock.mono_ns`."""

    @property
    def up(self) -> bool:
        """Whether some child that may speak is up: what a parent node takes for this child's health."""
        ...

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        """Rule on a batch. Every batch given is forwarded or suppressed once, now or in a later ruling."""
        ...

    def on_up(self, child: int, now_ns: int) -> Sequence[Ruling]:
        """Note that a child can deliver."""
        ...

    def on_down(self, child: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        """Note that a child cannot deliver."""
        ...

    def on_time(self, now_ns: int) -> Sequence[Ruling]:
        """Rule on what time alone decides; called at `deadline_ns` or soon after."""
        ...

    def deadline_ns(self) -> int | None:
        """Return when `on_time` must be called next, None for never."""
        ...

    def drain(self) -> Sequence[Ruling]:
        """Rule on every batch still held: the feed stops."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteContext:
    """What a node is told when it opens: its children's names, and the channels of the feed."""

    children: tuple[str, ...]
    channels: frozenset[Channel]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """A kind of route node as declared; build one with `route_spec`."""

    kind: str
    summary: str
    settings: type[Settings]
    children: Callable[[Settings], Sequence[RouteRef]]
    cold: Callable[[Settings], frozenset[int]]
    open: Callable[[Settings, RouteContext], Arbiter]


def route_spec(
    *,
    kind: str,
    summary: str,
    settings: type[S],
    children: Callable[[S], Sequence[RouteRef]],
    open: Callable[[S, RouteContext], Arbiter],  # noqa: A002 - the contract's word
    cold: Callable[[S], frozenset[int]] = lambda _: frozenset(),
) -> RouteSpec:
    """Return the declaration of a kind of route node.

    Args:
        kind: What ``kind = "…"`` says in a route table.
        summary: One line for `ticktrail plugins list`.
        settings: Its table, without `kind`.
        children: The children in that table, in the order of their numbers.
        open: Makes the arbiter.
        cold: Children whose legs rest until a `Wake`.
    """
    return RouteSpec(
        kind=kind,
        summary=summary,
        settings=settings,
        children=cast("Callable[[Settings], Sequence[RouteRef]]", children),
        cold=cast("Callable[[Settings], frozenset[int]]", cold),
        open=cast("Callable[[Settings, RouteContext], Arbiter]", open),
    )
