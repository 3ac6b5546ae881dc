"""Sum up who used the log, who was not let, and what was taken out of it.

Owns: the section on access.
Never: decides who may do what.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from ticktrail_compliance.acts import (
    Accessed,
    AccessRefused,
    Actor,
    EvidencePacked,
    KeysRewrapped,
    LogExported,
    WriterOpened,
)
from ticktrail_compliance.evidence.model import Column, Figure, Section, entries_of, table
from ticktrail_compliance.evidence.source import Source, Told

__all__ = ["access_section"]


def access_section(source: Source) -> Section:
    """Return the section on access."""
    acts = source.acts_within
    let = [one for one in acts if isinstance(one.record, Accessed)]
    refused = [one for one in acts if isinstance(one.record, AccessRefused)]
    taken = [one for one in acts if isinstance(one.record, LogExported | EvidencePacked)]
    writers = [one for one in acts if isinstance(one.record, WriterOpened)]
    rewrapped = [one for one in acts if isinstance(one.record, KeysRewrapped)]
    return Section(
        id="access",
        title="Access",
        figures=[
            Figure(
                id=name,
                title=title,
                kind="count",
                value=len(found),
                how=how,
                entries=entries_of(one.seq for one in found),
            )
            for name, title, found, how in (
                ("accesses", "Accesses", let, "recorded where the policy in force names roles"),
                ("refusals", "Refusals", refused, "who asked was not let; recorded in the same way"),
                ("taken_out", "Exports and evidence packs", taken, "what was taken out of the log"),
                (
                    "writers",
                    "Processes that wrote",
                    writers,
                    "feeds and commands that opened the log to write",
                ),
                ("rewrapped", "Exchanges of the key", rewrapped, "the entries keys_rewrapped"),
            )
        ],
        tables=[
            table(
                "people",
                "By person",
                (
                    Column("person", "Person"),
                    Column("action", "Action"),
                    Column("roles", "As"),
                    Column("let", "Let", "count"),
                    Column("refused", "Refused", "count"),
                    Column("entries", "Entries", "entries"),
                ),
                _people([*let, *refused]),
                empty="no access was recorded: no policy in force named roles, or nobody asked",
            ),
            table(
                "refusals",
                "Refusals",
                (
                    Column("at_ns", "When", "time"),
                    Column("person", "Person"),
                    Column("action", "Wanted"),
                    Column("why", "Why not"),
                    Column("purpose", "For"),
                    Column("entry", "Entry", "entry"),
                ),
                [
                    (act.at_ns, _who(act.actor), act.action, act.why, act.purpose, one.seq)
                    for one in refused
                    if isinstance(act := one.record, AccessRefused)
                ],
            ),
            table(
                "taken_out",
                "Exports and evidence packs",
                (
                    Column("at_ns", "When", "time"),
                    Column("person", "Person"),
                    Column("what", "What"),
                    Column("purpose", "For"),
                    Column("sha256", "SHA-256 of the manifest"),
                    Column("entry", "Entry", "entry"),
                ),
                [
                    (
                        act.at_ns,
                        _who(act.actor),
                        "evidence pack" if isinstance(act, EvidencePacked) else _exported(act),
                        act.purpose,
                        act.manifest_sha256,
                        one.seq,
                    )
                    for one in taken
                    if isinstance(act := one.record, LogExported | EvidencePacked)
                ],
            ),
        ],
    )


def _people(told: Sequence[Told]) -> Sequence[Sequence[str | int]]:
    found: dict[tuple[str, str], list[Told]] = defaultdict(list)
    for one in told:
        if isinstance(one.record, Accessed | AccessRefused):
            found[_who(one.record.actor), one.record.action].append(one)
    rows = []
    for (person, action), some in sorted(found.items()):
        roles = {role for one in some for role in _roles(one)}
        refusals = sum(isinstance(one.record, AccessRefused) for one in some)
        seqs = sorted(one.seq for one in some)
        named = ", ".join(map(str, seqs[:5])) + (f" … {seqs[-1]}" if len(seqs) > 5 else "")
        rows.append(
            (person, action, ", ".join(sorted(roles)) or "no role", len(some) - refusals, refusals, named)
        )
    return rows


def _roles(one: Told) -> Sequence[str]:
    match one.record:
        case Accessed():
            return (one.record.role,)
        case AccessRefused():
            return one.record.roles
        case _:
            return ()


def _who(actor: Actor) -> str:
    return f"{actor.user}@{actor.host}"


def _exported(act: LogExported) -> str:
    keys = ", with its keys" if act.with_keys else ""
    return f"export of entries {act.first_seq} to {act.last_seq} ({act.rows_format}{keys})"
