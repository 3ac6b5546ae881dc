"""Open entries, and say which do not hold what was sealed.

Owns: the checks that need keys: ciphertexts against their digests, contents against header and summary, and whether a
content that is gone was destroyed by rule.
Never: looks at the chain.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence

from ticktrail_compliance.acts import SpoolCaughtUp
from ticktrail_compliance.destroyed import destroyed_keys
from ticktrail_compliance.entry import Entry, Unsealed
from ticktrail_compliance.reading import NoCiphertext, entry_of, open_records, open_summary
from ticktrail_compliance.records import StoredRecord, StoredRouted
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.summary import summarize
from ticktrail_compliance.verify.outcome import Caught, Checked, Findings
from ticktrail_compliance.words import counted

__all__ = ["check_contents", "check_keys"]


def check_keys(log: AuditLog, told: Mapping[int, int], findings: Findings) -> None:
    """Look at every data key.

    Args:
        log: Open to read.
        told: Data keys that were destroyed by rule, as the log told when the verification began.
        findings: Gets what is found.
    """
    states = list(log.keys.states())
    if any(state.state == "destroyed" and state.key_id not in told for state in states):
        told = {**destroyed_keys(log), **told}  # retention may run beside this
    for state in states:
        name = f"data key {state.key_id} ({state.entry_class} {state.month})"
        match state.state:
            case "damaged":
                findings.add(None, f"{name} was changed: what it sealed cannot be read")
            case "foreign":
                findings.add(
                    None,
                    f"{name} is wrapped by key {state.kek}, and not by {log.keys.provider.key_id}: name the right "
                    "key, or finish the exchange of keys",
                )
            case "destroyed" if state.key_id not in told:
                findings.add(None, f"{name} was destroyed, and no entry of the log tells by whom and why")
            case "whole" if state.key_id in told:
                findings.add(
                    told[state.key_id],
                    f"{name} is there, and entry {told[state.key_id]} tells that it was destroyed: destroy it again, "
                    "or let `ticktrail audit retention apply` do what is missing",
                )
            case _:
                pass


def check_contents(log: AuditLog, first: int, last: int, told: Mapping[int, int]) -> Checked:
    """Return what the entries from one number to another hold.

    Args:
        log: Open to read.
        first: The first entry.
        last: The last one.
        told: Data keys that were destroyed by rule, each with the number of the entry that tells of it.
    """
    checked, is_gone = _checked(log, first, last, told)
    if is_gone and (now := destroyed_keys(log)) != told:  # retention ran beside this
        checked, _ = _checked(log, first, last, now)
    return checked


def _checked(log: AuditLog, first: int, last: int, told: Mapping[int, int]) -> tuple[Checked, bool]:
    """Return what entries hold, and whether a key that is destroyed and not told to be is the cause of a finding."""
    is_gone = False
    findings = Findings()
    events = segments = ticks = destroyed = 0
    spools: list[Caught] = []
    for row in log.rows(first, last):
        try:
            entry = entry_of(log.log_id, row)
        except NoCiphertext as exc:
            findings.add(row.seq, f"entry {row.seq}: {exc}")
            continue
        except Unsealed:
            continue  # the walk over the chain names it
        header = entry.header
        wrong = next(_wrong_ciphertexts(entry, told), None)
        if wrong is not None:
            findings.add(header.seq, f"entry {header.seq}: {wrong}")
            is_gone = is_gone or _is_gone(log, header.key_id, told)
        elif header.seq > told.get(header.key_id, header.seq):
            findings.add(
                header.seq,
                f"entry {header.seq} was sealed under data key {header.key_id}, which entry {told[header.key_id]} had "
                "told to be destroyed",
            )
        elif header.key_id in told and (_is_empty(entry) or log.keys.find(header.key_id) is None):
            destroyed += 1
        else:
            try:
                records = _held(entry, log)
            except (Unsealed, ValueError) as exc:
                findings.add(header.seq, f"entry {header.seq}: {exc}")
                is_gone = is_gone or _is_gone(log, header.key_id, told)
                continue
            if header.entry_class == "journal":
                segments += 1
                ticks += header.ticks
            else:
                events += len(records)
                spools.extend(
                    Caught(record.spool_id, record.last_frame, header.seq)
                    for record in records
                    if isinstance(record, SpoolCaughtUp)
                )
    checked = Checked(
        events=events,
        segments=segments,
        ticks=ticks,
        destroyed=destroyed,
        findings=tuple(findings.kept),
        spools=tuple(spools),
    )
    return checked, is_gone


def _is_gone(log: AuditLog, key_id: int, told: Mapping[int, int]) -> bool:
    return key_id not in told and log.keys.is_destroyed(key_id)


def _is_empty(entry: Entry) -> bool:
    return entry.summary is None and entry.body is None


def _wrong_ciphertexts(entry: Entry, told: Collection[int]) -> Iterator[str]:
    for name, sealed, digest in (
        ("summary", entry.summary, entry.summary_sha256),
        ("body", entry.body, entry.body_sha256),
    ):
        if sealed is None:
            if entry.header.key_id not in told:
                yield f"its {name} is gone, and no entry of the log tells that it was destroyed"
        elif hashlib.sha256(sealed).digest() != digest:
            yield f"its {name}, or the column {name}_sha256, was changed"


def _held(entry: Entry, log: AuditLog) -> Sequence[StoredRecord]:
    """Return the records that an entry holds, once header, summary and body agree.

    Raises:
        Unsealed: They do not.
        ValueError: Summary or body cannot be read.
    """
    header = entry.header
    records = open_records(entry, log.keys.find)
    found = summarize(records)
    ticks = found.delivered + found.rejected + found.suppressed
    if (len(records), ticks) != (header.records, header.ticks):
        raise Unsealed(
            f"it holds {counted(len(records), 'record')} and {counted(ticks, 'tick')}, and its header says "
            f"{header.records} and {header.ticks}"
        )
    times = [record.recv_ns if isinstance(record, StoredRouted) else record.at_ns for record in records]
    if times and (min(times), max(times)) != (header.first_ns, header.last_ns):
        raise Unsealed("its records are of other times than its header says")
    if open_summary(entry, log.keys.find) != found:
        raise Unsealed("its summary tells of something else than its body holds")
    return records
