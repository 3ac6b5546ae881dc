"""Look at the firm's programme itself: its policy, its reviews, its incidents.

Owns: the controls ``policy.*``, ``providers.*`` and ``incidents.*``.
Never: adopts, reviews or handles anything.
"""

from __future__ import annotations

from ticktrail.errors import ConfigError
from ticktrail.events import LegUp
from ticktrail_compliance.acts import PolicyAdopted
from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, not_applicable, passed, unknown
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.incidents.deadlines import due
from ticktrail_compliance.incidents.register import register_of
from ticktrail_compliance.incidents.reminding import told
from ticktrail_compliance.oversight.feedfile import legs_of
from ticktrail_compliance.oversight.register import day_of, reviews_from, standings
from ticktrail_compliance.policy.adopted import POLICY_CLASS, people_told
from ticktrail_compliance.policy.loading import load_policy
from ticktrail_compliance.reading import Range, read_records
from ticktrail_compliance.words import counted

__all__ = ["CONTROLS"]

RULE = "17 CFR 248.30(a)"
ADOPT = "run `ticktrail compliance policy adopt FEED.toml`"


def _in_force(facts: Facts) -> Look:
    if facts.act is None:
        return failed(f"no policy is in force: name one in [compliance] policy, and {ADOPT}")
    wanted = Range(classes=frozenset({POLICY_CLASS}))
    seq = max(
        header.seq for header, one in read_records(facts.opened, wanted) if isinstance(one, PolicyAdopted)
    )
    if facts.settings.policy is None:
        return passed(
            f"the policy of {facts.act.firm}; the feed file names no file to compare it with"
            f"; {people_told(facts.act, facts.policy)}",
            seq,
        )
    path = facts.base_dir / facts.settings.policy
    try:
        loaded = load_policy(path)
    except ConfigError as exc:
        return failed(str(exc), seq)
    if loaded.sha256 != facts.act.sha256:
        return failed(f"{path} is not the policy in force: {ADOPT}, or put the file back", seq)
    return passed(f"{path}, sha256 {loaded.sha256}; {people_told(facts.act, loaded.policy)}", seq)


def _reviewed(facts: Facts) -> Look:
    if facts.policy is None or not facts.policy.providers:
        return not_applicable("the policy names no service provider ([compliance.providers.NAME])")
    found = standings(facts.policy, reviews_from(facts.acts), day_of(facts.now_ns))
    reviewed = [(one.name, one.last) for one in found if one.last is not None]
    lost = [(name, last) for name, last in reviewed if last.act.outcome == "failed"]
    late = [one.name for one in found if one.is_overdue]
    wrong = [f"the last review of {name} failed" for name, _ in lost] + [f"overdue: {name}" for name in late]
    if wrong:
        return failed(
            f"{'; '.join(wrong)}: mend what it found, and `ticktrail compliance providers review FEED.toml NAME`",
            lost[0][1].seq if lost else None,
        )
    concerns = [name for name, last in reviewed if last.act.outcome == "concerns"]
    told_of = f"; with concerns: {', '.join(concerns)}" if concerns else ""
    return passed(
        f"{len(found):,} reviewed in time{told_of}", max((last.seq for _, last in reviewed), default=None)
    )


def _registered(facts: Facts) -> Look:
    if facts.policy is None or not facts.policy.providers:
        return not_applicable("the policy names no service provider ([compliance.providers.NAME])")
    up = {str(one.provider): seq for seq, one in facts.told(LegUp)}
    if not up:
        return unknown("no leg was up in the feed's last run")
    known = {
        leg
        for provider in facts.policy.providers.values()
        for leg in legs_of(provider, facts.feed.plugins, up)
    }
    for leg, seq in up.items():
        if leg not in known:
            return failed(
                f"leg {leg} is no service provider's: name it in legs of one ([compliance.providers.NAME])",
                seq,
            )
    return passed(f"{len(up):,} of {len(up):,} legs", max(up.values()))


def _incidents(facts: Facts) -> Look:
    register = register_of(facts.opened)
    if register.unreadable:
        lost = counted(register.unreadable, "entry", "entries")
        return failed(
            f"{lost} of incidents cannot be read, and may tell of one: run `ticktrail audit verify`"
        )
    late = [one for one in due(register.open, facts.now_ns, register.settings) if one.is_overdue]
    if late:
        return failed("; ".join(told(one, register.settings) for one in late), late[0].incident)
    return passed(f"{counted(len(register.open), 'incident')} open, none overdue")


CONTROLS = (
    Control(
        "policy.in_force",
        "A policy is in force, and is the one of the file",
        POLICY,
        "the last policy_adopted entry, against the file of [compliance] policy",
        _in_force,
        needs_policy=True,
    ),
    Control(
        "providers.reviewed",
        "No review of a service provider is overdue, and the last one did not fail",
        RULE,
        "provider_reviewed entries, against the policy in force",
        _reviewed,
        needs_policy=True,
    ),
    Control(
        "providers.registered",
        "Every leg that ran is that of a service provider of the policy",
        RULE,
        "leg_up events of the last run, against the policy in force",
        _registered,
        needs_policy=True,
        needs_run="that each leg of it is named in [compliance.providers.NAME] legs",
    ),
    Control(
        "incidents.overdue",
        "Nothing is overdue of an incident",
        RULE,
        "the incidents that the log tells of, against their deadlines",
        _incidents,
    ),
)
