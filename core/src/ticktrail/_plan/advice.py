"""Say what a feed file may do and yet looks like a slip.

Owns: the warnings of `ticktrail check`.
Never: refuses anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ticktrail._plan.force import idle
from ticktrail._plan.model import LegPlan, NodePlan, RepairSettings, RulePlan
from ticktrail._plan.route import legs_of
from ticktrail._settings.document import Document, spell
from ticktrail.model import Channel

__all__ = ["advice", "advice_of_repair"]


def advice(
    document: Document,
    declared: Iterable[str],
    route: NodePlan,
    rules: Sequence[RulePlan],
    legs: Sequence[LegPlan],
    channels: frozenset[Channel],
) -> tuple[str, ...]:
    """Return what to tell, each with its place in the file.

    Args:
        document: The feed file.
        declared: The legs that stand in it.
        route: Where some of them are used.
        rules: With what their findings do.
        legs: Those of the route.
        channels: Those of the feed.
    """
    return (
        *_unused(document, declared, route),
        *_empty_classes(document),
        *_useless_waits(document),
        *_silencing(document, route, rules),
        *_unaligned(document, rules, legs, channels),
    )


def advice_of_repair(
    document: Document, repair: RepairSettings | None, channels: Sequence[Channel], legs: Iterable[LegPlan]
) -> tuple[str, ...]:
    """Return what to tell of a ``[repair]`` table that fills nothing.

    Args:
        document: The feed file.
        repair: Its table, if it has one.
        channels: Those of the feed.
        legs: Those of the route.
    """
    if repair is None:
        return ()
    wanted = [channel for channel in channels if channel in repair.channels]
    if any(leg.spec.history is not None and leg.capabilities.history.intersection(wanted) for leg in legs):
        return ()
    what = (
        f"no leg of the route has a history of {spell(wanted)}"
        if wanted
        else f"the feed has none of its channels, {spell(repair.channels)}"
    )
    return (document.locate(("repair",), f"fills nothing: {what}; take the table out"),)


def _unused(document: Document, declared: Iterable[str], route: NodePlan) -> Iterator[str]:
    used = legs_of(route)
    for name in declared:
        if name not in used:
            yield document.locate(
                ("providers", name), "is declared, and stands nowhere in the route; add it there or remove it"
            )


def _empty_classes(document: Document) -> Iterator[str]:
    validation = document.tables.get("validation", {})
    classes = validation.get("classes", {}) if isinstance(validation, Mapping) else {}
    for name, keys in classes.items() if isinstance(classes, Mapping) else ():
        if isinstance(keys, Mapping) and keys.keys() <= {"instruments"}:
            yield document.locate(
                ("validation", "classes", name),
                "sets no limit, so that it changes nothing; give it one, or take the class out",
            )


def _useless_waits(document: Document) -> Iterator[str]:
    """Tell of limits to a wait that never happens."""
    lanes = document.tables.get("sinks", ())
    for number, lane in enumerate(lanes if isinstance(lanes, Sequence) else ()):
        policy = lane.get("on_overflow", "block") if isinstance(lane, Mapping) else "block"
        if policy in {"drop_oldest", "halt"} and "max_block_s" in lane:
            yield document.locate(
                ("sinks", number, "max_block_s"),
                f'has no effect, since with on_overflow = "{policy}" the route waits for nobody; take it out, or write '
                'on_overflow = "block"',
            )


def _silencing(document: Document, route: NodePlan, rules: Sequence[RulePlan]) -> Iterator[str]:
    """Tell of rules over two legs that reject: where those disagree, nobody knows who is right."""
    if len(legs_of(route)) != 2:
        return
    for rule in rules:
        if rule.spec.scope == "route" and rule.action == "reject":
            yield document.locate(
                ("validation", "rules", rule.spec.name),
                "rejects, and there are two legs: while they disagree each is measured by the other, and both may be "
                'kept back; name a third leg, or write action = "flag"',
            )


def _unaligned(
    document: Document, rules: Sequence[RulePlan], legs: Sequence[LegPlan], channels: frozenset[Channel]
) -> Iterator[str]:
    """Tell of rules that compare legs of which some run at their own pace: recordings of other days, for one."""
    paced = [leg for leg in legs if leg.capabilities.own_clock]
    if not paced or len(legs) < 2:
        return
    names = ", ".join(leg.name for leg in paced)
    for rule in rules:
        if rule.spec.scope == "route" and idle(rule, legs, channels) is None:
            yield document.locate(
                ("providers", paced[-1].name),
                f"plays at a pace of its own ({names} do so), and the rule {rule.spec.name} compares legs: moments "
                "that do not belong together; turn the rule off in [validation], or leave one leg",
            )
