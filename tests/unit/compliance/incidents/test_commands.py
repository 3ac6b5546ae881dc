"""Incidents by their commands, on both databases: each step is an entry, and a refused one leaves no trace."""

import hashlib
import json
import re
import shlex
import time

import anyio
import pytest

from ticktrail.testing import ManualClock
from ticktrail_compliance.acts import IncidentOpened, IncidentReminded
from ticktrail_compliance.incidents.holding import evidence_ranges
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.store import schema
from unit.compliance.incidents.making import run
from unit.compliance.logs import NOW_NS, change, opened, sample, verified, write

POLICY = """\
[compliance]
firm = "Example & Sons"
[compliance.incidents]
zone = "America/New_York"
contact = "privacy@example.com, 1 Example Street"
"""


@pytest.fixture
def feed(tmp_path, database):
    """A log of seven entries, and the feed file that names it."""
    anyio.run(lambda: sample(tmp_path, database=database))
    path = tmp_path / "feed.toml"
    path.write_text(
        f'[compliance]\nkey = {{ file = "audit.key" }}\ndatabase = "{database}"\npolicy = "policy.toml"\n'
    )
    (tmp_path / "policy.toml").write_text(POLICY)
    return path


def told(*arguments, status=0):
    return json.loads(run(*arguments, "--json", status=status).stdout)


def entries(folder, database):
    with opened(folder, database=database) as log:
        return log.count()


def open_one(feed, *more):
    return told("incident", "open", feed, "--title", "A <b>laptop</b> was lost", *more)["incident"]


def test_an_incident_from_its_opening_to_its_end(feed, tmp_path, database):
    """Every step is sealed, the log stays sound, and the report has each with its entry's number."""
    run("compliance", "policy", "adopt", feed, "--one-person-may-destroy")
    number = open_one(feed, "--kind", "unauthorized_access", "--owner", "jo")
    assert "to tell those affected" in run("incident", "list", feed).stdout
    refusal = run("incident", "close", feed, number, "--outcome", "over", status=2)
    assert "incident assess" in refusal.stderr
    run(
        *("incident", "assess", feed, number, "--customer-information", "yes", "--harm", "likely"),
        *(
            "--affected",
            2,
            "--information",
            "names",
            "--ground",
            "not encrypted",
            "--occurred-from",
            "2026-01-05",
        ),
    )
    proof = tmp_path / "loss.pdf"
    proof.write_bytes(b"pdf" * 1000)
    run("incident", "attach", feed, number, proof, "--from", 2, "--to", 3)
    assert "ends with entry" in run("incident", "attach", feed, number, "--from", 9_999, status=2).stderr
    with opened(tmp_path, database=database) as log:
        held = evidence_ranges(log)
    assert {one.incident for one in held} == {number}
    assert (2, 3) in {(one.from_seq, one.to_seq) for one in held}
    lacks = run(
        "incident", "notify", feed, number, "--to", "individuals", "--draft", tmp_path / "n.txt", status=2
    )
    assert "lacks measures" in lacks.stderr
    assert not (tmp_path / "n.txt").exists()
    run("incident", "contain", feed, number, "--measures", "wiped")
    run("incident", "notify", feed, number, "--to", "individuals", "--draft", tmp_path / "n.txt")
    text = (tmp_path / "n.txt").read_text()
    for word in (
        "Example & Sons",
        "names",
        "wiped",
        "privacy@example.com",
        "fraud alert",
        "www.ftc.gov",
        "from 5 January 2026 on",
    ):
        assert word in text
    assert (
        "is there already"
        in run(
            "incident", "notify", feed, number, "--to", "individuals", "--draft", tmp_path / "n.txt", status=2
        ).stderr
    )
    now = told("incident", "show", feed, number)["aware_ns"]
    sent = ("--to", "individuals", "--text", tmp_path / "n.txt", "--sent-at", now)
    needs = run("incident", "notify", feed, number, *sent, "--count", 1, status=2).stderr
    assert "needs --batch" in needs
    for _ in range(2):  # the same list twice
        told_once = run("incident", "notify", feed, number, *sent, "--count", 1, "--batch", "list A")
        assert "marks of the template" in told_once.stderr
    assert "list A: 1 individual, 20" in run("incident", "show", feed, number).stdout
    assert (
        "1 of 2 individuals" in run("incident", "close", feed, number, "--outcome", "over", status=2).stderr
    )
    run("incident", "notify", feed, number, *sent, "--count", 1, "--batch", "list B")
    run("incident", "assign", feed, number, "--owner", "al")
    run("incident", "close", feed, number, "--outcome", "both were told")
    assert "was closed" in run("incident", "assign", feed, number, "--owner", "x", status=2).stderr
    assert "no incident is open" in run("incident", "list", feed).stdout
    shown = told("incident", "show", feed, number)
    assert (shown["stage"], shown["owner"], shown["told"], shown["due"]) == ("closed", "al", 2, [])
    tags = [one["act"]["event"] for one in shown["steps"]]
    assert tags == [
        *("incident_opened", "incident_assessed", "incident_file_attached", "incident_entries_attached"),
        *("incident_contained", *["incident_notified"] * 3, "incident_assigned"),
        "incident_closed",
    ]
    with opened(tmp_path, database=database) as log:
        of_log = {header.seq: record for header, record in read_records(log, Range())}
    for one in shown["steps"]:
        assert of_log[one["seq"]].__struct_config__.tag == one["act"]["event"]
    file = shown["steps"][2]["act"]
    assert (file["name"], file["size"]) == ("loss.pdf", 3000)
    assert file["sha256"] == hashlib.sha256(b"pdf" * 1000).hexdigest()
    assert shown["steps"][5]["act"]["text_sha256"] == hashlib.sha256(text.encode()).hexdigest()
    check_reports(feed, number, tmp_path, [one["seq"] for one in shown["steps"]])
    assert verified(tmp_path, database=database).sound


def check_reports(feed, number, folder, seqs):
    """Text, JSON and HTML; the page runs nothing and shows what was written as it was written."""
    text = run("incident", "report", feed, number).stdout
    page = folder / "report.html"
    run("incident", "report", feed, number, "--html", "--out", page)
    html = page.read_text()
    for seq in seqs:
        assert f"{seq:>6}  20" in text
        assert f"<td>{seq}</td>" in html
    assert "<script" not in html
    assert "<b>" not in html
    assert "A &lt;b&gt;laptop&lt;/b&gt; was lost" in html
    assert "Example &amp; Sons" in html
    assert told("incident", "report", feed, number)["incident"]["number"] == number
    assert page.stat().st_mode & 0o077 == 0
    run("incident", "report", feed, number, "--html", "--out", page, status=2)


def test_what_is_refused_leaves_no_trace(feed, tmp_path, database):
    """Not even who came to write."""
    number = open_one(feed)
    before = entries(tmp_path, database)
    run("incident", "close", feed, number, "--outcome", "over", status=2)
    run("incident", "assess", feed, number, status=2)
    run("incident", "assess", feed, 3, "--harm", "likely", status=2)
    run("incident", "open", feed, "--title", "x" * 201, status=2)
    run("incident", "open", feed, "--title", "x", "--aware", "2126-01-01", status=2)
    run("incident", "show", feed, "x", status=2)
    run("incident", "show", feed, status=2)
    run("incident", "show", feed, number, "more", status=2)
    run("incident", "notify", feed, number, "--to", "regulator", status=2)
    assert entries(tmp_path, database) == before


def test_an_incident_of_a_log_that_is_named_by_its_url(feed, tmp_path, database):
    """The number comes first there, and files after it."""
    number = open_one(feed)
    url = database.replace("sqlite:///", f"sqlite:///{tmp_path}/")
    named = ("--database", url, "--key", f"file:{tmp_path / 'audit.key'}")
    if url.startswith("sqlite"):
        run("incident", "attach", *named, number, feed)
        assert told("incident", "show", *named, number)["steps"][-1]["act"]["name"] == "feed.toml"
        return
    assert told("incident", "show", *named, number)["number"] == number


def test_what_is_overdue_is_status_1(feed, tmp_path, database):
    """By the list; and a feed that starts reminds of it once, and says so at every start."""
    day = "2026-01-05T12:00:00Z"
    number = open_one(feed, "--aware", day, "--provider", "Mail Inc.", "--provider-aware", day)
    listed = told("incident", "list", feed, "--overdue", status=1)
    assert listed["overdue"] == [number]
    assert {one["deadline"] for one in listed["incidents"][0]["due"]} == {"individuals", "provider_notice"}
    heard = []
    for _ in range(2):
        heard.clear()
        more = {"database": database, "policy": "policy.toml", "clock": ManualClock(NOW_NS)}
        anyio.run(lambda more=more: write(tmp_path, [], warn=heard.append, **more))
        assert sum("is over since 2026-02-04" in text for text in heard) == 1
        assert sum("is over since 2026-01-08" in text for text in heard) == 1
    with opened(tmp_path, database=database) as log:
        reminded = [one for _, one in read_records(log, Range()) if isinstance(one, IncidentReminded)]
    assert sorted(one.deadline for one in reminded) == ["individuals", "provider_notice"]
    assert {one.before_ns for one in reminded} == {0}


def test_a_changed_content_opens_one_incident(feed, tmp_path, database):
    """Verification finds it twice, and opens an incident once; with --no-incident none."""
    where = schema.entries.c.seq == 3
    change(tmp_path, schema.entries, {"body": b"changed"}, where, database=database)
    before = entries(tmp_path, database)
    assert run("audit", "verify", feed, "--no-incident", status=1).exit_code == 1
    assert entries(tmp_path, database) == before
    assert "is open for it" in run("audit", "verify", feed, status=1).stderr
    (number,) = told("audit", "verify", feed, status=1)["incidents"]
    shown = told("incident", "show", feed, number)
    assert (shown["kind"], shown["by"], shown["severity"]) == ("log_integrity", "ticktrail", "critical")
    assert "entry 3" in shown["detail"]
    with opened(tmp_path, database=database) as log:
        wanted = Range(classes=frozenset({"incident"}))
        assert sum(isinstance(one, IncidentOpened) for _, one in read_records(log, wanted)) == 1


def test_a_key_that_was_changed_opens_an_incident_of_its_own(feed, tmp_path, database):
    """Beside the one for what it sealed."""
    with opened(tmp_path, database=database) as log:
        key_id = next(state.key_id for state in log.keys.states() if state.entry_class == "journal")
    where = schema.keys.c.key_id == key_id
    change(tmp_path, schema.keys, {"wrapped": b"x" * 60}, where, database=database)
    numbers = told("audit", "verify", feed, status=1)["incidents"]
    shown = [told("incident", "show", feed, number) for number in numbers]
    assert {one["kind"] for one in shown} == {"key_misuse", "log_integrity"}
    assert str(key_id) in next(one["detail"] for one in shown if one["kind"] == "key_misuse")


def test_a_log_whose_chain_was_changed_is_not_written_to(feed, tmp_path, database):
    """It is evidence as it is; the command says where to open the incident."""
    where = schema.entries.c.seq == 3
    change(tmp_path, schema.entries, {"digest": b"x" * 32}, where, database=database)
    before = entries(tmp_path, database)
    found = told("audit", "verify", feed, status=1)
    assert found["incidents"] == []
    assert "in another log" in found["no_incident"]
    assert entries(tmp_path, database) == before
    command = shlex.split(re.search("`(ticktrail incident [^`]*)`$", found["no_incident"])[1])
    other = tmp_path / "other"
    other.mkdir()
    anyio.run(lambda: sample(other))
    feed_file = other / "feed.toml"
    feed_file.write_text('[compliance]\nkey = { file = "audit.key" }\n')
    assert command[3] == "FEED.toml"
    number = told(*command[1:3], feed_file, *command[4:])["incident"]
    with opened(tmp_path, database=database) as log:
        assert told("incident", "show", feed_file, number)["subject"] == log.log_id


def test_an_entry_of_an_incident_that_cannot_be_read_is_told(feed, tmp_path, database):
    """The others are listed all the same."""
    first, second = open_one(feed), open_one(feed)
    change(tmp_path, schema.entries, {"body": b"x"}, schema.entries.c.seq == first, database=database)
    done = run("incident", "list", feed)
    assert f"{second:>6}" in done.stdout
    assert "1 entry of incidents cannot be read" in done.stderr


REGISTER = """
[compliance.providers."Mail Inc."]
kind = "other"
[compliance.providers.binance]
kind = "venue"
"""


def test_a_date_and_a_time_are_of_the_firms_zone(feed, tmp_path, database):
    """Of every option; before a policy is adopted they are of UTC."""
    number = open_one(feed, "--aware", "2026-01-05")
    assert told("incident", "show", feed, number)["aware_ns"] == 1_767_571_200 * 10**9
    run("compliance", "policy", "adopt", feed, "--one-person-may-destroy")
    number = open_one(feed, "--aware", "2026-01-05", "--occurred-to", "2026-01-05")
    run("incident", "assess", feed, number, "--ground", "x", "--occurred-from", "2026-01-05T00:00")
    notice = tmp_path / "n.txt"
    notice.write_text("x")
    run(
        *(
            "incident",
            "notify",
            feed,
            number,
            "--to",
            "individuals",
            "--text",
            notice,
            "--count",
            1,
            "--batch",
            "A",
        ),
        *("--sent-at", "2026-01-05T19:00"),
    )
    shown = told("incident", "show", feed, number)
    begin_ns = (1_767_571_200 + 5 * 3_600) * 10**9
    assert (shown["aware_ns"], shown["occurred_from_ns"]) == (begin_ns, begin_ns)
    assert shown["occurred_to_ns"] == begin_ns + 86_400 * 10**9 - 1
    assert shown["steps"][2]["act"]["sent_ns"] == begin_ns + 19 * 3_600 * 10**9
    before = entries(tmp_path, database)
    twice = run("incident", "open", feed, "--title", "x", "--aware", "2025-11-02T01:30", status=2).stderr
    assert "comes twice in America/New_York" in twice
    assert entries(tmp_path, database) == before


def test_what_was_late_stays_told(feed, tmp_path):
    """By show, list --all and each form of the report, once it is closed as well."""
    number = open_one(
        *(feed, "--kind", "service_provider", "--provider", "Mail Inc.", "--aware", "2026-01-05T12:00Z"),
        *("--provider-aware", "2026-01-05T12:00Z", "--provider-told", "2026-01-09T12:00Z"),
    )
    (tmp_path / "n.txt").write_text("x")
    run("incident", "assess", feed, number, "--customer-information", "yes", "--affected", 1)
    run("incident", "contain", feed, number, "--measures", "x")
    run(
        *("incident", "notify", feed, number, "--to", "individuals", "--text", tmp_path / "n.txt"),
        *("--count", 1, "--batch", "A", "--sent-at", "2026-02-15T09:00Z"),
    )
    run("incident", "close", feed, number, "--outcome", "x")
    lates = (
        "those affected were told 10 d 21 h after the limit",
        "the service provider told the firm 1 d 0 h after the limit",
    )
    run("incident", "report", feed, number, "--html", "--out", tmp_path / "r.html")
    texts = [
        (tmp_path / "r.html").read_text(),
        run("incident", "report", feed, number).stdout,
        run("incident", "show", feed, number).stdout,
        run("incident", "list", feed, "--all").stdout,
    ]
    for text in texts:
        for late in lates:
            assert late in text
    for view in (
        told("incident", "show", feed, number),
        told("incident", "report", feed, number)["incident"],
        told("incident", "list", feed, "--all")["incidents"][0],
    ):
        assert sorted(one["what"] for one in view["late"]) == sorted(lates)
    assert not any(late in run("incident", "list", feed).stdout for late in lates)


def test_the_list_names_owner_and_provider(feed):
    """And says that there is no owner."""
    open_one(feed, "--provider", "Mail Inc.")
    open_one(feed, "--owner", "jo")
    first, second = (line for line in run("incident", "list", feed).stdout.splitlines() if "laptop" in line)
    assert "(no owner): A <b>laptop</b> was lost (at Mail Inc.)" in first
    assert "jo: A <b>laptop</b> was lost" in second
    assert "(at" not in second


def test_a_provider_is_one_of_the_register(feed, tmp_path, database):
    """Where there is one; a misspelt one is refused with the names, and leaves no trace."""
    (tmp_path / "policy.toml").write_text(POLICY + REGISTER)
    run("compliance", "policy", "adopt", feed, "--one-person-may-destroy")
    before = entries(tmp_path, database)
    refusal = run("incident", "open", feed, "--title", "x", "--provider", "mail inc", status=2).stderr
    assert "did you mean Mail Inc.?" in refusal
    assert "it has Mail Inc., binance" in refusal
    refusal = run("incident", "open", feed, "--title", "x", "--provider", "quite another", status=2).stderr
    assert "did you mean" not in refusal
    assert "it has Mail Inc., binance" in refusal
    assert entries(tmp_path, database) == before
    number = open_one(feed, "--provider", "binance")
    assert told("incident", "show", feed, number)["provider"] == "binance"


def test_a_day_that_a_clock_stops_on_is_its_end(feed, tmp_path):
    """Of the firm's zone, and the present while it is not over; a day that a clock starts on is its beginning."""
    run("compliance", "policy", "adopt", feed, "--one-person-may-destroy")
    day_ns = (1_767_571_200 + 5 * 3_600) * 10**9
    day = "2026-01-05"
    number = open_one(
        feed, "--aware", day, "--provider", "P", "--provider-aware", day, "--provider-told", day
    )
    run("incident", "assess", feed, number, "--ground", "x", "--customer-information", "yes", "--affected", 2)
    (tmp_path / "n.txt").write_text("x")
    sent = (
        "incident",
        "notify",
        feed,
        number,
        "--to",
        "individuals",
        "--text",
        tmp_path / "n.txt",
        "--count",
        1,
    )
    run(*sent, "--batch", "A", "--sent-at", "2026-02-04")
    shown = told("incident", "show", feed, number)
    assert (shown["aware_ns"], shown["provider_aware_ns"]) == (day_ns, day_ns)
    assert shown["provider_told_ns"] == day_ns + 86_400 * 10**9 - 1
    assert shown["batches"][0]["sent_ns"] == day_ns + 31 * 86_400 * 10**9 - 1
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 5 * 3_600))
    before_ns = time.time_ns()
    run(*sent, "--batch", "B", "--sent-at", today)
    (late,) = told("incident", "show", feed, number)["batches"][1:]
    assert before_ns <= late["sent_ns"] <= time.time_ns()
    for day in (time.strftime("%Y-%m-%d", time.gmtime(time.time() + 3 * 86_400)), "2125-01-01"):
        assert "has not come yet" in run(*sent, "--batch", "C", "--sent-at", day, status=2).stderr
        assess = ("incident", "assess", feed, number, "--ground", "x")
        for option in ("--provider-told", "--occurred-to"):
            assert "has not come yet" in run(*assess, option, day, status=2).stderr


def test_each_step_tells_of_the_login(feed, tmp_path, database):
    """Where the database knows one: of every act, of the policy's adoption, and as it is shown."""
    run("compliance", "policy", "adopt", feed, "--one-person-may-destroy")
    number = open_one(feed)
    run("incident", "assess", feed, number, "--customer-information", "no")
    run("incident", "contain", feed, number, "--measures", "x")
    run("incident", "assign", feed, number, "--owner", "jo")
    run("incident", "attach", feed, number, feed, "--from", 2)
    run("incident", "close", feed, number, "--outcome", "x")
    login = "postgres" if database.startswith("postgresql") else None
    with opened(tmp_path, database=database) as log:
        acts = [one for _, one in read_records(log, Range()) if hasattr(one, "actor")]
    mine = [one for one in acts if one.__struct_config__.tag.startswith(("incident_", "policy_"))]
    assert len(mine) == 8
    assert {one.actor.database_user for one in mine} == {login}
    shown = run("incident", "show", feed, number).stdout + run("incident", "report", feed, number).stdout
    assert ("postgres (database) as" in shown) == (login is not None)
