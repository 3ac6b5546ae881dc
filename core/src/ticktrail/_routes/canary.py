"""Give a candidate a share of the instruments, or of the time, and take it back by itself where it is worse.

Owns: the share, when it grows and when it ends. Pure: time is an argument.
Never: promotes by itself unless it is told after which clean time.

Both children run all the time and are compared over all that they bring, whoever speaks for it. Which instruments the
candidate has is a hash of their names: the same in every run, and those of a smaller share are among those of a larger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeAlias

import msgspec

from ticktrail._contracts.route import Batch, Order, Publish, RouteContext, Ruling, Switch
from ticktrail._contracts.settings import Settings
from ticktrail._routes.child import Child
from ticktrail._routes.compare import Side, Totals, mean_is_above, share_is_above
from ticktrail._routes.handover import Handover, nobody_for, silence_limits_ns
from ticktrail._routes.parts import keys_of
from ticktrail._routes.settings import SILENCE_S, Limit, Ref, Seconds
from ticktrail._routes.watch import PROOF, could_speak, reconnect
from ticktrail.errors import RouteError
from ticktrail.events import CanaryMoved, CanarySide
from ticktrail.model import Channel, InstrumentId

__all__ = ["CanaryArbiter", "CanarySettings", "hundredth_of"]

INCUMBENT, CANDIDATE = 0, 1
CHECK_EVERY_NS = 50_000_000
COMPARE_EVERY_NS = 1_000_000_000
Percent: TypeAlias = Annotated[float, msgspec.Meta(gt=0, le=100)]


class CanarySettings(Settings, frozen=True):
    """An incumbent and a candidate, each a leg's name or a table of its own.

    Attributes:
        incumbent: Speaks for all that the candidate has no share of.
        candidate: Is tried.
        steps: The shares that it gets one after the other, in per cent.
        by: ``instruments``: the share is one of the instruments; ``time``: of each `period_s`, for all of them.
        period_s: With ``by = "time"``.
        window_s: Over which the two are compared.
        min_ticks: What both must have brought in it before shares and latencies are compared.
        max_more_rejects: Share of rejected ticks by which the candidate may be worse.
        max_more_latency_ms: Milliseconds by which it may be later.
        max_more_failures: Lost sessions in a window by which it may be worse.
        promote_after_s: A clean time after which the next step comes by itself; ``false``: only a person promotes.
        failback_after_s: How long one that was lost must be healthy before it speaks again for what is its own.
        stale_after_s: By channel, how long a speaker may bring nothing while the other does; as of a hybrid.
        overlap_s: How far behind the speaker the other may lag without losing a tick at a hand-over.
        handover_ticks: Most ticks that are held back for a hand-over.
    """

    incumbent: Ref
    candidate: Ref
    steps: tuple[Percent, ...] = (10.0, 50.0, 100.0)
    by: Literal["instruments", "time"] = "instruments"
    period_s: Seconds = 60.0
    window_s: Seconds = 300.0
    min_ticks: Annotated[int, msgspec.Meta(ge=1)] = 1_000
    max_more_rejects: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.005
    max_more_latency_ms: Annotated[float, msgspec.Meta(ge=0)] = 50.0
    max_more_failures: Annotated[int, msgspec.Meta(ge=0)] = 1
    promote_after_s: Seconds | Literal[False] = False
    failback_after_s: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    stale_after_s: Mapping[Channel, Limit] = msgspec.field(default_factory=dict)
    overlap_s: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    handover_ticks: Annotated[int, msgspec.Meta(ge=0)] = 100_000

    def __post_init__(self) -> None:
        """Refuse shares that do not grow; lay the limits over the usual ones."""
        msgspec.structs.force_setattr(self, "stale_after_s", {**SILENCE_S, **self.stale_after_s})
        if not self.steps or list(self.steps) != sorted(set(self.steps)):
            raise ValueError("steps: must grow from one to the next; write such as [10, 50, 100]")


class CanaryArbiter:
    """The arbiter of a ``canary`` node; implements `ticktrail.plugin.Steerable` and `Reassignable`."""

    def __init__(self, settings: CanarySettings, context: RouteContext) -> None:
        self._settings = settings
        self._names = context.children
        self._instruments = context.instruments
        self._rank = {name: hundredth_of(name) for name in context.instruments}
        self._failback_ns = round(settings.failback_after_s * 1e9)
        self._limits_ns = silence_limits_ns(settings.stale_after_s, context.channels)
        self._children = tuple(
            Child(reject_window=1, instruments=context.instruments) for _ in context.children
        )
        self._sides = (Side(round(settings.window_s * 1e9)), Side(round(settings.window_s * 1e9)))
        self._hand = Handover(
            2,
            context.instruments,
            limits_ns=self._limits_ns,
            overlap_s=settings.overlap_s,
            most_ticks=settings.handover_ticks,
        )
        self._draining: set[int] = set()
        self._step = 0
        self._cause = "start"
        self._is_out = False
        self._lost: dict[
            int, str
        ] = {}  # by child why it has lost its turn, until it was well for long enough
        self._has_spoken = False  # the candidate, of what its present share holds
        self._clean_since_ns: int | None = None
        self._next_check_ns: int | None = None
        self._next_compare_ns = 0

    @property
    def up(self) -> bool:
        """Whether either child can deliver."""
        return any(child.up for child in self._children)

    @property
    def share_pct(self) -> float:
        """What the candidate has now."""
        return 0.0 if self._is_out else self._settings.steps[self._step]

    def on_batch(self, child: int, batch: Batch, now_ns: int) -> Sequence[Ruling]:
        """Forward what the child speaks for, hold the rest, and count for the comparison."""
        keys = keys_of(batch.ticks)
        self._children[child].note(batch, keys)
        self._sides[child].note(batch)
        if child == CANDIDATE and not self._has_spoken:
            self._has_spoken = any(
                self._hand.speaks(name) == CANDIDATE and self._wants_candidate(name, now_ns)
                for name, _ in keys
                if name in self._rank
            )
        other = self._children[1 - child]
        if other.unanswered:
            other.others_heard({key for key in keys if self._hand.speaks(key[0]) == child})
        return self._hand.take(child, batch, keys)

    def on_up(self, child: int, now_ns: int) -> Sequence[Ruling]:
        """Take a child that came up into account."""
        state = self._children[child]
        state.forget()
        state.up, state.failed, state.up_since_ns = True, False, now_ns
        self._draining.discard(child)
        if self._next_check_ns is None:
            self._next_check_ns = now_ns + CHECK_EVERY_NS
        return self._settle(now_ns)

    def on_down(self, child: int, cause: str, now_ns: int) -> Sequence[Ruling]:
        """Let the other speak, and count a failure."""
        state = self._children[child]
        was_up, state.up, state.failed = state.up, False, True
        state.forget()
        self._lost[child] = "by hand: drain" if child in self._draining else f"down: {cause}"
        if child in self._draining:
            return self._settle(now_ns)
        if (
            was_up and "resting" not in cause
        ):  # what could not be opened anew, or rests by order, is no session lost
            self._sides[child].fail(now_ns)
        return [*self._settle(now_ns), *self._judge(now_ns)]

    def on_time(self, now_ns: int) -> Sequence[Ruling]:
        """Look for silence, compare, and go on to the next step where that is due."""
        self._next_check_ns = now_ns + CHECK_EVERY_NS
        rulings = self._hand.expire(now_ns)
        silent = self._silent(now_ns)
        if silent is not None:
            rulings += self._end(silent, now_ns)
        if now_ns >= self._next_compare_ns:
            self._next_compare_ns = now_ns + COMPARE_EVERY_NS
            rulings += self._judge(now_ns)
        return [*rulings, *self._settle(now_ns)]

    def deadline_ns(self) -> int | None:
        """Return the time of the next check."""
        return self._next_check_ns

    def drain(self) -> Sequence[Ruling]:
        """Suppress what is still held back."""
        return self._hand.drain()

    def describe(self) -> Mapping[str, str]:
        """Return the candidate's share, and of how many instruments that is."""
        own = sum(self._hand.speaks(name) == CANDIDATE for name in self._instruments)
        steps = ", ".join(f"{step:g}" for step in self._settings.steps)
        told = {
            "share": f"{self.share_pct:g} % of {steps} ({self._cause})",
            "candidate": f"speaks for {own:,} of {len(self._instruments):,} instruments",
        }
        is_last = self._step == len(self._settings.steps) - 1
        if self._settings.promote_after_s is not False and not (self._is_out or is_last or self._has_spoken):
            told["next step"] = "waits: " + (
                "nothing of its share was delivered of the candidate yet, which proves nothing"
                if self._settings.by == "time" or min(self._rank.values(), default=100) < self.share_pct
                else "this share holds no instrument, which proves nothing; tell the node to promote the candidate"
            )
        for child, cause in self._lost.items():
            told[f"{self._names[child]} lost its turn"] = cause
        return told

    def steer(self, order: Order, now_ns: int) -> Sequence[Ruling]:
        """Give the candidate its next share, or none, because a person says so.

        Raises:
            RouteError: It has all there is, or none already; or the order is none for a canary.
        """
        if order.action == "roll_back":
            if self._is_out:
                raise RouteError("the candidate has no share that could be taken back")
            return [*self._end("by hand", now_ns), *self._settle(now_ns)]
        if order.action == "drain" and order.child is not None:
            self._drain(order.child)
            return ()
        if order.action != "promote":
            raise RouteError("a canary node is told to promote, to roll_back or to drain")
        if not self._is_out and self._step == len(self._settings.steps) - 1:
            raise RouteError(f"the candidate has its last share already, {self.share_pct:g} %")
        return [*self._promote("by hand", now_ns), *self._settle(now_ns)]

    def reassign(self, instruments: Sequence[InstrumentId], now_ns: int) -> Sequence[Ruling]:
        """Route these from now on; an added one is the candidate's where its name falls into the share."""
        rulings = self._hand.reassign(instruments)
        self._instruments = tuple(instruments)
        self._rank = {name: hundredth_of(name) for name in instruments}
        for child in self._children:
            child.keep(self._rank.keys())
        return [*rulings, *self._settle(now_ns)]

    def _drain(self, child: int) -> None:
        """See that the other can speak for all; it will once this one has closed, and that is no failure."""
        if not self._children[1 - child].up and self._hand.spoken_by(child):
            raise RouteError(nobody_for(self._names[child]))
        self._draining.add(child)

    def _wants_candidate(self, name: InstrumentId, now_ns: int) -> bool:
        if self._settings.by == "instruments":
            return self._rank[name] < self.share_pct
        period_ns = round(self._settings.period_s * 1e9)
        return now_ns % period_ns < period_ns * self.share_pct / 100

    def _settle(self, now_ns: int) -> Sequence[Ruling]:
        """Let each child speak for what is its own now; the other one for all where a child cannot."""
        again = self._note_silence(now_ns)
        back = self._well_again(now_ns)
        wanted: dict[tuple[int, str], set[InstrumentId]] = {}
        for name in self._instruments:
            own = CANDIDATE if self._wants_candidate(name, now_ns) else INCUMBENT
            before = self._hand.speaks(name)
            to = self._who_can(own, before)
            if to == before:
                continue
            share = f"share {self.share_pct:g} %: {self._cause}"
            cause = "failback" if to in back else self._lost.get(before, share)
            wanted.setdefault((to, cause), set()).add(name)
        rulings: list[Ruling] = []
        for (to, cause), names in wanted.items():
            whom = None if len(names) == len(self._instruments) else frozenset(names)
            last_ns = self._children[1 - to].last_any_ns
            silent_ns = None if last_ns is None else max(0, now_ns - last_ns)
            rulings += [Switch(1 - to, to, cause, silent_ns, whom), *self._hand.switch(to, whom)]
        return [*rulings, *again]

    def _who_can(self, own: int, before: int) -> int:
        """Return who speaks for an instrument that is a child's own: the other one while that one is lost."""
        child, other = self._children[own], self._children[1 - own]
        if own not in self._lost:
            return own if child.up else before  # it has not come yet: whoever speaks goes on
        if other.up and not (child.up and 1 - own in self._lost):
            return 1 - own
        return (
            own if child.up and not other.up else before
        )  # where both have just come, whoever speaks goes on

    def _note_silence(self, now_ns: int) -> Sequence[Ruling]:
        """Let an incumbent that is silent lose its turn, and open it anew."""
        incumbent, candidate = self._children
        if INCUMBENT in self._lost or not incumbent.up:
            return ()
        silent = incumbent.silent_channel(self._limits_ns, candidate, now_ns)
        if silent is None:
            return ()
        cause = self._lost[INCUMBENT] = f"silent: {silent}"
        return [reconnect(INCUMBENT, cause, silent, self._limits_ns, now_ns)]

    def _well_again(self, now_ns: int) -> frozenset[int]:
        """Return who was well for long enough to speak again."""
        well = set()
        for number in self._lost:
            child, other = self._children[number], self._children[1 - number]
            is_well = could_speak(child, other, self._limits_ns, now_ns)
            if child.has_been_well(None, now_ns, is_well=is_well, for_ns=self._failback_ns):
                well.add(number)
        for number in well:
            del self._lost[number]
        return frozenset(well)

    def _silent(self, now_ns: int) -> str | None:
        """Return on what the candidate is silent while the incumbent speaks, as a whole or on one of its own."""
        candidate, incumbent = self._children[CANDIDATE], self._children[INCUMBENT]
        if self._is_out or not candidate.up:
            return None
        channel = candidate.silent_channel(self._limits_ns, incumbent, now_ns)
        if channel is not None:
            return f"silent: {channel}"
        for key, count in incumbent.unanswered.items():
            name, own = key
            if own is None or own not in self._limits_ns or count < PROOF:
                continue
            if self._hand.speaks(name) == CANDIDATE and candidate.is_silent_on(
                key, self._limits_ns[own], incumbent, now_ns
            ):
                return f"silent: {own} of {name}"
        return None

    def _judge(self, now_ns: int) -> Sequence[Ruling]:
        """Take the share back where the candidate is worse; go on to the next step after a clean time."""
        if self._is_out:
            return ()
        incumbent, candidate = (side.totals(now_ns) for side in self._sides)
        worse = self._worse(incumbent, candidate)
        if worse is not None:
            return self._end(worse, now_ns)
        if min(incumbent.ticks, candidate.ticks) < self._settings.min_ticks or not self._has_spoken:
            self._clean_since_ns = None
            return ()
        if self._clean_since_ns is None:
            self._clean_since_ns = now_ns
        after_s = self._settings.promote_after_s
        is_last = self._step == len(self._settings.steps) - 1
        if after_s is False or is_last or now_ns - self._clean_since_ns < after_s * 1e9:
            return ()
        return self._promote(f"clean for {after_s:g} s", now_ns)

    def _worse(self, incumbent: Totals, candidate: Totals) -> str | None:
        """Return in what the candidate is worse by more than it may."""
        settings = self._settings
        if candidate.failures - incumbent.failures > settings.max_more_failures:
            return "failures"
        if min(incumbent.ticks, candidate.ticks) < settings.min_ticks:
            return None
        if share_is_above(candidate, incumbent, settings.max_more_rejects):
            return "reject_rate"
        return "latency" if mean_is_above(candidate, incumbent, settings.max_more_latency_ms) else None

    def _promote(self, cause: str, now_ns: int) -> Sequence[Ruling]:
        before = self.share_pct
        self._step = 0 if self._is_out else self._step + 1
        self._is_out = False
        return self._moved(before, cause, now_ns)

    def _end(self, cause: str, now_ns: int) -> Sequence[Ruling]:
        before = self.share_pct
        self._is_out = True
        return self._moved(before, cause, now_ns)

    def _moved(self, before: float, cause: str, now_ns: int) -> Sequence[Ruling]:
        """Tell of a new share with the numbers of both, and compare anew from here."""
        sides = [
            _side(name, side.totals(now_ns)) for name, side in zip(self._names, self._sides, strict=True)
        ]
        self._cause = cause
        self._has_spoken = False
        self._clean_since_ns = None
        for side in self._sides:
            side.forget()
        event = CanaryMoved(
            at_ns=0,
            from_share_pct=before,
            to_share_pct=self.share_pct,
            cause=cause,
            incumbent=sides[INCUMBENT],
            candidate=sides[CANDIDATE],
        )
        return [Publish(event)]


def hundredth_of(name: InstrumentId) -> float:
    """Return where between 0 and 100 an instrument's name falls, evenly, and the same for ever."""
    digest = hashlib.sha256(name.encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 * 100


def _side(name: str, totals: Totals) -> CanarySide:
    return CanarySide(
        child=name,
        ticks=totals.ticks,
        rejected=totals.rejected,
        failures=totals.failures,
        latency_ms=totals.mean_latency_ms,
    )
