"""Say what a page is told: the documents between the server and the browser.

Owns: their shapes. Decimals are strings, exactly as the venue wrote them; times are UTC nanoseconds as strings where a
browser would lose digits of a number, and milliseconds since the epoch where it draws.
Never: gathers or draws anything.

``GET /api/events`` is a stream of server-sent events, each named ``frame`` with one `Frame` as its data, four a second
at most. The first one of a connection is complete, and so is any other one with `whole`: a page that could not keep up
starts anew from it. A later one holds what has changed, and leaves out (or has null for) what has not; the last one has
the state ``ended``. ``GET /api/chart?instrument=NAME`` is one `Chart`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from ticktrail.plugin import Panel

__all__ = [
    "Chart",
    "ChartMark",
    "ClockView",
    "Counts",
    "Example",
    "Frame",
    "LaneView",
    "LatencyView",
    "LegView",
    "NodeView",
    "ObserverView",
    "PanelView",
    "Row",
    "RuleView",
    "TimelineItem",
    "Tone",
]

Tone: TypeAlias = Literal["plain", "good", "warning", "bad"]


class _View(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Base of the documents: what is at its default is left out."""


class Row(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One instrument in the table; an array on the wire, in this order, since there may be thousands.

    Attributes:
        instrument: Its name.
        last: Price of the last trade; empty before one.
        bid: Best bid; empty before a quote.
        ask: Best ask; empty before a quote.
        spread: Ask less bid; empty before a quote.
        at_ms: When the last of it was received, milliseconds since the epoch; 0: nothing yet.
        source: The leg that the last came from; empty before.
        since_ms: Since when that leg speaks for it.
        state: ``live``, ``quiet`` (nothing for longer than ``fresh_s``), ``waiting`` (nothing yet), ``out`` (no leg
            delivers it) or ``quarantined``.
        delivered: Ticks of it so far.
        rejected: Ticks of it that a rule rejected so far.
    """

    instrument: str
    last: str
    bid: str
    ask: str
    spread: str
    at_ms: int
    source: str
    since_ms: int
    state: Literal["live", "quiet", "waiting", "out", "quarantined"]
    delivered: int
    rejected: int


class LegView(_View, frozen=True, kw_only=True):
    """One leg: its state in words and as a tone, why, and how it does."""

    state: Literal["connecting", "live", "degraded", "down", "resting"]
    since_ms: int
    why: str = ""
    breaker: str = ""
    retry_in_s: float | None = None
    uptime_pct: float = 0.0
    reject_pct: float | None = None
    latency_ms: float | None = None
    received: int = 0
    per_s: float = 0.0


class NodeView(_View, frozen=True, kw_only=True):
    """One inner node of the route: `children` by label, each the name of a leg or of another node.

    `speaks_for` holds by child for how many instruments it speaks, `since_ms` when that last changed, `pinned` how many
    are pinned to it, `notes` what else there is to know, such as a canary's share.
    """

    name: str
    kind: str
    children: Mapping[str, str]
    speaks_for: Mapping[str, int]
    since_ms: Mapping[str, int]
    pinned: Mapping[str, int] = {}
    notes: Mapping[str, str] = {}


class Example(_View, frozen=True, kw_only=True):
    """A tick that a rule objected to: when, of whom, and the numbers that it objected to, as text."""

    at_ms: int
    provider: str
    instrument: str
    said: str


class RuleView(_View, frozen=True, kw_only=True):
    """One rule: how often it rejected and flagged, and the last few examples."""

    rejected: int
    flagged: int = 0
    examples: Sequence[Example] = ()


class LatencyView(_View, frozen=True, kw_only=True):
    """Microseconds from the socket to the end of a sink's write.

    `bounds_us` are the upper edges of the bars, `counts` the ticks in each: the last bar has no upper edge, so that
    there is one count more.
    """

    p50_us: float | None = None
    p90_us: float | None = None
    p99_us: float | None = None
    bounds_us: Sequence[float] = ()
    counts: Sequence[int] = ()


class ClockView(_View, frozen=True, kw_only=True):
    """This machine's clock in milliseconds: the offset with its uncertainty and its limit.

    `past` holds the last measurements: when, offset, uncertainty.
    """

    is_measured: bool
    offset_ms: float | None = None
    bound_ms: float | None = None
    limit_ms: float = 0.0
    at_ms: int = 0
    breach: str = ""
    past: Sequence[tuple[int, float, float]] = ()


class LaneView(_View, frozen=True, kw_only=True):
    """One sink's lane."""

    queued: int
    bound: int
    written: int
    dropped: int
    failed: str = ""


class ObserverView(_View, frozen=True, kw_only=True):
    """One observer: how far behind it is, its counts, and what is wrong with it."""

    waiting: int
    bound: int
    counts: Mapping[str, int]
    trouble: str = ""


class PanelView(_View, frozen=True, kw_only=True):
    """A plugin's page: its title, what it shows, and when it was looked at."""

    title: str
    panel: Panel
    at_ms: int


class TimelineItem(_View, frozen=True, kw_only=True):
    """One control event: a number that grows, when, its kind, the event's name, whom it is about, what it says."""

    number: int
    at_ms: int
    kind: Literal["feed", "leg", "route", "rule", "sink", "clock", "person", "notice"]
    event: str
    tone: Tone
    about: str
    text: str


class Counts(_View, frozen=True, kw_only=True):
    """The feed's own figures."""

    received: int
    delivered: int
    rejected: int
    suppressed: int
    switches: int
    received_per_s: float
    delivered_per_s: float


class Frame(_View, frozen=True, kw_only=True):
    """What a page is told at once; in a later frame a part that has not changed is null or absent.

    `state` is the feed's, empty where it has not changed. `rows` holds the rows that changed, of which the page keeps
    the others; `timeline` what is new in it, oldest first; `gone` the instruments that the feed has no more.
    """

    at_ms: int
    whole: bool = False
    state: Literal["", "starting", "running", "stopping", "ended"] = ""
    feed: str = ""
    profile: str = ""
    version: str = ""
    started_ms: int = 0
    channels: Sequence[str] = ()
    counts: Counts | None = None
    route: Sequence[NodeView] | None = None
    legs: Mapping[str, LegView] | None = None
    rows: Sequence[Row] = ()
    gone: Sequence[str] = ()
    rules: Mapping[str, RuleView] | None = None
    suppressed_by: Mapping[str, int] | None = None
    latency: LatencyView | None = None
    clock: ClockView | None = None
    lanes: Mapping[str, LaneView] | None = None
    observers: Mapping[str, ObserverView] | None = None
    panels: Mapping[str, PanelView] | None = None
    timeline: Sequence[TimelineItem] = ()


class ChartMark(_View, frozen=True, kw_only=True):
    """Something on the chart's time line: a switch of the speaking leg, a tick that was rejected, a gap."""

    at_ms: int
    kind: Literal["switch", "reject", "gap"]
    text: str


class Chart(_View, frozen=True, kw_only=True):
    """The last minutes of one instrument, a point a second at most: columns of one length, null where unknown."""

    instrument: str
    at_ms: Sequence[int] = ()
    last: Sequence[float | None] = ()
    bid: Sequence[float | None] = ()
    ask: Sequence[float | None] = ()
    marks: Sequence[ChartMark] = ()
