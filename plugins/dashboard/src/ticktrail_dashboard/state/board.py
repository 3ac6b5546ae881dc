"""Take in the records of a feed, and keep what pages show of them.

Owns: the time line, since when what is so, the clock's past, and which instruments are out or in quarantine.
Never: asks how the feed stands (`frames` does), waits, or grows beyond its bounds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

from ticktrail.events import (
    ClockMeasured,
    Event,
    FeedStarted,
    FeedStopped,
    FeedStopping,
    InstrumentQuarantined,
    InstrumentReleased,
    LegStateChanged,
    LegSwitched,
    OutageBegun,
    OutageEnded,
    PluginLoaded,
)
from ticktrail.plugin import Record, Routed
from ticktrail_dashboard.state.instrument import Instrument
from ticktrail_dashboard.state.ticks import Ticks
from ticktrail_dashboard.state.words import Saying, say, say_plugins
from ticktrail_dashboard.view import TimelineItem

__all__ = ["Board", "FeedState"]

MOST_ITEMS: Final = 1_000
MOST_MEASUREMENTS: Final = 120
_MS: Final = 1_000_000

FeedState = Literal["starting", "running", "stopping", "ended"]


class Board:
    """What is known of one feed by its records.

    Attributes:
        ticks: The instruments.
        state: What the feed does.
        version: The feed's version of ticktrail; empty before it started.
        timeline: The last events, oldest first.
        newest: The number of the last one of them; 0 before the first.
        clock_past: The last measurements: when (ms), offset and bound in milliseconds.
        leg_since_ns: By leg, since when it is in its state.
        switched_ns: By leg or node, when it last began or ceased to speak for something.
    """

    def __init__(self) -> None:
        self.ticks = Ticks()
        self.state: FeedState = "starting"
        self.version = ""
        self.timeline: deque[TimelineItem] = deque(maxlen=MOST_ITEMS)
        self.newest = 0
        self.clock_past: deque[tuple[int, float, float]] = deque(maxlen=MOST_MEASUREMENTS)
        self.leg_since_ns: dict[str, int] = {}
        self.switched_ns: dict[str, int] = {}
        self._plugins: list[PluginLoaded] = []

    def see(self, records: Sequence[Record]) -> None:
        """Take in records, in order."""
        see_ticks = self.ticks.see
        for record in records:
            if type(record) is Routed:
                see_ticks(record)
            else:
                self._hear(record)  # type: ignore[arg-type] # a record that is no batch is an event

    def timeline_after(self, number: int) -> Sequence[TimelineItem]:
        """Return the items with a greater number, oldest first."""
        if number >= self.newest:
            return ()
        return tuple(item for item in self.timeline if item.number > number)

    def _hear(self, event: Event) -> None:
        if type(event) is PluginLoaded:
            self._plugins.append(event)
            return
        if self._plugins:
            self._add(self._plugins[-1], say_plugins(self._plugins))
            self._plugins = []
        self._add(event, say(event))
        self._learn(event)

    def _add(self, event: Event, saying: Saying) -> None:
        """Put an item at the end of the time line."""
        self.newest += 1
        kind, tone, about, text = saying
        self.timeline.append(
            TimelineItem(
                number=self.newest,
                at_ms=event.at_ns // _MS,
                kind=kind,
                event=str(type(event).__struct_config__.tag),
                tone=tone,
                about=about,
                text=text,
            )
        )

    def _learn(self, event: Event) -> None:
        """Keep what an event tells beside its sentence."""
        match event:
            case FeedStarted():
                self.state, self.version = "running", event.ticktrail
            case FeedStopping():
                self.state = "stopping"
            case FeedStopped():
                self.state = "ended"
            case LegStateChanged():
                self.leg_since_ns[event.provider] = event.at_ns
            case LegSwitched():
                self.switched_ns[event.to_leg] = event.at_ns
                if event.from_leg is not None:
                    self.switched_ns[event.from_leg] = event.at_ns
            case ClockMeasured():
                self.clock_past.append((event.at_ns // _MS, event.offset_ns / _MS, event.bound_ns / _MS))
            case OutageBegun() | OutageEnded():
                is_out = isinstance(event, OutageBegun)
                if event.instruments is None:
                    self.ticks.all_begin_out(is_out=is_out)
                for instrument in self._touched(event.instruments):
                    instrument.is_out = is_out
            case InstrumentQuarantined():
                for instrument in self._touched((event.instrument,)):
                    instrument.quarantined_by.add((event.provider, event.rule))
            case InstrumentReleased():
                for instrument in self._touched((event.instrument,)):
                    instrument.quarantined_by.discard((event.provider, event.rule))
            case _:
                pass  # its sentence is all there is to keep of it

    def _touched(self, names: Iterable[str] | None) -> Iterator[Instrument]:
        """Give the instruments of those names (None: all), each of which is told anew."""
        chosen = self.ticks.chosen(names)
        self.ticks.touch(chosen)
        yield from chosen
