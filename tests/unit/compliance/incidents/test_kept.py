"""Whether a deadline was kept: by when what was due was done."""

import pytest

from ticktrail_compliance.acts import IncidentAssessed, IncidentClosed, IncidentContained, IncidentNotified
from ticktrail_compliance.incidents.kept import kept_of
from ticktrail_compliance.incidents.settings import IncidentSettings
from unit.compliance.incidents.making import DAY_NS, incident, step
from unit.compliance.logs import NOW_NS


def outcomes(found, day, settings=IncidentSettings()):  # noqa: B008
    return {one.deadline: one.outcome for one in kept_of(found, NOW_NS + day * DAY_NS, settings)}


def assessed(day, **more):
    return step(IncidentAssessed, at_ns=NOW_NS + day * DAY_NS, **more)


def notified(day, count=3):
    at_ns = NOW_NS + day * DAY_NS
    return step(IncidentNotified, at_ns=at_ns, sent_ns=at_ns, count=count, batch=f"list {day}")


AFFECTED = {"customer_information": "yes", "affected": 3}


@pytest.mark.parametrize(
    ("day", "outcome"), [(0, "running"), (29, "running"), (30, "missed"), (60, "missed")]
)
def test_what_nobody_did_runs_until_its_time_is_over(day, outcome):
    """At the deadline itself nothing is left of it."""
    assert outcomes(incident(), day) == {"individuals": outcome}


@pytest.mark.parametrize(("day", "outcome"), [(20, "kept"), (30, "kept"), (31, "missed")])
def test_who_was_told_in_time_was(day, outcome):
    """By when the notice was sent; at the deadline itself it was in time."""
    assert outcomes(incident(assessed(1, **AFFECTED), notified(day)), 90) == {"individuals": outcome}


def test_a_notice_to_some_is_not_enough():
    """All that are affected have to be told."""
    found = incident(assessed(1, **AFFECTED), notified(5, 2))
    assert outcomes(found, 90) == {"individuals": "missed"}
    assert outcomes(incident(assessed(1, **AFFECTED), notified(5, 2), notified(6, 1)), 90) == {
        "individuals": "kept"
    }


@pytest.mark.parametrize(("day", "outcome"), [(10, "kept"), (31, "missed")])
def test_what_is_found_not_to_be_owed_counts_by_when_that_was_found(day, outcome):
    """An investigation that ends after the time does not undo that it was over."""
    found = incident(assessed(day, harm="not_likely", ground="it was encrypted", customer_information=None))
    assert outcomes(found, 90) == {"individuals": outcome}


def test_what_was_never_owed_has_no_deadline():
    """Nothing is kept or missed of it."""
    assert outcomes(incident(customer_information="no"), 90) == {}


def test_a_provider_has_its_own():
    """72 hours from when it became aware."""
    opened = {"customer_information": "no", "provider": "p", "provider_aware_ns": NOW_NS}
    assert outcomes(incident(**opened), 4) == {"provider_notice": "missed"}
    told = assessed(4, ground="they called", customer_information=None, provider_told_ns=NOW_NS + 2 * DAY_NS)
    assert outcomes(incident(told, **opened), 90) == {"provider_notice": "kept"}


def test_what_was_kept_stays_so_when_it_is_closed():
    """Nothing runs of an incident that is over."""
    done = (
        step(IncidentContained, at_ns=NOW_NS + 6 * DAY_NS),
        step(IncidentClosed, at_ns=NOW_NS + 7 * DAY_NS),
    )
    assert outcomes(incident(assessed(1, **AFFECTED), notified(5), *done), 90) == {"individuals": "kept"}


def test_who_is_found_later_to_be_affected_has_to_be_told_in_time_as_well():
    """The deadline runs again, from the same beginning."""
    found = incident(
        assessed(1, **AFFECTED), notified(5), assessed(10, customer_information="yes", affected=5)
    )
    assert outcomes(found, 90) == {"individuals": "missed"}
