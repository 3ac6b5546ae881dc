"""Account for what a stop's deadline left between legs and lanes.

Owns: what is looked through, and that each batch of it is recorded once.
Never: delivers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from ticktrail._contracts.route import Batch
from ticktrail._engine.output import Output
from ticktrail.model import Suppressed

__all__ = ["record_left", "waiting_in"]

T = TypeVar("T")


def waiting_in(stream: MemoryObjectReceiveStream[T]) -> Iterator[T]:
    """Yield what waits in a stream, and no more."""
    while True:
        try:
            item = stream.receive_nowait()
        except (anyio.WouldBlock, anyio.EndOfStream):
            return
        yield item


def record_left(output: Output, batches: Iterable[Batch]) -> None:
    """Record each batch as suppressed; one that was cancelled on its way may stand on both sides of it."""
    for batch in {id(batch): batch for batch in batches}.values():
        held = [Suppressed(reason="stop deadline", ticks=batch.ticks)] if batch.ticks else []
        output.record(batch, [], held)
