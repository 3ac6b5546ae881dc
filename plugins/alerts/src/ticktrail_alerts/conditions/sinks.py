"""Find what is wrong with the sinks: failed, full, dropping.

Owns: the rules ``sink_failed``, ``sink_full`` and ``sink_drops``.
Never: knows a kind of sink.
"""

from __future__ import annotations

from collections.abc import Iterator

from ticktrail.events import SinkDropped
from ticktrail.plugin import Record
from ticktrail_alerts.finding import Condition, Finding, Look
from ticktrail_alerts.rule_settings import SinkDropsRule, SinkFailedRule, SinkFullRule

__all__ = ["SinkDrops", "SinkFailed", "SinkFull"]

_CONFLATED = "conflate"


class SinkFailed(Condition[SinkFailedRule]):
    """A sink failed; it gets nothing more in this run."""

    name = "sink_failed"

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each sink that failed."""
        for name, sink in look.status.sinks.items():
            if sink.failed is not None:
                yield self.find(f"the sink {name} failed and gets nothing more: {sink.failed}", about=name)


class SinkFull(Condition[SinkFullRule]):
    """A sink is too slow for what comes."""

    name = "sink_full"

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each sink whose lane is nearly full."""
        for name, sink in look.status.sinks.items():
            share = sink.queued / sink.bound if sink.bound else 0.0
            if sink.failed is None and self.exceeds(share, self.settings.above, look, about=name):
                yield self.find(
                    f"{sink.queued:,} ticks wait for the sink {name}, {share:.0%} of what may; the limit is "
                    f"{self.settings.above:.0%}",
                    about=name,
                )


class SinkDrops(Condition[SinkDropsRule]):
    """A lane gave up ticks: it holds for one look or `after_s`, so that `clear_s` after the last loss it is over."""

    name = "sink_drops"
    hears = (SinkDropped,)

    def __init__(self, settings: SinkDropsRule) -> None:
        super().__init__(settings)
        self._lost: dict[str, tuple[int, str, int]] = {}

    def hear(self, record: Record, mono_ns: int, /) -> None:
        """Count what was given up."""
        if isinstance(record, SinkDropped) and not record.policy.startswith(_CONFLATED):
            before = self._lost.get(record.sink, (0, "", 0))[0]
            self._lost[record.sink] = (before + record.dropped, record.policy, mono_ns)

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each sink that lost ticks since the last look."""
        for name, (dropped, policy, _) in self._lost.items():
            yield self.find(f"{dropped:,} ticks were not written by the sink {name} ({policy})", about=name)
        since_ns = look.mono_ns - int(self.settings.after_s * 1e9)
        self._lost = {name: lost for name, lost in self._lost.items() if lost[2] > since_ns}
