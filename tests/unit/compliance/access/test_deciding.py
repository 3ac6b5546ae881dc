"""Who may do what: every action by every role, two roles at once, and who somebody is."""

from itertools import product

import msgspec
import pytest

from ticktrail_compliance.access.asked import asked
from ticktrail_compliance.access.checking import access_faults
from ticktrail_compliance.access.deciding import Allowed, Refused, decide, roles_of
from ticktrail_compliance.access.identity import Identity
from ticktrail_compliance.access.refusal import refusal
from ticktrail_compliance.access.rights import ACTIONS, KEPT_APART, RIGHTS, ROLES
from ticktrail_compliance.access.settings import AccessSettings
from ticktrail_compliance.acts import Actor

# One letter a role that may, in the order operator, auditor, keeper, officer.
MAY = {
    "verify": "oakf",
    "checkpoint": "oak",
    "read": "af",
    "export": "a",
    "check": "oakf",
    "hold_place": "kf",
    "hold_lift": "f",
    "retention_plan": "kf",
    "retention_approve": "f",
    "retention_apply": "k",
    "keys_list": "akf",
    "keys_rotate": "k",
    "keys_destroy": "k",
    "policy_adopt": "f",
    "incident_open": "oakf",
    "incident_handle": "f",
    "provider_review": "f",
    "evidence": "af",
    "predecessor_name": "okf",
}
LETTERS = {"operator": "o", "auditor": "a", "keeper": "k", "officer": "f"}
POLICY = msgspec.convert(
    {role: {"users": [f"the-{role}"], "groups": [f"{role}s"], "database_roles": []} for role in LETTERS},
    AccessSettings,
)


def someone(user="somebody", *, groups=(), database_roles=None):
    roles = None if database_roles is None else frozenset(database_roles)
    return Identity(Actor(user=user, host="here", pid=1), frozenset(groups), roles)


def test_the_table_names_every_action_and_every_role():
    """An action that is added takes its line above, and a role as well."""
    assert tuple(MAY) == ACTIONS
    assert tuple(LETTERS) == ROLES == tuple(RIGHTS)


@pytest.mark.parametrize(("action", "role"), list(product(MAY, LETTERS)))
def test_each_role_may_do_what_the_table_says_and_nothing_else(action, role):
    """By user and by group; a refusal names all roles that may."""
    may = LETTERS[role] in MAY[action]
    for who in (someone(f"the-{role}"), someone(groups=[f"{role}s", "others"])):
        found = decide(POLICY, who, action, "review")
        if may:
            assert found == Allowed(role)
        else:
            needed = [name for name, letter in LETTERS.items() if letter in MAY[action]]
            assert found == Refused([role], needed, "role")


@pytest.mark.parametrize("action", MAY)
def test_who_holds_no_role_may_do_nothing(action):
    """A user, a group and a database role that the policy names nowhere; root as anybody else."""
    for who in (someone(), someone("root", groups=["root"]), someone(database_roles=["postgres"])):
        found = decide(POLICY, who, action, "review")
        assert isinstance(found, Refused)
        assert (found.roles, found.why) == ([], "role")


@pytest.mark.parametrize("action", MAY)
def test_who_keeps_and_answers_may_do_neither_of_what_is_kept_apart(action):
    """Both roles together give what either gives, but for what destroys and what rules over that."""
    both = someone("the-keeper", groups=["officers"])
    found = decide(POLICY, both, action, "review")
    apart = {"retention_apply", "keys_destroy", "hold_lift", "retention_approve", "policy_adopt"}
    if action in apart:
        assert isinstance(found, Refused)
        assert (found.roles, found.why) == (["keeper", "officer"], "separation")
    else:
        assert isinstance(found, Allowed) == bool(set("kf") & set(MAY[action]))


def test_no_single_role_is_kept_apart_from_itself():
    """Whoever holds one role alone is never refused for the separation; and it is mutual."""
    for action, others in KEPT_APART.items():
        assert all(action in KEPT_APART[other] for other in others)
        assert not any(action in may and may & others for may in RIGHTS.values())


def test_a_database_role_outweighs_what_a_machine_says():
    """Where a role names database roles, and the log is in PostgreSQL, users and groups give it no more."""
    holders = {"users": ["alice"], "groups": ["ops"], "database_roles": ["audit_reader"]}
    access = msgspec.convert({"auditor": holders, "operator": {"users": ["alice"]}}, AccessSettings)
    in_a_file = someone("alice")
    assert roles_of(access, in_a_file) == ["operator", "auditor"]
    on_a_server = someone("alice", groups=["ops"], database_roles=["ticktrail_feed"])
    assert roles_of(access, on_a_server) == ["operator"]
    assert roles_of(access, someone("bob", database_roles=["bob", "audit_reader"])) == ["auditor"]


@pytest.mark.parametrize(("given", "allowed"), [(None, False), ("  ", False), ("review", True)])
def test_a_purpose_is_asked_for_after_the_right(given, allowed):
    """Required unless the policy says otherwise; who may not at all is told that first."""
    auditor = someone("the-auditor")
    assert isinstance(decide(POLICY, auditor, "read", given), Allowed) == allowed
    optional = msgspec.structs.replace(POLICY, purpose="optional")
    assert decide(optional, auditor, "read", given) == Allowed("auditor")
    refused = decide(POLICY, someone("the-operator"), "read", given)
    assert isinstance(refused, Refused)
    assert refused.why == "role"


def test_a_refusal_says_who_may_and_whom_to_ask():
    """Action, roles held, roles that may with their holders; of the separation, what else they could do."""
    who = someone("the-operator")
    told = str(refusal(POLICY, who, "export", decide(POLICY, who, "export", "x")))
    assert "the-operator holds operator, and may not do export" in told
    assert "auditor: user the-auditor, group auditors" in told
    assert "who may change the policy: officer: user the-officer, group officers" in told
    both = someone("the-keeper", groups=["officers"])
    told = str(refusal(POLICY, both, "hold_lift", decide(POLICY, both, "hold_lift", "x")))
    assert "holds keeper and officer, and may therefore not do hold_lift" in told
    assert "keys_destroy and retention_apply" in told


@pytest.mark.parametrize("kind", ["users", "groups", "database_roles"])
def test_a_policy_with_one_name_on_both_sides_is_refused(kind):
    """Key, name and remedy are told; an auditor may be an operator or an officer as well."""
    table = {"keeper": {kind: ["ann", "bo"]}, "officer": {kind: ["bo", "cy"]}}
    (fault,) = access_faults(msgspec.convert(table, AccessSettings))
    assert f"[compliance.access.keeper] and [compliance.access.officer] {kind}: both name bo" in fault
    assert "take bo out of one of them" in fault
    others = {role: {kind: ["bo"]} for role in ("operator", "auditor", "officer")}
    assert access_faults(msgspec.convert(others, AccessSettings)) == []


def test_a_policy_that_nobody_could_replace_is_refused():
    """Without an officer it would stay in force for ever."""
    (fault,) = access_faults(msgspec.convert({"auditor": {"users": ["ann"]}}, AccessSettings))
    assert "[compliance.access.officer]: nobody holds the role" in fault


def test_what_is_asked_is_worded_without_what_is_not():
    """Filters by name, times as moments; nothing of an option that was left out."""
    told = asked(
        "audit show",
        from_entry=1,
        to_entry=None,
        since_ns=0,
        events=("b", "a"),
        writers={3},
        quick=True,
        limit=None,
    )
    assert (
        told
        == "audit show; from entry 1; since 1970-01-01T00:00:00.000000000Z; events a, b; writers 3; quick"
    )
    assert asked("audit find", classes=frozenset(), quick=False) == "audit find"
