"""How one leg does: its states and what moves it from one to another."""

import pytest

from ticktrail._engine.monitor import LegMonitor
from ticktrail._plan.model import HealthSettings
from ticktrail.model import Gap, Rejected, Undecodable, Violation
from ticktrail.plugin import Batch, Capabilities
from ticktrail.testing import ManualClock, make_gap, make_quote, make_trade

BTC, ETH = "BTC/USDT", "ETH/USDT"
TABLE = {"half_life_s": 10, "recover_after_s": 20, "refused_after_s": 5}


class Bad(Violation, frozen=True, tag="bad"):
    pass


class Watched:
    """A monitor, and time that passes as it is told."""

    def __init__(self, capabilities=None, offset_ns=None, **table):
        self.clock = ManualClock(offset_ns=offset_ns)
        self.leg = "connecting"
        self.monitor = LegMonitor(
            (BTC, ETH),
            capabilities or Capabilities(channels=frozenset({"trades", "quotes"})),
            HealthSettings(**{**TABLE, **table}),
            self.clock,
            0,
        )
        self.changes = []

    def up(self):
        self.leg = "live"
        self.monitor.up(self.clock.mono_ns())

    def down(self, cause="cut", leg="down"):
        self.leg = leg
        self.monitor.down(cause, self.clock.mono_ns())

    def brings(self, *ticks, bad=()):
        now = self.clock.now_ns()
        self.monitor.see(
            Batch(
                provider="a",
                recv_ns=now,
                mono_ns=self.clock.mono_ns(),
                session_ns=0,
                ticks=ticks,
                rejected=[Rejected(tick=tick, violations=(Bad(),)) for tick in bad],
            )
        )

    def look(self):
        found = [change[:2] for change in self.monitor.look(self.leg, self.clock.mono_ns())]
        self.changes += found
        return found

    def lives(self, seconds, *, good=10, bad=0, late_ms=5.0):
        """Let ticks come for so many seconds, and look every second."""
        for _ in range(seconds):
            self.clock.advance(1)
            event_ns = self.clock.now_ns() - round(late_ms * 1e6)
            ticks = [make_trade(event_ns=event_ns) for _ in range(good)]
            self.brings(*ticks, bad=[make_trade() for _ in range(bad)])
            self.look()

    @property
    def health(self):
        return self.monitor.health(self.leg, 0, self.clock.mono_ns())


def test_it_connects_lives_and_is_lost():
    """Each change is told once, in order, however late somebody looks."""
    watched = Watched()
    assert watched.health.state == "connecting"
    assert watched.look() == []
    watched.up()
    watched.down()
    assert watched.look() == [("connecting", "live"), ("live", "down")]
    assert (watched.health.why, watched.health.is_healthy) == ("cut", False)
    watched.leg = "connecting"
    assert watched.look() == [("down", "connecting")]
    watched.leg = "resting"
    assert watched.look() == [("connecting", "resting")]
    watched.up()
    assert watched.look() == [("resting", "live")]
    assert watched.health.is_healthy


def test_rejects_degrade_it_and_a_healthy_time_mends_it():
    """At a share of the limit; it is live again once the share was below half of that for long enough."""
    watched = Watched(max_reject_rate=0.1)
    watched.up()
    watched.lives(30)
    watched.lives(10, good=8, bad=2)
    assert watched.changes == [("connecting", "live"), ("live", "degraded")]
    assert "rejected, the last by bad" in watched.health.why
    began = watched.clock.mono_ns()
    while watched.changes[-1] != ("degraded", "live"):
        watched.lives(1)
    seconds = (watched.clock.mono_ns() - began) / 1e9
    below_half_s = 10 * 2  # from a share near 0.2 to 0.05: two half-lives at most
    assert 20 < seconds <= 20 + below_half_s + 1


@pytest.mark.parametrize("bad", [6, 9])
def test_between_the_limit_and_its_half_nothing_moves(bad):
    """Up and down between the two: neither degraded nor live again."""
    watched = Watched(max_reject_rate=0.1)
    watched.up()
    watched.lives(60, good=100 - bad, bad=bad)
    assert watched.changes == [("connecting", "live")]
    watched.lives(60, good=80, bad=20)
    watched.lives(400, good=100 - bad, bad=bad)
    assert watched.changes == [("connecting", "live"), ("live", "degraded")]


def test_a_few_ticks_say_nothing():
    """One of two rejected is no share of anything."""
    watched = Watched()
    watched.up()
    watched.lives(2, good=1, bad=1)
    assert watched.health.reject_rate is None
    assert watched.changes == [("connecting", "live")]


def test_delays_above_the_long_run_degrade_it():
    """By the drift, not by the delay: a venue far away is as it always was."""
    watched = Watched(max_drift_ms=100)
    watched.up()
    watched.lives(200, late_ms=900.0)
    assert watched.changes == [("connecting", "live")]
    assert watched.health.latency_ms == pytest.approx(900)
    assert watched.health.latency_drift_ms == pytest.approx(0)
    watched.lives(60, late_ms=1_300.0)
    assert watched.changes == [("connecting", "live"), ("live", "degraded")]
    assert "later than in the long run" in watched.health.why


@pytest.mark.parametrize(
    ("capabilities", "offset_ns", "late_ms"),
    [
        (Capabilities(channels=frozenset({"trades"})), None, 40),
        (Capabilities(channels=frozenset({"trades"})), -30_000_000, 10),
        (Capabilities(channels=frozenset({"trades"}), own_clock=True), -30_000_000, 40),
        (Capabilities(channels=frozenset({"trades"}), own_clock=True, own_offset_ns=20_000_000), None, 60),
    ],
)
def test_the_clock_that_stamped_it_is_taken_off(capabilities, offset_ns, late_ms):
    """This machine's measured offset, or a recording's own."""
    watched = Watched(capabilities, offset_ns)
    watched.up()
    watched.lives(3, late_ms=40)
    assert watched.health.latency_ms == pytest.approx(late_ms)


def test_a_leg_of_which_everything_is_rejected_does_not_deliver():
    """After a while without one that is not; what cannot be read counts as well, and gaps are no health."""
    watched = Watched()
    watched.up()
    watched.lives(10)
    gap = Gap(
        instrument=BTC, provider="a", event_ns=None, recv_ns=0, channel="book", from_id=None, to_id=None,
        from_ns=None, to_ns=None, cause="rejected",
    )  # fmt: skip
    for _ in range(5):
        watched.clock.advance(1)
        watched.brings(gap, bad=[Undecodable(provider="a", recv_ns=0, raw=b"?", reason="?")])
        assert watched.monitor.delivers
    watched.clock.advance(1)
    watched.brings(gap, bad=[make_trade()])
    assert not watched.monitor.delivers
    assert watched.monitor.has_failed
    assert watched.monitor.reason == "everything is rejected, the last by bad"
    watched.lives(1)
    assert watched.monitor.delivers


def test_a_quiet_leg_still_delivers():
    """Nothing comes, and nothing is wrong: a market is closed."""
    watched = Watched()
    watched.up()
    watched.lives(3, good=0, bad=1)
    watched.clock.advance(3_600)
    watched.look()
    assert watched.monitor.delivers


def test_each_instrument_by_itself():
    """One was not heard yet, one is wrong while the leg is not; silence by channel."""
    watched = Watched(max_reject_rate=0.2)
    watched.up()
    for _ in range(30):
        watched.clock.advance(1)
        watched.brings(
            *[make_trade(instrument=BTC, event_ns=None) for _ in range(9)], bad=[make_trade(instrument=ETH)]
        )
        watched.look()
    watched.clock.advance(2)
    watched.brings(make_quote(instrument=BTC, event_ns=None))
    watched.clock.advance(1.5)
    health = watched.health
    assert health.state == "live"
    assert health.instruments[BTC].state == "live"
    assert health.instruments[BTC].reject_rate == 0
    assert health.instruments[ETH].state == "connecting", "ten of it, weighted, say nothing yet"
    assert health.silent_s == health.instruments[BTC].silent_s == {"trades": 3.5, "quotes": 1.5}
    for _ in range(30):
        watched.clock.advance(1)
        watched.brings(
            *[make_trade(instrument=BTC, event_ns=None) for _ in range(30)],
            bad=[make_trade(instrument=ETH)] * 2,
        )
    assert watched.health.instruments[ETH].state == "degraded"
    assert watched.health.instruments[ETH].reject_rate == 1
    assert watched.look() == []


def test_a_new_session_starts_anew_but_for_the_long_run():
    """Old rejects say nothing of it; the last update and the venue's usual delay stay."""
    watched = Watched()
    watched.up()
    watched.lives(40, good=5, bad=5, late_ms=50)
    last_ns = watched.health.last_update_ns
    watched.down()
    watched.up()
    health = watched.health
    assert (health.state, health.reject_rate, health.latency_ms) == ("live", None, None)
    assert health.last_update_ns == last_ns
    assert health.silent_s == {}


def test_it_follows_another_plan():
    """What it is not asked for any more is forgotten; other limits count at once."""
    watched = Watched(max_reject_rate=0.5)
    watched.up()
    watched.lives(30, good=7, bad=3)
    assert watched.changes == [("connecting", "live")]
    watched.monitor.follow((ETH,), HealthSettings(**{**TABLE, "max_reject_rate": 0.2}))
    assert list(watched.health.instruments) == [ETH]
    assert watched.health.silent_s == {}
    assert watched.look() == [("live", "degraded")]


def test_a_gap_is_nothing_that_was_heard():
    """What only tells that something is missing makes neither the leg nor the instrument fresh."""
    watched = Watched()
    watched.up()
    watched.brings(make_gap())
    assert watched.health.last_update_ns is None
    assert watched.health.instruments[BTC].last_update_ns is None
    assert watched.health.instruments[BTC].state == "connecting"
    watched.brings(make_gap(), make_trade(instrument=ETH))
    assert watched.health.instruments[BTC].last_update_ns is None
    assert watched.health.instruments[ETH].last_update_ns is not None
