"""Say what a key-encryption key does for the audit log, wherever it is kept.

Owns: the contract of every provider; `tests/unit/compliance/test_key_providers.py` holds each one to it.
Never: says which providers there are; `ticktrail_compliance.vault.settings` does.
"""

from __future__ import annotations

from typing import Protocol

__all__ = ["KEY_ID_CHARACTERS", "KeyProvider"]

KEY_ID_CHARACTERS = 120
"""The most that a `key_id` may have."""


class KeyProvider(Protocol):
    """A key that wraps other keys. Its repr, its names and its errors give neither the key nor a token away.

    Its calls block, each until a deadline of its own, and may come from any thread.
    """

    @property
    def key_id(self) -> str:
        """The public name of the key in use: the same at every start, and no help to whoever wants the key."""
        ...

    @property
    def origin(self) -> str:
        """Where the key is, for messages: ``file /x/audit.key``."""
        ...

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Return a secret encrypted and bound to its context, which `unwrap` must be given again.

        Raises:
            AuditError: The service cannot be asked, or refuses; the message names the remedy.
        """
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """Return the secret; None if this key did not wrap it, not in this context, or it was changed since.

        Raises:
            AuditError: The service cannot be asked, or refuses, so that neither is known.
        """
        ...
