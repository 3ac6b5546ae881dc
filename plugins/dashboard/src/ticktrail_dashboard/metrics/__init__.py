"""Tell Prometheus how a feed fares."""

from ticktrail_dashboard.metrics.exposition import Metrics

__all__ = ["Metrics"]
