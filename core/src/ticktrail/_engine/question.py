"""Ask the archives of a feed's legs for what is missing in one hole.

Owns: which leg is asked, how often, and whether an answer is one to the question.
Never: delivers, judges, or asks for longer than its deadline.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import anyio

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.history import History, HistoryPage
from ticktrail._contracts.provider import Tell
from ticktrail._engine.archive import archive_of, served_by
from ticktrail._engine.hole import Hole
from ticktrail._plan.model import LegPlan, Plan
from ticktrail.errors import FeedError, PermanentError, TransientError
from ticktrail.model import CHANNEL_OF, Gap, InstrumentId

__all__ = ["Question"]

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
"""An archive lags a little behind its streams: it is asked again after so long, and then more and more rarely."""
MOST_PAGES = 1_000
"""Pages of one walk through a hole's time; an archive that gives more stands still."""


class Question:
    """One hole, and who may know what is missing in it.

    Args:
        hole: It.
        legs: Those with an archive of it, the first to be asked first; all of them give the same ids and names.
        plan: The feed's.
        within_s: How long may be asked, from now.
        max_ticks: How much may be fetched.
        clock: The feed's.
        tell: Takes what a venue has to say meanwhile.

    Attributes:
        begun_ns: When the hole was found, on the monotonic clock.
        trouble: What went wrong last; empty where nothing did.
        is_late: Whether the time was over before all was known.
    """

    def __init__(
        self,
        hole: Hole,
        legs: Sequence[LegPlan],
        plan: Plan,
        *,
        within_s: float,
        max_ticks: int,
        clock: Clock,
        tell: Tell,
    ) -> None:
        self.hole = hole
        self.begun_ns = clock.mono_ns()
        self.trouble = ""
        self.is_late = False
        self._legs = deque(legs)
        self._plan = plan
        self._max_ticks = max_ticks
        self._clock = clock
        self._tell = tell
        self._scope = anyio.CancelScope(deadline=anyio.current_time() + within_s)
        self._pause_s = FIRST_PAUSE_S

    def end(self) -> None:
        """Ask no more."""
        self._scope.cancel()

    async def ask(self, limiter: anyio.CapacityLimiter) -> None:
        """Ask until all is known, nobody is left to be asked, or the time is over."""
        with self._scope:
            async with limiter:
                await self._ask()
        self.is_late = self._scope.cancelled_caught

    async def _ask(self) -> None:
        hole, legs = self.hole, self._legs
        hole.begin(legs[0].name)
        while legs:
            leg = legs[0]
            if hole.leg != leg.name:
                hole.begin(leg.name)
            try:
                await self._ask_leg(leg)
            except TransientError as exc:
                self.trouble = str(exc)
                if not hole.found:
                    legs.rotate(-1)
                await self._pause(exc.retry_after_s if len(legs) == 1 else None)
            except FeedError as exc:
                self.trouble = str(exc)
                if hole.found:
                    return
                legs.popleft()
            else:
                return

    async def _ask_leg(self, leg: LegPlan) -> None:
        hole = self.hole
        async with archive_of(
            leg, self._plan, hole.instrument, hole.channel, clock=self._clock, tell=self._tell
        ) as history:
            while not await self._walk(history, leg):
                await self._pause(None)

    async def _walk(self, history: History, leg: LegPlan) -> bool:
        """Go through the hole's time page by page; return whether it is of no use to do so again."""
        hole, served = self.hole, served_by(leg, self.hole.instrument)
        period_ns = hole.period_ns
        assert period_ns is not None  # noqa: S101 - nobody is asked about a hole without one
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            page = await history.page(
                served, hole.channel, start_ns=period_ns[0], end_ns=period_ns[1], cursor=cursor
            )
            self._check(page, leg, served)
            hole.take(page.ticks)
            if hole.is_answered or len(hole.found) >= self._max_ticks:
                return True
            if page.cursor is None or page.cursor == cursor:
                return False
            cursor = page.cursor
        return False

    async def _pause(self, at_least_s: float | None) -> None:
        await anyio.sleep(max(self._pause_s, at_least_s or 0.0))
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    def _check(self, page: HistoryPage, leg: LegPlan, served: InstrumentId) -> None:
        """See that a page is of the question: a provider is somebody else's code."""
        for tick in page.ticks:
            if type(tick) is Gap:
                continue
            if (
                tick.instrument != served
                or CHANNEL_OF.get(type(tick)) != self.hole.channel
                or not tick.backfilled
            ):
                raise PermanentError(
                    f"leg {leg.name!r}: its history of {served} {self.hole.channel} gave a {tick.counted_as} of "
                    f"{tick.instrument}{'' if tick.backfilled else ' that is not marked as backfilled'}; report it "
                    f"to the plugin's authors",
                    provider=leg.name,
                    cause="defect",
                )
