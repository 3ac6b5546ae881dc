"""Say what a hold keeps.

Owns: its scope, and what an entry must be to lie in it, as far as header and summary tell.
Never: reads a log.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.summary import Summary

__all__ = ["Hold"]


class Hold(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept, why, and by whose word.

    Attributes:
        hold_id: Its name.
        from_ns: The earliest time at which a record came, UTC nanoseconds; None: no bound.
        to_ns: The latest, which is within; None: no bound, so that it reaches into the future as well.
        from_seq: The first entry; None: no bound.
        to_seq: The last one.
        classes: Of entries; empty: all, as with the two below.
        instruments: Which.
        providers: Whose.
        incident: The incident for which it is kept; empty: none. It bounds nothing.
        reason: Why.
        reference: The matter, letter or case by which the firm knows it.
        placed_ns: Since when.
        placed_by: Who placed it, as `ticktrail_compliance.access.identity.person` words it.
    """

    hold_id: str
    from_ns: int | None
    to_ns: int | None
    from_seq: int | None = None
    to_seq: int | None = None
    classes: Sequence[EntryClass] = ()
    instruments: Sequence[str] = ()
    providers: Sequence[str] = ()
    incident: str = ""
    reason: str
    reference: str
    placed_ns: int
    placed_by: str

    @property
    def is_by_content(self) -> bool:
        """Whether a header alone does not tell if an entry lies within."""
        return bool(self.instruments or self.providers)

    def is_of(self, entry_class: str) -> bool:
        """Tell whether it keeps entries of a class."""
        return not self.classes or entry_class in self.classes

    def reaches(self, first_ns: int, last_ns: int) -> bool:
        """Tell whether records of these times can lie within."""
        return (self.from_ns is None or last_ns >= self.from_ns) and (
            self.to_ns is None or first_ns <= self.to_ns
        )

    def names(self, summary: Summary) -> bool:
        """Tell whether an entry of its classes and times lies within, by what its summary says that it holds.

        What names no instrument concerns all of them: a leg that went down, a measured clock, a frame that could not be
        read. Such a record may stand beside others that name one; so all but ticks alone lies within. So it is with
        legs; ticks of one may name another leg as well, which a summary does not tell.
        """
        if set(summary.events) - {"routed"}:
            return True
        return self.is_of_instruments(summary) and _meet(self.providers, summary.providers)

    def is_of_instruments(self, summary: Summary) -> bool:
        """Tell whether ticks of an entry may be of its instruments, whoever brought them."""
        return "undecodable" in summary.channels or _meet(self.instruments, summary.instruments)


def _meet(wanted: Collection[str], there: Collection[str]) -> bool:
    return not wanted or not there or not set(wanted).isdisjoint(there)
