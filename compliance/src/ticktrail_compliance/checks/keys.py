"""Look at the keys of the log: where the first one is, who can read it, how old it is, and where the others are.

Owns: the controls ``keys.*``.
Never: uses a key, or tells of one; the bytes of its file are compared with those beside it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from sqlalchemy.engine import URL

from ticktrail_compliance.acts import KeysRewrapped
from ticktrail_compliance.checks.control import POLICY, Control, Look, failed, not_applicable, passed, unknown
from ticktrail_compliance.checks.facts import Facts
from ticktrail_compliance.store.database import resolve_url
from ticktrail_compliance.store.opening import keys_url
from ticktrail_compliance.words import counted, moment

__all__ = ["CONTROLS"]

DAY_NS = 86_400 * 10**9
MOST_BESIDE = 10_000
"""Files of the key's folder that are looked at; in one with more nobody can tell that there is no copy."""
MOST_BYTES = 4_096
"""No file that is larger is taken for a copy, so that no more is read of any: a key has some fifty bytes."""


def _file(facts: Facts) -> Look:
    if facts.settings.key.file is None:
        return not_applicable("the key is in no file")
    path = facts.base_dir / facts.settings.key.file
    log = resolve_url(facts.settings.database, facts.base_dir)
    if log.get_backend_name() == "sqlite" and not Path(log.database or "").exists() and not path.exists():
        return unknown("there is neither a log nor a key: start the feed once, which makes both")
    try:
        found = path.stat()
    except OSError as exc:
        return failed(f"{path}: {exc.strerror}; put back the key that the log was sealed with")
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return failed(f"{path} has mode {stat.S_IMODE(found.st_mode):04o}: chmod 600 {path}", None)
    if found.st_uid not in _owners(facts):
        return failed(f"{path} belongs to user {found.st_uid}: chown it to the user that runs the feed")
    return _beside(path, f"{path}: mode {stat.S_IMODE(found.st_mode):04o}, owner {found.st_uid}")


def _beside(path: Path, told: str) -> Look:
    """Look for copies of the key in its folder, by their bytes, whatever their names are."""
    key, looked = path.read_bytes()[:MOST_BYTES].strip(), 0
    for folder in dict.fromkeys((path.parent.resolve(), path.resolve().parent)):
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_file(follow_symlinks=False):
                    continue
                looked += 1
                if looked > MOST_BESIDE:
                    return unknown(
                        f"{folder} holds more than {MOST_BESIDE:,} files, among which no copy of the key is looked "
                        "for: keep the key in a folder of its own"
                    )
                other = Path(entry.path)
                if entry.stat(follow_symlinks=False).st_size > MOST_BYTES or other == path.resolve():
                    continue
                if other.read_bytes().strip() == key:
                    return failed(
                        f"{other} is a copy of the key: remove it, and keep copies where the log is not; if others "
                        "could read it, exchange the key (`ticktrail audit keys rotate`)"
                    )
    return passed(f"{told}; no copy among {counted(looked - 1, 'other file')} of its folder")


def _owners(facts: Facts) -> set[int]:
    """Return who may own the key file: whoever asks, and whoever owns the log."""
    url = resolve_url(facts.settings.database, facts.base_dir)
    own = {os.geteuid()}
    if url.get_backend_name() == "sqlite" and (path := Path(url.database or "")).is_file():
        own.add(path.stat().st_uid)
    return own


def _apart(facts: Facts) -> Look:
    log, store = (
        resolve_url(facts.settings.database, facts.base_dir),
        keys_url(facts.settings, facts.base_dir),
    )
    if log == store or _file_of(log) == _file_of(store) is not None:
        return failed(
            "the data keys are in the log's own database, and so in its backups: name another one for the next log "
            "([compliance] keys)"
        )
    return passed(f"the data keys are in {store.render_as_string(hide_password=True)}")


def _file_of(url: URL) -> Path | None:
    """Return the file of an SQLite database, whatever links lead to it; None: it is none."""
    return Path(url.database or "").resolve() if url.get_backend_name() == "sqlite" else None


def _kind(facts: Facts) -> Look:
    key = facts.settings.key
    kind = next(
        form
        for form in ("file", "env", "keyring", "vault", "aws_kms")
        if getattr(key, form, None) is not None
    )
    if facts.checks.key_service and kind not in {"vault", "aws_kms"}:
        return failed(
            f'the key is of kind "{kind}", and the policy asks for a key service ([compliance.checks] key_service): '
            "`ticktrail audit keys rotate FEED.toml --to vault:URL`"
        )
    return passed(f"{kind}: {facts.opened.keys.provider.origin}")


def _age(facts: Facts) -> Look:
    evidence, since_ns = None, facts.opened.created_ns
    for seq, act in facts.done(KeysRewrapped):
        evidence, since_ns = seq, act.at_ns
    days, most = (facts.now_ns - since_ns) / DAY_NS, facts.checks.key_max_age_days
    told = f"in use since {moment(since_ns)}, {days:,.0f} days"
    if days > most:
        return failed(f"{told}, more than {most}: `ticktrail audit keys rotate FEED.toml --to REF`", evidence)
    return passed(told, evidence)


CONTROLS = (
    Control(
        "keys.file",
        "The key file can be read by its owner alone, and has no copy beside it",
        POLICY,
        "mode and owner of the file as it lies there, and the bytes of the small files in its folder",
        _file,
        needs_log=False,
    ),
    Control(
        "keys.apart",
        "The data keys are kept apart from what they seal",
        POLICY,
        "the databases of [compliance] database and keys",
        _apart,
        needs_log=False,
    ),
    Control(
        "keys.kind",
        "The key that wraps all others is kept as the policy asks",
        POLICY,
        "the form of [compliance] key, with which the log was opened",
        _kind,
    ),
    Control(
        "keys.age",
        "The key that wraps all others is not older than the policy allows",
        POLICY,
        "the last keys_rewrapped entry, or the log's beginning",
        _age,
    ),
)
