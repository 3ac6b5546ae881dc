"""Read recordings: what a venue sent, character for character, with the recorder's receive times.

Owns: the line format: one JSON object a line with `recv_ns`, `kind` and `raw`; gzip where the name ends in ``.gz``.
Never: reads what stands in `raw`.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ticktrail.errors import ConfigError

__all__ = ["Line", "read_recording"]

MAX_LINE_BYTES = 64 * 2**20


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line.

    Attributes:
        kind: ``ws`` for a message received, ``http`` for a response's body; others are the recorder's notes.
        raw: The text, as it came.
        recv_ns: UTC nanoseconds by the recorder's clock; None where it kept none.
        url: Of an ``http`` line, what was asked for.
    """

    kind: str
    raw: str
    recv_ns: Annotated[int, Meta(ge=0, le=2**63 - 1)] | None = None
    url: str | None = None


def read_recording(path: Path) -> Iterator[Line]:
    """Yield the lines of a recording.

    Raises:
        ConfigError: The file cannot be read, or a line of it is none; the message names file and line.
    """
    decode = msgspec.json.Decoder(Line).decode
    number = 0
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
            while text := lines.readline(MAX_LINE_BYTES):
                number += 1
                yield decode(text)
    except msgspec.MsgspecError as exc:
        raise ConfigError(
            f"{path}, line {number}: no line of a recording ({exc}); each line is a JSON object with recv_ns, kind, raw"
        ) from exc
    except (OSError, EOFError) as exc:
        why = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise ConfigError(f"recording {path} cannot be read after line {number}: {why}") from exc
