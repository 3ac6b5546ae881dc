"""Trace a feed while it runs.

Owns: when the tracer opens and closes, and that a person is told of spans that are lost.
Never: waits for a collector longer than the exporter's deadline.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.observer import Record
from ticktrail._logs.redact import redacted_text
from ticktrail._tracing.batches import BatchTraces
from ticktrail._tracing.export import STOP_WITHIN_S, Exporting, lost_told
from ticktrail._tracing.life import LifeSpans
from ticktrail._tracing.settings import TracingSettings
from ticktrail._tracing.tracer import tracing_by

__all__ = ["traced_run"]

LOOK_EVERY_S: Final = 5.0


@asynccontextmanager
async def traced_run(
    settings: TracingSettings | None,
    *,
    feed: str,
    base_dir: Path,
    clock: Clock,
    listen: Callable[[Callable[[Record], None]], None],
    batches: BatchTraces | None,
    warn: Callable[[str], None],
) -> AsyncIterator[None]:
    """Trace what happens within the context; do nothing without settings.

    Args:
        settings: The ``[tracing]`` table.
        feed: The feed's name.
        base_dir: Against which references to secrets are resolved.
        clock: The feed's.
        listen: Puts a listener on the bus.
        batches: Those that are followed.
        warn: Is told when the collector takes nothing, once, and at the end of what was lost.

    Raises:
        ConfigError: OpenTelemetry is not installed, or a header's secret is not there.
    """
    if settings is None:
        yield
        return
    tracer = Exporting(settings, base_dir)
    life = LifeSpans(tracer, feed)
    listen(life.hear)
    if batches is not None:
        batches.tracer = tracer

    async def look() -> None:
        while not tracer.failing and not tracer.dropped:  # noqa: ASYNC110 - the counts are a thread's, and cheap to see
            await anyio.sleep(LOOK_EVERY_S)
        warn(
            f"spans cannot be sent to {redacted_text(settings.url)}, or not fast enough; the feed is none the worse "
            "for it, and at the end it is told how many were lost"
        )

    try:
        with tracing_by(tracer):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(look)
                yield
                tasks.cancel_scope.cancel()
    finally:
        if batches is not None:
            batches.close()
            batches.tracer = None
        life.close(clock.now_ns())
        with anyio.move_on_after(STOP_WITHIN_S + 1, shield=True):
            await anyio.to_thread.run_sync(tracer.close, abandon_on_cancel=True)
        if tracer.lost:
            warn(lost_told(tracer, settings))
