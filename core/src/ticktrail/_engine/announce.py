"""Put a feed's first and last events on the bus.

Owns: what stands in them.
Never: decides when a feed begins or ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from importlib.metadata import version

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.observer import Record
from ticktrail._engine.tally import Tally, by_name
from ticktrail._plan.model import NodePlan, Plan
from ticktrail._plan.render import render
from ticktrail.events import FeedStarted, FeedStopped

__all__ = ["announce", "conclude", "forgotten"]


def announce(plan: Plan, publish: Callable[[Record], None], clock: Clock) -> Sequence[str]:
    """Publish which plugins take part and that the feed runs; returns what to warn of."""
    for loaded in plan.plugins:
        publish(loaded)
    for quarantined in plan.quarantined:
        publish(quarantined)
    publish(
        FeedStarted(
            at_ns=clock.now_ns(),
            feed=plan.name,
            profile=plan.profile,
            ticktrail=version("ticktrail"),
            settings_sha256=plan.settings_sha256,
            plan=render(plan),
        )
    )
    return (
        *plan.warnings,
        *(
            f"the plugin {plugin.name} of {plugin.distribution} takes no part: {plugin.reason}"
            for plugin in plan.quarantined
        ),
    )


def forgotten(unruled: int, plan: Plan) -> str | None:
    """Return what to tell where not each tick that came in was decided upon once; None where it was.

    Args:
        unruled: How many were not, or, below 0, how many were decided upon twice.
        plan: Says which kinds of node ruled.
    """
    if not unruled:
        return None
    kinds = " or ".join(sorted(_kinds(plan.route))) or "the route"
    what = "were received, and nobody ruled on them: they are lost" if unruled > 0 else "were ruled on twice"
    return f"{abs(unruled):,} ticks {what}; a defect of {kinds}: report it to its plugin's authors"


def conclude(cause: str, tally: Tally, publish: Callable[[Record], None], clock: Clock) -> None:
    """Publish that the feed has stopped, with its counts."""
    publish(
        FeedStopped(
            at_ns=clock.now_ns(),
            cause=cause,
            received=tally.received_by_kind(),
            delivered=by_name(tally.delivered),
            rejected=dict(tally.rejected),
            suppressed=dict(tally.suppressed),
            undecodable=tally.undecodable,
        )
    )


def _kinds(node: NodePlan) -> AbstractSet[str]:
    own = frozenset() if node.spec is None else frozenset({node.spec.kind})
    return own.union(*map(_kinds, node.children))
