"""Count the quotes that a route makes of several legs', and what its nodes found about them.

Owns: their part in the quality of the route.
Never: judges (the rules judge each leg's own quotes, before they are merged), or counts what is not delivered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ticktrail._contracts.route import Batch
from ticktrail._engine.judge import Judge
from ticktrail._engine.quality import Finding, Quality
from ticktrail._plan.model import NodePlan
from ticktrail.model import InstrumentId, Quote, Tick

__all__ = ["Found", "found_of"]


class Found:
    """What the nodes of one route found.

    Args:
        judge: The route's, in whose counters it stands beside what rules found.
    """

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def see(self, batch: Batch, delivered: Sequence[Tick]) -> None:
        """Count what of a batch is delivered and was made of several legs' quotes."""
        qualities: Mapping[InstrumentId, Quality] = self._judge.qualities
        made = {id(tick): tick for tick in delivered if type(tick) is Quote and tick.is_consolidated}
        for tick in made.values():
            quality = qualities.get(tick.instrument)
            # Where rules of the route judge quotes, the leg's quote that it stands for was seen by them.
            if quality is not None and (batch.derived or not self._judge.judges(Quote, tick.instrument)):
                quality.seen += 1
        for flagged in batch.flagged if made else ():
            tick_made = made.get(id(flagged.tick))
            quality = None if tick_made is None else qualities.get(tick_made.instrument)
            if tick_made is not None and quality is not None:
                found = [
                    Finding(str(type(violation).__struct_config__.tag), "info", violation)
                    for violation in flagged.violations
                ]
                quality.count(tick_made, found, batch.recv_ns, kept=False, made=True)


def found_of(node: NodePlan, judge: Judge) -> Found | None:
    """Return what counts it in a route; None where no node makes a quote."""
    return Found(judge) if _merges(node) else None


def _merges(node: NodePlan) -> bool:
    return (node.spec is not None and node.spec.merges) or any(_merges(child) for child in node.children)
