"""Do something with a log that the log itself must tell of.

Owns: how a command opens a log to write: only one that is there, with its anchors, and never without a trace.
Never: decides what is done.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.access.rights import Action
from ticktrail_compliance.acts import Act, WriterOpened, actor_here
from ticktrail_compliance.anchoring import Anchoring, anchor_paths
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.naming import Named
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.store.appender import Appender
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.store.opening import open_log

__all__ = ["Acting", "acting"]


@dataclass(frozen=True, slots=True)
class Acting:
    """A log that is open to be read and to be written to."""

    log: AuditLog
    appender: Appender
    anchoring: Anchoring

    def record(self, entry_class: EntryClass, *acts: Act) -> int:
        """Add one entry for each act, all or none, and return the number of the last.

        Where the last checkpoint covered all that was there, another one is signed. Otherwise a feed is writing and
        will do so; or one crashed, and its next start has to tell which entries no checkpoint covered.

        Raises:
            AuditError: The log cannot be written, or an anchor cannot.
        """
        entries = self.appender.append([gathered_act(entry_class, act).draft() for act in acts])
        head = self.log.head()
        if head is not None and head.checkpoint_size >= entries[0].header.seq - 1:
            contradicted = self.anchoring.contradicted(self.log)
            if contradicted is not None:
                raise AuditError(contradicted)
            made = self.appender.checkpoint()
            if made is not None:
                self.anchoring.anchor(*made)
        return entries[-1].header.seq


@contextmanager
def acting(named: Named, action: Action, purpose: str) -> Iterator[Acting]:
    """Open a log to write, and tell in it by whom and what for.

    Args:
        named: Which log.
        action: What is done with it.
        purpose: The same in a sentence.

    Raises:
        ConfigError: It is not there, is not as it was sealed, or can only be read; the message says what to do.
        AuditError: It failed later on.
    """
    del action  # nobody is asked for a role yet
    named.open().close()  # to write would make one that is not there
    try:
        log = open_log(named.settings, named.base_dir, write=True, now_ns=time.time_ns(), warn=lambda _: None)
    except ConfigError as exc:
        raise _read_only(exc) from exc
    with log:
        log.wait_for_answers()  # what is written is bounded still; an export reads for long
        head, last = log.state()
        if head is None or head.seq != last:
            raise ConfigError(
                "the log's end is not what was sealed, so nothing is written to it; run `ticktrail audit verify`"
            )
        anchoring = Anchoring(anchor_paths(named.settings, named.base_dir))
        anchoring.resume(log, head)
        try:
            appender = Appender(log, time.time_ns)
            found = Acting(log, appender, anchoring)
            opened = WriterOpened(
                at_ns=time.time_ns(),
                writer=appender.writer,
                actor=actor_here(),
                program=f"ticktrail {version('ticktrail')}",
                purpose=purpose,
            )
            found.record("access", opened)
        except AuditError as exc:
            raise _read_only(exc) from exc
        yield found


def _read_only(exc: Exception) -> ConfigError:
    return ConfigError(
        f"this is told in the log itself, and the log cannot be written: {exc}; give the command as a user who may "
        "write to the log's database"
    )
