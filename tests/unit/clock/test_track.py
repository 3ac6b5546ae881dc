"""Drift, steps and breaches, from measurements made up."""

import pytest

from ticktrail._clock.track import ClockTrack
from ticktrail._plan.clock import ClockSettings
from ticktrail.events import (
    ClockBreachBegun,
    ClockBreachEnded,
    ClockMeasured,
    ClockStepped,
    ClockUnavailable,
    Event,
)

MS = 1_000_000
S = 1_000_000_000
NOW_NS = 1_790_000_000 * S


class Followed:
    """A track that is told offsets at times (seconds)."""

    def __init__(self, **settings: object) -> None:
        self.settings = ClockSettings(**settings)  # type: ignore[arg-type]
        self.track = ClockTrack(self.settings, 0)

    def measured(self, at_s: float, offset_ms: float, bound_ms: float = 1) -> list[Event]:
        offset_ns, bound_ns = round(offset_ms * MS), round(bound_ms * MS)
        found = ClockMeasured(
            at_ns=NOW_NS + round(at_s * S),
            server="a",
            offset_ns=offset_ns,
            bound_ns=bound_ns,
            in_tolerance=abs(offset_ns) + bound_ns <= self.settings.limit_ns,
            limit_ns=self.settings.limit_ns,
        )
        return self.track.take(found, round(at_s * S))

    def unavailable(self, at_s: float) -> list[Event]:
        return self.track.take(ClockUnavailable(at_ns=NOW_NS + round(at_s * S), cause="-"), round(at_s * S))


def kinds(events: list[Event]) -> list[type]:
    return [type(event) for event in events]


def test_a_steady_drift_is_estimated_and_is_no_step() -> None:
    """10 ppm, every 100 s: the slope stands in the event from the third measurement on."""
    clock = Followed()
    found = [clock.measured(at, at * 0.010) for at in range(0, 1000, 100)]
    assert {len(events) for events in found} == {1}
    drifts = [events[0].drift_ppm for events in found if isinstance(events[0], ClockMeasured)]
    assert drifts[:2] == [None, None]
    assert drifts[2:] == [pytest.approx(10)] * 8
    assert clock.track.stable


def test_a_step_is_more_than_the_bounds_allow() -> None:
    """Bounds of 1 ms each and 15 ppm of 100 s allow 3.5 ms; a step begins the drift anew."""
    clock = Followed()
    clock.measured(0, 0)
    assert kinds(clock.measured(100, 3.5)) == [ClockMeasured]
    measured, step = clock.measured(200, 7.1)
    assert isinstance(step, ClockStepped)
    assert (step.from_offset_ns, step.to_offset_ns, step.allowed_ns) == (3.5 * MS, 7.1 * MS, 3.5 * MS)
    assert isinstance(measured, ClockMeasured)
    assert measured.drift_ppm is None
    assert not clock.track.stable
    clock.measured(300, 7.1)
    assert clock.track.stable


def test_a_breach_has_a_begin_an_end_and_the_time_to_correct_it() -> None:
    """It begins once, lasts over further bad measurements, and ends with the first good one."""
    clock = Followed()
    assert kinds(clock.measured(0, 40)) == [ClockMeasured]
    *_, begun = clock.measured(64, 49.5, bound_ms=1)
    assert isinstance(begun, ClockBreachBegun)
    assert (begun.cause, begun.offset_ns, begun.bound_ns, begun.limit_ns) == (
        "offset",
        49.5 * MS,
        MS,
        50 * MS,
    )
    assert clock.track.in_breach
    assert not clock.track.stable
    assert kinds(clock.measured(128, 49.5)) == [ClockMeasured]
    *_, ended = clock.measured(192, 48.5)
    assert isinstance(ended, ClockBreachEnded)
    assert (ended.cause, ended.begun_ns, ended.lasted_s) == ("offset", NOW_NS + 64 * S, 128)
    assert not clock.track.in_breach


def test_the_limit_is_part_of_what_it_allows() -> None:
    """Offset and bound of 50 ms together are in tolerance; a nanosecond more is not."""
    clock = Followed()
    assert kinds(clock.measured(0, 49, bound_ms=1)) == [ClockMeasured]
    assert kinds(clock.measured(1, 49.000001, bound_ms=1)) == [ClockMeasured, ClockBreachBegun]


def test_too_long_without_a_measurement_is_a_breach() -> None:
    """Counted from the last valid one, or the start; it ends with the next valid one in tolerance."""
    clock = Followed(max_unmeasured_s=100, every_min_s=40)
    assert kinds(clock.unavailable(99.9)) == [ClockUnavailable]
    assert clock.track.left_s(round(99.5 * S)) == 0.5
    unavailable, begun = clock.unavailable(100)
    assert isinstance(begun, ClockBreachBegun)
    assert (begun.cause, begun.offset_ns, unavailable.at_ns) == ("unmeasured", None, begun.at_ns)
    assert clock.track.check(NOW_NS, 200 * S) == []
    assert kinds(clock.measured(164, 0)) == [ClockMeasured, ClockBreachEnded]
    assert clock.track.check(NOW_NS, 263 * S) == []
    assert kinds(clock.track.check(NOW_NS, 264 * S)) == [ClockBreachBegun]


def test_a_clock_that_is_measured_again_and_wrong_is_another_breach() -> None:
    """The time without a measurement has ended; that the clock is off begins there, and is told."""
    clock = Followed(max_unmeasured_s=100, every_min_s=40)
    clock.unavailable(100)
    _, ended, begun = clock.measured(164, 900)
    assert isinstance(ended, ClockBreachEnded)
    assert isinstance(begun, ClockBreachBegun)
    assert (ended.cause, begun.cause, begun.offset_ns) == ("unmeasured", "offset", 900 * MS)
    assert kinds(clock.unavailable(300)) == [ClockUnavailable]
    *_, corrected = clock.measured(364, 0)
    assert isinstance(corrected, ClockBreachEnded)
    assert (corrected.cause, corrected.lasted_s) == ("offset", 200.0)


def test_what_is_kept_is_bounded() -> None:
    """However long the feed runs."""
    clock = Followed()
    for at in range(1000):
        clock.measured(at * 64, 0)
    assert len(clock.track._points) == 32
