"""Search bytes for values in the open, in every form in which they could stand there.

Owns: the forms of a value, and the search through a stream that a form may straddle.
Never: knows where the values come from, or prints one: who reads the report may not read the log.

A form that is short is found by chance in enough ciphertext. One of six bytes, in a gigabyte, about once in 260,000
searches; shorter ones are looked for with the name of their field before them, as JSON and MessagePack write it.
"""

from __future__ import annotations

import base64
import io
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec

__all__ = ["LEAST_BYTES", "Needle", "forms_of", "of_values", "prove", "search", "search_file", "text_forms"]

LEAST_BYTES = 6
"""A shorter form would be found by chance."""

CHUNK_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Needle:
    """One form of a value: `what` it is of (``price``), in which `form` (``utf-16``), and its bytes."""

    what: str
    form: str
    data: bytes


def forms_of(what: str, value: str | int) -> Sequence[Needle]:
    """Return the forms of a field's value: alone where it is long enough to mean anything, and behind its name."""
    keyed = [
        Needle(what, "json", msgspec.json.encode({what: value})[1:-1]),
        Needle(what, "msgpack", msgspec.msgpack.encode({what: value})[1:]),
    ]
    text = str(value)
    alone = () if text.isdigit() else text_forms(what, text)
    return [one for one in (*keyed, *alone) if len(one.data) >= LEAST_BYTES]


def text_forms(what: str, text: str) -> Sequence[Needle]:
    """Return the forms of a text: UTF-8, UTF-16 of both orders, hexadecimal digits, base64 at each alignment."""
    raw = text.encode()
    if len(raw) < LEAST_BYTES:
        return ()
    forms = {
        "utf-8": raw,
        "utf-16-le": text.encode("utf-16-le"),
        "utf-16-be": text.encode("utf-16-be"),
        "hex": raw.hex().encode(),
        "json escapes": msgspec.json.encode(text)[1:-1].replace(b"/", b"\\/"),
    }
    found = [Needle(what, form, data) for form, data in forms.items()]
    for shift in range(3):
        encoded = base64.b64encode(bytes(shift) + raw)
        first = (8 * shift + 5) // 6  # the first digit that is the text's alone
        last = (8 * (shift + len(raw))) // 6
        found.append(Needle(what, f"base64+{shift}", encoded[first:last]))
    return [one for one in found if len(one.data) >= LEAST_BYTES]


def search(
    stream: BinaryIO, needles: Sequence[Needle], *, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[Needle]:
    """Yield each needle that stands in a stream, once; one that lies across two reads as well.

    Args:
        stream: Read from where it is to its end.
        needles: What to look for.
        chunk_bytes: How much is read at once.
    """
    wanted = list(needles)
    overlap = max((len(one.data) for one in wanted), default=1) - 1
    kept = b""
    while wanted and (chunk := stream.read(chunk_bytes)):
        held = kept + chunk
        found = [one for one in wanted if one.data in held]
        yield from found
        wanted = [one for one in wanted if one not in found]
        kept = held[-overlap:] if overlap else b""


def search_file(path: Path, needles: Sequence[Needle], most_bytes: int) -> tuple[Sequence[Needle], int]:
    """Return the needles that stand in a file, and how many bytes were read: at most so many, from its end.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(0, size - most_bytes))
        return list(search(stream, needles)), min(size, most_bytes)


def prove(needles: Sequence[Needle]) -> Sequence[Needle]:
    """Return the needles that the search would not find: it must be none, or what it says of a file means nothing.

    Each is planted among random bytes where two reads meet, in memory; and what stands for it, made of random text, in
    a temporary file, which is removed.
    """
    missed = [
        one for one in needles if one not in set(search(io.BytesIO(_planted([one])), [one], chunk_bytes=64))
    ]
    canaries = text_forms("canary", f"canary/{os.urandom(8).hex()}")
    with tempfile.TemporaryDirectory(prefix="ticktrail-check-") as folder:
        path = Path(folder, "canary")
        path.write_bytes(os.urandom(CHUNK_BYTES - 8) + _planted(canaries))
        found = set(search_file(path, canaries, 2 * CHUNK_BYTES)[0])
    return [*missed, *(one for one in canaries if one not in found)]


def of_values(values: Mapping[str, Iterable[str | int]]) -> Sequence[Needle]:
    """Return the forms of all values, by field, each once."""
    return list(
        dict.fromkeys(one for what, held in values.items() for value in held for one in forms_of(what, value))
    )


def _planted(needles: Iterable[Needle]) -> bytes:
    """Return random bytes with each needle across the end of the first 64, and then one after the other."""
    planted = bytearray()
    for one in needles:
        planted += os.urandom(64 - min(len(one.data), 64) // 2) + one.data + os.urandom(16)
    return bytes(planted)
