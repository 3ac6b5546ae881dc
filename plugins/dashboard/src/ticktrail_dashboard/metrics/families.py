"""Name what Prometheus is told, each with its kind, its labels and its meaning.

Owns: the names. One that stands here keeps its meaning; new ones may come.
Never: holds a value.

Names and units go by https://prometheus.io/docs/practices/naming/ (read 2026-11-30): seconds, ratios, ``_total`` of
what only grows, ``_info`` of what is told by labels. No label holds an instrument, so that a feed of thousands has no
more series than one of two.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

__all__ = ["FAMILIES", "Family"]


class Family(msgspec.Struct, frozen=True):
    """One family of metrics; `name` is that of its samples, without what a histogram adds."""

    name: str
    kind: Literal["counter", "gauge", "histogram", "info"]
    labels: tuple[str, ...]
    about: str


def _family(
    name: str, kind: Literal["counter", "gauge", "histogram", "info"], labels: str, about: str
) -> Family:
    return Family(f"ticktrail_{name}", kind, tuple(labels.split()), about)


_ALL: Final = (
    # The feed.
    _family("build_info", "info", "version python", "The versions that run."),
    _family(
        "feed_info", "info", "feed profile settings_sha256", "The feed, and the feed file that is in force."
    ),
    _family("feed_start_time_seconds", "gauge", "", "When the feed started, since the epoch."),
    _family("feed_instruments", "gauge", "", "Instruments that the feed has."),
    _family(
        "feed_reloads_total",
        "counter",
        "",
        "How often the feed went by other settings without having stopped.",
    ),
    _family("ready", "gauge", "", "1 where /readyz says that the feed is ready."),
    _family("not_ready_reason", "gauge", "code", "1 where it is not ready for this reason."),
    _family(
        "instruments_not_ready", "gauge", "code", "Instruments that it is not ready for (outage, not_fresh)."
    ),
    # Ticks.
    _family("ticks_received_total", "counter", "provider channel", "Ticks that legs received and decoded."),
    _family("ticks_delivered_total", "counter", "provider channel", "Ticks that went to the sinks."),
    _family(
        "ticks_derived_total",
        "counter",
        "provider channel",
        "Those delivered that no leg brought, but the route.",
    ),
    _family(
        "ticks_rejected_total",
        "counter",
        "rule provider",
        "Ticks rejected, by each rule that they broke: in both of two.",
    ),
    _family("ticks_rejected_once_total", "counter", "provider", "Ticks rejected, each counted once."),
    _family("ticks_flagged_total", "counter", "rule provider", "Ticks delivered with a mark, by each rule."),
    _family(
        "ticks_suppressed_total", "counter", "reason provider", "Good ticks that were not delivered, and why."
    ),
    _family("frames_undecodable_total", "counter", "provider", "Frames that were no tick."),
    _family("gaps_total", "counter", "channel cause", "Gaps that the sinks were told of."),
    _family(
        "tick_latency_seconds",
        "histogram",
        "",
        "From the socket read that brought a tick to the end of the sink's write, of every tick written; a bucket's "
        "edge is right within 6 %.",
    ),
    _family(
        "venue_latency_seconds",
        "histogram",
        "provider",
        "From the venue's time of a tick to the socket read, clock offset taken off; one of each batch delivered that "
        "has a venue's time.",
    ),
    # Legs and route.
    _family("leg_state", "gauge", "leg state", "1 of the state that the leg is in, 0 of the others."),
    _family(
        "leg_breaker_state",
        "gauge",
        "leg state",
        "1 of the state that the leg's breaker is in, 0 of the others.",
    ),
    _family(
        "leg_uptime_ratio",
        "gauge",
        "leg",
        "Share of the time since the start in which the leg could deliver.",
    ),
    _family(
        "leg_rejected_ratio",
        "gauge",
        "leg",
        "Share of the leg's ticks that rules rejected, weighted towards now.",
    ),
    _family("leg_failures_in_a_row", "gauge", "leg", "Sessions that the leg lost in a row."),
    _family(
        "leg_last_tick_timestamp_seconds", "gauge", "leg", "When a good tick came last, since the epoch."
    ),
    _family(
        "leg_speaks_for_instruments", "gauge", "leg", "Instruments of which the leg may be delivered now."
    ),
    _family("leg_reconnects_total", "counter", "leg", "Sessions of the leg beside its first."),
    _family("leg_downs_total", "counter", "leg cause", "How often the leg lost its venue, and why."),
    _family("switches_total", "counter", "cause", "Changes of the speaking leg that the sinks were told of."),
    _family(
        "failovers_total",
        "counter",
        "cause",
        "Those of them that were made because a leg failed or went silent.",
    ),
    _family("outages_total", "counter", "", "Outages that began: nothing was delivered of some instruments."),
    _family("outage_seconds_total", "counter", "", "How long outages lasted that have ended."),
    _family("holes_repaired_total", "counter", "provider", "Holes that were filled out of an archive."),
    _family(
        "holes_left_total", "counter", "provider reason", "Holes, or parts of one, of which a gap remains."
    ),
    _family("holes_fetched_ticks_total", "counter", "provider", "Ticks that were fetched for holes."),
    _family(
        "loop_blocks_total",
        "counter",
        "plugin",
        "How often code kept everything else in the feed waiting, by whose it was.",
    ),
    # Rules.
    _family(
        "rules_failing_total",
        "counter",
        "rule",
        "Rules that raised for the first time: a plugin to be mended.",
    ),
    _family(
        "rules_disabled_total",
        "counter",
        "rule",
        "Rules that raised too often, and judge an instrument no more.",
    ),
    _family("critical_findings_total", "counter", "rule", "Findings of rules whose severity is critical."),
    # Sinks.
    _family("lane_queue_ticks", "gauge", "sink", "Ticks that wait for the sink."),
    _family("lane_bound_ticks", "gauge", "sink", "How many may."),
    _family("lane_written_ticks_total", "counter", "sink", "Ticks that the sink took."),
    _family("lane_dropped_ticks_total", "counter", "sink", "Ticks that the lane gave up."),
    _family("lane_failed", "gauge", "sink", "1 where the sink has failed and gets nothing more."),
    # Observers: the audit log is `compliance`.
    _family("observer_waiting_records", "gauge", "observer", "Ticks and events that wait for the observer."),
    _family("observer_bound_records", "gauge", "observer", "How many may."),
    _family("observer_trouble", "gauge", "observer", "1 where something is wrong with it; ctl status tells."),
    _family(
        "observer_counts_total",
        "counter",
        "observer what",
        "What the observer counts, such as records sealed.",
    ),
    _family(
        "observer_level",
        "gauge",
        "observer what",
        "What the observer counts that can fall, such as messages that wait.",
    ),
    _family(
        "notices_total",
        "counter",
        "source severity",
        "Notices that observers told, but for ends of earlier ones.",
    ),
    # The clock.
    _family(
        "clock_measured", "gauge", "", "1 where the feed measures this machine's clock and has a measurement."
    ),
    _family("clock_offset_seconds", "gauge", "", "True time less this machine's, as last measured."),
    _family("clock_bound_seconds", "gauge", "", "What that may be wrong by."),
    _family("clock_limit_seconds", "gauge", "", "What offset and bound together must not exceed."),
    _family("clock_last_measurement_timestamp_seconds", "gauge", "", "When that was, since the epoch."),
    _family(
        "clock_breach",
        "gauge",
        "cause",
        "1 where the clock is out of tolerance for this cause (offset, unmeasured).",
    ),
    _family("clock_breach_seconds_total", "counter", "", "How long it was so, the breach of now included."),
    _family("clock_steps_total", "counter", "", "How often the clock was stepped."),
)

FAMILIES: Final = {family.name: family for family in _ALL}
"""All of them, in the order in which they are told."""
