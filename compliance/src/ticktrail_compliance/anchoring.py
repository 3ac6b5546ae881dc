"""Tell the anchors of a log how far it goes, and see that they do not contradict it.

Owns: which files may be anchors, and when nothing is signed any more: a log that an anchor contradicts was cut, put
back or forked, and to sign it would make that good.
Never: writes to the database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.proof.anchor import Anchor, largest_notes, last_note
from ticktrail_compliance.proof.checkpoint import Checkpoint, checkpoint_of, origin_of
from ticktrail_compliance.proof.merkle import EMPTY_ROOT
from ticktrail_compliance.proof.note import BadNote, Note
from ticktrail_compliance.settings import ComplianceSettings
from ticktrail_compliance.store.database import resolve_url
from ticktrail_compliance.store.head import Head
from ticktrail_compliance.store.log import AuditLog
from ticktrail_compliance.store.opening import keys_url

__all__ = ["Anchoring", "anchor_paths", "check_path", "refuse_contradicted", "signed_checkpoint"]

BESIDE_A_DATABASE = ("", "-wal", "-shm", "-journal")


class Anchoring:
    """The anchors that hear of a log as it grows; blocking, as the log is."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._anchors = [Anchor(path) for path in paths]
        self._known = dict.fromkeys(paths, 0)  # how far each anchor goes
        self._signed: Checkpoint | None = None  # the last that this process signed, or found at its start

    def resume(self, log: AuditLog, head: Head) -> None:
        """Open every anchor, and see that none contradicts the log.

        Raises:
            ConfigError: An anchor cannot be used, or contradicts the log.
            AuditError: The log has no root, since an entry is missing.
        """
        for anchor in self._anchors:
            anchor.open()
        held = refuse_contradicted(log, head, list(self._known))
        self._known.update({path: found.size for path, found in held.items()})
        self._signed = Checkpoint(origin_of(log.log_id), head.seq, head.tree().root())

    def contradicted(self, log: AuditLog) -> str | None:
        """Return why nothing may be signed: the log is not one that goes on from what this process signed last.

        Raises:
            AuditError: The database failed, or an entry is missing.
        """
        head = log.head()
        if head is None or self._signed is None:
            return None  # the appender refuses a head that is not genuine
        return _contradiction(log, head, {"the last checkpoint of this process": self._signed})

    def is_behind(self, size: int) -> bool:
        """Tell whether an anchor does not know so many entries yet."""
        return any(known < size for known in self._known.values())

    def anchor(self, found: Checkpoint, note: Note) -> None:
        """Write a checkpoint to every anchor that does not know so many entries yet, and go on from it.

        Raises:
            AuditError: An anchor cannot be written, or the log was put back since it was last looked at.
        """
        if self._signed is not None and found.size < self._signed.size:
            raise AuditError(
                _refused(f"the log ends at entry {found.size}, and this process signed {self._signed.size}")
            )
        self._signed = found
        for anchor in self._anchors:
            if self._known[anchor.path] < found.size:
                anchor.append(note)
                self._known[anchor.path] = found.size


def signed_checkpoint(log: AuditLog, paths: Iterable[Path]) -> tuple[Checkpoint, Note]:
    """Return the checkpoint of a log as it is, signed.

    Args:
        log: Open to read.
        paths: Anchors that must not contradict it; those that are not there are passed over.

    Raises:
        ConfigError: The log's end is not what was sealed, or an anchor contradicts the log.
        AuditError: An entry is missing.
    """
    head, last = log.state()
    if head is None or head.seq != last:
        raise ConfigError(
            "the log's end is not what was sealed, so nothing is signed; run `ticktrail audit verify`"
        )
    refuse_contradicted(log, head, [path for path in paths if path.exists()])
    signer = log.signer()
    found = Checkpoint(signer.verifier.name, head.seq, head.tree().root())
    return found, found.signed(signer)


def refuse_contradicted(log: AuditLog, head: Head, paths: Sequence[Path]) -> dict[Path, Checkpoint]:
    """Return the largest checkpoint of every anchor, once the log agrees with all of them.

    Raises:
        ConfigError: It does not, or an anchor's last note is none of this log's.
        AuditError: The log has no root, since an entry is missing.
    """
    held = {path: found for path in paths if (found := _largest_of(path, log)) is not None}
    why = _contradiction(log, head, {f"anchor {path}": found for path, found in held.items()})
    if why is not None:
        raise ConfigError(why)
    return held


def _contradiction(log: AuditLog, head: Head, known: Mapping[str, Checkpoint]) -> str | None:
    """Return what a log contradicts: its own head, or a checkpoint, by who knows it."""
    roots = log.roots(head.seq)
    try:
        own = roots(0, head.seq) if head.seq else EMPTY_ROOT
        if own != head.tree().root():
            return (
                f"the log's {head.seq} entries are not those that were sealed, so nothing is signed; run `ticktrail "
                f"audit verify`"
            )
        for who, found in known.items():
            if found.size > head.seq:
                return _refused(f"the log ends at entry {head.seq}, and {who} knows {found.size}")
            if found.root != (roots(0, found.size) if found.size else EMPTY_ROOT):
                return _refused(f"the log's first {found.size} entries are not those that {who} knows")
    except ValueError as exc:
        return f"{exc}, so nothing is signed; run `ticktrail audit verify`"
    return None


def _refused(what: str) -> str:
    return (
        f"{what}: nothing is signed for a log that was cut, put back or written anew. Keep database and anchors as "
        f"they are, run `ticktrail audit verify`, and name another database and another anchor to go on"
    )


def anchor_paths(settings: ComplianceSettings, base_dir: Path) -> Sequence[Path]:
    """Return the files that a feed's settings name as anchors.

    Raises:
        ConfigError: One of them is a file of the log itself, or stands twice.
    """
    paths: list[Path] = []
    for name in settings.anchors:
        path = base_dir / name
        check_path(path, settings, base_dir)
        if path.resolve() in {one.resolve() for one in paths}:
            raise ConfigError(f"anchors: {path} stands twice; name each file once")
        paths.append(path)
    return paths


def check_path(path: Path, settings: ComplianceSettings, base_dir: Path) -> None:
    """See that a file is none of the log's own.

    Raises:
        ConfigError: It is one, or a folder.
    """
    own = {
        Path(f"{url.database}{end}")
        for url in (resolve_url(settings.database, base_dir), keys_url(settings, base_dir))
        if url.get_backend_name() == "sqlite"
        for end in BESIDE_A_DATABASE
    }
    if settings.key.file is not None:
        own.add(base_dir / settings.key.file)
    if path.resolve() in {one.resolve() for one in own}:
        raise ConfigError(
            f"anchor {path} is a file of the audit log itself: name one of its own, best on another disk or machine"
        )
    if path.is_dir():
        raise ConfigError(f"anchor {path} is a folder: name a file in it")


def _largest_of(path: Path, log: AuditLog) -> Checkpoint | None:
    """Return the largest checkpoint of an anchor, None if it holds none.

    The last one may be an older one that was added again, by who could only add.
    """
    last = last_note(path)
    if last is None:
        return None
    verifier = log.signer().verifier
    try:
        found = checkpoint_of(last, [verifier], verifier.name)
    except BadNote as exc:
        raise ConfigError(
            f"anchor {path} cannot be gone on with: its last note is no checkpoint of this log ({exc}); keep it, and "
            f"name another file"
        ) from exc
    for note in largest_notes(path):
        try:
            return max(found, checkpoint_of(note, [verifier], verifier.name), key=lambda one: one.size)
        except BadNote:
            continue  # not the log's, and verification names it
    raise ConfigError(
        f"anchor {path} cannot be gone on with: its largest checkpoints are none of this log's; keep it, and name "
        f"another file"
    )
