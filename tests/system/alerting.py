"""Cases for the alert rules: a feed that is well, and what is different where an alert must fire."""

INSTANCE = "127.0.0.1:8787"


def _series(name, **labels):
    told = {"instance": INSTANCE, "job": "ticktrail", **labels}
    return name + "{" + ",".join(f'{label}="{value}"' for label, value in told.items()) + "}"


def _ticks(name, **labels):
    return _series(f"ticktrail_{name}", **labels)


LATENCY = "tick_latency_seconds_bucket"
WELL = {
    _series("up"): "1+0x300",
    _ticks("ready"): "1+0x300",
    **{
        _ticks("not_ready_reason", code=code): "0+0x300"
        for code in ("outage", "not_fresh", "unrecorded", "observer_full")
    },
    _ticks("leg_state", leg="one", state="live"): "1+0x300",
    _ticks("leg_state", leg="one", state="down"): "0+0x300",
    _ticks("leg_reconnects_total", leg="one"): "2+0x300",
    _ticks("failovers_total", cause="down"): "1+0x300",
    _ticks("ticks_received_total", provider="one", channel="trades"): "0+1000x300",
    _ticks("ticks_rejected_once_total", provider="one"): "0+10x300",
    _ticks("lane_failed", sink="file"): "0+0x300",
    _ticks("lane_queue_ticks", sink="file"): "700+0x300",
    _ticks("lane_bound_ticks", sink="file"): "1000+0x300",
    _ticks("lane_dropped_ticks_total", sink="file"): "3+0x300",
    _ticks("clock_breach", cause="offset"): "0+0x300",
    _ticks("clock_breach", cause="unmeasured"): "0+0x300",
    _ticks("clock_offset_seconds"): "-0.02+0x300",
    _ticks("clock_bound_seconds"): "0.01+0x300",
    _ticks("clock_limit_seconds"): "0.05+0x300",
    _ticks(LATENCY, le="0.001"): "0+970x300",
    _ticks(LATENCY, le="0.25"): "0+1000x300",
    _ticks(LATENCY, le="0.5"): "0+1000x300",
    _ticks(LATENCY, le="+Inf"): "0+1000x300",
    _ticks("holes_left_total", provider="one", reason="empty"): "4+0x300",
    _ticks("rules_disabled_total", rule="size"): "1+0x300",
    _ticks("loop_blocks_total", plugin="acme"): "1+0x300",
    _ticks("notices_total", source="compliance", severity="critical"): "0+0x300",
    _ticks("notices_total", source="compliance", severity="warning"): "0+1x300",
}
"""A sample each quarter of a minute; what was counted before the rules were there is no news."""

CASES = {
    "TicktrailFeedGone": ({_series("up"): "1+0x200 0+0x99"}, "critical", {}),
    "TicktrailOutage": (
        {_ticks("not_ready_reason", code="outage"): "0+0x200 1+0x99"},
        "critical",
        {"code": "outage"},
    ),
    "TicktrailNotFresh": (
        {_ticks("not_ready_reason", code="not_fresh"): "0+0x200 1+0x99"},
        "warning",
        {"code": "not_fresh"},
    ),
    "TicktrailLegDown": (
        {_ticks("leg_state", leg="one", state="down"): "0+0x200 1+0x99"},
        "warning",
        {"leg": "one", "state": "down"},
    ),
    "TicktrailLegFlaps": (
        {_ticks("leg_reconnects_total", leg="one"): "2+0x200 2+1x99"},
        "warning",
        {"leg": "one"},
    ),
    "TicktrailFailover": (
        {_ticks("failovers_total", cause="down"): "1+0x219 2+0x80"},
        "information",
        {"cause": "down"},
    ),
    "TicktrailRejectsMuch": (
        {_ticks("ticks_rejected_once_total", provider="one"): "0+10x200 2000+100x99"},
        "warning",
        {"provider": "one", "job": None},
    ),
    "TicktrailSinkFailed": (
        {_ticks("lane_failed", sink="file"): "0+0x200 1+0x99"},
        "critical",
        {"sink": "file"},
    ),
    "TicktrailSinkBehind": (
        {_ticks("lane_queue_ticks", sink="file"): "700+0x200 900+0x99"},
        "warning",
        {"sink": "file"},
    ),
    "TicktrailTicksDropped": (
        {_ticks("lane_dropped_ticks_total", sink="file"): "3+0x219 9+0x80"},
        "critical",
        {"sink": "file"},
    ),
    "TicktrailUnrecorded": (
        {_ticks("not_ready_reason", code="unrecorded"): "0+0x200 1+0x99"},
        "critical",
        {"code": "unrecorded"},
    ),
    "TicktrailClock": (
        {_ticks("clock_breach", cause="unmeasured"): "0+0x200 1+0x99"},
        "critical",
        {"job": None},
    ),
    "TicktrailClockNear": ({_ticks("clock_offset_seconds"): "-0.02+0x150 -0.035+0x149"}, "warning", {}),
    "TicktrailSlow": ({_ticks(LATENCY, le="0.25"): "0+1000x180 180000+980x119"}, "warning", {"job": None}),
    "TicktrailHolesLeft": (
        {_ticks("holes_left_total", provider="one", reason="late"): "_x200 1+0x99"},
        "warning",
        {"provider": "one", "job": None},
    ),
    "TicktrailRuleDisabled": (
        {_ticks("rules_disabled_total", rule="spread"): "_x200 1+0x99"},
        "warning",
        {"rule": "spread"},
    ),
    "TicktrailLoopBlocked": (
        {_ticks("loop_blocks_total", plugin="slow"): "_x200 1+0x99"},
        "warning",
        {"plugin": "slow"},
    ),
    "TicktrailNotice": (
        {_ticks("notices_total", source="compliance", severity="critical"): "0+0x200 1+0x99"},
        "critical",
        {"source": "compliance", "job": None},
    ),
}
"""By alert: what is different from the 200th sample (50 minutes) on or before, its severity, and its other labels.

A label that is None is not there: the rule adds up over it."""

LOOKS_AT = "57m"
"""When each must fire, long enough after it began."""


def unit_tests(rules, alerts):
    """Return a file for `promtool test rules`: of a feed that is well nothing fires, of each case its alert alone."""

    def group(series, expected):
        return {
            "interval": "15s",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [
                {"expr": 'ALERTS{alertstate="firing"}', "eval_time": LOOKS_AT, "exp_samples": expected}
            ],
        }

    groups = [group(WELL, [])]
    for alert in alerts:
        different, severity, more = CASES[alert]
        told = {"alertname": alert, "alertstate": "firing", "severity": severity}
        labels = {"instance": INSTANCE, "job": "ticktrail", **told, **more}
        inside = ",".join(f'{name}="{value}"' for name, value in labels.items() if value is not None)
        groups.append(group({**WELL, **different}, [{"labels": f"ALERTS{{{inside}}}", "value": 1}]))
    return {"rule_files": [str(rules)], "evaluation_interval": "15s", "tests": groups}
