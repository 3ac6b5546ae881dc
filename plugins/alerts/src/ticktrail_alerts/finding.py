"""Say what is not as it should be at one moment, and what can find it.

Owns: `Finding`, and the base of every condition.
Never: knows time beyond what it is given, or tells anybody.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, Generic, Literal, TypeAlias, TypeVar

from ticktrail.plugin import Record
from ticktrail.status import FeedStatus
from ticktrail.text import one_line
from ticktrail_alerts.rule_settings import RuleSettings, Severity

__all__ = ["RANK", "Condition", "Finding", "Key", "Look", "Rule", "exceeds"]

R = TypeVar("R", bound=RuleSettings)

Key: TypeAlias = tuple[str, str]
"""By what alerts are told apart: the rule, and what it is about."""

RANK: Final[dict[Literal["information", "warning", "critical"], int]] = {
    "information": 0,
    "warning": 1,
    "critical": 2,
}

_MARGIN: Final = 0.9
_MOST_ABOUT: Final = 200
_MOST_TEXT: Final = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that is not as it should be, now.

    Attributes:
        rule: Who found it.
        about: What it is about: a leg, an instrument, a path; empty where there is only one.
        severity: How much it matters.
        text: It, in a sentence.
        after_s: How long it must hold before anybody is told.
        clear_s: How long it must be gone before it counts as over.
    """

    rule: str
    about: str
    severity: Severity
    text: str
    after_s: float
    clear_s: float

    @property
    def key(self) -> Key:
        """By what it is told apart from others."""
        return self.rule, self.about


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a feed.

    Attributes:
        status: How it stands.
        mono_ns: When that is.
        holds: Tells of which keys an alert holds already: a limit is then left later than it was passed.
    """

    status: FeedStatus
    mono_ns: int
    holds: Callable[[Key], bool]


class Rule(ABC):
    """One rule of one feed.

    Attributes:
        name: The rule's key in ``[alerts.rules]``.
        hears: The records that it is given; the others are not worth a call.
        is_of_legs: It looks at what legs do, which is no news any more once the feed stops.
    """

    name: ClassVar[str]
    hears: ClassVar[tuple[type, ...]] = ()
    is_of_legs: ClassVar[bool] = False

    def hear(self, _record: Record, _mono_ns: int, /) -> None:
        """Take in one of the records that it `hears`."""
        raise NotImplementedError

    @abstractmethod
    def look(self, look: Look, /) -> Iterable[Finding]:
        """Return what is not as it should be now; one finding for each that it is about."""


class Condition(Rule, Generic[R]):
    """The base of our rules: its settings, and the form of its findings."""

    def __init__(self, settings: R) -> None:
        self.settings = settings

    def exceeds(self, value: float, limit: float, look: Look, *, about: str = "") -> bool:
        """Tell whether a value is above its limit; one that was is so until it is below nine tenths of it."""
        return exceeds(value, limit, is_held=look.holds((self.name, about)))

    def find(self, text: str, *, about: str = "", severity: Severity | None = None) -> Finding:
        """Return a finding of this rule; long texts are cut, and hold nothing that a line or a mail cannot."""
        return Finding(
            rule=self.name,
            about=_cut(one_line(about), _MOST_ABOUT),
            severity=severity or self.settings.severity,
            text=_cut(one_line(text), _MOST_TEXT),
            after_s=self.settings.after_s,
            clear_s=self.settings.clear_s,
        )


def exceeds(value: float, limit: float, *, is_held: bool) -> bool:
    """Tell whether a value is above its limit; one that was is so until it is below nine tenths of it."""
    return value > (limit * _MARGIN if is_held else limit)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
