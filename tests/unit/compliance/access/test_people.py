"""People of this machine, each by their own user: what they may do with a log they do, and the log tells of it."""

import os
import pwd
import subprocess
import sys

import pytest

from ticktrail_compliance.acts import (
    Accessed,
    AccessRefused,
    KeysDestroyed,
    KeysRewrapped,
    LogExported,
    PolicyAdopted,
)
from ticktrail_compliance.store import schema
from unit.compliance import logs
from unit.compliance.access.people import (
    AUDITOR,
    KEEPER,
    OFFICER,
    OPERATOR,
    STRANGER,
    Place,
    people,
    policy,
)

EVERYBODY = {OPERATOR: "operator", AUDITOR: "auditor", KEEPER: "keeper", OFFICER: "officer", STRANGER: None}
WHY = ("--purpose", "a review")


@pytest.fixture(scope="module")
def run():
    with people() as found:
        yield found


def commands(place):
    """Each command that asks for a right, with its action and who may."""
    feed, out = place.feed, place.folder / "out-{user}"
    (place.folder / "policy.toml").write_text(policy(more="# another one\n"))
    return [
        ("verify", "oakf", ["audit", "verify", feed, *WHY]),
        ("verify", "oakf", ["audit", "key", feed]),
        ("checkpoint", "oak", ["audit", "checkpoint", feed, *WHY]),
        ("read", "af", ["audit", "show", feed, "--event", "leg_up", *WHY]),
        ("read", "af", ["audit", "explain", feed, 1, *WHY]),
        ("read", "af", ["report", "quality", feed, *WHY]),
        ("read", "af", ["compliance", "access", "log", feed, *WHY]),
        ("check", "oakf", ["compliance", "policy", "show", feed]),
        ("keys_list", "akf", ["audit", "keys", "list", feed, *WHY]),
        ("export", "a", ["audit", "export", feed, "--out", out, "--format", "jsonl", *WHY]),
        ("policy_adopt", "f", ["compliance", "policy", "adopt", feed, "--one-person-may-destroy"]),
    ]


def test_each_person_can_do_what_their_role_may_and_nothing_else(place, run):
    """Eleven commands by five people; every one of them is told, done or refused, and the log stays sound."""
    place.prepare(policy()).share()
    expected = []
    for action, letters, arguments in commands(place):
        for user, role in EVERYBODY.items():
            place.share()
            before = len(place.told())
            done = run(user, *(str(one).format(user=user) for one in arguments))
            assert len(place.told()) == before + 1, (user, arguments, done)
            told = place.told()[-1]
            expected.append((user, action))
            assert (told.actor.user, told.action) == (user, action)
            if role and {"operator": "o", "auditor": "a", "keeper": "k", "officer": "f"}[role] in letters:
                assert done["status"] == 0, (user, arguments, done)
                assert isinstance(told, Accessed)
                assert told.role == role
                assert told.purpose
            else:
                assert done["status"] == 2, (user, arguments, done)
                assert f"may not do {action}" in done["err"]
                assert done["out"] == ""
                assert isinstance(told, AccessRefused)
                assert (told.roles, told.why) == ([role] if role else [], "role")
    assert [(one.actor.user, one.action) for one in place.told()] == expected
    assert len(place.told(LogExported)) == 1
    assert len(place.told(PolicyAdopted)) == 2
    assert place.verified().sound


def test_keys_are_destroyed_and_rotated_by_the_keeper_alone(place, run):
    """Nobody else gets as far as the question, or wraps one key; the keeper does both, and is told."""
    text = policy(more="[compliance.retention.journal]\nkeep_days = 1\n")
    place.prepare(text, acknowledged=True).share()
    destroy = ["audit", "keys", "destroy", place.feed, "--class", "journal", "--month", "2023-11", "--yes"]
    rotate = ["audit", "keys", "rotate", place.feed, "--to", "env:NEW_KEY"]
    new = {"NEW_KEY": "A" * 43 + "="}
    for user in EVERYBODY:
        if user == KEEPER:
            continue
        for action, arguments in (("keys_destroy", [*destroy, *WHY]), ("keys_rotate", rotate)):
            done = run(user, *arguments, environment=new, status=2)
            assert f"may not do {action}" in done["err"]
            told = place.told()[-1]
            assert isinstance(told, AccessRefused)
            assert (told.actor.user, told.action) == (user, action)
    assert place.told(KeysRewrapped, KeysDestroyed) == []
    run(AUDITOR, "audit", "keys", "rotate", place.feed, "--to", "file:new.key", status=2)
    assert not (place.folder / "new.key").exists()
    assert "destroyed: 1 key" in run(KEEPER, *destroy, *WHY, status=0)["out"]
    assert place.told(KeysDestroyed)[-1].actor.user == KEEPER
    run(KEEPER, *rotate, environment=new, status=0)
    with pytest.raises(Exception, match="is not the one that the keys"):
        place.opened()


def test_a_group_gives_a_role_and_two_groups_can_take_what_both_give(place, run):
    """By the process's own groups; who is in the keepers' and the officers' does nothing that is kept apart."""
    place.prepare(policy({"keeper": {"groups": ["tape"]}, "officer": {"groups": ["voice"]}})).share()
    tape, voice = 26, 22
    run(STRANGER, "audit", "keys", "list", place.feed, *WHY, status=2)
    run(STRANGER, "audit", "keys", "list", place.feed, *WHY, groups=[tape], status=0)
    (place.folder / "policy.toml").write_text(policy())
    place.share()
    both = run(
        STRANGER,
        "compliance",
        "policy",
        "adopt",
        place.feed,
        "--one-person-may-destroy",
        groups=[tape, voice],
        status=2,
    )
    assert "holds keeper and officer, and may therefore not do policy_adopt" in both["err"]
    assert place.told()[-1].why == "separation"
    run(STRANGER, "audit", "verify", place.feed, *WHY, groups=[tape, voice], status=0)
    run(
        STRANGER,
        "compliance",
        "policy",
        "adopt",
        place.feed,
        "--one-person-may-destroy",
        groups=[voice],
        status=0,
    )


def test_nobody_gets_a_role_by_what_the_environment_says(place, run):
    """LOGNAME, USER and the rest are another's; sudo's word is told as a hint, and gives no right."""
    place.prepare(policy()).share()
    forged = dict.fromkeys(("LOGNAME", "USER", "USERNAME", "LNAME", "SUDO_USER"), AUDITOR)
    done = run(
        STRANGER, "audit", "show", place.feed, *WHY, environment={**forged, "SUDO_UID": "34"}, status=2
    )
    assert f"{STRANGER} " in done["err"]
    told = place.told()[-1]
    assert (told.actor.user, told.actor.via) == (STRANGER, AUDITOR)


def test_root_holds_no_role_that_the_policy_does_not_give(place, run):
    """Root can become anybody on a machine; as root it is refused, and the log tells that it was root."""
    place.prepare(policy())
    run(None, "audit", "show", place.feed, *WHY, status=2)
    assert place.told()[-1].actor.user == "root"


def test_who_cannot_be_recorded_reads_nothing(tmp_path, run):
    """A user who may read the files and not write them: the remedy is told, and no content."""
    place = Place(tmp_path, "sqlite:///audit.db").prepare(policy()).share()
    for path in tmp_path.iterdir():
        path.chmod(0o644)
    tmp_path.chmod(0o755)
    before = len(place.told())
    done = run(AUDITOR, "audit", "show", place.feed, *WHY, status=2)
    assert done["out"] == ""
    assert "the log cannot be written" in done["err"]
    assert "as a user who may write to the log's database" in done["err"]
    assert len(place.told()) == before
    place.share()
    run(AUDITOR, "audit", "show", place.feed, *WHY, status=0)


def test_an_auditor_needs_no_right_to_the_anchors(tmp_path, run):
    """An anchor that only the feed can write hears of the reading at the feed's next checkpoint."""
    place = Place(tmp_path, "sqlite:///audit.db", anchors=("anchor.txt",)).prepare(policy()).share()
    (tmp_path / "anchor.txt").chmod(0o600)
    held = (tmp_path / "anchor.txt").read_text()
    run(AUDITOR, "audit", "show", place.feed, *WHY, status=0)
    assert (tmp_path / "anchor.txt").read_text() == held
    place.record([])
    assert (tmp_path / "anchor.txt").read_text() != held
    done = run(None, "--help", status=0)
    assert done["out"]
    assert place.verified().sound


def test_a_process_of_its_own_is_told_as_who_it_is(place):
    """Without a launcher: the interpreter itself, by its effective user."""
    place.prepare(policy({"auditor": {"users": ["root"]}, "officer": {"users": [OFFICER]}}))
    if os.geteuid() != 0:
        pytest.skip("only root is named root")
    ticktrail = [sys.executable, "-m", "ticktrail", "audit", "show", place.feed, "--event", "leg_up", *WHY]
    done = subprocess.run(ticktrail, capture_output=True, text=True, check=True)
    assert "leg_up" in done.stdout
    (told,) = place.told()
    assert (told.actor.user, told.role, told.purpose) == ("root", "auditor", "a review")
    assert told.what == "audit show; from entry 1; events leg_up"


def test_without_the_keys_of_the_policy_the_owner_alone_reads(tmp_path, run, monkeypatch):
    """Who names a key store that lacks them is not free of the policy: nobody but owner and root sees contents."""
    place = Place(tmp_path, logs.SQLITE).prepare(policy())
    logs.remove(tmp_path, schema.keys, schema.keys.c.entry_class == "retention")
    place.share()
    for command in (["audit", "show"], ["audit", "keys", "list"], ["incident", "list"]):
        for user in (STRANGER, AUDITOR):
            answer = run(user, *command, place.feed, status=2)
            assert "the owner of its file, or root" in answer["err"], answer
            assert "leg_up" not in answer["out"]
    answer = run(STRANGER, "compliance", "check", place.feed, status=2)
    assert "nobody can tell" in answer["err"]
    os.chown(tmp_path / "audit.db", pwd.getpwnam(STRANGER).pw_uid, -1)
    assert "leg_up" not in run(STRANGER, "audit", "show", place.feed, status=2)["out"]
    all_the_same = {"TICKTRAIL_WITHOUT_POLICY": "1"}
    assert "leg_up" in run(STRANGER, "audit", "show", place.feed, environment=all_the_same, status=1)["out"]
    monkeypatch.setenv("TICKTRAIL_WITHOUT_POLICY", "1")
    assert "leg_up" in place.run("audit", "show", place.feed, status=1)
