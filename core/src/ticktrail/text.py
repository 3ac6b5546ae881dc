"""Write somebody else's words where a person reads lines.

Owns: what a line of output may hold.
Never: shortens, or translates.
"""

from __future__ import annotations

__all__ = ["one_line"]


def one_line(text: str) -> str:
    r"""Return the text as one line that a terminal shows as it is.

    A venue's message, a plugin's error or a symbol may hold line breaks, which would forge lines of a report, and
    escape sequences, which would forge anything. Whatever is not printable by Unicode stands as Python writes it in a
    string: ``\n``, ``\x1b``, ``\u202e``.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")
