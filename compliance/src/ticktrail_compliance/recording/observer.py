"""Record a feed as it runs.

Owns: the log's life beside the feed's: one worker thread, a seal at least every `segment_s`, a checkpoint at least
every `checkpoint_s`, and a last one of both at the end.
Never: lets the feed go on where it can record nowhere.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.to_thread

from ticktrail.errors import AuditError
from ticktrail.events import Notice
from ticktrail.plugin import Clock, Observer, ObserverContext, Record
from ticktrail_compliance.recording.duties import EVERY_S
from ticktrail_compliance.recording.journal import Journal
from ticktrail_compliance.recording.recorder import Recorder
from ticktrail_compliance.recording.told import Told
from ticktrail_compliance.settings import ComplianceSettings

__all__ = ["open_audit"]

LAST_SEAL_S = 10.0
"""How long the last seal may wait for its turn; what it does then ends by the time-outs of the databases."""
LOOKS_A_SEGMENT = 4


@asynccontextmanager
async def open_audit(settings: ComplianceSettings, context: ObserverContext) -> AsyncIterator[Observer]:
    """Open the audit log of a feed, and seal and sign what is still open at the end.

    Raises:
        ConfigError: Database, keys or an anchor cannot be used, or an anchor contradicts the log.
        AuditError: The log cannot record; the feed halts. Or what was observed could not all be sealed at the end.
    """
    worker = _Worker(context)
    recorder = Recorder(
        settings, context.base_dir, context.feed, context.clock, worker.said.append, worker.said.append
    )
    try:
        await worker.run(recorder.open)
        observer = _Observer(settings, recorder, worker, context.clock)
        async with anyio.create_task_group() as sealing:
            sealing.start_soon(observer.keep_sealing, settings.segment_s)
            sealing.start_soon(observer.keep_signing, settings.checkpoint_s)
            sealing.start_soon(observer.keep_attending)
            try:
                yield observer
            finally:
                with anyio.move_on_after(LAST_SEAL_S, shield=True) as last:
                    await observer.seal_all()
                    await worker.run(recorder.checkpoint)
                if last.cancelled_caught:
                    observer.refuse_unsealed()
            sealing.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):  # bounded by the database's own busy time-out
            await worker.run(recorder.close)


class _Worker:
    """The one thread in which the log is written, and what is to be said after it."""

    def __init__(self, context: ObserverContext) -> None:
        self.said: list[str | Told] = []
        self._context = context
        self._limiter = anyio.CapacityLimiter(1)

    async def run(self, work: Callable[[], None]) -> None:
        try:
            await anyio.to_thread.run_sync(work, limiter=self._limiter)
        finally:
            said, self.said[:] = list(self.said), []
            for one in said:
                self._say(one)

    def _say(self, said: str | Told) -> None:
        """Tell the person who runs the feed; what somebody must act on, or need no more, everybody."""
        context = self._context
        if isinstance(said, str):
            context.warn(said)
        elif said.severity == "information" and not said.is_over:
            context.warn(said.text)
        else:
            context.tell(
                Notice(
                    at_ns=context.clock.now_ns(),
                    source="compliance",
                    name=said.name,
                    severity=said.severity,
                    text=said.text,
                    about=said.about,
                    is_over=said.is_over,
                )
            )


class _Observer:
    """The observer of one feed."""

    def __init__(
        self, settings: ComplianceSettings, recorder: Recorder, worker: _Worker, clock: Clock
    ) -> None:
        self._recorder = recorder
        self._worker = worker
        self._clock = clock
        self._one_at_a_time = anyio.Lock()
        self._before_delivery = settings.before_delivery
        self._journal = Journal(keep=settings.journal, segment_ticks=settings.segment_ticks)

    def summary(self) -> Mapping[str, int]:
        """Return what this run sealed: events, segments, and ticks in them."""
        counts = self._recorder.counts
        told = {"records": counts.records, "segments": counts.segments, "ticks": counts.ticks}
        return {**told, "spooled": counts.spooled} if counts.spooled else told

    def trouble(self) -> str:
        """Return why the log cannot be written now; empty where it can."""
        return self._recorder.trouble()

    async def observe(self, records: Sequence[Record]) -> None:
        """Gather the records, and seal what is ready.

        They are taken before anything is waited for: whoever is cancelled while it waits leaves them to the next seal.
        """
        self._journal.take(records, self._clock.mono_ns())
        if self._before_delivery:
            self._journal.close_segment()
        async with self._one_at_a_time:
            await self._seal_ready()

    async def keep_sealing(self, segment_s: float) -> None:
        """Seal a segment that has waited for `segment_s`, however few its ticks."""
        while True:
            await anyio.sleep(segment_s / LOOKS_A_SEGMENT)
            async with self._one_at_a_time:
                opened_ns = self._journal.opened_ns
                if opened_ns is not None and self._clock.mono_ns() - opened_ns >= segment_s * 0.75e9:
                    self._journal.close_segment()
                    await self._seal_ready()

    async def keep_signing(self, checkpoint_s: float) -> None:
        """Sign a checkpoint each `checkpoint_s`, if there is anything new."""
        while True:
            await anyio.sleep(checkpoint_s)
            async with self._one_at_a_time:
                await self._worker.run(self._recorder.checkpoint)

    async def keep_attending(self) -> None:
        """Attend to the duties beside recording."""
        while True:
            await anyio.sleep(EVERY_S)
            async with self._one_at_a_time:
                await self._worker.run(self._recorder.attend)

    async def seal_all(self) -> None:
        """Seal everything that was observed."""
        async with self._one_at_a_time:
            self._journal.close_segment()
            await self._seal_ready()

    def refuse_unsealed(self) -> None:
        """Raise where something that was observed was not sealed.

        Raises:
            AuditError: It says how much.
        """
        records, ticks = self._journal.waiting()
        if records:
            raise AuditError(
                f"the feed stopped, and {records:,} records that hold {ticks:,} ticks were not sealed within "
                f"{LAST_SEAL_S:g} s: they are not in the audit log. See why its database is slow, or busy for others"
            )

    async def _seal_ready(self) -> None:
        ready = self._journal.ready()
        if ready:
            with anyio.CancelScope(
                shield=True
            ):  # what was taken is stored; the databases' time-outs bound it
                await self._worker.run(partial(self._recorder.store, ready))
