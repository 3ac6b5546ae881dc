"""Two people where the database says who somebody is: a login counts, and not what a machine calls who uses it."""

import json

import pytest

from ticktrail_compliance.acts import (
    Actor,
    HoldPlaced,
    KeysDestroyed,
    RetentionApplied,
    RetentionApproved,
    RetentionPlanned,
)
from unit.compliance.access.conftest import key  # noqa: F401 - of every log here
from unit.compliance.access.people import ME, policy
from unit.compliance.access.test_database_roles import KINDS, roles  # noqa: F401 - a fixture

DUE = "[compliance.retention.{}]\nkeep_days = 1\n"


@pytest.fixture
def four(roles):  # noqa: F811 - the fixture
    """A log with a login for each role, under a policy that asks for two people."""
    holders = {kind: {"database_roles": [roles.names[kind]]} for kind in KINDS}
    text = policy(holders, more="people = 2\n" + DUE.format("journal"))
    officer = roles.place("officer")
    (officer.folder / "policy.toml").write_text(text)
    officer.run("compliance", "policy", "adopt", officer.feed)
    return roles


@pytest.fixture
def run(four, monkeypatch):
    def as_login(kind, user, *arguments, status=0):
        monkeypatch.setattr(
            "ticktrail_compliance.access.identity.actor_here", lambda: Actor(user=user, host="vm", pid=1)
        )
        place = four.place(kind)
        command, *rest = arguments
        return place.run("audit", *command.split(), place.feed, *rest, status=status)

    return as_login


def test_one_login_is_one_person_and_two_logins_are_two(four, run):
    """By whatever user of the operating system: the same one for both, or two for one."""
    plan = json.loads(run("officer", "ann", "retention plan", "--save", "--json"))["plan"]["plan_id"]
    told = run("officer", "bob", "retention approve", "--plan", plan, status=2)
    assert f"was made by {four.names['officer']} (database) as ann@vm, who cannot approve it" in told
    assert "another login of the database" in told
    assert not four.owner.told(RetentionApproved)


def test_who_plans_and_who_approves_may_use_one_account_of_a_machine(four, run):
    """The keeper plans and applies, the officer approves, both as root; every act tells of the login."""
    plan = json.loads(run("keeper", ME, "retention plan", "--save", "--json"))["plan"]["plan_id"]
    assert "another login" in run("keeper", ME, "retention apply", "--plan", plan, "--yes", status=2)
    run("officer", ME, "retention approve", "--plan", plan)
    run("keeper", ME, "hold place", "--class", "clock", "--reason", "x", "--reference", "y")
    run("keeper", ME, "retention apply", "--plan", plan, "--yes")
    who = {
        kind: {one.actor.database_user for one in four.owner.told(kind)}
        for kind in (RetentionPlanned, RetentionApproved, RetentionApplied, KeysDestroyed, HoldPlaced)
    }
    keeper, officer = four.names["keeper"], four.names["officer"]
    assert who == {
        RetentionPlanned: {keeper},
        RetentionApproved: {officer},
        RetentionApplied: {keeper},
        KeysDestroyed: {keeper},
        HoldPlaced: {keeper},
    }
    shown = run("officer", ME, "retention list")
    assert f"made by {keeper} (database) as {ME}@vm" in shown
    assert f"approved by {officer} (database) as {ME}@vm" in shown
    assert f"by {keeper} (database) as {ME}@vm since" in run("officer", ME, "hold list")
