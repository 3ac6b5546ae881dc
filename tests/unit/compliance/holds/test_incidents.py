"""What an open incident needs as evidence is kept like what a hold keeps, and no longer than it is open."""

import pytest

from ticktrail.errors import AuditError
from ticktrail_compliance.acts import (
    IncidentAssessed,
    IncidentClosed,
    IncidentContained,
    IncidentEntriesAttached,
    actor_here,
)
from ticktrail_compliance.holds.standing import holds_of
from ticktrail_compliance.store import schema
from unit.compliance.incidents.making import opening
from unit.compliance.logs import change
from unit.compliance.retention.keeping import Firm, policy_text


@pytest.fixture
def firm(tmp_path, database):
    firm = Firm(tmp_path, database)
    firm.adopt(policy_text(keep_days=30))
    return firm


def step(firm, act):
    with firm.session() as session:
        return session.record("incident", act)


def test_entries_that_are_attached_are_kept_until_the_incident_is_closed(firm):
    """Their month is not destroyed while it is open, and is named by its incident; afterwards it is."""
    old = firm.write()
    number = step(firm, opening(at_ns=firm.clock.now_ns(), customer_information="no"))
    step(
        firm,
        IncidentEntriesAttached(
            at_ns=firm.clock.now_ns(),
            incident=number,
            actor=actor_here(),
            from_seq=old[-1],
            to_seq=old[-1],
            note="the last prices before it",
        ),
    )
    firm.pass_days(90)
    plan = firm.plan()
    assert [one.entry_class for one in plan.keys] == ["control"]
    (held,) = [one for one in plan.kept if one.entry_class == "journal"]
    assert f"incident {number}, which is open" in held.why
    firm.apply()
    assert firm.readable() >= {old[-1]}
    over = (
        (IncidentAssessed, {"customer_information": "no"}),
        (IncidentContained, {"measures": "locked"}),
        (IncidentClosed, {"outcome": "no harm"}),
    )
    for kind, told in over:
        step(firm, kind(at_ns=firm.clock.now_ns(), incident=number, actor=actor_here(), **told))
    assert "journal" in {one.entry_class for one in firm.plan().keys}
    firm.apply()
    assert old[-1] not in firm.readable()
    assert firm.verified().sound


def test_what_an_incident_touches_is_kept_by_class_and_time(firm):
    """The classes that it names, in the time in which it happened; its own entries always."""
    now_ns = firm.clock.now_ns()
    firm.write()
    act = opening(at_ns=now_ns, classes=("journal",), occurred_from_ns=now_ns - 10**9)
    number = step(firm, act)
    with firm.session() as session:
        own, touched = holds_of(session.log)
    assert (own.classes, own.from_seq) == (["incident"], number)
    assert (touched.classes, touched.from_ns) == (["journal"], now_ns - 10**9)
    firm.pass_days(90)
    assert [one.entry_class for one in firm.plan().keys] == ["control"]


def test_nothing_is_destroyed_while_an_entry_of_incidents_cannot_be_read(firm):
    """It may tell of one that is open: who empties it opens no way to what it keeps."""
    firm.write()
    number = step(firm, opening(at_ns=firm.clock.now_ns(), classes=("journal",)))
    firm.pass_days(90)
    change(
        firm.folder,
        schema.entries,
        {"body": None},
        schema.entries.c.seq == number,
        database=firm.more["database"],
    )
    with pytest.raises(AuditError, match=f"entry {number} of the audit log cannot be read"):
        firm.plan()
    with pytest.raises(AuditError, match=f"entry {number} of the audit log cannot be read"):
        firm.apply()
