"""Do something with a log, or read it, as the policy in force lets whoever runs this; the log tells of it.

Owns: the one place where a command asks for a right: how it opens a log, to write or to read, and what is recorded of
that, refusals among it.
Never: decides who may do what (`ticktrail_compliance.access` does), or what is done.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import msgspec

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.access.asked import sayable
from ticktrail_compliance.access.asking import Answer, ask
from ticktrail_compliance.access.identity import actor_at
from ticktrail_compliance.access.refusal import NotAllowedError
from ticktrail_compliance.access.rights import Action
from ticktrail_compliance.access.settings import AccessSettings
from ticktrail_compliance.access.unread import goes_on_unread
from ticktrail_compliance.acts import Act, Actor, WriterOpened
from ticktrail_compliance.anchoring import Anchoring, anchor_paths, refuse_contradicted
from ticktrail_compliance.classes import EntryClass
from ticktrail_compliance.naming import Named
from ticktrail_compliance.policy.adopted import policy_in_force
from ticktrail_compliance.recording.journal import gathered_act
from ticktrail_compliance.store.appender import Appender
from ticktrail_compliance.store.database import Database
from ticktrail_compliance.store.head import Head
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.store.opening import open_log, see_that_it_is_there

__all__ = ["Acting", "acting", "noting", "reading", "see_allowed", "see_that_it_goes_on"]


class _UnsoundError(ConfigError):
    """The log is not as it was sealed, so that nothing is added to it."""


@dataclass(frozen=True, slots=True)
class Acting:
    """A log that is open to be read and to be written to."""

    log: AuditLog
    appender: Appender
    anchoring: Anchoring

    def record(self, entry_class: EntryClass, *acts: Act) -> int:
        """Add one entry for each act, all or none, and return the number of the last.

        An act tells of the login by which the database knows this session, where it knows logins.

        Where the last checkpoint covered all that was there, another one is signed. Otherwise a feed is writing and
        will do so; or one crashed, and its next start has to tell which entries no checkpoint covered.

        Raises:
            AuditError: The log cannot be written, or an anchor cannot.
        """
        told = _with_login(self.log.database, acts)
        entries = self.appender.append([gathered_act(entry_class, act).draft() for act in told])
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
        NotAllowedError: The policy in force does not let whoever runs this do so; the log tells that they tried.
        ConfigError: It is not there, is not as it was sealed, or can only be read; the message says what to do.
        AuditError: It failed later on.
    """
    named.open().close()  # what hinders reading is told as such
    with _writing(named, anchors="all") as found:
        answer = _answer(found.log, action, what="", purpose=purpose)
        with _told():
            if answer is not None and answer.refusal is not None:
                found.record("access", answer.act)
                raise answer.refusal
            opened = WriterOpened(
                at_ns=time.time_ns(),
                writer=found.appender.writer,
                actor=actor_at(found.log.database) if answer is None else answer.act.actor,
                program=f"ticktrail {version('ticktrail')}",
                purpose=sayable(purpose),
            )
            found.record("access", opened, *(() if answer is None else (answer.act,)))
        yield found


@contextmanager
def reading(named: Named, action: Action, what: str, purpose: str | None = None) -> Iterator[AuditLog]:
    """Open a log to read; where the policy in force names roles, tell in it by whom and what for, before it is read.

    A log that is not as it was sealed is not added to. It can be verified all the same, since that is what tells what
    is wrong, and shows nobody what stands in it; reading anything else is refused then.

    Args:
        named: Which log.
        action: What is done with it.
        what: Which command, with range and filters, as `ticktrail_compliance.access.asked` words it; no content.
        purpose: What for, where the command itself says it; None: what the person who gave the command said.

    Raises:
        NotAllowedError: The policy in force does not let whoever runs this do so; the log tells that they tried.
        ConfigError: It cannot be opened; or is not as it was sealed; or who reads cannot be recorded, for this user
            may not write to it. The message says what to do.
    """
    with named.open() as log:
        try:
            answer = _answer(log, action, what=what, purpose=purpose or named.purpose)
        except ConfigError as exc:
            if action != "verify" and not goes_on_unread(action, exc, log.database):
                raise
            answer = None
        if answer is not None:
            _record(named, answer, action)
        yield log


@contextmanager
def noting(named: Named) -> Iterator[Acting]:
    """Open a log to write what came of a `reading` of it, whose right was asked for and told of then.

    Raises:
        ConfigError: It is not as it was sealed, or can only be read; the message says what to do.
    """
    with _writing(named, anchors="own") as found:
        yield found


def see_allowed(named: Named, action: Action, purpose: str) -> None:
    """See that whoever runs this may do something that `acting` is called for later: before anything is asked or done.

    Raises:
        NotAllowedError: They may not; the log tells that they tried.
        ConfigError: The log cannot be opened, or the refusal cannot be recorded.
    """
    with named.open() as log:
        answer = _answer(log, action, what="", purpose=purpose)
        if answer is not None and answer.refusal is not None:
            _record(named, answer, action)


def see_that_it_goes_on(named: Named, anchors: Sequence[Path]) -> None:
    """See that a log may be added to: of what its chain and the anchors know, nothing was changed.

    Args:
        named: The log.
        anchors: What it was held against, its own and those that somebody brought.

    Raises:
        ConfigError: An anchor is missing or contradicts the log, or its chain is not what was sealed.
        AuditError: An entry is missing.
    """
    for path in anchors:
        if not path.exists():  # to write would make it anew, and that it was missing would be seen no more
            raise ConfigError(f"anchor {path} is missing: put it back")
    with named.open() as log:
        head, last = log.state()
        if head is None or head.seq != last:
            raise ConfigError("the log's end is not what was sealed, so nothing is added to it")
        refuse_contradicted(log, head, anchors)


def _answer(log: AuditLog, action: Action, *, what: str, purpose: str | None) -> Answer | None:
    """Return what the policy in force says; None: it names no roles, and everybody may.

    Raises:
        ConfigError: The log cannot tell which policy is in force.
    """
    try:
        policy = policy_in_force(log)
        access: AccessSettings | None = None if policy is None else policy.access
        if access is None:
            return None
        return ask(access, log.database, action, what=what, purpose=purpose, at_ns=time.time_ns())
    except AuditError as exc:
        raise ConfigError(f"nobody can tell who may do what with the log: {exc}") from exc


def _record(named: Named, answer: Answer, action: Action) -> None:
    """Add the answer to a log that is otherwise only read, and raise its refusal."""
    try:
        with _writing(named, anchors="own") as found, _told():
            found.record("access", answer.act)
    except _UnsoundError:
        if action != "verify":
            raise
    if answer.refusal is not None:
        raise answer.refusal


@contextmanager
def _writing(named: Named, *, anchors: Literal["all", "own"]) -> Iterator[Acting]:
    """Open a log that is there to write to it.

    Args:
        named: Which log.
        anchors: ``all``: every anchor must hear of what is added. ``own``: those that this user may write; the feed's
            next checkpoint tells the others, which nobody who only reads the log need be able to write to.

    Raises:
        ConfigError: It cannot be written; the message says what to do.
    """
    see_that_it_is_there(named.settings, named.base_dir)  # to write would make one that is not there
    with _told():
        log = open_log(named.settings, named.base_dir, write=True, now_ns=time.time_ns(), warn=lambda _: None)
    with log:
        log.wait_for_answers()  # what is written is bounded still; an export reads for long
        head, last = log.state()
        if head is None or head.seq != last:
            raise _UnsoundError(
                "the log's end is not what was sealed, so nothing is written to it; run `ticktrail audit verify`"
            )
        anchoring = _anchoring(named, log, head, anchors)
        with _told():
            appender = Appender(log, time.time_ns)
        yield Acting(log, appender, anchoring)


def _anchoring(named: Named, log: AuditLog, head: Head, anchors: Literal["all", "own"]) -> Anchoring:
    paths = anchor_paths(named.settings, named.base_dir)
    if anchors == "own":
        try:
            refuse_contradicted(log, head, [path for path in paths if _may(path, os.R_OK)])
        except (AuditError, ConfigError) as exc:
            raise _UnsoundError(str(exc)) from exc
        paths = [path for path in paths if _may(path, os.R_OK | os.W_OK)]
    found = Anchoring(paths)
    found.resume(log, head)
    return found


def _with_login(database: Database, acts: Sequence[Act]) -> Sequence[Act]:
    """Return acts, of which those of a user of this machine tell of the login as well."""
    found: list[Act] = []
    for act in acts:
        actor = getattr(act, "actor", None)
        if isinstance(actor, Actor) and actor.database_user is None and database.dialect == "postgresql":
            login = actor_at(database).database_user
            found.append(
                msgspec.structs.replace(act, actor=msgspec.structs.replace(actor, database_user=login))
            )
        else:
            found.append(act)
    return found


def _may(path: os.PathLike[str], mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


@contextmanager
def _told() -> Iterator[None]:
    """Say of a log that cannot be written that it has to be."""
    try:
        yield
    except (AuditError, ConfigError) as exc:
        if isinstance(exc, NotAllowedError):
            raise
        raise _read_only(exc) from exc


def _read_only(exc: Exception) -> ConfigError:
    return ConfigError(
        f"this is told in the log itself, and the log cannot be written: {exc}; give the command as a user who may "
        "write to the log's database"
    )
