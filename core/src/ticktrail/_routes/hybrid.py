"""Decide which of several children speaks: the first in order that is up, heard and right; by instrument where needed.

Owns: when a child loses its turn, who takes it, and when it comes back. Pure: time is an argument.
Never: opens sockets, starts or stops a provider, or compares ids (the route's continuity drops what was delivered).

A child as a whole loses its turn where it is down, silent on a channel, or wrong; one instrument alone moves where it
alone is silent or wrong. Whoever stands earlier in the order comes back after it was well for a while, and not before:
that while is what keeps a child that dies and comes back from being switched to and fro.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from ticktrail._contracts.route import Batch, Order, Rest, RouteContext, Ruling, Switch, Wake
from ticktrail._routes.child import Child
from ticktrail._routes.handover import Handover, nobody_for, silence_limits_ns
from ticktrail._routes.parts import keys_of
from ticktrail._routes.pins import Pins
from ticktrail._routes.settings import HybridSettings
from ticktrail._routes.watch import PROOF, as_good, best_of, could_speak, reconnect, silent_parts
from ticktrail.errors import RouteError
from ticktrail.model import Channel, InstrumentId

__all__ = ["HybridArbiter"]

CHECK_EVERY_NS = 50_000_000
"""How often silence and failback are looked at: a switch is late by this at most."""


class HybridArbiter:
    """The arbiter of a ``hybrid`` node; implements `ticktrail.plugin.Steerable` and `Reassignable`."""

    def __init__(self, settings: HybridSettings, context: RouteContext) -> None:
        self._settings = settings
        self._cold = settings.standby == "cold"
        self._most_bad = settings.max_reject_rate
        self._limits_ns = silence_limits_ns(settings.stale_after_s, context.channels)
        self._failback_ns = round(settings.failback_after_s * 1e9)
        self._grace_ns = round(settings.start_grace_s * 1e9)
        self._names = context.children
        self._instruments = frozenset(context.instruments)
        self._children = tuple(
            Child(reject_window=settings.reject_window, instruments=context.instruments)
            for _ in context.children
        )
        self._hand = Handover(
            len(self._children),
            context.instruments,
            limits_ns=self._limits_ns,
            overlap_s=settings.overlap_s,
            most_ticks=settings.handover_ticks,
        )
        self._spoken = False
        self._draining: set[int] = set()
        self._pins = Pins(context.instruments)
        self._next_check_ns: int | None = None

    @property
    def up(self) -> bool:
        """Whether any child can deliver."""
        return any(child.up for child in self._children)

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        """Forward what the child speaks for, and hold the rest until the speaker has passed it."""
        state, keys = self._children[child], keys_of(batch.ticks)
        state.note(batch, keys)
        rulings = self._hand.take(child, batch, keys)
        if child == self._hand.speaker:
            self._spoken = True
            if batch.rejected and state.is_wrong(self._most_bad):
                rulings.extend(self._leave("reject_rate", now_ns))
        for other in self._children:
            if other is not state and other.unanswered:
                other.others_heard({key for key in keys if self._hand.speaks(key[0]) == child})
        if batch.rejected:
            rulings.extend(self._leave_wrong_instruments(child, batch, now_ns))
        return rulings

    def on_up(self, child: int, now_ns: int) -> Sequence[Ruling]:
        """Take a child that came up; it speaks if the one whose turn it is was lost."""
        state = self._children[child]
        state.forget()
        state.up, state.failed, state.up_since_ns = True, False, now_ns
        self._draining.discard(child)
        if self._next_check_ns is None:
            self._next_check_ns = now_ns + CHECK_EVERY_NS
        speaker = self._children[self._hand.speaker]
        lost = not speaker.up and (self._spoken or speaker.failed)
        if state is not speaker and lost and not self._pins.is_all:
            return self._switch(child, "down", now_ns)
        return ()

    def on_down(self, child: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        """Hand over where a speaker went down and another can take its place."""
        state = self._children[child]
        state.up, state.failed = False, "resting" not in cause  # by order of this node, or a person
        state.forget()
        if child in self._draining and (to := self._best(child, now_ns)) is not None:
            self._draining.discard(child)
            return self._switch_some(self._hand.spoken_by(child), to, "by hand: drain", now_ns)
        if child == self._hand.speaker:
            return self._leave(f"down: {cause}", now_ns)
        alone = frozenset(name for name, who in self._hand.elsewhere.items() if who == child)
        return self._move(alone, f"down: {cause}", now_ns)

    def on_time(self, now_ns: int) -> Sequence[Ruling]:
        """Look for who is silent, who does not come, and who is well again."""
        self._next_check_ns = now_ns + CHECK_EVERY_NS
        rulings = self._hand.expire(now_ns)
        number = self._hand.speaker
        speaker = self._children[number]
        if speaker.up:
            channel = self._silent_channel(speaker, now_ns)
            what = channel or self._silent_cold(now_ns)
            if what is not None:
                cause = f"silent: {what}"
                again = reconnect(number, cause, channel, self._limits_ns, now_ns)
                return [*rulings, *self._leave(cause, now_ns, channel), again]
        elif (to := self._waited(now_ns)) is not None:
            return [*rulings, *self._switch(to, "not up", now_ns)]
        lost = {name for name, who in self._hand.elsewhere.items() if not self._children[who].up}
        rulings += self._move(frozenset(lost), "down", now_ns)
        rulings += self._leave_silent_instruments(now_ns)
        if speaker.up:
            rulings += self._warm_up(now_ns)
            rulings += self._failback(now_ns)
        return rulings

    def deadline_ns(self) -> int | None:
        """Return the time of the next check."""
        return self._next_check_ns

    def drain(self) -> Sequence[Ruling]:
        """Suppress what is still held back: the speaker delivered it, or stopped before it."""
        return self._hand.drain()

    def steer(self, order: Order, now_ns: int) -> Sequence[Ruling]:
        """Let a child speak because a person says so.

        Raises:
            RouteError: There is no such child, or it cannot deliver.
        """
        if order.action in {"promote", "roll_back"}:
            raise RouteError(f"a hybrid node has no candidate to {order.action}; switch, pin or unpin")
        if order.action == "unpin":
            self._pins.free(order.instruments)
            self._hand.set_apart(self._pins.names)
            speaker = self._children[self._hand.speaker]
            return self._leave("down", now_ns) if speaker.failed else ()
        if order.child is None or not 0 <= order.child < len(self._children):
            raise RouteError(f"name one of {', '.join(self._names)}")
        child = self._children[order.child]
        if order.action == "drain":
            self._drain(order.child)
            return ()
        if not child.up and not (self._cold and order.child):
            raise RouteError(
                f"{self._names[order.child]} is down; switch to it once it is up, or to another one"
            )
        names = self._instruments if order.instruments is None else order.instruments
        self._pins.free(order.instruments)
        if order.action == "pin":
            self._pins.pin(order.instruments, order.child)
        self._hand.set_apart(self._pins.names)
        wake: list[Ruling] = [] if child.up else [Wake(order.child)]
        return [*wake, *self._switch_some(names, order.child, f"by hand: {order.action}", now_ns)]

    def reassign(self, instruments: Sequence[InstrumentId], now_ns: int) -> Sequence[Ruling]:
        """Route these from now on; a pin of one that goes ends."""
        del now_ns
        rulings = self._hand.reassign(instruments)
        self._instruments = frozenset(instruments)
        self._pins.keep(instruments)
        self._hand.set_apart(self._pins.names)
        for child in self._children:
            child.keep(self._instruments)
        return rulings

    def _drain(self, number: int) -> None:
        """See that others can speak for all that a child speaks for; they will once it has closed."""
        if self._pins.has(number):
            raise RouteError(f"{self._names[number]} is pinned; unpin it first")
        if self._hand.spoken_by(number) and not self._others(number):
            raise RouteError(nobody_for(self._names[number]))
        self._draining.add(number)

    def _others(self, number: int) -> Sequence[int]:
        children = enumerate(self._children)
        return [
            other
            for other, child in children
            if other != number and child.up and not child.is_wrong(self._most_bad)
        ]

    def _best(self, number: int, now_ns: int, channel: Channel | None = None) -> int | None:
        """Return who is to speak in place of a child."""
        return best_of(self._others(number), self._children, self._limits_ns, now_ns, channel)

    def _waited(self, now_ns: int) -> int | None:
        """Return who is to speak in place of a speaker that has not come, or was freed of its pin and is down."""
        if self._pins.is_all:
            return None
        children = enumerate(self._children)
        well = [
            other for other, child in children if child.up and now_ns - child.up_since_ns >= self._grace_ns
        ]
        return best_of(well, self._children, self._limits_ns, now_ns)

    def _silent_channel(self, speaker: Child, now_ns: int) -> Channel | None:
        for other in self._children:
            if other is not speaker:
                channel = speaker.silent_channel(self._limits_ns, other, now_ns)
                if channel is not None:
                    return channel
        return None

    def _silent_cold(self, now_ns: int, *, part: float = 1.0) -> str | None:
        """Resting children cannot be compared with: every channel that once spoke must then have gone quiet."""
        number = self._hand.speaker
        speaker = self._children[number]
        if not self._cold or not speaker.last_ns or number == len(self._children) - 1:
            return None
        if any(child.up for child in self._children if child is not speaker):
            return None
        for channel, heard in speaker.last_ns.items():
            limit = self._limits_ns.get(channel)
            if limit is None or now_ns - heard <= part * limit:
                return None
        return "all channels"

    def _leave_silent_instruments(self, now_ns: int) -> Sequence[Ruling]:
        """Move the instruments on which their speaker is silent while another child brings them.

        Where nothing else of that channel came for half of the limit either, the speaker is silent as a whole: the
        others have only spoken last a moment later.
        """
        found = silent_parts(self._children, self._hand.speaks, self._limits_ns, now_ns)
        silent = {channel: names - self._pins.names for channel, names in found.items()}
        number = self._hand.speaker
        for channel, names in silent.items():
            quiet_ns = now_ns - (self._children[number].last_heard_ns(None, channel) or 0)
            if 2 * quiet_ns >= self._limits_ns[channel] and any(
                self._hand.speaks(name) == number for name in names
            ):
                cause = f"silent: {channel}"
                again = reconnect(number, cause, channel, self._limits_ns, now_ns, part=0.5)
                return [*self._leave(cause, now_ns, channel), again]
        return [
            ruling
            for channel, names in silent.items()
            for ruling in self._move(frozenset(names), f"silent: {channel}", now_ns, channel)
        ]

    def _leave_wrong_instruments(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        """Move the instruments of which the child rejects too much, or that it has alone where that is of all."""
        state = self._children[child]
        if state.is_wrong(self._most_bad):  # whoever speaks for most has left by now
            alone = {name for name, who in self._hand.elsewhere.items() if who == child}
            return self._move(frozenset(alone), "reject_rate", now_ns)
        names = {getattr(rejected.tick, "instrument", None) for rejected in batch.rejected} - {None}
        wrong = frozenset(
            name
            for name in names
            if name is not None
            and self._hand.speaks(name) == child
            and (
                state.is_wrong_on(name, self._most_bad)
                or state.is_refused(name, self._children, self._limits_ns, PROOF)
            )
        )
        return self._move(wrong, "reject_rate", now_ns) if wrong else ()

    def _leave(self, cause: str, now_ns: int, channel: Channel | None = None) -> Sequence[Ruling]:
        """Let the next in order take the speaker's turn, if there is one."""
        if self._pins.is_all:
            return ()
        number = self._hand.speaker
        to = self._best(number, now_ns, channel)
        if to is not None:
            return self._switch(to, cause, now_ns, channel)
        resting = [other for other in range(1, len(self._children)) if other != number]
        fresh = [other for other in resting if not self._children[other].failed]
        if self._cold and (fresh or (resting and number == 0)):
            first = (fresh or resting)[0]
            return [Wake(first), *self._switch(first, cause, now_ns)]
        return ()

    def _move(
        self, names: frozenset[InstrumentId], cause: str, now_ns: int, channel: Channel | None = None
    ) -> Sequence[Ruling]:
        """Let others speak for these instruments: for each the first in order that brings it."""
        to: dict[int, set[InstrumentId]] = {}
        for name in names:
            speaker = self._hand.speaks(name)
            if name in self._pins.names:
                continue
            for number, child in enumerate(self._children):
                is_heard = child.up and child.brings(name, channel, self._limits_ns, now_ns)
                usable = (
                    is_heard
                    and not child.is_wrong(self._most_bad)
                    and not child.is_wrong_on(name, self._most_bad)
                )
                if number != speaker and usable:
                    to.setdefault(number, set()).add(name)
                    break
        return [
            ruling
            for number, moved in to.items()
            for ruling in self._switch_some(moved, number, cause, now_ns, channel)
        ]

    def _warm_up(self, now_ns: int) -> Sequence[Ruling]:
        """Open the first resting child while the speaker is getting worse, before it is lost."""
        if not self._cold or self._hand.speaker != 0:
            return ()
        degraded = self._children[0].is_wrong(self._most_bad / 2) or (
            self._silent_cold(now_ns, part=0.5) is not None
        )
        first = self._children[1]
        if degraded and not first.up:
            return [Wake(1)]
        is_idle = first.up and not self._hand.spoken_by(1)
        if is_idle and first.has_been_well(None, now_ns, is_well=not degraded, for_ns=self._failback_ns):
            return [Rest(1)]
        return ()

    def _failback(self, now_ns: int) -> Sequence[Ruling]:
        """Let those who stand earlier in the order speak again, once they were well for long enough."""
        if self._pins.is_all:
            return ()
        number = self._hand.speaker
        free = self._hand.spoken_by(number) - self._pins.names
        for better in range(number):
            is_well = self._has_been_well(better, number, now_ns)
            if is_well and (back := self._as_good(free, better, number, now_ns)):
                later = range(max(1, better + 1), len(self._children))
                return [
                    *self._switch_some(back, better, "failback", now_ns, leads=True),
                    *(Rest(one) for one in later if self._cold and not self._hand.spoken_by(one)),
                ]
        back = frozenset(
            name
            for name, other in self._hand.elsewhere.items()
            if name not in self._pins.names and self._is_well_on(name, number, other, now_ns)
        )
        return self._switch_some(back, number, "failback", now_ns) if back else ()

    def _has_been_well(self, better: int, number: int, now_ns: int) -> bool:
        child = self._children[better]
        could = could_speak(child, self._children[number], self._limits_ns, now_ns)
        is_well = could and not child.is_wrong(self._most_bad)
        return child.has_been_well(None, now_ns, is_well=is_well, for_ns=self._failback_ns)

    def _as_good(
        self, names: Collection[InstrumentId], child: int, speaker: int, now_ns: int
    ) -> frozenset[InstrumentId]:
        two = self._children[child], self._children[speaker]
        return as_good(names, *two, self._limits_ns, now_ns, self._most_bad)

    def _is_well_on(self, name: InstrumentId, number: int, other: int, now_ns: int) -> bool:
        """Tell whether the speaker of the rest could speak for this instrument again."""
        child = self._children[number]
        is_well = child.up and name in child.heard_ns and bool(self._as_good({name}, number, other, now_ns))
        return child.has_been_well(name, now_ns, is_well=is_well, for_ns=self._failback_ns)

    def _switch(self, to: int, cause: str, now_ns: int, channel: Channel | None = None) -> Sequence[Ruling]:
        """Let a child speak for all instruments of the present speaker but the pinned ones."""
        moved = self._hand.spoken_by(self._hand.speaker) - self._pins.names
        return self._switch_some(moved, to, cause, now_ns, channel, leads=True)

    def _switch_some(
        self,
        names: Collection[InstrumentId],
        to: int,
        cause: str,
        now_ns: int,
        channel: Channel | None = None,
        *,
        leads: bool = False,
    ) -> Sequence[Ruling]:
        """Let a child speak for these, on whose `channel` there was silence; or lead, as the speaker of most."""
        for other in self._children if leads else ():
            other.well_since_ns.pop(None, None)
        by_speaker: dict[int, set[InstrumentId]] = {}
        for name in names:
            if (speaker := self._hand.speaks(name)) != to:
                by_speaker.setdefault(speaker, set()).add(name)
        rulings: list[Ruling] = []
        for before, moved in by_speaker.items():
            self._spoken = True
            child = self._children[before]
            child.well_since_ns.clear()
            whom = None if len(moved) == len(self._instruments) else frozenset(moved)
            last_ns = child.last_heard_ns(whom, channel)
            silent_ns = None if last_ns is None else max(0, now_ns - last_ns)
            rulings += [Switch(before, to, cause, silent_ns, whom), *self._hand.switch(to, whom, leads=leads)]
        return rulings
