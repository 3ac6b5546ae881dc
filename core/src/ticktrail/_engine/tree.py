"""Join a route's arbiters into one: a leg's news goes in at its leaf, rulings come out at the root.

Owns: which node is whose child, and which leg speaks below each.
Never: waits, or carries a ruling out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ticktrail._contracts.route import (
    Arbiter,
    Batch,
    Forward,
    Reconnect,
    Rest,
    RouteContext,
    Ruling,
    Suppress,
    Switch,
    Wake,
)
from ticktrail._plan.model import NodePlan
from ticktrail.model import Channel, ProviderId

__all__ = ["Decision", "LegOrder", "Spoke", "Tree"]


@dataclass(frozen=True, slots=True)
class Spoke:
    """Another leg speaks below some node; `on_air` if the route's output changed with it."""

    from_leg: ProviderId
    to_leg: ProviderId
    cause: str
    silent_ns: int | None
    on_air: bool


@dataclass(frozen=True, slots=True)
class LegOrder:
    """Something to do to one leg."""

    leg: ProviderId
    ruling: Wake | Rest | Reconnect


Decision: TypeAlias = Forward | Suppress | Spoke | LegOrder


class _Node:
    """A leaf, or an arbiter over children."""

    def __init__(self, plan: NodePlan, channels: frozenset[Channel]) -> None:
        self.parent: _Node | None = None
        self.number = 0
        self.leg = plan.leg
        self.speaker = 0
        self.children = tuple(_Node(child, channels) for child in plan.children)
        for number, child in enumerate(self.children):
            child.parent, child.number = self, number
        self.arbiter: Arbiter | None = None
        self.was_up = False
        if plan.spec is not None and plan.settings is not None:
            context = RouteContext(children=tuple(child.label for child in plan.children), channels=channels)
            self.arbiter = plan.spec.open(plan.settings, context)

    def leaves(self) -> Iterator[_Node]:
        if self.leg is not None:
            yield self
        for child in self.children:
            yield from child.leaves()

    def nodes(self) -> Iterator[_Node]:
        for child in self.children:
            yield from child.nodes()
        if self.arbiter is not None:
            yield self

    def speaking(self) -> ProviderId:
        if self.leg is not None:
            return self.leg
        return self.children[self.speaker].speaking()

    def on_air(self) -> bool:
        return self.parent is None or (self.parent.speaker == self.number and self.parent.on_air())


class Tree:
    """A route's nodes."""

    def __init__(self, plan: NodePlan, channels: frozenset[Channel]) -> None:
        self._root = _Node(plan, channels)
        self._leaves: Mapping[ProviderId, _Node] = {
            leaf.leg: leaf for leaf in self._root.leaves() if leaf.leg is not None
        }
        self._nodes = tuple(self._root.nodes())

    def on_batch(self, leg: ProviderId, batch: Batch, now_ns: int) -> Sequence[Decision]:
        """Rule on a leg's batch."""
        return self._forward(self._leaves[leg], batch, now_ns)

    def on_up(self, leg: ProviderId, now_ns: int) -> Sequence[Decision]:
        """Note that a leg can deliver."""
        return self._health(self._leaves[leg], up=True, cause="", now_ns=now_ns)

    def on_down(self, leg: ProviderId, cause: str, now_ns: int) -> Sequence[Decision]:
        """Note that a leg cannot deliver."""
        return self._health(self._leaves[leg], up=False, cause=cause, now_ns=now_ns)

    def on_time(self, now_ns: int) -> Sequence[Decision]:
        """Rule on what time alone decides, at every node whose deadline has passed."""
        decisions: list[Decision] = []
        for node in self._nodes:
            assert node.arbiter is not None  # noqa: S101 - only such nodes are listed
            deadline_ns = node.arbiter.deadline_ns()
            if deadline_ns is not None and deadline_ns <= now_ns:
                decisions.extend(self._carry(node, node.arbiter.on_time(now_ns), now_ns))
        return decisions

    def deadline_ns(self) -> int | None:
        """Return the nearest deadline of any node, None where no node waits."""
        deadlines = [
            deadline_ns
            for node in self._nodes
            if node.arbiter is not None and (deadline_ns := node.arbiter.deadline_ns()) is not None
        ]
        return min(deadlines, default=None)

    def drain(self, now_ns: int) -> Sequence[Decision]:
        """Rule on all that is held back, children before their parents."""
        decisions: list[Decision] = []
        for node in self._nodes:
            assert node.arbiter is not None  # noqa: S101 - only such nodes are listed
            decisions.extend(self._carry(node, node.arbiter.drain(), now_ns))
        return decisions

    def _forward(self, node: _Node, batch: Batch, now_ns: int) -> Sequence[Decision]:
        """Give a batch that `node` delivers to its parent."""
        parent = node.parent
        if parent is None or parent.arbiter is None:
            return (Forward(batch),)
        return self._carry(parent, parent.arbiter.on_batch(node.number, batch, now_ns), now_ns)

    def _health(self, node: _Node, *, up: bool, cause: str, now_ns: int) -> Sequence[Decision]:
        """Tell the parent, and its parent in turn where its own health changed with it."""
        parent = node.parent
        if parent is None or parent.arbiter is None:
            return ()
        arbiter = parent.arbiter
        rulings = arbiter.on_up(node.number, now_ns) if up else arbiter.on_down(node.number, cause, now_ns)
        decisions = list(self._carry(parent, rulings, now_ns))
        if arbiter.up != parent.was_up:
            parent.was_up = arbiter.up
            decisions.extend(self._health(parent, up=parent.was_up, cause=cause, now_ns=now_ns))
        return decisions

    def _carry(self, node: _Node, rulings: Sequence[Ruling], now_ns: int) -> Sequence[Decision]:
        """Turn one node's rulings into decisions: forwarded batches climb on, the rest is final."""
        decisions: list[Decision] = []
        for ruling in rulings:
            match ruling:
                case Forward(batch):
                    decisions.extend(self._forward(node, batch, now_ns))
                case Suppress():
                    decisions.append(ruling)
                case Switch(_, to, cause, silent_ns):
                    before = node.speaking()
                    node.speaker = to
                    decisions.append(Spoke(before, node.speaking(), cause, silent_ns, node.on_air()))
                case Wake(child) | Rest(child) | Reconnect(child):
                    decisions.extend(
                        LegOrder(leaf.leg, ruling)
                        for leaf in node.children[child].leaves()
                        if leaf.leg is not None
                    )
        return decisions
