"""Look at what is recorded, and what happens where it cannot be.

Owns: the controls ``recording.*``.
Never: changes a setting.
"""

from __future__ import annotations

from ticktrail.model import Undecodable
from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, not_applicable, passed, unknown
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.checks.sample import sample
from ticktrail_compliance.recording.used import RecordingUsed, differing
from ticktrail_compliance.words import counted

__all__ = ["CONTROLS"]


UNTOLD = "the feed's last run does not tell by which settings it recorded, as one of an earlier version: start it again"


def _used(facts: Facts) -> tuple[RecordingUsed | None, int | None]:
    """Return by which settings the last run recorded, and which entry tells that."""
    if facts.run is None:
        return None, None
    return facts.run.opening.act.recording, facts.run.opening.seq


def _but(facts: Facts, used: RecordingUsed, *names: str) -> str:
    """Return where the feed file says something else than the run that is judged had."""
    others = differing(used, facts.settings, *names)
    if not others:
        return ""
    told = ", ".join(f"{name} = {value}" for name, value in others.items())
    return f"; the feed file says {told} now, which holds from the next start on"


def _journal(facts: Facts) -> Look:
    used, seq = _used(facts)
    if used is None:
        return unknown(UNTOLD)
    but = _but(facts, used, "journal")
    if used.journal != "all":
        return failed(
            f'the last run kept journal = "{used.journal}": not every tick of it can be proven; write "all", and start '
            f"the feed again{but}",
            seq,
        )
    return passed(f'journal = "all" in the last run: every tick, whatever became of it{but}', seq)


def _failure(facts: Facts) -> Look:
    used, seq = _used(facts)
    most = facts.checks.spool_max_age_hours
    names = dict.fromkeys(([used.spool] if used is not None else []) + [facts.settings.spool])
    waiting = [
        path
        for folder in (facts.base_dir / name for name in names)
        if folder.is_dir()
        for path in sorted(folder.iterdir())
    ]
    for path in waiting:
        hours = facts.hours_since(path.stat().st_mtime_ns)
        if hours > most:
            return failed(
                f"{path} has waited for {hours:,.1f} h to be added to the log, more than {most:g} h: mend the "
                "database, and start the feed"
            )
    does = {
        "halt": "the feed halts where it cannot record",
        "spool": "what cannot be recorded is kept encrypted in a spool",
    }
    left = f"{counted(len(waiting), 'spool')} to be added"
    if used is None:
        return passed(f"by the feed file {does[facts.settings.on_failure]}; {left}")
    what = does.get(used.on_failure, f"on_failure = {used.on_failure}")
    return passed(f"{what}; {left}{_but(facts, used, 'on_failure', 'spool', 'spool_max_bytes')}", seq)


def _before_delivery(facts: Facts) -> Look:
    used, seq = _used(facts)
    if used is None:
        return unknown(UNTOLD)
    but = _but(facts, used, "before_delivery", "segment_s", "segment_ticks")
    if used.before_delivery:
        return passed(f"the last run delivered nothing that was not sealed and on the disk{but}", seq)
    lost = f"a crash can lose the record of the last {used.segment_s:g} s of what the last run delivered"
    if facts.checks.before_delivery:
        return failed(
            f"{lost}, and the policy asks for before_delivery: write before_delivery = true in [compliance], and start "
            f"the feed again{but}",
            seq,
        )
    return passed(f"{lost}; the policy allows it{but}", seq)


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
        "journal, as the last run's writer_opened tells it; the feed file where it differs",
        _journal,
        needs_run="which ticks it keeps",
    ),
    Control(
        "recording.failure",
        "Nothing that was recorded waits outside of the log for long",
        POLICY,
        "on_failure and spool, as the last run's writer_opened tells them, and the files of the spool's folder",
        _failure,
        needs_log=False,
    ),
    Control(
        "recording.before_delivery",
        "What a crash can lose is what the policy allows",
        POLICY,
        "before_delivery and segment_s, as the last run's writer_opened tells them, against [compliance.checks] "
        "before_delivery",
        _before_delivery,
        needs_run="what it seals before it delivers",
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
