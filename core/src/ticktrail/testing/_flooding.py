"""Flood a session whose data nobody takes over, and measure what it holds.

Owns: the flood, when it stands still, and what of the growth is the session's.
Never: judges how much is too much; the law does.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager

import anyio

from ticktrail.testing._cases import LoopbackVenue, ProviderCase
from ticktrail.testing._sessions import Life

__all__ = ["growth"]

_FLOOD_BYTES = 32 * 2**20
_PIECE_BYTES = 2**20
_FLOOD_S = 20.0
_STILL_S = 1.0
"""All stands still once for so long no piece was sent, and memory did not grow by the size of one."""
_LOOK_EVERY_S = 0.05


async def growth(case: ProviderCase, life: Life, venue: LoopbackVenue | None) -> int:
    """Return by how many bytes a session has grown while nobody took anything over, until all stood still.

    Raises:
        AssertionError: It read everything, and threw it away; or it ended.
    """
    await _loaded()
    with _traced():
        flood = _Flood()
        async with anyio.create_task_group() as tasks:
            if venue is not None:
                tasks.start_soon(flood.run, case, venue)
            grown = await _until_still(case.most_held_bytes, flood)
            tasks.cancel_scope.cancel()
    life.expect_well()
    return grown


class _Flood:
    """A flood, piece by piece, so that one sees whether it gets on."""

    sent = 0

    async def run(self, case: ProviderCase, venue: LoopbackVenue) -> None:
        while self.sent < _FLOOD_BYTES // _PIECE_BYTES:
            await venue.flood(_PIECE_BYTES)
            self.sent += 1
        raise AssertionError(
            f"{case.name} reads on while nobody takes anything over, and throws away what it reads: the venue could "
            f"send all of {_FLOOD_BYTES / 2**20:.0f} MiB; await intake.frames() before the next read"
        )


async def _loaded() -> None:
    """Wait until a session that has just begun has imported what it needs."""
    modules, until = 0, anyio.current_time() + _FLOOD_S
    while len(sys.modules) != modules and anyio.current_time() < until:
        modules = len(sys.modules)
        await anyio.sleep(_STILL_S / 2)


async def _until_still(most_bytes: int, flood: _Flood) -> int:
    """Wait until neither memory nor the flood gets on, or memory is beyond the most; return by how much it grew.

    What comes while modules are imported, in some thread of the session's, is none of the flood.
    """
    held, modules = _held(), len(sys.modules)
    grown = marked_grown = marked_sent = 0
    began = anyio.current_time()
    until = began + _STILL_S
    while grown <= most_bytes and anyio.current_time() < min(until, began + _FLOOD_S):
        await anyio.sleep(_LOOK_EVERY_S)
        now_held, now_modules = _held(), len(sys.modules)
        if now_modules == modules:
            grown += now_held - held
        held, modules = now_held, now_modules
        if flood.sent > marked_sent or grown > marked_grown + _PIECE_BYTES:
            marked_grown, marked_sent, until = grown, flood.sent, anyio.current_time() + _STILL_S
    return grown


@contextmanager
def _traced() -> Iterator[None]:
    was_tracing = tracemalloc.is_tracing()
    if not was_tracing:
        tracemalloc.start()
    try:
        yield
    finally:
        if not was_tracing:
            tracemalloc.stop()


def _held() -> int:
    return tracemalloc.get_traced_memory()[0]
