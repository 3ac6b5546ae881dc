"""16. and 30. Clocks that step, leap, end a month or live in a zone: order never follows from them."""

import time

import anyio
import pytest

from ticktrail.events import ClockStepped
from ticktrail.testing import ManualClock
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.recording.observer import open_audit
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.keystore import month_of
from unit.compliance.logs import NOW_NS, context, settings, up

LEAP_NS = 1_483_228_800_000_000_000  # 2017-01-01T00:00:00Z, after a leap second
MOMENTS = [
    (0, "1970-01"), (-1, "1969-12"), (LEAP_NS - 1, "2016-12"), (LEAP_NS, "2017-01"),
    (1_709_251_199_999_999_999, "2024-02"), (1_709_251_200_000_000_000, "2024-03"),
    ((2**31 - 1) * 10**9, "2038-01"), (2**31 * 10**9, "2038-01"), (2**32 * 10**9, "2106-02"),
    (2**63 - 1, "2262-04"),
]  # fmt: skip


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "America/Adak", "right/UTC", "Europe/Berlin"])
def test_30_the_month_of_a_key_is_that_of_utc(monkeypatch, zone):
    """To the nanosecond, whatever the zone of the machine, also at the end of February and after 2038."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert [month_of(at_ns) for at_ns, _ in MOMENTS] == [month for _, month in MOMENTS]
    finally:
        monkeypatch.undo()
        time.tzset()


def _recorded(log, steps, *, records=lambda number: [up(number)]):
    """Record something after each step of a clock, which is set by it; gives the entries' times."""

    async def run():
        clock = ManualClock()
        async with open_audit(settings(database=log.database), context(log.folder, clock)) as observer:
            for number, at_ns in enumerate(steps):
                clock.step((at_ns - clock.now_ns()) / 1e9)
                await observer.observe(records(number))

    anyio.run(run)
    table = schema.entries.c
    return log.fetch(
        table.seq.table.select().with_only_columns(table.seq, table.written_ns).order_by(table.seq)
    )


def test_16_a_clock_an_hour_back_changes_no_order_and_is_told(log):
    """Numbers grow while times do not; the step stands in the log, and it is sound."""

    def records(number):
        stepped = ClockStepped(
            at_ns=NOW_NS - 3_600 * 10**9, from_offset_ns=0, to_offset_ns=3_600 * 10**9, allowed_ns=1
        )
        return [stepped, up(10 - number)] if number == 1 else [up(10 - number)]

    rows = _recorded(log, [NOW_NS, NOW_NS - 3_600 * 10**9, NOW_NS - 3_599 * 10**9], records=records)
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))
    times = [written for _, written in rows]
    assert times != sorted(times)
    with log.opened() as opened:
        found = [record for _, record in read_records(opened, Range(from_seq=9))]
    assert [type(record).__name__ for record in found] == ["LegUp", "ClockStepped", "LegUp", "LegUp"]
    assert [record.reconnects for record in found if hasattr(record, "reconnects")] == [10, 9, 8]
    assert log.verified().sound


def test_30_leap_seconds_month_ends_and_2038_change_no_order(log):
    """One log through all of them and back: one order, a key for each month and class, and all of it reads."""
    steps = [at_ns for at_ns, _ in MOMENTS[2:9]]
    rows = _recorded(log, [*steps, *reversed(steps)])
    assert [seq for seq, _ in rows] == list(range(1, len(rows) + 1))
    outcome = log.verified()
    assert outcome.sound
    assert outcome.entries == 7 + 1 + 2 * len(steps)
    months = {
        month
        for (month,) in log.fetch(schema.keys.select().with_only_columns(schema.keys.c.month), keys=True)
    }
    assert months >= {"2016-12", "2017-01", "2024-02", "2024-03", "2038-01", "2106-02"}
