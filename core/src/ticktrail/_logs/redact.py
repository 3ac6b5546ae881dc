"""Keep secrets out of the log.

Owns: what looks like a secret, by its key or by the text around it.
Never: is the only guard (no event carries one); it is the last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from ticktrail._contracts.known_secrets import HIDDEN, without_secrets

__all__ = ["redact", "redacted_text"]

_WORDS: Final = (
    r"secrets?|passwords?|passwd|pwd|passphrases?|tokens?|api[_-]?keys?|apikeys?|secret[_-]?keys?|private[_-]?keys?|"
    r"access[_-]?keys?|listen[_-]?keys?|authorization|cookies?|credentials?|signatures?"
)
_KEY: Final = re.compile(rf"(?:^|[_\-.])(?:{_WORDS})(?:$|[_\-.])", re.IGNORECASE)
_IN_TEXT: Final = re.compile(
    rf"(?i)((?:{_WORDS})[\"']?\s*[=:]\s*[\"']?(?:(?:bearer|basic)\s+)?)(?!\[secret\])[^\s\"',;&)}}\]]+"
)
_BEARER: Final = re.compile(r"(?i)\b(bearer|basic)\s+(?!\[secret\])[A-Za-z0-9._~+/=-]{8,}")
_USER_INFO: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^\s:/@]*):[^\s/@]+@")


def redact(value: object, key: str = "") -> object:
    """Return a value without what is secret in it.

    Args:
        value: Text, a number, or lists and tables of these.
        key: Under which it stands; under one that looks like a secret's nothing is shown.
    """
    if value in (None, "", False, True):
        return value
    if _KEY.search(key):
        return HIDDEN
    if isinstance(value, str):
        return redacted_text(value)
    if isinstance(value, Mapping):
        return {
            redacted_text(name) if isinstance(name, str) else name: redact(part, str(name))
            for name, part in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(part) for part in value]
    return value


def redacted_text(text: str) -> str:
    """Return a text without any secret that was resolved, and without what is written as one is."""
    text = without_secrets(text.encode("utf-8", "backslashreplace").decode())
    text = _USER_INFO.sub(rf"\1:{HIDDEN}@", text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    return _IN_TEXT.sub(rf"\1{HIDDEN}", text)
