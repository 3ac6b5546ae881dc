import re
from pathlib import Path

import click
import msgspec
import pytest

from ticktrail._host import Host
from ticktrail._host.builtin import BUILTIN
from ticktrail._logs.settings import LogSettings
from ticktrail._plan.model import BackoffSettings, CacheSettings, ClockSettings, Limits, Validation
from ticktrail._plan.rules import RuleTable
from ticktrail._plan.tables import FeedTable, LaneTable, PluginsTable, ProviderTable
from ticktrail._tracing.settings import TracingSettings
from ticktrail.cli import backfill, check, clock, completion, run, schema
from ticktrail.cli.errors import DEFECT, HALTED, INTERRUPTED, WRONG_USE
from ticktrail.cli.plugins.list import list_plugins
from ticktrail.cli.plugins.lock import lock_plugins
from ticktrail.cli.plugins.new import new_plugin
from ticktrail.cli.plugins.show import show_plugin
from ticktrail.cli.plugins.test import test_plugin as try_plugin
from ticktrail.cli.program import program

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
ROW = re.compile(r"^\| `([a-z_0-9-]+)`(?:, `-h`)? \|(?: [^|]*\| ([^|]*) \|)?", re.MULTILINE)


def sections(page):
    text = (REFERENCE / page).read_text(encoding="utf-8")
    parts = re.split(r"^#{2,3} `([^`]+)`$", text, flags=re.MULTILINE)
    return dict(zip(["", *parts[1::2]], parts[::2], strict=True))


def rows(text):
    """Return key and default of each row of a section, as they are written."""
    return {key: default.strip("`") for key, default in ROW.findall(text)}


def defaults(*structs):
    fields = [field for struct in structs for field in msgspec.structs.fields(struct)]
    return {
        field.encode_name: "required" if field.required else msgspec.json.encode(default_of(field)).decode()
        for field in fields
    }


def default_of(field):
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


TABLES = {
    "[feed]": FeedTable,
    "[providers.NAME]": ProviderTable,
    "[[sinks]]": LaneTable,
    "[clock]": ClockSettings,
    "[backoff]": BackoffSettings,
    "[limits]": Limits,
    "[cache]": CacheSettings,
    "[log]": LogSettings,
    "[tracing]": TracingSettings,
    "[plugins]": PluginsTable,
    "[validation.rules.NAME]": RuleTable,
    "[validation] of all rules": Validation,
}


def same(written, real):
    """Compare keys, their order, and defaults; where there is none, the page says in words what stands instead."""
    assert list(written) == list(real)
    for key, default in real.items():
        bare = written[key].replace(" ", "")
        assert default in {"null", bare, f'"{bare}"'}, key


@pytest.mark.parametrize("table", TABLES)
def test_each_key_of_core_is_documented(table):
    """The page has exactly the keys of each table of core, in their order and with their defaults."""
    same(rows(sections("feed-file.md")[table]), defaults(TABLES[table]))


def builtin():
    """Return a host with core's own plugins alone, whatever else is installed beside them."""
    host = Host.load()
    return host, {
        name for record in host.loaded if record.name in BUILTIN for name in host.declared_by(record.name)
    }


def test_each_rule_key_is_documented():
    """The page has exactly the keys of core's rules."""
    host, own = builtin()
    structs = [spec.settings for name, spec in host.rules().items() if f"rule {name}" in own]
    same(rows(sections("feed-file.md")["[validation]"]), defaults(*structs))


def test_each_sink_of_core_is_documented():
    """The page has exactly the keys of each sink that comes with core."""
    host, own = builtin()
    for name, spec in host.sinks().items():
        if f"sink {name}" in own:
            same(rows(sections("feed-file.md")[name]), defaults(spec.settings))


@pytest.mark.parametrize(
    ("title", "command"),
    [
        ("ticktrail backfill", backfill.backfill),
        ("ticktrail check", check.check),
        ("ticktrail clock", clock.clock),
        ("ticktrail completion", completion.completion),
        ("ticktrail plugins list", list_plugins),
        ("ticktrail plugins lock", lock_plugins),
        ("ticktrail plugins new", new_plugin),
        ("ticktrail plugins show", show_plugin),
        ("ticktrail plugins test", try_plugin),
        ("ticktrail run", run.run),
        ("ticktrail schema", schema.schema),
    ],
)
def test_each_option_is_documented(title, command):
    """The page has exactly the options of each command of core."""
    page = sections("command-line.md")
    real = [option.opts[0] for option in command.params if isinstance(option, click.Option)]
    assert list(rows(page[title])) == real
    assert set(rows(page[""])) >= {option.opts[0] for option in program.params}


def test_each_exit_status_is_documented():
    """The page has every exit status."""
    text = (REFERENCE / "command-line.md").read_text(encoding="utf-8")
    for status in (0, 1, WRONG_USE, HALTED, DEFECT, INTERRUPTED):
        assert f"\n| {status} | " in text
