"""A feed whose metrics are kept by an observer of the tests' own: no server stands before them."""

from contextlib import asynccontextmanager
from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families

from ticktrail.plugin import hookimpl, observer_spec
from ticktrail_dashboard.health import Health
from ticktrail_dashboard.metrics import Metrics
from ticktrail_dashboard.settings import DashboardSettings


class Metered:
    """What the dashboard's observer does for metrics and health."""

    def __init__(self, settings, context):
        self.metrics = Metrics(context, settings)
        self.health = Health(context, settings)

    async def observe(self, records):
        self.metrics.observe(records)
        self.health.observe(records)

    def summary(self):
        return {}


def metering(seen):
    """A plugin whose observer `metered` is put into the list once it is open."""

    @asynccontextmanager
    async def opened(settings, context):
        seen.append(Metered(settings, context))
        yield seen[-1]

    @hookimpl
    def ticktrail_observers():
        return [
            observer_spec(
                name="metered", summary="x", settings=DashboardSettings, open=opened, report_key="metered"
            )
        ]

    return SimpleNamespace(TICKTRAIL_API=1, ticktrail_observers=ticktrail_observers)


def scraped(metrics):
    """Return every sample of a scrape by its name and labels, the labels' values in the order of their names."""
    body, _ = metrics.exposition()
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


def of(samples, name):
    """Return the samples of one name by their labels' values, those that are 0 left out."""
    return {
        key[1:] if len(key) > 2 else key[1] if len(key) == 2 else "": value
        for key, value in samples.items()
        if key[0] == f"ticktrail_{name}" and value
    }
