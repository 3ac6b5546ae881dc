"""Read recordings: what a venue sent, character for character, with the recorder's receive times.

Owns: the line format: one JSON object a line with `recv_ns`, `kind` and `raw`; gzip where the name ends in ``.gz``.
Never: reads what stands in `raw`.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from ticktrail.errors import ConfigError

__all__ = ["Line", "read_recording"]

MAX_LINE_BYTES = 64 * 2**20
_TELL_EVERY = 256
"""Lines between two words of how far the reading got."""


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


def read_recording(path: Path, far: Callable[[float], None] | None = None) -> Iterator[Line]:
    """Yield the lines of a recording.

    Args:
        path: The file.
        far: Told now and then how much of the file was read, from 0 to 1.

    Raises:
        ConfigError: The file cannot be read, or a line of it is none; the message names file and line.
    """
    decode = msgspec.json.Decoder(Line).decode
    number = 0
    try:
        with path.open("rb") as file, gzip.open(file, "rb") if path.suffix == ".gz" else file as lines:
            size = path.stat().st_size
            while text := lines.readline(MAX_LINE_BYTES):
                number += 1
                if far is not None and number % _TELL_EVERY == 0 and size:
                    far(min(1.0, file.tell() / size))
                yield decode(text)
            if far is not None:
                far(1.0)
    except msgspec.MsgspecError as exc:
        raise ConfigError(
            f"{path}, line {number}: no line of a recording ({exc}); each line is a JSON object with recv_ns, kind, raw"
        ) from exc
    except (OSError, EOFError) as exc:
        why = exc.strerror if isinstance(exc, OSError) and exc.strerror else str(exc)
        raise ConfigError(f"recording {path} cannot be read after line {number}: {why}") from exc
