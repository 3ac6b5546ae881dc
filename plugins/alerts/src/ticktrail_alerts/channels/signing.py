"""Sign a message so that its receiver knows who sent it, and when.

Owns: the three headers of a webhook.
Never: keeps a secret longer than its channel.

Source: the specification of Standard Webhooks (https://www.standardwebhooks.com, read 2026-11): HMAC-SHA256 over
``ID.TIMESTAMP.BODY``, in base64 behind ``v1,``; the secret in base64 behind ``whsec_``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from ticktrail.errors import ConfigError

__all__ = ["secret_bytes", "signed_headers"]

_PREFIX = "whsec_"
_LEAST = 16


def secret_bytes(text: str, where: str) -> bytes:
    """Return what is signed with.

    Args:
        text: The secret: base64 behind ``whsec_``, or any other text, of which the UTF-8 bytes are taken.
        where: The channel's name, for a message.

    Raises:
        ConfigError: It is shorter than 16 bytes, or not base64 behind ``whsec_``; it stands in no message.
    """
    if text.startswith(_PREFIX):
        try:
            key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            raise ConfigError(
                f"[alerts] channel {where}: what secret refers to is not base64 behind {_PREFIX}; make one with: "
                f"openssl rand -base64 32"
            ) from None
    else:
        key = text.encode()
    if len(key) < _LEAST:
        raise ConfigError(
            f"[alerts] channel {where}: what secret refers to is shorter than {_LEAST} bytes, which can be guessed; "
            f"make one with: openssl rand -base64 32"
        )
    return key


def signed_headers(key: bytes, *, message_id: str, at_s: int, body: bytes) -> Mapping[str, str]:
    """Return the headers that prove a body: who sent it, and when (UTC seconds)."""
    signed = b".".join((message_id.encode(), str(at_s).encode(), body))
    signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": f"v1,{signature}",
    }
