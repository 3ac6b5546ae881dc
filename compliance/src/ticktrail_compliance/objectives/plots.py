"""Draw what was reached as pictures that stand in the page itself and print well.

Owns: axes, scales and marks of the plots, as SVG. Pure: the same figures give the same picture.
Never: puts a text of the log into a picture unescaped, or fetches anything.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from ticktrail.latency import Buckets
from ticktrail.text import one_line
from ticktrail_compliance.objectives.model import Objectives, Span

__all__ = ["Plot", "plots_of"]

WIDTH, HEIGHT = 720, 200
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 26, 26
_NS_PER_S = 1_000_000_000
_MOST_POINTS = 600
"""More would lie on top of one another: of as many as share a place the largest is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A picture: its title, what it says for those who do not see it, and its SVG."""

    title: str
    text: str
    svg: str


@dataclass(frozen=True, slots=True)
class _Scale:
    """Upwards from `low` to `top`; `by_tens`: each step up is ten times as much."""

    low: float
    top: float
    by_tens: bool = False

    def up(self, value: float) -> float:
        """Return where a value is drawn."""
        if self.by_tens:
            share = math.log10(max(value, self.low) / self.low) / math.log10(self.top / self.low)
        else:
            share = (value - self.low) / (self.top - self.low)
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share

    def levels(self) -> Sequence[float]:
        """Return round values to be marked: each ten times the one before, or four steps at most."""
        if self.by_tens:
            lowest, highest = math.ceil(math.log10(self.low)), math.floor(math.log10(self.top))
            return [10.0**power for power in range(lowest, highest + 1)]
        step = 10 ** math.floor(math.log10((self.top - self.low) / 3))
        step *= next(factor for factor in (1, 2, 5, 10) if (self.top - self.low) / (step * factor) <= 4)
        return [self.low + number * step for number in range(int((self.top - self.low) / step) + 1)]


@dataclass(frozen=True, slots=True)
class _Line:
    name: str
    style: str
    points: Sequence[tuple[float, float]]


def plots_of(found: Objectives, *, limit_ms: float, clock_limit_ms: float) -> Sequence[Plot]:
    """Return the pictures of a period; one of which there is nothing to draw is left out.

    Args:
        found: What was reached.
        limit_ms: Of latency.
        clock_limit_ms: Of the clock.
    """
    span = (found.from_ns / _NS_PER_S, max(found.to_ns, found.from_ns + _NS_PER_S) / _NS_PER_S)
    told: list[Plot] = []
    if found.latency:
        told.append(_histogram(found.latency, limit_ms))
    over_time = found.latency_over_time
    if over_time:
        lines = [
            _Line(name, style, [(one.at_ns / _NS_PER_S, us / 1_000) for one, us in pairs if us is not None])
            for name, style, pairs in (
                ("p99", "second", [(one, one.p99_us) for one in over_time]),
                ("p50", "first", [(one, one.p50_us) for one in over_time]),
            )
        ]
        told.append(_over_time("Latency over time", "ms", lines, span, limit=limit_ms, by_tens=True))
    if found.quality_over_time:
        lines = [
            _Line(
                name,
                style,
                [(one.at_ns / _NS_PER_S, 100 * count / one.seen) for one, count in pairs if one.seen],
            )
            for name, style, pairs in (
                ("rejected", "second", [(one, one.rejected) for one in found.quality_over_time]),
                ("flagged and delivered", "first", [(one, one.flagged) for one in found.quality_over_time]),
            )
        ]
        told.append(_over_time("What the rules objected to, per cent of ticks", "%", lines, span))
    if found.clock_over_time:
        lines = [
            _Line(
                "|offset| + bound",
                "first",
                [(one.at_ns / _NS_PER_S, abs(one.offset_ms) + one.bound_ms) for one in found.clock_over_time],
            )
        ]
        told.append(_over_time("Clock, distance from UTC at most", "ms", lines, span, limit=clock_limit_ms))
    told.append(_outages(found.outages, span))
    return told


def _histogram(counted: Buckets, limit_ms: float) -> Plot:
    """Draw how many ticks took how long: one bar an octave, so that the tail can be seen."""
    octaves: dict[int, int] = {}
    for edge_us, ticks in counted:
        octave = math.ceil(math.log2(max(edge_us, 1.0)))
        octaves[octave] = octaves.get(octave, 0) + ticks
    first, last = min(octaves), max(*octaves, math.ceil(math.log2(limit_ms * 1_000)))
    most = max(octaves.values())
    total = sum(octaves.values())
    wide = (WIDTH - LEFT - RIGHT) / (last - first + 1)
    parts = [_frame(), *_levels(_Scale(0.0, 100.0 * most / total), "%")]
    for number, octave in enumerate(range(first, last + 1)):
        x, count = LEFT + number * wide, octaves.get(octave, 0)
        high = (HEIGHT - TOP - BOTTOM) * count / most
        if count:
            parts.append(
                f'<rect class="bar" x="{x + 1:.1f}" y="{HEIGHT - BOTTOM - max(high, 1):.1f}" width="{wide - 2:.1f}" '
                f'height="{max(high, 1):.1f}"><title>up to {_us(2**octave)}: {count:,} ticks</title></rect>'
            )
        if wide > 54 or number % 2 == 0:
            parts.append(_text(x + wide, HEIGHT - 8, _us(2**octave), "end"))
    place = LEFT + (math.log2(limit_ms * 1_000) - first + 1) * wide
    parts.append(f'<line class="limit" x1="{place:.1f}" x2="{place:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
    parts.append(_text(place - 4, TOP - 6, f"limit {limit_ms:g} ms", "end"))
    title = "How long ticks took, from the socket to the end of a sink's write"
    return Plot(title=title, text=f"{title}: {total:,} ticks", svg=_svg(title, parts))


def _over_time(
    title: str,
    unit: str,
    lines: Sequence[_Line],
    span: tuple[float, float],
    *,
    limit: float | None = None,
    by_tens: bool = False,
) -> Plot:
    values = [value for line in lines for _, value in line.points]
    top = max([*values, limit or 0.0]) * (1.6 if by_tens else 1.08) or 1.0
    low = min((value for value in values if value > 0), default=top / 10) / 1.6 if by_tens else 0.0
    scale = _Scale(low, top, by_tens)
    across, up = _across(span), scale.up
    parts = [_frame(), *_levels(scale, unit), *_hours(span, across)]
    for line in lines:
        points = _thinned(line.points, span)
        if len(points) == 1:
            x, y = across(points[0][0]), up(points[0][1])
            parts.append(f'<circle class="{line.style}" cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>')
        else:
            way = " ".join(f"{across(at):.1f},{up(value):.1f}" for at, value in points)
            parts.append(f'<polyline class="{line.style}" points="{way}"/>')
    if limit is not None:
        parts.append(
            f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{up(limit):.1f}" y2="{up(limit):.1f}"/>'
        )
        parts.append(_text(WIDTH - RIGHT - 4, up(limit) - 4, f"limit {limit:g} {unit}", "end"))
    for number, line in enumerate(lines):
        x = LEFT + 170 * number
        parts.append(f'<line class="{line.style}" x1="{x}" x2="{x + 18}" y1="10" y2="10"/>')
        parts.append(_text(x + 24, 14, line.name))
    said = "; ".join(
        f"{line.name} at most {max(value for _, value in line.points):,.4g} {unit}"
        for line in lines
        if line.points
    )
    return Plot(title=title, text=f"{title}: {said or 'nothing'}", svg=_svg(title, parts))


def _outages(outages: Sequence[Span], span: tuple[float, float]) -> Plot:
    """Draw when something was not delivered: a strip, in which even a short outage can be seen."""
    across = _across(span)
    high = 34
    parts = [
        f'<rect class="well" x="{LEFT}" y="4" width="{WIDTH - LEFT - RIGHT}" height="{high}"/>',
        _text(LEFT - 8, 4 + high / 2 + 4, "delivered", "end"),
    ]
    for one in outages:
        begun = max(one.begun_ns / _NS_PER_S, span[0])
        ended = span[1] if one.ended_ns is None else min(one.ended_ns / _NS_PER_S, span[1])
        x = across(begun)
        parts.append(
            f'<rect class="out" x="{x:.1f}" y="4" width="{max(across(ended) - x, 1.5):.1f}" height="{high}">'
            f"<title>{escape(one_line(one.what[:200]))}: {_moment(begun)} to {_moment(ended)}</title></rect>"
        )
    parts.extend(_hours(span, across, base=high + 4, height=high + BOTTOM + 6))
    title = "Outages"
    said = f"{len(outages)} times in which something was not delivered" if outages else "none"
    return Plot(title=title, text=f"{title}: {said}", svg=_svg(title, parts, height=high + BOTTOM + 6))


def _thinned(
    points: Sequence[tuple[float, float]], span: tuple[float, float]
) -> Sequence[tuple[float, float]]:
    """Return as many points as can be told apart; of those that share a place the largest."""
    if len(points) <= _MOST_POINTS:
        return points
    kept: dict[int, tuple[float, float]] = {}
    for at, value in points:
        place = int((at - span[0]) / (span[1] - span[0]) * _MOST_POINTS)
        if place not in kept or kept[place][1] < value:
            kept[place] = (at, value)
    return [kept[place] for place in sorted(kept)]


def _across(span: tuple[float, float]) -> Callable[[float], float]:
    begun, ended = span
    return lambda at: LEFT + (WIDTH - LEFT - RIGHT) * min(max((at - begun) / (ended - begun), 0.0), 1.0)


def _frame() -> str:
    return f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'


def _levels(scale: _Scale, unit: str) -> Sequence[str]:
    """Return lines across at round values, with the values before them."""
    parts = []
    for number, value in enumerate(scale.levels()):
        y = scale.up(value)
        if number or scale.by_tens:
            parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{value:,.6g} {unit}", "end"))
    return parts


def _hours(
    span: tuple[float, float],
    across: Callable[[float], float],
    *,
    base: float = HEIGHT - BOTTOM,
    height: float = HEIGHT,
) -> Sequence[str]:
    """Return five moments below the axis, by the day where the span is long, else to the second."""
    begun, ended = span
    whole_days = ended - begun > 3 * 86_400
    parts = []
    for number in range(5):
        at = begun + (ended - begun) * number / 4
        anchor = "start" if number == 0 else "end" if number == 4 else "middle"
        x = across(at)
        parts.append(f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{base}" y2="{base + 4}"/>')
        parts.append(_text(x, height - 8, _moment(at, day=whole_days), anchor))
    return parts


def _moment(at: float, *, day: bool = False) -> str:
    moment = datetime.fromtimestamp(at, tz=UTC)
    return f"{moment:%Y-%m-%d}" if day else f"{moment:%m-%d %H:%M:%S}"


def _us(value: float) -> str:
    if value < 1_000:
        return f"{value:g} µs"
    return f"{value / 1_000:.3g} ms" if value < 1_000_000 else f"{value / 1_000_000:.3g} s"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, parts: Sequence[str], *, height: float = HEIGHT) -> str:
    inside = "".join(parts)
    return f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(title)}">{inside}</svg>'
