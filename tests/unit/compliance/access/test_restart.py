"""Who may replace the policy: not whoever starts a feed under a file of their own."""

import pytest

from ticktrail.errors import ConfigError
from ticktrail_compliance.access.refusal import NotAllowedError
from ticktrail_compliance.acts import AccessRefused, PolicyAdopted, TailSealed
from ticktrail_compliance.policy.adopted import policy_in_force
from unit.compliance.access.people import ME, policy
from unit.compliance.logs import up

OTHERS = {"officer": {"users": ["nobody-else"]}, "operator": {"users": [ME]}}
MINE = {"officer": {"users": [ME]}}


def in_force(place):
    with place.opened() as log:
        return policy_in_force(log)


def test_a_restart_under_another_file_does_not_replace_the_policy(place):
    """The feed does not start; the log tells who tried, sealed under a checkpoint, and the policy stays."""
    place.prepare(policy(OTHERS))
    (place.folder / "policy.toml").write_text(policy(MINE))
    for _ in range(2):
        with pytest.raises(NotAllowedError, match=r"put that file back, or leave .* policy out") as told:
            place.record([up(2)], policy="policy.toml")
        assert "may not do policy_adopt" in str(told.value)
    refused = place.told(AccessRefused)
    assert [(one.actor.user, one.action, one.why) for one in refused] == [(ME, "policy_adopt", "role")] * 2
    assert in_force(place).access.officer.users == ("nobody-else",)
    assert len(place.told(PolicyAdopted)) == 1
    place.record([up(3)])
    assert place.told(TailSealed) == []
    assert place.verified().sound


def test_a_policy_without_roles_does_not_slip_past_either(place):
    """To take the table away is to replace the policy; so is a policy for the same roles with one day less."""
    place.prepare(policy(OTHERS))
    for text in (policy(None), policy(OTHERS, more="people = 2\n")):
        (place.folder / "policy.toml").write_text(text)
        with pytest.raises(NotAllowedError):
            place.record([up(2)], policy="policy.toml")
    assert in_force(place).access is not None


def test_a_feed_goes_on_under_the_file_in_force_or_without_one(place):
    """Put back, or not named: it records, needs no role for that, and adopts nothing."""
    place.prepare(policy(OTHERS))
    place.record([up(2)], policy="policy.toml")
    place.record([up(3)])
    assert len(place.told(PolicyAdopted)) == 1
    assert place.told() == []


def test_the_first_roles_may_be_put_into_force_by_whoever_runs_the_feed(place):
    """A log without a policy, and one whose policy names no roles, let anybody."""
    place.prepare(policy(None))
    assert in_force(place).access is None
    (place.folder / "policy.toml").write_text(policy(OTHERS))
    place.record([up(2)], policy="policy.toml")
    assert in_force(place).access is not None


def test_an_officer_replaces_it_by_command_and_by_a_feeds_start(place):
    """Either way, the entry tells by whom."""
    place.prepare(policy(MINE))
    (place.folder / "policy.toml").write_text(policy(MINE, more="people = 2\n"))
    place.record([up(2)], policy="policy.toml")
    assert in_force(place).people == 2
    (place.folder / "policy.toml").write_text(policy(MINE))
    place.run("compliance", "policy", "adopt", place.feed, "--one-person-may-destroy")
    assert in_force(place).people == 1
    assert [one.actor.user for one in place.told(PolicyAdopted)] == [ME] * 3


def test_a_policy_that_breaks_the_separation_is_not_adopted(place):
    """By no way: the check finds it with status 1, and a feed does not start under it."""
    both = {"keeper": {"users": [ME]}, "officer": {"users": [ME]}}
    path = place.folder / "policy.toml"
    path.write_text(policy(both))
    assert f"both name {ME}" in place.run("compliance", "policy", "check", path, status=1)
    with pytest.raises(ConfigError, match=f"both name {ME}"):
        place.record([up(1)], policy="policy.toml")


def test_a_policy_whose_officers_nobody_here_knows_is_a_finding(place):
    """Status 1 of the check; one known name is enough, and logins of a database are not this machine's to know."""
    path = place.folder / "policy.toml"
    path.write_text(policy({"officer": {"users": ["officr"], "groups": ["officrs"]}}))
    told = place.run("compliance", "policy", "check", path, status=1)
    assert "[compliance.access.officer]: this machine knows none of them" in told
    assert "mend the names" in told
    assert "nothing is kept for less than the declared rules ask" in told
    for more in (
        {"users": ["officr", ME]},
        {"users": ["officr"], "database_roles": ["carol"]},
        {"groups": ["root"]},
    ):
        path.write_text(policy({"officer": more}))
        assert "knows none of them" not in place.run("compliance", "policy", "check", path)


def test_a_name_that_this_machine_does_not_know_is_told(place):
    """It may be misspelt, and an officer of that name would keep everybody out; another machine may know it."""
    path = place.folder / "policy.toml"
    path.write_text(policy({"officer": {"users": [ME, "officr"], "groups": ["officrs", "root"]}}))
    told = place.run("compliance", "policy", "check", path)
    assert "note: [compliance.access.officer] users: officr is no user of this machine" in told
    assert "note: [compliance.access.officer] groups: officrs is no group of this machine" in told
    assert told.count("note:") == 2


@pytest.mark.parametrize("file", ["[compliance]\n", "[compliance]\npeople = 2\n"])
def test_a_file_that_is_no_policy_replaces_nothing(place, file):
    """The feed does not start, and the policy in force stays."""
    place.prepare(policy(OTHERS))
    (place.folder / "policy.toml").write_text(file)
    with pytest.raises(ConfigError, match="firm"):
        place.record([up(2)], policy="policy.toml")
    assert in_force(place).firm == "Example Securities"
