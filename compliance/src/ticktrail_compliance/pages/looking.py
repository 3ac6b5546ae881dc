"""Open the log of a feed that runs for a page of it, and look at it now and then.

Owns: the log's life beside its writer's, that nothing of it stands on the event loop, and that one thread at a time has
it: SQLite ends the process whose connection is closed by one thread while another reads by it.
Never: shows a content of an entry: counts, times, kinds and numbers alone. Who may see a page is for whoever serves it.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

import anyio
import anyio.to_thread

from ticktrail.errors import AuditError, ConfigError
from ticktrail.plugin import Page, PageContext, Panel
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.store.opening import open_log

__all__ = ["View", "open_page"]

View = Callable[[AuditLog, int], Panel]
"""Shows a log at a moment, UTC nanoseconds; blocking, called by one thread at a time."""

_CLOSE_S = 5.0
"""How long the end of a page may wait for a database that does not answer."""


@asynccontextmanager
async def open_page(
    view: Callable[[], View], settings: ComplianceSettings, context: PageContext
) -> AsyncIterator[Page]:
    """Show what a view sees; the log is opened at the first look, and again after one that failed.

    Args:
        view: Makes the view of one log; a new one each time that the log is opened.
        settings: The feed's.
        context: Says where its file is.
    """
    page = _Looking(view, settings, context)
    try:
        yield page
    finally:
        with anyio.CancelScope(shield=True), anyio.move_on_after(_CLOSE_S):
            await anyio.to_thread.run_sync(page.close, abandon_on_cancel=True)


class _Looking:
    """A page of a log."""

    def __init__(self, view: Callable[[], View], settings: ComplianceSettings, context: PageContext) -> None:
        self._make = view
        self._settings = settings
        self._context = context
        self._log: AuditLog | None = None
        self._view: View | None = None
        self._in_use = threading.Lock()

    async def look(self) -> Panel:
        """Return what is to be shown now."""
        if self._in_use.locked():  # a look that was given up has not come back yet: the database hangs
            return Panel(trouble="the audit log's database does not answer")
        return await anyio.to_thread.run_sync(
            partial(self._look, self._context.clock.now_ns()), abandon_on_cancel=True
        )

    def close(self) -> None:
        """Close the log, if it is open, once nobody looks at it."""
        with self._in_use:
            self._let_go()

    def _let_go(self) -> None:
        log, self._log, self._view = self._log, None, None
        if log is not None:
            log.close()

    def _look(self, now_ns: int) -> Panel:
        with self._in_use:
            return self._seen(now_ns)

    def _seen(self, now_ns: int) -> Panel:
        try:
            if self._log is None or self._view is None:
                self._log = open_log(
                    self._settings, self._context.base_dir, write=False, now_ns=now_ns, warn=_no_key_is_made
                )
                self._view = self._make()
            return self._view(self._log, now_ns)
        except (AuditError, ConfigError) as exc:
            self._let_go()
            return Panel(trouble=str(exc))


def _no_key_is_made(text: str) -> None:
    raise AssertionError(f"a log that is only read makes no key: {text}")
