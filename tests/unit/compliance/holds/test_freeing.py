"""What comes free is said at once: by class and month, and since when it is due."""

import json

import pytest

from ticktrail_compliance.acts import IncidentAssessed, IncidentContained, IncidentEntriesAttached, actor_here
from ticktrail_compliance.store import schema
from unit.compliance.holds.test_holds import SAID, feed, firm, run  # noqa: F401 - a fixture
from unit.compliance.incidents.making import opening
from unit.compliance.logs import SQLITE, change
from unit.compliance.retention.keeping import policy_text


def frees(told):
    return [line for line in told.splitlines() if line.startswith("frees")]


def lift(firm, hold, *options):  # noqa: F811 - the fixture
    return run(firm, "hold", "lift", feed(firm), "--hold", hold.hold_id, *SAID, *options)


def test_a_lifted_hold_says_what_it_frees_and_since_when_that_is_due(firm):  # noqa: F811 - the fixture
    """What another one keeps is not free; nor does a hold free what it never kept."""
    hold = firm.place(classes=["journal", "control"])
    firm.place(classes=["control"])
    assert frees(lift(firm, hold)) == [
        "frees 2023-11  journal    2 keys, 2 entries: due now, since 2023-12-31"
    ]


@pytest.mark.parametrize(
    ("policy", "when"),
    [
        (policy_text(keep_days=36_500), "due from 2123-11-07"),
        (policy_text(then="keep"), "never due by the policy, or none is in force"),
    ],
)
def test_what_comes_free_may_be_due_later_or_never(firm, policy, when):  # noqa: F811 - the fixture
    """By the policy in force when it is lifted; the same for a program."""
    hold = firm.place(classes=["journal"], instruments=["BTC/USDT"])
    firm.adopt(policy)
    told = json.loads(lift(firm, hold, "--json"))
    assert told["hold_id"] == hold.hold_id
    (freed,) = told["frees"]
    assert (freed["month"], freed["entry_class"], freed["keys"], freed["entries"]) == (
        "2023-11",
        "journal",
        1,
        1,
    )
    assert frees(lift(firm, firm.place(classes=["journal"], instruments=["BTC/USDT"]))) == [
        f"frees 2023-11  journal    1 key, 1 entry: {when}"
    ]


def test_a_hold_that_kept_nothing_frees_nothing(firm):  # noqa: F811 - the fixture
    hold = firm.place(instruments=["SOL/USDT"], classes=["journal"])
    assert frees(lift(firm, hold)) == ["frees nothing: no key was kept by it alone"]


def test_a_reference_that_is_another_one_is_told(firm):  # noqa: F811 - the fixture
    """It may be right: the hold is lifted."""
    hold = firm.place(reference="HO-1234")
    told = lift(firm, hold)
    assert f"{hold.hold_id} was placed by HO-1234, and is lifted by Case 17" in told
    assert "is lifted: " in told
    assert "was placed by" not in lift(firm, firm.place())


def test_an_incident_that_is_closed_says_what_it_frees(firm):  # noqa: F811 - the fixture
    """Entries that were attached were kept until then."""
    segment = max(firm.eth)
    with firm.session() as session:
        now_ns, actor = firm.clock.now_ns(), actor_here()
        number = session.record("incident", opening(at_ns=now_ns, customer_information="no"))
        of = {"at_ns": now_ns, "incident": number, "actor": actor}
        session.record(
            "incident",
            IncidentEntriesAttached(**of, from_seq=segment, to_seq=segment, note=""),
            IncidentAssessed(**of, customer_information="no"),
            IncidentContained(**of, measures="locked"),
        )
    closed = ["close", feed(firm), number, "--outcome", "no harm"]
    told = frees(run_incident(firm, *closed))
    assert "frees 2023-11  journal    1 key, 1 entry: due now, since 2023-12-31" in told


def test_a_log_that_cannot_tell_is_no_reason_not_to_lift(firm):  # noqa: F811 - the fixture
    """The reason is said, and nothing is said to come free."""
    if firm.more["database"] != SQLITE:
        pytest.skip("a column of PostgreSQL holds nothing but numbers")
    hold = firm.place(classes=["journal"])
    change(firm.folder, schema.entries, {"first_ns": "x"}, schema.entries.c.seq == max(firm.eth))
    told = lift(firm, hold)
    assert "what comes free by this cannot be told: " in told
    assert f"{hold.hold_id} is lifted" in told
    assert frees(told) == []


def run_incident(firm, *arguments):  # noqa: F811 - the fixture
    return run(firm, *arguments, group="incident")
