from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import Decimal

from ticktrail.model import Tick, Trade, Violation
from ticktrail.plugin import (
    Settings,
    Validator,
    ValidatorContext,
    ValidatorSpec,
    hookimpl,
    validator_spec,
)

TICKTRAIL_API = 1
REMEMBERED = 20
CONVINCED = 5


class SizeJumpSettings(Settings, frozen=True):
    """Keys of [validation]: how many times its usual size a trade may have; 0 turns this rule off."""

    max_size_jump: Decimal = Decimal(0)


class SizeJump(Violation, frozen=True, tag="size_jump"):
    """The size, and the mean of those before it."""

    size: Decimal
    usual: Decimal


class SizeJumpJudge:
    """Remembers the sizes of the last trades that were let through."""

    def __init__(self, max_size_jump: Decimal) -> None:
        self._most = max_size_jump
        self._sizes: deque[Decimal] = deque(maxlen=REMEMBERED)
        self._in_a_row = 0

    def check(self, tick: Tick, at_ns: int) -> SizeJump | None:
        """Look, and learn nothing of the tick: another rule may yet refuse it."""
        if type(tick) is not Trade or not tick.size.is_finite() or len(self._sizes) < REMEMBERED:
            return None
        usual = sum(self._sizes, Decimal(0)) / REMEMBERED
        if tick.size <= usual * self._most:
            self._in_a_row = 0
            return None
        self._in_a_row += 1
        if self._in_a_row == CONVINCED:  # it is told of none of these: without this it would object for ever
            self._sizes.clear()
            self._in_a_row = 0
        return SizeJump(size=tick.size, usual=usual)

    def accept(self, tick: Tick) -> None:
        """Remember a trade that was let through."""
        if type(tick) is Trade and tick.size.is_finite():
            self._sizes.append(tick.size)


def open_rule(settings: SizeJumpSettings, context: ValidatorContext) -> Validator | None:
    return SizeJumpJudge(settings.max_size_jump) if settings.max_size_jump else None


@hookimpl
def ticktrail_validators() -> Iterable[ValidatorSpec]:
    return [
        validator_spec(
            name="size_jump",
            summary="a trade above max_size_jump times the usual size",
            settings=SizeJumpSettings,
            open=open_rule,
            ticks=(Trade,),
            action="flag",
        )
    ]
