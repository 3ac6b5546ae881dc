"""Draw how a feed stands as one screen: legs, who speaks, instruments, lanes, clock, what happened last.

Owns: what a person sees of it, and how it fits into a small terminal.
Never: asks the feed anything; the status is an argument.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from ticktrail._logs.entry import entry_of
from ticktrail.events import Event
from ticktrail.model import InstrumentId, ProviderId
from ticktrail.progress import duration
from ticktrail.status import ClockStatus, FeedStatus, LegStatus
from ticktrail.text import one_line

__all__ = ["View"]

_STYLES: Final[Mapping[str, str]] = {
    "live": "green",
    "degraded": "yellow",
    "connecting": "cyan",
    "down": "red",
    "resting": "dim",
}
_EVENT_STYLES: Final[Mapping[str, str]] = {"error": "red", "warning": "yellow", "info": "", "debug": "dim"}
_KEPT_EVENTS: Final = 50
_KEPT_WARNINGS: Final = 20
_MOST_SERVED: Final = 2
_MOST_LEGS: Final = 8
_NARROW: Final = 60
_WIDE: Final = 100
"""Columns of the terminal, for more of a table's own or fewer."""
_NUMBERS: Final = frozenset({"speaks for", "a second", "late", "up", "last", "rejected"})
_MOST_LANES: Final = 4
_NS: Final = 1_000_000_000


class View:
    """One screen of a feed.

    Args:
        title: What stands at its top before there is a status.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        self._status: FeedStatus | None = None
        self._received: Mapping[str, int] = {}
        self._rates: dict[str, float] = {}
        self._events: deque[tuple[str, str]] = deque(maxlen=_KEPT_EVENTS)
        self._warnings: deque[str] = deque(maxlen=_KEPT_WARNINGS)
        self._served: deque[str] = deque(maxlen=_MOST_SERVED)
        self._told = 0

    def hear(self, event: Event) -> None:
        """Keep an event, to be shown; what is only for debugging is not."""
        entry = entry_of(event)
        if entry.level == "debug":
            return
        found = [f"{key}={value}" for key, value in entry.fields.items() if _is_short(value)]
        at = _clock_time(entry.at_ns)
        self._events.append((entry.level, one_line(f"{at} {entry.event} {' '.join(found)}")))

    def warn(self, text: str) -> None:
        """Keep a warning: it stays on the screen until newer ones push it out."""
        self._told += 1
        self._warnings.append(one_line(text))

    def serve(self, text: str) -> None:
        """Keep where people find what an observer serves: no warning, and on the screen all the while."""
        self._served.append(one_line(text))

    def take(self, status: FeedStatus | None) -> None:
        """Take how the feed stands now; rates are those since the last time."""
        before = self._status
        if status is None:
            return
        passed_s = 0.0 if before is None else (status.at_ns - before.at_ns) / _NS
        for name, leg in status.legs.items():
            if before is not None and passed_s > 0 and name in before.legs:
                now = max(0.0, (leg.received - before.legs[name].received) / passed_s)
                self._rates[name] = 0.7 * self._rates.get(name, now) + 0.3 * now
        self._status = status

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw it into the space that there is."""
        height = options.height or console.size.height
        yield Group(*self._parts(height, options.max_width))

    def _parts(self, height: int, width: int) -> Iterator[RenderableType]:
        status = self._status
        if status is None:
            yield _line(f"{self._title}: starting (Ctrl-C ends)", "bold")
            yield from (_line(f"! {text}", "yellow") for text in self._warnings)
            yield from (_line(text, "cyan") for text in self._served)
            yield from self._last_events(height - 1 - len(self._warnings) - len(self._served))
            return
        warnings = list(self._warnings)[-3:]
        legs = min(len(status.legs), _MOST_LEGS)
        lanes = min(len(status.sinks), _MOST_LANES)
        left = height - 2 - (legs + 1) - lanes - 1 - len(warnings) - len(self._served)
        yield _line(self._head(status), "bold")
        yield _line(_counts(status), "")
        yield self._legs(status, width)
        yield from self._lanes(status)
        yield _line(_clock(status.clock), "red" if status.clock.breach else "dim")
        yield from (_line(text, "cyan") for text in self._served)
        yield from (_line(f"! {text}", "yellow") for text in warnings)
        instruments = max(0, min(len(status.instruments), (left - 1) * 2 // 3))
        if instruments and left > 3:
            yield self._instruments(status, instruments, width)
            left -= instruments + 1
        yield from self._last_events(left)

    def _head(self, status: FeedStatus) -> str:
        up = duration((status.at_ns - status.started_ns) / _NS)
        return f"{status.feed} ({status.profile}), up {up}, {_clock_time(status.at_ns)} UTC  (Ctrl-C ends)"

    def _legs(self, status: FeedStatus, width: int) -> RenderableType:
        speaks = _spoken(status)
        rows: list[Mapping[str, str | Text]] = []
        for name, leg in list(status.legs.items())[:_MOST_LEGS]:
            late = leg.health.latency_ms
            row: Mapping[str, str | Text] = {
                "leg": one_line(name),
                "state": Text(leg.state, style=_STYLES[leg.state]),
                "speaks for": f"{speaks.get(ProviderId(name), 0):,}",
                "a second": f"{self._rates.get(name, 0.0):,.0f}",
                "late": "-" if late is None else f"{late:,.1f} ms",
                "up": f"{leg.health.uptime_pct:.2f} %",
                "why": one_line(_why(leg)),
            }
            rows.append(row)
        heads = (
            ("leg", "state", "a second")
            if width < _NARROW
            else ("leg", "state", "speaks for", "a second", "late")
        )
        wide = ("up",) if width >= _WIDE else ()
        return _table((*heads, *wide, "why"), rows)

    def _instruments(self, status: FeedStatus, count: int, width: int) -> RenderableType:
        rows: list[Mapping[str, str | Text]] = []
        for name, last_ns in _newest(status)[:count]:
            rates = [
                found.reject_rate
                for leg in status.legs.values()
                if (found := leg.health.instruments.get(name)) is not None and found.reject_rate is not None
            ]
            row: Mapping[str, str | Text] = {
                "instrument": one_line(name),
                "who speaks": one_line(", ".join(sorted(status.speaking.get(name, ()))) or "nobody"),
                "last": "-" if last_ns is None else f"{max(0, status.at_ns - last_ns) / _NS:,.1f} s ago",
                "rejected": f"{max(rates):.1%}" if rates else "-",
            }
            rows.append(row)
        heads = (
            ("instrument", "last", "rejected")
            if width < _NARROW
            else ("instrument", "who speaks", "last", "rejected")
        )
        return _table(heads, rows)

    def _lanes(self, status: FeedStatus) -> Iterator[RenderableType]:
        for name, lane in list(status.sinks.items())[:_MOST_LANES]:
            text = f"sink {one_line(name)}: {lane.written:,} written, {lane.queued:,} of {lane.bound:,} wait"
            if lane.dropped:
                text += f", {lane.dropped:,} dropped"
            if lane.failed is not None:
                text += f", FAILED: {one_line(lane.failed)}"
            yield _line(text, "red" if lane.failed is not None else "yellow" if lane.dropped else "")

    def _last_events(self, count: int) -> Iterator[RenderableType]:
        for level, text in list(self._events)[-count:] if count > 0 else ():
            yield _line(text, _EVENT_STYLES[level])


def _table(heads: Sequence[str], rows: Sequence[Mapping[str, str | Text]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False, header_style="dim")
    for head in heads:
        table.add_column(
            head,
            no_wrap=True,
            overflow="ellipsis",
            justify="right" if head in _NUMBERS else "left",
            min_width=10 if head == "state" else None,
        )
    for row in rows:
        table.add_row(*(row[head] for head in heads))
    return table


def _line(text: str, style: str) -> Text:
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _counts(status: FeedStatus) -> str:
    latency = status.latency_us.p99
    late = "" if latency is None else f", socket to sink p99 {latency:,.0f} µs"
    return (
        f"{status.delivered:,} delivered, {status.rejected:,} rejected, {status.suppressed:,} suppressed, "
        f"{status.switches:,} {'switch' if status.switches == 1 else 'switches'}{late}"
    )


def _clock(clock: ClockStatus) -> str:
    if clock.breach:
        return f"clock: NOT IN TOLERANCE ({clock.breach})"
    if not clock.is_measured:
        return "clock: not measured"
    if clock.offset_ns is None or clock.bound_ns is None:
        return "clock: not measured yet"
    return f"clock: {clock.offset_ns / 1e6:+.3f} ms ± {clock.bound_ns / 1e6:.3f} ms, in tolerance"


def _why(leg: LegStatus) -> str:
    retry = "" if leg.retry_in_s is None else f"next try in {leg.retry_in_s:,.0f} s"
    done = "" if leg.done is None else f"{leg.done:.0%} played"
    return "; ".join(part for part in (retry, done, leg.health.why) if part)


def _spoken(status: FeedStatus) -> Mapping[ProviderId, int]:
    counts: dict[ProviderId, int] = {}
    for speakers in status.speaking.values():
        for leg in speakers:
            counts[leg] = counts.get(leg, 0) + 1
    return counts


def _newest(status: FeedStatus) -> Sequence[tuple[InstrumentId, int | None]]:
    """Return the instruments, the one that was heard last first."""
    last: dict[InstrumentId, int | None] = {InstrumentId(name): None for name in status.instruments}
    for leg in status.legs.values():
        for name, health in leg.health.instruments.items():
            found = health.last_update_ns
            if found is not None and found > (last.get(name) or 0):
                last[name] = found
    return sorted(last.items(), key=lambda item: (-(item[1] or 0), item[0]))


def _is_short(value: object) -> bool:
    return isinstance(value, str | int | float | bool) and value != "" and len(str(value)) <= 60


def _clock_time(ns: int) -> str:
    seconds = ns // _NS % 86_400
    return f"{seconds // 3_600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
