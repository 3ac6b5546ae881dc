"""Each check of the validator kit can fail: one deliberately broken rule a check."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest

from ticktrail.model import Tick, Trade, Violation
from ticktrail.plugin import Settings, Validator, ValidatorContext, validator_spec
from ticktrail.testing import ValidatorCase, ValidatorConformance, make_quote, make_trade


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


CHECKS = [name for name in dir(ValidatorConformance) if name.startswith("test_")]


def run(check: str, case: ValidatorCase) -> None:
    getattr(ValidatorConformance(), check)(case)


class TestASoundRule(ValidatorConformance):
    @pytest.fixture
    def case(self) -> ValidatorCase:
        return case_of(Rule)


SOUND = case_of(Rule)
BROKEN: dict[str, ValidatorCase] = {
    "test_settings_are_strict": replace(SOUND, spec=replace(SOUND.spec, settings=Loose), settings=Loose()),  # type: ignore[arg-type]
    "test_false_turns_it_off": replace(SOUND, off=Limit()),
    "test_lets_good_ticks_through": case_of(RefusesAll),
    "test_refuses_each_bad_tick": case_of(LetsAllThrough),
    "test_declares_what_it_judges": replace(SOUND, good=[make_quote()]),
    "test_the_same_ticks_give_the_same_verdicts": case_of(Moody),
    "test_judges_share_nothing": case_of(Shares),
    "test_never_raises": case_of(Raises),
}


def test_there_is_a_broken_rule_for_every_check() -> None:
    """No check goes unproven."""
    assert sorted(BROKEN) == sorted(CHECKS)


@pytest.mark.parametrize("check", sorted(BROKEN))
def test_each_check_can_fail(check: str) -> None:
    """The broken rule fails the check that is about its fault."""
    with pytest.raises(AssertionError):
        run(check, BROKEN[check])


def test_a_violation_under_another_name_is_found() -> None:
    """Reports count by the rule's name: the tag must be it."""
    with pytest.raises(AssertionError, match="'something_else', not the rule's name"):
        run("test_refuses_each_bad_tick", case_of(WrongTag))
