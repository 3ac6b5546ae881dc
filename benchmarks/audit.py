"""Measure the audit log: python benchmarks/audit.py [--ticks N] [--days N] [--database URL] [--json].

Ticks of a real recording, as often as it takes and over several days and instruments, are sealed as a feed seals them;
then the log is verified, entries are proven, one day is read, and one instrument of it is exported. Each figure is
of one process on this machine, the verification's of as many as there are processors.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import msgspec
from rules import RECORDING, batches_of
from sqlalchemy import text

from ticktrail.plugin import Routed, Secret, SystemClock
from ticktrail_compliance.export import gathering
from ticktrail_compliance.export.run import export
from ticktrail_compliance.export.state import Request
from ticktrail_compliance.naming import Named
from ticktrail_compliance.proving import prove
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.recording.journal import Journal
from ticktrail_compliance.recording.recorder import Recorder
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.verify.whole import Progress, verify

INSTRUMENTS = [f"X{number:02}/USDT" for number in range(20)]
DAY_NS = 86_400 * 10**9
RECORDS_AT_ONCE = 100
PROOFS = 200


def recorded(most):
    """Return the recording's batches of ticks, each of one socket read."""
    found = []
    for channel in ("trades", "quotes"):
        decoder, read = batches_of(RECORDING, channel, most)
        found += [(recv_ns, list(decoder.decode(payloads, recv_ns))) for recv_ns, payloads in read]
    return [ticks for _, ticks in sorted(found, key=lambda batch: batch[0])]


def records(batches, ticks, days):
    """Yield batches as the route decides on them: of all instruments in turn, over so many days."""
    made = number = 0
    step_ns = days * DAY_NS // ticks
    now_ns = 1_790_000_000_000_000_000
    while made < ticks:
        for batch in batches:
            instrument = INSTRUMENTS[number % len(INSTRUMENTS)]
            number += 1
            now_ns += step_ns * len(batch)
            stamped = [msgspec.structs.replace(tick, instrument=instrument, recv_ns=now_ns) for tick in batch]
            yield Routed(provider="bench", recv_ns=now_ns, delivered=stamped)
            made += len(batch)
            if made >= ticks:
                return


def write(settings, folder, batches, ticks, days):
    """Seal them all; gives seconds of sealing alone, the making of the ticks left out."""
    recorder = Recorder(settings, folder, "bench", SystemClock(), lambda _: None)
    recorder.open()
    journal = Journal(keep="all", segment_ticks=settings.segment_ticks)
    spent = 0.0
    taken = []
    for record in records(batches, ticks, days):
        taken.append(record)
        if len(taken) == RECORDS_AT_ONCE:
            spent += _store(recorder, journal, taken)
            taken = []
    journal.take(taken, 0)
    journal.close_segment()
    spent += _store(recorder, journal, [])
    begun = time.perf_counter()
    recorder.checkpoint()
    recorder.close()
    return spent + time.perf_counter() - begun


def _store(recorder, journal, taken):
    begun = time.perf_counter()
    journal.take(taken, 0)
    ready = journal.ready()
    if ready:
        recorder.store(ready)
    return time.perf_counter() - begun


def bytes_of(log, folder):
    if log.database.dialect == "sqlite":
        return sum(path.stat().st_size for path in folder.glob("audit*.db*"))
    with log.database.reading() as connection:
        return connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()


@contextmanager
def counted_openings():
    """Count what an export decrypts: summaries and bodies."""
    counts = Counter()
    originals = {name: getattr(gathering, name) for name in ("open_summary", "open_body")}

    def counting(name, entry, keys):
        counts[name] += 1
        return originals[name](entry, keys)

    for name in originals:
        setattr(gathering, name, partial(counting, name))
    try:
        yield counts
    finally:
        for name, original in originals.items():
            setattr(gathering, name, original)


def export_a_day(named, folder, day):
    """Export one instrument of a day; gives what came of it, seconds, and how much was decrypted."""

    def wanted(log_id):
        return Request(
            log_id=log_id,
            from_ns=day.since_ns,
            to_ns=day.until_ns,
            classes=["journal"],
            instruments=[INSTRUMENTS[0]],
            providers=[],
            outcomes=[],
            rows_format="jsonl",
            purpose="benchmark",
            with_keys=False,
        )

    with counted_openings() as counts:
        done, seconds = timed(lambda: export(named, wanted, folder / "day", None, progress=Progress()))
    return done, seconds, counts


def timed(work):
    begun = time.perf_counter()
    found = work()
    return found, time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ticks", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=10)
    parser.add_argument("--database", default="sqlite:///audit.db")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not RECORDING.is_file():
        sys.exit(f"there is no recording {RECORDING}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = ComplianceSettings(key=Secret(file="audit.key"), database=options.database)
        batches = recorded(100_000)
        sealed_s = write(settings, folder, batches, options.ticks, options.days)
        named = Named(settings, folder)
        with closing(named.open()) as log:
            size = bytes_of(log, folder)
            found, full_s = timed(partial(verify, log, reopen=named.open))
            assert found.sound, found.findings
            quick, quick_s = timed(partial(verify, log, quick=True))
            assert quick.sound
            step = max(1, found.entries // PROOFS)
            proofs = [timed(partial(prove, log, seq, ())) for seq in range(1, found.entries + 1, step)]
            day = Range(
                since_ns=1_790_000_000_000_000_000 + DAY_NS, until_ns=1_790_000_000_000_000_000 + 2 * DAY_NS
            )
            read, day_s = timed(lambda: sum(len(record.delivered) for _, record in read_records(log, day)))
        exported, export_s, openings = export_a_day(named, folder, day)
        told = {
            "ticks": found.ticks,
            "entries": found.entries,
            "sealed_ticks_a_second": round(found.ticks / sealed_s),
            "bytes_a_tick": round(size / found.ticks, 2),
            "verified_ticks_a_second": round(found.ticks / full_s),
            "verified_s": round(full_s, 1),
            "quick_s": round(quick_s, 2),
            "proof_bytes": max(len(str(proof)) for proof, _ in proofs),
            "proof_ms": round(1e3 * statistics.median(seconds for _, seconds in proofs), 2),
            "day_ticks": read,
            "day_s": round(day_s, 2),
            "exported_rows": exported.rows,
            "export_s": round(export_s, 2),
            "opened_summaries": openings["open_summary"],
            "opened_bodies": openings["open_body"],
        }
    if options.json:
        print(json.dumps(told))
    else:
        for what, figure in told.items():
            print(f"{what:<26}{figure:>14,}")


if __name__ == "__main__":
    main()
