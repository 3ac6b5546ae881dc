"""What was not looked at has not passed, nothing is made to be looked at, and each finding names its remedy."""

import sqlite3
from dataclasses import replace

import msgspec
import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.digest import distribution_sha256
from ticktrail.errors import ConfigError
from ticktrail.events import PluginLoaded
from ticktrail.pins import Pin, write_lock
from ticktrail.plugin import Routed
from ticktrail_compliance.acting import acting, noting
from ticktrail_compliance.acts import ProviderReviewed, actor_here
from ticktrail_compliance.checks.facts import gather
from ticktrail_compliance.checks.keys import MOST_BESIDE
from ticktrail_compliance.checks.registry import CONTROLS
from unit.compliance.checks.stage import DAY_NS, Stage


def failed(found):
    return {name for name, one in found.items() if one.found == "failed"}


def test_a_feed_that_never_ran_is_not_checked_and_nothing_is_made(tmp_path):
    """Neither database nor key: what needs them is unknown, nothing is written, and the status is that of a mistake."""
    stage = Stage(tmp_path, "sqlite:///audit.db")
    stage.write_feed()
    for command in (["compliance", "check"], ["incident", "list"], ["compliance", "policy", "show"]):
        done = CliRunner().invoke(program, [*command, str(stage.feed_file)])
        assert done.exit_code == 2, done.output
        assert "there is no audit database" in done.stderr
        assert "start the feed once" in done.stderr
        assert [path.name for path in tmp_path.iterdir()] == ["feed.toml"]
    assert stage.look()["keys.file"].found == "unknown"


def test_to_note_something_makes_no_log(tmp_path):
    """Whatever opens a log to write what came of a reading of it."""
    stage = Stage(tmp_path, "sqlite:///audit.db")
    stage.write_feed()
    with pytest.raises(ConfigError, match="there is no audit database"), noting(stage.named()):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["feed.toml"]


def test_an_empty_database_is_given_no_log_by_a_check(tmp_path, database):
    """One that somebody made for the feed, which has not run yet."""
    stage = Stage(tmp_path, database)
    stage.write_feed()
    if database.startswith("sqlite"):
        sqlite3.connect(tmp_path / "audit.db").close()
        (tmp_path / "audit.db").touch()
    done = CliRunner().invoke(program, ["compliance", "check", str(stage.feed_file)])
    assert done.exit_code == 2, done.output
    assert "holds no audit log" in done.stderr
    assert not (tmp_path / "audit.key").exists()


def test_without_a_run_what_looks_at_one_is_unknown_with_its_remedy(tmp_path, database):
    """Another feed wrote the log: nothing of it is said of this one."""
    stage = Stage(tmp_path, database).build()
    stage.feed_file.write_text(stage.feed_file.read_text().replace('name = "test"', 'name = "other"'))
    found = stage.look()
    need = {one.id for one in CONTROLS if one.needs_run}
    assert need == {
        "providers.registered", "transport.tls", "transport.plain", "recording.synthetic",
        "recording.journal", "recording.before_delivery",
        "plugins.installed", "plugins.pinned", "clock.measured", "clock.tolerance",
    }  # fmt: skip
    assert {found[name].found for name in need} == {"unknown"}
    assert all("no run of feed other: start it" in found[name].detail for name in need)
    assert "[clock] servers" in found["clock.measured"].detail
    assert failed(found) == set()


def test_without_a_segment_made_up_data_is_unknown(tmp_path, database):
    """Nothing was looked at, and nothing passes."""
    stage = Stage(tmp_path, database)
    stage.events, events = lambda: [one for one in events() if not isinstance(one, Routed)], stage.events
    found = stage.build().look()
    assert found["recording.synthetic"].found == "unknown"
    assert "run the feed" in found["recording.synthetic"].detail


def test_without_an_anchor_nobody_knows_and_the_remedy_is_told(tmp_path, database):
    """A log that is put back whole is seen by an anchor alone."""
    stage = Stage(tmp_path, database).build()
    text = stage.feed_file.read_text()
    stage.feed_file.write_text(text.replace('anchors = ["anchor.txt"]\n', ""))
    found = stage.look()["log.anchors"]
    assert found.found == "unknown"
    assert "name a file on another disk in [compliance] anchors" in found.detail


def loaded(name, ran="9.9"):
    return PluginLoaded(at_ns=1, name=name, distribution=f"ticktrail-{name}", version=ran, sha256="0")


def test_a_pinned_version_that_differs_is_told_before_what_is_not_pinned(tmp_path, database):
    """Though the other one is loaded first, and is used."""
    stage = Stage(tmp_path, database, pin="9.9.9")
    stage.events, events = lambda: [loaded("compliance"), *events()], stage.events
    found = stage.build().look()["plugins.pinned"]
    assert found.found == "failed"
    assert "and 9.9.9 is pinned" in found.detail


@pytest.mark.parametrize(
    ("name", "allow", "says"),
    [("alpaca", "", ""), ("compliance", "", "not pinned"), ("house", "ticktrail_House", "not pinned")],
)
def test_only_what_the_run_used_needs_a_pin(tmp_path, database, name, allow, says):
    """A provider of no leg is loaded since it is installed; the audit tells of the run; another one was allowed."""
    stage = Stage(tmp_path, database, more=[loaded(name)])
    write_feed = stage.write_feed

    def with_allow():
        write_feed()
        stage.feed_file.write_text(f'{stage.feed_file.read_text()}[plugins]\nallow = ["{allow}"]\n')

    stage.write_feed = with_allow
    found = stage.build().look()["plugins.pinned"]
    assert (found.found, says in found.detail) == ("failed" if says else "passed", True), found.detail
    stage.feed_file.write_text(f"{stage.feed_file.read_text()}# changed since\n")
    assert "not pinned" in stage.look()["plugins.pinned"].detail


@pytest.mark.parametrize(
    ("servers", "told"),
    [
        ('["time.example", "time.other.example"]', "time.example, time.other.example ([clock] servers)"),
        ("", "[clock] servers names none"),
    ],
)
def test_a_clock_that_is_not_measured_names_the_servers(tmp_path, servers, told):
    """And the key that names them."""
    stage = Stage(tmp_path, "sqlite:///audit.db").build()
    if servers:
        stage.feed_file.write_text(f"{stage.feed_file.read_text()}[clock]\nservers = {servers}\n")
    found = stage.look(at_ns=stage.now_ns + 2 * DAY_NS)["clock.measured"]
    assert found.found == "failed"
    assert told in found.detail


def test_a_review_that_failed_fails_until_a_later_one(tmp_path, database):
    """Concerns are told, and pass."""
    stage = Stage(tmp_path, database).build()
    seen = []
    for outcome in ("failed", "concerns", "ok"):
        act = ProviderReviewed(
            at_ns=stage.now_ns,
            actor=actor_here(),
            provider="venue",
            outcome=outcome,
            note="",
            next_review="2999-01-01",
        )
        with acting(stage.named(), "provider_review", "a test") as found:
            seq = found.record("access", act)
        look = stage.look()["providers.reviewed"]
        assert look.evidence == seq
        seen.append((look.found, look.detail))
    assert [one for one, _ in seen] == ["failed", "passed", "passed"]
    assert "the last review of venue failed" in seen[0][1]
    assert "with concerns: venue" in seen[1][1]
    assert "venue" not in seen[2][1]


def test_a_file_beside_a_plugin_that_is_changed_fails(tmp_path, monkeypatch):
    """Though the plugin's own module is as it ran."""
    (tmp_path / "acme").mkdir()
    (tmp_path / "acme/__init__.py").touch()
    (tmp_path / "acme/plugin.py").touch()
    (tmp_path / "acme/decoder.py").write_text("FACTOR = 1\n")
    info = tmp_path / "acme_feeds-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-feeds\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ticktrail]\nacme = acme.plugin\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    ran = distribution_sha256("acme-feeds")
    told = PluginLoaded(at_ns=1, name="acme", distribution="acme-feeds", version="1.0", sha256=ran)
    stage = Stage(tmp_path, "sqlite:///audit.db", more=[told]).build()
    assert stage.look()["plugins.installed"].found == "passed"
    (tmp_path / "acme/decoder.py").write_text("FACTOR = 2\n")
    found = stage.look()["plugins.installed"]
    assert found.found == "failed"
    assert "the files of acme-feeds 1.0 (plugin acme) are not those that ran" in found.detail


def test_copies_of_a_key_are_looked_for_within_bounds(tmp_path):
    """A line's end more is the same key; a link to it is no copy; among too many files nobody has looked."""
    stage = Stage(tmp_path, "sqlite:///audit.db").build()
    (tmp_path / "link.key").symlink_to("audit.key")
    assert stage.look()["keys.file"].found == "passed"
    (tmp_path / "hard").hardlink_to(
        tmp_path / "audit.key"
    )  # which is there still once the key file is removed
    assert f"{tmp_path}/hard is a copy of the key" in stage.look()["keys.file"].detail
    (tmp_path / "hard").unlink()
    (tmp_path / "notes").write_bytes(b"\n" + (tmp_path / "audit.key").read_bytes() + b"\r\n")
    found = stage.look()["keys.file"]
    assert (found.found, f"{tmp_path}/notes is a copy of the key" in found.detail) == ("failed", True)
    (tmp_path / "notes").unlink()
    (tmp_path / "many").mkdir()
    (tmp_path / "audit.key").rename(tmp_path / "many/real.key")
    (tmp_path / "audit.key").symlink_to("many/real.key")
    (tmp_path / "many/copy").write_bytes((tmp_path / "audit.key").read_bytes())
    assert f"{tmp_path}/many/copy is a copy" in stage.look()["keys.file"].detail
    (tmp_path / "many/copy").unlink()
    for number in range(MOST_BESIDE):
        (tmp_path / f"many/{number}").touch()
    found = stage.look()["keys.file"]
    assert (found.found, "keep the key in a folder of its own" in found.detail) == ("unknown", True)


@pytest.mark.parametrize("ran", [{}, {"journal": "rejected", "before_delivery": True, "segment_s": 2.0}])
def test_a_run_is_judged_by_its_own_settings_and_not_by_a_file_that_was_changed_since(
    tmp_path, database, ran
):
    """Neither made good nor made bad by it; what the file says now is told."""
    stage = Stage(tmp_path, database, recording=ran).build()
    before = stage.look()
    assert not any("feed file says" in one.detail for one in before.values()) or ran
    if ran:
        stage.write_feed(journal="all")
    else:
        stage.write_feed(journal="rejected", before_delivery="true", on_failure='"spool"')
    found = stage.look()
    names = ("recording.journal", "recording.before_delivery", "recording.failure")
    assert [found[name].found for name in names] == ["failed" if ran else "passed", "passed", "passed"]
    assert all(found[name].evidence == 1 for name in names)
    assert ('the feed file says journal = "rejected" now' in found["recording.journal"].detail) == (not ran)
    told = found["recording.before_delivery"].detail
    assert ("before_delivery = false, segment_s = 1.0 now" if ran else "before_delivery = true now") in told
    assert ('on_failure = "spool" now' in found["recording.failure"].detail) == (not ran)


def test_a_run_that_does_not_tell_its_settings_is_unknown(tmp_path):
    """As one of an earlier version: nothing is taken from the file for it."""
    assert _judged(None, tmp_path) == {"recording.journal": "unknown", "recording.before_delivery": "unknown"}


def _judged(recording, folder):
    stage = Stage(folder, "sqlite:///audit.db").build()
    named = stage.named()
    with named.open() as log:
        facts = gather(named, stage.feed_file, stage.now_ns, log)
        run = facts.run
        act = msgspec.structs.replace(run.opening.act, recording=recording)
        facts = replace(facts, run=replace(run, opening=replace(run.opening, act=act)))
        wanted = ("recording.journal", "recording.before_delivery")
        return {one.id: one.look(facts).found for one in CONTROLS if one.id in wanted}


@pytest.mark.parametrize(
    ("locked", "found", "says"),
    [
        (lambda one: one, "passed", "1 pin of the policy and 2 pins of the feed's lock held"),
        (lambda one: replace_pin(one, "1" * 64), "failed", "plugins.lock pins "),
        (None, "failed", "what the feed's lock pins cannot be read"),
    ],
    ids=["holds", "another", "broken"],
)
def test_the_lock_of_the_feed_pins_as_well(tmp_path, database, locked, found, says):
    """What ran is held against it; a lock that nobody can read is no lock that holds."""
    stage = Stage(tmp_path, database)
    write_feed = stage.write_feed

    def with_lock():
        write_feed()
        stage.feed_file.write_text(f'{stage.feed_file.read_text()}[plugins]\nlock = "plugins.lock"\n')
        if locked is not None:
            ran = [one for one in stage.events() if isinstance(one, PluginLoaded)]
            pins = [Pin(name=one.distribution, version=one.version, sha256=one.sha256) for one in ran]
            (stage.feed_file.parent / "plugins.lock").write_text(write_lock(map(locked, pins)))

    stage.write_feed = with_lock
    look = stage.build().look()["plugins.pinned"]
    assert (look.found, says in look.detail) == (found, True), look.detail


def replace_pin(pin, sha256):
    return msgspec.structs.replace(pin, sha256=sha256) if pin.name == "ticktrail-binance" else pin
