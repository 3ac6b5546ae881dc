"""Check that a rule keeps the contract of `ticktrail.plugin.Validator`.

Owns: the checks, and what a case must bring.
Never: says which limits are right; the case's own good and bad ticks do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from unittest import SkipTest

import msgspec

from ticktrail.model import InstrumentId, ProviderId, Tick, Violation
from ticktrail.plugin import (
    Clock,
    IncrementValidator,
    SessionValidator,
    Settings,
    StatefulValidator,
    Validator,
    ValidatorContext,
    ValidatorSpec,
)
from ticktrail.testing._clock import ManualClock
from ticktrail.testing._expect import expect, expect_strict
from ticktrail.testing._laws import law
from ticktrail.testing._ticks import INSTRUMENT, PROVIDER, one_of_each

__all__ = ["ValidatorCase", "ValidatorConformance"]

_ODD = tuple(Decimal(text) for text in ("NaN", "sNaN", "Infinity", "-Infinity", "0", "-1", "1E-30", "9E+30"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorCase:
    """One rule under given settings.

    Attributes:
        spec: As the plugin declares it.
        settings: Turn the rule on.
        off: Settings that turn it off.
        good: Ticks that one judge lets through, in this order; judged at their own `recv_ns`.
        bad: Ticks of which each is refused by a judge that has seen all of `good`.
        clock: What the rule is given.
        consecutive_ids: What the rule is told of its leg's ids.
    """

    spec: ValidatorSpec
    settings: Settings
    off: Settings
    good: Sequence[Tick]
    bad: Sequence[Tick]
    clock: Clock = field(default_factory=ManualClock)
    consecutive_ids: bool = False

    def judge(self) -> Validator:
        """Return a new judge of one instrument on one leg."""
        judge = self.spec.open(self.settings, self._context())
        if judge is None:
            raise AssertionError(f"{self.spec.name}: the settings that should turn the rule on turn it off")
        return judge

    def opens(self, settings: Settings) -> bool:
        """Tell whether the rule takes part under these settings."""
        return self.spec.open(settings, self._context()) is not None

    def _context(self) -> ValidatorContext:
        legs = dict.fromkeys(tick.provider for tick in (*self.good, *self.bad))
        is_of_a_leg = self.spec.scope == "leg"
        return ValidatorContext(
            provider=ProviderId(PROVIDER) if is_of_a_leg else None,
            legs=(ProviderId(PROVIDER),) if is_of_a_leg else tuple(legs),
            instrument=InstrumentId(INSTRUMENT),
            clock=self.clock,
            consecutive_ids=self.consecutive_ids,
        )


class ValidatorConformance:
    """Subclass, give a `case` fixture that returns a `ValidatorCase`, and inherit the checks."""

    @law("V01")
    def test_settings_are_strict(self, case: ValidatorCase) -> None:
        """Settings are frozen and refuse unknown keys; every key has a default.

        Provoked: the case's settings are read back from their own table, once more with a key that no rule has, and
        made without any key.
        """
        expect_strict(case.settings, case.spec.settings)
        expect(case.spec.settings() is not None, f"{case.spec.name}: its settings need defaults")

    @law("V02")
    def test_false_turns_it_off(self, case: ValidatorCase) -> None:
        """A rule that is off gives no judge, so that it costs nothing.

        Provoked: it is opened under the case's `off`.
        """
        expect(not case.opens(case.off), f"{case.spec.name} judges although its settings turn it off")

    @law("V03")
    def test_lets_good_ticks_through(self, case: ValidatorCase) -> None:
        """No good tick is refused: a false alarm is as bad as a miss.

        Provoked: one judge sees all of `good`, in order.
        """
        expect(case.good, "the case brings no good ticks")
        for tick, found in zip(case.good, _judge_all(case.judge(), case.good), strict=True):
            expect(found is None, f"{case.spec.name} refuses a good tick: {tick} for {found}")

    @law("V04")
    def test_refuses_each_bad_tick(self, case: ValidatorCase) -> None:
        """Each bad tick is refused, with a frozen violation that carries the rule's name.

        Provoked: each of `bad` is shown to a judge of its own that has seen all of `good`.
        """
        expect(case.bad, "the case brings no bad ticks")
        for tick in case.bad:
            found = _seasoned(case).check(tick, tick.recv_ns)
            if found is None:
                raise AssertionError(f"{case.spec.name} lets a bad tick through: {tick}")
            _expect_violation(case.spec.name, found)

    @law("V05")
    def test_declares_what_it_judges(self, case: ValidatorCase) -> None:
        """The kinds of tick that it judges are those that it declares.

        Provoked: each tick of the case is compared with the declaration.
        """
        expect(case.spec.ticks, f"{case.spec.name} judges no kind of tick")
        for tick in (*case.good, *case.bad):
            kind = type(tick).__name__
            expect(
                isinstance(tick, case.spec.ticks), f"{case.spec.name} does not declare that it judges {kind}"
            )

    @law("V06")
    def test_the_same_ticks_give_the_same_verdicts(self, case: ValidatorCase) -> None:
        """A verdict depends on settings, ticks and times alone.

        Provoked: two judges see the same ticks, good, bad and good again.
        """
        ticks = (*case.good, *case.bad, *case.good)
        expect(
            _judge_all(case.judge(), ticks) == _judge_all(case.judge(), ticks),
            f"{case.spec.name}: two judges differ over the same ticks",
        )

    @law("V07")
    def test_judges_share_nothing(self, case: ValidatorCase) -> None:
        """What one judge saw does not change what another says.

        Provoked: one sees all of `bad` before the other sees `good`.
        """
        alone = _judge_all(case.judge(), case.good)
        one, other = case.judge(), case.judge()
        _judge_all(other, case.bad)
        expect(
            _judge_all(one, case.good) == alone,
            f"{case.spec.name}: one judge's ticks change another's verdicts",
        )

    @law("V08")
    def test_never_raises(self, case: ValidatorCase) -> None:
        """Bad data is a value: no number, however odd, makes a rule raise.

        Provoked: each kind that it judges, with NaN, infinities, zero, the very small and the very large in each
        decimal field in turn.
        """
        judge = _seasoned(case)
        for tick in _odd_ticks(case.spec.ticks):
            try:
                found = judge.check(tick, tick.recv_ns)
            except Exception as exc:
                raise AssertionError(f"{case.spec.name} raises {exc!r} over {tick}") from exc
            if found is not None:
                _expect_violation(case.spec.name, found)

    @law("V09")
    def test_a_refused_tick_is_no_reference(self, case: ValidatorCase) -> None:
        """What a rule refused once does not change what it says of others: it remembers what `accept` brings.

        Provoked: a judge that has seen `good` is shown one of `bad`, then `good` again; another is not shown it.

        Skipped: the rule has no `accept`.
        """
        if not isinstance(case.judge(), StatefulValidator):
            raise SkipTest(f"{case.spec.name} compares with nothing: it has no accept()")
        usual = _passed(_judge_all(_seasoned(case), case.good))
        for tick in case.bad:
            judge = _seasoned(case)
            judge.check(tick, tick.recv_ns)
            expect(
                _passed(_judge_all(judge, case.good)) == usual,
                f"{case.spec.name} judges other ticks by one that it refused: {tick}",
            )

    @law("V10")
    def test_a_session_begins_anew(self, case: ValidatorCase) -> None:
        """A rule whose memory ends with the leg's session forgets: the venue may repeat what it sent.

        Provoked: a judge that has seen `good` and `bad` begins a session, and sees `good` again.

        Skipped: the rule has no `begin_session`.
        """
        judge = _seasoned(case)
        if not isinstance(judge, SessionValidator):
            raise SkipTest(f"{case.spec.name} keeps its memory: it has no begin_session()")
        for tick in case.bad:
            judge.check(tick, tick.recv_ns)
        judge.begin_session()
        for tick, found in zip(case.good, _judge_all(judge, case.good), strict=True):
            expect(found is None, f"{case.spec.name} remembers an earlier session: {tick} for {found}")

    @law("V11")
    def test_takes_any_increments(self, case: ValidatorCase) -> None:
        """A rule that learns increments takes none at all, and whatever a venue may state.

        Provoked: it learns nothing, one of the two, zero, a negative and a very small and a very large step, and sees
        `good` behind each.

        Skipped: the rule has no `learn`.
        """
        judge = case.judge()
        if not isinstance(judge, IncrementValidator):
            raise SkipTest(f"{case.spec.name} learns no increments: it has no learn()")
        steps = (None, *(Decimal(text) for text in ("0", "-1", "1E-30", "9E+30", "0.01")))
        for step in steps:
            for price, size in ((step, None), (None, step), (step, step)):
                try:
                    judge.learn(price, size)
                    _judge_all(judge, case.good)
                except Exception as exc:
                    raise AssertionError(
                        f"{case.spec.name} raises {exc!r} over increments of {price}, {size}"
                    ) from exc

    @law("V12")
    def test_reads_no_clock(self, case: ValidatorCase) -> None:
        """Time arrives as an argument: of the clock a rule reads the measured offset alone.

        Provoked: the judge is opened with a clock that has an offset, and does not tell the time.
        """
        untold = replace(case, clock=_Untold(case.clock.offset_ns))
        ticks = (*case.good, *case.bad)
        try:
            found = _judge_all(untold.judge(), ticks)
        except _ClockReadError as exc:
            raise AssertionError(
                f"{case.spec.name} reads the clock: a replay would judge otherwise; take at_ns of check()"
            ) from exc
        expect(
            found == _judge_all(case.judge(), ticks),
            f"{case.spec.name}: another clock with the same offset changes its verdicts",
        )


class _ClockReadError(Exception):
    """A rule asked what time it is."""


class _Untold:
    """A clock whose offset may be read."""

    def __init__(self, offset_ns: int | None) -> None:
        self.offset_ns = offset_ns

    def now_ns(self) -> int:
        raise _ClockReadError

    def mono_ns(self) -> int:
        raise _ClockReadError


def _judge_all(judge: Validator, ticks: Sequence[Tick]) -> Sequence[Violation | None]:
    found = []
    for tick in ticks:
        verdict = judge.check(tick, tick.recv_ns)
        if verdict is None and isinstance(judge, StatefulValidator):
            judge.accept(tick)
        found.append(verdict)
    return found


def _passed(verdicts: Sequence[Violation | None]) -> Sequence[bool]:
    return [found is None for found in verdicts]


def _seasoned(case: ValidatorCase) -> Validator:
    judge = case.judge()
    _judge_all(judge, case.good)
    return judge


def _expect_violation(name: str, found: Violation) -> None:
    expect(isinstance(found, Violation), f"{name} gives {type(found).__name__}, which is no Violation")
    expect(type(found).__struct_config__.frozen, f"{name}: {type(found).__name__} is not frozen")
    told = msgspec.json.decode(msgspec.json.encode(found))
    expect(
        told.get("rule") == name, f"{name}: its violation's tag is {told.get('rule')!r}, not the rule's name"
    )


def _odd_ticks(kinds: tuple[type[Tick], ...]) -> Sequence[Tick]:
    """Return ticks of these kinds with odd numbers in each decimal field in turn."""
    return [
        msgspec.structs.replace(tick, **{name: odd})
        for tick in one_of_each()
        if isinstance(tick, kinds)
        for name in tick.__struct_fields__
        if isinstance(getattr(tick, name), Decimal)
        for odd in _ODD
    ]
