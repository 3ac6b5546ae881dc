"""Look at what is recorded, and what happens where it cannot be.

Owns: the controls ``recording.*``.
Never: changes a setting.
"""

from __future__ import annotations

from ticktrail.model import Undecodable
from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, not_applicable, passed, unknown
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.checks.sample import sample
from ticktrail_compliance.words import counted

__all__ = ["CONTROLS"]


def _journal(facts: Facts) -> Look:
    kept = facts.settings.journal
    if kept != "all":
        return failed(f'[compliance] journal = "{kept}": not every tick can be proven; write "all"')
    return passed('journal = "all": every tick, whatever became of it')


def _failure(facts: Facts) -> Look:
    folder = facts.base_dir / facts.settings.spool
    most = facts.checks.spool_max_age_hours
    waiting = sorted(folder.iterdir()) if folder.is_dir() else []
    for path in waiting:
        hours = facts.hours_since(path.stat().st_mtime_ns)
        if hours > most:
            return failed(
                f"{path} has waited for {hours:,.1f} h to be added to the log, more than {most:g} h: mend the "
                "database, and start the feed"
            )
    what = {
        "halt": "the feed halts where it cannot record",
        "spool": "what cannot be recorded is kept encrypted in a spool",
    }[facts.settings.on_failure]
    return passed(f"{what}; {counted(len(waiting), 'spool')} to be added")


def _before_delivery(facts: Facts) -> Look:
    if facts.settings.before_delivery:
        return passed("nothing is delivered that is not sealed and on the disk")
    lost = f"a crash can lose the record of the last {facts.settings.segment_s:g} s of what was delivered"
    if facts.checks.before_delivery:
        return failed(
            f"{lost}, and the policy asks for before_delivery: write before_delivery = true in [compliance]"
        )
    return passed(f"{lost}; the policy allows it")


def _synthetic(facts: Facts) -> Look:
    if not facts.is_production:
        return not_applicable("the feed's last run was none of production")
    taken = sample(facts.opened)
    if not taken:
        return unknown("the log holds no segment of ticks that can be opened; run the feed, with a journal")
    for entry in taken:
        for tick in entry.ticks:
            if not isinstance(tick, Undecodable) and tick.synthetic:
                return failed(
                    f"leg {tick.provider} delivered made-up data in production: take it out of the route",
                    entry.seq,
                )
    return passed(f"none in the last {counted(len(taken), 'segment')}", taken[-1].seq)


CONTROLS = (
    Control(
        "recording.journal",
        "Every tick is journalled",
        POLICY,
        "[compliance] journal",
        _journal,
        needs_log=False,
    ),
    Control(
        "recording.failure",
        "Nothing that was recorded waits outside of the log for long",
        POLICY,
        "[compliance] on_failure, and the files of the spool's folder",
        _failure,
        needs_log=False,
    ),
    Control(
        "recording.before_delivery",
        "What a crash can lose is what the policy allows",
        POLICY,
        "[compliance] before_delivery and segment_s against [compliance.checks] before_delivery",
        _before_delivery,
    ),
    Control(
        "recording.synthetic",
        "No made-up data is delivered in production",
        POLICY,
        "the profile of the last run, and the ticks of the last segments, decrypted",
        _synthetic,
        needs_run="what its legs deliver",
    ),
)
