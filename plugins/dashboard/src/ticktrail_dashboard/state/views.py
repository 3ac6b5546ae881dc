"""Turn how a feed stands into what a page is told of it.

Owns: one function a part of a frame. Pure.
Never: remembers what was told before.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from ticktrail.status import ClockStatus, FeedStatus, NodeStatus
from ticktrail_dashboard.state.board import Board
from ticktrail_dashboard.state.instrument import Instrument
from ticktrail_dashboard.view import (
    ClockView,
    Example,
    LaneView,
    LegView,
    NodeView,
    ObserverView,
    Row,
    RuleView,
)

__all__ = ["view_clock", "view_lanes", "view_legs", "view_observers", "view_route", "view_row", "view_rules"]

_MS = 1_000_000
RowState = Literal["live", "quiet", "waiting", "out", "quarantined"]


def view_row(instrument: Instrument, fresh_from_ns: int) -> Row:
    """Return the row of an instrument; what was received before `fresh_from_ns` is not fresh."""
    bid, ask = instrument.bid, instrument.ask
    return Row(
        instrument=instrument.name,
        last=_text(instrument.last),
        bid=_text(bid),
        ask=_text(ask),
        spread="" if bid is None or ask is None else _text(ask - bid),
        at_ms=instrument.at_ns // _MS,
        source=instrument.source,
        since_ms=instrument.since_ns // _MS,
        state=_state(instrument, fresh_from_ns),
        delivered=instrument.delivered,
        rejected=instrument.rejected,
    )


def _text(value: Decimal | None) -> str:
    if value is None:
        return ""
    text = str(value)  # several times as fast as the format, which only what is very small needs
    return f"{value:f}" if "E" in text else text


def _state(instrument: Instrument, fresh_from_ns: int) -> RowState:
    if instrument.is_out:
        return "out"
    if instrument.quarantined_by and instrument.is_quarantined:
        return "quarantined"
    if not instrument.at_ns:
        return "waiting"
    return "live" if instrument.at_ns >= fresh_from_ns else "quiet"


def view_legs(status: FeedStatus, board: Board, per_s: Mapping[str, float]) -> Mapping[str, LegView]:
    """Return the legs; `per_s` holds how many ticks a second each receives."""
    return {
        name: LegView(
            state=leg.state,
            since_ms=board.leg_since_ns.get(name, status.started_ns) // _MS,
            why=leg.health.why,
            breaker=leg.breaker,
            retry_in_s=None if leg.retry_in_s is None else round(leg.retry_in_s, 1),
            uptime_pct=round(leg.health.uptime_pct, 3),
            reject_pct=None if leg.health.reject_rate is None else round(leg.health.reject_rate * 100, 3),
            latency_ms=None if leg.health.latency_ms is None else round(leg.health.latency_ms, 2),
            received=leg.received,
            per_s=round(per_s.get(name, 0.0), 1),
        )
        for name, leg in status.legs.items()
    }


def view_route(status: FeedStatus, board: Board) -> list[NodeView]:
    """Return the inner nodes of the route, the topmost first."""
    nodes = {node.name: node for node in status.route}
    return [
        NodeView(
            name=node.name,
            kind=node.kind,
            children=node.children,
            speaks_for=node.speakers,
            since_ms={
                label: _since_ns(child, nodes, status, board) // _MS for label, child in node.children.items()
            },
            pinned={label: len(names) for label, names in node.pinned.items() if names},
            notes=node.state,
        )
        for node in status.route
    ]


def _since_ns(child: str, nodes: Mapping[str, NodeStatus], status: FeedStatus, board: Board) -> int:
    """Return when a leg last began or ceased to speak below that child."""
    below = [child]
    for name in below:  # grows as it goes: a route is a tree
        if name in nodes and name not in status.legs:
            below += nodes[name].children.values()
    return max((board.switched_ns.get(name, status.started_ns) for name in below), default=status.started_ns)


def view_rules(status: FeedStatus, examples: Mapping[str, list[Example]]) -> Mapping[str, RuleView]:
    """Return the rules that objected to something."""
    rules = dict.fromkeys((*status.rejected_by, *status.flagged_by, *examples))
    return {
        rule: RuleView(
            rejected=status.rejected_by.get(rule, 0),
            flagged=status.flagged_by.get(rule, 0),
            examples=examples.get(rule, ()),
        )
        for rule in rules
    }


def view_clock(clock: ClockStatus, board: Board) -> ClockView:
    """Return the clock."""
    return ClockView(
        is_measured=clock.is_measured,
        offset_ms=None if clock.offset_ns is None else clock.offset_ns / _MS,
        bound_ms=None if clock.bound_ns is None else clock.bound_ns / _MS,
        limit_ms=clock.limit_ns / _MS,
        at_ms=(clock.measured_at_ns or 0) // _MS,
        breach=clock.breach,
        past=tuple(board.clock_past),
    )


def view_lanes(status: FeedStatus) -> Mapping[str, LaneView]:
    """Return the sinks' lanes."""
    return {
        name: LaneView(
            queued=sink.queued,
            bound=sink.bound,
            written=sink.written,
            dropped=sink.dropped,
            failed=sink.failed or "",
        )
        for name, sink in status.sinks.items()
    }


def view_observers(status: FeedStatus) -> Mapping[str, ObserverView]:
    """Return the observers."""
    return {
        name: ObserverView(
            waiting=observer.waiting, bound=observer.bound, counts=observer.counts, trouble=observer.trouble
        )
        for name, observer in status.observers.items()
    }
