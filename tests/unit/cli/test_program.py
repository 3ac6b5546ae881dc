import json
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from ticktrail._host import Host
from ticktrail.cli.program import program
from ticktrail.errors import AuditError, ConfigError
from unit.host.installed import ACME, install, plugin


def fails_with(error):
    def callback():
        raise error

    return callback


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the program where the distributions of ticktrail's extras are two throwaway ones.

    `commands` are those that the plugin of one of them brings.
    """
    install(tmp_path, "ticktrail-acme", "acme", ACME.read_text(encoding="utf-8"))
    install(tmp_path, "ticktrail-made", "made", "")
    core = tmp_path / "ticktrail-0.1.dist-info"
    core.mkdir()
    extras = "".join(f"Requires-Dist: ticktrail-{name}; extra == '{name}'\n" for name in ("acme", "made"))
    (core / "METADATA").write_text(f"Metadata-Version: 2.1\nName: ticktrail\nVersion: 0.1\n{extras}")
    (tmp_path / "ticktrail_of_the_test.py").write_text(
        ""
    )  # a distribution without a file cannot be told from another
    (core / "RECORD").write_text("ticktrail_of_the_test.py,,\n")
    (tmp_path / "ticktrail_made-1.0.dist-info" / "RECORD").write_text("ticktrail_made_module.py,,\n")
    monkeypatch.syspath_prepend(str(tmp_path))

    def run_with(*arguments, commands=()):
        monkeypatch.setitem(sys.modules, "ticktrail_made_module", plugin(ticktrail_commands=lambda: commands))
        return CliRunner().invoke(program, arguments)

    yield run_with
    sys.modules.pop("ticktrail_acme_module", None)


def test_help_lists_core_and_plugins(run):
    """A plugin's command stands beside core's own; the exit statuses are told."""
    done = run(
        "--help",
        commands=[click.Command("shine", short_help="Make light."), click.Command("dim", hidden=True)],
    )
    assert done.exit_code == 0
    for word in ("check", "plugins", "run", "schema", "shine", "Make light.", "Exit status"):
        assert word in done.output
    assert "dim" not in done.output


def test_help_survives_a_broken_plugin(run):
    """A plugin that cannot be asked takes away the plugins' commands and says so; core's own stay."""
    done = run("--help", commands=[7])
    assert done.exit_code == 0
    assert "check" in done.output
    assert "plugins' commands are missing here" in done.output


def test_core_commands_need_no_plugin(run):
    """A command of core runs though a plugin's commands cannot be had."""
    assert run("schema", commands=[7]).exit_code == 0
    assert run("shine", commands=[7]).exit_code == 2


def test_an_unknown_command_says_what_is_near_and_what_may_bring_it(run, tmp_path):
    """Status 2; a name that a plugin would bring is not merely unknown."""
    done = run("chek")
    assert done.exit_code == 2
    assert 'there is no command "chek"; did you mean check?' in done.stderr
    assert "pip install" not in done.stderr
    about = tmp_path / "ticktrail-0.1.dist-info" / "METADATA"
    about.write_text(about.read_text() + "Requires-Dist: ticktrail-nowhere; extra == 'nowhere'\n")
    done = run("weave")
    assert (
        "there is no command \"weave\"; plugins that are not installed may have it: pip install 'ticktrail[nowhere]'"
        in " ".join(done.stderr.split())
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("plugins", "lst"), 'there is no command "lst"; did you mean list?'),
        (("ctl", "redy"), 'there is no command "redy"; did you mean ready?'),
        (("plugins", "zzz"), 'there is no command "zzz"'),
    ],
)
def test_a_command_of_a_group_is_told_likewise(run, asked, said):
    """The groups of core speak as the top command does; an option is still an option."""
    done = run(*asked)
    assert done.exit_code == 2
    assert said in done.stderr
    assert ("did you mean" in done.stderr) == ("did you mean" in said)
    assert run("plugins", "--help").exit_code == 0
    assert "No such option" in run("plugins", "--lst").stderr


def test_a_plugin_cannot_replace_a_command_of_core(run):
    """A plugin's command with the name of core's own is an error, not a surprise."""
    done = run("shine", commands=[click.Command("check"), click.Command("shine")])
    assert done.exit_code == 2
    assert "has the name of ticktrail's own check" in done.output


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (ConfigError("one", "two"), 2, "error: one\nerror: two\n"),
        (AuditError("no room"), 3, "error: no room\n"),
        (ExceptionGroup("g", [AuditError("no room"), ConfigError("one")]), 3, "error: no room\nerror: one\n"),
        (KeyboardInterrupt(), 130, ""),
        (click.Abort(), 130, ""),
    ],
)
def test_an_error_ends_in_paragraphs_and_a_status(run, error, status, said):
    """Whatever a command raises becomes text on stderr and a status; a plugin's command needs nothing for it."""
    done = run("shine", commands=[click.Command("shine", callback=fails_with(error))])
    assert (done.exit_code, done.stderr) == (status, said)


LOUD = """
from ticktrail.model import Trade
from ticktrail.plugin import Settings, hookimpl, validator_spec

TICKTRAIL_API = 1

class Loud(Settings, frozen=True):
    loud: bool = True

class Judge:
    def check(self, tick, at_ns):
        return self.nothing_of_the_kind

@hookimpl
def ticktrail_validators():
    return [validator_spec(name="loud", summary="x", settings=Loud, open=lambda *_: Judge(), ticks=(Trade,))]
"""


@pytest.mark.parametrize("debug", [True, False])
def test_the_traceback_of_a_rule_that_fails_is_shown_with_debug(tmp_path, debug):
    """With the line of the plugin that raised, once; without --debug in a sentence alone."""
    install(tmp_path, "loud-rules", "loud", LOUD)
    feed = tmp_path / "feed.toml"
    feed.write_text(
        '[feed]\nname = "f"\nprofile = "development"\ninstruments = ["BTC/USDT"]\nchannels = ["trades"]\n'
        '[plugins]\nallow = ["loud-rules"]\n[providers.synthetic]\nticks = 50\nrate = 10000\n'
        "[clock]\nservers = []\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "ticktrail", *(["--debug"] if debug else []), "run", str(feed)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "the rule loud failed on synthetic" in done.stderr
    assert done.stderr.count("return self.nothing_of_the_kind") == debug
    assert done.stderr.count("DEBUG ticktrail.rules: the rule loud raised over BTC/USDT") == debug


def test_a_finding_keeps_its_status(run):
    """`ctx.exit(1)` of a command is the program's exit status."""
    command = click.Command("shine", callback=lambda: click.get_current_context().exit(1))
    assert run("shine", commands=[command]).exit_code == 1


def test_a_command_of_a_plugin_that_fails_names_the_plugin(tmp_path, monkeypatch):
    """Its authors can mend it, and nobody else; ticktrail does not take the blame for it."""
    source = (
        "import click\nfrom ticktrail.plugin import hookimpl\nTICKTRAIL_API = 1\n"
        "def fail(): {}['x']\n"
        "@hookimpl\ndef ticktrail_commands(): return [click.Command('fail', callback=fail)]\n"
    )
    install(tmp_path, "failing-feeds", "failing", source)
    monkeypatch.syspath_prepend(str(tmp_path))
    try:
        commands = Host.load(allow=["failing-feeds"]).commands()
        monkeypatch.setattr("ticktrail._host.Host.commands", lambda _: commands)
        done = CliRunner().invoke(program, ["fail"])
    finally:
        sys.modules.pop("failing_feeds_module", None)
    assert done.exit_code == 70
    assert done.stderr.startswith(
        "error: plugin failing (failing-feeds) failed by a defect of its own (KeyError: 'x')"
    )


def test_plugins_list_tells_what_takes_part(run):
    """Each plugin with its state and what it declares, for machines and for people."""
    rows = {row["name"]: row for row in json.loads(run("plugins", "list", "--json").stdout)}
    assert rows["acme"]["state"] == "active"
    assert [told.partition(" (")[0] for told in rows["acme"]["declares"]] == [
        "provider acme",
        "route kind pair",
        "observer watch",
    ]
    assert rows["rules"]["distribution"] == "ticktrail"
    assert len(rows["rules"]["sha256"]) == 64
    table = run("plugins", "list").stdout
    assert "acme" in table
    assert "rules: price_range, price_jump" in table


def test_a_venue_s_plugin_declares_its_provider():
    """Allow-listed alone, it brings its own and nothing else."""
    done = CliRunner().invoke(program, ["plugins", "list", "--allow", "ticktrail-alpaca", "--json"])
    (row,) = [row for row in json.loads(done.stdout) if row["name"] == "alpaca"]
    assert row["state"] == "active"
    assert row["declares"] == ["provider alpaca (bars, imbalances, price_bands, quotes, status, trades)"]


def test_version():
    """The version is the distribution's."""
    done = CliRunner().invoke(program, ["--version"])
    assert done.stdout.startswith("ticktrail 0.")


def test_help_of_core_imports_no_engine():
    """Help stays quick: neither trio nor the TOML parser is imported by the program's own frame."""
    heavy = "'trio', 'tree_sitter', 'rich.table', 'httpx'"
    code = f"import ticktrail.cli, sys; print([name for name in ({heavy}) if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "[]\n"


def commands(group, path=()):
    """Every command of the program, with its place."""
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        yield from commands(command, (*path, name)) if isinstance(command, click.Group) else [(*path, name)]


def test_every_command_has_a_help_that_reads_well():
    """Examples stand line by line, and no mark of the help's own markup is left in it."""
    found = list(commands(program))
    assert ("audit", "verify") in found
    for path in found:
        done = CliRunner().invoke(program, [*path, "--help"])
        assert done.exit_code == 0
        assert "\\b" not in done.stdout
        assert "\b" not in done.stdout
    shown = [("venue", "binance"), ("venue", "alpaca"), ("demo",)]
    for path in [("run",), ("audit", "verify"), ("audit", "show"), *shown]:
        assert f"\n    ticktrail {' '.join(path)}" in CliRunner().invoke(program, [*path, "--help"]).stdout


@pytest.mark.parametrize("begin", ["from ticktrail.cli import main; main()", "import ticktrail.__main__"])
@pytest.mark.parametrize("at", ["click", "ticktrail.cli.program"])
def test_an_interruption_of_the_imports_ends_quietly(begin, at):
    """Ctrl-C in the first moment: the status of an interruption, and no traceback."""
    script = f"""
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs in the background has it ignored
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {at!r}:
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
{begin}
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_feed_file_without_the_table_that_a_command_needs(tmp_path):
    """Who orders a feed that has no [control] learns which table is missing, of which file, and what to do."""
    path = tmp_path / "feed.toml"
    path.write_text('[feed]\nname = "x"\n')
    done = CliRunner().invoke(program, ["ctl", "ready", str(path)])
    assert done.exit_code == 2
    said = " ".join(done.stderr.split())
    assert "feed.toml:1: the file: the table [control] is missing" in said
    assert "add [control] there and start the feed again" in said
