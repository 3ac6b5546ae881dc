"""Join a route's arbiters into one: a leg's news goes in at its leaf, rulings come out at the root.

Owns: which node is whose child, and which leg speaks below each.
Never: waits, or carries a ruling out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TypeAlias

from ticktrail._contracts.route import (
    Attentive,
    Batch,
    Forward,
    Lost,
    Order,
    OrderAction,
    Publish,
    Reassignable,
    Reconnect,
    Rest,
    Ruling,
    Steerable,
    Suppress,
    Switch,
    Wake,
)
from ticktrail._engine.node import Node, Spoke
from ticktrail._engine.rulings import asked, sound
from ticktrail._plan.model import NodePlan
from ticktrail.errors import RouteError
from ticktrail.model import Channel, InstrumentId, ProviderId
from ticktrail.status import NodeStatus

__all__ = ["Decision", "Hole", "LegOrder", "Tree"]


@dataclass(frozen=True, slots=True)
class LegOrder:
    """Something to do to one leg."""

    leg: ProviderId
    ruling: Wake | Rest | Reconnect


@dataclass(frozen=True, slots=True)
class Hole:
    """Something of a channel was lost below the node for which this leg speaks."""

    leg: ProviderId
    instrument: InstrumentId
    channel: Channel


Decision: TypeAlias = Forward | Suppress | Hole | Spoke | LegOrder | Publish


def _speaks(node: Node, child: int | None, names: AbstractSet[InstrumentId] | None) -> bool:
    """Tell whether the child speaks for all of these already; None: for all that it can."""
    wanted = node.speaker.keys() & (node.children[child].instruments if child is not None else ())
    return all(node.speaker[name] == child for name in (wanted if names is None else names))


def _heard(decisions: Sequence[Decision]) -> Sequence[Decision]:
    """Return what an order brought about, without switches below a node that itself goes to that leg: one is enough."""
    loud = {
        (one.to_leg, name)
        for one in decisions
        if isinstance(one, Spoke) and one.on_air
        for name in one.instruments
    }
    found: list[Decision] = []
    for one in decisions:
        if isinstance(one, Spoke) and not one.on_air:
            names = tuple(name for name in one.instruments if (one.to_leg, name) not in loud)
            if names:
                found.append(replace(one, instruments=names))
        else:
            found.append(one)
    return found


def _can_reassign(arbiter: object) -> bool:
    return isinstance(arbiter, Reassignable)


class Tree:
    """A route's nodes.

    Args:
        plan: The root.
        channels: Those of the feed.
        id_spaces: Of each leg, whose ids its ticks have.
    """

    def __init__(
        self,
        plan: NodePlan,
        channels: frozenset[Channel],
        id_spaces: Mapping[ProviderId, str | None],
    ) -> None:
        self._root = Node(plan, channels, id_spaces)
        self._leaves: Mapping[ProviderId, Node] = {
            leaf.leg: leaf for leaf in self._root.leaves() if leaf.leg is not None
        }
        self._nodes = tuple(self._root.nodes())
        self._down: dict[ProviderId, str] = {}  # by leg, why it went down last

    def on_batch(self, leg: ProviderId, batch: Batch, now_ns: int) -> Sequence[Decision]:
        """Rule on a leg's batch."""
        leaf = self._leaves[leg]
        if leaf.parent not in {
            None,
            self._root,
        }:  # whether it is silent is asked of what is below a node that is
            leaf.hear(batch)
        return self._forward(leaf, batch, now_ns)

    def on_up(self, leg: ProviderId, now_ns: int) -> Sequence[Decision]:
        """Note that a leg can deliver."""
        leaf = self._leaves[leg]
        leaf.is_up, leaf.up_since_ns = True, now_ns
        leaf.heard_ns.clear()
        return self._health(self._leaves[leg], up=True, cause="", now_ns=now_ns)

    def on_down(self, leg: ProviderId, cause: str, now_ns: int) -> Sequence[Decision]:
        """Note that a leg cannot deliver."""
        self._leaves[leg].is_up = False
        self._down[leg] = cause
        self._tell_of_parts(leg, now_ns)
        decisions = self._health(self._leaves[leg], up=False, cause=cause, now_ns=now_ns)
        return [
            self._for_its_own_reason(one, leg, cause) if isinstance(one, Spoke) else one for one in decisions
        ]

    def on_time(self, now_ns: int) -> Sequence[Decision]:
        """Rule on what time alone decides, at every node whose deadline has passed."""
        decisions: list[Decision] = []
        for node in self._nodes:
            assert node.arbiter is not None  # noqa: S101 - only such nodes are listed
            deadline_ns = asked(node, node.arbiter.deadline_ns)
            if deadline_ns is not None and deadline_ns <= now_ns:
                decisions.extend(self._carry(node, asked(node, node.arbiter.on_time, now_ns), now_ns))
        return decisions

    def steer(
        self, action: OrderAction, leg: ProviderId | None, names: Sequence[InstrumentId] | None, now_ns: int
    ) -> Sequence[Decision]:
        """Tell the nodes above a leg to let it speak, or whichever nodes can do it where no leg is named.

        Raises:
            RouteError: There is no such leg, or no node can do that; the message says what can be done.
        """
        if leg is not None and leg not in self._leaves:
            raise RouteError(f"there is no leg {leg}; there is {', '.join(sorted(self._leaves))}")
        decisions: list[Decision] = []
        refusals: list[RouteError] = []
        done = False
        way = self._above(leg)
        deaf = max((place for place, (node, child) in enumerate(way) if child in node.mute), default=-1)
        if deaf >= 0 and deaf == len(way) - 1:
            raise RouteError(
                f"{leg} is never delivered, since it stands below a {way[deaf][0].kind} node as its candidate; make it "
                "the speaker in the feed file"
            )
        if leg is not None:
            self._see_that_it_can_speak(leg, names, way)
        for node, child in reversed(way[deaf + 1 :]):
            arbiter: object = node.arbiter
            if not isinstance(arbiter, Steerable):
                continue
            own = None if names is None else frozenset(names) & node.speaker.keys()
            order = Order(action=action, child=child, instruments=own)
            try:
                rulings = asked(node, arbiter.steer, order, now_ns)
            except RouteError as exc:
                refusals.append(exc)
                if leg is not None and not done and not _speaks(node, child, own):
                    break  # what stands above it would change for nothing
            else:
                done = True
                node.note(order)
                decisions.extend(self._carry(node, rulings, now_ns))
        if not done:
            raise refusals[0] if refusals else RouteError("no node of this route takes orders")
        return _heard(decisions)

    def _see_that_it_can_speak(
        self,
        leg: ProviderId,
        names: Sequence[InstrumentId] | None,
        way: Sequence[tuple[Node, int | None]],
    ) -> None:
        """Refuse an order that could change nothing.

        Raises:
            RouteError: The leg is not asked for what is named.
        """
        own = self._leaves[leg].instruments
        strange = [name for name in names or () if name not in own]
        if strange:
            raise RouteError(f"{leg} does not bring {', '.join(strange)}; it brings {', '.join(own[:10])}")
        if not way:
            raise RouteError(f"{leg} is the only leg of this route, and speaks already")

    def hand_over(self, leg: ProviderId, now_ns: int) -> Sequence[Decision]:
        """See that others will speak for all that a leg speaks for when it has closed: the nearest node that can.

        They do not speak before, since what the leg has received already would then be lost on the way.

        Raises:
            RouteError: Nobody can take over; nothing has changed.
        """
        refusal: RouteError | None = None
        below = self._leaves[leg]
        while below.parent is not None:
            node = below.parent
            arbiter: object = node.arbiter
            if isinstance(arbiter, Steerable):
                try:
                    rulings = asked(node, arbiter.steer, Order(action="drain", child=below.number), now_ns)
                except RouteError as exc:
                    refusal = refusal or exc
                else:
                    return self._carry(node, rulings, now_ns)
            elif any(  # a node that takes no orders sees to it once the leg is down
                other is not below and other.can_deliver() and {*below.instruments} <= {*other.instruments}
                for other in node.children
            ):
                return ()
            below = node
        raise refusal or RouteError(
            f"nobody can take over from {leg}: no other leg that brings the same is up; "
            "close it all the same with `ticktrail ctl rest`"
        )

    @property
    def fixed(self) -> Sequence[str]:
        """Return the kinds of node that cannot have other instruments while the feed runs."""
        return sorted({node.kind for node in self._nodes if not _can_reassign(node.arbiter)})

    def reassign(self, plan: NodePlan, now_ns: int) -> Sequence[Decision]:
        """Route what the plan says from now on; its shape is that of the present one."""
        added = self._root.reassign(plan)
        decisions: list[Decision] = []
        for node in self._nodes:
            arbiter: object = node.arbiter
            if isinstance(arbiter, Reassignable):
                decisions.extend(
                    self._carry(node, asked(node, arbiter.reassign, node.instruments, now_ns), now_ns)
                )
        told: list[Decision] = []
        for decision in decisions:
            if not isinstance(decision, Spoke):
                told.append(decision)
                continue
            # Nobody spoke for an added one before: that is no switch.
            names = tuple(name for name in decision.instruments if name not in added)
            if names:
                told.append(replace(decision, instruments=names))
        return told

    def _for_its_own_reason(self, spoke: Spoke, leg: ProviderId, cause: str) -> Spoke:
        """Return a switch that the end of a leg brought about, told of the leg that it leaves.

        A node above several legs is lost with the last of them, and another one may have spoken.
        """
        is_down = not self._leaves[spoke.from_leg].is_up
        if spoke.from_leg == leg or not is_down or not cause or spoke.from_leg not in self._down:
            return spoke
        return replace(spoke, cause=spoke.cause.replace(cause, self._down[spoke.from_leg]))

    def _tell_of_parts(self, leg: ProviderId, now_ns: int) -> None:
        """Let the nodes above hear of what was delivered of a leg that went down: a child may go on without it."""
        for node, child in self._above(leg):
            arbiter: object = node.arbiter
            if isinstance(arbiter, Attentive) and child is not None:
                below = node.children[child]
                names = [name for name in self._leaves[leg].instruments if leg in below.voices(name)]
                asked(node, arbiter.on_part_down, child, frozenset(names), now_ns)

    def _above(self, leg: ProviderId | None) -> Sequence[tuple[Node, int | None]]:
        """Return the nodes above a leg, the root first, each with its child on the way; without a leg all nodes."""
        if leg is None:
            return [(node, None) for node in self._nodes]
        way: list[tuple[Node, int | None]] = []
        below: Node = self._leaves[leg]
        while below.parent is not None:
            way.insert(0, (below.parent, below.number))
            below = below.parent
        return way

    def voices(self, name: InstrumentId) -> AbstractSet[ProviderId]:
        """Return the legs of which something may be delivered for an instrument now."""
        return frozenset(self._root.voices(name))

    def status(self) -> Sequence[NodeStatus]:
        """Return who speaks for how many instruments below each node, and for which if it is not the most."""
        return [node.status() for node in reversed(self._nodes)]

    def deadline_ns(self) -> int | None:
        """Return the nearest deadline of any node, None where no node waits."""
        deadlines = [
            deadline_ns
            for node in self._nodes
            if node.arbiter is not None and (deadline_ns := asked(node, node.arbiter.deadline_ns)) is not None
        ]
        return min(deadlines, default=None)

    def drain(self, now_ns: int) -> Sequence[Decision]:
        """Rule on all that is held back, children before their parents."""
        decisions: list[Decision] = []
        for node in self._nodes:
            assert node.arbiter is not None  # noqa: S101 - only such nodes are listed
            decisions.extend(self._carry(node, asked(node, node.arbiter.drain), now_ns))
        return decisions

    def _forward(self, node: Node, batch: Batch, now_ns: int) -> Sequence[Decision]:
        """Give a batch that `node` delivers to its parent."""
        parent = node.parent
        if parent is None or parent.arbiter is None:
            return (Forward(batch),)
        return self._carry(parent, asked(parent, parent.arbiter.on_batch, node.number, batch, now_ns), now_ns)

    def _health(self, node: Node, *, up: bool, cause: str, now_ns: int) -> Sequence[Decision]:
        """Tell the parent, and its parent in turn where its own health changed with it."""
        parent = node.parent
        if parent is None or parent.arbiter is None:
            return ()
        arbiter = parent.arbiter
        rulings = (
            asked(parent, arbiter.on_up, node.number, now_ns)
            if up
            else asked(parent, arbiter.on_down, node.number, cause, now_ns)
        )
        decisions = list(self._carry(parent, rulings, now_ns))
        if arbiter.up != parent.was_up:
            parent.was_up = arbiter.up
            decisions.extend(self._health(parent, up=parent.was_up, cause=cause, now_ns=now_ns))
        return decisions

    def _carry(self, node: Node, rulings: Sequence[Ruling], now_ns: int) -> Sequence[Decision]:
        """Turn one node's rulings into decisions: forwarded batches climb on, the rest is final."""
        decisions: list[Decision] = []
        for ruling in sound(node, rulings):
            match ruling:
                case Forward(batch):
                    decisions.extend(self._forward(node, batch, now_ns))
                case Suppress() | Publish():
                    decisions.append(ruling)
                case Lost(instrument, channel):
                    if node.brings(instrument, channel):
                        decisions.append(Hole(node.speaking(instrument), instrument, channel))
                case Switch():
                    decisions.extend(node.switch(ruling))
                case Wake(child) | Rest(child):
                    decisions.extend(
                        LegOrder(leaf.leg, ruling)
                        for leaf in node.children[child].leaves()
                        if leaf.leg is not None
                    )
                case Reconnect(child, _, channel, since_ns):
                    below = node.children[child]
                    decisions.extend(
                        LegOrder(leaf.leg, ruling)
                        for leaf in below.leaves()
                        if leaf.leg is not None
                        and (leaf is below or since_ns is None or leaf.is_silent(channel, since_ns))
                    )
        return decisions
