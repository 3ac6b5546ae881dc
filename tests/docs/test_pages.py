"""What the documentation says stands in the code, and its examples run."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from ticktrail import errors, events, hookspecs
from ticktrail._host import Host
from ticktrail._plan import compose
from ticktrail.plugin import Settings
from ticktrail.testing.venue import Fault, FaultKind
from ticktrail_compliance import acts

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text(encoding="utf-8")


def fenced(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_every_hook_is_on_its_page():
    """The reference of hooks names each one, and no other."""
    page = (DOCS / "reference/hooks.md").read_text()
    declared = {name for name in hookspecs.__all__ if name.startswith("ticktrail_")}
    assert set(re.findall(r"`(ticktrail_\w+)`", page)) == declared


def test_every_error_is_on_its_page():
    """The reference of errors names each class."""
    page = (DOCS / "reference/errors.md").read_text()
    assert {name for name in errors.__all__ if f"`{name}`" not in page} == set()


def test_every_event_is_on_its_page():
    """The reference of events names each tag: the feed's, and those of the audit log itself."""
    page = (DOCS / "reference/events.md").read_text()
    kinds = (*get_args(events.Event), *get_args(acts.Act))
    tags = {kind.__struct_config__.tag for kind in kinds}
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == tags


PAGES = [
    ("alerts", "reference/alerts.md"),
    ("alpaca", "providers/alpaca.md"),
    ("binance", "providers/binance.md"),
    ("kraken", "providers/kraken.md"),
    ("replay", "providers/mock.md"),
    ("synthetic", "providers/mock.md"),
    ("compliance", "reference/audit-log.md"),
    ("dashboard", "reference/feed-file.md"),
    ("hybrid", "reference/feed-file.md"),
]


@pytest.mark.parametrize(("name", "page"), PAGES)
def test_every_key_of_our_plugins_is_on_its_page(name, page):
    """A key without a line in its table is no use to anybody."""
    host = Host.load()
    specs = {**host.providers(), **host.observers(), **host.routes()}
    text = (DOCS / page).read_text()
    settings: type[Settings] = specs[name].settings
    keys = {field.encode_name for field in msgspec.structs.fields(settings)}
    assert {key for key in keys if f"| `{key}` |" not in text} == set()


def test_the_readme_s_feed_composes(tmp_path):
    """The feed file of the README is one."""
    (feed,) = fenced(README, "toml")
    path = tmp_path / "btc.toml"
    path.write_text(feed)
    assert compose(path).name == "btc"


def test_the_readme_s_program_runs(tmp_path):
    """The embedding example runs as it stands, against a made-up market."""
    (program,) = fenced(README, "python")
    feed = (ROOT / "examples/synthetic.toml").read_text()
    (tmp_path / "feed.toml").write_text(feed)
    (tmp_path / "out").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Trade(") + done.stdout.count("Quote(") >= 100
    assert "Report(" in done.stdout


def test_the_example_program_runs(tmp_path):
    """The program of examples/ counts a feed's ticks."""
    feed = tmp_path / "feed.toml"
    feed.write_text((ROOT / "examples/synthetic.toml").read_text())
    (tmp_path / "out").mkdir()
    command = [sys.executable, str(ROOT / "examples/embed.py"), str(feed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert re.search(r"\d+ trades", done.stdout)
    assert "rejected: {}" in done.stdout


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.toml")), ids=lambda path: path.name)
def test_every_example_feed_composes(path):
    """Each feed file in examples/ is one, without a warning."""
    assert compose(path).warnings == ()


@pytest.mark.parametrize("page", sorted(DOCS.glob("tutorial/*.md")), ids=lambda page: page.name)
def test_the_tutorial_s_feeds_compose(page, tmp_path):
    """What a reader is told to write is right."""
    for number, text in enumerate(fenced(page.read_text(), "toml")):
        if "feed" in tomllib.loads(text):
            path = tmp_path / f"{number}.toml"
            path.write_text(text)
            assert compose(path).legs


def test_every_fault_is_on_its_page():
    """The page of the loopback venues has every key of a fault, and every kind."""
    page = (DOCS / "providers/mock.md").read_text()
    keys = {field.encode_name for field in msgspec.structs.fields(Fault)}
    named = set(re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", page, re.MULTILINE))))
    assert (keys | set(get_args(FaultKind))) - named == set()


def test_every_suffering_is_tested():
    """The page names a test for each, and every one of them is there."""
    page = (DOCS / "explanation/what-others-suffer-from.md").read_text()
    rows = re.findall(r"^\| .* \| `(.+?)::(\w+)` \| [^|]+ \|$", page, re.MULTILINE)
    assert len(rows) == len(re.findall(r"^\|", page, re.MULTILINE)) - 2  # the table's head
    for path, name in rows:
        source = (ROOT / "tests" / path).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {name}\(", source, re.MULTILINE), name


HOUSE = ROOT / "examples/house-ticktrail"


def test_the_example_plugin_is_the_one_on_the_page():
    """Whoever reads the page sees the files that are proven below."""
    page = (DOCS / "how-to/write-a-plugin.md").read_text()
    shown = {}
    for language in ("toml", "python"):
        for text in fenced(page, language):
            head, _, body = text.partition("\n")
            shown[head.removeprefix("# ")] = body
    for path in HOUSE.glob("*.*"):
        assert shown[path.name] == path.read_text(), path.name


def test_the_example_plugin_installs_and_proves_itself(tmp_path):
    """Built and installed as its reader would, its tests pass, and the page's table composes."""
    page = (DOCS / "how-to/write-a-plugin.md").read_text()
    (table,) = (text for text in fenced(page, "toml") if text.startswith("[plugins]"))
    source, site = tmp_path / "house-ticktrail", tmp_path / "site"
    shutil.copytree(HOUSE, source, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    pip = [
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "--target",
        str(site),
    ]
    (tmp_path / "feed.toml").write_text(table + (ROOT / "examples/synthetic.toml").read_text())
    commands = (
        [*pip, str(source)],
        ["pytest", "-q", "-p", "no:cacheprovider", str(source)],
        ["ticktrail", "check", "feed.toml"],
    )
    for module, *arguments in commands:
        done = subprocess.run(
            [sys.executable, "-m", module, *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"trade_size +flags \(warning\): min_trade_size = 0.001", done.stdout)
    assert re.search(r"size_jump +flags \(warning\): max_size_jump = 100", done.stdout)
