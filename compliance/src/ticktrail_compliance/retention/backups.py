"""Say what backups hold of keys that are destroyed: that depends on where a log keeps its keys.

Owns: these words, for every command that asks before it destroys.
Never: looks at a backup.
"""

from __future__ import annotations

from ticktrail_compliance.store.log import AuditLog

__all__ = ["backups_told"]


def backups_told(log: AuditLog) -> str:
    """Return a sentence to be read before keys are destroyed: from which backups their entries can be read still."""
    store = log.keys.database.name
    if log.keys.database is log.database:
        return (
            f"The keys are in the same database as the log: a backup of {store} that is older holds both, and what is "
            "destroyed here can be read from it until that backup is destroyed as well."
        )
    return (
        f"A backup of the log's database holds no key; an older one of {store} does, and opens such a backup until it "
        "is destroyed as well."
    )
