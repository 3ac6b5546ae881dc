"""Whether a notice is owed: lists that count once, a number that is not known, and what reopens what was closed."""

import pytest

from ticktrail_compliance.acts import IncidentAssessed, IncidentClosed, IncidentContained, IncidentNotified
from ticktrail_compliance.incidents.kept import kept_of
from ticktrail_compliance.incidents.settings import IncidentSettings
from ticktrail_compliance.incidents.state import refused
from unit.compliance.incidents.making import DAY_NS, incident, step
from unit.compliance.logs import NOW_NS


def assessed(**more):
    return step(IncidentAssessed, **{"customer_information": None, "ground": "seen", **more})


def notified(count, batch="A", day=0, **more):
    at_ns = NOW_NS + day * DAY_NS
    return step(IncidentNotified, at_ns=at_ns, sent_ns=at_ns, count=count, batch=batch, **more)


TWELVE = assessed(customer_information="yes", affected=12)
SOME = assessed(customer_information="yes")
NONE = assessed(customer_information="no")
HARMLESS = assessed(harm="not_likely")
ALL = "the list is of every holder"


@pytest.mark.parametrize(
    ("acts", "told", "owed"),
    [
        ([TWELVE, notified(6), notified(6)], 6, True),
        ([TWELVE, notified(6), notified(6, "B")], 12, False),
        ([TWELVE, notified(6), notified(12)], 12, False),  # the count was mended
        ([TWELVE, notified(12), notified(6)], 6, True),
        ([TWELVE, notified(6, "", recipients="those"), notified(6, "", recipients="those")], 6, True),
        ([TWELVE, notified(6, "List A"), notified(6, " list  a")], 6, True),
        ([TWELVE, notified(6, ""), notified(6, "")], 6, True),  # the same text, as earlier versions tell
        ([SOME, notified(1)], 1, True),
        ([SOME, notified(10_000)], 10_000, True),
        ([SOME, notified(1, all_told=ALL)], 1, False),
        ([SOME, notified(1), notified(1, all_told=ALL)], 1, False),
        ([SOME, notified(1, all_told=ALL), assessed(affected=2)], 1, True),
        ([SOME, notified(1, all_told=ALL), assessed(harm="likely")], 1, True),
        ([SOME, notified(1, all_told=ALL), assessed(information="passwords as well")], 1, True),
        ([SOME, notified(1, all_told=ALL), assessed(severity="high")], 1, False),
        ([SOME, notified(1), assessed(affected=1)], 1, False),
        ([NONE], 0, False),
        ([NONE, assessed(harm="likely")], 0, True),
        ([NONE, assessed(affected=3)], 0, True),
        ([NONE, assessed(severity="high")], 0, False),
        ([NONE, assessed(customer_information="no", harm="likely")], 0, False),
        ([HARMLESS], 0, False),
        ([HARMLESS, assessed(customer_information="yes")], 0, True),
        ([HARMLESS, assessed(affected=3)], 0, True),
        ([HARMLESS, assessed(affected=3), HARMLESS], 0, False),
        ([TWELVE, HARMLESS, assessed(affected=12)], 0, False),
        ([TWELVE, HARMLESS, assessed(affected=13)], 0, True),
        ([HARMLESS, assessed(information="names")], 0, False),
    ],
)
def test_what_is_told_and_owed(acts, told, owed):
    """By every act in turn."""
    found = incident(*acts)
    assert all(one.counts for one in found.steps)
    assert (found.individuals_told, found.notice_owed) == (told, owed)


def test_a_count_that_is_corrected_makes_no_notice_earlier():
    """Said again with another count and an earlier day, it was late still."""
    found = incident(TWELVE, notified(12, day=40), notified(13, day=5)).standing
    assert (found.told, found.sent_ns) == (13, NOW_NS + 40 * DAY_NS)


def test_what_is_reopened_is_unknown_and_not_what_it_was():
    """Nobody has looked at it since."""
    assert incident(NONE, assessed(harm="likely")).customer_information == "unknown"
    assert incident(HARMLESS, assessed(affected=3)).harm == "unknown"


def test_a_number_that_is_not_known_is_closed_by_a_statement_alone():
    """The refusal names it; where a number is known, a statement against it is refused."""
    contained, closed = step(IncidentContained), step(IncidentClosed)
    assert "--all-told GROUND" in refused(incident(SOME, contained, notified(9)), closed)
    assert refused(incident(SOME, contained, notified(9, all_told=ALL)), closed) is None
    assert "6 of 12 individuals" in refused(incident(TWELVE), notified(6, all_told=ALL))
    assert refused(incident(TWELVE, notified(6)), notified(6, "B", all_told=ALL)) is None
    assert "why it is known" in refused(incident(SOME), notified(6, all_told=" "))
    assert "of individuals" in refused(incident(SOME), notified(6, audience="provider", all_told=ALL))


def test_a_deadline_counts_by_when_the_last_list_was_told_first():
    """A list that is told again later is not told later; one whose count was mended is."""

    def done(*acts):
        (one,) = kept_of(incident(TWELVE, *acts), NOW_NS + 90 * DAY_NS, IncidentSettings())
        return one.outcome, None if one.done_ns is None else (one.done_ns - NOW_NS) // DAY_NS

    assert done(notified(6, day=3), notified(6, day=40), notified(6, "B", day=20)) == ("kept", 20)
    assert done(notified(6, day=3), notified(12, day=40)) == ("missed", 40)
    assert done(notified(6, day=3), notified(6, day=4)) == ("missed", None)
    reopened = kept_of(
        incident(NONE, assessed(at_ns=NOW_NS + DAY_NS, harm="likely")),
        NOW_NS + 90 * DAY_NS,
        IncidentSettings(),
    )
    assert [(one.outcome, one.done_ns) for one in reopened] == [("missed", None)]
