"""No entry is sealed that cannot be read: what it would hold is divided, or refused by name."""

from collections import Counter

import pytest

from ticktrail.errors import AuditError
from ticktrail.events import ClockMeasured
from ticktrail.model import Rejected, Undecodable
from ticktrail.plugin import Routed
from ticktrail.testing import ManualClock
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.recording import journal as journals
from ticktrail_compliance.recording.journal import Journal
from ticktrail_compliance.recording.recorder import Recorder
from unit.compliance.logs import NOW_NS, TooBig, opened, routed, settings, up, verified

JOURNAL = Range(classes=frozenset({"journal"}))


def refused(number, frame_bytes, frames=1):
    """A batch of frames that could not be read."""
    frame = Undecodable(provider="leg", recv_ns=NOW_NS + number, raw=bytes(frame_bytes), reason="bad")
    held = [Rejected(tick=frame, violations=(TooBig(size=1),))] * frames
    return Routed(provider="leg", recv_ns=NOW_NS + number, rejected=held)


def gathered(*records):
    """What a journal makes of records."""
    journal = Journal(keep="all", segment_ticks=100_000)
    journal.take(records, 0)
    journal.close_segment()
    return journal.ready()


@pytest.fixture
def recorder(tmp_path):
    recorder = Recorder(settings(on_failure="spool"), tmp_path, "test", ManualClock(), lambda _: None)
    recorder.open()
    yield recorder
    recorder.close()


def test_a_segment_is_divided_by_bytes(recorder, tmp_path, monkeypatch):
    """In order, each part with the times and counts of its own; the whole is what it was."""
    monkeypatch.setattr(journals, "SEGMENT_BYTES", 3_000)
    batches = [refused(number, 900) for number in range(7)]
    recorder.store(gathered(*batches))
    recorder.checkpoint()
    assert (recorder.counts.segments, recorder.counts.ticks) == (4, 7)
    with opened(tmp_path) as log:
        found = list(read_records(log, JOURNAL))
    assert [record.recv_ns for _, record in found] == [batch.recv_ns for batch in batches]
    assert all(header.first_ns <= record.recv_ns <= header.last_ns for header, record in found)
    assert list(Counter(header.seq for header, _ in found).values()) == [1, 2, 2, 2]
    assert all(header.records == header.ticks <= 2 for header, _ in found)
    assert verified(tmp_path).sound


def test_a_segment_of_usual_size_is_one_entry():
    """However it is bounded."""
    (one,) = gathered(*(routed(number) for number in range(100)))
    assert [draft.ticks for draft in one.drafts()] == [200]


def test_a_record_that_no_entry_can_hold_is_named(recorder, tmp_path):
    """It would be sealed, and read by nobody; what is too large for the usual bound alone is sealed by itself."""
    with pytest.raises(
        AuditError, match=r"a record \(routed of leg\) cannot be sealed: it takes 26\d,\d{3},\d{3} bytes"
    ):
        recorder.store(gathered(refused(1, 2**20, frames=257)))
    recorder.store(gathered(routed(1), refused(2, 2**20, frames=40), routed(3)))
    recorder.checkpoint()
    assert recorder.counts.segments == 3
    assert verified(tmp_path).sound


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (
            Routed(provider="leg", recv_ns=2**63, delivered=routed(1).delivered),
            r"routed of leg.*9223372036854775808 ns",
        ),
        (up(2**63), "leg_up of leg"),
        (up(-(2**63) - 2 * NOW_NS), "cannot be sealed"),
        (
            ClockMeasured(at_ns=NOW_NS, server="a", offset_ns=-(2**63), bound_ns=1, in_tolerance=True),
            r"clock_measured.*-9223372036854775808 ns",
        ),
    ],
)
def test_a_time_that_no_header_can_hold_is_named(recorder, tmp_path, record, says):
    """The feed halts with what is wrong, whatever stands in for the database; what came before is there."""
    recorder.store(gathered(routed(1)))
    with pytest.raises(AuditError, match=says):
        recorder.store(gathered(routed(2), record))
    recorder.store(gathered(routed(3)))
    recorder.checkpoint()
    assert verified(tmp_path).sound
