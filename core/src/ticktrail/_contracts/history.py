"""Say what a history is: the past of a leg's instruments, fetched page by page.

Owns: `History` and its pages.
Never: retries, or remembers how far it has come; whoever asks does both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ticktrail.model import Channel, InstrumentId, Tick

__all__ = ["History", "HistoryPage"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPage:
    """What one question to a venue's archive gave.

    Attributes:
        ticks: In order, marked `backfilled`, each of them of the period that was asked for; there may be none.
        through_ns: The period is complete up to here, UTC nanoseconds.
        cursor: Where the next page begins, in the provider's own words; None: this was the last one.
    """

    ticks: Sequence[Tick]
    through_ns: int
    cursor: str | None


class History(Protocol):
    """A venue's archive, as one leg sees it."""

    async def page(
        self, instrument: InstrumentId, channel: Channel, *, start_ns: int, end_ns: int, cursor: str | None
    ) -> HistoryPage:
        """Return the next page of what happened in ``[start_ns, end_ns)``.

        Args:
            instrument: Canonical name.
            channel: One of the provider's `Capabilities.history`.
            start_ns: UTC nanoseconds.
            end_ns: The same; lies in the past.
            cursor: None for the first page, then what the page before gave; from another run, too.

        Raises:
            TransientError: It could not be asked now; the same question may be asked again.
            PermanentError: The venue will not answer it.
        """
        ...
