"""Tell which data keys of a log were destroyed, so that a reader can go on without what they sealed.

Owns: when a key that is gone counts as destroyed, and not as lost or changed: an entry tells of it, and no later one
that it was withheld.
Never: destroys one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import click

from ticktrail_compliance.acts import DestructionWithheld, KeysDestroyed
from ticktrail_compliance.entry import Header, Unsealed
from ticktrail_compliance.reading import Range, entry_of, open_records, rows_of
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.words import counted

__all__ = ["DestroyedKeys", "LeftOut", "Legible", "destroyed_keys"]

MISSING = 1
"""The status of a command that could not show all that it should have."""


class DestroyedKeys:
    """The data keys of a log that were destroyed; the log is read for them once one is gone.

    Args:
        log: Open to read.
    """

    def __init__(self, log: AuditLog) -> None:
        self._log = log
        self._told: Mapping[int, int] | None = None
        self._by_rule: set[int] = set()
        self._taken_out: dict[int, bool] = {}

    def by_rule(self, key_id: int) -> bool:
        """Tell whether a key is gone, and an entry of the log tells that it was destroyed."""
        if key_id in self._by_rule:
            return True
        if self._log.keys.find(key_id) is not None:
            return False
        if self._told is None:
            self._told = destroyed_keys(self._log)
        if key_id in self._told:
            self._by_rule.add(key_id)
        return key_id in self._told

    def at_all(self, key_id: int) -> bool:
        """Tell whether a key was destroyed, by the log's word or by the key store's alone."""
        if self.by_rule(key_id):
            return True
        if key_id not in self._taken_out:
            self._taken_out[key_id] = self._log.keys.is_destroyed(key_id)
        return self._taken_out[key_id]


class LeftOut:
    """The entries that a reader passes over since their contents were destroyed: told of at the end, and no error.

    Args:
        log: Open to read.

    Attributes:
        entries: How many there were so far.
    """

    def __init__(self, log: AuditLog) -> None:
        self._keys = DestroyedKeys(log)
        self.entries = 0

    def passes_over(self, header: Header) -> bool:
        """Tell whether an entry is to be passed over, and count it then."""
        gone = self._keys.at_all(header.key_id)
        self.entries += gone
        return gone

    def told(self) -> str | None:
        """Return what a reader is told at the end; None: nothing was left out."""
        if not self.entries:
            return None
        if self.entries == 1:
            return "1 entry was left out: its contents were destroyed"
        return f"{self.entries:,} entries were left out: their contents were destroyed"


class Legible(LeftOut):
    """The same, and the entries whose data keys are missing: for a reader who wants whatever can be opened.

    Attributes:
        lost: How many there were so far, by class.
    """

    def __init__(self, log: AuditLog) -> None:
        super().__init__(log)
        self.lost: Counter[str] = Counter()
        self._log = log
        self._missing: dict[int, bool] = {}

    def passes_over(self, header: Header) -> bool:
        """Tell whether an entry is to be passed over, and count it then; one whose key was changed is not."""
        if super().passes_over(header):
            return True
        if header.key_id not in self._missing:
            self._missing[header.key_id] = self._log.keys.is_missing(header.key_id)
        self.lost[header.entry_class] += self._missing[header.key_id]
        return self._missing[header.key_id]

    def told(self) -> str | None:
        """Return what a reader is told at the end; None: nothing was left out."""
        parts = [] if (gone := super().told()) is None else [gone]
        parts += [
            f"{counted(count, 'entry', 'entries')} of class {name} cannot be read: the data keys are missing from the "
            "key store; put it back from its backup, and run `ticktrail audit verify`"
            for name, count in sorted(self.lost.items())
            if count
        ]
        return "; ".join(parts) or None

    def tell(self) -> None:
        """Tell a person on standard error what was left out.

        Raises:
            SystemExit: With status 1 where something is missing that no rule took away: what was shown is not all.
        """
        if told := self.told():
            click.echo(told, err=True)
        if any(self.lost.values()):
            raise SystemExit(MISSING)


def destroyed_keys(log: AuditLog) -> Mapping[int, int]:
    """Return the data keys of which an entry of the log tells that they are destroyed, each with that entry's number.

    A key that was told of and then withheld is none of them.
    Entries that cannot be opened tell nothing; that is a finding of their own.
    """
    told: dict[int, int] = {}
    wanted = Range(classes=frozenset({"retention"}))
    for row in rows_of(log, wanted):
        try:
            records = open_records(entry_of(log.log_id, row), log.keys.find)
        except (Unsealed, ValueError):
            continue
        for record in records:
            if isinstance(record, KeysDestroyed):
                for key_id in record.key_ids:
                    told.setdefault(key_id, row.seq)
            elif isinstance(record, DestructionWithheld):
                for key_id in record.key_ids:
                    told.pop(key_id, None)
    return told
