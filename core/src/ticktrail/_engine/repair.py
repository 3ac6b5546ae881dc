"""Have the holes of a route filled out of its legs' archives, while everything else flows on.

Owns: which holes are asked about, the questions under way, and what is told of each hole in the end.
Never: decides what is a hole (`continuity` does), in which order what fills it is delivered (`waiting` does), or lets
the route wait: what is held is held for a time, and up to a number of ticks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import anyio
import msgspec

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.known_secrets import without_secrets
from ticktrail._contracts.route import Batch
from ticktrail._engine.archive import has_archive, served_by
from ticktrail._engine.bus import Bus
from ticktrail._engine.hole import Break, Hole
from ticktrail._engine.lines import lines_of
from ticktrail._engine.question import Question
from ticktrail._engine.waiting import Part, Waiting
from ticktrail._plan.model import LegPlan, Plan, RepairSettings
from ticktrail.events import HoleLeft, HoleRepaired
from ticktrail.model import InstrumentId, ProviderId, Tick

__all__ = ["Repair"]

MOST_HOLES = 1_000
"""Holes that are waited for at the same time; a leg with more of them is not mended by questions."""
_Judged: TypeAlias = Callable[[ProviderId, Sequence[Tick]], Batch]
_IsNew: TypeAlias = Callable[[ProviderId, InstrumentId, Tick], bool]


class Repair:
    """The holes of one route.

    Args:
        plan: The feed's.
        settings: Its ``[repair]`` table.
        clock: The feed's.
        bus: Takes what is told of each hole.
        judged: Counts what a leg's archive gave as received, and judges it by the rules.
        is_new: Tells whether a fetched tick was not delivered before, where its name alone can tell.

    Attributes:
        waiting: What waits.
    """

    def __init__(
        self,
        plan: Plan,
        settings: RepairSettings,
        *,
        clock: Clock,
        bus: Bus,
        judged: _Judged,
        is_new: _IsNew,
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._clock = clock
        self._bus = bus
        self._judged = judged
        self._is_new = is_new
        self._legs: Mapping[ProviderId, LegPlan] = {leg.name: leg for leg in plan.legs}
        self.waiting = Waiting(lines_of(plan), self._opens)
        self._questions: dict[Hole, Question] = {}
        self._to_ask: deque[Question] = deque()
        self._asked = anyio.Event()
        self._answered: deque[Question] = deque()
        self._nudge: Callable[[], None] | None = None

    def follow(self, plan: Plan) -> None:
        """Go by another plan of the same legs; holes of an instrument that it does not have stay holes."""
        self._plan = plan
        self._legs = {leg.name: leg for leg in plan.legs}
        for hole in [hole for hole in self._questions if hole.instrument not in plan.instruments]:
            self._leave(hole, "unsubscribed")

    def note(self, found: Break) -> None:
        """Take what continuity knows of a hole."""
        if found.gap.channel in self._settings.channels:
            self.waiting.note(found)

    def take(self, batch: Batch, ticks: Sequence[Tick]) -> tuple[Batch, Sequence[Tick]]:
        """Take what would be delivered of a batch; return what may go at once, and the batch without the rest."""
        batch, ticks = self.waiting.take(batch, ticks)
        while self.waiting.ticks > self._settings.max_held and self.waiting.holes:
            self._leave(next(iter(self.waiting.holes)), "held_full")
        return batch, ticks

    def ready(self) -> Iterator[Part]:
        """Give up what waited and is in order, after a look at the answers that came."""
        while self._answered:
            question = self._answered.popleft()
            if question.hole in self.waiting.holes:
                self._close(question.hole, _reason(question), question.trouble)
        yield from self.waiting.ready()

    def give_up(self) -> None:
        """Wait for nothing any more: what waits comes behind its gap."""
        for hole in tuple(self.waiting.holes):
            self._leave(hole, "stopped")

    def abandon(self) -> Sequence[Batch]:
        """Give up what waits and will not be delivered."""
        return [part.batch for part in self.waiting.drain()]

    @contextmanager
    def waking(self, nudge: Callable[[], None]) -> Iterator[None]:
        """Call `nudge` when an answer comes, or has come."""
        self._nudge = nudge
        if self._answered:
            nudge()
        try:
            yield
        finally:
            self._nudge = None

    async def run(self) -> None:
        """Ask, each hole in a task of its own, until cancelled."""
        limiter = anyio.CapacityLimiter(self._settings.questions)
        async with anyio.create_task_group() as tasks:
            while True:
                self._asked = anyio.Event()
                while self._to_ask:
                    tasks.start_soon(self._ask, self._to_ask.popleft(), limiter)
                await self._asked.wait()

    async def _ask(self, question: Question, limiter: anyio.CapacityLimiter) -> None:
        await question.ask(limiter)
        self._answered.append(question)
        if self._nudge is not None:
            self._nudge()

    def _opens(self, hole: Hole) -> bool:
        """Have somebody ask about a hole; False where it is to stay a gap."""
        leg = self._legs[hole.batch.provider]
        if hole.last.provider == leg.name and hole.channel in leg.capabilities.heals:
            return False  # its provider has asked already
        legs = self._able(hole)
        period_ns = hole.period_ns
        reason = ""
        if not legs:
            reason = "no_history"
        elif period_ns is None:
            reason = "no_times"
        elif (hole.missing or 0) > self._settings.max_ticks:
            reason = "too_many"
        elif period_ns[1] - period_ns[0] > self._settings.max_span_s * 1e9:
            reason = "too_long"
        elif len(self.waiting.holes) >= MOST_HOLES:
            reason = "too_many_holes"
        if reason:
            self._tell_left(hole, reason, "", ticks=0, took_ms=0.0)
            return False
        question = Question(
            hole,
            legs,
            self._plan,
            within_s=self._settings.within_s,
            max_ticks=self._settings.max_ticks,
            clock=self._clock,
            tell=self._bus.publish,
        )
        self._questions[hole] = question
        self._to_ask.append(question)
        self._asked.set()
        return True

    def _able(self, hole: Hole) -> Sequence[LegPlan]:
        """Return whom to ask: the leg that speaks, then those whose ids and names mean the same."""
        speaker = self._legs[hole.batch.provider]
        served = served_by(speaker, hole.instrument)
        space = speaker.capabilities.id_space
        others = [
            leg
            for leg in self._plan.legs
            if leg is not speaker
            and space is not None
            and leg.capabilities.id_space == space
            and served_by(leg, hole.instrument) == served
        ]
        return [leg for leg in (speaker, *others) if has_archive(leg, hole.instrument, hole.channel)]

    def _leave(self, hole: Hole, reason: str) -> None:
        self._questions[hole].end()
        self._close(hole, reason, self._questions[hole].trouble)

    def _close(self, hole: Hole, reason: str, trouble: str) -> None:
        """Put what was found in the hole's place, and say what became of it."""
        question = self._questions.pop(hole)
        found = [tick for tick in hole.found if self._is_new(hole.leg, hole.instrument, tick)]
        if found:
            batch = self._judged(hole.leg, found)
            parts = [Part(batch, list(hole.fill(batch.ticks)))]
        else:
            batch = msgspec.structs.replace(hole.batch, ticks=(), rejected=(), flagged=())
            parts = [Part(batch, left)] if (left := list(hole.fill(()))) else []
        self.waiting.settle(hole, parts)
        took_ms = round((self._clock.mono_ns() - question.begun_ns) / 1e6, 3)
        if hole.is_closed:
            first, last = hole.gaps[0], hole.gaps[-1]
            self._bus.publish(
                HoleRepaired(
                    at_ns=self._clock.now_ns(),
                    provider=hole.leg,
                    instrument=hole.instrument,
                    channel=hole.channel,
                    from_id=first.from_id,
                    to_id=last.to_id,
                    from_ns=first.from_ns,
                    to_ns=last.to_ns,
                    cause=first.cause,
                    ticks=len(batch.ticks),
                    rejected=len(batch.rejected),
                    took_ms=took_ms,
                )
            )
        else:
            self._tell_left(hole, reason, trouble, ticks=len(batch.ticks), took_ms=took_ms)

    def _tell_left(self, hole: Hole, reason: str, detail: str, *, ticks: int, took_ms: float) -> None:
        first, last = hole.gaps[0], hole.gaps[-1]
        missing = hole.missing
        self._bus.publish(
            HoleLeft(
                at_ns=self._clock.now_ns(),
                provider=hole.leg,
                instrument=hole.instrument,
                channel=hole.channel,
                from_id=first.from_id,
                to_id=last.to_id,
                from_ns=first.from_ns,
                to_ns=last.to_ns,
                cause=first.cause,
                ticks=ticks,
                missing=None if missing is None else missing - len(hole.found),
                took_ms=took_ms,
                reason=reason,
                detail=without_secrets(detail),
            )
        )


def _reason(question: Question) -> str:
    """Return in a word why a hole is not closed, where it is not."""
    if question.is_late:
        return "late"
    if question.trouble:
        return "failed"
    return "partial" if question.hole.found else "empty"
