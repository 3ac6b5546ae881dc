"""Two people: who planned does not approve, who approved does not apply, and nothing else than that plan is done."""

import json

import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail_compliance.acts import Actor, base
from unit.compliance.logs import SQLITE
from unit.compliance.retention.keeping import Firm, policy_text

FEED = '[compliance]\nkey = {{ file = "audit.key" }}\ndatabase = "{}"\n'


@pytest.fixture
def firm(tmp_path, database):
    firm = Firm(tmp_path, database)
    (tmp_path / "feed.toml").write_text(FEED.format(database))
    firm.adopt(policy_text(people=2))
    firm.old = set(firm.write())
    firm.pass_days(90)
    return firm


@pytest.fixture
def run(firm, monkeypatch):
    """Run a command as somebody."""

    def as_user(user, *arguments, status=0):
        monkeypatch.setattr(
            "ticktrail_compliance.access.identity.actor_here", lambda: Actor(user=user, host="here", pid=1)
        )
        command, *rest = arguments
        done = CliRunner().invoke(
            program, ["audit", "retention", command, str(firm.folder / "feed.toml"), *rest]
        )
        assert done.exit_code == status, done.output
        return done.output

    return as_user


def test_two_people(firm, run):
    """The whole way, with each refusal on it."""
    assert "save a plan" in run("ann", "apply", "--yes", status=2)
    saved = json.loads(run("ann", "plan", "--save", "--json"))
    plan = saved["plan"]["plan_id"][:16]
    assert saved["saved"]
    assert "was saved before" in run("ann", "plan", "--save")
    assert "is not approved" in run("ann", "apply", "--plan", plan, "--yes", status=2)
    assert "who cannot approve it as well" in run("ann", "approve", "--plan", plan, status=2)
    assert "names no plan" in run("bob", "approve", "--plan", "0" * 16, status=2)
    assert "names no plan" in run("bob", "approve", "--plan", plan[:4], status=2)
    assert "bob" in run("bob", "approve", "--plan", plan, "--comment", "checked")
    assert "is not approved" in run("bob", "apply", "--plan", plan, "--yes", status=2)
    assert firm.readable() >= firm.old
    assert "2 keys destroyed" in run("ann", "apply", "--plan", plan, "--yes")
    assert firm.readable().isdisjoint(firm.old)
    told = run("ann", "list")
    by = "postgres (database) as " if firm.more["database"] != SQLITE else ""
    assert f"made by {by}ann@here" in told
    assert f"approved by {by}bob@here" in told
    assert f"applied by {by}ann@here" in told
    assert "nothing was due" in run("ann", "apply", "--plan", plan, "--yes")


def test_an_approved_plan_is_no_more_than_it_says(firm, run):
    """What is due since is not destroyed by it, nor what is held since, nor anything under another policy."""
    plan = json.loads(run("ann", "plan", "--save", "--json"))["plan"]["plan_id"]
    run("bob", "approve", "--plan", plan)
    later = set(firm.write())
    firm.pass_days(90)
    hold = firm.place(classes=["control"])
    out = run("cid", "apply", "--plan", plan, "--yes")
    assert "1 key destroyed" in out
    assert f"held by {hold.hold_id}" in out
    assert firm.readable() >= later
    firm.adopt(policy_text(people=2, keep_days=31))
    assert "was made under another policy" in run("cid", "apply", "--plan", plan, "--yes", status=2)


def test_who_somebody_is_comes_from_the_system(monkeypatch):
    """No variable of the environment makes another user of one."""
    monkeypatch.setenv("USER", "mallory")
    monkeypatch.setenv("LOGNAME", "mallory")
    assert base.actor_here().user != "mallory"


def test_keys_are_not_destroyed_past_two_people(firm):
    """The other command that destroys goes by the same rule."""
    feed = firm.folder / "feed.toml"
    done = CliRunner().invoke(
        program,
        [
            *[
                "audit",
                "keys",
                "destroy",
                "--class",
                "journal",
                "--month",
                "2023-11",
                "--purpose",
                "tidy",
                "--yes",
            ],
            str(feed),
        ],
    )
    assert done.exit_code == 2
    assert "asks for two people (people = 2); save a plan" in done.output
    assert firm.readable() >= firm.old
