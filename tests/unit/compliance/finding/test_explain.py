"""`ticktrail audit explain`: what became of one tick, in words that a compliance officer understands."""

import json

import pytest
import sqlalchemy

from ticktrail.events import ClockMeasured, FeedStarted, LegStateChanged, LegSwitched
from ticktrail.model import Rejected, Suppressed
from ticktrail.plugin import Routed
from ticktrail.testing import make_trade
from ticktrail_compliance.proof.bundle import Proof
from ticktrail_compliance.proof.note import Verifier
from ticktrail_compliance.store import schema
from unit.compliance.export.exporting import audit, log_of
from unit.compliance.logs import NOW_NS, TooBig, fetch


def started(at_ns):
    return FeedStarted(
        at_ns=at_ns, feed="x", profile="production", ticktrail="0", settings_sha256="0" * 64, plan="graph"
    )


def switched(at_ns, to, instruments=None):
    return LegSwitched(
        at_ns=at_ns, from_leg="first", to_leg=to, cause="silent", failover_ms=1.0, instruments=instruments
    )


def state(at_ns, leg, to):
    return LegStateChanged(at_ns=at_ns, provider=leg, from_state="connecting", to_state=to, why="late")


def records():
    """A run before, and one in which a trade came from two legs, and was rejected from a third."""
    kept = {"id": 4711, "recv_ns": NOW_NS + 50}
    return [
        started(NOW_NS),
        switched(NOW_NS + 1, "before"),
        state(NOW_NS + 2, "gone", "down"),
        started(NOW_NS + 10),
        ClockMeasured(
            at_ns=NOW_NS + 11, server="time.example", offset_ns=1_500_000, bound_ns=250_000, in_tolerance=True
        ),
        switched(NOW_NS + 12, "second"),
        switched(NOW_NS + 13, "third", ["ETH/USDT"]),
        state(NOW_NS + 14, "first", "degraded"),
        state(NOW_NS + 15, "second", "live"),
        Routed(
            provider="second",
            recv_ns=NOW_NS + 51,
            delivered=[make_trade("0.00000010", provider="second", **kept), make_trade("2", id=1)],
        ),
        Routed(
            provider="first",
            recv_ns=NOW_NS + 52,
            suppressed=[Suppressed(reason="duplicate", ticks=[make_trade("1", provider="first", **kept)])],
            rejected=[Rejected(tick=make_trade("9", provider="third", **kept), violations=(TooBig(size=7),))],
        ),
        Routed(
            provider="second", recv_ns=NOW_NS + 53, delivered=[make_trade("3", id="x-4711", event_ns=None)]
        ),
        state(NOW_NS + 60, "second", "down"),
    ]


@pytest.fixture
def folder(tmp_path, database):
    log_of(tmp_path, records(), database=database)
    return tmp_path


def explained(folder, tick_id, *options):
    done = audit("explain", folder / "feed.toml", tick_id, *options)
    return done, done.stdout


def test_each_copy_and_what_was_decided(folder):
    """Every copy from every leg, in the log's order, with its times, and why it went where it went."""
    done, text = explained(folder, "4711")
    assert done.exit_code == 0, done.output
    assert "trade 4711 of BTC/USDT: 3 copies came, 1 of which was delivered" in text
    assert "1. From leg second, received 2026-09-21T14:13:20.000000050Z" in text
    assert "price 0.00000010" in text
    assert "Delivered: it was passed on." in text
    assert "From leg third" in text
    assert "rule too_big: size 7" in text
    assert "Suppressed (duplicate): a good price that was not passed on, since it is a repeat" in text


def test_what_was_the_case_then(folder):
    """The last switch of that instrument, the legs' states and the clock, of this run and before the tick."""
    _, text = explained(folder, "4711")
    assert "second since 2026-09-21T14:13:20.000000012Z in place of first: silent" in text
    assert "leg first was degraded" in text
    assert "leg second was live" in text
    assert "gone" not in text  # of an earlier run
    assert "third since" not in text  # of another instrument
    assert "true time was +1.500 ms from this machine's, give or take 0.250 ms; within tolerance" in text


def test_the_proof(folder, database):
    """The command that is told proves the entry, against a checkpoint that covers it."""
    told = json.loads(explained(folder, "4711", "--json")[1])
    (seq,) = {copy["seq"] for copy in told["copies"]}
    assert told["copies"][0]["checkpoint"] >= seq
    _, text = explained(folder, "4711")
    assert f"ticktrail audit prove {folder / 'feed.toml'} {seq} --out entry-{seq}.tlog-proof" in text
    proof = Proof.parse(audit("prove", folder / "feed.toml", seq).stdout.encode())
    verifier = Verifier.parse(audit("key", folder / "feed.toml").stdout.strip())
    wanted = sqlalchemy.select(schema.entries.c.digest).where(schema.entries.c.seq == seq)
    ((digest,),) = fetch(folder, wanted, database=database)
    proof.verify(digest, [verifier], verifier.name)


def test_an_id_that_is_a_text(folder):
    """As it is; and a tick of which the venue tells no time."""
    done, text = explained(folder, "x-4711")
    assert done.exit_code == 0
    assert "1 copy came, 1 of which was delivered" in text
    assert "the venue gives no time" in text


@pytest.mark.parametrize(
    ("options", "copies"),
    [
        (["--provider", "first"], 1),
        (["--instrument", "BTC/USDT"], 3),
        (["--since", NOW_NS + 52], 2),
        (["--until", NOW_NS + 51], 1),
    ],
)
def test_where_it_is_looked_for(folder, options, copies):
    """By leg, instrument and time."""
    assert len(json.loads(explained(folder, "4711", "--json", *options)[1])["copies"]) == copies


@pytest.mark.parametrize(
    ("tick_id", "options"),
    [
        ("4712", []),
        ("4711", ["--instrument", "ETH/USDT"]),
        ("9" * 30, []),
        ("-1", ["--since", NOW_NS]),
        ("", []),
    ],
)
def test_a_tick_that_is_not_there(folder, tick_id, options):
    """Status 1, and what was searched."""
    done = audit("explain", folder / "feed.toml", *options, "--", tick_id)
    assert done.exit_code == 1, done.output
    assert f"no tick with the id {tick_id} is in the log" in done.stderr
    assert "entries were looked at" in done.stderr
    for option in options:
        if option == "ETH/USDT":
            assert "instrument ETH/USDT" in done.stderr


def test_without_an_id(folder):
    """Status 2, and what is missing."""
    done = audit("explain", folder / "feed.toml")
    assert done.exit_code == 2
    assert "TICK_ID is missing" in done.stderr
