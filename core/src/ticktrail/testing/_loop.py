"""Measure how long an event loop was held up.

Owns: the task that looks, and what is kept out of every such measure.
Never: judges; a check says what is too long.
"""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import anyio
import anyio.lowlevel

__all__ = ["longest_block_s", "nothing_collected"]

_LOOK_EVERY_S = 0.005


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Keep the garbage collector away: going through all that a process holds takes long, and is no plugin's doing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


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
        with nothing_collected():
            await anyio.sleep(2 * _LOOK_EVERY_S)  # it looks
            await call()
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
    return longest
