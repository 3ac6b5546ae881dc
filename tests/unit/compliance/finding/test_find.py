"""`ticktrail audit find`: which entries hold something, without opening them."""

import json

import pytest

from ticktrail_compliance.entry import open_part
from unit.compliance.export.exporting import DAY_NS, audit, log_of, three_days
from unit.compliance.logs import NOW_NS


@pytest.fixture
def folder(tmp_path, database):
    log_of(tmp_path, three_days(), database=database, segment_ticks=4)
    return tmp_path


def found(folder, *options):
    done = audit("find", folder / "feed.toml", "--json", *options)
    assert done.exit_code == (0 if done.stdout else 1), done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("options", "seqs"),
    [
        ([], list(range(1, 11))),
        (["--instrument", "BTC/USDT"], [3, 6, 9]),
        (["--instrument", "BTC/USDT", "--provider", "other"], []),
        (["--instrument", "BTC/USDT", "--instrument", "ETH/USDT", "--class", "journal"], [3, 4, 6, 7, 9, 10]),
        (["--provider", "other"], [4, 7, 10]),
        (["--channel", "trades"], [3, 4, 6, 7, 9, 10]),
        (["--channel", "bars"], []),
        (["--outcome", "rejected"], [3, 4, 6, 7, 9, 10]),
        (["--outcome", "event", "--class", "control"], [2, 5, 8]),
        (["--event", "leg_up"], [2, 5, 8]),
        (["--event", "leg_down"], []),
        (["--rule", "too_big", "--instrument", "ETH/USDT"], [4, 7, 10]),
        (["--rule", "another"], []),
        (["--since", NOW_NS + DAY_NS, "--until", NOW_NS + DAY_NS + 1], [5, 6]),
        (["--limit", 2, "--class", "journal"], [3, 4]),
    ],
)
def test_what_is_found(folder, options, seqs):
    """By each option, and by several together."""
    assert [one["seq"] for one in found(folder, *options)] == seqs


def test_the_counts(folder):
    """Of each entry by outcome, and by rule where one is asked for; the sum at the end."""
    (one, *_) = found(folder, "--rule", "too_big")
    assert one["ticks"] == {"delivered": 2, "rejected": 1, "suppressed": 1, "flagged": 1}
    assert one["rules"] == {"too_big": 2}
    assert (one["instruments"], one["channels"]) == (["BTC/USDT"], ["quotes", "trades"])
    done = audit("find", folder / "feed.toml", "--outcome", "rejected")
    assert "     3  journal" in done.stdout
    assert "2 delivered, 1 rejected, 1 suppressed, 1 flagged  (BTC/USDT, leg)" in done.stdout
    assert (
        "6 of 10 entries that were looked at: 12 delivered, 6 rejected, 6 suppressed, 6 flagged"
        in done.stderr
    )


def test_no_body_is_opened(folder, monkeypatch):
    """But for a rule, and then of those segments alone in which any objected."""
    parts = []

    def counted(entry, part, cipher):
        parts.append((entry.header.seq, part))
        return open_part(entry, part, cipher)

    monkeypatch.setattr("ticktrail_compliance.reading.open_part", counted)
    found(folder, "--instrument", "BTC/USDT")
    assert {part for _, part in parts} == {0}
    parts.clear()
    found(folder, "--rule", "too_big", "--instrument", "BTC/USDT", "--class", "journal")
    assert [seq for seq, part in parts if part == 1] == [3, 6, 9]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--since", "2026-02-01", "--until", "2026-01-01"], "--since lies after --until"),
        (["--event", "nonsense"], "--event"),
        (["--outcome", "nonsense"], "--outcome"),
    ],
)
def test_wrong_use(folder, options, says):
    """Status 2, with the option."""
    done = audit("find", folder / "feed.toml", *options)
    assert done.exit_code == 2
    assert says in done.stderr


def test_show_by_class(folder):
    """The records of some classes alone; others are not opened."""
    done = audit("show", folder / "feed.toml", "--class", "control", "--json")
    assert [json.loads(line)["seq"] for line in done.stdout.splitlines()] == [2, 5, 8]
