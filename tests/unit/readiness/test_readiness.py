"""A feed is ready where who needs it can go by it; each reason against it has a code, its subject and a remedy."""

import msgspec
import pytest

from ticktrail.readiness import REASONS, readiness
from unit.readiness.standing import NOW_NS, SECOND_NS, clock, leg, observer, sink, status


def codes(given, fresh_s=30.0):
    return {reason.code: list(reason.about) for reason in readiness(given, fresh_s=fresh_s).reasons}


def test_a_feed_that_is_well_is_ready():
    """Ready, without a reason, at the status's time."""
    found = readiness(status(), fresh_s=30)
    assert (found.ready, found.reasons, found.feed) == (True, [], "made")
    assert found.at_ns == status().at_ns


CASES = {
    "not_started": (None, []),
    "outage": (
        status(legs={"one": leg(state="down", why="refused"), "two": leg()}),
        ["BTC/USDT", "ETH/USDT"],
    ),
    "not_fresh": (status(legs={"one": leg(heard_s_ago={"BTC/USDT": 31, "ETH/USDT": 1})}), ["BTC/USDT"]),
    "sink_failed": (status(sinks={"file": sink(failed="OSError: full"), "other": sink()}), ["file"]),
    "lane_full": (status(sinks={"file": sink(queued=99), "other": sink(queued=100)}), ["other"]),
    "unrecorded": (status(observers={"compliance": observer(trouble="It is away.")}), ["compliance"]),
    "observer_full": (status(observers={"compliance": observer(waiting=1_000)}), ["compliance"]),
    "clock_offset": (status(clock=clock(breach="offset")), []),
    "clock_unmeasured": (status(clock=clock(breach="unmeasured")), []),
}


def test_every_reason_has_a_case():
    """The codes that are told are those of the list, in its order."""
    assert list(CASES) == list(REASONS)


@pytest.mark.parametrize("code", CASES)
def test_each_reason_stands_alone(code):
    """What is wrong is told, and nothing else is; in a sentence."""
    given, about = CASES[code]
    assert codes(given) == {code: about}
    (reason,) = readiness(given, fresh_s=30).reasons
    assert reason.text.endswith(".")
    assert not readiness(given, fresh_s=30).ready


def test_all_reasons_are_told_at_once():
    """One does not hide another."""
    given = status(
        legs={"one": leg(state="connecting", heard_s_ago={}), "two": leg(heard_s_ago={"ETH/USDT": 99})},
        speaking={"BTC/USDT": ["one"], "ETH/USDT": ["two"]},
        sinks={"a": sink(failed="x"), "b": sink(queued=100)},
        observers={"compliance": observer(trouble="It is away.", waiting=2_000)},
        clock=clock(breach="offset"),
    )
    assert list(codes(given)) == [code for code in REASONS if code not in {"not_started", "clock_unmeasured"}]


def test_another_leg_that_speaks_is_enough():
    """Of legs that speak at the same time one that is fresh will do; one that does not speak will not."""
    legs = {"one": leg(state="down"), "two": leg()}
    assert codes(status(legs=legs, speaking={"BTC/USDT": ["one", "two"], "ETH/USDT": ["two"]})) == {}
    assert codes(status(legs=legs, speaking={"BTC/USDT": ["one"], "ETH/USDT": ["two"]})) == {
        "outage": ["BTC/USDT"]
    }


def test_what_nobody_speaks_for_is_out():
    """An instrument without a leg is not delivered."""
    assert codes(status(speaking={"BTC/USDT": ["one"], "ETH/USDT": []})) == {"outage": ["ETH/USDT"]}


def test_an_instrument_that_was_never_heard_is_not_fresh():
    """Nothing yet is not fresh."""
    legs = {"one": leg(heard_s_ago={"BTC/USDT": None, "ETH/USDT": 0})}
    assert codes(status(legs=legs)) == {"not_fresh": ["BTC/USDT"]}


@pytest.mark.parametrize(("ago_s", "is_fresh"), [(29.999, True), (30.0, True), (30.001, False)])
def test_fresh_is_within_the_limit(ago_s, is_fresh):
    """The limit itself is still fresh."""
    legs = {"one": leg(heard_s_ago={"BTC/USDT": ago_s, "ETH/USDT": 0})}
    assert codes(status(legs=legs)) == ({} if is_fresh else {"not_fresh": ["BTC/USDT"]})


def test_a_closed_market_need_not_be_fresh():
    """Without a limit nothing has to come, but the legs have to be there."""
    legs = {"one": leg(heard_s_ago={})}
    assert codes(status(legs=legs), fresh_s=None) == {}
    assert codes(status(legs={"one": leg(state="down")}), fresh_s=None) == {
        "outage": ["BTC/USDT", "ETH/USDT"]
    }


def test_a_degraded_leg_delivers():
    """Degraded is worth an alert; it is not an outage."""
    assert codes(status(legs={"one": leg(state="degraded", why="late")})) == {}


def test_a_feed_that_measures_no_clock_is_not_held_to_one():
    """It is the operator's choice; one that measures has to have measured."""
    assert codes(status(clock=clock(is_measured=False, measured_at_ns=None))) == {}
    assert codes(status(clock=clock(measured_at_ns=None))) == {"clock_unmeasured": []}


def test_an_observer_that_keeps_no_record_may_be_in_trouble():
    """A page that is not served, or a pager that cannot be reached, is no reason to turn from the feed's ticks."""
    assert codes(status(observers={"alerts": observer(trouble="it is away", keeps_record=False)})) == {}
    (reason,) = readiness(status(observers={"x": observer(trouble="it is away")}), fresh_s=30).reasons
    assert reason.text == "It is away."


def test_thousands_of_instruments_make_one_reason():
    """The sentence names a few, `about` all of them."""
    names = [f"C{number}/USDT" for number in range(2_000)]
    given = status(
        instruments=names, speaking={name: ["one"] for name in names}, legs={"one": leg(heard_s_ago={})}
    )
    (reason,) = readiness(given, fresh_s=30).reasons
    assert list(reason.about) == names
    assert "and 1,995 more" in reason.text
    assert len(reason.text) < 300


def test_a_clock_that_was_stepped_back_makes_nothing_fresh():
    """An hour of silence stays one, though by the clock of now the last tick lies in the future."""
    silent = leg(heard_s_ago={"BTC/USDT": 3_600, "ETH/USDT": 3_600})
    given = msgspec.structs.replace(status(legs={"one": silent}), at_ns=NOW_NS - 2 * 3_600 * SECOND_NS)
    assert codes(given) == {"not_fresh": ["BTC/USDT", "ETH/USDT"]}
