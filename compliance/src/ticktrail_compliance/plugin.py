"""Declare what this distribution adds to ticktrail: the audit log, and the commands that read it.

Owns: the entry point.
Never: imports a database or a cipher before one is needed.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractAsyncContextManager

import click

from ticktrail.plugin import (
    Observer,
    ObserverContext,
    ObserverSpec,
    Page,
    PageContext,
    PageSpec,
    hookimpl,
    observer_spec,
    page_spec,
)
from ticktrail_compliance.commands import audit
from ticktrail_compliance.incidents.commands import incident
from ticktrail_compliance.programme import compliance
from ticktrail_compliance.reports.commands import report
from ticktrail_compliance.settings import ComplianceSettings

__all__ = ["TICKTRAIL_API", "ticktrail_commands", "ticktrail_observers", "ticktrail_pages"]

TICKTRAIL_API = 1


@hookimpl
def ticktrail_observers() -> Iterable[ObserverSpec]:
    """Declare the observer ``compliance``: the audit log."""
    return [
        observer_spec(
            name="compliance",
            summary="Seal every tick and event in an encrypted, tamper-evident audit log",
            settings=ComplianceSettings,
            open=_open,
            report_key="audit",
            unjournalled=_unjournalled,
            before_delivery=lambda settings: settings.before_delivery,
        )
    ]


@hookimpl
def ticktrail_pages() -> Iterable[PageSpec]:
    """Declare what there is to see of the audit log, and of incidents."""
    return [
        page_spec(
            name="audit",
            title="Audit log",
            table="compliance",
            settings=ComplianceSettings,
            open=_open_audit_page,
        ),
        page_spec(
            name="incidents",
            title="Incidents",
            table="compliance",
            settings=ComplianceSettings,
            open=_open_incidents_page,
            every_s=15.0,
        ),
    ]


@hookimpl
def ticktrail_commands() -> Iterable[click.Command]:
    """Declare ``audit``, ``compliance``, ``incident`` and ``report``."""
    return [audit, compliance, incident, report]


def _unjournalled(settings: ComplianceSettings) -> str | None:
    if settings.journal == "none":
        return (
            'journal: keeps no tick, so that nobody can prove what became of one; write "all", or "rejected"'
        )
    return None


def _open_audit_page(settings: ComplianceSettings, context: PageContext) -> AbstractAsyncContextManager[Page]:
    from ticktrail_compliance.pages.audit import AuditView  # noqa: PLC0415 - `ticktrail check` needs no database
    from ticktrail_compliance.pages.looking import open_page  # noqa: PLC0415 - see above

    return open_page(AuditView, settings, context)


def _open_incidents_page(
    settings: ComplianceSettings, context: PageContext
) -> AbstractAsyncContextManager[Page]:
    from ticktrail_compliance.pages.incidents import IncidentsView  # noqa: PLC0415 - `ticktrail check` needs no database
    from ticktrail_compliance.pages.looking import open_page  # noqa: PLC0415 - see above

    return open_page(IncidentsView, settings, context)


def _open(settings: ComplianceSettings, context: ObserverContext) -> AbstractAsyncContextManager[Observer]:
    from ticktrail_compliance.recording.observer import open_audit  # noqa: PLC0415 - `ticktrail check` needs no database

    return open_audit(settings, context)
