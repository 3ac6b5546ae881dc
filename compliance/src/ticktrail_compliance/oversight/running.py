"""Tell which plugins a feed's last start brought along.

Owns: the way to the last run of a feed in the log.
Never: looks at what is installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ticktrail.events import FeedStarted, PluginLoaded
from ticktrail_compliance.destroyed import LeftOut
from ticktrail_compliance.finding.writers import Opening, feed_openings
from ticktrail_compliance.reading import EVENTS, Range, read_records
from ticktrail_compliance.records import StoredRecord
from ticktrail_compliance.store.log import AuditLog

__all__ = ["LastRun", "last_run"]


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a feed that the log tells of.

    Attributes:
        writer: Its number.
        opening: Its first entry.
        started: How it began, and in which entry; None: it never came so far.
        events: What it told, each with the number of its entry.
    """

    writer: int
    opening: Opening
    started: tuple[int, FeedStarted] | None
    events: Sequence[tuple[int, StoredRecord]]

    @property
    def plugins(self) -> Sequence[tuple[int, PluginLoaded]]:
        """The plugins that took part, each with its entry."""
        return [(seq, one) for seq, one in self.events if isinstance(one, PluginLoaded)]


def last_run(log: AuditLog, feed: str | None, openings: Iterable[Opening] | None = None) -> LastRun | None:
    """Return the last run of a feed; None where there was none.

    Args:
        log: Open to read.
        feed: Its name; None: of any.
        openings: How each feed of the log began to write, where that was read already.

    Raises:
        AuditError: The log cannot be read.
    """
    known = feed_openings(log) if openings is None else openings
    last = max((one for one in known if feed in {None, one.feed}), key=lambda one: one.writer, default=None)
    if last is None:
        return None
    wanted = Range(classes=EVENTS, writers=frozenset({last.writer}))
    events = [(header.seq, one) for header, one in read_records(log, wanted, LeftOut(log).passes_over)]
    started = next(((seq, one) for seq, one in events if isinstance(one, FeedStarted)), None)
    return LastRun(last.writer, last, started, events)
