"""What a feed decides stands in the log: everything, in order, exactly, and soon."""

import os
import signal
import stat
import subprocess
import sys
from collections import Counter
from decimal import Decimal

import anyio
import pytest
import sqlalchemy
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from ticktrail.errors import AuditError, ConfigError
from ticktrail.events import ClockMeasured, LegUp
from ticktrail.model import Bar, BookSnapshot, Gap, Quote, Rejected, Status, Switched, Trade, Undecodable
from ticktrail.plugin import Routed
from ticktrail.testing import ManualClock, make_bar, make_quote, make_trade
from ticktrail_compliance.reading import EVENTS, Range, entry_of, headers, open_summary, read_records
from ticktrail_compliance.recording.observer import open_audit
from ticktrail_compliance.records import StoredRouted, decode_records, encode_records
from ticktrail_compliance.store import schema
from ticktrail_compliance.summary import Summary
from unit.compliance.logs import (
    ENTRIES,
    NOW_NS,
    TooBig,
    attacked,
    context,
    down,
    fetch,
    opened,
    routed,
    sample,
    settings,
    up,
    verified,
    write,
)

pytestmark = pytest.mark.anyio


FEED = EVENTS | {"journal"}


async def test_everything_comes_back_in_order(tmp_path, database):
    """Events and batches as they were decided, with violations and reasons; the counts agree."""
    counts = await sample(tmp_path, database=database)
    assert counts == {"records": 4, "segments": 3, "ticks": 11}
    with opened(tmp_path, database=database) as log:
        found = [record for _, record in read_records(log, Range(classes=FEED))]
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
    outcome = verified(tmp_path, database=database)
    assert (outcome.sound, outcome.entries, outcome.events, outcome.segments, outcome.ticks) == (
        True,
        ENTRIES,
        4,
        3,
        11,
    )


async def test_a_writer_says_who_it_is(tmp_path, database):
    """User, machine, process, program and feed, in the first entry of each run; its entries bear its number."""
    for writer in (1, 2):
        await sample(tmp_path, database=database)
        with opened(tmp_path, database=database) as log:
            found = list(read_records(log, Range(classes=frozenset({"access"}))))
        header, act = found[-1]
        assert (len(found), act.writer, header.writer, header.counter) == (writer, writer, writer, 1)
        assert (act.actor.pid, act.purpose) == (os.getpid(), "feed test")


async def test_a_summary_says_what_an_entry_holds(tmp_path, database):
    """Instruments, channels, providers and counts by outcome, without opening the body."""
    await sample(tmp_path, database=database)
    with opened(tmp_path, database=database) as log:
        found = [open_summary(entry_of(log.log_id, row), log.keys.find) for row in log.summary_rows()]
    assert found[3] == Summary(
        events={"routed": 1},
        providers=["leg", "test"],
        instruments=["BTC/USDT"],
        channels=["quotes", "trades"],
        delivered=2,
        rejected=2,
        suppressed=0,
        flagged=0,
    )
    assert found[1].events == {"leg_up": 1}


async def test_the_clock_s_last_measurement_stands_in_each_entry(tmp_path, database):
    """Offset and bound, from the measurement on; before it nothing is claimed."""
    measured = ClockMeasured(at_ns=NOW_NS, server="x", offset_ns=-1_500, bound_ns=700, in_tolerance=True)
    await write(tmp_path, [up(1), measured, up(2)], database=database)
    with opened(tmp_path, database=database) as log:
        found = [(header.clock_offset_ns, header.clock_bound_ns) for header in headers(log, Range())]
        classes = [header.entry_class for header in headers(log, Range())]
    assert found[0] == (None, None)
    assert found[-1] == (1_500, 700)
    assert classes == ["access", "control", "clock", "control"]


async def test_a_log_goes_on_where_it_ended(tmp_path, database):
    """Three runs make one chain; the head moves with each."""
    heads = set()
    for _ in range(3):
        await sample(tmp_path, database=database)
        outcome = verified(tmp_path, database=database)
        assert outcome.sound
        heads.add(outcome.head)
    assert (outcome.entries, len(heads)) == (3 * ENTRIES, 3)


@pytest.mark.parametrize(
    ("journal", "ticks", "segments"), [("all", 11, 3), ("rejected", 2, 1), ("none", 0, 0)]
)
async def test_what_is_kept(tmp_path, journal, ticks, segments):
    """Events always; ticks as the settings say."""
    records = [up(1), routed(1), routed(2), routed(3, rejected=2), down(4), routed(5, suppressed=1), up(6)]
    counts = await write(tmp_path, records, journal=journal)
    assert counts == {"records": 4, "segments": segments, "ticks": ticks}
    assert verified(tmp_path).ticks == ticks


async def test_a_tick_waits_no_longer_than_it_may(tmp_path, database):
    """A single tick is sealed after segment_s, with no other record to push it."""
    clock = ManualClock()
    async with open_audit(settings(segment_s=0.05, database=database), context(tmp_path, clock)) as observer:
        await observer.observe([routed(1)])
        assert observer.summary()["ticks"] == 0
        clock.advance(1.0)
        await _sealed(observer, 2)
        assert (
            verified(tmp_path, database=database).ticks == 2
        )  # read by another connection while the feed runs


async def test_before_delivery_is_on_the_disk(tmp_path, database):
    """Whoever asks the log once `observe` has returned finds all of it."""
    mine = settings(before_delivery=True, segment_ticks=1_000, segment_s=60, database=database)
    async with open_audit(mine, context(tmp_path)) as observer:
        for number in range(1, 4):
            await observer.observe([routed(number)])
            assert verified(tmp_path, database=database).ticks == 2 * number


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


async def test_two_writers_share_a_log(tmp_path, database):
    """Two feeds in one log: both are kept in one order, each by its own number and keys."""
    mine = settings(database=database)
    async with open_audit(mine, context(tmp_path)) as first:
        await first.observe([up(1)])
        async with open_audit(mine, context(tmp_path)) as second:
            for number in range(2, 20, 2):
                await second.observe([up(number)])
                await first.observe([up(number + 1)])
            assert verified(tmp_path, database=database).sound
    outcome = verified(tmp_path, database=database)
    assert (outcome.sound, outcome.events) == (
        True,
        2 + 1 + 19,
    )  # who writes, what the second one found, events
    with opened(tmp_path, database=database) as log:
        found = [(header.writer, record.at_ns) for header, record in read_records(log, Range(classes=EVENTS))]
    found = [one for one in found if one[1] >= NOW_NS]
    assert [at_ns for _, at_ns in found] == [up(number).at_ns for number in range(1, 20)]
    assert [writer for writer, _ in found] == [1, *([2, 1] * 9)]


def _only(error, kind):
    return isinstance(error, kind) or error.subgroup(kind) is not None


async def test_a_clock_that_goes_back_changes_no_order(tmp_path):
    """An hour back between two entries: numbers grow, and the log is sound."""
    clock = ManualClock()
    async with open_audit(settings(), context(tmp_path, clock)) as observer:
        await observer.observe([up(10)])
        clock.step(-3_600)
        await observer.observe([up(1)])
    with opened(tmp_path) as log:
        found = [(header.seq, record.at_ns) for header, record in read_records(log, Range(classes=FEED))]
    assert [seq for seq, _ in found] == [2, 3]
    assert verified(tmp_path).sound


async def test_files_are_closed_to_others(tmp_path):
    """Database, write-ahead log and key: mode 0600."""
    async with open_audit(settings(), context(tmp_path)) as observer:
        await observer.observe([up(1)])
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert set(modes) >= {"audit.db", "audit.db-wal", "audit-keys.db", "audit-keys.db-wal", "audit.key"}
    assert set(modes.values()) == {0o600}


async def test_the_database_gives_no_content_away(tmp_path):
    """No price, no instrument and no cause stands in the file."""
    await sample(tmp_path)
    content = (tmp_path / "audit.db").read_bytes()
    for word in (b"BTC/USDT", b"61837.63", b"too_big", b"standby", b"cut by the server"):
        assert word not in content


async def test_a_month_has_a_key_of_its_own(tmp_path, database):
    """Entries of another month, class or run are sealed under another key; all verify."""
    clock = ManualClock()
    await write(tmp_path, [up(1), routed(1)], clock=clock, database=database)
    clock.step(45 * 86_400)
    await write(tmp_path, [up(2), routed(2)], clock=clock, database=database)
    with opened(tmp_path, database=database) as log:
        found = [(state.entry_class, state.month) for state in log.keys.states()]
    assert sorted(Counter(found).items()) == [
        ((entry_class, month), 1)
        for entry_class in ("access", "control", "journal")
        for month in ("2023-11", "2023-12")
    ]
    assert verified(tmp_path, database=database).sound


async def test_nonces_never_repeat(tmp_path, database):
    """Over runs too; and the database refuses one that would."""
    for _ in range(3):
        await sample(tmp_path, database=database)
    table = schema.entries.c
    rows = fetch(tmp_path, sqlalchemy.select(table.key_id, table.counter), database=database)
    assert len(set(rows)) == len(rows) == 3 * ENTRIES
    names = [column for column in table if column.name not in {"seq", "writer"}]
    again = sqlalchemy.select(sqlalchemy.literal(99), sqlalchemy.literal(99), *names).where(table.seq == 1)
    copied = schema.entries.insert().from_select(["seq", "writer", *(column.name for column in names)], again)
    with pytest.raises(sqlalchemy.exc.IntegrityError), attacked(tmp_path, database=database) as connection:
        connection.execute(copied)


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (Range(from_seq=5), [5, 6, 7]),
        (Range(to_seq=1), [1]),
        (Range(from_seq=3, to_seq=3), [3, 3]),
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


@given(delivered=st.lists(ticks, max_size=6), raw=st.binary(max_size=40), derived=st.booleans())
def test_records_come_back_exactly(delivered, raw, derived):
    """Every digit, flag and byte; two decimals that are equal but written otherwise stay so."""
    broken = Undecodable(provider="leg", recv_ns=1, raw=raw, reason="x")
    record = Routed(
        provider="leg", recv_ns=1, delivered=delivered, rejected=[_rejected(broken)], derived=derived
    )
    (back,) = decode_records(encode_records([record]))
    assert back.derived == derived
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
    ((pages,),) = fetch(tmp_path, text("PRAGMA page_count"))
    before = verified(tmp_path)

    async def overfill():
        async with open_audit(settings(), context(tmp_path)) as observer:
            observer._recorder._log.database.run_outside(f"PRAGMA max_page_count = {pages}")
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
    assert counts == {"records": 1, "segments": 0, "ticks": 0}
    assert verified(tmp_path).entries == 1
    with pytest.raises(ConfigError, match="no audit database"):
        verified(tmp_path, database="sqlite:///other.db")
