"""Tell a plan to people and machines.

Owns: the text of `ticktrail check`, which the audit keeps, and its JSON form; both say the same.
Never: shows a secret: references only, and no password inside of an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ticktrail._contracts.settings import Secret, Settings
from ticktrail._contracts.validator import Action
from ticktrail._plan.force import idle, is_off
from ticktrail._plan.model import LegPlan, NodePlan, Plan, RulePlan, SinkPlan
from ticktrail.model import ProviderId
from ticktrail.text import one_line

__all__ = ["as_json", "render"]

_PASSWORD = re.compile(
    r"(://[^/\s:@]*:)[^/\s]*(?=@)|([?&][^=&\s]*(?:pass|secret|token|key)[^=&\s]*=)[^&\s]+", re.IGNORECASE
)


def as_json(plan: Plan) -> bytes:
    """Return the plan as one JSON object."""
    document = {
        "name": plan.name,
        "profile": plan.profile,
        "instruments": plan.instruments,
        "channels": sorted(plan.channels),
        "settings_sha256": plan.settings_sha256,
        "route": _node(plan.route),
        "legs": {leg.name: _leg(leg) for leg in plan.legs},
        "rules": {
            rule.spec.name: {
                "scope": rule.spec.scope,
                "action": rule.action,
                "severity": rule.severity,
                "idle": idle(rule, plan.legs, plan.channels),
                "feed": None if rule.common is None else _plain(rule.common),
                "differs": _plain(rule.differs),
                "settings": {name: _plain(own) for name, own in rule.settings.items()},
            }
            for rule in plan.rules
        },
        "validation": _plain(plan.validation),
        "classes": plan.classes,
        "sinks": {sink.name: _sink(sink) for sink in plan.sinks},
        "observers": {observer.spec.name: _plain(observer.settings) for observer in plan.observers},
        "clock": _plain(plan.clock),
        "backoff": _plain(plan.backoff),
        "limits": _plain(plan.limits),
        "health": _plain(plan.health),
        "cache": None if plan.cache is None else _plain(plan.cache),
        "repair": None if plan.repair is None else _plain(plan.repair),
        "plugins": [
            {
                "name": plugin.name,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "sha256": plugin.sha256,
            }
            for plugin in plan.plugins
        ],
        "quarantined": [
            {"name": plugin.name, "distribution": plugin.distribution, "reason": plugin.reason}
            for plugin in plan.quarantined
        ],
        "not_for_production": plan.unfit,
        "warnings": plan.warnings,
    }
    return msgspec.json.encode(document)


def render(plan: Plan) -> str:
    """Return the plan as text, a page for people."""
    legs = {leg.name: leg for leg in plan.legs}
    sections: Sequence[tuple[str, Iterable[str]]] = (
        (
            f"feed {plan.name} ({plan.profile})",
            _columns(
                [("instruments", ", ".join(plan.instruments)), ("channels", ", ".join(sorted(plan.channels)))]
            ),
        ),
        ("route", _tree(plan.route, legs)),
        ("rules", _columns(row for rule in plan.rules for row in _rule_rows(rule, plan))),
        ("classes", _columns((name, _first(members)) for name, members in plan.classes.items())),
        ("sinks", _columns((sink.name, _sink_text(sink)) for sink in plan.sinks)),
        (
            "observers",
            _columns((observer.spec.name, _keys(observer.settings)) for observer in plan.observers),
        ),
        (
            "engine",
            _columns(
                [
                    ("validation", _keys(plan.validation)),
                    ("clock", _keys(plan.clock)),
                    ("backoff", _keys(plan.backoff)),
                    ("limits", _keys(plan.limits)),
                    ("health", _keys(plan.health)),
                    *([] if plan.cache is None else [("cache", _keys(plan.cache))]),
                    *([] if plan.repair is None else [("repair", _keys(plan.repair))]),
                ]
            ),
        ),
        (
            "plugins",
            _columns(
                (
                    plugin.name,
                    f"{plugin.distribution or 'brought along'} {plugin.version} sha256 {plugin.sha256[:12]}",
                )
                for plugin in plan.plugins
            ),
        ),
        ("quarantined", _columns((plugin.name, plugin.reason) for plugin in plan.quarantined)),
        ("not for production", map(one_line, plan.unfit)),
        ("warnings", map(one_line, plan.warnings)),
    )
    text = ""
    for title, body in sections:
        lines = list(body)
        if lines:
            text += "\n".join([title, *(f"  {line}".rstrip() for line in lines), ""])
    return text


_NAMED = 10
"""Members of a class that are named."""
_DOES: Mapping[Action, str] = {"reject": "rejects", "flag": "flags", "quarantine": "quarantines"}


def _columns(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    whole = list(rows)
    width = max((len(name) for name, _ in whole), default=0)
    for name, text in whole:
        yield f"{name:<{width}}  {text}"


def _tree(
    node: NodePlan, legs: Mapping[ProviderId, LegPlan], first: str = "", rest: str = "", note: str = ""
) -> Iterator[str]:
    if node.leg is not None:
        yield f"{first}{node.leg}{note}: {_leg_text(legs[node.leg])}"
    elif node.spec is not None:
        own = ", ".join(f"{key} = {_word(value)}" for key, value in _own(node).items())
        yield f"{first}{node.spec.kind}{note}" + (f": {own}" if own else "")
    for number, child in enumerate(node.children):
        last = number == len(node.children) - 1
        mark = " (cold)" if number in node.cold else " (never speaks)" if number in node.mute else ""
        branch, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _tree(child, legs, rest + branch, rest + below, mark)


def _leg_text(leg: LegPlan) -> str:
    can = leg.capabilities
    marks = " synthetic" if can.synthetic else ""
    keys = _keys(leg.settings)
    other = ", ".join(f"{other} for {name}" for name, other in leg.equivalents.items())
    past = f", and of {', '.join(sorted(can.history))} the past" if can.history else ""
    gives = f"provider {leg.spec.name}{marks}, gives {', '.join(sorted(can.channels))}{past}"
    times = ""
    if can.own_clock:
        off = "not known" if can.own_offset_ns is None else f"{can.own_offset_ns / 1e6:g} ms"
        times = f"receive times of its own, whose offset is {off}"
    return "; ".join(part for part in (gives, times, other and f"serves {other}", keys) if part)


def _rule_rows(rule: RulePlan, plan: Plan) -> Iterator[tuple[str, str]]:
    """Tell what a finding does, what the feed says, and below it only what a class or an instrument says otherwise.

    A rule that can find nothing is not said to do anything about it.
    """
    why = idle(rule, plan.legs, plan.channels)
    common = rule.common or next(iter(rule.settings.values()))
    does = f"{_DOES[rule.action]} ({rule.severity})"
    if why == "off":
        does = "off"
    elif why is not None:
        does = f"judges nothing, since {why}"
    elif is_off(rule, common):
        does = f"off but for those below, where it {does}"
    yield rule.spec.name, f"{does}: {_keys(common)}"
    for whose, keys in rule.differs.items():
        yield "", f"{whose}: " + ", ".join(f"{key} = {_word(_plain(value))}" for key, value in keys.items())


def _first(members: Sequence[str]) -> str:
    rest = len(members) - _NAMED
    return ", ".join(members[:_NAMED]) + (f" and {rest:,} more" if rest > 0 else "")


def _sink_text(sink: SinkPlan) -> str:
    lane = f"queue_ticks = {sink.queue_ticks}, on_overflow = {sink.on_overflow}"
    if sink.on_overflow in {"block", "conflate"} and sink.max_block_s is not None:
        lane += f", max_block_s = {sink.max_block_s:g}"
    keys = _keys(sink.settings)
    return f"{sink.spec.name}: {keys}; {lane}" if keys else f"{sink.spec.name}: {lane}"


def _keys(settings: Settings) -> str:
    keys = msgspec.structs.asdict(settings)
    return ", ".join(f"{key} = {_word(_plain(value))}" for key, value in keys.items() if value is not None)


def _word(value: object) -> str:
    return value if isinstance(value, str) and value else msgspec.json.encode(value).decode()


def _node(node: NodePlan) -> Mapping[str, object]:
    if node.leg is not None:
        return {"leg": node.leg}
    children = [_node(child) for child in node.children]
    kind = node.spec.kind if node.spec else ""
    return {
        "kind": kind,
        "settings": _own(node),
        "cold": sorted(node.cold),
        "mute": sorted(node.mute),
        "children": children,
    }


def _own(node: NodePlan) -> Mapping[str, object]:
    """Return a node's settings without its children, who are told in their own place."""
    if node.settings is None or node.spec is None:
        return {}
    refs = list(node.spec.children(node.settings))
    return {
        key: _plain(value)
        for key, value in msgspec.structs.asdict(node.settings).items()
        if value is not None
        and value != ()
        and value not in refs
        and not (isinstance(value, list | tuple) and value and all(item in refs for item in value))
    }


def _leg(leg: LegPlan) -> Mapping[str, object]:
    can = leg.capabilities
    return {
        "provider": leg.spec.name,
        "settings": _plain(leg.settings),
        "channels": sorted(can.channels),
        "synthetic": can.synthetic,
        "id_space": can.id_space,
        "consecutive_trade_ids": can.consecutive_trade_ids,
        "history": sorted(can.history),
        "equivalents": dict(leg.equivalents),
    }


def _sink(sink: SinkPlan) -> Mapping[str, object]:
    return {
        "plugin": sink.spec.name,
        "settings": _plain(sink.settings),
        "on_overflow": sink.on_overflow,
        "queue_ticks": sink.queue_ticks,
        "max_block_s": sink.max_block_s,
    }


def _plain(value: object) -> object:
    """Return a setting in the terms of JSON."""
    if isinstance(value, Secret):
        return {key: _plain(part) for key, part in msgspec.structs.asdict(value).items() if part is not None}
    if isinstance(value, msgspec.Struct):
        return {key: _plain(part) for key, part in msgspec.structs.asdict(value).items()}
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [_plain(part) for part in value]
    if isinstance(value, str):
        return _PASSWORD.sub(lambda found: f"{found[1] or found[2]}***", value)
    return msgspec.to_builtins(value)
