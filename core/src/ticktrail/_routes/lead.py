"""Say which child of a merge leads: of whom the books and bars come, which cannot be of several at once.

Owns: who leads, when it loses the lead and takes it back. Pure: time is an argument.
Never: touches another channel, or decides by rejects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from ticktrail._contracts.route import Batch, RouteContext, Ruling, Switch
from ticktrail._routes.child import Child
from ticktrail._routes.handover import Handover
from ticktrail._routes.parts import Key
from ticktrail.model import Channel, InstrumentId

__all__ = ["LED", "Lead"]

LED: frozenset[Channel] = frozenset({"book", "bars"})
"""Channels of one child at a time: changes of two books mean nothing together, nor do two venues' volumes."""
CHECK_EVERY_NS = 50_000_000
_PROOF = 3
"""Batches of an instrument that another child brings, and the one who leads does not, before they prove anything."""
_NAMED = 10
"""Instruments that a description names."""


class Lead:
    """The first child in order that is up, and not silent where another speaks; of all instruments, or of one alone.

    Args:
        context: The node's.
        limits_ns: By channel, how long the one who leads may bring nothing while another does.
        failback_ns: How long who stands earlier must be well before it leads again.
        grace_ns: How long the others wait for the first one to connect.
        overlap_s: As of a hybrid.
        most_ticks: The same.
    """

    def __init__(
        self,
        context: RouteContext,
        limits_ns: Mapping[Channel, int],
        *,
        failback_ns: int,
        grace_ns: int,
        overlap_s: float,
        most_ticks: int,
    ) -> None:
        self._limits_ns = {channel: limit for channel, limit in limits_ns.items() if channel in LED}
        self._failback_ns = failback_ns
        self._grace_ns = grace_ns
        self._children = tuple(
            Child(reject_window=1, instruments=context.instruments) for _ in context.children
        )
        self._hand = Handover(
            len(context.children),
            context.instruments,
            limits_ns=self._limits_ns,
            overlap_s=overlap_s,
            most_ticks=most_ticks,
        )
        self._names = context.children
        self._instruments = context.instruments
        self._is_needed = bool(LED & context.channels)
        self._next_check_ns: int | None = None

    @property
    def number(self) -> int:
        """Who leads, where nothing else is said of an instrument."""
        return self._hand.speaker

    @property
    def up(self) -> bool:
        """Whether any child can deliver."""
        return any(child.up for child in self._children)

    @property
    def is_split(self) -> bool:
        """Whether some instruments' books and bars are of another child than the rest."""
        return bool(self._hand.elsewhere)

    def take(self, child: int, batch: Batch, keys: AbstractSet[Key]) -> list[Ruling]:
        """Forward what of the books and bars is of the one who leads, and hold the rest back.

        Args:
            child: Whose batch it is.
            batch: It; of the one who leads all instruments, ticks of other channels may be in it.
            keys: Of its books and bars.
        """
        self._children[child].note(batch, keys)
        led = {key for key in keys if self._hand.speaks(key[0]) == child}
        if led:
            for other in self._children:
                other.others_heard(led)
        return self._hand.take(child, batch, keys)

    def on_up(self, child: int, now_ns: int) -> list[Ruling]:
        """Let a child lead where the one who did was lost."""
        state = self._children[child]
        state.forget()
        state.up, state.failed, state.up_since_ns = True, False, now_ns
        if self._is_needed and self._next_check_ns is None:
            self._next_check_ns = now_ns + CHECK_EVERY_NS
        rulings: list[Ruling] = []
        for number, other in enumerate(self._children):
            if not other.up and other.failed:
                rulings += self._move(self._hand.spoken_by(number), child, "down", now_ns)
        return rulings

    def on_down(self, child: int, cause: str, now_ns: int) -> list[Ruling]:
        """Let the next one lead: for each instrument the first that brings it, or else the first that is up."""
        state = self._children[child]
        state.up, state.failed = False, True
        up = [number for number, other in enumerate(self._children) if other.up]
        to: dict[int, set[InstrumentId]] = {}
        for name in self._hand.spoken_by(child) if up else ():
            bringing = (number for number in up if self._children[number].brings(name, None, {}, now_ns))
            to.setdefault(next(bringing, up[0]), set()).add(name)
        rulings = [
            ruling
            for number in sorted(to)
            for ruling in self._move(frozenset(to[number]), number, f"down: {cause}", now_ns)
        ]
        state.forget()
        return rulings

    def on_time(self, now_ns: int) -> list[Ruling]:
        """Look for silence, and for who is well again."""
        if self._next_check_ns is None or now_ns < self._next_check_ns:
            return []
        self._next_check_ns = now_ns + CHECK_EVERY_NS
        return [*self._hand.expire(now_ns), *(self._look_at_all(now_ns) or self._look_at_each(now_ns))]

    def deadline_ns(self) -> int | None:
        """Return the time of the next look; None where nothing is led."""
        return self._next_check_ns

    def describe(self) -> Mapping[str, str]:
        """Return who leads, where anything is led, and which instruments another one leads."""
        if not self._is_needed:
            return {}
        leads = {"books and bars": self._names[self.number]}
        for number, name in enumerate(self._names):
            own = self._hand.spoken_by(number) if number != self.number else ()
            if own:
                first, more = sorted(own)[:_NAMED], len(own) - _NAMED
                leads[f"books and bars of {name}"] = ", ".join(first) + (
                    f" and {more} more" if more > 0 else ""
                )
        return leads

    def drain(self) -> Sequence[Ruling]:
        """Suppress what is still held back."""
        return self._hand.drain()

    def reassign(self, instruments: Sequence[InstrumentId]) -> list[Ruling]:
        """Route these from now on; an added one is led by whoever leads."""
        self._instruments = tuple(instruments)
        rulings = self._hand.reassign(instruments)
        for child in self._children:
            child.keep(frozenset(instruments))
        return rulings

    def _look_at_all(self, now_ns: int) -> list[Ruling]:
        """Let another lead where the one who does is silent, or not up in time, or one before it is well."""
        number = self.number
        leader = self._children[number]
        own = self._hand.spoken_by(number)
        for other, child in enumerate(self._children):
            if child is leader or not child.up:
                continue
            if not leader.up:
                if now_ns - child.up_since_ns >= self._grace_ns:
                    return self._move(own, other, "not up", now_ns)
                continue
            silent = leader.silent_channel(self._limits_ns, child, now_ns)
            if silent is not None:
                return self._move(own, other, f"silent: {silent}", now_ns)
            is_well = bool(child.last_ns) and child.silent_channel(self._limits_ns, leader, now_ns) is None
            has_been = child.has_been_well(None, now_ns, is_well=is_well, for_ns=self._failback_ns)
            if other < number and has_been:
                lacking = leader.heard_ns.keys() - child.heard_ns.keys()
                rulings = self._move(own - lacking, other, "failback", now_ns)
                if rulings:
                    return rulings
        return []

    def _look_at_each(self, now_ns: int) -> list[Ruling]:
        """Let another lead an instrument of which the leader alone brings nothing, and have it back when it does."""
        silent: dict[tuple[int, Channel], set[InstrumentId]] = {}
        for number, other in enumerate(self._children):
            for key, count in other.unanswered.items() if other.up else ():
                name, channel = key
                limit_ns = None if channel is None else self._limits_ns.get(channel)
                leader = self._children[self._hand.speaks(name)]
                if channel is None or limit_ns is None or count < _PROOF or leader is other or not leader.up:
                    continue
                is_first = not any(name in names for names in silent.values())
                if is_first and leader.is_silent_on(key, limit_ns, other, now_ns):
                    silent.setdefault((number, channel), set()).add(name)
        rulings: list[Ruling] = []
        for (number, channel), names in silent.items():
            rulings += self._move(frozenset(names), number, f"silent: {channel}", now_ns)
        if rulings:
            return rulings
        back: dict[int, set[InstrumentId]] = {}
        for name, leads in self._hand.elsewhere.items():
            for number in range(leads):
                if self._is_well_on(name, number, leads, now_ns):
                    back.setdefault(number, set()).add(name)
                    break
        for number, names in back.items():
            rulings += self._move(frozenset(names), number, "failback", now_ns)
        return rulings

    def _is_well_on(self, name: InstrumentId, number: int, leads: int, now_ns: int) -> bool:
        """Tell whether a child has brought an instrument for long enough to lead it again."""
        child, other = self._children[number], self._children[leads]
        is_well = (
            child.up
            and name in child.heard_ns
            and not any(
                child.is_silent_on((name, channel), limit_ns, other, now_ns)
                for channel, limit_ns in self._limits_ns.items()
            )
        )
        return child.has_been_well(name, now_ns, is_well=is_well, for_ns=self._failback_ns)

    def _move(self, names: frozenset[InstrumentId], to: int, cause: str, now_ns: int) -> list[Ruling]:
        """Let a child lead these instruments."""
        rulings: list[Ruling] = []
        for number, child in enumerate(self._children) if self._is_needed else ():
            moved = names & self._hand.spoken_by(number) if number != to else frozenset()
            if not moved:
                continue
            silent_ns = None if child.last_any_ns is None else max(0, now_ns - child.last_any_ns)
            whom = None if len(moved) == len(self._instruments) else moved
            if whom is None:
                for other in self._children:
                    other.well_since_ns.clear()
            else:
                child.well_since_ns.clear()
            rulings += [Switch(number, to, cause, silent_ns, whom), *self._hand.switch(to, whom)]
        return rulings
