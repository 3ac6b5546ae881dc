"""Open a log of which the key is lost, or not at hand, to see what can be seen without it.

Owns: what stands in place of the keys: the verifier key that was printed before, and a head that nobody vouches for.
Never: asks for a secret, opens the key store, or writes.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import Connection

from ticktrail.errors import AuditError, ConfigError
from ticktrail_compliance.proof.checkpoint import origin_of
from ticktrail_compliance.proof.note import Verifier
from ticktrail_compliance.store.database import Database, resolve_url
from ticktrail_compliance.store.head import Head, told_head
from ticktrail_compliance.store.log import Identity, StoredLog
from ticktrail_compliance.store.opening import open_stored

__all__ = ["KeylessLog", "open_keyless"]


class KeylessLog(StoredLog):
    """A log without its keys.

    Its head is what its row says. Only the log's secret authenticates it, so that it can make a finding here, and never
    proves that nothing is missing at the end.
    """

    def __init__(self, database: Database, identity: Identity, verifier: Verifier) -> None:
        super().__init__(database, identity)
        self._verifier = verifier

    @property
    def verifier(self) -> Verifier:
        """The public key that was given."""
        return self._verifier

    def _head(self, connection: Connection) -> Head | None:
        return told_head(connection)


def open_keyless(database: str, base_dir: Path, verifier: Verifier) -> KeylessLog:
    """Open a log by its verifier key.

    Args:
        database: Its SQLAlchemy URL.
        base_dir: The folder that an SQLite path is taken from.
        verifier: What `ticktrail audit key` printed.

    Raises:
        ConfigError: It is not there, is damaged, has another layout, or the key is another log's.
    """
    try:
        opened, identity = open_stored(resolve_url(database, base_dir))
    except AuditError as exc:
        raise ConfigError(str(exc)) from exc
    if verifier.name != origin_of(identity.log_id):
        opened.close()
        raise ConfigError(
            f"audit database {opened.name} is log {origin_of(identity.log_id)}, and the verifier key is of "
            f"{verifier.name}: give the key that `ticktrail audit key` printed for this log"
        )
    return KeylessLog(opened, identity, verifier)
