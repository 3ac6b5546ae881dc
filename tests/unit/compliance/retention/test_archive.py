"""`then = "archive"`: destroyed once an export of all of it stands in the log, and no sooner."""

import pytest
from click.testing import CliRunner

from ticktrail.cli.program import program
from unit.compliance.retention.keeping import Firm, policy_text

FEED = """\
[feed]
name = "x"
instruments = ["BTC/USDT"]
channels = ["trades"]

[providers.synthetic]

[compliance]
key = {{ file = "audit.key" }}
database = "{}"
"""


@pytest.fixture
def firm(tmp_path, database):
    firm = Firm(tmp_path, database)
    (tmp_path / "feed.toml").write_text(FEED.format(database))
    firm.adopt(policy_text(then="archive"))
    firm.old = set(firm.write())
    firm.pass_days(1)
    firm.old |= set(firm.write())
    firm.pass_days(90)
    return firm


def export(firm, name, *options):
    done = CliRunner().invoke(
        program,
        ["audit", "export", str(firm.folder / "feed.toml"), "--out", str(firm.folder / name), "--format", "jsonl",
         "--purpose", "archive", *options],
    )  # fmt: skip
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("options", "due"),
    [
        ([], {"control", "journal"}),
        (["--class", "journal"], {"journal"}),
        (["--instrument", "BTC/USDT"], set()),
        (["--outcome", "delivered"], set()),
        (["--from", "2023-11-15"], {"control": 1, "journal": 1}),
    ],
)
def test_which_export_is_an_archive(firm, options, due):
    """One with every row of what a key sealed: neither by instrument nor by outcome, nor of some of its times."""
    assert firm.plan().keys == []
    export(firm, "out", *options)
    plan = firm.plan()
    assert {one.entry_class for one in plan.keys} == set(due)
    if isinstance(due, dict):  # one of two keys each
        assert {one.entry_class: len(one.key_ids) for one in plan.keys} == due
    firm.apply()
    assert firm.verified().sound
    if options == []:
        assert firm.readable().isdisjoint(firm.old)


def test_two_halves_are_no_archive(firm):
    """Each export counts alone: a key that sealed on two days needs one that holds both."""
    firm.write(times=2, days_between=1)
    export(firm, "first", "--to", "2024-02-13")
    export(firm, "second", "--from", "2024-02-14")
    firm.pass_days(90)
    assert {one.month for one in firm.plan().keys} == {"2023-11"}
    export(firm, "whole", "--from", "2024-02-01")
    assert {one.month for one in firm.plan().keys} == {"2023-11", "2024-02"}
