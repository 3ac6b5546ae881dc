"""What was not looked at has not passed, nothing is made to be looked at, and each finding names its remedy."""

import sqlite3

import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from ticktrail.errors import ConfigError
from ticktrail.events import PluginLoaded
from ticktrail.plugin import Routed
from ticktrail_compliance.acting import acting, noting
from ticktrail_compliance.acts import ProviderReviewed, actor_here
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
