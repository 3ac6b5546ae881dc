"""An export, or a search, of what is not in the log says so, and what of it is nowhere."""

import pytest

from unit.compliance.export.exporting import audit, exported, log_of, three_days


@pytest.fixture
def folder(tmp_path):
    log_of(tmp_path, three_days(), segment_ticks=4)
    return tmp_path


def export(folder, *options):
    done = audit(
        "export", folder / "feed.toml", "--format", "csv", "--out", folder / "out", "--purpose", "x", *options
    )
    assert done.exit_code == 0, done.output
    return done.stderr.splitlines()


NOTHING = "nothing matches what was asked for: the export has no rows"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            ["--instrument", "BTCUSDT", "--instrument", "BTC/USDT", "--provider", "other"],
            [NOTHING, "no entry in these times holds instrument BTCUSDT"],
        ),
        (
            ["--instrument", "BTC/USDT", "--instrument", "BTCUSDT"],
            ["no entry in these times holds instrument BTCUSDT"],
        ),
        (["--provider", "none"], [NOTHING, "no entry in these times holds provider none"]),
        (["--class", "clock"], [NOTHING, "no entry in these times is of class clock"]),
        (
            ["--class", "control", "--outcome", "rejected"],
            [NOTHING, "no entry of these classes and times holds outcome rejected"],
        ),
        (["--from", "2001-01-01", "--to", "2001-01-01", "--provider", "leg"], [NOTHING]),
        (["--instrument", "BTC/USDT"], []),
        ([], []),
    ],
)
def test_an_export_of_nothing(folder, options, says):
    """On standard error; what is there is not named."""
    assert export(folder, *options) == says


def test_for_programs(folder):
    """By kind."""
    told = exported(folder, "--instrument", "BTCUSDT", "--class", "journal")
    assert (told["rows"], told["never"]) == (0, {"instrument": ["BTCUSDT"]})


def test_what_was_destroyed_may_have_held_it(folder):
    """What cannot be read is not said to hold nothing."""
    options = ["--class", "journal", "--month", "2023-11", "--purpose", "x", "--yes"]
    assert audit("keys", "destroy", folder / "feed.toml", *options).exit_code == 0
    assert export(folder, "--instrument", "BTC/USDT") == [
        NOTHING,
        "no entry in these times that can be read holds instrument BTC/USDT",
    ]


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_a_search_without_a_hit(folder, more):
    """Status 1, as grep has it, and a word."""
    done = audit("find", folder / "feed.toml", "--instrument", "BTCUSDT", *more)
    assert (done.exit_code, done.stdout) == (1, "")
    assert "no entry holds what was asked for" in done.stderr
    assert audit("find", folder / "feed.toml", "--instrument", "BTC/USDT", *more).exit_code == 0


def test_a_channel_that_there_is_none_of(folder):
    """Wrong use, with those that there are."""
    done = audit("find", folder / "feed.toml", "--channel", "trade")
    assert done.exit_code == 2
    assert "'trades'" in done.stderr
    assert audit("find", folder / "feed.toml", "--channel", "undecodable").exit_code == 1
