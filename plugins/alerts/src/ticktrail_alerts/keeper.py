"""Keep the state file of one feed while it runs.

Owns: that one process has it at a time, and what is wrong with it.
Never: halts the feed where it cannot be written.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import anyio
import anyio.to_thread

from ticktrail.claim import claim_file
from ticktrail.errors import ConfigError
from ticktrail.plugin import ObserverContext
from ticktrail_alerts.settings import AlertSettings
from ticktrail_alerts.state import KeptState, read_state, write_state

__all__ = ["Keeper", "open_keeper", "state_path"]

WRITE_S: Final = 5.0
"""How long one write may take; the feed's end waits for the last one."""


class Keeper:
    """The state file of a feed that runs.

    Attributes:
        path: The file.
        kept: What the last run left.
        trouble: Why it cannot be written; empty where it can.
    """

    def __init__(self, path: Path, kept: KeptState, warn: Callable[[str], None]) -> None:
        self.path = path
        self.kept = kept
        self.trouble = ""
        self._warn = warn
        self._limiter = anyio.CapacityLimiter(1)

    async def write(self, state: KeptState) -> bool:
        """Write the state; tells whether it is on the disk. Is not cancelled, and takes `WRITE_S` at the most."""
        trouble = f"not done within {WRITE_S:g} s"
        with anyio.move_on_after(WRITE_S, shield=True):
            try:
                await anyio.to_thread.run_sync(
                    write_state, self.path, state, abandon_on_cancel=True, limiter=self._limiter
                )
                trouble = ""
            except OSError as exc:
                trouble = exc.strerror or type(exc).__name__
            except ValueError as exc:  # a text that has no form in UTF-8
                trouble = str(exc)
        if trouble and not self.trouble:
            self._warn(
                f"alerts: the state {self.path} cannot be written ({trouble}): what holds is told anew after a "
                f"restart, and what waits is lost; make room, or name another file by state = … in [alerts]"
            )
        self.trouble = f"the state {self.path} cannot be written ({trouble})" if trouble else ""
        return not trouble


@contextmanager
def open_keeper(settings: AlertSettings, context: ObserverContext) -> Iterator[Keeper]:
    """Claim the state file of a feed, and read what the last run left.

    Raises:
        ConfigError: It cannot be read, is another feed's, or another process has it.
    """
    path = state_path(settings, context.base_dir, context.feed)
    try:
        claim = claim_file(path.with_name(path.name + ".lock"))
    except OSError as exc:
        raise ConfigError(
            f"{path}: the state of the alerts cannot be kept there ({exc.strerror}); name a file in a folder that is "
            f"there, by state = … in [alerts]"
        ) from exc
    if claim is None:
        raise ConfigError(
            f"{path}: another process keeps its alerts in this file; end it, or name another by state = … in [alerts]"
        )
    try:
        yield Keeper(path, read_state(path, context.feed), context.warn)
    finally:
        claim.release()


def state_path(settings: AlertSettings, base_dir: Path, feed: str) -> Path:
    """Return where the state of a feed's alerts is kept."""
    if settings.state is not None:
        return base_dir / settings.state
    return base_dir / f"alerts-{re.sub(r'[^A-Za-z0-9._-]', '_', feed)}.json"
