"""What `ticktrail plugins` tells: how each plugin stands, what it declares, and whether it is what was locked."""

import base64
import hashlib
import json
import sys
import tomllib

import click
import pytest
from click.testing import CliRunner

from ticktrail._host import Host
from ticktrail._host.telling import declarations
from ticktrail.cli.program import program
from ticktrail.digest import MOST_BYTES
from ticktrail.pins import read_lock
from unit.host.installed import ACME, install

FEED = """\
[feed]
name = "pinned"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]
[providers.synthetic]
[plugins]
allow = ["acme-feeds"]
{lock}
"""
LOCKED = 'lock = "plugins.lock"'
SINK = (
    "__import__('ticktrail.plugin').plugin.SinkSpec("
    "name={!r}, summary='x', settings=__import__('ticktrail.plugin').plugin.Settings, open=print)"
)
MARKED = "from pathlib import Path\nPath(r'{0}').touch()\n"


@pytest.fixture
def site(tmp_path, monkeypatch):
    folder = tmp_path / "site"
    folder.mkdir()
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(folder))
    yield folder
    for name in set(sys.modules) - before:
        if name.endswith("_module"):
            del sys.modules[name]


@pytest.fixture
def acme(site, tmp_path):
    """An installed plugin that leaves a mark where it is imported; gives the feed file that allows it, and the mark."""
    mark = tmp_path / "imported"
    text = ACME.read_text().replace("from __future__ import annotations\n", "")
    install(site, "acme-feeds", "acme", MARKED.format(mark) + text, version="2.5")
    feed = tmp_path / "feed.toml"
    feed.write_text(FEED.format(lock=LOCKED))
    return feed, mark


def run(*args, status=0):
    done = CliRunner().invoke(program, ["plugins", *map(str, args)])
    assert done.exit_code == status, done.output
    return done.stdout if status != 2 else done.stderr


def rows(*args):
    return {row["name"]: row for row in json.loads(run("list", *args, "--json"))}


def test_a_name_cannot_write_to_the_terminal(site):
    """What an entry point is called is a stranger's text, also where nobody allowed it."""
    install(site, "loud-feeds", "lo\x1b]0;hacked\x07ud", "")
    done = CliRunner().invoke(program, ["plugins", "list"], color=True)
    assert "lo\\x1b]0;hacked\\x07ud" in done.stdout
    assert "\x1b]0;" not in done.stdout


def test_what_a_plugin_declares_cannot_write_to_the_terminal(site):
    """A name, a line of summary and an example are a stranger's texts too."""
    sink = SINK.format("loud\x1b[2J").replace("'x'", "'sum\x1b[2Jmary'")
    head = "from ticktrail.plugin import hookimpl\nTICKTRAIL_API = 1\n@hookimpl\n"
    install(site, "loud-feeds", "loud", f"{head}def ticktrail_sinks(): return [{sink}]")
    done = CliRunner().invoke(program, ["plugins", "show", "loud", "--allow=loud-feeds"], color=True)
    assert "sum\\x1b[2Jmary" in done.stdout
    assert 'plugin = "loud\\x1b[2J"' in done.stdout
    assert "\x1b[2J" not in done.stdout


@pytest.mark.parametrize("name", ["idle", "idle-feeds"])
def test_a_plugin_that_declares_nothing_is_no_slip(site, name):
    """It is there and takes part, so that its own name is not offered as what was meant."""
    install(site, "idle-feeds", "idle", "TICKTRAIL_API = 1")
    said = run("show", name, "--allow=idle-feeds", status=2)
    assert "declares nothing" in said
    assert "did you mean" not in said


def test_a_provider_that_cannot_say_what_it_can_is_listed(site):
    """What `describe` answers is a stranger's value; `check` holds it to what it should be."""
    text = ACME.read_text().replace("    return Capabilities(", "    return 7\n    return Capabilities(")
    install(site, "acme-feeds", "acme", text)
    assert "provider acme" in rows("--allow=acme-feeds")["acme"]["declares"]


def test_a_plugin_that_cannot_be_hashed_hides_no_other(site):
    """A feed that allows it does not start; whoever looks at what is installed sees the others, and why."""
    install(site, "vast-feeds", "vast", "TICKTRAIL_API = 1")
    package = site / "vast_feeds_module"
    package.mkdir()
    (site / "vast_feeds_module.py").rename(package / "__init__.py")
    with (package / "data.bin").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    found = rows("--allow=vast-feeds")
    assert found["vast"]["state"] == "broken"
    assert "more than 256 MiB of files" in found["vast"]["reason"]
    assert found["binance"]["state"] == "active"


def test_nobody_is_told_to_allow_what_has_no_name(site):
    """Of a distribution's remains nothing tells whose they are."""
    install(site, "acme-feeds", "acme", "raise SystemExit('imported!')")
    (site / "acme_feeds-1.0.dist-info" / "METADATA").unlink()
    assert rows()["acme"]["state"] == "not allowed"
    assert "uninstall it" in rows()["acme"]["reason"]


def test_each_state_is_told_with_its_reason_and_remedy(site):
    """Active, not allowed, quarantined and incompatible are four things, and each says what to do."""
    install(site, "acme-feeds", "acme", ACME.read_text())
    install(site, "sick-feeds", "sick", "import no_such_module_anywhere")
    install(site, "late-feeds", "late", "TICKTRAIL_API = 2", version="9")
    install(site, "mute-feeds", "mute", "x = 1")
    install(site, "other-feeds", "other", "raise SystemExit('imported!')")
    allow = [f"--allow={name}-feeds" for name in ("acme", "sick", "late", "mute")]
    found = rows(*allow)
    assert {name: found[name]["state"] for name in ("acme", "sick", "late", "mute", "other")} == {
        "acme": "active",
        "sick": "quarantined",
        "late": "incompatible",
        "mute": "incompatible",
        "other": "not allowed",
    }
    assert found["acme"]["api"] == 1
    assert found["acme"]["kinds"] == ["provider", "route kind", "observer"]
    assert "no_such_module_anywhere" in found["sick"]["reason"]
    assert found["late"]["version"] == "9"
    assert "upgrade ticktrail" in found["late"]["reason"]
    assert "set TICKTRAIL_API = 1" in found["mute"]["reason"]
    assert 'allow = ["other-feeds"]' in found["other"]["reason"]
    text = run("list", *allow)
    assert "late: incompatible, late-feeds 9" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_plugin_at_fault_hides_no_other(site):
    """A misspelt hook, a hook that raises, a name declared twice: told of the plugin, and every other is listed."""
    head = "from ticktrail.plugin import hookimpl\nTICKTRAIL_API = 1\n@hookimpl\n"
    install(site, "acme-feeds", "acme", ACME.read_text())
    install(site, "twin-feeds", "twin", ACME.read_text())
    install(site, "odd-feeds", "odd", f"{head}def ticktrail_provider(): return []")
    install(site, "sore-feeds", "sore", f"{head}def ticktrail_sinks(): return 1 / 0")
    install(site, "word-feeds", "word", f"{head}def ticktrail_commands(): return 1 / 0")
    install(site, "mute-feeds", "mute", f"{head}def ticktrail_sinks(): return [{SINK.format(None)}]")
    dicts = SINK.format("dicts").replace("__import__('ticktrail.plugin').plugin.Settings", "dict")
    install(site, "dict-feeds", "dict", f"{head}def ticktrail_sinks(): return [{dicts}]")
    install(site, "list-feeds", "list", f"{head}def ticktrail_sinks(): return [{SINK.format([])}]")
    late = head.replace("@hookimpl", "@hookimpl(trylast=True)")
    install(site, "late-feeds", "late", f"{late}def ticktrail_sinks(): return [{SINK.format('jsonl')}]")
    install(site, "same-feeds", "same", "TICKTRAIL_API = 1")
    (site / "same_feeds-1.0.dist-info" / "entry_points.txt").write_text(
        "[ticktrail]\nsame = same_feeds_module\nself = same_feeds_module\n"
    )
    install(site, "wrong-feeds", "wrong", "raise SyntaxError('no', (b'bytes', 1, 1, ''))")
    names = ("acme", "twin", "odd", "sore", "word", "mute", "dict", "list", "late", "same", "wrong")
    allow = [f"--allow={name}-feeds" for name in names]
    found = rows(*allow)
    assert {name: found[name]["state"] for name in (*names, "self", "sinks", "binance")} == {
        "acme": "active",
        "twin": "broken",
        "odd": "broken",
        "sore": "broken",
        "word": "broken",
        "mute": "broken",
        "dict": "broken",
        "list": "broken",
        "late": "broken",
        "same": "active",
        "self": "broken",
        "wrong": "quarantined",
        "sinks": "active",
        "binance": "active",
    }
    assert 'sink "jsonl" is declared by both plugin sinks and plugin late' in found["late"]["reason"]
    assert "it is the very module or object of plugin same" in found["self"]["reason"]
    assert "did you mean ticktrail_providers?; it comes with odd-feeds" in found["odd"]["reason"]
    assert "ticktrail_sinks failed with ZeroDivisionError" in found["sore"]["reason"]
    assert 'provider "acme" is declared by both plugin acme and plugin twin' in found["twin"]["reason"]
    assert "twin: broken, twin-feeds" in run("list", *allow)
    assert "a plugin of odd-feeds, which may have it, is broken" in run("show", "odd", *allow, status=2)
    install(site, "again-feeds", "odd", "TICKTRAIL_API = 1")
    two = [
        row["state"]
        for row in json.loads(run("list", *allow, "--allow=again-feeds", "--json"))
        if row["name"] == "odd"
    ]
    assert sorted(two) == ["active", "broken"]


def test_what_a_provider_can_do_is_told_where_it_needs_no_settings():
    """A recording says nothing before it is named; a venue does."""
    found = rows()
    assert "provider binance (agg_trades, bars" in found["binance"]["declares"][0]
    assert "history of agg_trades, bars, trades" in found["binance"]["declares"][0]
    assert "provider replay" in found["mock"]["declares"]


def test_the_table_of_a_feed_file_counts(acme):
    """What it allows is active; a fault in it is told as `check` tells it."""
    feed, _ = acme
    run("lock", feed)
    assert rows(feed)["acme"]["state"] == "active"
    assert rows()["acme"]["state"] == "not allowed"
    feed.write_text(FEED.format(lock="loc = 3"))
    assert "unknown key; did you mean lock?" in run("list", feed, status=2)


def test_settings_are_shown_from_the_struct_with_their_docs():
    """Key, type, bounds, default, what the author wrote; tables within tables too."""
    (one,) = json.loads(run("show", "alerts", "--json"))[:1]
    keys = {key["key"]: key for key in one["settings"]}
    assert keys["look_s"] == {
        "key": "look_s",
        "type": "a number, at least 0.05, at most 60",
        "default": "2.0",
        "doc": "How often the feed is looked at.",
    }
    assert keys["to"]["required"]
    assert {key["key"] for key in keys["to"]["keys"]} >= {"name", "kind"} or keys["to"]["keys"]
    text = run("show", "synthetic")
    assert "rate: a number, above 0, at most 1,000,000; default 100.0" in text
    assert "Ticks a second, over all instruments." in text
    assert "[providers.synthetic]" in text


@pytest.mark.parametrize("name", ["mock", "ticktrail-mock", "Ticktrail_Mock"])
def test_a_plugin_or_its_distribution_is_shown_whole(name):
    """All that it declares, commands among them."""
    shown = [(one["kind"], one["name"]) for one in json.loads(run("show", name, "--json"))]
    assert ("provider", "replay") in shown
    assert ("command", "demo") in shown


def test_an_unknown_name_is_answered_with_the_nearest():
    """A slip of the pen is named."""
    assert "did you mean binance?" in run("show", "binanse", status=2)
    assert "`ticktrail plugins list` shows what there is" in run("show", "qqqqqq", status=2)


@pytest.mark.parametrize("command", [("list",), ("show", "jsonl")])
def test_what_is_to_be_allowed_and_is_not_there_is_told(command, site):
    """As of a feed file; one that is broken is there."""
    said = " ".join(run(*command, "--allow", "nope", "--allow", "acme-feeds", status=2).split())
    assert 'no plugin of a distribution "nope" is installed; install it, or take its name out' in said
    assert '"acme-feeds" is installed' in said
    install(site, "acme-feeds", "binance", "TICKTRAIL_API = 1")
    run(*command, "--allow", "acme-feeds")


def test_what_is_not_allowed_is_told_with_the_options_that_allow_it(site):
    """By a plugin's name, by its distribution's, and where it may be what is looked for."""
    install(site, "acme-feeds", "acme_sink", "raise SystemExit('imported!')")
    for name in ("acme_sink", "Acme.Feeds"):
        said = " ".join(run("show", name, status=2).split())
        assert f'"{name}" is of acme-feeds, which is installed but not allowed' in said
        assert "add --allow acme-feeds, or --feed FEED.toml" in said
    said = " ".join(run("show", "qqqqqq", status=2).split())
    assert (
        'not allowed: "acme-feeds"; if you trust one, add --allow and its name, or --feed FEED.toml' in said
    )


HOST = Host.load()


@pytest.mark.parametrize("one", list(declarations(HOST)), ids=lambda one: f"{one.kind} {one.name}")
def test_each_example_is_toml_with_every_required_key(one):
    """An example can be pasted: it parses, and lacks nothing that must be there."""
    if not one.settings:
        return
    tables = tomllib.loads(one.example)
    while len(tables) == 1 and isinstance(next(iter(tables.values())), dict | list):
        (tables,) = tables.values()
        if isinstance(tables, list):
            (tables,) = tables
    assert {key.key for key in one.settings if key.required} <= set(tables) | set(one.example.split())
    assert click.unstyle(one.example) == one.example


def test_a_lock_holds_until_something_changes(acme, site):
    """It is written once, the same each time; a changed file is told with both hashes, and `--check` exits 1."""
    feed, mark = acme
    lock = feed.parent / "plugins.lock"
    assert f"{lock}: pins" in run("lock", feed)
    assert lock.stat().st_mode & 0o777 == 0o644
    text = lock.read_text()
    before = {pin.name: pin for pin in read_lock(lock)}
    assert {"ticktrail", "acme-feeds", "ticktrail-mock"} <= set(before)
    assert before["acme-feeds"].plugins == ("acme",)
    assert "as it was" in run("lock", feed)
    assert lock.read_text() == text
    assert "holds for" in run("lock", feed, "--check")
    with (site / "acme_feeds_module.py").open("a") as file:
        file.write("# another\n")
    told = run("lock", feed, "--check", status=1)
    assert f"acme-feeds is locked as 2.5 (sha256 {before['acme-feeds'].sha256[:12]}…)" in told
    assert "still says it is 2.5 (sha256 " in told
    assert lock.read_text() == text
    assert json.loads(run("lock", feed, "--json"))["written"]
    assert "holds for" in run("lock", feed, "--check")
    assert not mark.exists(), "nothing was imported for it"


def test_the_first_lock_says_what_is_still_to_be_done(acme):
    """A feed file that does not name the lock does not go by it, and links to sources are told."""
    feed, _ = acme
    feed.write_text(FEED.format(lock=""))
    told = run("lock", feed)
    assert 'add lock = "plugins.lock" under [plugins]' in told
    assert "ticktrail-mock is installed as a link to its sources" in told
    assert (feed.parent / "plugins.lock").exists()


def test_a_file_that_was_edited_after_its_installation_is_named(acme, site):
    """RECORD says how each file was written."""
    feed, _ = acme
    module = site / "acme_feeds_module.py"
    record = site / "acme_feeds-2.5.dist-info" / "RECORD"
    digest = base64.urlsafe_b64encode(hashlib.sha256(module.read_bytes()).digest()).rstrip(b"=").decode()
    record.write_text(f"acme_feeds_module.py,sha256={digest},\n")
    run("lock", feed)
    module.write_text(module.read_text() + "# later\n")
    assert "not as acme-feeds was installed: acme_feeds_module.py" in run("lock", feed, "--check", status=1)
    for unknown in ("sha999=abc", "shake_128=abc", "=abc"):  # nothing that could be compared
        record.write_text(f"acme_feeds_module.py,{unknown},\n")
        assert "not as acme-feeds was installed: acme_feeds_module.py" in run(
            "lock", feed, "--check", status=1
        )
    record.write_text("acme_\x1b[2J.py,sha256=abc,\n")
    done = CliRunner().invoke(program, ["plugins", "lock", str(feed), "--check"], color=True)
    assert "acme_\\x1b[2J.py" in done.stdout


def test_a_lock_that_cannot_be_checked_is_an_error(acme):
    """Nothing is taken for a lock that holds."""
    feed, _ = acme
    assert "the lock of the plugins cannot be read (No such file" in run("lock", feed, "--check", status=2)
    (feed.parent / "plugins.lock").write_text("version = 2\n")
    assert "is no lock of plugins" in run("lock", feed, "--check", status=2)


@pytest.mark.parametrize("one", list(declarations(HOST)), ids=lambda one: f"{one.kind} {one.name}")
def test_each_key_of_our_own_plugins_says_what_it_is_for(one):
    """A key that nobody explains is a riddle."""
    assert [key.key for key in one.settings if not key.doc] == []
