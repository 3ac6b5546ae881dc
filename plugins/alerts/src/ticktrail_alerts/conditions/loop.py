"""Find that code kept a whole feed waiting.

Owns: the rule ``loop_blocked``.
Never: watches the event loop (the engine does).
"""

from __future__ import annotations

from collections.abc import Iterator

from ticktrail.events import LoopBlocked
from ticktrail.plugin import Record
from ticktrail_alerts.finding import Condition, Finding, Look
from ticktrail_alerts.rule_settings import LoopBlockedRule

__all__ = ["LoopBlockage"]


class LoopBlockage(Condition[LoopBlockedRule]):
    """Code did not give way: it holds for one look or `after_s`, so that `clear_s` after the last block it is over."""

    name = "loop_blocked"
    hears = (LoopBlocked,)

    def __init__(self, settings: LoopBlockedRule) -> None:
        super().__init__(settings)
        self._blocks: dict[str, tuple[LoopBlocked, int]] = {}

    def hear(self, record: Record, mono_ns: int, /) -> None:
        """Keep the longest block of a plugin, and when the last one was told."""
        if isinstance(record, LoopBlocked) and record.for_s >= self.settings.longer_than_s:
            before = self._blocks.get(record.plugin, (record, 0))[0]
            longest = max(before, record, key=lambda block: block.for_s)
            self._blocks[record.plugin] = (longest, mono_ns)

    def look(self, look: Look, /) -> Iterator[Finding]:
        """Yield each plugin whose code blocked the loop since the last look."""
        for name, (block, _) in self._blocks.items():
            whose = f"{name} ({block.distribution})" if block.distribution not in {"", name} else name
            yield self.find(
                f"code of {whose} kept everything else in the feed waiting for {block.for_s:.1f} s, at {block.where}",
                about=name,
            )
        since_ns = look.mono_ns - int(self.settings.after_s * 1e9)
        self._blocks = {name: kept for name, kept in self._blocks.items() if kept[1] > since_ns}
