"""What was done after its time stays told, also of an incident that is closed."""

import pytest

from ticktrail_compliance.acts import IncidentAssessed, IncidentClosed, IncidentContained, IncidentNotified
from ticktrail_compliance.incidents.late import late_of
from ticktrail_compliance.incidents.settings import IncidentSettings
from unit.compliance.incidents.making import DAY_NS, incident, step
from unit.compliance.logs import NOW_NS

HOUR_NS = 3_600 * 10**9
PROVIDER = {"customer_information": "no", "provider": "p", "provider_aware_ns": NOW_NS}


def whats(found):
    return [one.what for one in late_of(found, NOW_NS + 90 * DAY_NS, IncidentSettings())]


def assessed(day, **more):
    return step(IncidentAssessed, at_ns=NOW_NS + day * DAY_NS, **more)


def notified(span_ns):
    return step(IncidentNotified, at_ns=NOW_NS + span_ns, sent_ns=NOW_NS + span_ns)


def closed(day):
    at_ns = NOW_NS + day * DAY_NS
    return step(IncidentContained, at_ns=at_ns), step(IncidentClosed, at_ns=at_ns)


@pytest.mark.parametrize("over", [(), closed(50)])
def test_a_late_notice_is_told_before_and_after_it_is_closed(over):
    """By how much, and by which entry."""
    found = incident(assessed(1, affected=1), notified(40 * DAY_NS + 21 * HOUR_NS), *over)
    (late,) = late_of(found, NOW_NS + 90 * DAY_NS, IncidentSettings())
    assert late.what == "those affected were told 10 d 21 h after the limit"
    assert (late.deadline, late.seq, late.late_ns) == ("individuals", 3, 10 * DAY_NS + 21 * HOUR_NS)


def test_what_was_done_in_time_or_is_still_to_be_done_is_not_late():
    """At the deadline itself it is in time; what is overdue is told as due."""
    assert whats(incident(assessed(1), notified(30 * DAY_NS), *closed(50))) == []
    assert whats(incident(assessed(1))) == []


def test_that_nobody_has_to_be_told_can_be_found_late():
    """And is no notice."""
    found = incident(assessed(31, customer_information="no"), *closed(50))
    assert whats(found) == ["that nobody has to be told was found 1 d 0 h after the limit"]


@pytest.mark.parametrize(("hours", "late"), [(72, None), (77, "5 h 0 min")])
@pytest.mark.parametrize("at_opening", [True, False])
def test_a_provider_that_told_the_firm_late(hours, late, at_opening):
    """Also where it had told the firm before the incident was opened: then nothing was ever due."""
    told = {"provider_told_ns": NOW_NS + hours * HOUR_NS}
    found = (
        incident(at_ns=NOW_NS + 9 * DAY_NS, **PROVIDER, **told)
        if at_opening
        else incident(assessed(9, customer_information=None, ground="x", **told), **PROVIDER)
    )
    assert whats(found) == (
        [] if late is None else [f"the service provider told the firm {late} after the limit"]
    )


def test_the_last_word_on_when_a_provider_told_counts():
    """An assessment that corrects it is the entry that tells so."""
    early = assessed(9, customer_information=None, ground="x", provider_told_ns=NOW_NS + 5 * DAY_NS)
    late = assessed(10, customer_information=None, ground="x", provider_told_ns=NOW_NS + 2 * DAY_NS)
    assert len(whats(incident(early, **PROVIDER))) == 1
    assert whats(incident(early, late, **PROVIDER)) == []


def test_an_incident_that_was_closed_without_the_providers_notice():
    """It never came."""
    (what,) = whats(incident(assessed(1, customer_information="no"), *closed(4), **PROVIDER))
    assert what == "it was closed without the service provider's notice, 1 d 0 h after the limit"
