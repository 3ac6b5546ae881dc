"""Say what a data key is, and what may have become of one.

Owns: the shapes that the key store gives.
Never: makes, finds or unwraps one; `ticktrail_compliance.store.keystore` does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ticktrail_compliance.entry import EntryClass

__all__ = ["DataKey", "KeyState"]


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key of one writer, one class of entries and one month (UTC, ``YYYY-MM``)."""

    key_id: int
    entry_class: EntryClass
    month: str
    writer: int
    cipher: AESGCM


@dataclass(frozen=True, slots=True)
class KeyState:
    """What became of a data key.

    Attributes:
        key_id: Its number.
        entry_class: What it seals, as the store says.
        month: When, as the store says.
        state: ``whole``: it can be used; ``destroyed``: it was taken out, and the row kept; ``damaged``: the row is not
            what was stored; ``foreign``: it is wrapped by another key than the one at hand.
        key: The key where it is whole.
        kek: The key that wrapped it, as the store says.
    """

    key_id: int
    entry_class: str
    month: str
    state: Literal["whole", "destroyed", "damaged", "foreign"]
    key: DataKey | None
    kek: str
