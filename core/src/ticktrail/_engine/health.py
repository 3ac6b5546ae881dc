"""Watch how the legs fare, and whether any of them delivers.

Owns: each leg's state over time, and the alarm when no leg delivers.
Never: decides who speaks (the route's arbiters do), or touches a tick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NoReturn

import anyio

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.observer import Record
from ticktrail._contracts.route import Batch
from ticktrail._engine.leg import Leg
from ticktrail._engine.monitor import LegMonitor
from ticktrail._plan.model import Plan
from ticktrail.events import Event, LegDown, LegStateChanged, LegUp, OutageBegun, OutageEnded
from ticktrail.health import LegHealth
from ticktrail.model import InstrumentId, ProviderId

__all__ = ["HealthBoard"]

LOOK_EVERY_S = 1.0
_GRACE_NS = 3_000_000_000
"""How long a route has to open a resting leg, or to let another speak, before that is an outage."""


class HealthBoard:
    """All legs of a feed.

    Args:
        plan: The feed's.
        legs: All of them.
        speaking: Those that may be delivered: the others, such as a shadow's candidate, end no outage.
        clock: For the events' times and for how long things last.
        publish: Takes the events.
    """

    def __init__(
        self,
        plan: Plan,
        legs: Sequence[Leg],
        *,
        speaking: AbstractSet[ProviderId],
        clock: Clock,
        publish: Callable[[Event], None],
    ) -> None:
        self._legs = {leg.name: leg for leg in legs}
        self._speaking = speaking
        self._clock = clock
        self._publish = publish
        now_ns = clock.mono_ns()
        self._monitors = {
            leg.name: LegMonitor(leg.instruments, leg.capabilities, plan.health, clock, now_ns)
            for leg in plan.legs
        }
        self._plan = plan
        self._asked = {leg.name: frozenset(leg.instruments) for leg in plan.legs}
        self._voices: Callable[[InstrumentId], AbstractSet[ProviderId]] | None = None
        self._mute_since_ns: dict[InstrumentId, int] = {}
        self._out_since_ns: dict[InstrumentId, int] = {}
        self._woken = anyio.Event()
        self._stopped = False

    def listen_to(self, voices: Callable[[InstrumentId], AbstractSet[ProviderId]]) -> None:
        """Ask this from now on of which legs something of an instrument may be delivered."""
        self._voices = voices

    def see(self, batch: Batch) -> None:
        """Take in a leg's judged batch."""
        self._monitors[batch.provider].see(batch)

    def hear(self, record: Record) -> None:
        """Take in a leg's ups and downs; what follows of them is published a moment later, behind the record."""
        if type(record) is LegUp:
            self._monitors[record.provider].up(self._clock.mono_ns())
            self._woken.set()
        elif type(record) is LegDown:
            self._monitors[record.provider].down(record.cause, self._clock.mono_ns())
            self._woken.set()

    def follow(self, plan: Plan) -> None:
        """Go by another plan of the same legs: its instruments, and its limits."""
        self._plan = plan
        self._asked = {leg.name: frozenset(leg.instruments) for leg in plan.legs}
        for since_ns in (self._mute_since_ns, self._out_since_ns):
            for gone in since_ns.keys() - set(plan.instruments):
                del since_ns[gone]
        for leg in plan.legs:
            self._monitors[leg.name].follow(leg.instruments, plan.health)

    def stop(self) -> None:
        """Tell nothing more: the feed stops, and what its legs do from now on is no news."""
        self._stopped = True

    def look(self) -> None:
        """Publish which legs became better or worse, and whether an outage began or ended."""
        if self._stopped:
            return
        mono_ns, now_ns = self._clock.mono_ns(), self._clock.now_ns()
        for name, monitor in self._monitors.items():
            for before, after, why in monitor.look(self._legs[name].state, mono_ns):
                self._publish(
                    LegStateChanged(at_ns=now_ns, provider=name, from_state=before, to_state=after, why=why)
                )
        self._look_for_outage(mono_ns, now_ns)

    async def keep_looking(self) -> NoReturn:
        """Look every second, and at once where a leg went up or down."""
        while True:
            with anyio.move_on_after(LOOK_EVERY_S):
                await self._woken.wait()
            self._woken = anyio.Event()
            self.look()

    def health(self) -> Mapping[ProviderId, LegHealth]:
        """Return how each leg does now."""
        mono_ns = self._clock.mono_ns()
        return {
            name: monitor.health(self._legs[name].state, self._legs[name].breaker.failures, mono_ns)
            for name, monitor in self._monitors.items()
        }

    def _look_for_outage(self, mono_ns: int, now_ns: int) -> None:
        """Tell of instruments of which nothing is delivered any more, and of those of which something is again."""
        if self._voices is None:
            return
        delivering = {name for name, monitor in self._monitors.items() if monitor.delivers}
        begun: list[InstrumentId] = []
        ended: dict[ProviderId, list[InstrumentId]] = {}
        for name in self._plan.instruments:
            heard = self._voices(name) & delivering
            if heard:
                self._mute_since_ns.pop(name, None)
                if name in self._out_since_ns:
                    ended.setdefault(min(heard), []).append(name)
                continue
            since_ns = self._mute_since_ns.setdefault(name, mono_ns)
            is_due = self._is_lost(name, delivering) or mono_ns - since_ns >= _GRACE_NS
            if is_due and name not in self._out_since_ns and self._has_failed(name):
                begun.append(name)
                self._out_since_ns[name] = since_ns
        for provider, names in ended.items():
            lasted_s = max(mono_ns - self._out_since_ns.pop(name) for name in names) / 1e9
            self._publish(
                OutageEnded(
                    at_ns=now_ns, provider=provider, lasted_s=lasted_s, instruments=self._all_or(names)
                )
            )
        if begun:
            legs = {leg: self._reason(leg) for leg in self._serving(begun)}
            self._publish(OutageBegun(at_ns=now_ns, legs=legs, instruments=self._all_or(begun)))

    def _is_lost(self, name: InstrumentId, delivering: AbstractSet[ProviderId]) -> bool:
        """Tell whether there is nobody to wait for: no leg that serves it delivers, or is being opened."""
        return not any(
            leg in delivering or self._monitors[leg].may_come(self._legs[leg].state)
            for leg in self._serving((name,))
        )

    def _has_failed(self, name: InstrumentId) -> bool:
        """Tell whether a leg that serves it was lost: sources that only begin, or end, are no trouble."""
        voices = self._voices(name) if self._voices is not None else frozenset()
        return any(self._monitors[leg].has_failed for leg in {*voices, *self._serving((name,))})

    def _serving(self, names: Sequence[InstrumentId]) -> Sequence[ProviderId]:
        return [
            leg for leg, asked in self._asked.items() if leg in self._speaking and not asked.isdisjoint(names)
        ]

    def _reason(self, leg: ProviderId) -> str:
        monitor = self._monitors[leg]
        return "well, but it does not speak" if monitor.delivers else monitor.reason

    def _all_or(self, names: Sequence[InstrumentId]) -> Sequence[InstrumentId] | None:
        return None if len(names) == len(self._plan.instruments) else names
