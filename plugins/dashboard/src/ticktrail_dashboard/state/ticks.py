"""Take in what became of ticks: last values, counts, rejects with examples, marks.

Owns: all instruments of a feed as pages show them. A few operations a tick, and none that formats or allocates much.
Never: reads a clock, or builds what a page is told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Final

from ticktrail.model import (
    AggTrade,
    Bar,
    Gap,
    Quote,
    Rejected,
    Switched,
    Tick,
    Ticker,
    Trade,
    Undecodable,
    Violation,
)
from ticktrail.plugin import Routed
from ticktrail_dashboard.state.instrument import Instrument
from ticktrail_dashboard.state.violations import said
from ticktrail_dashboard.view import Example

__all__ = ["Ticks"]

MOST_EXAMPLES: Final = 3
MOST_RULES: Final = 200
MOST_INSTRUMENTS: Final = 20_000
"""More than a feed may hold; a bound all the same."""


class Ticks:
    """The instruments of one feed.

    Attributes:
        instruments: By name.
        delivered: Ticks delivered so far, of all instruments.
    """

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}
        self.delivered = 0
        self._changed: set[Instrument] = set()
        self._moved: set[Instrument] = set()
        self._untold: set[Instrument] = set()
        self._knows_all = False
        self._begins_out = False
        self._examples: dict[str, deque[tuple[Tick | Undecodable, Violation]]] = {}

    def know(self, names: Iterable[str]) -> list[str]:
        """Go by these instruments from now on; returns the names of those that are no more."""
        wanted = set(names)
        for name in wanted - self.instruments.keys():
            self._add(name)
        self._knows_all, self._begins_out = True, False
        gone = [name for name in self.instruments if name not in wanted]
        for name in gone:
            instrument = self.instruments.pop(name)
            self._changed.discard(instrument)
            self._untold.discard(instrument)
            self._moved.discard(instrument)
        return gone

    def see(self, record: Routed) -> None:
        """Take in one batch."""
        instruments = self.instruments
        change = self._changed.add
        ticks = record.delivered
        self.delivered += len(ticks)
        for tick in ticks:
            instrument = instruments.get(tick.instrument)
            if instrument is None and (instrument := self._add(tick.instrument)) is None:
                continue
            change(instrument)
            kind = type(tick)
            if kind is Quote or kind is Ticker:
                instrument.bid = tick.bid_price  # type: ignore[union-attr] # the line above says so
                instrument.ask = tick.ask_price  # type: ignore[union-attr] # the same
                if kind is Ticker:
                    instrument.last = tick.last  # type: ignore[union-attr] # the same
            elif kind is Trade or kind is AggTrade:
                instrument.last = tick.price  # type: ignore[union-attr] # the same
            elif kind is Bar:
                instrument.last = tick.close  # type: ignore[union-attr] # the same
            elif kind is Switched or kind is Gap:
                self._mark(instrument, tick)
                continue
            instrument.delivered += 1
            instrument.at_ns = tick.recv_ns
            if tick.provider is not instrument.source and tick.provider != instrument.source:
                instrument.source, instrument.since_ns = tick.provider, tick.recv_ns
        if record.rejected:
            for rejected in record.rejected:
                self._reject(rejected)

    def sample(self, at_s: int) -> None:
        """Make a point of each instrument that moved since the last call."""
        self._settle()
        moved, self._moved = self._moved, set()
        for instrument in moved:
            instrument.sample(at_s)

    def take_changed(self) -> set[Instrument]:
        """Return those that changed since the last call."""
        self._settle()
        untold, self._untold = self._untold, set()
        return untold

    def touch(self, instruments: Iterable[Instrument]) -> None:
        """Have these told although no tick of them came."""
        self._untold.update(instruments)

    def chosen(self, names: Iterable[str] | None) -> list[Instrument]:
        """Return those of an event of the feed (None: all), which may be the first that is heard of them."""
        if names is None:
            return list(self.instruments.values())
        found = [self.instruments.get(name) or self._add(name) for name in names]
        return [instrument for instrument in found if instrument is not None]

    def all_begin_out(self, *, is_out: bool) -> None:
        """Take as out, or no more, what was not heard of before anybody looked."""
        self._begins_out = is_out and not self._knows_all

    def _settle(self) -> None:
        """Share what changed between the two who ask, so that a tick pays for one of them."""
        self._moved |= self._changed
        self._untold |= self._changed
        self._changed.clear()

    def examples(self) -> Mapping[str, list[Example]]:
        """Return by rule the last few ticks that it rejected."""
        return {
            rule: [
                Example(
                    at_ms=tick.recv_ns // 1_000_000,
                    provider=tick.provider,
                    instrument="" if isinstance(tick, Undecodable) else tick.instrument,
                    said=said(violation),
                )
                for tick, violation in kept
            ]
            for rule, kept in self._examples.items()
        }

    def _add(self, name: str) -> Instrument | None:
        if len(self.instruments) >= MOST_INSTRUMENTS:
            return None
        instrument = self.instruments[name] = Instrument(name)
        instrument.is_out = self._begins_out
        self._changed.add(instrument)
        return instrument

    def _mark(self, instrument: Instrument, tick: Tick) -> None:
        if isinstance(tick, Switched):
            instrument.source, instrument.since_ns = tick.provider, tick.recv_ns
            before = tick.from_provider or "nobody"
            instrument.mark(
                tick.recv_ns, "switch", f"{tick.provider} speaks in place of {before} ({tick.cause})"
            )
        elif isinstance(tick, Gap):
            missing = "" if tick.from_id is None else f", ids {tick.from_id} to {tick.to_id}"
            instrument.mark(
                tick.recv_ns, "gap", f"{tick.channel} missing from {tick.provider}{missing} ({tick.cause})"
            )

    def _reject(self, rejected: Rejected) -> None:
        tick = rejected.tick
        for violation in rejected.violations:
            rule = rule_of(violation)
            examples = self._examples.get(rule)
            if examples is None:
                if len(self._examples) >= MOST_RULES:
                    continue
                examples = self._examples[rule] = deque(maxlen=MOST_EXAMPLES)
            examples.append((tick, violation))
        if isinstance(tick, Undecodable):
            return
        instrument = self.instruments.get(tick.instrument)
        if instrument is not None:  # a strange one is no instrument of the feed
            instrument.rejected += 1
            self._changed.add(instrument)
            rules = ", ".join(rule_of(violation) for violation in rejected.violations)
            instrument.mark(tick.recv_ns, "reject", f"{rules}: rejected from {tick.provider}")


def rule_of(violation: Violation) -> str:
    """Return the name of the rule that found it."""
    return str(type(violation).__struct_config__.tag)
