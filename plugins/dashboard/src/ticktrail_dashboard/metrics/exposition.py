"""Answer Prometheus.

Owns: the registry of one feed, and the form of the answer.
Never: serves it.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder

from ticktrail.plugin import ObserverContext, Record
from ticktrail_dashboard.metrics.collector import FeedCollector
from ticktrail_dashboard.metrics.counting import Counting
from ticktrail_dashboard.settings import DashboardSettings

__all__ = ["Metrics"]

_MOST_OF_A_HEADER = 1_000


class Metrics:
    """The metrics of one feed: what is counted while it runs, and the answer to a scrape.

    Args:
        context: The observer's: it is asked how the feed stands, once a scrape.
        settings: Say how long an instrument is fresh.
    """

    def __init__(self, context: ObserverContext, settings: DashboardSettings) -> None:
        self._counting = Counting(context.clock)
        self._registry = CollectorRegistry()
        self._registry.register(FeedCollector(context.status, self._counting, fresh_s=settings.fresh_s))
        ProcessCollector(registry=self._registry)

    def observe(self, records: Sequence[Record]) -> None:
        """Count the records; a few operations a batch, and one in C for each tick."""
        self._counting.observe(records)

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """Return the answer to a scrape, and its content type.

        Args:
            accept: What the asker takes, as in its ``Accept``: OpenMetrics where it names that, else the text format.
        """
        try:
            encode, content_type = choose_encoder(accept[:_MOST_OF_A_HEADER])
        except (
            TypeError,
            ValueError,
        ):  # a version that is none: whoever asks so gets what everybody can read
            encode, content_type = choose_encoder("")
        return encode(self._registry), content_type
