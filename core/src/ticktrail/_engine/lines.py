"""Say which legs of a route make one line, within which repeats and holes are looked for.

Owns: the grouping of a plan's legs.
Never: sees a tick.

Where one leg speaks for another they are one line: what the second brings follows on what the first brought. Below a
node that merges, several speak at the same time and each child is a line of its own. But legs that number the same
ticks with the same ids are one line wherever they stand, since the second copy of an id is a repeat then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from ticktrail._engine.continuity import Continuity
from ticktrail._plan.model import NodePlan, Plan
from ticktrail._plan.route import mute_legs_of
from ticktrail.model import ProviderId

__all__ = ["continuity_of", "group_legs", "legs_at_once", "lines_of"]


def continuity_of(plan: Plan) -> Continuity:
    """Return what looks for repeats and holes in all that a feed's route delivers."""
    spaces = {leg.name: leg.capabilities.id_space for leg in plan.legs}
    continuity = Continuity(
        {leg.name: leg.capabilities for leg in plan.legs},
        lines_of(plan),
        mute=mute_legs_of(plan.route),
        at_once=legs_at_once(plan.route, spaces),
    )
    continuity.heed(plan.instruments)
    return continuity


def lines_of(plan: Plan) -> Mapping[ProviderId, int]:
    """Return the number of each leg's line."""
    spaces = {leg.name: leg.capabilities.id_space for leg in plan.legs}
    groups = group_legs(plan.route, spaces)
    return {leg: number for number, group in enumerate(groups) for leg in group}


def group_legs(node: NodePlan, spaces: Mapping[ProviderId, str | None]) -> Sequence[AbstractSet[ProviderId]]:
    """Return the lines below a node.

    Args:
        node: It.
        spaces: Of each leg, whose ids its ticks have.
    """
    if node.leg is not None:
        return (frozenset({node.leg}),)
    below = [group for child in node.children for group in group_legs(child, spaces)]
    merges = node.spec is not None and node.spec.merges
    if not merges and len(below) == len(node.children):
        return (frozenset().union(*below),)
    return _join(below, spaces)


def legs_at_once(node: NodePlan, spaces: Mapping[ProviderId, str | None]) -> AbstractSet[ProviderId]:
    """Return the legs whose ids another leg brings at the same time, below a node that merges.

    Args:
        node: It, or one above it.
        spaces: Of each leg, whose ids its ticks have.
    """
    found = frozenset().union(*(legs_at_once(child, spaces) for child in node.children))
    if node.spec is None or not node.spec.merges:
        return found
    below = [frozenset(_legs(child)) for child in node.children]
    count = Counter(space for legs in below for space in {spaces[leg] for leg in legs})
    shared = {space for space, children in count.items() if space is not None and children > 1}
    return found | {leg for legs in below for leg in legs if spaces[leg] in shared}


def _legs(node: NodePlan) -> Iterator[ProviderId]:
    if node.leg is not None:
        yield node.leg
    for child in node.children:
        yield from _legs(child)


def _join(
    groups: Sequence[AbstractSet[ProviderId]], spaces: Mapping[ProviderId, str | None]
) -> Sequence[AbstractSet[ProviderId]]:
    """Take legs whose ids mean the same in several groups out of these, into a group of their own."""
    found = Counter(space for group in groups for space in {spaces[leg] for leg in group})
    shared = {space for space, count in found.items() if space is not None and count > 1}
    left = [frozenset(leg for leg in group if spaces[leg] not in shared) for group in groups]
    joined = [
        frozenset(leg for group in groups for leg in group if spaces[leg] == space)
        for space in sorted(shared)
    ]
    return [group for group in (*joined, *left) if group]
