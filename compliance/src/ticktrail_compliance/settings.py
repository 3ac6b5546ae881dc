"""Hold the ``[compliance]`` table of a feed file.

Owns: its keys, defaults and bounds.
Never: opens the database or resolves the key.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from ticktrail.plugin import Settings
from ticktrail_compliance.vault.settings import KeySettings

__all__ = ["ComplianceSettings"]


class ComplianceSettings(Settings, frozen=True):
    """The audit log of a feed.

    Attributes:
        key: The key that wraps all others: ``{ file = "audit.key" }`` (made at the first start), ``{ env = … }`` or
            ``{ keyring = … }``, 32 bytes in base64; or one of a service, ``{ vault = … }`` or ``{ aws_kms = … }``.
        database: An SQLAlchemy URL; the path of an SQLite file is taken from the feed file's folder.
        keys: An SQLAlchemy URL for the data keys, apart from what they seal; None: beside an SQLite log in a file of
            its own (``audit-keys.db``), otherwise in the log's own database.
        journal: Which ticks are kept; events always are.
        on_failure: What happens where the log cannot record; ``halt``: the feed stops, since unrecorded data must
            not flow; ``spool``: it goes on, and what should be recorded is kept, encrypted, in a local file until the
            database can be written again.
        spool: The folder of such files; a relative one is taken from the feed file's folder.
        spool_max_bytes: How large one may become; then the feed stops.
        segment_ticks: Ticks that are sealed together.
        segment_s: How long a tick waits to be sealed at most: what a crash can lose, beside what a slow database was
            still writing.
        before_delivery: Deliver nothing that is not sealed and on the disk: a crash then loses no record of what
            anybody was given, and each batch waits for the database.
        anchors: Files outside the database to which signed checkpoints of the log are appended; relative ones are
            taken from the feed file's folder.
        checkpoint_s: How often, at least, while entries come.
        policy: The firm's policy file, which the feed puts into force at its start; a relative one is taken from the
            feed file's folder. None: whichever the log says.
    """

    key: KeySettings
    database: Annotated[str, Meta(min_length=1)] = "sqlite:///audit.db"
    keys: Annotated[str, Meta(min_length=1)] | None = None
    journal: Literal["all", "rejected", "none"] = "all"
    on_failure: Literal["halt", "spool"] = "halt"
    spool: Annotated[str, Meta(min_length=1)] = "audit-spool"
    spool_max_bytes: Annotated[int, Meta(ge=2**20)] = 2**30
    segment_ticks: Annotated[int, Meta(ge=1, le=100_000)] = 1_000
    segment_s: Annotated[float, Meta(gt=0, le=60)] = 1.0
    before_delivery: bool = False
    anchors: Annotated[tuple[Annotated[str, Meta(min_length=1)], ...], Meta(max_length=16)] = ()
    checkpoint_s: Annotated[float, Meta(gt=0, le=86_400)] = 60.0
    policy: Annotated[str, Meta(min_length=1)] | None = None
