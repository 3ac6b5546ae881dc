"""Seat the judges of one instrument, and see what a finding of each does to the tick.

Owns: which rule a check belongs to, what is a finding at all, and what a rule's own failure means.
Never: judges, or keeps an object that a rule may still change.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

import msgspec

from ticktrail._contracts.known_secrets import without_secrets
from ticktrail._contracts.validator import Action, Severity, StatefulValidator, Validator
from ticktrail._engine.quality import Quality
from ticktrail._engine.quarantine import Quarantine
from ticktrail.model import Tick, Violation

__all__ = ["Accept", "Bench", "Check", "RuleFailed", "Seat", "sealed", "words_of"]

_MOST_WORDS = 500
"""Characters of an error's own message that are kept."""

Check: TypeAlias = Callable[[Tick, int], Violation | None]
Accept: TypeAlias = Callable[[Tick], None]


class RuleFailed(Violation, frozen=True, tag="rule_failed"):
    """The rule `failed` raised: a defect of its own, which says nothing of the tick. It flags, whatever it may do."""

    failed: str
    error: str


class Seat:
    """One judge of one instrument, its rule's name, what its findings do, and how much they matter."""

    __slots__ = ("accept", "action", "check", "judge", "rule", "severity")

    def __init__(self, rule: str, action: Action, severity: Severity, judge: Validator) -> None:
        self.rule = rule
        self.action: Action = action
        self.severity: Severity = severity
        self.judge = judge
        self.check: Check = judge.check
        self.accept: Accept | None = judge.accept if isinstance(judge, StatefulValidator) else None


def words_of(exc: BaseException) -> str:
    """Return what a rule's exception says, in a form that can be recorded; its message is somebody else's code."""
    try:
        said = str(exc)
    except Exception:  # noqa: BLE001 - see above
        said = "its message cannot be read"
    text = without_secrets(f"{type(exc).__name__}: {said}")[:_MOST_WORDS]
    return text.encode("utf-8", "backslashreplace").decode()


def sealed(rule: str, violation: object) -> Violation | Exception:
    """Return a rule's finding as it can be recorded, a copy of it; or what makes it none.

    It is no `Violation` of the rule's own, or holds what neither the audit nor a report could write.
    """
    if not isinstance(violation, Violation):
        return TypeError(f"check returned {type(violation).__name__}, which is no Violation")
    kind = type(violation)
    if kind.__struct_config__.tag != rule:
        return TypeError(
            f"check returned a violation of the tag {kind.__struct_config__.tag!r}; it must be the rule's name"
        )
    try:
        msgspec.json.encode(violation)
        copy: Violation = _decoder(kind).decode(msgspec.msgpack.encode(violation))
    except Exception as exc:  # noqa: BLE001 - what stands in it is somebody else's code
        return exc
    return copy


@cache
def _decoder(kind: type[Violation]) -> msgspec.msgpack.Decoder[Violation]:
    return msgspec.msgpack.Decoder(kind)


class Bench:
    """The judges of one kind of tick of one instrument."""

    __slots__ = ("_all", "accepts", "checks", "quality", "quarantine", "seats")

    def __init__(self, seats: Sequence[Seat], quality: Quality, quarantine: Quarantine) -> None:
        self.quality = quality
        self.quarantine = quarantine
        self._all = tuple(seats)
        self.seats: tuple[Seat, ...] = ()
        self.checks: tuple[Check, ...] = ()
        self.accepts: tuple[Accept, ...] = ()
        self.take(seats)

    def take(self, seats: Sequence[Seat]) -> None:
        """Seat these judges and no others."""
        self.seats = tuple(seats)
        self.checks = tuple(seat.check for seat in seats)
        self.accepts = tuple(seat.accept for seat in seats if seat.accept is not None)

    def dismiss(self, rule: str) -> None:
        """Take the rule's judge off the bench."""
        self.take([seat for seat in self.seats if seat.rule != rule])

    def seat_of(self, call: Check | Accept) -> Seat:
        """Return whose check or accept that is."""
        return next(seat for seat in self._all if seat.check is call or seat.accept is call)

    def without(self, objectors: frozenset[str]) -> Sequence[Accept]:
        """Return how to tell the judges of a tick that went on, but for those who objected to it themselves."""
        return [seat.accept for seat in self.seats if seat.accept is not None and seat.rule not in objectors]
