"""Cancel a session at each of its awaits in turn.

Owns: the count of a session's steps, the choice of those at which it is cancelled, and the descriptors that are open.
Never: knows a provider; runs on trio alone, whose instruments see every step.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import trio

from ticktrail.plugin import Provider
from ticktrail.testing._sessions import Listener

__all__ = ["Cancelled", "chosen", "count_steps", "descriptors", "run_and_cancel"]

_FIRST = 40
"""So many steps, from the first one on, are each tried: they are the ones at which a connection is made."""
_SPREAD = 16
"""So many are taken from what comes after."""
_STEADY_BATCHES = 10
_FOLDERS = (Path("/proc/self/fd"), Path("/dev/fd"))


class Cancelled:
    """What came of a cancelled session.

    Attributes:
        took_s: How long it went on.
        raised: What it raised instead of ending.
        swallowed: Whether it went on as if it had not been cancelled, and returned.
    """

    def __init__(self) -> None:
        self.took_s = 0.0
        self.raised: BaseException | None = None
        self.swallowed = False


class _Steps(trio.abc.Instrument):
    def __init__(self, root: trio.lowlevel.Task, scope: trio.CancelScope, at: int | None) -> None:
        self.count = 0
        self.cancelled_at: float | None = None
        self._tasks = {root}
        self._scope = scope
        self._at = at

    def task_spawned(self, task: trio.lowlevel.Task) -> None:
        nursery = task.parent_nursery
        if nursery is not None and nursery.parent_task in self._tasks:
            self._tasks.add(task)

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        self._tasks.discard(task)

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if task in self._tasks:
            self.count += 1
            if self.count == self._at:
                self.cancelled_at = trio.current_time()
                self._scope.cancel()


async def count_steps(provider: Provider, within_s: float) -> int:
    """Return after how many steps a session is in its steady state; 0 where it did not come to that."""
    listener = Listener(provider)
    counted = 0

    async def session() -> None:
        nonlocal counted
        steps = _Steps(trio.lowlevel.current_task(), trio.CancelScope(), None)
        trio.lowlevel.add_instrument(steps)
        try:
            with suppress(Exception):  # other laws say what is wrong with a session that fails by itself
                await provider.run(listener, task_status=trio.TASK_STATUS_IGNORED)
        finally:
            trio.lowlevel.remove_instrument(steps)
            counted = steps.count

    async with trio.open_nursery() as nursery:
        nursery.start_soon(session)
        with trio.move_on_after(within_s):
            while (  # noqa: ASYNC110 - either may come first
                len(listener.batches) < _STEADY_BATCHES and nursery.child_tasks
            ):
                await trio.sleep(0.005)
        nursery.cancel_scope.cancel()
    return counted if listener.batches else 0


def chosen(total: int) -> Sequence[int]:
    """Return the steps at which to cancel: all of the first, and some of the others, evenly."""
    rest = range(_FIRST + 1, total + 1)
    stride = max(1, len(rest) // _SPREAD)
    return [*range(1, min(total, _FIRST) + 1), *rest[::stride]]


async def run_and_cancel(provider: Provider, at: int) -> Cancelled:
    """Run a session, cancel it at a step, and return what came of that."""
    outcome = Cancelled()
    with trio.CancelScope() as scope:
        steps = _Steps(trio.lowlevel.current_task(), scope, at)
        trio.lowlevel.add_instrument(steps)
        try:
            await provider.run(Listener(provider), task_status=trio.TASK_STATUS_IGNORED)
            outcome.swallowed = steps.cancelled_at is not None
        except Exception as exc:  # noqa: BLE001 - the law says that it must raise nothing
            outcome.raised = exc
        finally:
            trio.lowlevel.remove_instrument(steps)
            if steps.cancelled_at is not None:
                outcome.took_s = trio.current_time() - steps.cancelled_at
    return outcome


def descriptors() -> int:
    """Return how many descriptors this process has open; 0 where the system does not tell."""
    folder = next((folder for folder in _FOLDERS if folder.is_dir()), None)
    return 0 if folder is None else len(list(folder.iterdir()))
