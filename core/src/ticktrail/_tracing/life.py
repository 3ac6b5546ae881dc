"""Turn the events of a feed into spans: connections, reconnections, failovers, repairs, outages.

Owns: which events make a span, where it begins and ends, and what it says.
Never: sees a tick, or puts a price or a size into a span.
"""

from __future__ import annotations

from ticktrail._contracts.observer import Record
from ticktrail._tracing.tracer import Attributes, OpenSpan, Tracer
from ticktrail.events import (
    ConnectionOpened,
    ConnectionRotated,
    HoleLeft,
    HoleRepaired,
    LegDown,
    LegSwitched,
    LegUp,
    OutageBegun,
    OutageEnded,
)
from ticktrail.model import ProviderId

__all__ = ["LifeSpans"]

_MS = 1_000_000


class LifeSpans:
    """The spans of one feed's life.

    Args:
        tracer: Takes them.
        feed: The feed's name, which each of them says.
    """

    def __init__(self, tracer: Tracer, feed: str) -> None:
        self._tracer = tracer
        self._feed = feed
        self._connections: dict[ProviderId, OpenSpan] = {}
        self._opened: dict[ProviderId, ConnectionOpened] = {}
        self._lost: dict[ProviderId, OpenSpan] = {}
        self._outages: dict[object, OpenSpan] = {}

    def hear(self, record: Record) -> None:
        """Take a record of the bus."""
        match record:
            case LegUp():
                self._up(record)
            case LegDown():
                self._down(record)
            case ConnectionOpened():
                self._opened[record.provider] = record
                if (open_span := self._connections.get(record.provider)) is not None:
                    open_span.add(_place(record))
            case ConnectionRotated():
                self._past(
                    "connection rotated",
                    record.at_ns,
                    record.overlap_ms,
                    {"leg": record.provider, "cause": record.cause, "repeated": record.repeated},
                    parent=self._connections.get(record.provider),
                )
            case LegSwitched() if record.failover_ms is not None:
                self._past(
                    "failover",
                    record.at_ns,
                    record.failover_ms,
                    {
                        "from_leg": record.from_leg or "",
                        "to_leg": record.to_leg,
                        "cause": record.cause,
                        "on_air": record.on_air,
                        "instruments": -1 if record.instruments is None else len(record.instruments),
                    },
                )
            case HoleRepaired() | HoleLeft():
                self._hole(record)
            case OutageBegun():
                about = _about(record)
                self._outages[about] = self._tracer.begin(
                    "outage", record.at_ns, {"feed": self._feed, "legs": ", ".join(record.legs)}
                )
            case OutageEnded():
                ended = self._outages.pop(_about(record), None)
                if ended is not None:
                    ended.add({"leg": record.provider})
                    ended.end(record.at_ns)

    def close(self, at_ns: int) -> None:
        """End what is open: the feed has stopped."""
        for one in (*self._connections.values(), *self._lost.values(), *self._outages.values()):
            one.add({"cause": "the feed has stopped"})
            one.end(at_ns)
        self._connections.clear()
        self._lost.clear()
        self._outages.clear()

    def _up(self, record: LegUp) -> None:
        lost = self._lost.pop(record.provider, None)
        if lost is not None:
            lost.end(record.at_ns)
        attributes: Attributes = {
            "feed": self._feed,
            "leg": record.provider,
            "reconnects": record.reconnects,
            **_place(self._opened.get(record.provider)),
        }
        self._connections[record.provider] = self._tracer.begin("connection", record.at_ns, attributes)

    def _down(self, record: LegDown) -> None:
        said: Attributes = {"cause": record.cause, "detail": record.detail, "failures": record.failures}
        failed = "" if record.cause in {"ended", "renewed", "resting"} else f"{record.cause}: {record.detail}"
        connection = self._connections.pop(record.provider, None)
        if connection is not None:
            connection.add(said)
            connection.end(record.at_ns, failed=failed)
        if record.permanent:
            return
        if record.provider not in self._lost:
            self._lost[record.provider] = self._tracer.begin(
                "resync", record.at_ns, {"feed": self._feed, "leg": record.provider}, parent=connection
            )
        self._lost[record.provider].add(said)

    def _hole(self, record: HoleRepaired | HoleLeft) -> None:
        attributes: dict[str, str | int | float | bool] = {
            "leg": record.provider,
            "instrument": record.instrument,
            "channel": record.channel,
            "cause": record.cause,
            "ticks": record.ticks,
        }
        failed = ""
        if isinstance(record, HoleLeft):
            attributes["reason"] = failed = record.reason
        self._past("hole repair", record.at_ns, record.took_ms, attributes, failed=failed)

    def _past(
        self,
        name: str,
        end_ns: int,
        took_ms: float,
        attributes: Attributes,
        *,
        parent: OpenSpan | None = None,
        failed: str = "",
    ) -> None:
        began_ns = end_ns - round(took_ms * _MS)
        attributes = {"feed": self._feed, **attributes}
        self._tracer.begin(name, began_ns, attributes, parent=parent).end(end_ns, failed=failed)


def _about(record: OutageBegun | OutageEnded) -> object:
    return None if record.instruments is None else tuple(sorted(record.instruments))


def _place(opened: ConnectionOpened | None) -> Attributes:
    if opened is None:
        return {}
    return {
        "kind": opened.kind,
        "server.address": opened.host,
        "server.port": opened.port,
        "tls": opened.tls or "none",
    }
