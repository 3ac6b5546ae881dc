"""Ask once for all who ask the same at the same time.

Owns: who asks, and who waits for the answer.
Never: remembers an answer, or an error, once those who waited have it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

import anyio

__all__ = ["SingleFlight"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class SingleFlight(Generic[K, T]):
    """Questions under way, one a key at most.

    The first caller asks, in its own task. Where it is cancelled, one of those who wait asks in its place: nobody's
    cancellation is another's.
    """

    def __init__(self) -> None:
        self._flights: dict[K, _Flight[T]] = {}

    async def ask(self, key: K, question: Callable[[], Awaitable[T]]) -> T:
        """Return the question's answer, be it asked by this caller or by another one.

        Raises:
            Exception: What the question raised, to every caller alike.
        """
        while True:
            flight = self._flights.get(key)
            if flight is None:
                return await self._fly(key, question)
            await flight.landed.wait()
            if flight.error is not None:
                raise flight.error
            for answer in flight.answers:
                return answer

    async def _fly(self, key: K, question: Callable[[], Awaitable[T]]) -> T:
        flight: _Flight[T] = _Flight()
        self._flights[key] = flight
        try:
            answer = await question()
            flight.answers.append(answer)
        except Exception as exc:
            flight.error = exc
            raise
        finally:
            del self._flights[key]
            flight.landed.set()
        return answer


class _Flight(Generic[T]):
    """One question; without answer and error once it has landed, whoever asked was cancelled."""

    def __init__(self) -> None:
        self.landed = anyio.Event()
        self.answers: list[T] = []
        self.error: Exception | None = None
