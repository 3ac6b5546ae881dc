"""Say which rows of a log are wanted, and which entries can hold one.

Owns: the meaning of an export's filters (docs/reference/audit-format.md).
Never: opens an entry.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from ticktrail_compliance.classes import EntryClass, Outcome
from ticktrail_compliance.entry import Header
from ticktrail_compliance.reading import Range
from ticktrail_compliance.summary import Summary

__all__ = ["Selection", "counts"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which rows; an empty set: no bound, and so a time that is None. Both ends of the times are within."""

    from_ns: int | None = None
    to_ns: int | None = None
    classes: frozenset[EntryClass] = frozenset()
    instruments: frozenset[str] = frozenset()
    providers: frozenset[str] = frozenset()
    outcomes: frozenset[Outcome] = frozenset()

    @property
    def times(self) -> Range:
        """The times alone."""
        return Range(since_ns=self.from_ns, until_ns=self.to_ns)

    @property
    def by_content(self) -> bool:
        """Whether a header alone does not tell if an entry can hold a wanted row."""
        return bool(self.instruments or self.providers or self.outcomes)

    def fits(self, header: Header) -> bool:
        """Tell whether an entry is of these times and classes."""
        return self.times.may_hold(header) and (not self.classes or header.entry_class in self.classes)

    def may_hold(self, summary: Summary) -> bool:
        """Tell whether an entry holds anything of these instruments, providers and outcomes."""
        found = counts(summary)
        return (
            (not self.instruments or not self.instruments.isdisjoint(summary.instruments))
            and (not self.providers or not self.providers.isdisjoint(summary.providers))
            and (not self.outcomes or any(found[outcome] for outcome in self.outcomes))
        )

    def met(self, summary: Summary) -> Mapping[str, frozenset[str]]:
        """Return which of the instruments, providers and outcomes that are asked for an entry holds, by kind."""
        found = counts(summary)
        return {
            "instrument": self.instruments.intersection(summary.instruments),
            "provider": self.providers.intersection(summary.providers),
            "outcome": frozenset(outcome for outcome in self.outcomes if found[outcome]),
        }

    def never(self, met: Mapping[str, Collection[str]]) -> Mapping[str, Sequence[str]]:
        """Return what is asked for and was met in no entry, by kind; kinds of which all was met are left out.

        Args:
            met: What was, by kind.
        """
        asked: Mapping[str, frozenset[str]] = {
            "class": frozenset(self.classes),
            "instrument": self.instruments,
            "provider": self.providers,
            "outcome": frozenset(self.outcomes),
        }
        missing = {kind: sorted(names.difference(met.get(kind, ()))) for kind, names in asked.items()}
        return {kind: names for kind, names in missing.items() if names}

    def holds(self, time_ns: int, row: Mapping[str, object]) -> bool:
        """Tell whether a row is wanted; its entry's class was looked at before."""
        return (
            self.times.holds(time_ns)
            and (not self.instruments or row.get("instrument") in self.instruments)
            and (not self.providers or row.get("provider") in self.providers)
            and (not self.outcomes or row["outcome"] in self.outcomes)
        )


def counts(summary: Summary) -> Mapping[Outcome, int]:
    """Return how many rows of each outcome an entry holds, by its summary."""
    return {
        "event": sum(count for name, count in summary.events.items() if name != "routed"),
        "delivered": summary.delivered,
        "rejected": summary.rejected,
        "suppressed": summary.suppressed,
        "flagged": summary.flagged,
    }
