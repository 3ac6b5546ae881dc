"""Machines are told whether the process is worth keeping, and whether the feed can be gone by."""

import json
from types import SimpleNamespace

import pytest

from ticktrail_dashboard.health import Health, readiness
from ticktrail_dashboard.settings import DashboardSettings
from unit.dashboard.metrics.test_families import Standing
from unit.readiness.standing import SECOND_NS, leg, observer, status


def health_of(given, **settings):
    standing = Standing(given)
    context = SimpleNamespace(clock=standing, status=lambda: standing.given, feed="made")
    return Health(context, DashboardSettings(**settings)), standing


def test_a_feed_that_is_well():
    """200 both, with JSON."""
    health, _ = health_of(status())
    for answer in (health.healthz(), health.readyz()):
        assert (answer.status, answer.content_type) == (200, "application/json")
    assert json.loads(health.healthz().body) == {"alive": True, "feed": "made", "reasons": []}
    found = json.loads(health.readyz().body)
    assert (found["ready"], found["reasons"], found["feed"]) == (True, [], "made")


def test_a_venue_that_is_down_kills_no_feed():
    """Not ready, with the reason; alive all the same."""
    health, _ = health_of(status(legs={"one": leg(state="down", why="refused")}))
    answer = health.readyz()
    assert answer.status == 503
    (reason,) = json.loads(answer.body)["reasons"]
    assert reason["code"] == "outage"
    assert reason["about"] == ["BTC/USDT", "ETH/USDT"]
    assert "leg one is down (refused)" in reason["text"]
    assert health.healthz().status == 200


def test_a_feed_that_has_not_begun():
    """Alive, and not ready yet."""
    health, _ = health_of(None)
    assert health.healthz().status == 200
    assert json.loads(health.readyz().body)["reasons"][0]["code"] == "not_started"
    assert json.loads(health.readyz().body)["feed"] == "made"


@pytest.mark.parametrize(("fresh_s", "is_ready"), [(5.0, False), (60.0, True)])
def test_fresh_is_as_the_settings_say(fresh_s, is_ready):
    """`fresh_s` of the table decides."""
    given = status(legs={"one": leg(heard_s_ago={"BTC/USDT": 10, "ETH/USDT": 10})})
    health, _ = health_of(given, fresh_s=fresh_s)
    assert (health.readyz().status == 200) == is_ready
    assert readiness(given, DashboardSettings(fresh_s=fresh_s)).ready == is_ready


def test_an_observer_that_is_stuck_is_found():
    """Something waits and nothing is taken for half a minute: start it again. One batch taken is life."""
    health, standing = health_of(status(observers={"dashboard": observer(waiting=3)}))
    assert health.healthz().status == 200
    standing.mono = 29 * SECOND_NS
    assert health.healthz().status == 200
    standing.mono = 31 * SECOND_NS
    answer = health.healthz()
    assert answer.status == 503
    assert json.loads(answer.body)["reasons"][0]["code"] == "observer_stuck"
    health.observe([object()])
    assert health.healthz().status == 200
    standing.mono = 60 * SECOND_NS
    assert health.healthz().status == 200, "the half minute counts anew"
    standing.mono = 95 * SECOND_NS
    assert health.healthz().status == 503


def test_a_quiet_feed_is_alive():
    """Nothing is taken because nothing happens."""
    health, standing = health_of(status(observers={"dashboard": observer(waiting=0)}))
    for now_s in (0, 100, 1_000):
        standing.mono = now_s * SECOND_NS
        assert health.healthz().status == 200
    standing.given = status(observers={"dashboard": observer(waiting=5)})
    assert health.healthz().status == 200, "this has only just come"
