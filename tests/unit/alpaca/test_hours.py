"""Market hours: what an exchange's calendar, the clocks of New York and the settings say about any moment."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail.errors import PermanentError
from ticktrail_alpaca.hours import ALWAYS_OPEN, Session, Sessions, intervals_of, open_hours
from ticktrail_alpaca.settings import AlpacaSettings

NEW_YORK = ZoneInfo("America/New_York")
NS_PER_S = 1_000_000_000
HOUR = 3_600 * NS_PER_S


def ns(text):
    """A moment as the clocks of New York tell it."""
    return int(datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).timestamp()) * NS_PER_S


NOW_NS = ns("2026-11-25T08:00")


def reckoned(**settings):
    async def reckon():
        return await open_hours(AlpacaSettings(**settings), provider="leg", now_ns=NOW_NS)

    return anyio.run(reckon, backend="trio")


@pytest.fixture(scope="module")
def regular():
    return reckoned()


@pytest.fixture(scope="module")
def extended():
    return reckoned(hours="extended")


@pytest.fixture(scope="module")
def overnight():
    return reckoned(hours="overnight")


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-25T09:29:59", False),
        ("2026-11-25T09:30:00", True),
        ("2026-11-25T15:59:59", True),
        ("2026-11-25T16:00:00", False),
        ("2026-11-26T12:00:00", False),  # Thanksgiving
        ("2026-11-27T12:59:59", True),
        ("2026-11-27T13:00:00", False),  # a half day
        ("2026-11-28T12:00:00", False),  # Saturday
        ("2026-12-24T13:30:00", False),
        ("2026-12-25T12:00:00", False),
        ("2026-03-06T09:30:00", True),  # 14:30 UTC
        ("2026-03-09T09:30:00", True),  # 13:30 UTC, after the clocks changed
        ("2026-03-09T09:29:59", False),
        ("2026-10-30T15:59:59", True),
        ("2026-11-02T15:59:59", True),
        ("2026-11-02T16:00:00", False),
        ("2026-07-03T12:00:00", False),  # Independence Day falls on a Saturday
    ],
)
def test_the_regular_hours_of_a_day(regular, at, is_open):
    """From 09:30 to 16:00 by the clocks of New York, to 13:00 on a half day, and not on a holiday."""
    assert regular.is_open(ns(at)) is is_open


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-25T03:59:59", False),
        ("2026-11-25T04:00:00", True),
        ("2026-11-25T19:59:59", True),
        ("2026-11-25T20:00:00", False),
        ("2026-11-26T05:00:00", False),
        ("2026-11-27T16:59:59", True),
        ("2026-11-27T17:00:00", False),
        ("2026-11-28T12:00:00", False),
        ("2026-11-29T21:00:00", False),
    ],
)
def test_the_extended_hours_of_a_day(extended, at, is_open):
    """From 04:00 to 20:00, to 17:00 on a half day."""
    assert extended.is_open(ns(at)) is is_open


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-11-24T23:00:00", True),
        ("2026-11-25T20:00:00", False),  # the next day is Thanksgiving
        ("2026-11-26T19:59:59", False),
        ("2026-11-26T20:00:00", True),  # before a half day there is a whole night
        ("2026-11-27T17:00:00", False),
        ("2026-11-28T12:00:00", False),
        ("2026-11-29T19:59:59", False),
        ("2026-11-29T20:00:00", True),  # Sunday evening
        ("2026-12-24T20:00:00", False),
        ("2026-12-27T20:00:00", True),
    ],
)
def test_the_nights_before_sessions(overnight, at, is_open):
    """From 20:00 on the evening before each session, and on no other."""
    assert overnight.is_open(ns(at)) is is_open


def test_when_a_session_began(regular, extended, overnight):
    """Its own beginning; none while there is no session; what meets is one session."""
    noon = ns("2026-11-25T12:00")
    assert regular.opened_ns(noon) == ns("2026-11-25T09:30")
    assert extended.opened_ns(noon) == ns("2026-11-25T04:00")
    assert overnight.opened_ns(noon) == ns("2026-11-22T20:00")
    assert regular.opened_ns(ns("2026-11-26T12:00")) is None
    assert overnight.opened_ns(ns("2026-11-28T12:00")) is None


def test_the_days_on_which_the_clocks_change(overnight):
    """Nights are an hour shorter or longer, and still begin and end by the clocks on the wall."""
    assert overnight.opened_ns(ns("2026-03-09T03:00")) == ns("2026-03-08T20:00")
    assert overnight.opened_ns(ns("2026-11-02T03:00")) == ns("2026-11-01T20:00")
    assert ns("2026-03-09T04:00") - ns("2026-03-06T04:00") == 71 * HOUR


@pytest.mark.parametrize("days", [-400, 400, -10_000, 10_000])
def test_beyond_the_reckoned_years_silence_is_not_hidden(regular, days):
    """Nobody knows whether there is a session: it counts as open, and has no beginning."""
    at_ns = NOW_NS + days * 24 * HOUR
    assert regular.is_open(at_ns)
    assert regular.opened_ns(at_ns) is None


@pytest.mark.parametrize("days", [-360, 360])
def test_a_year_before_and_after_is_reckoned(regular, days):
    """On one of the days around there is a night in which the market is closed."""
    at_ns = NOW_NS + days * 24 * HOUR
    assert not all(regular.is_open(at_ns + hour * HOUR) for hour in range(24))


def test_crypto_and_the_test_feed_never_close():
    """There is nothing to reckon."""
    assert reckoned(market="crypto") is ALWAYS_OPEN
    assert reckoned(feed="test") is ALWAYS_OPEN
    assert ALWAYS_OPEN.is_open(ns("2026-12-25T12:00"))
    assert ALWAYS_OPEN.opened_ns(ns("2026-12-25T12:00")) is None


def test_feeds_with_hours_of_their_own():
    """Those of the nights have nothing to say by day, and the delayed one begins and ends 15 minutes late."""
    nights, late = reckoned(feed="boats"), reckoned(feed="delayed_sip")
    assert nights.is_open(ns("2026-11-24T23:00"))
    assert not nights.is_open(ns("2026-11-25T12:00"))
    assert nights.opened_ns(ns("2026-11-25T03:59:59")) == ns("2026-11-24T20:00")
    assert not late.is_open(ns("2026-11-25T09:44:59"))
    assert late.is_open(ns("2026-11-25T16:14:59"))
    assert not late.is_open(ns("2026-11-25T16:15:00"))


def test_a_calendar_that_there_is_not():
    """The error names the setting."""
    with pytest.raises(PermanentError, match='calendar = "NOPE" cannot be used'):
        reckoned(calendar="NOPE")


@given(
    days=st.lists(st.integers(0, 400), max_size=40, unique=True).map(sorted),
    hours=st.sampled_from(["regular", "extended", "overnight", "nights"]),
    asked=st.lists(st.integers(0, 401 * 24 * 60), max_size=20),
)
def test_bisection_finds_what_a_search_through_all_finds(days, hours, asked):
    """Intervals are in order and apart, and each moment within their span is open only if one of them holds it."""
    first = date(2026, 1, 1)
    sessions = [
        Session(
            day,
            int(datetime(day.year, day.month, day.day, 9, 30, tzinfo=NEW_YORK).timestamp()) * NS_PER_S,
            int(datetime(day.year, day.month, day.day, 16, tzinfo=NEW_YORK).timestamp()) * NS_PER_S,
        )
        for day in (first + timedelta(days=number) for number in days)
    ]
    intervals = intervals_of(sessions, hours)
    assert all(start < end for start, end in intervals)
    assert all(one[1] < other[0] for one, other in pairwise(intervals))
    found = Sessions(intervals)
    begin_ns = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_S
    for minute in asked:
        at_ns = begin_ns + minute * 60 * NS_PER_S
        holding = [start for start, end in intervals if start <= at_ns < end]
        if not intervals or not intervals[0][0] <= at_ns < intervals[-1][1]:
            assert found.is_open(at_ns)
            assert found.opened_ns(at_ns) is None
        else:
            assert found.is_open(at_ns) is bool(holding)
            assert found.opened_ns(at_ns) == (holding[0] if holding else None)
