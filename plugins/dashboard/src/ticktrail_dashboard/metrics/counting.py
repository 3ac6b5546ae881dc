"""Count what goes over a feed's bus, for Prometheus.

Owns: the counters that no status has: by leg and kind, by rule and leg, by cause.
Never: does more with the tick of a batch than have its type counted, or keeps one.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import Final

from ticktrail.events import (
    ClockBreachBegun,
    ClockBreachEnded,
    ClockStepped,
    CriticalFinding,
    FeedReloaded,
    HoleLeft,
    HoleRepaired,
    LegDown,
    LegSwitched,
    LoopBlocked,
    Notice,
    OutageBegun,
    OutageEnded,
    RuleDisabled,
    RuleFailing,
)
from ticktrail.model import Gap, Switched, Tick, Undecodable
from ticktrail.plugin import Clock, Record, Routed

__all__ = ["VENUE_EDGES_S", "Counting", "Delays"]

VENUE_EDGES_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""From a venue in the same building to one that is stuck."""
_EDGES_NS: Final = tuple(round(edge * 1e9) for edge in VENUE_EDGES_S)
_NOTICES: Final = frozenset({Gap, Switched})
_NO_FAILURE: Final = frozenset({"failback", "by_hand", "share", "start", "pinned"})
_MOST: Final = 500
"""Label sets of one family. What comes beyond is counted under `_OTHER`: no plugin's words can fill Prometheus."""
_OTHER: Final = "other"


class Delays:
    """Delays of one leg, counted by the edges of `VENUE_EDGES_S`; one bucket more than edges."""

    def __init__(self) -> None:
        self.counts = [0] * (len(_EDGES_NS) + 1)
        self.sum_ns = 0

    def add(self, delays_ns: list[int]) -> None:
        """Count some; what seems to come from the future took no time."""
        delays_ns.sort()
        if delays_ns and delays_ns[0] < 0:
            delays_ns[: bisect_left(delays_ns, 0)] = [0] * bisect_left(delays_ns, 0)
        self.sum_ns += sum(delays_ns)
        counted = 0
        for place, edge_ns in enumerate(_EDGES_NS):
            upto = bisect_right(delays_ns, edge_ns, counted)
            self.counts[place] += upto - counted
            counted = upto
        self.counts[-1] += len(delays_ns) - counted


class Counting:
    """The counters of one feed, each by its family's name without ``ticktrail_`` and by its labels' values.

    Args:
        clock: For the offset that is taken off a venue's delay, and the length of a breach.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.counts: dict[str, Counter[tuple[str, ...]]] = {}
        self.delays: dict[str, Delays] = {}
        self._delivered: dict[str, Counter[type]] = {}
        self._derived: dict[str, Counter[type]] = {}
        self._breach_ns: int | None = None
        self._breach_told_s = 0.0
        self._events: Mapping[type, Callable[[Record], None]] = {
            LegDown: self._down,
            LegSwitched: self._switched,
            HoleRepaired: self._repaired,
            HoleLeft: self._left,
            OutageBegun: lambda _: self._count("outages_total"),
            OutageEnded: self._outage_ended,
            RuleFailing: self._of_a_rule("rules_failing_total"),
            RuleDisabled: self._of_a_rule("rules_disabled_total"),
            CriticalFinding: self._of_a_rule("critical_findings_total"),
            LoopBlocked: self._blocked,
            Notice: self._noticed,
            FeedReloaded: lambda _: self._count("feed_reloads_total"),
            ClockStepped: lambda _: self._count("clock_steps_total"),
            ClockBreachBegun: self._breach_begun,
            ClockBreachEnded: self._breach_ended,
        }

    def observe(self, records: Sequence[Record]) -> None:
        """Count the records: what was delivered by leg, all batches of one call at once."""
        batches: dict[str, list[Sequence[Tick]]] = {}
        newest: dict[str, list[Tick]] = {}
        for record in records:
            if type(record) is Routed:
                if record.delivered:
                    leg = record.provider
                    of_leg = batches.get(leg)
                    if of_leg is None:
                        of_leg = batches[leg] = []
                        newest[leg] = []
                    of_leg.append(record.delivered)
                    if record.derived:
                        self._derived.setdefault(leg, Counter()).update(map(type, record.delivered))
                    else:
                        newest[leg].append(record.delivered[-1])
                if record.rejected or record.flagged or record.suppressed:
                    self._judged(record)
            elif (of_event := self._events.get(type(record))) is not None:
                of_event(record)
        for name, taken in batches.items():
            self._take(name, taken)
            self._delay(name, newest[name])

    def delivered(self) -> Mapping[tuple[str, str], int]:
        """Return the ticks that went to the sinks, by leg and channel."""
        return _by_channel(self._delivered)

    def derived(self) -> Mapping[tuple[str, str], int]:
        """Return those of them that no leg brought."""
        return _by_channel(self._derived)

    def breach_s(self) -> float:
        """Return for how long the clock was out of tolerance, the breach of now included."""
        ended = self.counts.get("clock_breach_seconds_total", Counter())[()]
        now = 0 if self._breach_ns is None else self._clock.mono_ns() - self._breach_ns
        # It ends by the time of its last measurement, which lies before the last scrape: a counter takes nothing back.
        self._breach_told_s = max(self._breach_told_s, ended / 1e9 + now / 1e9)
        return self._breach_told_s

    def _take(self, leg: str, batches: Sequence[Sequence[Tick]]) -> None:
        """Count ticks by their types, and look for gaps only where there are any."""
        counts = self._delivered.setdefault(leg, Counter())
        gaps = counts.get(Gap)
        counts.update(map(type, chain.from_iterable(batches)))
        if counts.get(Gap) != gaps:
            for tick in chain.from_iterable(batches):
                if type(tick) is Gap:
                    self._count("gaps_total", tick.channel, _word(tick.cause))

    def _judged(self, record: Routed) -> None:
        """Count what rules and the route said of single ticks."""
        leg = record.provider
        for rejected in record.rejected:
            if type(rejected.tick) is Undecodable:
                self._count("frames_undecodable_total", leg)
                continue
            self._count("ticks_rejected_once_total", leg)
            for violation in rejected.violations:
                self._count("ticks_rejected_total", str(type(violation).__struct_config__.tag), leg)
        if record.flagged:
            delivered = {id(tick) for tick in record.delivered}
            for flagged in record.flagged:
                if id(flagged.tick) in delivered:  # what was suppressed counts as that
                    for violation in flagged.violations:
                        self._count("ticks_flagged_total", str(type(violation).__struct_config__.tag), leg)
        for suppressed in record.suppressed:
            self._count("ticks_suppressed_total", _word(suppressed.reason), leg, by=len(suppressed.ticks))

    def _delay(self, leg: str, newest: Sequence[Tick]) -> None:
        """Take in how late the newest tick of each batch is: those of one socket read share a receive time."""
        ahead_ns = self._clock.offset_ns or 0
        found = [
            tick.recv_ns + ahead_ns - tick.event_ns
            for tick in newest
            if tick.event_ns is not None and not tick.backfilled and type(tick) not in _NOTICES
        ]
        if found:
            delays = self.delays.get(leg)
            if delays is None:
                delays = self.delays[leg] = Delays()
            delays.add(found)

    def _count(self, name: str, *labels: str, by: int = 1) -> None:
        counts = self.counts.get(name)
        if counts is None:
            counts = self.counts[name] = Counter()
        if labels not in counts and len(counts) >= _MOST:
            labels = (_OTHER,) * len(labels)
        counts[labels] += by

    def _down(self, record: Record) -> None:
        if isinstance(record, LegDown):
            self._count("leg_downs_total", record.provider, _word(record.cause))

    def _switched(self, record: Record) -> None:
        if isinstance(record, LegSwitched) and record.on_air:
            cause = _word(record.cause)
            self._count("switches_total", cause)
            if record.from_leg is not None and cause not in _NO_FAILURE:
                self._count("failovers_total", cause)

    def _repaired(self, record: Record) -> None:
        if isinstance(record, HoleRepaired):
            self._count("holes_repaired_total", record.provider)
            self._count("holes_fetched_ticks_total", record.provider, by=record.ticks)

    def _left(self, record: Record) -> None:
        if isinstance(record, HoleLeft):
            self._count("holes_left_total", record.provider, _word(record.reason))
            self._count("holes_fetched_ticks_total", record.provider, by=record.ticks)

    def _outage_ended(self, record: Record) -> None:
        if isinstance(record, OutageEnded):
            self._count("outage_seconds_total", by=round(record.lasted_s * 1e9))

    def _noticed(self, record: Record) -> None:
        if isinstance(record, Notice) and not record.is_over:
            self._count("notices_total", record.source, record.severity)

    def _blocked(self, record: Record) -> None:
        if isinstance(record, LoopBlocked):
            self._count("loop_blocks_total", record.plugin, by=record.blocks)

    def _of_a_rule(self, name: str) -> Callable[[Record], None]:
        def count(record: Record) -> None:
            if isinstance(record, RuleFailing | RuleDisabled | CriticalFinding):
                self._count(name, record.rule)

        return count

    def _breach_begun(self, _record: Record) -> None:
        if self._breach_ns is None:
            self._breach_ns = self._clock.mono_ns()

    def _breach_ended(self, record: Record) -> None:
        if isinstance(record, ClockBreachEnded):
            self._breach_ns = None
            self._count("clock_breach_seconds_total", by=round(record.lasted_s * 1e9))


def _by_channel(legs: Mapping[str, Counter[type]]) -> Mapping[tuple[str, str], int]:
    """Return counts by leg and channel, kinds of one name added up; gaps and switches are no ticks."""
    found: Counter[tuple[str, str]] = Counter()
    for leg, counts in legs.items():
        for kind, count in counts.items():
            if count and kind not in _NOTICES:
                found[leg, kind.counted_as] += count  # type: ignore[attr-defined] # every tick class has it
    return found


def _word(text: str) -> str:
    """Return what kind of cause it is: ``down: lost`` is a ``down``, ``share 25 %: grown`` a ``share``."""
    word = text.split(":", maxsplit=1)[0].strip().lower()
    return "share" if word.startswith("share ") else word.replace(" ", "_")[:40]
