"""By when something is due, to the second, in any zone; and who is reminded of it, once."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticktrail_compliance.acts import IncidentAssessed, IncidentClosed, IncidentContained, IncidentNotified
from ticktrail_compliance.incidents.deadlines import deadline_of, due, in_zone, left
from ticktrail_compliance.incidents.reminding import reminders, told
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import after
from unit.compliance.incidents.making import DAY_NS, incident, step
from unit.compliance.logs import NOW_NS

S = 10**9
HOUR_NS = 3_600 * S
ZONES = ["UTC", "America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe"]


def ns(text):
    return int(datetime.fromisoformat(text).timestamp()) * S


@pytest.mark.parametrize(
    ("zone", "aware", "ends"),
    [
        ("UTC", "2026-03-01T12:00:00+00:00", "2026-03-31T12:00:00+00:00"),
        # forward in between: the same time of day comes an hour (half an hour) sooner, and that is the safe reading
        ("America/New_York", "2026-03-01T12:00:00-05:00", "2026-03-31T12:00:00-04:00"),
        ("America/New_York", "2026-03-01T23:30:00-05:00", "2026-03-31T23:30:00-04:00"),
        ("Europe/London", "2026-03-10T09:00:00+00:00", "2026-04-09T09:00:00+01:00"),
        ("Australia/Lord_Howe", "2026-09-20T08:00:00+10:30", "2026-10-20T08:00:00+11:00"),
        # back in between: elapsed time is the earlier one
        ("America/New_York", "2026-10-20T12:00:00-04:00", "2026-11-19T11:00:00-05:00"),
        ("Australia/Lord_Howe", "2026-03-20T08:00:00+11:00", "2026-04-19T07:30:00+10:30"),
        ("Asia/Kolkata", "2026-03-01T12:00:00+05:30", "2026-03-31T12:00:00+05:30"),
        # into the hour that is left out, and into the one that comes twice
        ("America/New_York", "2026-02-06T02:30:00-05:00", "2026-03-08T01:30:00-05:00"),
        ("America/New_York", "2026-10-02T01:30:00-04:00", "2026-11-01T01:30:00-04:00"),
    ],
)
def test_thirty_days_end_at_the_earlier_of_both_readings(zone, aware, ends):
    """By the clock on the wall and by elapsed time, across the changes of clocks."""
    assert deadline_of(ns(aware), days=30, place=ZoneInfo(zone)) == ns(ends)


@given(
    st.integers(ns("2000-01-01T00:00:00+00:00"), ns("2037-01-01T00:00:00+00:00")),
    st.integers(1, 30),
    st.sampled_from(ZONES),
)
def test_no_reading_is_later_than_elapsed_days_and_none_passes_the_last_calendar_day(from_ns, days, zone):
    """Never more than 86,400 s a day, at most two hours less; and the local day of the deadline is not a later one."""
    place = ZoneInfo(zone)
    ends_ns = deadline_of(from_ns, days=days, place=place)
    assert days * DAY_NS - 2 * HOUR_NS <= ends_ns - from_ns <= days * DAY_NS
    first, last = (
        datetime.fromtimestamp(at_ns // S, tz=UTC).astimezone(place).date() for at_ns in (from_ns, ends_ns)
    )
    assert last <= first + timedelta(days=days)
    assert deadline_of(from_ns, hours=72, place=place) == from_ns + 72 * HOUR_NS


@pytest.mark.parametrize("zone", ZONES)
def test_overdue_at_the_very_nanosecond(zone):
    """A nanosecond before it is not; at it nothing is left."""
    settings, found = IncidentSettings(zone=zone), incident()
    (one,) = due([found], NOW_NS, settings)
    assert one.due_ns == deadline_of(NOW_NS, days=30, place=ZoneInfo(zone))
    for at_ns, is_over in ((one.due_ns - 1, False), (one.due_ns, True)):
        (seen,) = due([found], at_ns, settings)
        assert seen.is_overdue == is_over
        assert ("is over since" in told(seen, settings)) == is_over


def test_each_clock_stops_by_what_ends_it():
    """Told those affected, no need to, closed; the provider's notice has come."""
    settings = IncidentSettings()

    def running(*acts, **more):
        return {one.deadline for one in due([incident(*acts, **more)], NOW_NS, settings)}

    assert running() == {"individuals"}
    assert running(customer_information="no") == set()
    assert running(step(IncidentAssessed, affected=2), step(IncidentNotified)) == {"individuals"}
    assert running(step(IncidentAssessed, affected=1), step(IncidentNotified)) == set()
    assert running(step(IncidentAssessed), step(IncidentNotified)) == {"individuals"}
    assert running(step(IncidentAssessed), step(IncidentNotified, all_told="everybody")) == set()
    assert running(step(IncidentAssessed, harm="not_likely", ground="g")) == set()
    provider = {"provider": "p", "provider_aware_ns": NOW_NS - 5}
    assert running(**provider) == {"individuals", "provider_notice"}
    assert running(**provider, provider_told_ns=NOW_NS) == {"individuals"}
    assert running(step(IncidentAssessed, provider_told_ns=NOW_NS), **provider) == {"individuals"}
    closed = (
        step(IncidentAssessed, customer_information="no"),
        step(IncidentContained),
        step(IncidentClosed),
    )
    assert running(*closed, **provider) == set()


def pass_by(found, times, settings):
    """Look at each time, and record what is reminded of; returns when, and how long before."""
    heard = []
    for at_ns in times:
        for act, _ in list(reminders([found], at_ns, settings)):
            heard.append((at_ns, act.deadline, act.before_ns))
            found = after(found, len(found.steps) + 2, act)
    return heard


@pytest.mark.parametrize("zone", ZONES)
def test_reminded_at_each_set_time_once_and_at_the_end(zone):
    """Looked at just before, at and after each."""
    settings = IncidentSettings(zone=zone, remind_before=("1d", "10d", "6h"))
    ends_ns = deadline_of(NOW_NS, days=30, place=settings.place)
    marks = [10 * DAY_NS, DAY_NS, 6 * HOUR_NS, 0]
    times = [ends_ns - mark + more for mark in marks for more in (-1, 0, 1, S)]
    assert pass_by(incident(), times, settings) == [(ends_ns - mark, "individuals", mark) for mark in marks]


def test_after_a_time_in_which_nobody_ran_the_latest_alone_is_caught_up_with():
    """Ten days and three days ahead were missed: three are told; a restart tells nothing more."""
    settings = IncidentSettings()
    ends_ns = NOW_NS + 30 * DAY_NS
    times = [ends_ns - 2 * DAY_NS, ends_ns - 2 * DAY_NS, ends_ns + DAY_NS, ends_ns + 9 * DAY_NS]
    assert pass_by(incident(), times, settings) == [
        (times[0], "individuals", 3 * DAY_NS),
        (times[2], "individuals", 0),
    ]


def test_no_reminder_is_longer_than_its_deadline():
    """Ten days ahead of 72 hours is before it began."""
    settings = IncidentSettings(remind_before=("10d", "3d", "1d"))
    found = incident(provider="p", provider_aware_ns=NOW_NS, customer_information="no")
    times = range(NOW_NS, NOW_NS + 80 * HOUR_NS, HOUR_NS)
    assert [one[1:] for one in pass_by(found, times, settings)] == [
        ("provider_notice", DAY_NS),
        ("provider_notice", 0),
    ]


def test_how_times_are_shown():
    """In UTC and in the firm's zone, by its clock of that day."""
    at_ns = ns("2026-07-01T12:00:00+00:00")
    assert in_zone(at_ns, ZoneInfo("UTC")) == "2026-07-01T12:00:00Z"
    assert in_zone(at_ns, ZoneInfo("America/New_York")).endswith(
        "(2026-07-01 08:00:00 EDT, America/New_York)"
    )
    assert in_zone(at_ns + 180 * DAY_NS, ZoneInfo("America/New_York")).endswith(
        "07:00:00 EST, America/New_York)"
    )
    assert [left(n) for n in (59 * S, 61 * 60 * S, 25 * HOUR_NS)] == ["0 min", "1 h 1 min", "1 d 1 h"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"notify_days": 31}, "30"),
        ({"notify_days": 0}, "1"),
        ({"provider_notice_hours": 73}, "72"),
        ({"zone": "New York"}, "IANA"),
        ({"zone": "../etc/passwd"}, "IANA"),
        ({"remind_before": ["ten days"]}, "pattern|match"),
        ({"remind_before": ["0d"]}, "pattern|match"),
    ],
)
def test_a_policy_allows_no_more_than_the_rule(table, words):
    """Less time is a firm's own matter; more is refused, as is what is no time or zone."""
    with pytest.raises(msgspec.ValidationError, match=words):
        msgspec.convert(table, IncidentSettings)
