"""What is recorded of a reading, and what becomes of it where it cannot be."""

import json

import pytest

from ticktrail_compliance.access.refusal import NotAllowedError
from ticktrail_compliance.acting import acting, see_allowed
from ticktrail_compliance.acts import Accessed, AccessRefused, WriterOpened
from ticktrail_compliance.naming import find_named
from ticktrail_compliance.store import schema
from unit.compliance import logs
from unit.compliance.access.people import ME, OFFICER, Place, policy

AUDITOR = {"auditor": {"users": [ME]}, "officer": {"users": [OFFICER]}}
WHY = ("--purpose", "a review")


def entries(place):
    with place.opened() as log:
        return log.count()


def test_without_roles_everybody_reads_and_nothing_is_added(place):
    """No policy, or one without the table: as it always was; what writes is told as it always was."""
    place.prepare(policy(None))
    before = entries(place)
    for command in (["audit", "show"], ["audit", "verify"], ["audit", "keys", "list"], ["report", "quality"]):
        place.run(*command, place.feed)
    assert entries(place) == before + 1  # under a policy the log tells that it was verified
    place.run("audit", "export", place.feed, "--out", place.folder / "out", "--format", "jsonl", *WHY)
    assert place.told() == []
    assert place.told(WriterOpened)[-1].purpose == "export to out: a review"


def test_a_reading_is_one_entry_under_a_checkpoint(place):
    """However much is read; who, in which role, what for, which range; and no content. Verified is told as well."""
    place.prepare(policy(AUDITOR), [logs.up(number) for number in range(50)])
    before = entries(place)
    place.run("audit", "verify", place.feed, *WHY)
    place.run("audit", "find", place.feed, "--event", "leg_up", "--since", "2026-01-01", *WHY)
    assert entries(place) == before + 3
    first, second = place.told()
    assert (first.actor.user, first.role, first.action, first.purpose) == (
        ME,
        "auditor",
        "verify",
        "a review",
    )
    assert first.what == "audit verify"
    assert second.what == "audit find; since 2026-01-01T00:00:00.000000000Z; events leg_up"
    with place.opened() as log:
        head = log.head()
        assert head.checkpoint_size == head.seq
    assert place.verified().sound


def test_a_purpose_has_to_be_given_where_the_policy_asks_for_one(place):
    """Required by itself; its want is a refusal like another, and is told."""
    place.prepare(policy(AUDITOR))
    done = place.run("audit", "show", place.feed, status=2)
    assert "add --purpose TEXT" in done
    assert place.told()[-1].why == "purpose"
    place.run("audit", "key", place.feed)
    place.run("compliance", "access", "show", place.feed)


def test_a_purpose_is_kept_where_none_is_asked_for(place):
    """Optional: with and without one."""
    place.prepare(policy(AUDITOR, purpose="optional"))
    place.run("audit", "show", place.feed)
    place.run("audit", "show", place.feed, *WHY)
    assert [one.purpose for one in place.told(Accessed)] == ["", "a review"]


def test_what_acts_asks_before_it_does_anything(place):
    """`acting` tells of who opened the log and in which role; refused, it hands no log out."""
    place.prepare(policy(AUDITOR))
    named = find_named(place.feed, None, None)
    with acting(named, "evidence", "a book of evidence") as found:
        assert found.log.count() == entries(place)
    assert place.told()[-1].role == "auditor"
    assert place.told(WriterOpened)[-1].purpose == "a book of evidence"
    before = len(place.told(WriterOpened))
    with pytest.raises(NotAllowedError, match="may not do hold_lift"), acting(named, "hold_lift", "lift it"):
        pytest.fail("it was let")
    with pytest.raises(NotAllowedError, match="may not do hold_lift"):
        see_allowed(named, "hold_lift", "lift it")
    assert [type(one) for one in place.told()[-2:]] == [AccessRefused, AccessRefused]
    assert len(place.told(WriterOpened)) == before
    entries_before = entries(place)
    see_allowed(named, "evidence", "look before")
    assert entries(place) == entries_before


def test_a_log_whose_end_was_cut_is_verified_and_not_read(place):
    """Nothing is added to it; verification says what is wrong, everything else is refused with that remedy."""
    place.prepare(policy(AUDITOR))
    last = entries(place)
    logs.remove(place.folder, schema.entries, schema.entries.c.seq == last, database=place.database)
    assert "not as it was sealed" in place.run("audit", "verify", place.feed, *WHY, status=1)
    done = place.run("audit", "show", place.feed, *WHY, status=2)
    assert "ticktrail audit verify" in done
    assert entries(place) == last - 1


def test_a_log_whose_policy_was_destroyed_is_verified_and_not_read(place):
    """Whoever flips a bit in the policy does not free themselves of it."""
    place.prepare(policy(AUDITOR))
    of_policy = schema.entries.c.entry_class == "retention"
    logs.change(place.folder, schema.entries, {"body": b"changed"}, of_policy, database=place.database)
    assert "not as it was sealed" in place.run("audit", "verify", place.feed, status=1)
    done = place.run("audit", "show", place.feed, *WHY, status=2)
    assert "nobody can tell who may do what with the log" in done


def test_an_anchor_that_contradicts_the_log_keeps_it_from_being_added_to(tmp_path):
    """A log that was put back is not signed by a reading of it."""
    place = Place(tmp_path, logs.SQLITE, anchors=("anchor.txt",)).prepare(policy(AUDITOR))
    old = {name: (tmp_path / name).read_bytes() for name in ("audit.db", "audit-keys.db")}
    place.record([logs.up(9)])
    for name, content in old.items():
        (tmp_path / name).write_bytes(content)
        for end in ("-wal", "-shm"):
            (tmp_path / f"{name}{end}").unlink(missing_ok=True)
    before = entries(place)
    assert "anchor" in place.run("audit", "show", place.feed, *WHY, status=2)
    assert "anchor" in place.run("audit", "verify", place.feed, *WHY, status=1)
    assert entries(place) == before


def test_the_commands_show_roles_and_accesses(place):
    """What each role may do and who holds it, what a user may do, and what was done and refused."""
    place.prepare(policy(AUDITOR))
    shown = place.run("compliance", "access", "show", place.feed)
    assert f"auditor: user {ME}\n  may: verify, checkpoint, read, export, check, keys_list" in shown
    assert "keeper: nobody" in shown
    assert "has to say what for: yes" in shown
    told = json.loads(place.run("compliance", "access", "show", place.feed, "--json"))
    assert told["roles"][1]["users"] == [ME]
    told = json.loads(place.run("compliance", "access", "show", place.feed, "--user", ME, "--json"))
    assert (told["roles"], told["kept_apart"]) == (["auditor"], [])
    assert "read" in told["may"]
    shown = place.run("compliance", "access", "show", place.feed, "--user", "nobody-here")
    assert "nobody-here (no user of this machine) holds no role\n  may: nothing" in shown
    place.run("audit", "keys", "rotate", place.feed, "--to", "file:other.key", status=2)
    lines = place.run("compliance", "access", "log", place.feed, *WHY).splitlines()
    assert f"{ME}@" in lines[0]
    assert "as auditor: check; compliance access show" in lines[0]
    assert "as auditor: keys_rotate REFUSED, that is for keeper" in lines[-2]
    assert "read; compliance access log; for: a review" in lines[-1]
    refused = place.run("compliance", "access", "log", place.feed, "--refused", "--json", *WHY)
    (one,) = map(json.loads, refused.splitlines())
    assert (one["record"]["event"], one["record"]["needed"]) == ("access_refused", ["keeper"])
    none = place.run("compliance", "access", "log", place.feed, "--until", "2020-01-01", *WHY)
    assert none == ""


def test_roles_that_are_not_in_force_are_not_shown(place):
    """Said, with what to do."""
    place.prepare(policy(None))
    done = place.run("compliance", "access", "show", place.feed, status=2)
    assert "write [compliance.access] into the policy file" in done


def test_bytes_that_are_no_text_do_not_hide_a_refusal(place):
    """They stand in the log, escaped."""
    place.prepare(policy({"officer": {"users": ["games"]}}))
    place.run("audit", "show", place.feed, "--purpose", "\udcff", status=2)
    assert place.told()[-1].purpose == "\\udcff"
    place.run("audit", "show", place.feed, "--purpose", "a review", "--feed", "\udcff", status=2)
    assert place.told()[-1].what == "audit show; from entry 1; feeds \\udcff"
