"""What a feed decides stands in the log: everything, in order, exactly, and soon."""

import os
import signal
import stat
import subprocess
import sys
from decimal import Decimal

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from ticktrail.errors import AuditError, ConfigError
from ticktrail.events import LegUp
from ticktrail.model import Bar, BookSnapshot, Gap, Quote, Rejected, Status, Switched, Trade, Undecodable
from ticktrail.plugin import Routed
from ticktrail.testing import ManualClock, make_bar, make_quote, make_trade
from ticktrail_compliance.observer import open_audit
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.records import StoredRouted, decode_records, encode_records
from unit.compliance.logs import (
    TooBig,
    attacked,
    context,
    down,
    opened,
    routed,
    sample,
    settings,
    up,
    verified,
    write,
)

pytestmark = pytest.mark.anyio


async def test_everything_comes_back_in_order(tmp_path):
    """Events and batches as they were decided, with violations and reasons; the counts agree."""
    counts = await sample(tmp_path)
    assert counts == {"records": 3, "segments": 3, "ticks": 11}
    with opened(tmp_path) as log:
        found = [record for _, record in read_records(log, Range())]
    assert found[0] == up(1)
    assert found[4] == down(4)
    first, third = found[1], found[3]
    assert isinstance(first, StoredRouted)
    assert list(first.delivered) == list(routed(1).delivered)
    assert str(first.delivered[0].price) == "61837.63000000"
    assert [dict(one.violations[0]) for one in third.rejected] == [
        {"rule": "too_big", "size": 0},
        {"rule": "too_big", "size": 1},
    ]
    assert found[5].suppressed[0].reason == "standby"
    outcome = verified(tmp_path)
    assert (outcome.sound, outcome.entries, outcome.events, outcome.segments, outcome.ticks) == (
        True,
        6,
        3,
        3,
        11,
    )


async def test_a_log_goes_on_where_it_ended(tmp_path):
    """Three runs make one chain; the head moves with each."""
    heads = set()
    for _ in range(3):
        await sample(tmp_path)
        outcome = verified(tmp_path)
        assert outcome.sound
        heads.add(outcome.head)
    assert (outcome.entries, len(heads)) == (18, 3)


@pytest.mark.parametrize(
    ("journal", "ticks", "segments"), [("all", 11, 3), ("rejected", 2, 1), ("none", 0, 0)]
)
async def test_what_is_kept(tmp_path, journal, ticks, segments):
    """Events always; ticks as the settings say."""
    records = [up(1), routed(1), routed(2), routed(3, rejected=2), down(4), routed(5, suppressed=1), up(6)]
    counts = await write(tmp_path, records, journal=journal)
    assert counts == {"records": 3, "segments": segments, "ticks": ticks}
    assert verified(tmp_path).ticks == ticks


async def test_a_tick_waits_no_longer_than_it_may(tmp_path):
    """A single tick is sealed after segment_s, with no other record to push it."""
    clock = ManualClock()
    async with open_audit(settings(segment_s=0.05), context(tmp_path, clock)) as observer:
        await observer.observe([routed(1)])
        assert observer.summary()["ticks"] == 0
        clock.advance(1.0)
        await _sealed(observer, 2)
        assert verified(tmp_path).ticks == 2  # read by another connection while the feed runs


async def _sealed(observer, ticks):
    with anyio.fail_after(10):
        while observer.summary()["ticks"] < ticks:  # noqa: ASYNC110 - the seal is another task's, and tells nobody
            await anyio.sleep(0.01)


async def test_an_error_of_the_feed_loses_nothing(tmp_path):
    """What was observed is sealed, whatever ends the feed."""

    async def feed():
        async with open_audit(settings(), context(tmp_path)) as observer:
            await observer.observe([up(1), routed(1)])
            raise LookupError("the feed's own")

    with pytest.raises((LookupError, ExceptionGroup)):
        await feed()
    assert verified(tmp_path).ticks == 2


def test_a_kill_loses_no_more_than_the_open_segment(tmp_path):
    """Killed without warning while it writes, the log is sound, and the next run goes on from it."""
    code = (
        "import anyio, pathlib, sys\n"
        "from unit.compliance.logs import *\n"
        "async def main():\n"
        "    async with open_audit(settings(), context(pathlib.Path(sys.argv[1]))) as observer:\n"
        "        number = 0\n"
        "        while True:\n"
        "            await observer.observe([routed(number), up(number)])\n"
        "            number += 1\n"
        "            print(number, flush=True)\n"
        "anyio.run(main)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    ) as victim:
        for line in victim.stdout:
            if int(line) >= 30:
                victim.send_signal(signal.SIGKILL)
                break
    outcome = verified(tmp_path)
    assert outcome.sound
    assert outcome.events >= 30
    assert outcome.ticks >= 60
    anyio.run(sample, tmp_path)
    assert verified(tmp_path).sound


async def test_a_second_writer_is_refused(tmp_path):
    """Two feeds in one log: whoever comes second is told before it writes, and the first one goes on undisturbed."""
    async with open_audit(settings(), context(tmp_path)) as first:
        await first.observe([up(1)])
        with pytest.raises(ConfigError, match="is being written by another feed or backfill"):
            await write(tmp_path, [up(2)])
        await first.observe([up(3)])
        assert verified(tmp_path).sound  # reading needs no claim
    await write(tmp_path, [up(4)])
    outcome = verified(tmp_path)
    assert (outcome.sound, outcome.events) == (True, 3)


def _only(error, kind):
    return isinstance(error, kind) or error.subgroup(kind) is not None


def test_a_writer_that_was_killed_leaves_no_claim(tmp_path):
    """The system gives it up with the process, however it ends: the next run writes on."""
    anyio.run(write, tmp_path, [up(1)])
    script = (
        "import os, sys; from pathlib import Path; from ticktrail.claim import claim_file\n"
        "claim_file(Path(sys.argv[1])); print('claimed', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "audit.db-writer")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "claimed\n"
        with pytest.raises(ConfigError, match="is being written"):
            anyio.run(write, tmp_path, [up(2)])
        holder.kill()
    anyio.run(write, tmp_path, [up(2)])
    assert verified(tmp_path).events == 2


async def test_a_clock_that_goes_back_changes_no_order(tmp_path):
    """An hour back between two entries: numbers grow, and the log is sound."""
    clock = ManualClock()
    async with open_audit(settings(), context(tmp_path, clock)) as observer:
        await observer.observe([up(10)])
        clock.step(-3_600)
        await observer.observe([up(1)])
    with opened(tmp_path) as log:
        found = [(header.seq, record.at_ns) for header, record in read_records(log, Range())]
    assert [seq for seq, _ in found] == [1, 2]
    assert verified(tmp_path).sound


async def test_files_are_closed_to_others(tmp_path):
    """Database, write-ahead log and key: mode 0600."""
    async with open_audit(settings(), context(tmp_path)) as observer:
        await observer.observe([up(1)])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) >= {"audit.db", "audit.db-wal", "audit.key"}
    assert set(modes.values()) == {0o600}


async def test_the_database_gives_no_content_away(tmp_path):
    """No price, no instrument and no cause stands in the file."""
    await sample(tmp_path)
    content = (tmp_path / "audit.db").read_bytes()
    for word in (b"BTC", b"61837", b"too_big", b"standby", b"cut"):
        assert word not in content


async def test_a_month_has_a_key_of_its_own(tmp_path):
    """Entries of another month are sealed under another key; both verify."""
    clock = ManualClock()
    await write(tmp_path, [up(1), routed(1)], clock=clock)
    clock.step(45 * 86_400)
    await write(tmp_path, [up(2), routed(2)], clock=clock)
    with attacked(tmp_path) as database:
        keys = database.execute("SELECT kind, count(DISTINCT month) FROM audit_keys GROUP BY kind").fetchall()
    assert keys == [("control", 2), ("journal", 2)]
    assert verified(tmp_path).sound


async def test_nonces_never_repeat(tmp_path):
    """Over runs too; and the database refuses one that would."""
    for _ in range(3):
        await sample(tmp_path)
    with attacked(tmp_path) as database:
        rows = database.execute("SELECT key_id, nonce FROM audit_entries").fetchall()
        assert len(set(rows)) == len(rows) == 18
        with pytest.raises(Exception, match="UNIQUE"):
            database.execute(
                "INSERT INTO audit_entries SELECT 99, kind, written_ns, first_ns, last_ns, ticks, key_id, nonce, body, "
                "previous, digest FROM audit_entries WHERE seq = 1"
            )


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Range(from_seq=4), [4, 5, 6]),
        (Range(to_seq=1), [1]),
        (Range(from_seq=2, to_seq=2), [2, 2]),
    ],
)
async def test_ranges_by_number(tmp_path, wanted, numbers):
    """From and to, both within."""
    await sample(tmp_path)
    with opened(tmp_path) as log:
        assert [header.seq for header, _ in read_records(log, wanted)] == numbers


async def test_ranges_by_time(tmp_path):
    """By the records' own times, both ends within, also in the middle of a segment."""
    await sample(tmp_path)
    at = up(0).at_ns
    with opened(tmp_path) as log:
        found = [record for _, record in read_records(log, Range(since_ns=at + 2, until_ns=at + 4))]
    assert [getattr(one, "recv_ns", 0) or one.at_ns for one in found] == [at + 2, at + 3, at + 4]


decimals = st.decimals(allow_nan=False, allow_infinity=False)
numbers = st.integers(-(2**63), 2**63 - 1)
common = {
    "instrument": st.text(max_size=9), "provider": st.text(max_size=9), "event_ns": st.none() | numbers,
    "recv_ns": numbers, "synthetic": st.booleans(), "stale": st.booleans(),
}  # fmt: skip
ticks = st.one_of(
    st.builds(Trade, **common, id=numbers | st.text(max_size=9), price=decimals, size=decimals,
              side=st.sampled_from(["buy", "sell", None])),
    st.builds(Quote, **common, bid_price=decimals, bid_size=decimals, ask_price=decimals, ask_size=decimals,
              update_id=st.none() | numbers),
    st.builds(Bar, **common, open=decimals, high=decimals, low=decimals, close=decimals, volume=decimals,
              start_ns=numbers, end_ns=numbers, final=st.booleans()),
    st.builds(BookSnapshot, **common, bids=st.lists(st.tuples(decimals, decimals), max_size=3).map(tuple),
              asks=st.just(()), update_id=st.none() | numbers),
    st.builds(Status, **common, state=st.text(max_size=9)),
    st.builds(Gap, **common, channel=st.just("trades"), from_id=st.none() | numbers, to_id=st.none() | numbers,
              from_ns=st.none() | numbers, to_ns=st.none() | numbers, cause=st.text(max_size=9)),
    st.builds(Switched, **common, from_provider=st.none() | st.text(max_size=9), cause=st.text(max_size=9)),
)  # fmt: skip


@given(delivered=st.lists(ticks, max_size=6), raw=st.binary(max_size=40))
def test_records_come_back_exactly(delivered, raw):
    """Every digit, flag and byte; two decimals that are equal but written otherwise stay so."""
    broken = Undecodable(provider="leg", recv_ns=1, raw=raw, reason="x")
    record = Routed(provider="leg", recv_ns=1, delivered=delivered, rejected=[_rejected(broken)])
    (back,) = decode_records(encode_records([record]))
    assert list(back.delivered) == delivered
    assert [repr(tick) for tick in back.delivered] == [repr(tick) for tick in delivered]
    assert back.rejected[0].tick == broken


def _rejected(tick):
    return Rejected(tick=tick, violations=(TooBig(size=1),))


def test_decimals_keep_their_form():
    """1.10 is not 1.1 in a record."""
    (back,) = decode_records(
        encode_records([Routed(provider="leg", recv_ns=1, delivered=[make_quote("1.10", "1.200")])])
    )
    assert (str(back.delivered[0].bid_price), str(back.delivered[0].ask_price)) == ("1.10", "1.200")
    assert Decimal("1.10") == Decimal("1.1")
    assert make_bar() != make_trade()
    assert isinstance(up(), LegUp)


async def test_a_full_disk_is_told(tmp_path):
    """A database that cannot grow halts the feed, and what was sealed before stays sound."""
    async with open_audit(settings(), context(tmp_path)) as observer:
        await observer.observe([up(1), routed(1), routed(2)])
    with attacked(tmp_path) as database:
        pages = database.execute("PRAGMA page_count").fetchone()[0]
    before = verified(tmp_path)

    async def overfill():
        async with open_audit(settings(), context(tmp_path)) as observer:
            observer._log._connection.execute(text(f"PRAGMA max_page_count = {pages}"))
            for number in range(2_000):
                await observer.observe([routed(number), routed(number), up(number)])

    with pytest.raises((AuditError, ExceptionGroup)) as caught:
        await overfill()
    assert _only(caught.value, AuditError)
    after = verified(tmp_path)
    assert after.sound
    assert after.entries >= before.entries


async def test_what_cannot_be_stored_halts_the_feed(tmp_path):
    """A plugin's number beyond 64 bits is told as such: unrecorded data must not flow."""
    with pytest.raises((AuditError, ExceptionGroup)) as caught:
        await write(tmp_path, [up(1), Routed(provider="leg", recv_ns=1, delivered=[make_trade(id=2**80)])])
    assert _only(caught.value, AuditError)
    assert verified(tmp_path).sound


async def test_nothing_to_record_is_no_entry(tmp_path):
    """An empty batch seals nothing."""
    counts = await write(tmp_path, [Routed(provider="leg", recv_ns=1)])
    assert counts == {"records": 0, "segments": 0, "ticks": 0}
    assert verified(tmp_path).entries == 0
    with pytest.raises(ConfigError, match="no audit database"):
        verified(tmp_path, database="sqlite:///other.db")
