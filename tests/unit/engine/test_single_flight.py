"""One question for all who ask at the same time: one answer, one error, and nobody's cancellation is another's."""

import anyio
import pytest

from ticktrail._engine.single_flight import SingleFlight
from ticktrail.errors import TransientError

pytestmark = pytest.mark.anyio


class Question:
    """A question that is answered when the gate opens; `asked` counts."""

    def __init__(self, error=None):
        self.asked = 0
        self.gate = anyio.Event()
        self._error = error

    async def __call__(self):
        self.asked += 1
        number = self.asked
        await self.gate.wait()
        if self._error is not None:
            raise self._error
        return number


async def all_of(flights, question, count, key="k"):
    """Ask so often at once; gives what each caller got."""
    got = []

    async def one():
        try:
            got.append(await flights.ask(key, question))
        except TransientError as exc:
            got.append(exc)

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(count):
                tasks.start_soon(one)
            await anyio.wait_all_tasks_blocked()
            question.gate.set()
    return got


async def test_all_share_one_answer():
    """A hundred callers, one question; the next one is asked anew."""
    flights, question = SingleFlight(), Question()
    assert await all_of(flights, question, 100) == [1] * 100
    assert await flights.ask("k", question) == 2


async def test_an_answer_may_be_none():
    """Nothing is an answer, too."""
    flights, asked = SingleFlight(), []

    async def nothing():
        asked.append(1)
        await anyio.wait_all_tasks_blocked()

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(flights.ask, "k", nothing)
    assert asked == [1]


async def test_all_share_one_error_and_it_is_forgotten():
    """Every caller gets it; the next question is asked anew."""
    flights, error = SingleFlight(), TransientError("down", provider="a")
    question = Question(error)
    assert await all_of(flights, question, 10) == [error] * 10
    assert question.asked == 1
    assert await all_of(flights, Question(), 1) == [1]


async def test_other_keys_are_other_questions():
    """They do not wait for each other."""
    flights, held, free = SingleFlight(), Question(), Question()
    free.gate.set()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flights.ask, "one", held)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(30):
            assert await flights.ask("two", free) == 1
        held.gate.set()


async def test_who_asks_may_be_cancelled():
    """One of those who wait asks in its place, and all of them get the answer."""
    flights, question, got = SingleFlight(), Question(), []

    async def one():
        got.append(await flights.ask("k", question))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            scope = anyio.CancelScope()

            async def first():
                with scope:
                    await one()

            tasks.start_soon(first)
            await anyio.wait_all_tasks_blocked()
            for _ in range(3):
                tasks.start_soon(one)
            await anyio.wait_all_tasks_blocked()
            scope.cancel()
            await anyio.wait_all_tasks_blocked()
            assert question.asked == 2
            question.gate.set()
    assert got == [2, 2, 2]


async def test_who_waits_may_be_cancelled():
    """The question goes on for the others."""
    flights, question = SingleFlight(), Question()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flights.ask, "k", question)
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.01) as scope:
            await flights.ask("k", question)
        assert scope.cancelled_caught
        question.gate.set()
    assert question.asked == 1
