"""Measure how long an event loop was held up.

Owns: the task that looks.
Never: judges; a check says what is too long.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import anyio.lowlevel

__all__ = ["longest_block_s"]

_LOOK_EVERY_S = 0.005


async def longest_block_s(call: Callable[[], Awaitable[None]]) -> float:
    """Return the longest time, in seconds, that another task had to wait for its turn while the call ran."""
    longest = 0.0

    async def look() -> None:
        nonlocal longest
        while True:
            before = anyio.current_time()
            try:
                await anyio.sleep(_LOOK_EVERY_S)
            finally:
                longest = max(longest, anyio.current_time() - before - _LOOK_EVERY_S)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(look)
        await anyio.sleep(2 * _LOOK_EVERY_S)  # it looks
        await call()
        await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    return longest
