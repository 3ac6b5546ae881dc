"""Wrap under a key of HashiCorp Vault's transit engine, or OpenBao's, which never leaves it.

Owns: the questions to the engine, the form of what it wraps, and what its refusals mean.
Never: makes a key there: where it may, the engine makes a missing key by itself, which the token's policy must forbid.

httpx rather than hvac: three calls are needed and core has httpx already; hvac 2.4 brings requests, follows redirects
with the token, tries once, reads an answer of any size, and has no types.

Sources: path_encrypt.go and path_decrypt.go of the engine (`associated_data` for AEAD keys, in base64; `context` for
derived keys alone); hashicorp/vault pull request 17638 of October 2022, which brought `associated_data`; OpenBao 2.7.2,
asked on 2026-11-29.
"""

from __future__ import annotations

import base64
import binascii
import re
from pathlib import Path

from ticktrail.errors import AuditError
from ticktrail_compliance.vault.asking import Reply, Vault
from ticktrail_compliance.vault.settings import TRANSIT, KeySettings

__all__ = ["TransitKey"]

_WRAPPED = re.compile(rb"vault:v[1-9][0-9]{0,8}:([A-Za-z0-9+/]+={0,2})")
_NOT_OURS = ("cipher: message authentication failed", "invalid ciphertext")
"""How errors begin that say: not under this key, not with these associated data, or changed."""
_REMEDIES = (
    (
        "encryption key not found",
        "create or restore the key; without it nothing that it wrapped can be read",
    ),
    ("too old", "lower the key's min_decryption_version: what was wrapped under older versions needs them"),
    ("derived key", "name a key that was made without derived=true"),
    ("non-AEAD", "name a key of type aes256-gcm96"),
)


class TransitKey:
    """A key of a transit engine; its repr shows where it is, never a token."""

    def __init__(self, settings: KeySettings, base_dir: Path) -> None:
        mount = settings.mount or TRANSIT
        self.key_id = f"vault:{mount}/{settings.name}"
        self._vault = Vault(settings, base_dir)
        self.origin = f"key {settings.name} of {self._vault.address}/v1/{mount}"
        self._encrypt = f"{mount}/encrypt/{settings.name}"
        self._decrypt = f"{mount}/decrypt/{settings.name}"
        self._is_bound = False  # whether the engine was seen to heed the context

    def __repr__(self) -> str:
        """Return the origin."""
        return f"TransitKey({self.origin})"

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """Return ``vault:v1:…``: the secret encrypted, with `context` as its associated data.

        Raises:
            AuditError: The Vault cannot be asked, refuses, or does not heed the context.
        """
        body = {"plaintext": _text(secret), "associated_data": _text(context)}
        found = self._data(self._vault.ask(self._encrypt, body), "ciphertext")
        wrapped = found.encode("ascii", "replace")
        if not _is_whole(wrapped):
            raise AuditError(
                f"{self.origin} answers with what is no ciphertext of a transit engine: name one"
            )
        if not self._is_bound:
            if self.unwrap(wrapped, context + b"?") is not None:
                raise AuditError(
                    f"{self.origin} gives a secret back in any context: its engine does not know associated_data; run "
                    f"Vault 1.13 or later, or OpenBao"
                )
            self._is_bound = True
        return wrapped

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes | None:
        """Return the secret; None if this key did not wrap it, not in this context, or it was changed since.

        Raises:
            AuditError: The Vault cannot be asked, or refuses, so that neither is known.
        """
        if not _is_whole(wrapped):
            return None
        body = {"ciphertext": wrapped.decode("ascii"), "associated_data": _text(context)}
        reply = self._vault.ask(self._decrypt, body)
        if reply.status == 400 and any(said.startswith(_NOT_OURS) for said in reply.errors):
            return None
        try:
            return base64.b64decode(self._data(reply, "plaintext"), validate=True)
        except (binascii.Error, ValueError):
            raise AuditError(
                f"{self.origin} answers with what is no plaintext: name a transit engine"
            ) from None

    def _data(self, reply: Reply, key: str) -> str:
        """Return a text of the answer.

        Raises:
            AuditError: There is none.
        """
        found = (reply.data or {}).get(key)
        if reply.status == 200 and isinstance(found, str):
            return found
        said = "; ".join(reply.errors)[:200] or "without a word"
        remedy = next((remedy for part, remedy in _REMEDIES if part in said), "")
        if not remedy and reply.status == 404:
            remedy = "name the mount of the transit engine, and the namespace if there is one"
        raise AuditError(
            f"{self.origin} refuses (HTTP status {reply.status}, {said}): "
            f"{remedy or 'see what the Vault says of it in its own log'}"
        )


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _is_whole(wrapped: bytes) -> bool:
    """Tell whether this is a ciphertext as the engine writes it, letter for letter.

    The engine reads more than it writes: version 0 as 1, and bits in the last letter that mean nothing. A byte that was
    changed there would go unseen.
    """
    found = _WRAPPED.fullmatch(wrapped)
    if found is None:
        return False
    try:
        return base64.b64encode(base64.b64decode(found[1], validate=True)) == found[1]
    except binascii.Error:
        return False
