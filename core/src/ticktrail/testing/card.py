"""The report card of a plugin: which laws of the kit it keeps, breaks, or is not bound by.

Owns: `Card` and its parts, its JSON form, and the line that stands for a suite.
Never: runs a check; `ticktrail.testing.pytest_plugin` fills the card.
"""

from __future__ import annotations

from collections import Counter
from typing import Literal, TypeAlias

import msgspec

__all__ = ["Card", "LawCard", "Outcome", "SuiteCard"]

Outcome: TypeAlias = Literal["kept", "broken", "skipped"]
"""What became of a law: the checks found nothing; one of them failed; it does not apply, and the detail says why."""


class LawCard(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one law in one suite.

    Attributes:
        number: Such as ``P07``.
        what: What must hold, in a sentence.
        outcome: Whether it held.
        detail: Why it was skipped, or what was seen where it broke; empty where it was kept.
    """

    number: str
    what: str
    outcome: Outcome
    detail: str = ""


class SuiteCard(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the laws of one suite, by number.

    Attributes:
        suite: The class in the test file.
        kind: Of the plugin: ``provider``, ``history``, ``validator``, ``sink``, ``route``, ``observer``.
        name: Of the plugin; empty where its case could not be made.
        laws: Those that were checked or skipped.
    """

    suite: str
    kind: str
    name: str
    laws: tuple[LawCard, ...]

    def numbers(self, outcome: Outcome) -> tuple[str, ...]:
        """Return the numbers of the laws with this outcome, in order."""
        return tuple(law.number for law in self.laws if law.outcome == outcome)

    def line(self) -> str:
        """Return what stands in a terminal, such as ``TestAcme  provider acme: 21 kept, 1 broken: P07``."""
        counts = Counter(law.outcome for law in self.laws)
        parts = [f"{counts['kept']} kept"]
        if counts["skipped"]:
            parts.append(f"{counts['skipped']} skipped")
        if counts["broken"]:
            parts.append(f"{counts['broken']} broken: {', '.join(self.numbers('broken'))}")
        whom = f"{self.kind} {self.name}".strip()
        return f"{self.suite}  {whom}: {', '.join(parts)}"


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What the kit found about a plugin distribution.

    Attributes:
        ticktrail: The version of ticktrail whose laws these are.
        api: Its API version.
        suites: In the order in which they ran.
        refused: Why no feed could load the plugins; no law is tried then.
    """

    ticktrail: str
    api: int
    suites: tuple[SuiteCard, ...] = ()
    refused: tuple[str, ...] = ()

    @property
    def conforms(self) -> bool:
        """Whether something was checked, nothing is broken, and a feed could load it."""
        outcomes = {law.outcome for suite in self.suites for law in suite.laws}
        return "kept" in outcomes and "broken" not in outcomes and not self.refused

    def encode(self) -> bytes:
        """Return it as indented JSON, with ``conforms`` beside its fields."""
        return msgspec.json.format(
            msgspec.json.encode({**msgspec.structs.asdict(self), "conforms": self.conforms})
        )

    @classmethod
    def decode(cls, text: bytes | str) -> Card:
        """Return the card that `encode` wrote.

        Raises:
            msgspec.DecodeError: It is no card.
        """
        return msgspec.json.decode(text, type=cls)
