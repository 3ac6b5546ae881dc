"""A firm's policy: what is refused, how it comes into force, and that the log tells which one was when."""

import hashlib
import json

import anyio
import msgspec
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.errors import ConfigError
from ticktrail_compliance.acts import PolicyAdopted
from ticktrail_compliance.classes import CLASSES
from ticktrail_compliance.policy.adopted import policy_in_force
from ticktrail_compliance.policy.checking import faults, kept
from ticktrail_compliance.policy.loading import load_policy, parse_policy
from ticktrail_compliance.policy.regulations import REGULATIONS
from ticktrail_compliance.policy.settings import DEFAULT_KEEP_DAYS, Policy
from ticktrail_compliance.reading import Range, read_records
from unit.compliance.access.people import ME
from unit.compliance.logs import SQLITE, opened, up, write

FIRM = 'firm = "Example Securities"\n'


def policy_file(folder, text=FIRM, name="policy.toml"):
    path = folder / name
    path.write_text(f"[compliance]\n{text}")
    return path


def run(*arguments, status=0):
    done = CliRunner().invoke(program, ["compliance", "policy", *map(str, arguments)])
    assert done.exit_code == status, done.output
    return done.output


def adoptions(folder, database):
    with opened(folder, database=database) as log:
        return [one for _, one in read_records(log, Range()) if isinstance(one, PolicyAdopted)]


def test_what_a_policy_says_nothing_of_is_kept_for_seven_years(tmp_path):
    """The default, by class; what tells of destruction is kept for ever."""
    policy = load_policy(policy_file(tmp_path)).policy
    for entry_class in CLASSES:
        one = kept(policy, entry_class)
        if entry_class == "retention":
            assert one.rule.then == "keep"
        else:
            assert (one.rule.keep_days, one.rule.then) == (DEFAULT_KEEP_DAYS, "shred")
    assert faults(policy) == []


@pytest.mark.parametrize("name", REGULATIONS)
def test_nothing_is_kept_for_less_than_a_declared_rule_asks(tmp_path, name):
    """For each rule and class: at its minimum, and a day below it; one that is not declared asks for nothing."""
    for entry_class, days in REGULATIONS[name].minimum_days.items():
        if entry_class == "retention":
            continue
        for keep_days, declared, wrong in ((days, [name], 0), (days - 1, [name], 1), (days - 1, [], 0)):
            text = f"{FIRM}applicable = {json.dumps(declared)}\n"
            for other in CLASSES:
                if other != "retention":
                    keep = keep_days if other == entry_class else 36_525
                    text += f"[compliance.retention.{other}]\nkeep_days = {keep}\n"
            found = faults(load_policy(policy_file(tmp_path, text)).policy)
            assert len(found) == wrong, (entry_class, found)
            for fault in found:
                assert f"[compliance.retention.{entry_class}] keep_days = {keep_days}" in fault
                assert f"write {days} or more" in fault


def test_what_is_kept_for_ever_meets_every_minimum():
    """Whatever its days."""
    text = {"firm": "F", "applicable": ["sox"], "retention": {"clock": {"keep_days": 1, "then": "keep"}}}
    found = faults(msgspec.convert(text, Policy))
    assert not any("retention.clock" in fault for fault in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["firm", "is missing; add"]),
        (FIRM + 'applicable = ["sec_17a4_z"]\n', ["applicable", "sec_17a4_z"]),
        (FIRM + "[compliance.retention.journals]\nkeep_days = 9\n", ["journals"]),
        (FIRM + "[compliance.retention.journal]\nkeep_days = 0\n", ["keep_days"]),
        (FIRM + '[compliance.retention.journal]\nthen = "burn"\n', ["then", "burn"]),
        (FIRM + "[compliance.retention.journal]\nkept_days = 9\n", ["kept_days", "keep_days"]),
    ],
)
def test_a_fault_of_the_file_is_told_with_its_place(tmp_path, text, words):
    """File and line, key, and what would be right."""
    with pytest.raises(ConfigError) as told:
        load_policy(policy_file(tmp_path, text))
    assert "policy.toml" in str(told.value)
    for word in words:
        assert word in str(told.value)


def test_check_has_three_exit_statuses(tmp_path):
    """Sound, below a minimum, unreadable."""
    sound = policy_file(tmp_path, FIRM + 'applicable = ["finra_4511"]\n')
    assert "nothing is kept for less" in run("check", sound)
    short = policy_file(tmp_path, FIRM + 'applicable = ["sox"]\n', "short.toml")
    told = json.loads(run("check", short, "--json", status=1))
    assert len(told["faults"]) == 4  # each class that it names, by default 2,555 days: two leap days short
    run("check", tmp_path / "none.toml", status=2)


def test_a_feed_adopts_its_policy_once_and_another_when_it_changes(tmp_path, database):
    """The log holds each word for word, and the last one is in force; a start under the same one adds nothing."""
    more = {"database": database, "policy": "policy.toml"}
    path = policy_file(tmp_path)
    told = []
    anyio.run(lambda: write(tmp_path, [up(1)], warn=told.append, **more))
    anyio.run(lambda: write(tmp_path, [up(2)], warn=told.append, **more))
    assert [one.text for one in adoptions(tmp_path, database)] == [path.read_text()]
    assert sum("is in force" in text for text in told) == 1
    changed = policy_file(tmp_path, FIRM + "people = 2\n").read_text()
    anyio.run(lambda: write(tmp_path, [up(3)], **more))
    assert [one.text for one in adoptions(tmp_path, database)][1:] == [changed]
    with opened(tmp_path, database=database) as log:
        assert policy_in_force(log).people == 2


def test_a_feed_does_not_start_under_a_policy_below_a_minimum(tmp_path, database):
    """It says which key; the log holds no policy."""
    policy_file(tmp_path, FIRM + 'applicable = ["sox"]\n')
    more = {"database": database, "policy": "policy.toml"}
    with pytest.raises(ConfigError, match=r"retention.clock\] keep_days = 2555: sox asks for 2557 days"):
        anyio.run(lambda: write(tmp_path, [up(1)], **more))
    assert adoptions(tmp_path, database) == []


def test_adopt_and_show_by_command(tmp_path):
    """What is shown is what the log holds, whatever has become of the file."""
    anyio.run(lambda: write(tmp_path, [up(1)]))
    feed = tmp_path / "feed.toml"
    feed.write_text('[compliance]\nkey = { file = "audit.key" }\n')
    assert "policy is missing" in run("adopt", feed, status=2)
    feed.write_text('[compliance]\nkey = { file = "audit.key" }\npolicy = "policy.toml"\n')
    assert "no policy is in force" in run("show", feed, status=2)
    path = policy_file(tmp_path, FIRM + 'applicable = ["finra_6820"]\n')
    adopt = ("adopt", feed, "--one-person-may-destroy")
    assert "in force" in run(*adopt)
    assert "already" in run(*adopt)
    path.unlink()
    shown = run("show", feed)
    assert "clock      2,555 days, then shred  (at least 1,827: finra_6820)" in shown


def test_what_is_sealed_is_the_file_to_the_byte(tmp_path, database):
    """With the ends of lines that it has, and its hash is that of the file."""
    content = b'[compliance]\r\nfirm = "Example Securities"\r\npeople = 2\r\n'
    (tmp_path / "policy.toml").write_bytes(content)
    anyio.run(lambda: write(tmp_path, [up(1)], database=database, policy="policy.toml"))
    (act,) = adoptions(tmp_path, database)
    assert act.text.encode() == content
    assert act.sha256 == hashlib.sha256(content).hexdigest()
    with opened(tmp_path, database=database) as log:
        assert policy_in_force(log).people == 2


def test_one_person_who_may_destroy_is_acknowledged(tmp_path):
    """By the command, which refuses such a policy without; a feed adopts it, warns, and nothing is acknowledged."""
    path = policy_file(tmp_path)
    feed = tmp_path / "feed.toml"
    feed.write_text('[compliance]\nkey = { file = "audit.key" }\npolicy = "policy.toml"\n')
    told = []
    anyio.run(lambda: write(tmp_path, [up(1)], warn=told.append, policy="policy.toml"))
    assert any("nothing is destroyed before somebody runs" in text for text in told)
    refused = run("adopt", feed, status=2)
    assert "people = 1 lets one person destroy alone" in refused
    assert "--one-person-may-destroy" in refused
    assert "is not acknowledged" in run("show", feed)
    assert json.loads(run("show", feed, "--json"))["one_person_may_destroy"] is False
    run("adopt", feed, "--one-person-may-destroy")
    assert "already" in run("adopt", feed, "--one-person-may-destroy")
    assert "one person may destroy alone, which" in run("show", feed)
    anyio.run(lambda: write(tmp_path, [up(2)], policy="policy.toml"))  # takes nothing back
    assert [one.one_person_may_destroy for one in adoptions(tmp_path, SQLITE)] == [False, True]
    path.write_text(f"[compliance]\n{FIRM}people = 2\n")
    run("adopt", feed)
    assert "it takes two people" in run("show", feed)
    assert adoptions(tmp_path, SQLITE)[-1].one_person_may_destroy is False


WHOLE = """\
people = 2
applicable = ["finra_4590"]
[compliance.retention.journal]
keep_days = 3000
[compliance.access.officer]
users = ["carol"]
[compliance.providers."Mail Inc."]
kind = "other"
contract_date = 2024-06-01
[compliance.checks]
search_mib = 17
[compliance.incidents]
zone = "America/New_York"
remind_before = ["6h"]
contact = "Privacy office"
clock_breaches = 9
[compliance.retention_schedule]
"""


def test_show_prints_all_that_a_policy_holds(tmp_path):
    """Every table, every key with what holds where the file says nothing; what is printed reads as the same policy."""
    path = policy_file(tmp_path, FIRM + WHOLE.replace("carol", ME))
    anyio.run(lambda: write(tmp_path, [up(1)], policy="policy.toml"))
    feed = tmp_path / "feed.toml"
    feed.write_text('[compliance]\nkey = { file = "audit.key" }\npolicy = "policy.toml"\n')
    shown = run("show", feed)
    assert "[compliance.incidents]\n" in shown
    assert "clock_breaches = 9\n" in shown
    assert "notify_days = 30\n" in shown
    policy = load_policy(path).policy
    text = shown[shown.index("[compliance]\n") :]
    assert msgspec.to_builtins(
        parse_policy(text.replace('"2024-06-01"', "2024-06-01"))
    ) == msgspec.to_builtins(policy)
    told = json.loads(run("show", feed, "--json"))
    assert msgspec.convert(told["policy"], Policy) == policy
