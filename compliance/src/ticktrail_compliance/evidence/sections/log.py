"""Sum up the log itself: what is in it, how it is proven, and when it was last verified.

Owns: the section on the log.
Never: verifies it.
"""

from __future__ import annotations

from ticktrail.events import FeedStarted
from ticktrail_compliance.acts import ChecksRun, LogVerified, SpoolCaughtUp, TailSealed
from ticktrail_compliance.classes import CLASSES
from ticktrail_compliance.evidence.model import Column, Figure, Section, entries_of, table
from ticktrail_compliance.evidence.source import Source
from ticktrail_compliance.proof.checkpoint import Checkpoint

__all__ = ["log_section"]

ANCHORS = "log.anchors"
"""The control that looks at the anchors: they are files of the feed's machine, of which the log tells by checks."""


def log_section(source: Source, checkpoint: Checkpoint) -> Section:
    """Return the section on the log."""
    counts = source.counts()
    verified = [(one.seq, one.record) for one in source.acts if isinstance(one.record, LogVerified)]
    last_seq, last = verified[-1] if verified else (None, None)
    anchored = [
        (one.seq, result)
        for one in source.acts
        if isinstance(run := one.record, ChecksRun)
        for result in run.results
        if result.control == ANCHORS
    ]
    anchors_seq, anchors = anchored[-1] if anchored else (None, None)
    marks = source.marks
    tails = [one for one in marks if isinstance(one.record, TailSealed)]
    spools = [one for one in marks if isinstance(one.record, SpoolCaughtUp)]
    starts = [(one.seq, one.record) for one in marks if isinstance(one.record, FeedStarted)]
    of_last = entries_of([] if last_seq is None else [last_seq])
    return Section(
        id="log",
        title="The log",
        figures=[
            Figure(
                id="entries",
                title="Entries up to the period's end",
                kind="count",
                value=source.last_seq,
                how="the number of the last entry that tells of a time up to it",
                entries=entries_of([source.last_seq]),
            ),
            Figure(
                id="entries_within",
                title="Entries of the period",
                kind="count",
                value=sum(counts.values()),
                how="those that hold a record of its times",
                entries=entries_of([source.last_seq]),
            ),
            Figure(
                id="checkpoint",
                title="Entries under the checkpoint",
                kind="count",
                value=checkpoint.size,
                how="the first signed checkpoint that covers the period's last entry; records/ is proven against it",
                entries=entries_of([checkpoint.size]),
            ),
            Figure(
                id="verified_ns",
                title="Last verified",
                kind="time",
                value=None if last is None else last.at_ns,
                how="the last log_verified up to the period's end; recorded where a policy is in force",
                entries=of_last,
            ),
            Figure(
                id="verified",
                title="What was found then",
                kind="text",
                value=None
                if last is None
                else f"{'sound' if last.sound else f'NOT SOUND, {last.findings} findings'} up to entry {last.size} "
                f"({last.mode})",
                how="as that entry tells",
                entries=of_last,
            ),
            Figure(
                id="anchors",
                title="Anchors",
                kind="text",
                value=None if anchors is None else f"{anchors.found}: {anchors.detail}",
                how="what the last check of the safeguards found of them",
                entries=entries_of([] if anchors_seq is None else [anchors_seq]),
            ),
            Figure(
                id="tails",
                title="Crashes",
                kind="count",
                value=len(tails),
                how="entries without a checkpoint, found by the next writer and sealed",
                entries=entries_of(one.seq for one in tails),
            ),
            Figure(
                id="spools",
                title="Times on a spool",
                kind="count",
                value=len(spools),
                how="the database was away; what was kept meanwhile was added",
                entries=entries_of(one.seq for one in spools),
            ),
        ],
        tables=[
            table(
                "classes",
                "Entries of the period, by class",
                (Column("class", "Class"), Column("entries", "Entries", "count")),
                [(name, counts.get(name, 0)) for name in CLASSES],
            ),
            table(
                "starts",
                "Starts of feeds",
                (
                    Column("at_ns", "When", "time"),
                    Column("feed", "Feed"),
                    Column("profile", "Profile"),
                    Column("ticktrail", "Version"),
                    Column("settings_sha256", "SHA-256 of the feed file"),
                    Column("entry", "Entry", "entry"),
                ),
                [
                    (act.at_ns, act.feed, act.profile, act.ticktrail, act.settings_sha256, seq)
                    for seq, act in starts
                ],
                empty="no feed started in the period",
            ),
        ],
    )
