"""Put a feed's first and last events on the bus.

Owns: what stands in them.
Never: decides when a feed begins or ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import version

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.observer import Record
from ticktrail._engine.tally import Tally, by_name
from ticktrail._plan.model import Plan
from ticktrail._plan.render import render
from ticktrail.events import FeedStarted, FeedStopped

__all__ = ["announce", "conclude"]


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
