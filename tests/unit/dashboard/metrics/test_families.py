"""Every family that is declared is told, with the value that the status has, and in Prometheus's own form."""

import subprocess
from types import SimpleNamespace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from debian import why_without
from ticktrail.events import (
    ClockBreachBegun,
    ClockBreachEnded,
    ClockStepped,
    CriticalFinding,
    FeedReloaded,
    HoleLeft,
    HoleRepaired,
    LegDown,
    LegSwitched,
    LoopBlocked,
    Notice,
    OutageBegun,
    OutageEnded,
    RuleDisabled,
    RuleFailing,
)
from ticktrail.model import Suppressed
from ticktrail.plugin import Routed
from ticktrail.status import ObserverStatus
from ticktrail.testing import make_trade
from ticktrail_dashboard.metrics import Metrics
from ticktrail_dashboard.metrics.families import FAMILIES
from ticktrail_dashboard.settings import DashboardSettings
from unit.dashboard.metered import of, scraped
from unit.readiness.standing import NOW_NS, SECOND_NS, clock, leg, observer, sink, status


class Standing:
    """A clock and a status that a test turns."""

    offset_ns = None

    def __init__(self, given):
        self.given = given
        self.mono = 0

    def now_ns(self):
        return NOW_NS

    def mono_ns(self):
        return self.mono


def metrics_of(given, records=()):
    standing = Standing(given)
    metrics = Metrics(
        SimpleNamespace(clock=standing, status=lambda: standing.given, feed="made"), DashboardSettings()
    )
    metrics.observe(records)
    return metrics, standing


def at(kind, **more):
    return kind(at_ns=NOW_NS, **more)


HOLE = {
    "provider": "one",
    "instrument": "BTC/USDT",
    "channel": "trades",
    "cause": "reconnect",
    "from_id": 1,
    "to_id": 5,
    "from_ns": None,
    "to_ns": None,
    "took_ms": 3.0,
}
RECORDS = [
    at(LegDown, provider="one", cause="silent", detail="", permanent=False, failures=1, retry_in_s=1.0),
    at(LegSwitched, from_leg="one", to_leg="two", cause="down: silent", failover_ms=2.0),
    at(LegSwitched, from_leg="two", to_leg="one", cause="failback", failover_ms=2.0),
    at(LegSwitched, from_leg="one", to_leg="two", cause="share 25 %: grown", failover_ms=None),
    at(LegSwitched, from_leg="one", to_leg="two", cause="silent: trades", failover_ms=2.0, on_air=False),
    at(LegSwitched, from_leg=None, to_leg="two", cause="down: silent", failover_ms=None),
    at(HoleRepaired, ticks=5, rejected=0, **HOLE),
    at(HoleLeft, ticks=2, missing=3, reason="partial", detail="", **HOLE),
    at(OutageBegun, legs={"one": "down"}),
    at(OutageEnded, provider="one", lasted_s=2.5),
    at(OutageBegun, legs={"one": "down"}),
    at(RuleFailing, provider="one", rule="size", error="oops"),
    at(RuleDisabled, provider="one", instrument="BTC/USDT", rule="size", failures=3, error="oops"),
    at(CriticalFinding, provider="one", instrument="BTC/USDT", rule="cross_venue", violation={}),
    at(
        LoopBlocked, plugin="acme", distribution="acme-feeds", where="a.py:1 f", for_s=1.5, stack=(), blocks=3
    ),
    at(Notice, source="compliance", name="incident_due", severity="critical", text="Act."),
    at(Notice, source="compliance", name="incident_due", severity="critical", text="Done.", is_over=True),
    at(
        FeedReloaded,
        from_sha256="a",
        to_sha256="b",
        applied=(),
        added=(),
        removed=(),
        renewed=(),
        plan="",
    ),
    at(ClockStepped, from_offset_ns=0, to_offset_ns=9, allowed_ns=1),
    at(ClockBreachBegun, cause="offset", offset_ns=9, bound_ns=1, limit_ns=5),
    at(
        ClockBreachEnded,
        cause="offset",
        begun_ns=NOW_NS,
        lasted_s=4.0,
        offset_ns=1,
        bound_ns=1,
        limit_ns=5,
    ),
    at(ClockBreachBegun, cause="offset", offset_ns=9, bound_ns=1, limit_ns=5),
]


def test_what_is_counted_of_events():
    """One count an event, under the labels that it says; an end of a notice and a switch off air are none."""
    metrics, standing = metrics_of(status(), RECORDS)
    standing.mono = 3 * SECOND_NS
    samples = scraped(metrics)
    assert of(samples, "leg_downs_total") == {("silent", "one"): 1}
    assert of(samples, "switches_total") == {"down": 2, "failback": 1, "share": 1}
    assert of(samples, "failovers_total") == {"down": 1}
    assert of(samples, "holes_repaired_total") == {"one": 1}
    assert of(samples, "holes_left_total") == {("one", "partial"): 1}
    assert of(samples, "holes_fetched_ticks_total") == {"one": 7}
    assert of(samples, "outages_total") == {"": 2}
    assert of(samples, "outage_seconds_total") == {"": 2.5}
    assert of(samples, "rules_failing_total") == of(samples, "rules_disabled_total") == {"size": 1}
    assert of(samples, "critical_findings_total") == {"cross_venue": 1}
    assert of(samples, "loop_blocks_total") == {"acme": 3}
    assert of(samples, "notices_total") == {("critical", "compliance"): 1}
    assert of(samples, "feed_reloads_total") == of(samples, "clock_steps_total") == {"": 1}
    assert of(samples, "clock_breach_seconds_total") == {"": 7.0}, (
        "four that ended, and three of the breach of now"
    )


def test_what_is_told_of_a_status():
    """Each figure of the status, in Prometheus's units."""
    given = status(
        legs={"one": leg(), "two": leg(state="down", heard_s_ago={"BTC/USDT": None, "ETH/USDT": None})},
        sinks={"file": sink(queued=4), "bus": sink(failed="OSError: gone")},
        observers={"compliance": observer(waiting=9, trouble="It is away.")},
        clock=clock(breach="offset"),
        settings_sha256="abc",
        latency_steps_us=[(60.0, 3), (90.0, 4), (9e6, 1)],
        latency_sum_ns=8_000_500_000,
    )
    samples = scraped(metrics_of(given)[0])
    assert of(samples, "feed_info") == {("made", "development", "abc"): 1}
    assert of(samples, "feed_start_time_seconds") == {"": NOW_NS / 1e9 - 60}
    assert of(samples, "feed_instruments") == {"": 2}
    assert samples["ticktrail_ready",] == 0
    assert of(samples, "not_ready_reason") == {"sink_failed": 1, "unrecorded": 1, "clock_offset": 1}
    assert of(samples, "instruments_not_ready") == {}
    assert of(samples, "leg_state") == {("one", "live"): 1, ("two", "down"): 1}
    assert len([key for key in samples if key[0] == "ticktrail_leg_state"]) == 10
    assert of(samples, "leg_breaker_state") == {("one", "closed"): 1, ("two", "closed"): 1}
    assert of(samples, "leg_uptime_ratio") == {"one": 1, "two": 1}
    assert samples["ticktrail_leg_rejected_ratio", "one"] == 0
    assert of(samples, "leg_last_tick_timestamp_seconds") == {"one": NOW_NS / 1e9 - 1}
    assert of(samples, "leg_speaks_for_instruments") == {"one": 2}
    assert samples["ticktrail_leg_reconnects_total", "one"] == 0
    assert of(samples, "lane_queue_ticks") == {"file": 4}
    assert of(samples, "lane_bound_ticks") == {"file": 100, "bus": 100}
    assert of(samples, "lane_written_ticks_total") == {"file": 7, "bus": 7}
    assert of(samples, "lane_dropped_ticks_total") == {"file": 2, "bus": 2}
    assert of(samples, "lane_failed") == {"bus": 1}
    assert of(samples, "observer_waiting_records") == {"compliance": 9}
    assert of(samples, "observer_bound_records") == {"compliance": 1_000}
    assert of(samples, "observer_trouble") == {"compliance": 1}
    assert of(samples, "observer_counts_total") == {("compliance", "records"): 3}
    assert of(samples, "clock_measured") == {"": 1}
    assert of(samples, "clock_offset_seconds") == {"": 0.002}
    assert of(samples, "clock_bound_seconds") == {"": 0.0005}
    assert of(samples, "clock_limit_seconds") == {"": 0.05}
    assert of(samples, "clock_last_measurement_timestamp_seconds") == {"": NOW_NS / 1e9}
    assert of(samples, "clock_breach") == {"offset": 1}
    assert samples["ticktrail_tick_latency_seconds_bucket", "5e-05"] == 0
    assert samples["ticktrail_tick_latency_seconds_bucket", "0.0001"] == 7
    assert samples["ticktrail_tick_latency_seconds_bucket", "5.0"] == 7
    assert samples["ticktrail_tick_latency_seconds_bucket", "10.0"] == 8
    assert samples["ticktrail_tick_latency_seconds_sum",] == 8.0005


def test_a_clock_that_is_not_measured_has_no_offset():
    """What is not known is not told as nought."""
    samples = scraped(metrics_of(status(clock=clock(is_measured=False, measured_at_ns=None)))[0])
    assert samples["ticktrail_clock_measured",] == 0
    assert not any(key[0].startswith("ticktrail_clock_offset") for key in samples)


def test_every_family_is_told_and_no_other():
    """Of kind and help as declared, and once, in both forms; before there is a status as well."""
    for given in (None, status()):
        metrics, _ = metrics_of(given, RECORDS)
        for accept, parse in (
            ("", text_string_to_metric_families),
            ("application/openmetrics-text", open_metrics),
        ):
            body, content_type = metrics.exposition(accept)
            assert content_type.startswith(accept or "text/plain; version=0.0.4")
            told = [family for family in parse(body.decode()) if family.name.startswith("ticktrail_")]
            names = {
                family.name + {"counter": "_total", "info": "_info"}.get(family.type, ""): family
                for family in told
            }
            names = {name.replace("_info_info", "_info"): family for name, family in names.items()}
            assert len(names) == len(told)
            assert list(names) == list(FAMILIES)
            for name, family in names.items():
                wanted = FAMILIES[name]
                is_plain = not accept and wanted.kind == "info"
                assert family.type == ("gauge" if is_plain else wanted.kind)
                assert family.documentation == wanted.about
                for sample in family.samples:
                    assert set(sample.labels) - {"le"} == set(wanted.labels), name


def test_the_process_is_told_once():
    """Its memory, time and files, as other programs tell them."""
    body, _ = metrics_of(status())[0].exposition()
    assert body.decode().count("# TYPE process_resident_memory_bytes gauge") == 1
    assert body.decode().count("\nprocess_cpu_seconds_total ") == 1


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=soon",
        "text/plain;version=,,",
        "text/plain;version=1;escaping=x",
        "\x00",
        ",",
    ],
)
def test_any_accept_is_answered(accept):
    """Nonsense gets the form that everybody can read."""
    body, content_type = metrics_of(status())[0].exposition(accept)
    assert content_type.startswith("text/plain")
    assert b"ticktrail_ready 1.0" in body


def test_no_plugin_s_words_fill_prometheus():
    """What has no end of causes is counted under `other` from a number on, and none is lost."""
    routed = [
        Routed(
            provider="one",
            recv_ns=NOW_NS,
            suppressed=[Suppressed(reason=f"reason {number}", ticks=[make_trade()] * 2)],
        )
        for number in range(2_000)
    ]
    found = of(scraped(metrics_of(status(), routed)[0]), "ticks_suppressed_total")
    assert len(found) == 501
    assert sum(found.values()) == 4_000
    assert found[("other", "other")] == 3_000


def test_promtool_finds_nothing_to_say():
    """Names, units, help and form as Prometheus's own tool wants them."""
    if reason := why_without("promtool", "prometheus"):
        pytest.skip(reason)
    body, _ = metrics_of(status(), RECORDS)[0].exposition()
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=body, capture_output=True, check=False, timeout=60
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_what_can_fall_is_no_counter():
    """A count that the observer names as a level is a gauge; Prometheus would take its fall for a restart."""
    seen = ObserverStatus(
        waiting=0, bound=10, counts={"sent": 4, "waiting": 2}, trouble="", levels=["waiting", "unknown"]
    )
    samples = scraped(metrics_of(status(observers={"alerts": seen}))[0])
    assert of(samples, "observer_counts_total") == {("alerts", "sent"): 4}
    assert of(samples, "observer_level") == {("alerts", "waiting"): 2}


def test_the_seconds_of_a_breach_never_fall():
    """A breach ends by the time of its last measurement, which is before the scrape that counted on."""
    begun, ended = RECORDS[-1], RECORDS[-2]
    metrics, standing = metrics_of(status(), [begun])
    standing.mono = 5 * SECOND_NS
    assert of(scraped(metrics), "clock_breach_seconds_total") == {"": 5.0}
    metrics.observe([ended])
    assert of(scraped(metrics), "clock_breach_seconds_total") == {"": 5.0}
