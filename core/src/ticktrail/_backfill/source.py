"""Be the leg of a backfill: hand over a history page by page, and keep the place after each.

Owns: the order of the series, what of a page is taken, and pauses after a failure.
Never: goes on before a page is with every sink: that is what makes the place true.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from random import Random
from typing import Protocol

import anyio
import anyio.abc

from ticktrail._backfill.job import Place, Progress, Series
from ticktrail._contracts.clock import Clock
from ticktrail._contracts.history import History, HistoryPage
from ticktrail._contracts.provider import Intake, Tell
from ticktrail._engine.backoff import Backoff
from ticktrail._plan.model import BackoffSettings, LegPlan
from ticktrail.errors import PermanentError, TransientError
from ticktrail.events import VenueTrouble
from ticktrail.model import CHANNEL_OF, Bar, Gap, InstrumentId, Tick, Undecodable

__all__ = ["HistorySource"]

MOST_GARBLED = 5
"""Answers in a row that make no sense, before it is given up: asking again would not mend them."""


class _Opens(Protocol):
    def __call__(self, tell: Tell) -> AbstractAsyncContextManager[History]: ...


class HistorySource:
    """A provider over a history; implements `ticktrail.plugin.Provider`. It ends for good when all is fetched.

    Args:
        opens: Opens the history.
        progress: What is to be fetched, and how far it has come.
        leg: Whose history it is.
        clock: Stamps what is handed over.
        backoff: Pauses after a question that could not be asked.
        stop_s: How long a page that is on its way to the sinks may take when the feed stops.
    """

    def __init__(
        self,
        opens: _Opens,
        progress: Progress,
        leg: LegPlan,
        *,
        clock: Clock,
        backoff: BackoffSettings,
        stop_s: float,
    ) -> None:
        self._opens = opens
        self._progress = progress
        self._leg = leg
        self._provider = leg.name
        self._clock = clock
        self._backoff = Backoff(backoff, Random())  # noqa: S311 - jitter, not a secret
        self._stop_s = stop_s
        self._has_answered = False
        self._garbled = 0

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return an `Undecodable` each: a history hands over ready ticks."""
        return [
            Undecodable(
                provider=self._provider, recv_ns=recv_ns, raw=bytes(payload), reason="no part of a history"
            )
            for payload in payloads
        ]

    def wants(self, payload: bytes) -> bool:
        """Return False: nothing that was recorded belongs here."""
        del payload
        return False

    async def run(self, intake: Intake, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Fetch what is left of the job.

        Raises:
            TransientError: The first question of this run could not be asked, and not because the venue asks to wait.
            PermanentError: The venue will not answer a question, the provider's answer is not of it, or a sink
                did not take a page.
        """
        while True:
            try:
                async with self._opens(intake.tell) as history:
                    await self._fetch(history, intake, task_status)
                    return
            except TransientError as exc:
                await self._pause(exc, intake)

    async def _fetch(self, history: History, intake: Intake, task_status: anyio.abc.TaskStatus[None]) -> None:
        progress = self._progress
        for series, place in zip(progress.job.series, progress.places, strict=True):
            while not place.done:
                page = await self._ask(history, series, place, intake)
                if page is None:
                    continue
                if not self._has_answered:
                    self._has_answered = True
                    task_status.started()
                self._check(page, series, place)
                await self._hand_over(page, place, intake)

    async def _ask(
        self, history: History, series: Series, place: Place, intake: Intake
    ) -> HistoryPage | None:
        """Return the next page; None after a pause where it could not be had."""
        job = self._progress.job
        try:
            page = await history.page(
                self._served(series),
                series.channel,
                start_ns=job.start_ns,
                end_ns=job.end_ns,
                cursor=place.cursor,
            )
        except TransientError as exc:
            await self._pause(exc, intake)
            return None
        self._backoff.failures = self._garbled = 0
        return page

    async def _pause(self, exc: TransientError, intake: Intake) -> None:
        """Wait before asking again; at the start whoever is there is told, unless it is the venue that asks to wait."""
        if not self._has_answered and exc.cause != "limited":
            raise exc
        self._garbled = self._garbled + 1 if exc.cause == "garbled" else 0
        if self._garbled > MOST_GARBLED:
            raise PermanentError(str(exc), provider=self._provider, cause="garbled") from exc
        pause_s = self._backoff.next_s(exc.retry_after_s)
        intake.tell(
            VenueTrouble(
                at_ns=self._clock.now_ns(), provider=self._provider, detail=str(exc), retry_in_s=pause_s
            )
        )
        await anyio.sleep(pause_s)

    def _served(self, series: Series) -> InstrumentId:
        """Return the series' instrument by the name that the leg knows."""
        return self._leg.equivalents.get(series.instrument, series.instrument)

    def _check(self, page: HistoryPage, series: Series, place: Place) -> None:
        """See that a page is of the question: a provider is somebody else's code."""
        if page.cursor is not None and page.cursor == place.cursor:
            raise self._defect(series, f"stands still at {page.cursor!r}")
        job = self._progress.job
        served = self._served(series)
        for tick in page.ticks:
            channel = tick.channel if isinstance(tick, Gap) else CHANNEL_OF.get(type(tick))
            if tick.instrument != served or channel != series.channel:
                raise self._defect(series, f"gave a {tick.counted_as} of {tick.instrument}")
            if not tick.backfilled:
                raise self._defect(series, "gave a tick that is not marked as backfilled")
            at_ns = tick.start_ns if isinstance(tick, Bar) else tick.event_ns
            if at_ns is not None and not job.start_ns <= at_ns < job.end_ns:
                raise self._defect(series, f"gave a tick of {at_ns}, which lies outside of the period")
        if page.through_ns > job.end_ns:
            raise self._defect(series, "claims to be complete beyond the period")
        if page.through_ns < place.through_ns and page.cursor is not None:
            raise self._defect(series, f"goes back, from {place.through_ns} to {page.through_ns}")

    async def _hand_over(self, page: HistoryPage, place: Place, intake: Intake) -> None:
        """Give a page to the sinks, and keep the place.

        A stop in the middle of it is waited out, within the feed's own deadline: a page that the sinks have and the
        place does not know would be fetched again.
        """
        is_safe = True
        if page.ticks:
            await intake.ticks(page.ticks, recv_ns=page.ticks[0].recv_ns, mono_ns=self._clock.mono_ns())
            is_safe = await self._settle(intake)
        if not is_safe:
            raise PermanentError(
                f"leg {self._provider!r}: a sink did not take what was fetched; mend it, and the same command goes on "
                f"from there: the sinks that did take the last page get it again",
                provider=self._provider,
                cause="sink",
            )
        place.pages += 1
        place.ticks += sum(not isinstance(tick, Gap) for tick in page.ticks)
        place.cursor = page.cursor
        place.done = page.cursor is None
        end_ns = self._progress.job.end_ns
        place.through_ns = end_ns if place.done else max(place.through_ns, page.through_ns)
        self._progress.save()

    async def _settle(self, intake: Intake) -> bool:
        """Wait until the page is with every sink; a cancellation meanwhile takes effect at the next question."""
        try:
            return await intake.settled()
        except anyio.get_cancelled_exc_class():
            with anyio.move_on_after(self._stop_s, shield=True):
                return await intake.settled()
            raise

    def _defect(self, series: Series, what: str) -> PermanentError:
        return PermanentError(
            f"leg {self._provider!r}: its history of {series.instrument} {series.channel} {what}; report it to the "
            f"plugin's authors",
            provider=self._provider,
            cause="defect",
        )
