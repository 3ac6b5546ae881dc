"""Several feeds write one log: `explain`, `find` and `show` tell them apart."""

import json
from functools import partial

import anyio
import pytest

from ticktrail.events import ClockMeasured, FeedStarted, LegSwitched
from ticktrail.model import Suppressed
from ticktrail.plugin import Routed
from ticktrail.testing import make_trade
from unit.compliance.export.exporting import FEED, audit
from unit.compliance.logs import NOW_NS, write

KEPT = {"id": 4711, "provider": "binance"}


def run_of(feed, at_ns, *, server, to_leg, repeated=False):
    """The records of one feed, whose leg is named as the other's; the trade is delivered, perhaps twice brought."""
    trade = make_trade("1", recv_ns=at_ns, **KEPT)
    return [
        FeedStarted(
            at_ns=at_ns,
            feed=feed,
            profile="production",
            ticktrail="0",
            settings_sha256="0" * 64,
            plan="graph",
        ),
        ClockMeasured(at_ns=at_ns, server=server, offset_ns=0, bound_ns=1, in_tolerance=True),
        LegSwitched(
            at_ns=at_ns, from_leg="old", to_leg=to_leg, cause="silent", failover_ms=1.0, instruments=None
        ),
        Routed(
            provider="binance",
            recv_ns=at_ns,
            delivered=[trade],
            suppressed=[Suppressed(reason="duplicate", ticks=[trade])] if repeated else [],
        ),
    ]


@pytest.fixture
def folder(tmp_path, database):
    """A log of feeds a (writers 1 and 3, of which the last brings nothing) and b (writer 2)."""
    for feed, records in (
        ("a", run_of("a", NOW_NS, server="time.a", to_leg="leg-of-a")),
        ("b", run_of("b", NOW_NS + 10, server="time.b", to_leg="leg-of-b", repeated=True)),
        ("a", []),
    ):
        anyio.run(partial(write, tmp_path, records, database=database, feed=feed))
    (tmp_path / "feed.toml").write_text(FEED.format(database=database, more=""))
    return tmp_path


def lines(folder, command, *options):
    done = audit(command, folder / "feed.toml", *options, "--json")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_copies_are_told_by_feed(folder):
    """Each feed delivered once, and beside its copies stands what was the case in that feed, not in the other."""
    done = audit("explain", folder / "feed.toml", "4711")
    assert done.exit_code == 0, done.output
    assert (
        "trade 4711 of BTC/USDT: in feed a: 1 copy came, 1 of which was delivered; in feed b: 2 copies came, 1 of "
        "which was delivered"
    ) in done.stdout
    of_a, of_b = done.stdout.split("In feed b:")
    assert "In feed a:" in of_a
    for text, own, other in ((of_a, "a", "b"), (of_b, "b", "a")):
        assert f"leg-of-{own} since" in text
        assert f"leg-of-{other} since" not in text
        assert f"against time.{own}" in text
        assert f"against time.{other}" not in text


def test_explain_for_programs(folder):
    """Copies and situations bear writer and feed."""
    (told,) = lines(folder, "explain", "4711")
    assert [(one["writer"], one["feed"]) for one in told["copies"]] == [(1, "a"), (2, "b"), (2, "b")]
    found = [(one["instrument"], one["writer"], one["feed"]) for one in told["situations"]]
    assert found == [("BTC/USDT", 1, "a"), ("BTC/USDT", 2, "b")]


def test_one_feed_is_not_named(folder):
    """Where only one brought it, nothing has to be told apart."""
    done = audit("explain", folder / "feed.toml", "4711", "--feed", "b")
    assert "trade 4711 of BTC/USDT: 2 copies came, 1 of which was delivered" in done.stdout


@pytest.mark.parametrize(
    ("options", "writers"),
    [
        ([], {1, 2, 3}),
        (["--writer", 2], {2}),
        (["--writer", 1, "--writer", 3], {1, 3}),
        (["--feed", "a"], {1, 3}),
        (["--feed", "a", "--feed", "b"], {1, 2, 3}),
        (["--feed", "a", "--writer", 1], {1}),
    ],
)
@pytest.mark.parametrize("command", ["find", "show"])
def test_of_whom(folder, command, options, writers):
    """By number, by name, by both; each line bears the number."""
    assert {one["writer"] for one in lines(folder, command, *options)} == writers


def test_explain_of_whom(folder):
    """The copies of one writer alone; where there are none, whose were looked for."""
    (told,) = lines(folder, "explain", "4711", "--writer", 2)
    assert {one["writer"] for one in told["copies"]} == {2}
    done = audit("explain", folder / "feed.toml", "4711", "--writer", 3)
    assert done.exit_code == 1
    assert "writer 3" in done.stderr


@pytest.mark.parametrize("command", [["find"], ["show"], ["explain", "4711"]])
def test_a_feed_that_never_wrote(folder, command):
    """Status 2, and which feeds did."""
    done = audit(command[0], folder / "feed.toml", *command[1:], "--feed", "c")
    assert done.exit_code == 2
    assert "--feed c: no feed of this name has written this log; a, b have" in done.stderr
