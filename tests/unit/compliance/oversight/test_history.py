"""What a provider's legs did in a period: uptime while the feed ran, and what failed."""

import msgspec

from ticktrail.events import (
    BreakerChanged,
    ConnectionOpened,
    FeedStarted,
    FeedStopped,
    HoleLeft,
    LegDown,
    LegUp,
    OutageBegun,
    QualityMeasured,
    VenueTrouble,
)
from ticktrail.quality import InstrumentQuality
from ticktrail.testing import make_gap
from ticktrail_compliance.oversight.history import leg_histories

S = 10**9


def started(at_s):
    return FeedStarted(at_ns=at_s * S, feed="f", profile="", ticktrail="", settings_sha256="", plan="")


def stopped(at_s):
    return FeedStopped(
        at_ns=at_s * S, cause="", received={}, delivered={}, rejected={}, suppressed={}, undecodable=0
    )


def up(at_s, reconnects=0, leg="leg"):
    return LegUp(at_ns=at_s * S, provider=leg, reconnects=reconnects)


def down(at_s, cause="lost", *, permanent=False):
    return LegDown(
        at_ns=at_s * S,
        provider="leg",
        cause=cause,
        detail="why",
        permanent=permanent,
        failures=1,
        retry_in_s=None,
    )


def history(events, *, writer=1, gaps=(), **period):
    records = [(seq, writer, event) for seq, event in enumerate(events, 1)]
    (found,) = leg_histories(records, gaps, ["leg"], **period)
    return found


def test_uptime_is_of_the_time_in_which_the_feed_ran():
    """Up 60 s of 80; between two runs nothing is observed."""
    found = history(
        [started(0), up(0), down(30), up(50, 1), stopped(60), started(1_000), up(1_000), stopped(1_020)]
    )
    assert (found.observed_s, found.up_s, found.uptime_pct) == (80.0, 60.0, 75.0)
    assert (found.reconnects, found.failures) == (1, {"lost": 1})


def test_a_run_that_was_killed_ends_with_its_last_word():
    """Nobody knows what came after it."""
    found = history([started(0), up(0), up(40, leg="other"), started(500), up(500), stopped(510)])
    assert (found.observed_s, found.up_s) == (50.0, 50.0)


def test_a_leg_that_is_down_when_the_period_ends_is_down_up_to_there():
    """Nothing is told while it is: what the log tells of a later time shows that the feed ran on."""
    events = [started(0), up(0), down(50)]
    assert history(events, to_ns=100 * S).uptime_pct == 100.0
    assert history(events, to_ns=100 * S, went_on={2}).uptime_pct == 100.0
    found = history(events, to_ns=100 * S, went_on={1})
    assert (found.observed_s, found.up_s) == (100.0, 50.0)


def test_who_rests_or_has_ended_is_not_down():
    """A leg that is closed on purpose is not observed meanwhile, and did not fail."""
    found = history(
        [started(0), up(0), down(10, "resting"), up(90, 1), down(100, "ended", permanent=True), stopped(200)]
    )
    assert (found.observed_s, found.uptime_pct) == (20.0, 100.0)
    assert (found.failures, found.permanent) == ({}, [])


def test_a_period_cuts_what_reaches_out_of_it():
    """Up since before it began; what failed before it is not counted."""
    events = [started(0), up(0), down(5), up(10), down(90), stopped(200)]
    found = history(events, from_ns=50 * S, to_ns=100 * S)
    assert (found.observed_s, found.up_s, found.uptime_pct) == (50.0, 40.0, 80.0)
    assert found.failures == {"lost": 1}


def test_what_is_counted_of_a_leg():
    """Each in its field; another leg's in none."""
    hole = {"provider": "leg", "instrument": "BTC/USDT", "channel": "trades", "from_id": 1, "to_id": 2}
    hole |= {"from_ns": None, "to_ns": None, "cause": ""}
    row = InstrumentQuality(provider="leg", instrument="BTC/USDT", seen=200, rejected=5, flagged=0, rules=())
    opened = {"provider": "leg", "kind": "websocket", "host": "x", "port": 1, "loopback": False}
    found = history(
        [
            started(0),
            up(0),
            ConnectionOpened(at_ns=0, tls="TLSv1.3", cipher="C", **opened),
            ConnectionOpened(at_ns=0, tls=None, cipher=None, **opened),
            down(1, "refused", permanent=True),
            BreakerChanged(
                at_ns=0,
                provider="leg",
                from_state="closed",
                to_state="open",
                cause="",
                failures=3,
                retry_in_s=1.0,
            ),
            HoleLeft(at_ns=0, ticks=0, missing=2, took_ms=1.0, reason="late", detail="", **hole),
            VenueTrouble(at_ns=0, provider="leg", detail="", retry_in_s=None),
            VenueTrouble(at_ns=0, provider="other", detail="", retry_in_s=None),
            OutageBegun(at_ns=0, legs={"leg": "down", "other": "down"}),
            QualityMeasured(
                at_ns=0, from_ns=0, rows=[row, InstrumentQuality(**{**as_dict(row), "provider": None})]
            ),
        ],
        gaps=[
            msgspec.structs.replace(make_gap(), provider="leg"),
            msgspec.structs.replace(make_gap(), provider="other"),
        ],
    )
    assert (found.seen, found.rejected, found.reject_rate) == (200, 5, 0.025)
    assert (found.gaps, found.holes_left, found.troubles, found.outages, found.breaker_opened) == (
        1,
        1,
        1,
        1,
        1,
    )
    assert [(one.seq, one.cause) for one in found.permanent] == [(5, "refused")]
    assert found.carried_by == {"TLSv1.3 C": 1, "plain text": 1}


def test_a_leg_that_was_never_up_has_no_uptime():
    """Not zero: nothing was observed."""
    assert history([started(0), stopped(9)]).uptime_pct is None


def as_dict(row):
    return {name: getattr(row, name) for name in row.__struct_fields__}
