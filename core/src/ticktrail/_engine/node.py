"""Keep one node of a route: a leaf, or an arbiter over children.

Owns: who speaks below it for each instrument, and what a person pinned.
Never: decides (the arbiter does), or carries a ruling out (the tree does).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ticktrail._contracts.route import Arbiter, Batch, Described, Order, RouteContext, Switch
from ticktrail._plan.model import NodePlan
from ticktrail.model import CHANNEL_OF, Channel, InstrumentId, ProviderId
from ticktrail.status import NodeStatus

__all__ = ["Node", "Spoke"]


_OF_ONE_LEG: frozenset[Channel] = frozenset({"book", "bars"})
"""Channels that one child leads, also below a merge."""


@dataclass(frozen=True, slots=True)
class Spoke:
    """Another leg speaks below some node for these instruments; `on_air` if the route's output changed with it."""

    from_leg: ProviderId
    to_leg: ProviderId
    cause: str
    silent_ns: int | None
    on_air: bool
    instruments: Sequence[InstrumentId]


class Node:
    """A leaf, or an arbiter over children."""

    def __init__(
        self,
        plan: NodePlan,
        channels: frozenset[Channel],
        id_spaces: Mapping[ProviderId, str | None],
    ) -> None:
        self.parent: Node | None = None
        self.number = 0
        self.is_up = False  # of a leaf, as the next two are
        self.up_since_ns = 0
        self.heard_ns: dict[Channel | None, int] = {}
        self.instruments = plan.instruments
        self.routed = frozenset(plan.instruments)  # of thousands, a tuple is long to look through
        self.leg = plan.leg
        self.kind = "provider" if plan.spec is None else plan.spec.kind
        self.labels = tuple(child.label for child in plan.children)
        self.mute = plan.mute
        self.children = tuple(Node(child, channels, id_spaces) for child in plan.children)
        self.speaker = _first_speakers(plan)
        for number, child in enumerate(self.children):
            child.parent, child.number = self, number
        self.arbiter: Arbiter | None = None
        self.was_up = False
        self.merges = plan.spec is not None and plan.spec.merges
        self.pinned: dict[InstrumentId, int] = {}
        self._rest_pinned: int | None = None  # to whom what is added later is pinned, after a pin of all
        if plan.spec is not None and plan.settings is not None:
            below = {leaf.leg: id_spaces[leaf.leg] for leaf in self.leaves() if leaf.leg is not None}
            spaces = set(below.values())
            context = RouteContext(
                children=tuple(child.label for child in plan.children),
                channels=channels,
                instruments=plan.instruments,
                same_ids=len(spaces) == 1 and None not in spaces,
                id_spaces=below,
            )
            self.arbiter = plan.spec.open(plan.settings, context)

    def leaves(self) -> Iterator[Node]:
        if self.leg is not None:
            yield self
        for child in self.children:
            yield from child.leaves()

    def nodes(self) -> Iterator[Node]:
        for child in self.children:
            yield from child.nodes()
        if self.arbiter is not None:
            yield self

    def reassign(self, plan: NodePlan) -> frozenset[InstrumentId]:
        """Route what the plan says from now on, here and below; whoever speaks goes on. Returns what was added."""
        added = frozenset(plan.instruments) - self.routed
        self.instruments, self.routed = plan.instruments, frozenset(plan.instruments)
        first = _first_speakers(plan)
        self.speaker = {name: self.speaker.get(name, number) for name, number in first.items()}
        self.pinned = {name: child for name, child in self.pinned.items() if name in first}
        if self._rest_pinned is not None:
            self.pinned.update(dict.fromkeys(added, self._rest_pinned))
        for child, below in zip(self.children, plan.children, strict=True):
            child.reassign(below)
        return added

    def can_deliver(self) -> bool:
        return self.is_up if self.arbiter is None else self.arbiter.up

    def hear(self, batch: Batch) -> None:
        """Note on which channels a leg brings something."""
        for kind in set(map(type, batch.ticks)):
            self.heard_ns[CHANNEL_OF.get(kind)] = batch.mono_ns

    def is_silent(self, channel: Channel | None, since_ns: int) -> bool:
        """Tell whether a leg that is up has brought nothing of a channel since, of None: nothing at all."""
        heard = self.heard_ns
        last_ns = max(heard.values(), default=0) if channel is None else heard.get(channel, 0)
        return self.is_up and max(last_ns, self.up_since_ns) <= since_ns

    def speaking(self, name: InstrumentId) -> ProviderId:
        if self.leg is not None:
            return self.leg
        return self.children[self.speaker[name]].speaking(name)

    def on_air(self, name: InstrumentId) -> bool:
        parent = self.parent
        return parent is None or (parent.speaker[name] == self.number and parent.on_air(name))

    def brings(self, name: InstrumentId, channel: Channel) -> bool:
        """Tell whether what it brings of a channel is delivered; below a merge that is so of several at once."""
        parent = self.parent
        if parent is None:
            return True
        is_one_of_many = parent.merges and channel not in _OF_ONE_LEG
        return (is_one_of_many or parent.speaker[name] == self.number) and parent.brings(name, channel)

    @property
    def name(self) -> str:
        """``/`` for the topmost node, with a label for each step down."""
        if self.parent is None:
            return "/"
        return f"{self.parent.name.rstrip('/')}/{self.parent.labels[self.number]}"

    def status(self) -> NodeStatus:
        by_child: dict[str, list[str]] = {self.labels[number]: [] for number in range(len(self.children))}
        for name, number in self.speaker.items():
            by_child[self.labels[number]].append(name)
        most = max(by_child, key=lambda label: len(by_child[label]))
        pinned: dict[str, list[str]] = {}
        for name, number in self.pinned.items():
            pinned.setdefault(self.labels[number], []).append(name)
        speakers = {label: len(names) for label, names in by_child.items()}
        apart = {label: names for label, names in by_child.items() if names and label != most}
        if self.merges:
            speakers, apart = dict.fromkeys(speakers, len(self.speaker)), {}
        arbiter: object = self.arbiter
        return NodeStatus(
            name=self.name,
            kind=self.kind,
            children={
                label: child.leg or child.name
                for label, child in zip(self.labels, self.children, strict=True)
            },
            speakers=speakers,
            apart=apart,
            pinned=pinned,
            state=arbiter.describe() if isinstance(arbiter, Described) else {},
        )

    def voices(self, name: InstrumentId) -> Iterator[ProviderId]:
        """Yield the legs of which something may be delivered for an instrument now."""
        if self.leg is not None:
            yield self.leg
        for number, child in enumerate(self.children):
            if name in child.routed and (self.merges or self.speaker[name] == number):
                yield from child.voices(name)

    def note(self, order: Order) -> None:
        """Note what an order that was carried out pinned, and what it freed."""
        names = self.speaker if order.instruments is None else order.instruments
        for name in names:
            self.pinned.pop(name, None)
        if not self.pinned:
            self._rest_pinned = None
        if order.action == "pin" and order.child is not None:
            self.pinned.update(dict.fromkeys(names, order.child))
            if order.instruments is None:
                self._rest_pinned = order.child

    def switch(self, ruling: Switch) -> Iterator[Spoke]:
        """Note who speaks now; yield what changed, instruments that changed alike together."""
        changed: dict[tuple[ProviderId, ProviderId, bool], list[InstrumentId]] = {}
        for name in self.speaker if ruling.instruments is None else sorted(ruling.instruments):
            before = self.speaking(name)
            self.speaker[name] = ruling.to_child
            changed.setdefault((before, self.speaking(name), self.on_air(name)), []).append(name)
        for (before, after, on_air), names in changed.items():
            yield Spoke(before, after, ruling.cause, ruling.silent_ns, on_air, tuple(names))


def _first_speakers(plan: NodePlan) -> dict[InstrumentId, int]:
    """Return for each instrument the first child that is asked for it."""
    return {
        name: number
        for number, child in reversed(tuple(enumerate(plan.children)))
        for name in child.instruments
    }
