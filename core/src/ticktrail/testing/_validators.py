"""Check that a rule keeps the contract of `ticktrail.plugin.Validator`.

Owns: the checks, and what a case must bring.
Never: says which limits are right; the case's own good and bad ticks do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import msgspec

from ticktrail.model import InstrumentId, ProviderId, Tick, Violation
from ticktrail.plugin import Clock, Settings, StatefulValidator, Validator, ValidatorContext, ValidatorSpec
from ticktrail.testing._clock import ManualClock
from ticktrail.testing._expect import expect, expect_strict
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
        return ValidatorContext(
            provider=ProviderId(PROVIDER),
            instrument=InstrumentId(INSTRUMENT),
            clock=self.clock,
            consecutive_ids=self.consecutive_ids,
        )


class ValidatorConformance:
    """Subclass, give a `case` fixture that returns a `ValidatorCase`, and inherit the checks."""

    def test_settings_are_strict(self, case: ValidatorCase) -> None:
        """Settings are frozen and refuse unknown keys; every key has a default."""
        expect_strict(case.settings, case.spec.settings)
        expect(case.spec.settings() is not None, f"{case.spec.name}: its settings need defaults")

    def test_false_turns_it_off(self, case: ValidatorCase) -> None:
        """A rule that is off gives no judge, so that it costs nothing."""
        expect(not case.opens(case.off), f"{case.spec.name} judges although its settings turn it off")

    def test_lets_good_ticks_through(self, case: ValidatorCase) -> None:
        """No good tick is refused: a false alarm is as bad as a miss."""
        expect(case.good, "the case brings no good ticks")
        for tick, found in zip(case.good, _judge_all(case.judge(), case.good), strict=True):
            expect(found is None, f"{case.spec.name} refuses a good tick: {tick} for {found}")

    def test_refuses_each_bad_tick(self, case: ValidatorCase) -> None:
        """Each bad tick is refused, with a violation that carries the rule's name."""
        expect(case.bad, "the case brings no bad ticks")
        for tick in case.bad:
            found = _seasoned(case).check(tick, tick.recv_ns)
            if found is None:
                raise AssertionError(f"{case.spec.name} lets a bad tick through: {tick}")
            _expect_violation(case.spec.name, found)

    def test_declares_what_it_judges(self, case: ValidatorCase) -> None:
        """The case's ticks are of the kinds that the rule says it judges."""
        expect(case.spec.ticks, f"{case.spec.name} judges no kind of tick")
        for tick in (*case.good, *case.bad):
            kind = type(tick).__name__
            expect(
                isinstance(tick, case.spec.ticks), f"{case.spec.name} does not declare that it judges {kind}"
            )

    def test_the_same_ticks_give_the_same_verdicts(self, case: ValidatorCase) -> None:
        """A verdict depends on settings, ticks and times alone: two judges agree, tick for tick."""
        ticks = (*case.good, *case.bad, *case.good)
        expect(
            _judge_all(case.judge(), ticks) == _judge_all(case.judge(), ticks),
            f"{case.spec.name}: two judges differ over the same ticks",
        )

    def test_judges_share_nothing(self, case: ValidatorCase) -> None:
        """What one judge saw does not change what another says."""
        alone = _judge_all(case.judge(), case.good)
        one, other = case.judge(), case.judge()
        _judge_all(other, case.bad)
        expect(
            _judge_all(one, case.good) == alone,
            f"{case.spec.name}: one judge's ticks change another's verdicts",
        )

    def test_never_raises(self, case: ValidatorCase) -> None:
        """Bad data is a value: no number, however odd, makes a rule raise."""
        judge = _seasoned(case)
        for tick in _odd_ticks(case.spec.ticks):
            try:
                found = judge.check(tick, tick.recv_ns)
            except Exception as exc:
                raise AssertionError(f"{case.spec.name} raises {exc!r} over {tick}") from exc
            if found is not None:
                _expect_violation(case.spec.name, found)


def _judge_all(judge: Validator, ticks: Sequence[Tick]) -> Sequence[Violation | None]:
    found = []
    for tick in ticks:
        verdict = judge.check(tick, tick.recv_ns)
        if verdict is None and isinstance(judge, StatefulValidator):
            judge.accept(tick)
        found.append(verdict)
    return found


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
