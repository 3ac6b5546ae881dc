"""Check that a sink keeps the contract of `ticktrail.plugin.Sink`.

Owns: the checks, and what a case must bring.
Never: says how a sink stores; the case's `stored` reads it back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import anyio

from ticktrail.model import Tick
from ticktrail.plugin import Settings, Sink, SinkContext, SinkSpec
from ticktrail.testing._expect import expect, expect_strict
from ticktrail.testing._ticks import make_trade, one_of_each

__all__ = ["SinkCase", "SinkConformance"]

_DEADLINE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkCase:
    """One sink under given settings.

    Attributes:
        spec: As the plugin declares it.
        settings: Open an empty sink.
        context: What it is told on opening.
        stored: Reads back what the sink holds, while it is open; None for a sink that only shows.
    """

    spec: SinkSpec
    settings: Settings
    context: SinkContext
    stored: Callable[[Sink], Sequence[Tick]] | None


class SinkConformance:
    """Subclass, give a `case` fixture that returns a `SinkCase`, and inherit the checks.

    `backend` is the event loop that the checks run on.
    """

    backend = "trio"

    def test_settings_are_strict(self, case: SinkCase) -> None:
        """Settings are frozen and refuse unknown keys."""
        expect_strict(case.settings, case.spec.settings)

    def test_opens_and_closes_without_a_tick(self, case: SinkCase) -> None:
        """A feed may end before its first tick."""
        self._run(case, _idle)

    def test_takes_every_kind_of_tick_in_order(self, case: SinkCase) -> None:
        """What was written is with the sink when `write` returns: all of it, in order, nothing more."""

        async def body(sink: Sink) -> None:
            first, second = one_of_each(), [make_trade(id=number) for number in range(2, 50)]
            await sink.write(first)
            await sink.write(())
            await sink.write(second)
            if case.stored is not None:
                stored = case.stored(sink)
                expect(
                    list(stored) == [*first, *second],
                    f"{case.spec.name} holds other ticks than were written, or in another order "
                    f"({len(stored)} of {len(first) + len(second)})",
                )

        self._run(case, body)

    def test_closes_after_an_error(self, case: SinkCase) -> None:
        """The lane's error comes through the sink's closing as it is, in no group."""

        async def body(sink: Sink) -> None:
            await sink.write([make_trade()])
            raise _LaneError

        try:
            self._run(case, body)
        except _LaneError:
            return
        except BaseException as exc:
            raise AssertionError(
                f"{case.spec.name} puts {exc!r} in the place of the lane's own error"
            ) from exc
        raise AssertionError(f"{case.spec.name} swallows the lane's error")

    def test_write_can_be_cancelled(self, case: SinkCase) -> None:
        """A cancelled `write` takes all or nothing, says that it was cancelled, and the sink still closes."""

        async def body(sink: Sink) -> None:
            with anyio.CancelScope() as scope:
                scope.cancel()
                await sink.write([make_trade()])
            expect(
                scope.cancelled_caught,
                f"{case.spec.name}: write() has no checkpoint, or swallows cancellation",
            )
            if case.stored is not None:
                expect(
                    list(case.stored(sink)) in ([], [make_trade()]),
                    f"{case.spec.name} holds part of a cancelled write",
                )

        self._run(case, body)

    def _run(self, case: SinkCase, body: Callable[[Sink], Awaitable[None]]) -> None:
        async def session() -> None:
            with anyio.move_on_after(_DEADLINE_S) as scope:
                async with case.spec.open(case.settings, case.context) as sink:
                    await body(sink)
            expect(not scope.cancelled_caught, f"{case.spec.name} was not done after {_DEADLINE_S:.0f} s")

        anyio.run(session, backend=self.backend)


class _LaneError(Exception):
    """What ends the lane in a check."""


async def _idle(sink: Sink) -> None:
    del sink
