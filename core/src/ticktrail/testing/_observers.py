"""Check that an observer keeps the contract of `ticktrail.plugin.Observer`.

Owns: the checks; what a case must bring is in `ticktrail.testing._observers_case`.
Never: says what an observer does with what it sees.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from unittest import SkipTest

import anyio

from ticktrail.errors import FeedError
from ticktrail.plugin import (
    Observer,
    ObserverContext,
    Record,
    Troubled,
)
from ticktrail.testing._expect import expect, expect_strict
from ticktrail.testing._feed import run_with_observer
from ticktrail.testing._laws import law
from ticktrail.testing._loop import longest_block_s
from ticktrail.testing._observers_case import ObserverCase, Told
from ticktrail.testing._output import expect_no_secret, kept_output
from ticktrail.testing._records import make_routed, one_of_each_record
from ticktrail.testing._ticks import make_trade

__all__ = ["ObserverCase", "ObserverConformance"]

_DEADLINE_S = 30.0
_CANCELLED_S = 10.0
_LONGEST_BLOCK_S = 0.5
_BATCHES, _TICKS = 1_000, 10
_WORD = re.compile(r"[a-z][a-z0-9_]*")


class ObserverConformance:
    """Subclass, give a `case` fixture that returns an `ObserverCase`, and inherit the checks.

    `backend` is the event loop that the checks run on.
    """

    backend = "trio"

    @law("O01")
    def test_settings_are_strict(self, case: ObserverCase) -> None:
        """Settings are frozen and refuse unknown keys.

        Provoked: the case's settings are read back from their own table, once more with a key that no observer has.
        """
        expect_strict(case.settings, case.spec.settings)

    @law("O02")
    def test_declares_what_holds(self, case: ObserverCase) -> None:
        """What it declares of its settings is pure, and of the right form.

        Provoked: `unjournalled` (None, or ``KEY: what is off``), `before_delivery` (a bool) and `addresses` (URLs by
        keys) are each asked twice, for the case's settings.
        """
        spec, settings = case.spec, case.settings
        keys = set(spec.settings.__struct_fields__)
        for name, ask in (
            ("unjournalled", spec.unjournalled),
            ("before_delivery", spec.before_delivery),
            ("addresses", spec.addresses),
        ):
            if ask is not None:
                said: object = ask(settings)
                expect(
                    ask(settings) == said, f"{spec.name}: {name} says something else when it is asked again"
                )
                expect(_fits(name, said, keys), f"{spec.name}: {name} says {said!r}")

    @law("O03")
    def test_opens_before_there_is_a_status(self, case: ObserverCase) -> None:
        """It opens and closes without a record and before the feed has a status: a feed may end before its first tick.

        Provoked: it is opened with a `status` that gives None, looked at, and closed.
        """

        async def body(observer: Observer) -> None:
            observer.summary()

        try:
            self._run(case, body)
        except Exception as exc:
            raise AssertionError(f"{case.spec.name}: {type(exc).__name__}: {exc}") from exc

    @law("O04")
    def test_takes_every_kind_of_record(self, case: ObserverCase) -> None:
        """Every event, and all that can become of a tick, is taken; how many come at once changes nothing.

        Provoked: one record of each kind, one by one, then all at once.
        """

        async def body(observer: Observer) -> None:
            for record in one_of_each_record():
                await self._observe(case, observer, [record])
            await self._observe(case, observer, one_of_each_record())

        self._run(case, body)

    @law("O05")
    def test_takes_nothing_and_very_much(self, case: ObserverCase) -> None:
        """An empty list is taken, and so is a backlog.

        Provoked: no record, then 1,000 batches of 10 ticks at once.
        """

        async def body(observer: Observer) -> None:
            await self._observe(case, observer, ())
            await self._observe(case, observer, _backlog())

        self._run(case, body)

    @law("O06")
    def test_leaves_the_records_alone(self, case: ObserverCase) -> None:
        """The records that it is given are the feed's: other observers see the same list.

        Provoked: the list is compared with a copy after `observe`.
        """

        async def body(observer: Observer) -> None:
            records = list(one_of_each_record())
            copy = list(records)
            await observer.observe(records)
            expect(records == copy, f"{case.spec.name} changes the list that it is given")

        self._run(case, body)

    @law("O07")
    def test_counts_only_grow(self, case: ObserverCase) -> None:
        """Its summary is counts by plain words, the same ones all the time; all but the declared `levels` only grow.

        Provoked: it is asked before the first record, after each kind of record, and after many ticks.
        """
        told: list[Mapping[str, int]] = []

        async def body(observer: Observer) -> None:
            told.append(dict(observer.summary()))
            for record in one_of_each_record():
                await observer.observe([record])
                told.append(dict(observer.summary()))
            await observer.observe(_backlog())
            told.append(dict(observer.summary()))

        self._run(case, body)
        name = case.spec.name
        expect(case.spec.levels <= told[0].keys(), f"{name} declares levels that its summary lacks")
        for before, now in itertools.pairwise(told):
            expect(
                before.keys() == now.keys(),
                f"{name} counts {sorted(before.keys() ^ now.keys())} only at times",
            )
            for key, count in now.items():
                expect(
                    _WORD.fullmatch(key),
                    f"{name} counts {key!r}: write small letters, digits and underscores",
                )
                expect(type(count) is int and count >= 0, f"{name} counts {key} as {count!r}")
                expect(
                    key in case.spec.levels or count >= before[key],
                    f"{name}: {key} falls from {before[key]} to {count}, and is not among its levels",
                )

    @law("O08")
    def test_closes_after_an_error(self, case: ObserverCase) -> None:
        """The feed's error comes through the observer's closing, alone or in a group with nothing else.

        Provoked: the body of the open observer raises after a record.
        """

        async def body(observer: Observer) -> None:
            await observer.observe([make_routed([make_trade()])])
            raise _FeedBroke

        try:
            self._run(case, body)
        except BaseException as exc:
            others = [one for one in _leaves(exc) if not isinstance(one, _FeedBroke)]
            if others:
                raise AssertionError(
                    f"{case.spec.name} puts {others[0]!r} in the place of the feed's own error, or beside it"
                ) from exc
            return
        raise AssertionError(f"{case.spec.name} swallows the feed's error")

    @law("O09")
    def test_can_be_cancelled(self, case: ObserverCase) -> None:
        """A feed that is cancelled while it observes gets out within ten seconds, and the observer still closes.

        Provoked: `observe` in a scope that is cancelled.
        """

        async def body(observer: Observer) -> None:
            before = anyio.current_time()
            with anyio.CancelScope() as scope:
                scope.cancel()
                await observer.observe([make_routed([make_trade()])])
                await anyio.lowlevel.checkpoint()
            expect(scope.cancelled_caught, f"{case.spec.name} swallows cancellation")
            took = anyio.current_time() - before
            expect(took < _CANCELLED_S, f"{case.spec.name} took {took:.0f} s to be cancelled")

        try:
            self._run(case, body)
        except FeedError as exc:
            raise AssertionError(f"{case.spec.name} puts {exc!r} in the place of the cancellation") from exc

    @law("O10")
    def test_does_not_block_the_loop(self, case: ObserverCase) -> None:
        """Observing leaves the event loop to the legs: what takes long is done in a thread, or in parts.

        Provoked: a backlog of 10,000 ticks beside a task that looks every few milliseconds how long it had to wait; the
        best of three must stay below half a second.
        """
        found: list[float] = []

        async def body(observer: Observer) -> None:
            records = _backlog()
            for _ in range(3):
                found.append(await longest_block_s(lambda: observer.observe(records)))
                if found[-1] < _LONGEST_BLOCK_S:
                    return

        self._run(case, body)
        expect(
            min(found) < _LONGEST_BLOCK_S,
            f"{case.spec.name} holds up the event loop for {min(found):.1f} s: use anyio.to_thread.run_sync",
        )

    @law("O11")
    def test_tells_in_its_own_name(self, case: ObserverCase) -> None:
        """What it tells the bus has its own name, and words; what it warns of is one paragraph.

        Provoked: one record of each kind, and it is looked at what it told until it had closed.
        """
        told = Told()

        async def body(observer: Observer) -> None:
            await observer.observe(one_of_each_record())

        self._run(case, body, told)
        for notice in told.notices:
            expect(
                notice.source == case.spec.name, f"{case.spec.name} tells in the name of {notice.source!r}"
            )
            expect(notice.name and notice.text.strip(), f"{case.spec.name} tells {notice!r}: no words")
        for warning in told.warnings:
            expect(warning.strip() and "\n\n" not in warning, f"{case.spec.name} warns of {warning!r}")

    @law("O12")
    def test_says_what_troubles_it(self, case: ObserverCase) -> None:
        """An observer to which all is well says nothing of trouble.

        Provoked: it is asked before and after one record of each kind.

        Skipped: it has no `trouble`.
        """
        told: list[str] = []

        async def body(observer: Observer) -> None:
            if not isinstance(observer, Troubled):
                raise SkipTest(f"{case.spec.name} cannot go on in trouble: it has no trouble()")
            told.append(observer.trouble())
            await observer.observe(one_of_each_record())
            told.append(observer.trouble())

        self._run(case, body)
        expect(not any(told), f"{case.spec.name} is in trouble, and nothing happened: {told}")

    @law("O13")
    def test_refuses_what_it_cannot_open(self, case: ObserverCase) -> None:
        """An observer that cannot be opened says so at once, as an error of `ticktrail.errors`.

        Provoked: it is opened under `unusable`.

        Skipped: the case has no `unusable`.
        """
        if case.unusable is None:
            raise SkipTest("the case knows no settings that cannot be used (unusable is None)")

        async def body(observer: Observer) -> None:
            del observer

        try:
            self._run(replace(case, settings=case.unusable), body)
        except FeedError as exc:
            expect(str(exc), f"{case.spec.name} refuses without a word")
            expect_no_secret(case.secrets, {"the error": str(exc)}, case.spec.name)
            return
        except Exception as exc:
            raise AssertionError(
                f"{case.spec.name} cannot be opened and raises {exc!r}: raise ConfigError or AuditError from it"
            ) from exc
        raise AssertionError(f"{case.spec.name} opens under settings that cannot be used")

    @law("O14")
    def test_shows_no_secret(self, case: ObserverCase) -> None:
        """No secret is in what it shows of itself, logs, prints, counts, warns of or tells.

        Provoked: one record of each kind; all of that is kept, logs at any level.

        Skipped: the case has no `secrets`.
        """
        if not case.secrets:
            raise SkipTest("its settings refer to no secret (secrets is empty)")
        shown = {"repr of its settings": repr(case.settings)}
        told = Told()

        async def body(observer: Observer) -> None:
            await observer.observe(one_of_each_record())
            shown["repr of the observer"] = f"{observer!r} {observer}"
            shown["its summary"] = repr(observer.summary())

        with kept_output() as output:
            self._run(case, body, told)
        shown |= {
            "its output": output.text(),
            "a warning": "\n".join(told.warnings),
            "a notice": repr(told.notices),
        }
        expect_no_secret(case.secrets, shown, case.spec.name)

    @law("O15")
    def test_a_feed_goes_on_beside_it(self, case: ObserverCase) -> None:
        """A feed that it watches delivers every tick, and ends.

        Provoked: a feed of 300 trades with it and a sound sink.
        """

        def context(told: ObserverContext) -> ObserverContext:
            return replace(told, base_dir=case.base_dir, clock=case.clock)

        try:
            seen = run_with_observer(case.spec, case.settings, context, backend=self.backend)
        except Exception as exc:
            raise AssertionError(f"a feed with {case.spec.name} ends with {exc!r}") from exc
        expect(
            len(seen.given) == seen.expected,
            f"a feed with {case.spec.name} delivers {len(seen.given)} of {seen.expected} ticks",
        )

    async def _observe(self, case: ObserverCase, observer: Observer, records: Sequence[Record]) -> None:
        try:
            await observer.observe(records)
        except Exception as exc:
            kinds = dict.fromkeys(type(record).__name__ for record in records)
            raise AssertionError(f"{case.spec.name} raises {exc!r} over {', '.join(kinds)}") from exc

    def _run(
        self, case: ObserverCase, body: Callable[[Observer], Awaitable[None]], told: Told | None = None
    ) -> None:
        async def session() -> None:
            with anyio.move_on_after(_DEADLINE_S) as scope:
                async with case.spec.open(case.settings, case.context(told or Told())) as observer:
                    await body(observer)
            expect(not scope.cancelled_caught, f"{case.spec.name} was not done after {_DEADLINE_S:.0f} s")

        anyio.run(session, backend=self.backend)


class _FeedBroke(Exception):
    """What ends the feed in a check."""


def _leaves(exc: BaseException) -> Iterator[BaseException]:
    """Yield the errors in a group, or the error itself: an observer may keep tasks of its own."""
    if isinstance(exc, BaseExceptionGroup):
        for one in exc.exceptions:
            yield from _leaves(one)
    else:
        yield exc


def _backlog() -> Sequence[Record]:
    return [
        make_routed([make_trade(id=batch * _TICKS + number) for number in range(_TICKS)])
        for batch in range(1, _BATCHES + 1)
    ]


def _fits(name: str, said: object, keys: set[str]) -> bool:
    match name:
        case "unjournalled":
            return said is None or (isinstance(said, str) and said.partition(":")[0] in keys)
        case "before_delivery":
            return isinstance(said, bool)
        case _:
            return isinstance(said, Mapping) and all(
                str(key).partition(".")[0].partition("[")[0] in keys and "://" in str(url)
                for key, url in said.items()
            )
