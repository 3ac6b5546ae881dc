"""Look at the proofs of the log: that it was verified lately, and is under checkpoints that others know of.

Owns: the controls ``log.*``.
Never: verifies the log; `ticktrail audit verify` does, and says so in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.acts import LogVerified
from ticktrail_compliance.anchoring import anchor_paths, refuse_contradicted
from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, passed, unknown
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.proof.checkpoint import Checkpoint
from ticktrail_compliance.store.head import Head
from ticktrail_compliance.words import counted, moment

__all__ = ["CONTROLS"]

RULE = "17 CFR 240.17a-4(f)"
VERIFY = "run `ticktrail audit verify FEED.toml`"


def _verified(facts: Facts) -> Look:
    last = unsound = None
    for seq, act in facts.done(LogVerified):
        last = (seq, act)
        if not act.sound:
            unsound = last
        elif unsound is not None and (act.mode == "full" or unsound[1].mode == "quick"):
            unsound = None  # a quick one opens no content, and clears nothing that was found in one
    if last is None:
        return failed(f"the log tells of no verification: {VERIFY}")
    if unsound is not None:
        seq, act = unsound
        found = counted(act.findings, "finding")
        return failed(f"the verification of {moment(act.at_ns)} had {found}: {VERIFY} and see", seq)
    seq, act = last
    if facts.is_to_come(act.at_ns):
        return failed(f"the last verification is dated {moment(act.at_ns)}, which is to come: {VERIFY}", seq)
    hours, most = facts.hours_since(act.at_ns), facts.checks.verify_max_age_hours
    told = f"sound {moment(act.at_ns)} ({act.mode}, up to entry {act.size:,}), {hours:,.1f} h ago"
    return failed(f"{told}, more than {most:g} h: {VERIFY}", seq) if hours > most else passed(told, seq)


def _checkpoint(facts: Facts) -> Look:
    head = facts.opened.head()
    if head is None:
        return failed(f"the log's end is not what was sealed: {VERIFY}")
    if head.seq == head.checkpoint_size:
        return passed(f"checkpoint {head.checkpoints:,} covers all {head.seq:,} entries", head.seq or None)
    return _uncovered(facts, head.checkpoint_size, facts.checks.checkpoint_max_age_hours, "no checkpoint")


def _anchors(facts: Facts) -> Look:
    paths = anchor_paths(facts.settings, facts.base_dir)
    if not paths:
        return unknown(
            "no anchor is named, so that a log that is put back whole would not be seen: name a file on another disk "
            "in [compliance] anchors, and start the feed"
        )
    missing = next((path for path in paths if not path.is_file()), None)
    if missing is not None:
        return failed(f"anchor {missing} is missing: put it back from where it is copied to")
    head = facts.opened.head()
    if head is None:
        return failed(f"the log's end is not what was sealed: {VERIFY}")
    try:
        return _known(facts, head, refuse_contradicted(facts.opened, head, paths), paths)
    except (ConfigError, AuditError) as exc:
        return failed(str(exc))


def _known(facts: Facts, head: Head, held: Mapping[Path, Checkpoint], paths: Sequence[Path]) -> Look:
    """Judge how far anchors know a log that agrees with them."""
    for path in paths:
        size = held[path].size if path in held else 0
        if size < head.checkpoint_size:
            look = _uncovered(
                facts, size, facts.checks.anchor_max_age_hours, f"no checkpoint in anchor {path}"
            )
            if look.found == "failed":
                return look
    return passed(
        f"{counted(len(paths), 'anchor agrees', 'anchors agree')} with the log", head.checkpoint_size
    )


def _uncovered(facts: Facts, size: int, most: float, by: str) -> Look:
    """Judge by how long ago the first entry was written that something does not cover."""
    row = next(facts.opened.plain_rows(size + 1, size + 1), None)
    if row is None or type(row.written_ns) is not int:
        return failed(f"entry {size + 1} is missing: {VERIFY}")
    hours = facts.hours_since(row.written_ns)
    told = f"entry {size + 1:,}, written {hours:,.2f} h ago, is under {by}"
    if hours > most:
        return failed(
            f"{told}, for more than {most:g} h: start the feed, or run `ticktrail audit checkpoint`", size + 1
        )
    return passed(told, size + 1)


CONTROLS = (
    Control(
        "log.verified",
        "The log was verified lately, and was sound",
        RULE,
        "the last log_verified entry",
        _verified,
    ),
    Control(
        "log.checkpoint",
        "Every entry is soon under a signed checkpoint",
        POLICY,
        "the head of the log, and when the first entry beyond its last checkpoint was written",
        _checkpoint,
    ),
    Control(
        "log.anchors",
        "Every anchor agrees with the log and is up to date",
        POLICY,
        "the checkpoints in the files of [compliance] anchors, against the log's own tree",
        _anchors,
    ),
)
