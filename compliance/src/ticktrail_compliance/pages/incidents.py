"""Show the incidents that are open, and what is due of them.

Owns: the figures and rows of the page ``incidents``.
Never: shows a title, a detail or a name: those stand encrypted in the log, for who may read it.
"""

from __future__ import annotations

from ticktrail.plugin import Figure, Panel
from ticktrail_compliance.incidents.deadlines import due
from ticktrail_compliance.incidents.register import Register
from ticktrail_compliance.incidents.reminding import time_left
from ticktrail_compliance.store.log import AuditLog

__all__ = ["IncidentsView"]


class IncidentsView:
    """The view of one log's incidents; reads what is new alone."""

    def __init__(self) -> None:
        self._register = Register()

    def __call__(self, log: AuditLog, now_ns: int) -> Panel:
        """Return what there is to see at a moment.

        Raises:
            AuditError: The database failed.
        """
        register = self._register
        register.catch_up(log)
        settings = register.settings
        pending = list(due(register.open, now_ns, settings))
        overdue = sum(one.is_overdue for one in pending)
        unread = register.unreadable
        figures = [
            Figure(
                label="Open",
                value=f"{len(register.open):,}",
                note=f"of {len(register.incidents):,} ever",
                mood="warning" if register.open else "good",
            ),
            Figure(label="Overdue", value=f"{overdue:,}", mood="bad" if overdue else "good"),
        ]
        if unread:
            figures.append(
                Figure(
                    label="Entries that cannot be read",
                    value=f"{unread:,}",
                    mood="bad",
                    note="`ticktrail audit verify`",
                )
            )
        rows = []
        for incident in register.open:
            told = [time_left(one, settings) for one in pending if one.incident == incident.number]
            rows.append(
                (
                    str(incident.number),
                    incident.opened.kind.replace("_", " "),
                    incident.severity,
                    "; ".join(told) or "nothing is due",
                )
            )
        return Panel(figures=figures, columns=("Incident", "Kind", "Severity", "Due"), rows=rows)
