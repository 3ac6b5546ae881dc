"""Each check of the validator kit can fail: one deliberately broken rule a check."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from ticktrail.model import Tick, Trade, Violation
from ticktrail.plugin import Settings, Validator, ValidatorContext, validator_spec
from ticktrail.testing import ValidatorCase, ValidatorConformance, make_quote, make_trade
from unit.testing.broken import expect_all_proven, expect_broken


class TooDear(Violation, frozen=True, tag="too_dear"):
    price: Decimal


class Misnamed(Violation, frozen=True, tag="something_else"):
    price: Decimal


class Limit(Settings, frozen=True):
    dearest: Decimal | bool = Decimal(100)


class Loose(msgspec.Struct, frozen=True):
    dearest: Decimal | bool = Decimal(100)


class Rule:
    def __init__(self, dearest: Decimal) -> None:
        self.dearest = dearest

    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        assert isinstance(tick, Trade)
        price = tick.price
        return TooDear(price=price) if price.is_nan() or price > self.dearest else None


class Raises(Rule):
    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        assert isinstance(tick, Trade)
        return TooDear(price=tick.price) if tick.price > self.dearest else None  # NaN has no order


class LetsAllThrough(Rule):
    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        return None


class RefusesAll(Rule):
    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        return TooDear(price=Decimal(0))


class WrongTag(Rule):
    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        found = super().check(tick, at_ns)
        return None if found is None else Misnamed(price=Decimal(1))


class Shares(Rule):
    poisoned: bool = False

    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        found = super().check(tick, at_ns)
        if found is not None:
            type(self).poisoned = True
        return TooDear(price=Decimal(0)) if self.poisoned else found


class Moody(Rule):
    judges = 0

    def __init__(self, dearest: Decimal) -> None:
        super().__init__(dearest)
        Moody.judges += 1
        self.dearest = dearest + Moody.judges


def case_of(rule: Callable[[Decimal], Validator]) -> ValidatorCase:
    def open_rule(settings: Limit, context: ValidatorContext) -> Validator | None:
        return None if settings.dearest is False else rule(Decimal(settings.dearest))

    spec = validator_spec(name="too_dear", summary="dear", settings=Limit, open=open_rule, ticks=(Trade,))
    return ValidatorCase(
        spec=spec,
        settings=Limit(),
        off=Limit(dearest=False),
        good=[make_trade("1"), make_trade("100")],
        bad=[make_trade("101"), make_trade("102")],
    )


class Jumps:
    """Refuses what is far from the last that was let through; forgets it with the session."""

    def __init__(self, dearest: Decimal) -> None:
        self.dearest = dearest
        self.last: Decimal | None = None

    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        assert isinstance(tick, Trade)
        price = tick.price
        if not price.is_finite():
            return TooDear(price=Decimal(0))
        return TooDear(price=price) if self.last is not None and price > self.last + self.dearest else None

    def accept(self, tick: Tick) -> None:
        assert isinstance(tick, Trade)
        self.last = tick.price

    def begin_session(self) -> None:
        self.last = None


class TakesTheRefused(Jumps):
    def check(self, tick: Tick, at_ns: int) -> Violation | None:
        found = super().check(tick, at_ns)
        if found is not None:
            assert isinstance(tick, Trade)
            self.last = -tick.price
        return found


class RemembersSessions(Jumps):
    def begin_session(self) -> None:
        self.last = Decimal(-1000)


class Learns(Rule):
    def learn(self, price: Decimal | None, size: Decimal | None) -> None:
        pass


class DividesByIncrements(Rule):
    def learn(self, price: Decimal | None, size: Decimal | None) -> None:
        if price is not None:
            assert Decimal(1) / price


def stateful(rule: Callable[[Decimal], Validator]) -> ValidatorCase:
    return replace(
        case_of(rule), good=[make_trade("1"), make_trade("100"), make_trade("150")], bad=[make_trade("251")]
    )


def read_clock(settings: Limit, context: ValidatorContext) -> Validator | None:
    return Rule(Decimal(100 + context.clock.now_ns() * 0))


class TestASoundRule(ValidatorConformance):
    @pytest.fixture
    def case(self) -> ValidatorCase:
        return case_of(Rule)


class TestASoundRuleThatRemembers(ValidatorConformance):
    @pytest.fixture
    def case(self) -> ValidatorCase:
        return stateful(Jumps)


class TestASoundRuleThatLearns(ValidatorConformance):
    @pytest.fixture
    def case(self) -> ValidatorCase:
        return case_of(Learns)


SOUND = case_of(Rule)
BROKEN: list[tuple[str, ValidatorCase]] = [
    ("V01", replace(SOUND, spec=replace(SOUND.spec, settings=Loose), settings=Loose())),  # type: ignore[arg-type]
    ("V02", replace(SOUND, off=Limit())),
    ("V03", case_of(RefusesAll)),
    ("V04", case_of(LetsAllThrough)),
    ("V04", case_of(WrongTag)),
    ("V05", replace(SOUND, good=[make_quote()])),
    ("V06", case_of(Moody)),
    ("V07", case_of(Shares)),
    ("V08", case_of(Raises)),
    ("V09", stateful(TakesTheRefused)),
    ("V10", stateful(RemembersSessions)),
    ("V11", case_of(DividesByIncrements)),
    ("V12", replace(SOUND, spec=replace(SOUND.spec, open=read_clock))),  # type: ignore[arg-type]
]


def test_there_is_a_broken_rule_for_every_law() -> None:
    """No law goes unproven."""
    expect_all_proven(ValidatorConformance, [number for number, _ in BROKEN])


@pytest.mark.parametrize(("number", "case"), BROKEN)
def test_each_law_can_be_broken(number: str, case: ValidatorCase) -> None:
    """The broken rule breaks the law that is about its fault, by its number."""
    expect_broken(ValidatorConformance, number, case)


def test_a_violation_under_another_name_is_found() -> None:
    """Reports count by the rule's name: the tag must be it."""
    with pytest.raises(AssertionError, match="'something_else', not the rule's name"):
        ValidatorConformance().test_refuses_each_bad_tick(case_of(WrongTag))
