"""Check that a sink keeps the contract of `ticktrail.plugin.Sink`.

Owns: the checks.
Never: says how a sink stores; the case reads it back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from unittest import SkipTest

import anyio

from ticktrail.errors import ConfigError, SinkError
from ticktrail.model import Tick
from ticktrail.plugin import Sink
from ticktrail.testing._expect import expect, expect_strict
from ticktrail.testing._feed import run_beside_a_sound_sink
from ticktrail.testing._laws import law
from ticktrail.testing._loop import longest_block_s
from ticktrail.testing._output import expect_no_secret, kept_output
from ticktrail.testing._sinks_case import SinkCase, expect_same, kept_of, skip_unread
from ticktrail.testing._ticks import make_gap, make_quote, make_trade, one_of_each

__all__ = ["SinkCase", "SinkConformance"]

_DEADLINE_S = 10.0
_MANY = 10_000
_LONGEST_BLOCK_S = 0.5


class SinkConformance:
    """Subclass, give a `case` fixture that returns a `SinkCase`, and inherit the checks.

    `backend` is the event loop that the checks run on.
    """

    backend = "trio"

    @law("S01")
    def test_settings_are_strict(self, case: SinkCase) -> None:
        """Settings are frozen and refuse unknown keys.

        Provoked: the case's settings are read back from their own table, once more with a key that no sink has.
        """
        expect_strict(case.settings, case.spec.settings)

    @law("S02")
    def test_opens_and_closes_without_a_tick(self, case: SinkCase) -> None:
        """A feed may end before its first tick.

        Provoked: it is opened and closed.
        """
        try:
            self._run(case, _idle)
        except Exception as exc:
            raise AssertionError(f"{case.spec.name}: {type(exc).__name__}: {exc}") from exc

    @law("S03")
    def test_takes_every_kind_of_tick_in_order(self, case: SinkCase) -> None:
        """What was written is with the sink when `write` returns: every tick once, in order, digit by digit, no more.

        Provoked: a write with one tick of each kind, one without ticks, one of 48 trades, and one of ticks that are
        alike but for a thing or two, with digits and times that a float does not hold. What the sink has is held
        against that in its wire form.

        Skipped: the case has no `stored`, or its `keeps` keeps none of these ticks.
        """
        first, second = one_of_each(), [make_trade(id=number) for number in range(2, 50)]
        self._expect_stored(case, first, (), second, _alike())

    @law("S04")
    def test_takes_a_gap_like_any_tick(self, case: SinkCase) -> None:
        """A gap is a tick: the lane tells with it what was dropped, and a reader of the sink must find it.

        Provoked: a write that is a gap alone, and one with gaps between trades.

        Skipped: the case has no `stored`, or its `keeps` keeps no gaps.
        """
        gaps = [make_gap(from_id=number, to_id=number + 1) for number in (5, 9, 20)]
        trades = [make_trade(id=number) for number in (7, 8, 11)]
        self._expect_stored(case, gaps[:1], [*trades[:2], gaps[1], trades[2], gaps[2]])
        if not kept_of(case, gaps):
            raise SkipTest(f"{case.spec.name} keeps no gaps (keeps gives None for them)")

    @law("S05")
    def test_leaves_the_ticks_alone(self, case: SinkCase) -> None:
        """The ticks that it is given are the feed's: other lanes and the record see the same list.

        Provoked: the list is compared with a copy after the write.
        """

        async def body(sink: Sink) -> None:
            ticks = list(one_of_each())
            copy = list(ticks)
            await sink.write(ticks)
            expect(ticks == copy, f"{case.spec.name} changes the list that it is given")

        self._run(case, body)

    @law("S06")
    def test_closes_after_an_error(self, case: SinkCase) -> None:
        """The lane's error comes through the sink's closing as it is, in no group.

        Provoked: the body of the open sink raises after a write.
        """

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

    @law("S07")
    def test_write_can_be_cancelled(self, case: SinkCase) -> None:
        """A cancelled `write` takes all or nothing, says that it was cancelled, and the sink still closes.

        Provoked: a write in a scope that is cancelled.

        Skipped: the case has no `stored`.
        """

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
                    list(case.stored(sink)) in ([], kept_of(case, [make_trade()])),
                    f"{case.spec.name} holds part of a cancelled write",
                )

        self._run(case, body)
        skip_unread(case.stored)

    @law("S08")
    def test_what_was_written_is_there_after_closing(self, case: SinkCase) -> None:
        """A stop loses nothing: whatever `write` returned for is there once the sink has closed.

        Provoked: two writes, and it is read back after the closing.

        Skipped: the case has no `stored_after`, or its `keeps` keeps none of these ticks.
        """
        stored_after = self._stored_after(case)
        ticks = [*one_of_each(), *(make_trade(id=number) for number in range(2, 300))]

        async def body(sink: Sink) -> None:
            await sink.write(ticks[:20])
            await sink.write(ticks[20:])

        self._run(case, body)
        expect_same(case, stored_after(), ticks, "after closing")

    @law("S09")
    def test_a_run_that_resumes_keeps_what_was_there(self, case: SinkCase) -> None:
        """A run that goes on from an earlier one adds to what the sink has of it.

        Provoked: it is opened once more, with `resumes` in its context, and written to.

        Skipped: the case has no `stored_after`, or its `keeps` keeps none of these ticks.
        """
        stored_after = self._stored_after(case)
        ticks = [make_trade(id=number) for number in range(1, 21)]

        async def first(sink: Sink) -> None:
            await sink.write(ticks[:10])

        async def second(sink: Sink) -> None:
            await sink.write(ticks[10:])

        self._run(case, first)
        self._run(replace(case, context=replace(case.context, resumes=True)), second)
        expect_same(case, stored_after(), ticks, "after a run that resumes")

    @law("S10")
    def test_does_not_block_the_loop(self, case: SinkCase) -> None:
        """A write leaves the event loop to the legs: what takes long is done in a thread.

        Provoked: a write of 10,000 ticks beside a task that looks every few milliseconds how long it had to wait; the
        best of three must stay below half a second.
        """
        ticks = [make_trade(id=number) for number in range(_MANY)]
        found: list[float] = []

        async def body(sink: Sink) -> None:
            for _ in range(3):
                found.append(await longest_block_s(lambda: sink.write(ticks)))
                if found[-1] < _LONGEST_BLOCK_S:
                    return

        self._run(case, body)
        expect(
            min(found) < _LONGEST_BLOCK_S,
            f"{case.spec.name} holds up the event loop for {min(found):.1f} s in a write of {_MANY} ticks: "
            "use anyio.to_thread.run_sync",
        )

    @law("S11")
    def test_takes_part_in_a_feed(self, case: SinkCase) -> None:
        """Beside another sink of a feed it takes every delivered tick once, in order, and closes with the feed.

        Provoked: a feed of 300 trades with it and a sound sink; what it holds is read back at the end.

        Skipped: the case has neither `stored` nor `stored_after`, or its `keeps` keeps no trades.
        """
        seen = run_beside_a_sound_sink(
            case.spec, case.settings, case.context, backend=self.backend, reads=case.stored
        )
        expect(seen.failed is None, f"{case.spec.name} fails in a feed: {seen.failed}")
        expect(len(seen.given) == seen.expected, f"{case.spec.name} disturbs the sink beside it")
        expect(
            seen.written == len(seen.given),
            f"{case.spec.name} was given {seen.written} of {len(seen.given)} ticks",
        )
        if case.stored is not None:
            expect_same(case, seen.stored, seen.given, "at the end of a feed")
        if case.stored_after is not None:
            expect_same(case, case.stored_after(), seen.given, "after a feed")
        skip_unread(case.stored or case.stored_after)

    @law("S12")
    def test_a_failure_closes_its_lane_alone(self, case: SinkCase) -> None:
        """A sink that cannot go on raises `SinkError`; the feed and the other sinks do not notice.

        Provoked: `breaks` in a feed with a sound sink beside it.

        Skipped: the case has no `breaks`.
        """
        if case.breaks is None:
            raise SkipTest("the case knows no way to break it (breaks is None)")
        seen = run_beside_a_sound_sink(
            case.spec, case.settings, case.context, backend=self.backend, breaks=case.breaks
        )
        expect(seen.failed is not None, f"{case.spec.name} was broken, and says that it took everything")
        expect(
            seen.error is None or isinstance(seen.error, SinkError),
            f"{case.spec.name} fails with {seen.error!r}: raise SinkError from it, with the place and the remedy",
        )
        expect(
            len(seen.given) == seen.expected, f"{case.spec.name} takes the sink beside it along when it fails"
        )
        expect_no_secret(case.secrets, {"the error": str(seen.error)}, case.spec.name)

    @law("S13")
    def test_refuses_what_it_cannot_open(self, case: SinkCase) -> None:
        """A sink that cannot be opened says so at once, as `SinkError` or `ConfigError`.

        Provoked: it is opened under `unusable`.

        Skipped: the case has no `unusable`.
        """
        if case.unusable is None:
            raise SkipTest("the case knows no settings that cannot be used (unusable is None)")
        try:
            self._run(replace(case, settings=case.unusable), _idle)
        except (SinkError, ConfigError) as exc:
            expect(str(exc), f"{case.spec.name} refuses without a word")
            expect_no_secret(case.secrets, {"the error": str(exc)}, case.spec.name)
            return
        except Exception as exc:
            raise AssertionError(
                f"{case.spec.name} cannot be opened and raises {exc!r}: raise SinkError or ConfigError from it"
            ) from exc
        raise AssertionError(f"{case.spec.name} opens under settings that cannot be used")

    @law("S14")
    def test_shows_no_secret(self, case: SinkCase) -> None:
        """No secret is in what it shows of itself, logs or prints.

        Provoked: it is opened, written to and closed; its settings and itself are shown, and what it logs at any level
        and prints is kept.

        Skipped: the case has no `secrets`.
        """
        if not case.secrets:
            raise SkipTest("its settings refer to no secret (secrets is empty)")
        shown = {"repr of its settings": repr(case.settings)}

        async def body(sink: Sink) -> None:
            shown["repr of the sink"] = f"{sink!r} {sink}"
            await sink.write(one_of_each())

        with kept_output() as output:
            self._run(case, body)
        expect_no_secret(case.secrets, {**shown, "its output": output.text()}, case.spec.name)

    def _expect_stored(self, case: SinkCase, *writes: Sequence[Tick]) -> None:
        """Write, and compare with what the sink holds.

        Raises:
            SkipTest: That cannot be read back: nothing was compared.
        """

        async def body(sink: Sink) -> None:
            for ticks in writes:
                await sink.write(ticks)
            if case.stored is not None:
                written = [tick for ticks in writes for tick in ticks]
                expect_same(case, case.stored(sink), written, "")

        self._run(case, body)
        skip_unread(case.stored)

    def _stored_after(self, case: SinkCase) -> Callable[[], Sequence[object]]:
        if case.stored_after is None:
            raise SkipTest("nothing outlives it (stored_after is None)")
        return case.stored_after

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


def _alike() -> Sequence[Tick]:
    """Return what a sink may take for one: the ids of two venues, of two instruments, a quote that comes again."""
    at_ns, price = 1_700_000_000_123_456_789, "0.100000000000000000010"
    told = [
        make_trade(price, id=id, instrument=instrument, provider=provider, event_ns=event_ns, recv_ns=at_ns)
        for id, instrument, provider, event_ns in (  # noqa: A001 - the field's name
            (2**63 - 1, "BTC/USDT", "test", at_ns),
            (2**63 - 1, "BTC/USDT", "other", at_ns),
            (2**63 - 1, "ETH/USDT", "test", at_ns),
            (7, "BTC/USDT", "test", at_ns - 1),
            (7, "BTC/USDT", "test", None),
            ("7", "BTC/USDT", "test", at_ns),
        )
    ]
    quotes = [make_quote(event_ns=None, recv_ns=at_ns)] * 2
    return [*told, *quotes, make_trade(price[:-1], id=8, side=None, recv_ns=at_ns, backfilled=True)]
