"""Make JSON of what a page is told, whatever text is in it.

Owns: the form of text that UTF-8 has none for.
Never: decides what is told.
"""

from __future__ import annotations

import json

import msgspec

__all__ = ["encode"]

_ENCODER = msgspec.json.Encoder()


def encode(view: msgspec.Struct) -> bytes:
    """Return a document as JSON.

    The name of a file or folder may hold bytes that are no UTF-8; Python keeps these as lone surrogates. They are
    written as escapes, as a browser takes them.
    """
    try:
        return _ENCODER.encode(view)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(view, order=None)).encode("ascii")
