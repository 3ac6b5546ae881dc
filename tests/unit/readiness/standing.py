"""A status as a feed gives it, made to order."""

from ticktrail.health import InstrumentHealth, LegHealth
from ticktrail.report import Latency
from ticktrail.status import ClockStatus, FeedStatus, LegStatus, ObserverStatus, SinkStatus

NOW_NS = 1_800_000_000_000_000_000
SECOND_NS = 1_000_000_000


def leg(*, state="live", why="", heard_s_ago=None):
    """A leg that heard of each instrument so many seconds ago, of some never."""
    heard = {"BTC/USDT": 1.0, "ETH/USDT": 1.0} if heard_s_ago is None else heard_s_ago
    last = {name: None if ago is None else NOW_NS - round(ago * SECOND_NS) for name, ago in heard.items()}
    return LegStatus(
        state=state,
        breaker="closed",
        failures=0,
        sessions=1,
        received=10,
        health=LegHealth(
            state=state,
            why=why,
            is_healthy=state == "live",
            last_update_ns=max((at for at in last.values() if at is not None), default=None),
            consecutive_failures=0,
            uptime_pct=100.0,
            uptime_1h_pct=100.0,
            uptime_24h_pct=100.0,
            reject_rate=0.0,
            latency_ms=2.0,
            latency_drift_ms=None,
            silent_s={},
            instruments={
                name: InstrumentHealth(
                    state=state,
                    reject_rate=None,
                    last_update_ns=at,
                    silent_s={} if heard[name] is None else {"trades": heard[name]},
                )
                for name, at in last.items()
            },
        ),
    )


def sink(*, queued=0, failed=None):
    return SinkStatus(queued=queued, bound=100, written=7, dropped=2, failed=failed)


def observer(*, waiting=0, trouble="", keeps_record=True):
    return ObserverStatus(
        waiting=waiting, bound=1_000, counts={"records": 3}, trouble=trouble, keeps_record=keeps_record
    )


def clock(*, is_measured=True, breach="", measured_at_ns=NOW_NS):
    return ClockStatus(
        is_measured=is_measured,
        offset_ns=None if measured_at_ns is None else 2_000_000,
        bound_ns=None if measured_at_ns is None else 500_000,
        limit_ns=50_000_000,
        measured_at_ns=measured_at_ns,
        breach=breach,
    )


def status(**different):
    """A feed that is well, but for what is said."""
    legs = different.pop("legs", {"one": leg(), "two": leg()})
    speaking = different.get("speaking", {"BTC/USDT": ["one"], "ETH/USDT": ["one"]})
    silent_s = {
        name: [s for each in names for s in legs[each].health.instruments[name].silent_s.values()]
        for name, names in speaking.items()
        if all(name in legs[each].health.instruments for each in names)
    }
    delivered_s = {name: min(found) for name, found in silent_s.items() if found}
    return FeedStatus(
        **{
            "feed": "made",
            "at_ns": NOW_NS,
            "legs": legs,
            "route": (),
            "delivered": 5,
            "rejected": 0,
            "suppressed": 0,
            "switches": 0,
            "last_switch": None,
            "sinks": {"file": sink()},
            "clock_offset_ns": None,
            "instruments": ["BTC/USDT", "ETH/USDT"],
            "profile": "development",
            "channels": ["trades"],
            "started_ns": NOW_NS - 60 * SECOND_NS,
            "delivered_s": delivered_s,
            "speaking": {"BTC/USDT": ["one"], "ETH/USDT": ["one"]},
            "rejected_by": {},
            "flagged_by": {},
            "suppressed_by": {},
            "latency_us": Latency(p50=None, p99=None),
            "clock": clock(),
            "observers": {"compliance": observer()},
            **different,
        }
    )
