"""Put together what Prometheus is told, when it asks.

Owns: the values of every family, out of a feed's status and what was counted.
Never: counts anything.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from itertools import accumulate
from typing import Final, TypeAlias, get_args

from prometheus_client import Metric
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.registry import Collector

from ticktrail.health import HealthState
from ticktrail.readiness import REASONS, readiness
from ticktrail.status import ClockStatus, FeedStatus
from ticktrail_dashboard.metrics.counting import VENUE_EDGES_S, Counting, Delays
from ticktrail_dashboard.metrics.families import FAMILIES, Family

__all__ = ["FeedCollector"]

Samples: TypeAlias = Iterable[tuple[tuple[str, ...], float]]

_STATES: Final = get_args(HealthState)
_BREAKERS: Final = ("closed", "half_open", "open")
_BREACHES: Final = ("offset", "unmeasured")
_FAILOVERS: Final = ("down", "silent")
_SEVERITIES: Final = ("information", "warning", "critical")
_NOTICES: Final = frozenset({"gaps", "switches"})
_OF_INSTRUMENTS: Final = frozenset({"outage", "not_fresh"})
_IN_NS: Final = frozenset({"ticktrail_outage_seconds_total"})
_TICK_EDGES_S: Final = (
    *(0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01),
    *(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
"""From what a lane costs to one that is stuck."""


class FeedCollector(Collector):
    """All families of one feed, gathered anew for each scrape.

    Args:
        status: Returns how the feed stands; None before its sources have begun.
        counting: What was counted.
        fresh_s: As of `DashboardSettings`.
    """

    def __init__(
        self, status: Callable[[], FeedStatus | None], counting: Counting, *, fresh_s: float
    ) -> None:
        self._status = status
        self._counting = counting
        self._fresh_s = fresh_s
        self._build = {"version": version("ticktrail"), "python": platform.python_version()}

    def describe(self) -> Iterable[Metric]:
        """Return no family, so that registering does not gather."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """Yield every family of `FAMILIES`, in its order; one of which nothing is known has no sample."""
        status = self._status()
        values: dict[str, Samples] = {
            **_counted(self._counting, status),
            **self._readiness(status),
            **({} if status is None else _of_the_feed(status)),
        }
        for name, family in FAMILIES.items():
            short = name.removeprefix("ticktrail_")
            if family.kind == "histogram":
                yield self._histogram(family, status)
            elif short == "build_info":
                yield InfoMetricFamily("ticktrail_build", family.about, value=self._build)
            elif short == "feed_info":
                yield _feed_info(family, status)
            else:
                yield _filled(family, values.get(short, ()))

    def _readiness(self, status: FeedStatus | None) -> dict[str, Samples]:
        found = readiness(status, fresh_s=self._fresh_s)
        told = {reason.code: len(reason.about) for reason in found.reasons}
        return {
            "ready": [((), int(found.ready))],
            "not_ready_reason": [((code,), int(code in told)) for code in REASONS],
            "instruments_not_ready": [
                ((code,), told.get(code, 0)) for code in REASONS if code in _OF_INSTRUMENTS
            ],
        }

    def _histogram(self, family: Family, status: FeedStatus | None) -> Metric:
        built = HistogramMetricFamily(family.name, family.about, labels=family.labels)
        if family.labels:
            for leg, delays in self._counting.delays.items():
                built.add_metric([leg], *_of_delays(delays))
        elif status is not None:
            built.add_metric([], *_of_steps(status))
        return built


def _filled(family: Family, samples: Samples) -> Metric:
    of_kind = CounterMetricFamily if family.kind == "counter" else GaugeMetricFamily
    built = of_kind(family.name, family.about, labels=family.labels)
    for labels, value in samples:
        built.add_metric(labels, value / 1e9 if family.name in _IN_NS else value)
    return built


def _feed_info(family: Family, status: FeedStatus | None) -> Metric:
    built = InfoMetricFamily("ticktrail_feed", family.about)
    if status is not None:
        told = {"feed": status.feed, "profile": status.profile, "settings_sha256": status.settings_sha256}
        built.add_metric([], told)
    return built


def _counted(counting: Counting, status: FeedStatus | None) -> dict[str, Samples]:
    """Return what was counted; what is watched for its first rise is told as nought before."""
    sources = () if status is None else status.observers
    first: dict[str, Iterable[tuple[str, ...]]] = {
        "failovers_total": [(cause,) for cause in _FAILOVERS],
        "notices_total": [(source, severity) for source in sources for severity in _SEVERITIES],
        **{
            name.removeprefix("ticktrail_"): [()]
            for name, family in FAMILIES.items()
            if family.kind == "counter" and not family.labels
        },
    }
    noughts = {name: dict.fromkeys(labels, 0) for name, labels in first.items()}
    counted = {
        name: {**noughts.get(name, {}), **counting.counts.get(name, {})}.items()
        for name in noughts.keys() | counting.counts.keys()
    }
    return {
        **counted,
        "ticks_delivered_total": counting.delivered().items(),
        "ticks_derived_total": counting.derived().items(),
        "clock_breach_seconds_total": [((), counting.breach_s())],
    }


def _of_the_feed(status: FeedStatus) -> dict[str, Samples]:
    legs, sinks, observers = status.legs.items(), status.sinks.items(), status.observers.items()
    speaks = dict.fromkeys(status.legs, 0)
    for voices in status.speaking.values():
        for voice in voices:
            speaks[voice] += 1
    return {
        "feed_start_time_seconds": [((), status.started_ns / 1e9)],
        "feed_instruments": [((), len(status.instruments))],
        "ticks_received_total": [
            ((leg, channel), count)
            for leg, of_leg in legs
            for channel, count in of_leg.received_by.items()
            if channel not in _NOTICES
        ],
        "leg_state": [((leg, state), int(one.state == state)) for leg, one in legs for state in _STATES],
        "leg_breaker_state": [
            ((leg, kind), int(one.breaker == kind)) for leg, one in legs for kind in _BREAKERS
        ],
        "leg_uptime_ratio": [((leg,), one.health.uptime_pct / 100) for leg, one in legs],
        "leg_rejected_ratio": _known({leg: one.health.reject_rate for leg, one in legs}),
        "leg_failures_in_a_row": [((leg,), one.failures) for leg, one in legs],
        "leg_last_tick_timestamp_seconds": _known(
            {leg: _seconds(one.health.last_update_ns) for leg, one in legs}
        ),
        "leg_speaks_for_instruments": [((leg,), count) for leg, count in speaks.items()],
        "leg_reconnects_total": [((leg,), max(one.sessions - 1, 0)) for leg, one in legs],
        "lane_queue_ticks": [((sink,), lane.queued) for sink, lane in sinks],
        "lane_bound_ticks": [((sink,), lane.bound) for sink, lane in sinks],
        "lane_written_ticks_total": [((sink,), lane.written) for sink, lane in sinks],
        "lane_dropped_ticks_total": [((sink,), lane.dropped) for sink, lane in sinks],
        "lane_failed": [((sink,), int(lane.failed is not None)) for sink, lane in sinks],
        "observer_waiting_records": [((name,), one.waiting) for name, one in observers],
        "observer_bound_records": [((name,), one.bound) for name, one in observers],
        "observer_trouble": [((name,), int(bool(one.trouble))) for name, one in observers],
        "observer_counts_total": [
            ((name, what), n)
            for name, one in observers
            for what, n in one.counts.items()
            if what not in one.levels
        ],
        "observer_level": [
            ((name, what), one.counts[what])
            for name, one in observers
            for what in one.levels
            if what in one.counts
        ],
        **_of_the_clock(status.clock),
    }


def _of_the_clock(clock: ClockStatus) -> dict[str, Samples]:
    measured: dict[str, Samples] = {
        "clock_measured": [((), int(clock.is_measured and clock.measured_at_ns is not None))],
        "clock_limit_seconds": [((), clock.limit_ns / 1e9)],
        "clock_breach": [((cause,), int(clock.breach == cause)) for cause in _BREACHES],
    }
    for name, ns in (
        ("clock_offset_seconds", clock.offset_ns),
        ("clock_bound_seconds", clock.bound_ns),
        ("clock_last_measurement_timestamp_seconds", clock.measured_at_ns),
    ):
        if ns is not None:
            measured[name] = [((), ns / 1e9)]
    return measured


def _of_steps(status: FeedStatus) -> tuple[list[tuple[str, float]], float]:
    """Return buckets that grow, and the sum: a step counts where all of it is below the edge."""
    steps = status.latency_steps_us
    buckets = [
        (str(edge_s), float(sum(n for us, n in steps if us <= edge_s * 1e6))) for edge_s in _TICK_EDGES_S
    ]
    return [*buckets, ("+Inf", float(sum(n for _, n in steps)))], status.latency_sum_ns / 1e9


def _of_delays(delays: Delays) -> tuple[list[tuple[str, float]], float]:
    edges = [*map(str, VENUE_EDGES_S), "+Inf"]
    return list(zip(edges, map(float, accumulate(delays.counts)), strict=True)), delays.sum_ns / 1e9


def _known(values: Mapping[str, float | None]) -> Sequence[tuple[tuple[str], float]]:
    return [((name,), value) for name, value in values.items() if value is not None]


def _seconds(ns: int | None) -> float | None:
    return None if ns is None else ns / 1e9
