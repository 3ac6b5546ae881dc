"""Play a history to an arbiter, as the route would, and write down what it ruled.

Owns: what can follow on what, and the record of a history.
Never: judges; the laws do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

import msgspec

from ticktrail.errors import ConfigError, RouteError
from ticktrail.model import Channel, InstrumentId, ProviderId, Rejected, Tick, Violation
from ticktrail.plugin import (
    Arbiter,
    Attentive,
    Batch,
    Described,
    Order,
    Reassignable,
    RouteContext,
    RouteSpec,
    Ruling,
    Settings,
    Steerable,
    Wake,
)
from ticktrail.testing._routes_histories import Deed
from ticktrail.testing._routes_meter import Meter, TooSlow, meter_of
from ticktrail.testing._ticks import (
    make_agg_trade,
    make_bar,
    make_book_delta,
    make_quote,
    make_status,
    make_ticker,
    make_trade,
)

__all__ = ["Played", "Step", "play"]

_S = 1_000_000_000
_START_NS = 1_000 * _S
_MOST_DEADLINES = 20
_MOST_TRIES = 5
_STRANGE = 11
_CHANNELS: Mapping[Channel, Callable[[int], Tick]] = {
    "trades": lambda number: make_trade(id=number),
    "agg_trades": lambda number: make_agg_trade(id=number),
    "quotes": lambda number: make_quote(bid_size=str(number), update_id=number),
    "ticker": lambda number: make_ticker(volume_24h=str(number)),
    "book": lambda _: make_book_delta(),
    "bars": lambda _: make_bar(),
    "status": lambda _: make_status(),
}

_ACTIONS = ("switch", "pin", "unpin", "promote", "roll_back", "drain")


class _Refused(Violation, frozen=True, tag="conformance"):
    """What a rule found in a history."""


@dataclass(slots=True)
class Step:
    """One call of the arbiter.

    Attributes:
        what: The call, for people.
        deed: The number of what happened, as in the history.
        now_ns: When.
        rulings: What it returned.
        up: Which children were up behind it.
        node_up: What `up` said behind it.
        deadline_ns: What `deadline_ns` said behind it.
        words: What `describe` said behind it.
        order: What it was told, if that was an order; with `refused`, if it raised `RouteError`.
        removed: Which instruments went with it, of a `reassign`.
        stuck: `on_time` was called again and again, and its deadline did not move.
    """

    what: str
    deed: int
    now_ns: int
    rulings: Sequence[Ruling] = ()
    up: Sequence[bool] = ()
    node_up: bool = False
    deadline_ns: int | None = None
    words: Mapping[str, str] | None = None
    order: Order | None = None
    refused: str | None = None
    removed: AbstractSet[InstrumentId] = frozenset()
    stuck: bool = False

    @property
    def is_reassignment(self) -> bool:
        """Whether the instruments changed with it."""
        return self.what.startswith("reassign")


@dataclass(slots=True)
class Played:
    """A history that was played.

    Attributes:
        steps: The calls.
        given: By the number that stands in its `recv_ns`, each tick with its child.
        rejected: Likewise, each tick that a rule had kept back.
        asked: By child, for which instruments it was asked in the beginning.
        raised: What the arbiter raised, which ended the history.
        again: What a second drain gave.
    """

    steps: list[Step] = field(default_factory=list)
    given: dict[int, tuple[int, Tick]] = field(default_factory=dict)
    rejected: set[int] = field(default_factory=set)
    asked: Sequence[Sequence[InstrumentId]] = ()
    raised: Exception | None = None
    again: Sequence[Ruling] = ()

    def rulings(self) -> Iterator[tuple[Step, Ruling]]:
        """Yield each ruling with its call."""
        for step in self.steps:
            for ruling in step.rulings:
                yield step, ruling

    def told(self, step: Step) -> str:
        """Return the history up to a call, for people."""
        upto = self.steps[: self.steps.index(step) + 1]
        return "; ".join(one.what for one in upto[-12:])


_WAITS_NS = tuple(round(seconds * _S) for seconds in (0.001, 0.05, 0.1, 0.3, 0.5, 1, 2, 5, 11, 31, 61, 400))


def play(
    arbiter: Arbiter,
    spec: RouteSpec,
    settings: Settings,
    context: RouteContext,
    history: Sequence[Deed],
    *,
    without: AbstractSet[int] = frozenset(),
    drain: bool = True,
    meter: Meter | None = None,
) -> Played:
    """Play a history to the arbiter.

    Args:
        arbiter: Newly opened.
        spec: Its kind.
        settings: Its own.
        context: Its own.
        history: What happens.
        without: Numbers of deeds that are left out.
        drain: Whether the feed stops at the end.
        meter: How long its calls may take; by default what all laws of the case may take.

    Raises:
        TooSlow: They took longer.
    """
    meter = meter or meter_of(spec, settings)
    player = _Player(arbiter, spec, settings, context, meter)
    try:
        with meter.bounded():
            for number, deed in enumerate(history):
                if number not in without:
                    player.do(number, deed)
            if drain:
                player.call("drain", len(history), arbiter.drain)
                player.played.again = meter.timed("drain", lambda: list(arbiter.drain()))
    except TooSlow:
        raise
    except Exception as exc:  # noqa: BLE001 - whatever it is, a law judges it
        player.played.raised = exc
    return player.played


class _Player:
    """What is known while a history is played."""

    def __init__(
        self, arbiter: Arbiter, spec: RouteSpec, settings: Settings, context: RouteContext, meter: Meter
    ) -> None:
        self.arbiter = arbiter
        self._meter = meter
        self._spec = spec
        self._settings = settings
        self._names = context.children
        self._all = context.instruments
        self._channels = [name for name in _CHANNELS if name in context.channels] or ["trades"]
        self._now_ns = _START_NS
        self._up = [False] * len(self._names)
        self._since_ns = [0] * len(self._names)
        self._read_ns = [0] * len(self._names)
        self._asleep = set(spec.cold(settings))
        self._instruments = self._all
        self._number = 0
        self._ids: Counter[tuple[int, int, int]] = Counter()
        self._asked = self._ask(self._all)
        self.played = Played(asked=self._asked)

    def do(self, number: int, deed: Deed) -> None:
        what, numbers, ticks = deed
        match what:
            case "all_up":
                for child in range(len(self._names)):
                    self._come(number, child)
            case "up":
                self._come(number, numbers[0] % len(self._names))
            case "down":
                self._go(number, numbers[0] % len(self._names))
            case "part_down":
                self._lose_part(number, numbers[0] % len(self._names))
            case "ticks":
                self._bring(number, numbers, ticks)
            case "wait":
                self._wait(number, _WAITS_NS[numbers[0] % len(_WAITS_NS)])
            case "order":
                self._order(number, *numbers)
            case "reassign":
                self._reassign(number, *numbers)
        self._look(number)

    def call(self, what: str, deed: int, call: Callable[[], Sequence[Ruling]]) -> Step:
        """Call the arbiter and write it down."""
        step = Step(what=what, deed=deed, now_ns=self._now_ns)
        self.played.steps.append(step)
        step.rulings = self._meter.timed(what, lambda: list(call()))
        for ruling in step.rulings:
            if isinstance(ruling, Wake):
                self._asleep.discard(ruling.child)
        self._write_down(step)
        return step

    def _write_down(self, step: Step) -> None:
        self._meter.timed("asked how it stands", lambda: self._ask_how_it_stands(step))

    def _ask_how_it_stands(self, step: Step) -> None:
        step.up = list(self._up)
        step.node_up = self.arbiter.up
        step.deadline_ns = self.arbiter.deadline_ns()
        arbiter: object = self.arbiter
        if isinstance(arbiter, Described):
            step.words = arbiter.describe()

    def _ask(self, instruments: Sequence[InstrumentId]) -> Sequence[Sequence[InstrumentId]]:
        if self._spec.assign is None:
            return [instruments] * len(self._names)
        return self._spec.assign(self._settings, instruments)

    def _come(self, number: int, child: int) -> None:
        if self._up[child] or child in self._asleep:
            return
        self._up[child] = True
        self._since_ns[child] = self._read_ns[child] = self._now_ns
        self.call(f"{self._names[child]} up", number, lambda: self.arbiter.on_up(child, self._now_ns))

    def _go(self, number: int, child: int) -> None:
        if not self._up[child]:
            return
        self._lose_part(number, child)
        self._up[child] = False
        self.call(
            f"{self._names[child]} down", number, lambda: self.arbiter.on_down(child, "cut", self._now_ns)
        )

    def _lose_part(self, number: int, child: int) -> None:
        arbiter: object = self.arbiter
        if not isinstance(arbiter, Attentive) or not self._up[child]:
            return
        lost = frozenset(self._asked[child])

        def lose() -> Sequence[Ruling]:
            arbiter.on_part_down(child, lost, self._now_ns)
            return ()

        self.call(f"a part of {self._names[child]} down", number, lose)

    def _bring(self, number: int, numbers: tuple[int, ...], wanted: tuple[tuple[int, int], ...]) -> None:
        child, late, bad = numbers[0] % len(self._names), numbers[1], numbers[2]
        names = self._asked[child]
        if not self._up[child] or not names:
            return
        self._now_ns += 1_000_000
        late_ns = (late - 8) * _S // 50 if late > 8 else 0  # mostly on time
        at_ns = max(self._read_ns[child], self._now_ns - late_ns)
        self._read_ns[child] = at_ns
        ticks = [self._tick(child, names[name % len(names)], channel, at_ns) for name, channel in wanted]
        for tick in ticks:
            self.played.given[tick.recv_ns] = (child, tick)
        rejected = []
        if bad > 8:
            tick = self._tick(child, names[bad % len(names)], 0, at_ns)
            if bad == _STRANGE:  # a broken venue may name any
                tick = msgspec.structs.replace(tick, instrument=InstrumentId("NOT/ASKED"))
            self.played.rejected.add(tick.recv_ns)
            rejected.append(Rejected(tick=tick, violations=(_Refused(),)))
        batch = Batch(
            provider=ProviderId(self._names[child]),
            recv_ns=at_ns,
            mono_ns=at_ns,
            session_ns=self._since_ns[child],
            ticks=ticks,
            rejected=rejected,
        )
        said = ", ".join(f"{tick.counted_as} of {tick.instrument} #{tick.recv_ns}" for tick in ticks)
        self.call(
            f"{self._names[child]} brings {said}",
            number,
            lambda: self.arbiter.on_batch(child, batch, self._now_ns),
        )

    def _tick(self, child: int, name: InstrumentId, channel: int, at_ns: int) -> Tick:
        """Make a tick whose receive time is its number: it is what a law knows it by."""
        self._number += 1
        channel %= len(self._channels)
        key = (child, self._all.index(name), channel)
        self._ids[key] += 1
        made = _CHANNELS[self._channels[channel]](self._ids[key])
        return msgspec.structs.replace(
            made,
            instrument=name,
            provider=ProviderId(self._names[child]),
            recv_ns=self._number,
            event_ns=at_ns,
        )

    def _wait(self, number: int, wait_ns: int) -> None:
        until_ns = self._now_ns + wait_ns
        for _ in range(_MOST_DEADLINES):
            deadline_ns = self._meter.timed("deadline_ns", self.arbiter.deadline_ns)
            if deadline_ns is None or deadline_ns > until_ns:
                break
            self._now_ns = max(self._now_ns, deadline_ns)
            self._look(number)
        self._now_ns = until_ns

    def _look(self, number: int) -> None:
        """Call `on_time` where it is due, as the route does behind each piece of news."""
        for _ in range(_MOST_TRIES):
            deadline_ns = self._meter.timed("deadline_ns", self.arbiter.deadline_ns)
            if deadline_ns is None or deadline_ns > self._now_ns:
                return
            step = self.call("its deadline comes", number, lambda: self.arbiter.on_time(self._now_ns))
        step.stuck = step.deadline_ns is not None and step.deadline_ns <= self._now_ns

    def _order(self, number: int, action: int, child: int, names: int) -> None:
        arbiter: object = self.arbiter
        if not isinstance(arbiter, Steerable):
            return
        whom = None if child == len(self._names) else child % len(self._names)
        if whom in self._spec.mute(self._settings):
            return
        asked = self._instruments if whom is None else self._asked[whom]
        some = None if names % 2 else frozenset(asked[: 1 + names % max(1, len(asked))])
        order = Order(action=_ACTIONS[action % len(_ACTIONS)], child=whom, instruments=some)  # type: ignore[arg-type]
        told = f"{order.action} {'' if whom is None else self._names[whom]} {sorted(some or ())}"
        step = Step(what=told, deed=number, now_ns=self._now_ns, order=order)
        self.played.steps.append(step)
        try:
            step.rulings = self._meter.timed(told, lambda: list(arbiter.steer(order, self._now_ns)))
        except RouteError as exc:
            step.refused = str(exc)
        for ruling in step.rulings:
            if isinstance(ruling, Wake):
                self._asleep.discard(ruling.child)
        self._write_down(step)

    def _reassign(self, number: int, first: int, many: int) -> None:
        arbiter: object = self.arbiter
        if not isinstance(arbiter, Reassignable):
            return
        wanted = tuple(
            name
            for place, name in enumerate(self._all)
            if (place - first) % len(self._all) <= many % len(self._all)
        )
        try:
            asked = self._ask(wanted)
        except ConfigError:
            return  # no feed file could say so
        removed = frozenset(self._instruments) - frozenset(wanted)
        self._instruments, self._asked = wanted, asked
        step = self.call(
            f"reassign to {', '.join(wanted)}", number, lambda: arbiter.reassign(wanted, self._now_ns)
        )
        step.removed = removed
