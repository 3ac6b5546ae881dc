"""Say what a route node is: a pure arbiter between its children.

Owns: `Arbiter`, the rulings that it gives, the orders that it may take, `Batch`, `RouteSpec`.
Never: opens a leg or reads a clock; the route's shell carries the rulings out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, TypeVar, cast, runtime_checkable

import msgspec

from ticktrail._contracts.settings import Settings
from ticktrail.events import Event
from ticktrail.model import Channel, Flagged, InstrumentId, ProviderId, Rejected, Tick

__all__ = [
    "Arbiter",
    "Attentive",
    "Batch",
    "Described",
    "Forward",
    "Lost",
    "Order",
    "OrderAction",
    "Publish",
    "Reassignable",
    "Reconnect",
    "Rest",
    "RouteContext",
    "RouteRef",
    "RouteSpec",
    "Ruling",
    "Steerable",
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
        derived: A node made the ticks, such as a best quote without the leg that was lost: no leg brought them.
    """

    provider: ProviderId
    recv_ns: int
    mono_ns: int
    session_ns: int
    ticks: Sequence[Tick]
    rejected: Sequence[Rejected] = ()
    flagged: Sequence[Flagged] = ()
    derived: bool = False


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
class Lost:
    """What was suppressed of this channel was nobody's repeat: a `Gap` stands before what is delivered of it next.

    Where ids tell what is missing, they decide, and this adds nothing.
    """

    instrument: InstrumentId
    channel: Channel


@dataclass(frozen=True, slots=True)
class Switch:
    """From here on `to_child` speaks, for these instruments; None: for all that the node routes.

    `silent_ns` is how long nothing had come from `from_child` at the decision, None if it never spoke.
    """

    from_child: int | None
    to_child: int
    cause: str
    silent_ns: int | None
    instruments: frozenset[InstrumentId] | None = None


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
    """End the present session of the child's legs that are silent, so that each opens a new one.

    Attributes:
        child: A leg, which is opened anew in any case, or a node.
        cause: Why.
        channel: On which it is silent; None: on all.
        since_ns: Legs below a node that brought something of it after that, or came up after that, stay as they are;
            None: none does.
    """

    child: int
    cause: str
    channel: Channel | None = None
    since_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Publish:
    """Put an event on the control bus; its `at_ns` is set by the route, since an arbiter knows no wall clock."""

    event: Event


Ruling: TypeAlias = Forward | Suppress | Lost | Switch | Wake | Rest | Reconnect | Publish


OrderAction: TypeAlias = Literal["switch", "pin", "unpin", "promote", "roll_back", "drain"]


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a person tells a node to do.

    ``switch`` lets `child` speak, and leaves what comes after to the node; ``pin`` lets it speak whatever happens,
    until ``unpin``; ``promote`` and ``roll_back`` give a candidate its next share, or none; ``drain`` says that `child`
    is about to be closed: once it is down others speak for all that it speaks for, or the order is refused.
    `instruments` None: all that the node routes.
    """

    action: OrderAction
    child: int | None = None
    instruments: frozenset[InstrumentId] | None = None


class Arbiter(Protocol):
    """Decide between children, by number from 0. Pure: `now_ns` is `Clock.mono_ns`."""

    @property
    def up(self) -> bool:
        """Whether some child that may speak is up: what a parent node takes for this child's health."""
        ...

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        """Rule on a batch. Every tick given is forwarded or suppressed once, now or in a later ruling.

        A node may take a batch apart: its rejected ticks and findings then go along with one of the parts.
        """
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


@runtime_checkable
class Steerable(Protocol):
    """An arbiter that takes a person's orders."""

    def steer(self, order: Order, now_ns: int) -> Sequence[Ruling]:
        """Do as told.

        Raises:
            RouteError: It cannot be done; the message says why, and what can be.
        """
        ...


@runtime_checkable
class Reassignable(Protocol):
    """An arbiter whose instruments may change while the feed runs; of any other kind a feed must be started anew."""

    def reassign(self, instruments: Sequence[InstrumentId], now_ns: int) -> Sequence[Ruling]:
        """Route these from now on; what is known of those that stay must stay.

        All that is held back of those that go is to be suppressed now. Nobody speaks for an added one yet: the route
        takes it that the first child that is asked for it will, unless a `Switch` among the rulings says otherwise,
        which is told to nobody.

        Args:
            instruments: All that the node routes, in the order of the feed file.
            now_ns: The present.
        """
        ...


@runtime_checkable
class Attentive(Protocol):
    """An arbiter that hears what goes down below a child, also where the child goes on without it."""

    def on_part_down(self, child: int, instruments: AbstractSet[InstrumentId], now_ns: int) -> None:
        """Note that a leg below a child went down which brought these; `on_down` follows where the child is lost too.

        Args:
            child: Below which the leg stands.
            instruments: Those of which it was delivered.
            now_ns: The present.
        """
        ...


@runtime_checkable
class Described(Protocol):
    """An arbiter that can say what a person should know of its state beside who speaks."""

    def describe(self) -> Mapping[str, str]:
        """Return it in a few words, by what it is of."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteContext:
    """What a node is told when it opens.

    Attributes:
        children: Their names.
        channels: Those of the feed.
        instruments: Those that the node routes.
        same_ids: All legs below number the same trades and quotes with the same ids.
        id_spaces: Of each leg below, whose ids its ticks have; None: nobody else's.
    """

    children: tuple[str, ...]
    channels: frozenset[Channel]
    instruments: tuple[InstrumentId, ...]
    same_ids: bool = False
    id_spaces: Mapping[ProviderId, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSpec:
    """A kind of route node as declared; build one with `route_spec`."""

    kind: str
    summary: str
    settings: type[Settings]
    children: Callable[[Settings], Sequence[RouteRef]]
    cold: Callable[[Settings], frozenset[int]]
    mute: Callable[[Settings], frozenset[int]]
    assign: Callable[[Settings, Sequence[InstrumentId]], Sequence[Sequence[InstrumentId]]] | None
    open: Callable[[Settings, RouteContext], Arbiter]
    merges: bool = False


def route_spec(
    *,
    kind: str,
    summary: str,
    settings: type[S],
    children: Callable[[S], Sequence[RouteRef]],
    open: Callable[[S, RouteContext], Arbiter],  # noqa: A002 - the contract's word
    cold: Callable[[S], frozenset[int]] = lambda _: frozenset(),
    mute: Callable[[S], frozenset[int]] = lambda _: frozenset(),
    assign: Callable[[S, Sequence[InstrumentId]], Sequence[Sequence[InstrumentId]]] | None = None,
    merges: bool = False,
) -> RouteSpec:
    """Return the declaration of a kind of route node.

    Args:
        kind: What ``kind = "…"`` says in a route table.
        summary: One line for `ticktrail plugins list`.
        settings: Its table, without `kind`.
        children: The children in that table, in the order of their numbers.
        open: Makes the arbiter.
        cold: Children whose legs rest until a `Wake`.
        mute: Children that are never delivered: no archive of theirs is asked, and no order lets them speak.
        assign: Which of the node's instruments each child is asked for; by default each is asked for all. Raises
            `ConfigError` where one has no child.
        merges: Whether several children speak for an instrument at the same time, so that ids of one are no repeats
            of another's, nor holes in them.
    """
    return RouteSpec(
        kind=kind,
        summary=summary,
        settings=settings,
        children=cast("Callable[[Settings], Sequence[RouteRef]]", children),
        cold=cast("Callable[[Settings], frozenset[int]]", cold),
        mute=cast("Callable[[Settings], frozenset[int]]", mute),
        assign=cast(
            "Callable[[Settings, Sequence[InstrumentId]], Sequence[Sequence[InstrumentId]]] | None", assign
        ),
        open=cast("Callable[[Settings, RouteContext], Arbiter]", open),
        merges=merges,
    )
