"""Let a call that blocks take so long and no longer, whatever it waits for.

Owns: the thread that a call runs in.
Never: stops a call that is late: Python cannot. It is left behind, and must have limits of its own to end by.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["within"]

T = TypeVar("T")


def within(limit_s: float, call: Callable[[], T], late: Callable[[], Exception]) -> T:
    """Return what the call returns, or raise what it raises.

    The time-outs of sockets count each read for itself, and those of name resolvers and of keyrings that ask a person
    are out of reach; this counts all of it.

    Args:
        limit_s: How long it may take.
        call: What to do, in a thread of its own.
        late: Makes the error of a call that takes longer.
    """
    answer: Future[T] = Future()

    def run() -> None:
        try:
            answer.set_result(call())
        except BaseException as exc:  # noqa: BLE001 - raised where it is waited for
            answer.set_exception(exc)

    threading.Thread(target=run, daemon=True, name="ticktrail audit key").start()
    try:
        return answer.result(limit_s)
    except TimeoutError:
        if answer.done():
            raise
    raise late()
