"""When the clock is measured next."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail._clock.schedule import Pace, seconds_to_opening
from ticktrail._plan.clock import ClockSettings, MarketOpen

NEW_YORK = MarketOpen(time="09:30", zone="America/New_York", lead_s=300)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000_000


def test_the_pause_doubles_while_stable_and_falls_back() -> None:
    """64 s, doubled to 1,024 s and no further; back to 64 s at once."""
    pace = Pace(ClockSettings())
    pauses = []
    for stable in [True] * 6 + [False, True]:
        pauses.append(pace.next_s(0))
        pace.found(stable=stable)
    assert pauses == [64, 128, 256, 512, 1024, 1024, 1024, 64]


def test_the_pause_leaves_room_for_one_failure() -> None:
    """It never grows beyond half of what a clock may be unmeasured."""
    pace = Pace(ClockSettings(max_unmeasured_s=300))
    for _ in range(6):
        pace.found(stable=True)
    assert pace.next_s(0) == 145  # and five seconds for an answer that does not come


@pytest.mark.parametrize(
    ("now", "seconds"),
    [
        ("2026-07-01T13:24:00+00:00", 60),  # summer: 09:30 is 13:30 UTC
        ("2026-12-01T14:24:00+00:00", 60),  # winter: 14:30 UTC
        ("2026-07-01T13:25:00+00:00", 86_400),  # this one is now: the next is tomorrow's
        ("2026-07-01T13:24:57+00:00", 86_403),  # as good as now: no second question in the same breath
        ("2026-07-01T13:24:55+00:00", 5),
        ("2026-10-31T13:25:00+00:00", 90_000),  # the night in between has an hour more
        ("2026-03-07T14:25:00+00:00", 82_800),  # and this one an hour less
    ],
)
def test_the_opening_is_local(now: str, seconds: float) -> None:
    """The time of day is the zone's, through the change of the clocks."""
    assert seconds_to_opening([NEW_YORK], at(now)) == seconds


def test_a_lead_over_midnight() -> None:
    """An opening shortly after midnight is prepared the day before."""
    opening = MarketOpen(time="00:01", zone="Asia/Tokyo", lead_s=3600)
    assert seconds_to_opening([opening], at("2026-07-01T13:00:00+00:00")) == 3660
    assert seconds_to_opening([opening], at("2026-07-01T14:02:00+00:00")) == 86_340


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - made UTC below
    st.times().map(lambda time: time.strftime("%H:%M:%S")),
    st.sampled_from(["UTC", "America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"]),
    st.floats(0, 86_400),
)
def test_there_is_an_opening_every_day(now: datetime, time: str, zone: str, lead_s: float) -> None:
    """The next moment is never now, and never further than a day and the change of the clocks."""
    opening = MarketOpen(time=time, zone=zone, lead_s=lead_s)
    seconds = seconds_to_opening([opening], round(now.replace(tzinfo=UTC).timestamp()) * 1_000_000_000)
    assert 4 < seconds <= 25.1 * 3600


def test_the_opening_cuts_the_pause_short() -> None:
    """Whichever comes first."""
    pace = Pace(ClockSettings(before_open=(MarketOpen(time="16:00"), NEW_YORK)))
    assert pace.next_s(at("2026-07-01T13:24:30+00:00")) == 30
    assert pace.next_s(at("2026-07-01T13:20:00+00:00")) == 64
    assert Pace(ClockSettings()).next_s(at("2026-07-01T13:24:30+00:00")) == 64
