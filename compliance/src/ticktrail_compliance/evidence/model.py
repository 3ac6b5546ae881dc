"""Hold what an evidence pack tells: figures and tables, each with how it was computed and what proves it.

Owns: the form of summary.json (docs/reference/evidence-pack.md).
Never: computes a figure, or words one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

import msgspec

__all__ = [
    "Cell",
    "Column",
    "Criterion",
    "Entries",
    "Figure",
    "Kind",
    "Outcome",
    "Period",
    "Section",
    "Summary",
    "Table",
    "entries_of",
    "if_whole",
    "table",
]

NAMED = 50
"""So many entries are named; of more, the first of them and the last one."""

MOST_ROWS = 500
"""A table has no more rows; the others stand in the records."""

Kind: TypeAlias = Literal["text", "count", "time", "seconds", "percent", "ms", "entry", "entries", "file"]
"""What a value is: a time is UTC nanoseconds, ``entry`` a number of one, ``entries`` numbers, ``file`` a path."""

Cell: TypeAlias = str | int | float | None

Outcome: TypeAlias = Literal["met", "missed", "not_recorded"]


class Period(msgspec.Struct, frozen=True):
    """A time, both ends within, UTC nanoseconds."""

    from_ns: int
    to_ns: int

    def holds(self, at_ns: int) -> bool:
        """Tell whether a moment lies within."""
        return self.from_ns <= at_ns <= self.to_ns


class Entries(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of the log that prove something.

    Attributes:
        total: How many there are.
        named: Their numbers; of very many the first ones.
        last: The number of the last one; None: there is none.
    """

    total: int
    named: Sequence[int]
    last: int | None


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: what it is of, its value (None: not recorded), how it was computed, what proves it."""

    id: str
    title: str
    kind: Kind
    value: Cell
    how: str
    entries: Entries


class Criterion(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that is held against what was aimed at."""

    id: str
    title: str
    target: str
    kind: Kind
    value: Cell
    outcome: Outcome
    how: str
    entries: Entries


def if_whole(criterion: Criterion, destroyed: int) -> Criterion:
    """Return a criterion that is not met by what is left: of entries whose contents are gone nobody knows any more.

    Args:
        criterion: Drawn from the entries of a period that can be read.
        destroyed: How many cannot, since their contents were destroyed.
    """
    if not destroyed:
        return criterion
    how = f"{criterion.how}; {destroyed:,} entries of the period count nowhere: their contents were destroyed"
    if criterion.outcome != "met":
        return msgspec.structs.replace(criterion, how=how)
    return msgspec.structs.replace(criterion, how=how, outcome="not_recorded", value=None)


class Column(msgspec.Struct, frozen=True):
    """A column of a table."""

    id: str
    title: str
    kind: Kind = "text"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A table; `left_out` rows more stand in the records alone. `empty` is what is said where it has none."""

    id: str
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    left_out: int = 0
    empty: str = "none"


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One matter."""

    id: str
    title: str
    figures: Sequence[Figure]
    tables: Sequence[Table]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """A whole pack, as it stands at the end of its period.

    Attributes:
        format: The form of this.
        program: What computed it.
        log_id: Of which log.
        verifier_key: The public key that its signatures are checked with.
        firm: Whose, by the policy in force at the end; empty: no policy names it.
        from_ns: The period's first moment.
        to_ns: Its last.
        last_seq: The last entry that tells of the period.
        checkpoint_size: The entries under the checkpoint that all is proven against.
        checkpoint_root: The root of their tree, in hexadecimal digits.
        criteria: What was aimed at, and what was reached.
        sections: Matter by matter.
    """

    format: Literal["ticktrail evidence summary 1"] = "ticktrail evidence summary 1"
    program: str
    log_id: str
    verifier_key: str
    firm: str
    from_ns: int
    to_ns: int
    last_seq: int
    checkpoint_size: int
    checkpoint_root: str
    criteria: Sequence[Criterion]
    sections: Sequence[Section]


def entries_of(seqs: Iterable[int]) -> Entries:
    """Return entries by their numbers, each once, in order."""
    found = sorted(set(seqs))
    return Entries(total=len(found), named=found[:NAMED], last=found[-1] if found else None)


def table(
    name: str, title: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]], *, empty: str = "none"
) -> Table:
    """Return a table of rows, which are bounded."""
    held = list(rows)
    return Table(
        id=name,
        title=title,
        columns=columns,
        rows=held[:MOST_ROWS],
        left_out=max(0, len(held) - MOST_ROWS),
        empty=empty,
    )
