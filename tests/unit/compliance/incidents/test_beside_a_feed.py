"""What a feed opens and reminds of by itself, in the log's own thread."""

import sys

import anyio
import pytest

from ticktrail.errors import ConfigError
from ticktrail.events import ClockBreachBegun, LegDown
from ticktrail.testing import ManualClock
from ticktrail_compliance.acts import IncidentReminded
from ticktrail_compliance.acts.incidents import IncidentAssessed
from ticktrail_compliance.incidents.register import register_of
from ticktrail_compliance.incidents.watch import DAY_NS, Watch
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.recording.recorder import Recorder
from ticktrail_compliance.store.appender import Appender
from ticktrail_mock.venue.alpaca import serve_alpaca
from unit.alpaca.live import tape
from unit.compliance.incidents.making import ACTOR, opening, run, step
from unit.compliance.logs import NOW_NS, opened, settings, up, write


def refusal(cause="credentials", *, permanent=True, detail="Alpaca says 402", at_ns=NOW_NS):
    return LegDown(
        at_ns=at_ns,
        provider="alpaca",
        cause=cause,
        detail=detail,
        permanent=permanent,
        failures=1,
        retry_in_s=None,
    )


def breach(at_ns=NOW_NS):
    return ClockBreachBegun(at_ns=at_ns, cause="offset", offset_ns=1, bound_ns=1, limit_ns=1)


def incidents(folder, **more):
    with opened(folder, **more) as log:
        return list(register_of(log).incidents.values())


def record(folder, records, heard=None, **more):
    anyio.run(lambda: write(folder, records, warn=(heard if heard is not None else []).append, **more))


def test_what_a_venue_refuses_for_the_credentials_sake_opens_one_incident(tmp_path, database):
    """Once, however often, and not again at the next start; for another cause none."""
    heard = []
    record(tmp_path, [refusal("refused"), refusal(permanent=False)], heard, database=database)
    assert incidents(tmp_path, database=database) == []
    for _ in range(2):
        record(tmp_path, [up(1), refusal(), refusal()], heard, database=database)
    (one,) = incidents(tmp_path, database=database)
    assert (one.opened.kind, one.opened.subject, one.opened.by) == (
        "venue_authentication",
        "alpaca",
        "ticktrail",
    )
    assert (one.customer_information, one.notice_owed) == ("no", False)
    assert sum("was opened" in text for text in heard) == 1


def test_breaches_of_the_clock_beyond_what_the_policy_tolerates(tmp_path):
    """One more than that within 24 hours; spread over days they are tolerated."""
    (tmp_path / "policy.toml").write_text(
        '[compliance]\nfirm = "F"\n[compliance.incidents]\nclock_breaches = 2\n'
    )
    apart = [breach(NOW_NS + number * DAY_NS // 2) for number in range(1, 9, 2)]
    record(tmp_path, apart, policy="policy.toml")
    assert incidents(tmp_path) == []
    record(tmp_path, [breach(NOW_NS + number) for number in range(3)], policy="policy.toml")
    (one,) = incidents(tmp_path)
    assert (one.opened.kind, list(one.classes)) == ("clock", ["clock"])


def test_a_policy_below_its_minimum_opens_an_incident_although_the_feed_does_not_start(tmp_path, database):
    """Once; the feed says why it does not start."""
    (tmp_path / "policy.toml").write_text('[compliance]\nfirm = "F"\napplicable = ["sox"]\n')
    for _ in range(2):
        with pytest.raises(ConfigError, match="sox asks for"):
            record(tmp_path, [], database=database, policy="policy.toml")
    (one,) = incidents(tmp_path, database=database)
    assert one.opened.kind == "policy_breach"
    assert "sox asks for" in one.opened.detail


def test_what_is_opened_is_bounded_whatever_a_venue_says():
    """A detail of any length is clipped."""
    (act,) = Watch("f" * 999, ACTOR).see([refusal(detail="x" * 99_999)], NOW_NS, 3)
    assert len(act.detail) <= 8_000
    assert all(len(name) <= 200 for name in act.systems)


def add(folder, act):
    """Write an act beside a feed that runs, as a command does."""
    with opened(folder, write=True) as log:
        Appender(log, lambda: act.at_ns).append([gathered_act("incident", act).draft()])


def recorder(folder, clock, heard):
    return Recorder(settings(), folder, "test", clock, heard.append)


def test_a_feed_reminds_as_time_passes_and_catches_up_after_a_pause(tmp_path):
    """Each once while it runs; after a pause the latest alone; then once that it is over."""
    clock, heard = ManualClock(), []
    running = recorder(tmp_path, clock, heard)
    running.open()
    aware_ns = clock.now_ns()
    add(tmp_path, opening(at_ns=aware_ns, aware_ns=aware_ns))
    for days in (19.9, 20.1, 20.2):
        clock.advance(aware_ns / 1e9 + days * 86_400 - clock.now_ns() / 1e9)
        running.attend()
        running.attend()
    assert sum("is over in 9 d" in text for text in heard) == 1
    running.close()
    clock.advance(9.5 * 86_400)
    running = recorder(tmp_path, clock, heard)
    running.open()
    clock.advance(86_400)
    running.attend()
    running.attend()
    running.close()
    with opened(tmp_path) as log:
        days = [
            one.before_ns // DAY_NS
            for _, one in read_records(log, Range())
            if isinstance(one, IncidentReminded)
        ]
    assert days == [10, 1, 0]
    assert sum("is over since" in text for text in heard) == 1


def test_what_is_told_is_told_to_be_over(tmp_path):
    """What is due is told by name and subject, without the title of the incident; so is that it is due no more."""
    clock, told = ManualClock(), []
    running = Recorder(settings(), tmp_path, "test", clock, lambda _: None, told.append)
    running.open()
    now_ns = clock.now_ns()
    opened_act = opening(at_ns=now_ns, aware_ns=now_ns, title="words of people")
    add(tmp_path, opened_act)
    clock.advance(31 * 86_400)
    running.attend()
    (overdue,) = told
    assert (overdue.name, overdue.severity, overdue.is_over) == ("incident_due", "critical", False)
    assert "words of people" not in overdue.text
    number = int(overdue.about.partition(" ")[0])
    found = step(
        IncidentAssessed, at_ns=clock.now_ns(), incident=number, customer_information="no", ground="looked"
    )
    add(tmp_path, found)
    running.attend()
    running.attend()
    running.close()
    assert [(one.name, one.about, one.is_over) for one in told[1:]] == [("incident_due", overdue.about, True)]


FEED = """\
[feed]
name = "stage"
profile = "development"
instruments = ["BTC/USD"]
channels = ["trades"]
[clock]
servers = []
[providers.alpaca]
market = "crypto"
ws_url = "{ws}"
rest_url = "{rest}"
key_id = {{ file = "id" }}
secret_key = {{ file = "secret" }}
[compliance]
key = {{ file = "audit.key" }}
"""


def test_a_venue_that_answers_402_opens_an_incident(tmp_path):
    """A whole feed at a loopback venue with a key that it does not know; the key stands nowhere in the record."""
    secret = "a-secret-that-nobody-knows"

    async def at_the_venue():
        async with serve_alpaca(tape("BTC/USD", market="crypto")) as venue:
            (tmp_path / "feed.toml").write_text(FEED.format(ws=venue.ws_url(), rest=venue.rest_url()))
            (tmp_path / "id").write_text("NOBODY")
            (tmp_path / "secret").write_text(secret)
            command = [sys.executable, "-m", "ticktrail", "run", str(tmp_path / "feed.toml"), "--for", "20s"]
            return await anyio.run_process(command, check=False)

    done = anyio.run(at_the_venue, backend="trio")
    assert b"incident" in done.stderr, done.stderr
    assert secret.encode() not in done.stdout + done.stderr
    (one,) = incidents(tmp_path)
    assert one.opened.kind == "venue_authentication"
    assert secret not in run("incident", "report", tmp_path / "feed.toml", one.number).stdout
