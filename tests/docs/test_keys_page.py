"""What docs/how-to/keep-the-keys.md tells to write is right."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import openbao
from ticktrail.cli.program import program
from ticktrail_compliance.vault.settings import parse_key

PAGE = (Path(__file__).parents[2] / "docs/how-to/keep-the-keys.md").read_text(encoding="utf-8")
HEAD = """\
[feed]
name = "x"
profile = "development"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.synthetic]

"""


def fenced(language):
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("table", fenced("toml"))
def test_every_table_composes(tmp_path, table):
    """In a feed file, as it stands."""
    (tmp_path / "feed.toml").write_text(HEAD + table)
    done = CliRunner().invoke(program, ["check", str(tmp_path / "feed.toml")])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("ref", re.findall(r"--(?:to|key) (\S+?)[`\s]", PAGE))
def test_every_key_of_a_command_line_is_one(ref):
    """In its form, at least."""
    assert parse_key(ref)


def test_the_policy_is_the_tested_one():
    """The tests with a real engine give the feed these rights and no others."""
    (policy,) = fenced("text")
    assert openbao.POLICY in policy
