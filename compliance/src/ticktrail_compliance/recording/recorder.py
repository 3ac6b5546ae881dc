"""Write what a feed tells into its log: the part that blocks, for one worker thread.

Owns: the order of a writer's acts: what a crash left is sealed first, then the feed's own; every checkpoint goes to
every anchor; and where what cannot be written is kept.
Never: knows an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from ticktrail.errors import AuditError, ConfigError
from ticktrail.events import ClockMeasured
from ticktrail.plugin import Clock
from ticktrail.tracing import span
from ticktrail_compliance.acts import TailSealed, WriterOpened, actor_here
from ticktrail_compliance.anchoring import Anchoring, anchor_paths
from ticktrail_compliance.proof.anchor import last_note
from ticktrail_compliance.recording.catching_up import catch_up, left_behind
from ticktrail_compliance.recording.duties import Duties
from ticktrail_compliance.recording.journal import Gathered, gathered_act
from ticktrail_compliance.recording.told import Told
from ticktrail_compliance.recording.used import used_of
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.store.appender import Appender, ClockState, Draft, Place
from ticktrail_compliance.store.database import resolve_url
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.store.opening import holds_log, open_log
from ticktrail_compliance.store.spool import Frame, Spool, SpoolReader
from ticktrail_compliance.store.wrong import WrongLogError
from ticktrail_compliance.words import moment

__all__ = ["Recorder"]

RETRY_S = 5.0
"""From one attempt's end to the next, while a spool takes the place of a database that failed."""


@dataclass(slots=True)
class _Detour:
    """A spool that takes the database's place."""

    spool: Spool
    cause: str
    since_ns: int
    tried_ns: int


@dataclass(slots=True)
class Counts:
    """What was recorded by this writer."""

    records: int = 0
    segments: int = 0
    ticks: int = 0
    spooled: int = 0


@dataclass(slots=True)
class Recorder:
    """One feed's writer.

    Args:
        settings: Where and how.
        base_dir: The feed file's folder.
        feed: The feed's name.
        clock: The feed's.
        warn: Tells the person who runs it something; called in the worker thread.
        tell: Takes what duties tell of, in the same way; None: the person who runs it is told the words.
    """

    settings: ComplianceSettings
    base_dir: Path
    feed: str
    clock: Clock
    warn: Callable[[str], None]
    tell: Callable[[Told], None] | None = None
    counts: Counts = field(default_factory=Counts)
    _log: AuditLog | None = None
    _appender: Appender | None = None
    _anchoring: Anchoring | None = None
    _detour: _Detour | None = None
    _duties: Duties = field(init=False)

    def __post_init__(self) -> None:
        self._duties = Duties(self.settings, self.base_dir, self.feed)

    def open(self) -> None:
        """Open the log, and put right what a crash left.

        Raises:
            ConfigError: Database, keys or an anchor cannot be used, the log's end is not what was sealed, an anchor
                contradicts the log, or a spool of an earlier run was changed.
        """
        self._see_no_new_log_is_known()
        log = open_log(self.settings, self.base_dir, write=True, now_ns=self.clock.now_ns(), warn=self.warn)
        self._log = log
        try:
            self._anchoring = Anchoring(anchor_paths(self.settings, self.base_dir))
            head, last = log.state()
            if head is not None and head.seq == last:
                self._anchoring.resume(log, head)  # before anything is written to a log that was put back
            self._appender = Appender(log, self.clock.now_ns)
            self._begin(self._appender)
        except AuditError as exc:  # nothing runs yet: it is a matter of settings
            raise ConfigError(str(exc)) from exc

    def close(self) -> None:
        """Close the log; what is still in a spool stays there for the next start."""
        if self._detour is not None:
            self._detour.spool.close(remove=False)
            self.warn(
                f"the audit database could not be written to the end ({self._detour.cause}): what is missing is kept "
                f"in {self._detour.spool.path}, and the next start of the feed adds it to the log"
            )
        if self._log is not None:
            self._log.close()

    def trouble(self) -> str:
        """Return why the log cannot be written now, empty where it can; any thread may ask."""
        detour = self._detour
        if detour is None:
            return ""
        return (
            f"the audit log cannot be written since {moment(detour.since_ns)} ({detour.cause}): what should be "
            f"recorded is kept, encrypted, in {detour.spool.path}; mend the database, and the feed adds it by itself"
        )

    def store(self, ready: Sequence[Gathered]) -> None:
        """Seal and store what is ready.

        Raises:
            AuditError: It can be kept nowhere.
        """
        appender = self._opened()
        drafts = [draft for gathered in ready for draft in gathered.drafts()]
        self._measure(appender, ready)
        if self._detour is not None:
            self._return(appender)
        if self._detour is None:
            try:
                with span("seal", entries=len(drafts), ticks=sum(draft.ticks for draft in drafts)):
                    appender.append(drafts)
            except AuditError as exc:
                self._turn_off(exc, drafts)
        else:
            self._keep(self._detour, drafts)
        for draft in drafts:
            if draft.entry_class == "journal":
                self.counts.segments += 1
            else:
                self.counts.records += 1
            self.counts.ticks += draft.ticks
        self._look(appender, ready)

    def checkpoint(self) -> None:
        """Sign how far the log goes, where it goes further than before, and tell the anchors.

        Raises:
            AuditError: The database failed and nothing takes its place, an anchor cannot be written, or the log does
                not go on from what this process signed before.
        """
        anchoring = self._anchoring
        if self._detour is not None:
            self._return(self._opened())
            if self._detour is not None:
                return
        try:
            contradicted = anchoring.contradicted(self._opened().log) if anchoring is not None else None
            made = self._opened().checkpoint() if contradicted is None else None
        except AuditError as exc:
            self._turn_off(exc, ())
            return
        if contradicted is not None:
            raise AuditError(contradicted)
        if made is not None and anchoring is not None:
            anchoring.anchor(*made)

    def attend(self) -> None:
        """Attend to the duties beside recording; they wait while the database is away.

        Raises:
            AuditError: The database failed and nothing takes its place.
        """
        if self._detour is not None:
            return
        try:
            self._duties.attend(self._opened(), self.clock.now_ns(), self._tell)
        except AuditError as exc:
            self._turn_off(exc, ())

    def _tell(self, told: Told) -> None:
        if self.tell is None:
            self.warn(told.text)
        else:
            self.tell(told)

    def _see_no_new_log_is_known(self) -> None:
        """See that no log is made where an anchor knows one: it was lost, and a new one would stand in its place.

        Raises:
            ConfigError: Nothing was made; the message says what to do.
        """
        for path in anchor_paths(self.settings, self.base_dir):
            if path.is_file() and last_note(path) is not None:
                if not holds_log(self.settings, self.base_dir):
                    url = resolve_url(self.settings.database, self.base_dir).render_as_string(
                        hide_password=True
                    )
                    raise ConfigError(
                        f"there is no audit log in {url}, and anchor {path} knows one: nothing was made. Put the "
                        "database back, or mend [compliance] database; for a new log name another anchor as well"
                    )
                return

    def _look(self, appender: Appender, ready: Sequence[Gathered]) -> None:
        """Let the duties see the events that were stored; what they do about them waits while the database is away."""
        events = [record for one in ready if one.entry_class != "journal" for record in one.records]
        if self._duties.see(events, self.clock.now_ns()) and self._detour is None:
            try:
                self._duties.attend_to_seen(appender, self.clock.now_ns(), self._tell)
            except AuditError as exc:
                self._turn_off(exc, ())

    def _begin(self, appender: Appender) -> None:
        """Say who writes, and seal what an earlier writer left without a checkpoint or in a spool."""
        head, now_ns = appender.found, self.clock.now_ns()
        opened = WriterOpened(
            at_ns=now_ns,
            writer=appender.writer,
            actor=actor_here(),
            program=f"ticktrail {version('ticktrail')}",
            purpose=f"feed {self.feed}",
            recording=used_of(self.settings),
        )
        acts = [gathered_act("access", opened)]
        behind = self._anchoring is not None and self._anchoring.is_behind(head.seq)
        if head.seq > head.checkpoint_size:
            behind = True
            tail = TailSealed(at_ns=now_ns, first_seq=head.checkpoint_size + 1, last_seq=head.seq)
            acts.append(gathered_act("control", tail))
            several = tail.first_seq != tail.last_seq
            which = f"entries {tail.first_seq} to {tail.last_seq}" if several else f"entry {tail.last_seq}"
            self.warn(
                f"{which} of the audit log had no checkpoint: a crash left it so, or another writer is at work. From "
                "now on one covers all of it"
            )
        appender.append([act.draft() for act in acts])
        self.counts.records += len(acts)
        try:
            self._duties.attend(appender, now_ns, self._tell)
        except ConfigError:
            self.checkpoint()  # the feed does not start; that it was refused is proven all the same
            raise
        spooled = left_behind(appender, self.base_dir / self.settings.spool, self.clock.now_ns, self.warn)
        if behind or spooled:
            self.checkpoint()

    def _turn_off(self, exc: AuditError, drafts: Sequence[Draft]) -> None:
        """Let a spool take the database's place, or give up."""
        if self.settings.on_failure == "halt" or isinstance(exc, WrongLogError):
            raise exc  # a log that was changed is no outage: nothing is added to it, nor kept for it
        log = self._opened().log
        folder = self.base_dir / self.settings.spool
        spool = Spool(folder, log.log_id, log.keys, most_bytes=self.settings.spool_max_bytes)
        self._detour = _Detour(spool, str(exc), self.clock.now_ns(), self.clock.mono_ns())
        if drafts:
            self._keep(self._detour, drafts, self._opened().attempted)
        self.warn(
            f"{exc}. The feed goes on: what should be recorded is kept, encrypted, in {spool.path} until the database "
            "can be written again"
        )

    def _keep(self, detour: _Detour, drafts: Sequence[Draft], perhaps: Place | None = None) -> None:
        detour.spool.add(Frame(self.clock.now_ns(), drafts, perhaps))
        self.counts.spooled += len(drafts)

    def _return(self, appender: Appender) -> None:
        """Try the database again, once in a while, and catch up with what was kept meanwhile."""
        detour = self._detour
        if detour is None or self.clock.mono_ns() - detour.tried_ns < RETRY_S * 1e9:
            return
        log = appender.log
        try:
            with log.hurried():
                log.reconnect()
                appender.settle()
            reader = SpoolReader(detour.spool.path, log.log_id, log.keys)
            entries = catch_up(appender, reader, self.clock.now_ns, detour.cause)
        except WrongLogError:
            raise
        except AuditError as exc:
            detour.cause = str(exc)
            return
        finally:
            detour.tried_ns = self.clock.mono_ns()
        detour.spool.close(remove=True)
        self._detour = None
        self.warn(
            f"the audit database can be written again: {entries:,} entries were added from {detour.spool.path}"
        )

    def _measure(self, appender: Appender, ready: Sequence[Gathered]) -> None:
        """Take note of the clock's last measurement: each entry bears it."""
        for gathered in reversed(ready):
            if gathered.entry_class == "clock":
                for record in gathered.records:
                    if isinstance(record, ClockMeasured):
                        appender.measured = ClockState(-record.offset_ns, record.bound_ns)
                        return

    def _opened(self) -> Appender:
        if self._appender is None:
            raise RuntimeError("the recorder is not open")
        return self._appender
