"""Each control passes where its safeguard holds, and it alone fails where that is broken."""

import hashlib
import json
import os
import sqlite3

import anyio
import pytest
import sqlalchemy
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.events import ClockBreachBegun
from ticktrail.plugin import Routed
from ticktrail.testing import ManualClock, make_trade
from ticktrail_compliance.acting import acting
from ticktrail_compliance.acts import ChecksRun, KeysRewrapped, LogVerified, actor_here
from ticktrail_compliance.checks.registry import CONTROLS
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.appender import Appender
from unit.compliance.checks.stage import DAY_NS, HOUR_NS, Stage
from unit.compliance.incidents.making import opening
from unit.compliance.logs import attacked, change, opened, write


def failed(found):
    return {name for name, one in found.items() if one.found == "failed"}


def is_sqlite(stage):
    return stage.database.startswith("sqlite")


def made_up(stage):
    return Routed(provider="leg", recv_ns=stage.now_ns, delivered=[make_trade("1.00", synthetic=True)])


def breach(stage):
    return ClockBreachBegun(at_ns=stage.now_ns, cause="offset", offset_ns=9, bound_ns=9, limit_ns=1)


def loosen(stage):
    (stage.folder / "audit.key").chmod(0o640)


def copy_key(stage):
    """As an editor or a careful person leaves it, under any name."""
    (stage.folder / "audit.key.bak").write_bytes((stage.folder / "audit.key").read_bytes())
    (stage.folder / "audit.key.bak").chmod(0o644)


def old_spool(stage):
    folder = stage.folder / "audit-spool"
    folder.mkdir()
    (folder / "x.spool").write_bytes(b"\x00")
    age(folder / "x.spool", stage.now_ns - 2 * HOUR_NS)


def age(path, at_ns):
    os.utime(path, ns=(at_ns, at_ns))


def disclose(stage):
    """Somebody keeps an instrument beside what is sealed."""
    if is_sqlite(stage):
        with sqlite3.connect(stage.folder / "audit.db") as connection:
            connection.execute("CREATE TABLE notes (note TEXT)")
            connection.execute("INSERT INTO notes VALUES ('about BTC/USDT')")
    else:
        with attacked(stage.folder, database=stage.database) as connection:
            connection.execute(
                sqlalchemy.text("ALTER TABLE audit_entries ADD note text DEFAULT 'about BTC/USDT'")
            )


def uncovered(stage):
    """Entries that a crash left without a checkpoint, two hours ago."""
    with opened(stage.folder, write=True, **stage.settings()) as log:
        appender = Appender(log, lambda: stage.now_ns - 2 * HOUR_NS)
        act = KeysRewrapped(at_ns=stage.now_ns, actor=actor_here(), from_kek="a", to_kek="b", keys=1)
        appender.append([gathered_act("access", act).draft()])


def old_backup(stage):
    age(stage.backups / "one.db", stage.now_ns - 27 * HOUR_NS)


def no_backup(stage):
    (stage.backups / "one.db").unlink()


def foreign_backup(stage):
    """Another log's, of which this one's keys open nothing."""
    other = stage.folder / "other"
    other.mkdir()
    anyio.run(lambda: write(other, [made_up(stage)]))
    (other / "audit.db").replace(stage.backups / "one.db")


def bent_backup(stage):
    with sqlite3.connect(stage.backups / "one.db") as connection:
        connection.execute("UPDATE audit_entries SET records = records + 1 WHERE seq = 3")


def forgotten_anchor(stage):
    (stage.folder / "anchor.txt").unlink()


def foreign_anchor(stage):
    """An anchor that knows another root of as many entries."""
    other = stage.folder / "other"
    other.mkdir()
    anyio.run(lambda: write(other, [made_up(stage)], anchors=("anchor.txt",)))
    (stage.folder / "anchor.txt").write_bytes((other / "anchor.txt").read_bytes())


def other_policy(stage):
    path = stage.folder / "policy.toml"
    path.write_text(path.read_text() + "# changed since\n")


def with_clock(**more):
    return lambda stage: stage.broken.update(clock=more)


def before(**broken):
    """Broken from the start."""
    return lambda stage: stage.broken.update(broken), None


def with_events(make):
    return lambda stage: stage.broken.update(more=[make(stage)]), None


def overdue_incident(stage):
    """Somebody became aware of it forty days ago, and nobody was told."""
    act = opening(at_ns=stage.now_ns, aware_ns=stage.now_ns - 40 * DAY_NS, customer_information="yes")
    with acting(stage.named(), "incident_open", "a test") as found:
        found.record("incident", act)


def note_verified(stage, **told):
    act = {
        "at_ns": stage.now_ns,
        "actor": actor_here(),
        "sound": True,
        "mode": "quick",
        "size": 5,
        "findings": 0,
    }
    with acting(stage.named(), "verify", "a test") as found:
        found.record("access", LogVerified(**{**act, "head": "", **told}))


def quick_after_a_finding(stage):
    """A quick verification opens no content: what a full one found there is not over."""
    note_verified(stage, sound=False, mode="full", findings=1)
    note_verified(stage)


def emptied_incident(stage):
    act = opening(at_ns=stage.now_ns, aware_ns=stage.now_ns - 40 * DAY_NS, customer_information="yes")
    with acting(stage.named(), "incident_open", "a test") as found:
        seq = found.record("incident", act)
    change(stage.folder, schema.entries, {"body": b"?"}, schema.entries.c.seq == seq, database=stage.database)


def below_the_spool(stage):
    place = stage.folder / "audit-spool/old"
    place.mkdir(parents=True)
    (place / "copy").write_text("BTC/USDT 61837.63000000")


MUTATIONS = {
    "quick after a finding": ("log.verified", None, quick_after_a_finding),
    "verified in times to come": (
        "log.verified",
        None,
        lambda stage: note_verified(stage, at_ns=2 * stage.now_ns),
    ),
    "an incident that cannot be read": ("incidents.overdue", None, emptied_incident),
    "an instrument below the spool": ("rest.plaintext", None, below_the_spool),
    "nobody was told": ("incidents.overdue", None, overdue_incident),
    "policy changed since it was adopted": ("policy.in_force", None, other_policy),
    "review overdue": ("providers.reviewed", *before(contract_days=400)),
    "a leg of nobody's": ("providers.registered", *before(leg="other")),
    "TLS 1.1": ("transport.tls", *before(connections=[{}, {"tls": "TLSv1.1"}])),
    "plain text to a venue": ("transport.plain", *before(connections=[{}, {"tls": None, "cipher": None}])),
    "an instrument in the database": ("rest.plaintext", None, disclose),
    "a key open to a group": ("keys.file", None, loosen),
    "a copy of the key beside it": ("keys.file", None, copy_key),
    "a key on the disk where a service is asked for": ("keys.kind", *before(policy="key_service = true")),
    "a journal of rejected ticks": ("recording.journal", *before(recording={"journal": "rejected"})),
    "a spool that waits": ("recording.failure", None, old_spool),
    "delivery before the seal": ("recording.before_delivery", *before(policy="before_delivery = true")),
    "made-up data": ("recording.synthetic", *with_events(made_up)),
    "another version ran": ("plugins.installed", *before(plugin={"version": "0.0.1"}, pin="0.0.1")),
    "a changed file ran": ("plugins.installed", *before(plugin={"sha256": "00"})),
    "another version is pinned": ("plugins.pinned", *before(pin="9.9.9")),
    "a clock out of tolerance": ("clock.tolerance", with_clock(in_tolerance=False), None),
    "a limit above a second": ("clock.tolerance", with_clock(limit_ns=2 * 10**9), None),
    "an open breach": ("clock.tolerance", *with_events(breach)),
    "never verified": ("log.verified", *before(verified=None)),
    "verified long ago": ("log.verified", *before(verified_hours=200)),
    "verified and not sound": ("log.verified", *before(verified=False)),
    "no checkpoint": ("log.checkpoint", None, uncovered),
    "no anchor": ("log.anchors", None, forgotten_anchor),
    "another log's anchor": ("log.anchors", None, foreign_anchor),
    "no backup": ("backup.age", None, no_backup),
    "an old backup": ("backup.age", None, old_backup),
    "another log's backup": ("backup.opens", None, foreign_backup),
    "a changed backup": ("backup.opens", None, bent_backup),
}
"""What is broken: the one control that fails of it, what is done before the feed runs, and what is done after."""

SERVERS_DUMP = {"another log's backup", "a changed backup"}


def test_nothing_fails_of_a_sound_feed(tmp_path, database):
    """Every control passes that applies."""
    found = Stage(tmp_path, database).build().look()
    wrong = {name: one.detail for name, one in found.items() if one.found != "passed"}
    unknown = set() if database.startswith("sqlite") else {"backup.opens"}
    assert wrong.keys() == unknown, wrong
    assert [*found] == [control.id for control in CONTROLS]


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_is_broken_fails_and_nothing_else(tmp_path, database, name):
    """One safeguard at a time."""
    control, first, then = MUTATIONS[name]
    stage = Stage(tmp_path, database)
    if name in SERVERS_DUMP and not is_sqlite(stage):
        pytest.skip("a server's dump is not opened")
    if first is not None:
        first(stage)
    stage.build()
    if then is not None:
        then(stage)
    found = stage.look()
    assert failed(found) == {control}, {one: found[one].detail for one in failed(found)}
    assert found[control].detail


@pytest.mark.parametrize(
    ("days", "more"),
    [
        (2, set()),
        (8, {"log.verified"}),
        (366, {"log.verified", "keys.age", "providers.reviewed"}),
        (366 * 7 + 60, {"log.verified", "keys.age", "providers.reviewed", "retention.lag"}),
    ],
)
def test_what_becomes_of_evidence_as_it_ages(tmp_path, database, days, more):
    """Each has its own time, counted from what was done last."""
    stage = Stage(tmp_path, database).build()
    assert failed(stage.look(at_ns=stage.now_ns + days * DAY_NS)) == {"clock.measured", "backup.age"} | more


def test_keys_beside_what_they_seal(tmp_path, database):
    """A server's log keeps them in its own database by default, which its backups hold then."""
    if database.startswith("sqlite"):
        pytest.skip("beside an SQLite log they are in a file of their own")
    assert failed(Stage(tmp_path, database, together=True).build().look()) == {"keys.apart"}


def test_every_control_can_fail():
    """There is none that only ever passes."""
    elsewhere = {"clock.measured", "keys.age", "retention.lag", "keys.apart", "transport.database"}
    assert {control for control, _, _ in MUTATIONS.values()} | elsewhere == {one.id for one in CONTROLS}


def test_a_database_beyond_this_machine_without_tls(tmp_path):
    """The URL says so before anything is opened; what needs the log is unknown then, and does not pass."""
    stage = Stage(tmp_path, "sqlite:///audit.db").build()
    stage.database = "postgresql+psycopg://u@db.invalid:1/audit"
    stage.write_feed()
    found = stage.look()
    assert failed(found) == {"transport.database"}
    assert "sslmode=verify-full" in found["transport.database"].detail
    assert found["rest.plaintext"].found == "unknown"


def test_outside_of_production_plain_text_on_this_machine_is_said(tmp_path, database):
    """Loopback is told as such, and passes."""
    local = {"host": "127.0.0.1", "loopback": True, "tls": None, "cipher": None}
    found = Stage(tmp_path, database, connections=[local], profile="development").build().look()
    assert failed(found) == set()
    assert found["transport.plain"].found == "passed"
    assert "on this machine" in found["transport.plain"].detail
    assert found["transport.tls"].found == "not_applicable"
    assert found["recording.synthetic"].found == "not_applicable"


def test_a_check_is_recorded_with_what_it_found(tmp_path, database):
    """By command: the log tells of the run; --dry leaves no trace; status 1 where something failed."""
    stage = Stage(tmp_path, database).build()

    def run(*more, status):
        done = CliRunner().invoke(program, ["compliance", "check", str(stage.feed_file), *more])
        assert done.exit_code == status, done.output
        return done.output

    def recorded():
        with opened(tmp_path, **stage.settings()) as log:
            return [one for _, one in read_records(log, Range()) if isinstance(one, ChecksRun)]

    run("--dry", status=0)
    assert recorded() == []
    assert "recorded in entry" in run(status=0)
    no_backup(stage)
    told = json.loads(run("--json", status=1))
    assert told["failed"] == 1
    first, second = recorded()
    assert (first.failed, second.failed) == (0, 1)
    assert [one.control for one in second.results if one.found == "failed"] == ["backup.age"]
    assert [one["id"] for one in told["controls"]] == [one.control for one in second.results]
    assert first.feed == str(stage.feed_file)
    assert first.feed_sha256 == hashlib.sha256(stage.feed_file.read_bytes()).hexdigest()
    by_id = {one["id"]: one for one in told["controls"]}
    assert by_id["log.verified"]["rule"] == "17 CFR 240.17a-4(f)"
    assert by_id["log.verified"]["evidence"] > 1


def test_a_log_that_is_not_there_is_unknown_and_not_sound(tmp_path):
    """What can be seen without it is looked at all the same."""
    stage = Stage(tmp_path, "sqlite:///audit.db").build()
    (tmp_path / "audit.db").unlink()
    done = CliRunner().invoke(program, ["compliance", "check", str(stage.feed_file), "--json"])
    told = {one["id"]: one["found"] for one in json.loads(done.stdout)["controls"]}
    assert told["log.verified"] == "unknown"
    assert told["keys.file"] == "passed"
    assert "not recorded in the log" in done.stderr
    assert done.exit_code == 2
    assert not (tmp_path / "audit.db").exists()


@pytest.mark.parametrize("more", [(), ("--quick",)])
def test_verify_says_in_the_log_that_it_was_done(tmp_path, database, more):
    """Under a policy; and the log is sound with that entry."""
    stage = Stage(tmp_path, database, verified=None).build()
    assert failed(stage.look()) == {"log.verified"}
    for _ in range(2):
        done = CliRunner().invoke(program, ["audit", "verify", str(stage.feed_file), *more])
        assert done.exit_code == 0, done.output
    found = stage.look()
    assert failed(found) == set()
    assert ("quick" if more else "full") in found["log.verified"].detail


def test_verify_leaves_a_log_without_a_policy_as_it_is(tmp_path, database):
    """Nothing is added to it."""
    anyio.run(lambda: write(tmp_path, [], clock=ManualClock(), database=database))
    with opened(tmp_path, database=database) as log:
        count = log.count()
    (tmp_path / "feed.toml").write_text(
        f'[compliance]\nkey = {{ file = "audit.key" }}\ndatabase = "{database}"\n'
    )
    done = CliRunner().invoke(program, ["audit", "verify", str(tmp_path / "feed.toml")])
    assert done.exit_code == 0, done.output
    with opened(tmp_path, database=database) as log:
        assert log.count() == count


def test_a_link_to_the_log_is_no_backup_and_no_other_store(tmp_path):
    """Whatever it is called."""
    stage = Stage(tmp_path, "sqlite:///audit.db").build()
    for path in stage.backups.iterdir():
        path.unlink()
    (stage.backups / "new.db").symlink_to(tmp_path / "audit.db")
    assert stage.look()["backup.age"].found == "failed"
    (tmp_path / "k.db").symlink_to(tmp_path / "audit.db")
    stage.feed_file.write_text(stage.feed_file.read_text().replace("audit-keys.db", "k.db"))
    assert stage.look()["keys.apart"].found == "failed"


def test_a_backup_is_as_old_as_what_is_in_it(tmp_path):
    """A copy that is made today of a copy of long ago is new as a file alone."""
    stage = Stage(tmp_path, "sqlite:///audit.db").build()
    note_verified(stage)
    later_ns = stage.now_ns + 100 * DAY_NS
    (newest,) = [path for path in stage.backups.iterdir() if path.suffix == ".db"]
    os.utime(newest, ns=(later_ns, later_ns))
    found = stage.look(at_ns=later_ns)
    assert found["backup.age"].found == "passed"
    assert "the file is newer than what is in it" in found["backup.opens"].detail


def test_the_way_to_a_server_may_be_said_elsewhere(tmp_path, monkeypatch):
    """By the environment that the driver reads, or a file of services."""
    stage = Stage(tmp_path, "sqlite:///audit.db")
    stage.folder.joinpath("feed.toml").touch()
    for url, name, value, expected in (
        ("postgresql+psycopg://u@/db", "PGHOST", "192.0.2.1", "failed"),
        ("postgresql+psycopg://u@/db?service=far", "PGUSER", "u", "unknown"),
        ("mysql+pymysql://db.example/x", "PGUSER", "u", "unknown"),
    ):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            stage.database = url
            stage.write_feed()
            assert stage.look()["transport.database"].found == expected, url


def test_a_contract_at_the_end_of_time_is_no_fault(tmp_path):
    """Its review is due on the last day that there is."""
    found = Stage(tmp_path, "sqlite:///audit.db", contract_days=-2_900_000).build().look()
    assert found["providers.reviewed"].found == "passed"


@pytest.mark.parametrize("pattern", ["x**y", "/", "["])
def test_any_pattern_can_be_looked_for(tmp_path, pattern):
    """And finds what it finds: here nothing."""
    found = Stage(tmp_path, "sqlite:///audit.db", backup=pattern).build()
    assert found.look()["backup.age"].found == "failed"
