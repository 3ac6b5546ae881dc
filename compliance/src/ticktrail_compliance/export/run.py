"""Export part of a log: begin or go on, make it whole, tell of it in the log, and only then give it its name.

Owns: the order of these steps, each of which can be the last before the power fails.
Never: exports without a trace.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.acting import Acting, acting
from ticktrail_compliance.acts import LogExported, actor_here
from ticktrail_compliance.anchoring import anchor_paths, signed_checkpoint
from ticktrail_compliance.entry import Unsealed
from ticktrail_compliance.export.folder import Folder, parent_of, translated
from ticktrail_compliance.export.gathering import SPOOL, STATE, gather
from ticktrail_compliance.export.sealing import seal
from ticktrail_compliance.export.state import Request, State, decode_state
from ticktrail_compliance.export.tables import require
from ticktrail_compliance.naming import Named
from ticktrail_compliance.proof.checkpoint import Checkpoint, checkpoint_of
from ticktrail_compliance.proof.merkle import EMPTY_ROOT
from ticktrail_compliance.proof.note import BadNote, Note, encode
from ticktrail_compliance.reading import Range, conditions, entry_of, open_records
from ticktrail_compliance.store import schema
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.verify.whole import Progress

__all__ = ["Exported", "export"]

PARTIAL = ".partial"
CONTENT = "export"
"""The folder in the unfinished one that becomes the export, with nothing in it but what belongs there."""


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it.

    Attributes:
        out: The folder.
        first_seq: The first entry; 0: none lies in the times.
        last_seq: The last one.
        entries: How many.
        bodies: Of how many the content is there.
        rows: How many.
        rows_format: Their form.
        destroyed: Entries in reach whose content was destroyed.
        never: What was asked for and is in no entry of the times and classes, by kind: class, instrument, provider,
            outcome; as far as entries can be read.
        checkpoint_size: The entries that the checkpoint covers.
        manifest_sha256: Of the manifest.
        recorded_seq: The entry that tells of the export.
        keys_out: The file with the data keys; None without.
        resumed: An export that was interrupted was gone on with.
    """

    out: str
    first_seq: int
    last_seq: int
    entries: int
    bodies: int
    rows: int
    rows_format: str
    destroyed: int
    never: Mapping[str, Sequence[str]]
    checkpoint_size: int
    manifest_sha256: str
    recorded_seq: int
    keys_out: str | None
    resumed: bool


def export(
    named: Named,
    wanted: Callable[[str], Request],
    out: Path,
    keys_out: Path | None,
    *,
    progress: Progress,
) -> Exported:
    """Export part of a log into a new folder; go on with it where the same was interrupted.

    Args:
        named: Which log.
        wanted: Gives what is asked for, by the log's id.
        out: The folder to be.
        keys_out: Where the data keys go; None: they are not given.
        progress: Is told how far it got.

    Raises:
        ConfigError: It cannot be made so; the message says what would be right.
        AuditError: The log failed, or is not as it was sealed.
    """
    asked = wanted("")
    require(asked.rows_format)
    with ExitStack() as stack, translated(f"--out {out}"):
        parent, name = parent_of(out, "--out")
        stack.enter_context(parent)
        keys: tuple[Folder, str] | None = None
        if keys_out is not None:
            _refuse_inside(keys_out, out)
            keys = parent_of(keys_out, "--keys-out")
            stack.enter_context(keys[0])
            if keys[0].has(keys[1]) and not parent.has(name + PARTIAL):
                raise ConfigError(f"--keys-out {keys_out} is there already: name a new file")
        if parent.has(name):
            state = _finished(parent, name, wanted)
            return _told(state, out, keys_out, resumed=True)
        found = stack.enter_context(acting(named, "export", f"export to {name}: {asked.purpose}"))
        request = wanted(found.log.log_id)
        work = stack.enter_context(parent.folder(name + PARTIAL))
        if not work.lock():
            raise ConfigError(f"another process is at the export {work.path}: let it end")
        state, resumed = _begun(found.log, named, work, request)
        against = _agreed(found.log, state)
        content = stack.enter_context(work.folder(CONTENT))
        if not state.manifest_sha256:
            _made(found.log, state, against, work, content, progress=progress)
        _publish(found, state, work, keys)
        work.move(CONTENT, parent, name)
        _tidy(parent, name, work)
    return _told(state, out, keys_out, resumed=resumed)


def _finished(parent: Folder, name: str, wanted: Callable[[str], Request]) -> State:
    """Return the state of an export that got its name, and was interrupted after that.

    Raises:
        ConfigError: What is there is none of this command's.
    """
    there = ConfigError(f"--out {parent.path / name} is there already: name a new folder")
    if not parent.has(name + PARTIAL):
        raise there
    with parent.folder(name + PARTIAL) as work:
        if not work.names():  # the very last step was all that was missing
            parent.remove_folder(name + PARTIAL)
            raise there
        if work.has(CONTENT) or not work.has(STATE) or not work.lock():
            raise there
        state = decode_state(work.read(STATE), work.path)
        if not state.recorded_seq or state.request != wanted(state.request.log_id):
            raise there
        _tidy(parent, name, work)
    return state


def _tidy(parent: Folder, name: str, work: Folder) -> None:
    """Remove what was beside the export while it was made."""
    for left in (SPOOL, f"{STATE}.new", STATE):
        work.remove(left)
    parent.remove_folder(name + PARTIAL)


def _begun(log: AuditLog, named: Named, work: Folder, request: Request) -> tuple[State, bool]:
    """Return how far the export got, and whether it was begun before."""
    if work.has(STATE):
        state = decode_state(work.read(STATE), work.path)
        if state.request != request:
            raise ConfigError(
                f"{work.path} holds another export that was interrupted: give the command that began it to go on, or "
                "remove that folder to begin anew"
            )
        return state, True
    checkpoint, note = signed_checkpoint(log, anchor_paths(named.settings, named.base_dir))
    span = log.span([*conditions(request.selection.times), schema.entries.c.seq <= checkpoint.size])
    first, last = span or (0, 0)
    state = State(
        request=request,
        created_ns=time.time_ns(),
        checkpoint=str(note),
        size=checkpoint.size,
        first_seq=first,
        last_seq=last,
        next_seq=first,
        lengths={},
    )
    work.write(STATE, state.encoded())
    return state, False


def _agreed(log: AuditLog, state: State) -> Checkpoint:
    """Return the export's checkpoint, once the log still agrees with it."""
    verifier = log.signer().verifier
    try:
        found = checkpoint_of(Note.parse(state.checkpoint.encode()), [verifier], verifier.name)
        root = log.roots(found.size)(0, found.size) if found.size else EMPTY_ROOT
    except (BadNote, ValueError) as exc:
        raise _another_log(str(exc)) from exc
    if found.root != root:
        raise _another_log("it leads to another root")
    return found


def _another_log(why: str) -> ConfigError:
    return ConfigError(
        f"the log no longer agrees with the checkpoint that the export began with ({why}): run `ticktrail audit "
        f"verify`; remove the unfinished folder to begin anew"
    )


def _made(
    log: AuditLog,
    state: State,
    against: Checkpoint,
    work: Folder,
    content: Folder,
    *,
    progress: Progress,
) -> None:
    progress.begin("entries", state.entries)
    gather(log, state, work, content, progress.done)
    if state.request.rows_format == "parquet":
        progress.begin("rows", state.rows)
    actor = actor_here()
    who = f"{actor.user}@{actor.host}"
    seal(log, state, against, work, content, actor=who, progress=progress.done)


def _publish(found: Acting, state: State, work: Folder, keys: tuple[Folder, str] | None) -> None:
    """Tell of the export in the log, and give its keys their name; each at most once."""
    if keys is not None:
        folder, name = keys
        with translated(f"--keys-out {folder.path / name}"):
            text = _keys(found.log, state)
            if folder.has(name) and folder.read(name) != text:
                raise ConfigError(f"--keys-out {folder.path / name} is there already: name a new file")
            folder.write(name + PARTIAL, text)
    state.recorded_seq = _recorded(found.log, state) or _record(found, state)
    work.write(STATE, state.encoded())
    if keys is not None:
        folder, name = keys
        if folder.has(name):
            folder.remove(name + PARTIAL)
        else:
            folder.move(name + PARTIAL, folder, name)


def _record(found: Acting, state: State) -> int:
    request = state.request
    return found.record(
        "access",
        LogExported(
            at_ns=time.time_ns(),
            actor=actor_here(),
            purpose=request.purpose,
            first_seq=state.first_seq,
            last_seq=state.last_seq,
            from_ns=request.from_ns,
            to_ns=request.to_ns,
            classes=request.classes,
            instruments=request.instruments,
            providers=request.providers,
            outcomes=request.outcomes,
            rows_format=request.rows_format,
            with_keys=request.with_keys,
            manifest_sha256=state.manifest_sha256,
        ),
    )


def _recorded(log: AuditLog, state: State) -> int:
    """Return the entry that tells of this export already, where it was interrupted after that; 0: there is none."""
    for row in log.rows(state.size + 1, None, conditions(Range(classes=frozenset({"access"})))):
        try:
            records = open_records(entry_of(log.log_id, row), log.keys.find)
        except (Unsealed, ValueError):
            continue
        for record in records:
            if isinstance(record, LogExported) and record.manifest_sha256 == state.manifest_sha256:
                return int(row.seq)
    return 0


def _keys(log: AuditLog, state: State) -> bytes:
    values = log.keys.exported(state.key_ids)
    if len(values) != len(state.key_ids):
        raise AuditError(
            "a data key of the exported entries was destroyed or damaged meanwhile: remove the unfinished folder, and "
            "begin anew"
        )
    keys = {str(key_id): encode(value) for key_id, value in sorted(values.items())}
    return msgspec.json.encode({"log_id": log.log_id, "keys": keys}) + b"\n"


def _refuse_inside(keys_out: Path, out: Path) -> None:
    """Keep keys and content apart: who is given the folder is not given the keys by that."""
    file = Path(os.path.abspath(keys_out))  # noqa: PTH100 - by name alone: no link is followed
    for folder in (out, out.with_name(out.name + PARTIAL)):
        if file.is_relative_to(os.path.abspath(folder)):  # noqa: PTH100 - see above
            raise ConfigError(
                f"--keys-out {keys_out} lies in --out {out}: keep the keys apart from what they open"
            )


def _told(state: State, out: Path, keys_out: Path | None, *, resumed: bool) -> Exported:
    return Exported(
        out=str(out),
        first_seq=state.first_seq,
        last_seq=state.last_seq,
        entries=state.entries,
        bodies=state.bodies,
        rows=state.rows,
        rows_format=state.request.rows_format,
        destroyed=state.destroyed,
        never=state.request.selection.never(state.met),
        checkpoint_size=state.size,
        manifest_sha256=state.manifest_sha256,
        recorded_seq=state.recorded_seq,
        keys_out=None if keys_out is None else str(keys_out),
        resumed=resumed,
    )
