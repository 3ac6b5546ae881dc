"""Record a feed as it runs.

Owns: the log's life beside the feed's: one worker thread, a seal at least every `segment_s`, a last one at the end.
Never: lets the feed go on where it cannot record.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.to_thread

from ticktrail.plugin import Observer, ObserverContext, Record
from ticktrail_compliance.entry import Entry, Header, seal
from ticktrail_compliance.journal import Gathered, Journal
from ticktrail_compliance.log import AuditLog
from ticktrail_compliance.opening import open_log
from ticktrail_compliance.records import encode_records
from ticktrail_compliance.settings import ComplianceSettings

__all__ = ["open_audit"]

LAST_SEAL_S = 10.0
LOOKS_A_SEGMENT = 4


@asynccontextmanager
async def open_audit(settings: ComplianceSettings, context: ObserverContext) -> AsyncIterator[Observer]:
    """Open the audit log of a feed, and seal what is still open at the end.

    Raises:
        ConfigError: Database or key cannot be used.
        AuditError: The log cannot record; the feed halts.
    """
    worker = anyio.CapacityLimiter(1)
    warnings: list[str] = []
    log = await anyio.to_thread.run_sync(
        partial(
            open_log,
            settings,
            context.base_dir,
            write=True,
            now_ns=context.clock.now_ns(),
            warn=warnings.append,
        ),
        limiter=worker,
    )
    for warning in warnings:
        context.warn(warning)
    recorder = _Recorder(settings, context, log, worker)
    try:
        await anyio.to_thread.run_sync(recorder.resume, limiter=worker)
        async with anyio.create_task_group() as sealing:
            sealing.start_soon(recorder.keep_sealing, settings.segment_s)
            try:
                yield recorder
            finally:
                with anyio.move_on_after(LAST_SEAL_S, shield=True):
                    await recorder.seal_all()
            sealing.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):  # bounded by the database's own busy time-out
            await anyio.to_thread.run_sync(log.__exit__, None, None, None, limiter=worker)


class _Recorder:
    """The observer of one feed."""

    def __init__(
        self,
        settings: ComplianceSettings,
        context: ObserverContext,
        log: AuditLog,
        worker: anyio.CapacityLimiter,
    ) -> None:
        self._clock = context.clock
        self._log = log
        self._worker = worker
        self._one_at_a_time = anyio.Lock()
        self._journal = Journal(keep=settings.journal, segment_ticks=settings.segment_ticks)
        self._nonce_prefix = os.urandom(4)  # of this run: with the counter, no nonce comes twice
        self._nonces = 0
        self._seq = 0
        self._digest = b""
        self._counts = {"records": 0, "segments": 0, "ticks": 0}

    def summary(self) -> Mapping[str, int]:
        """Return what this run sealed: events, segments, and ticks in them."""
        return dict(self._counts)

    def resume(self) -> None:
        """Go on from the log's end."""
        head = self._log.resume()
        self._seq, self._digest = head.seq, head.digest

    async def observe(self, records: Sequence[Record]) -> None:
        """Gather the records, and seal what is ready."""
        async with self._one_at_a_time:
            self._journal.take(records, self._clock.mono_ns())
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

    async def seal_all(self) -> None:
        """Seal everything that was observed."""
        async with self._one_at_a_time:
            self._journal.close_segment()
            await self._seal_ready()

    async def _seal_ready(self) -> None:
        ready = self._journal.ready()
        if ready:
            await anyio.to_thread.run_sync(self._store, ready, limiter=self._worker)

    def _store(self, ready: Sequence[Gathered]) -> None:
        """Seal and store, in the worker thread; in memory nothing moves on before the database has it."""
        seq, digest = self._seq, self._digest
        written_ns = self._clock.now_ns()
        entries: list[Entry] = []
        for gathered in ready:
            key = self._log.data_key(gathered.kind, written_ns)
            self._nonces += 1
            seq += 1
            header = Header(
                log_id=self._log.log_id,
                seq=seq,
                kind=gathered.kind,
                written_ns=written_ns,
                first_ns=gathered.first_ns,
                last_ns=gathered.last_ns,
                ticks=gathered.ticks,
                key_id=key.key_id,
                nonce=self._nonce_prefix + self._nonces.to_bytes(8, "big"),
            )
            entry = seal(header, encode_records(gathered.records), key.cipher, digest)
            digest = entry.digest
            entries.append(entry)
        self._log.append(entries)
        self._seq, self._digest = seq, digest
        for gathered in ready:
            self._counts["records" if gathered.kind == "control" else "segments"] += 1
            self._counts["ticks"] += gathered.ticks
