"""Hold who judges what: every rule's judge of every instrument, with what it was made by.

Owns: which judges are made anew when the rules or the instruments change, and which go on with all that they know.
Never: judges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ticktrail._contracts.settings import Settings
from ticktrail._contracts.validator import Action, Severity, ValidatorContext
from ticktrail._engine.bench import Seat, words_of
from ticktrail._engine.quality import Quality
from ticktrail._engine.quarantine import Quarantine
from ticktrail._plan.model import RulePlan, Validation
from ticktrail.errors import FeedError, PluginError
from ticktrail.model import InstrumentId

__all__ = ["Chair", "Context", "Panel", "appoint"]

Context: TypeAlias = Callable[[InstrumentId], ValidatorContext]
_Terms: TypeAlias = tuple[Settings, Action, Severity]


@dataclass(slots=True)
class Chair:
    """One rule over one instrument; `seat` is None where the settings turn it off.

    `failures` are the rule's own defects there; with too many of them it is `dismissed`.
    """

    terms: _Terms
    seat: Seat | None
    failures: int = 0
    dismissed: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """All judges of one scope."""

    rules: Sequence[RulePlan]
    settings: Validation
    chairs: Mapping[tuple[str, InstrumentId], Chair]
    qualities: Mapping[InstrumentId, Quality]
    quarantines: Mapping[InstrumentId, Quarantine]


def appoint(
    rules: Sequence[RulePlan],
    instruments: Sequence[InstrumentId],
    settings: Validation,
    *,
    context: Context,
    counter: Callable[[InstrumentId], Quality],
    quarantine: Callable[[InstrumentId], Quarantine],
    before: Panel | None = None,
) -> Panel:
    """Return who judges these instruments by these rules; nothing of the panel before is touched.

    Args:
        rules: Those of the scope.
        instruments: Whom to judge.
        settings: What concerns all rules.
        context: Makes what a rule is told when it opens.
        counter: Makes what counts the findings about an instrument.
        quarantine: Makes an instrument's quarantine.
        before: Whose judges go on where nothing was changed for them.

    Raises:
        PluginError: A judge could not be made, by a defect of the rule's own.
    """
    chairs: dict[tuple[str, InstrumentId], Chair] = {}
    for name in instruments:
        for rule in rules:
            key = (rule.spec.name, name)
            terms = (rule.settings[name], rule.action, rule.severity)
            known = None if before is None else before.chairs.get(key)
            if known is None or known.terms != terms:
                known = Chair(terms, _opened(rule, context(name)))
            chairs[key] = known
    qualities = {} if before is None else before.qualities
    quarantines = {} if before is None else before.quarantines
    return Panel(
        rules=rules,
        settings=settings,
        chairs=chairs,
        qualities={name: qualities.get(name) or counter(name) for name in instruments},
        quarantines={name: quarantines.get(name) or quarantine(name) for name in instruments},
    )


def _opened(rule: RulePlan, context: ValidatorContext) -> Seat | None:
    """Return the rule's judge of one instrument, seated; None where the settings turn the rule off.

    Raises:
        PluginError: It could not be made, by a defect of the rule's own.
    """
    try:
        judge = rule.spec.open(rule.settings[context.instrument], context)
        return None if judge is None else Seat(rule.spec.name, rule.action, rule.severity, judge)
    except (FeedError, KeyboardInterrupt):
        raise
    except BaseException as exc:
        raise PluginError(
            f"the rule {rule.spec.name} cannot judge {context.instrument}: opening it failed by a defect of its own, "
            f"{words_of(exc)}; turn it off in [validation], or remove its plugin"
        ) from exc
