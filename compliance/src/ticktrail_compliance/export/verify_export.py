"""Check an export of a ticktrail audit log, or an evidence pack with one in it, without ticktrail.

    python verify.py [FOLDER] [--verifier-key NAME+NUMBER+BASE64] [--data-keys FILE] [--json]

Needs Python 3.11 or later and the package `cryptography`; takes the package `zstandard` where it is there. It is
written from the description of the format alone (docs/reference/audit-format.md) and shares no code with what makes
exports, so that a mistake of the one is no mistake of the other. It reads the folder, changes nothing and asks no
network.

Exit status: 0 all is sound, 1 there are findings, 2 it was called wrongly, or `cryptography` is not installed.

Owns: what an export proves, and in which words a reader is told.
Never: imports ticktrail, writes a file, trusts a length.
"""

import argparse
import base64
import csv
import hashlib
import importlib
import io
import json
import math
import os
import re
import stat
import struct
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import BinaryIO, TypeVar

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
except ImportError:
    if __name__ != "__main__":
        raise
    sys.stderr.write("verify.py needs the package cryptography: pip install cryptography\n")
    sys.exit(2)

T = TypeVar("T")
Map = dict[str, object]

# --- Limits: whatever the export claims, no more than this is held in memory at once --------------------------------

MOST_CONTENT = 256 << 20  # of a plaintext, by the format
MOST_CIPHERTEXT = MOST_CONTENT + (1 << 20)  # what does not shrink grows a little
MOST_LINE = 32 << 20  # of entries.jsonl and the rows
MOST_TEXT = 1 << 20  # of a note
MOST_MANIFEST = 16 << 20
MOST_FINDINGS = 1000  # kept; all are counted
MOST_VALUES = 4_000_000  # in one record
MOST_DEPTH = 32
CHUNK = 1 << 20


class BrokenError(Exception):
    """Some bytes are not what the format says that they are."""


class WrongUseError(Exception):
    """What was given beside the export does not belong to it."""


# --- zstd (RFC 8878), for whoever has no package for it: slow, and bounded by the size that the frame tells ----------

MOST_BLOCK = 128 << 10


class Bits:
    """A bit stream that is read from its end to its beginning."""

    def __init__(self, data: bytes) -> None:
        if not data or not data[-1]:
            raise BrokenError("zstd: a bit stream has no end mark")
        self.data = data
        self.at = len(data) - 1
        self.count = data[-1].bit_length() - 1
        self.held = data[-1] & ((1 << self.count) - 1)

    def left(self) -> int:
        """Return how many bits were not read yet."""
        return self.count + 8 * self.at

    def fill(self) -> None:
        """Take up to 64 bytes more into what is held."""
        begin = max(0, self.at - 64)
        self.held = self.held << 8 * (self.at - begin) | int.from_bytes(self.data[begin : self.at], "little")
        self.count += 8 * (self.at - begin)
        self.at = begin

    def read(self, bits: int) -> int:
        """Return the next bits as a number."""
        if bits > self.count:
            self.fill()
            if bits > self.count:
                raise BrokenError("zstd: a bit stream ends too early")
        self.count -= bits
        value = self.held >> self.count
        self.held &= (1 << self.count) - 1
        return value


@dataclass(frozen=True)
class Fse:
    """A table of finite state entropy: for each state its symbol, how many bits to read, and what to add to them."""

    log: int
    cells: list[tuple[int, int, int]]


def fse_of(counts: list[int], log: int) -> Fse:
    """Spread the symbols over the states (section 4.1.1)."""
    size = 1 << log
    symbols, high, following = [0] * size, size, {}
    for symbol, count in enumerate(counts):
        if count == -1:
            high -= 1
            symbols[high] = symbol
        following[symbol] = abs(count)
    at, step = 0, (size >> 1) + (size >> 3) + 3
    for symbol, count in enumerate(counts):
        for _ in range(max(0, count)):
            symbols[at] = symbol
            at = (at + step) % size
            while at >= high:
                at = (at + step) % size
    cells = []
    for symbol in symbols:
        state = following[symbol]
        following[symbol] += 1
        bits = log - state.bit_length() + 1
        cells.append((symbol, bits, (state << bits) - size))
    return Fse(log, cells)


def read_fse(data: bytes, at: int, most_log: int, most_symbol: int) -> tuple[Fse, int]:
    """Read a table's description; return the table and where it ended."""
    # 256 symbols of at most 10 bits each
    window = data[at : at + 512]
    stream, bit = int.from_bytes(window, "little"), 4
    log = (stream & 15) + 5
    if not window or log > most_log:
        raise BrokenError("zstd: an entropy table is too large")
    counts: list[int] = []
    left = 1 << log
    while left > 0:
        if len(counts) > most_symbol:
            raise BrokenError("zstd: an entropy table has too many symbols")
        bits = (left + 1).bit_length()
        value = stream >> bit & (1 << bits) - 1
        low, threshold = (1 << bits - 1) - 1, (1 << bits) - 2 - left
        if value & low < threshold:
            value &= low
            bit += bits - 1
        else:
            value -= threshold if value > low else 0
            bit += bits
        counts.append(value - 1)
        left -= abs(value - 1)
        repeat = 3 if value == 1 else 0
        while repeat == 3:
            repeat = stream >> bit & 3
            bit += 2
            counts += [0] * repeat
            if len(counts) > most_symbol + 1:
                raise BrokenError("zstd: an entropy table has too many symbols")
    used = (bit + 7) // 8
    if left or used > len(window):
        raise BrokenError("zstd: an entropy table is torn")
    return fse_of(counts, log), at + used


def weights_of(data: bytes) -> list[int]:
    """Return the Huffman weights that are compressed as two interleaved states (section 4.2.1.2)."""
    table, at = read_fse(data, 0, 6, 255)
    bits = Bits(data[at:])
    states = [bits.read(table.log), bits.read(table.log)]
    weights: list[int] = []
    turn = 0
    while len(weights) < 255:
        symbol, size, base = table.cells[states[turn]]
        weights.append(symbol)
        if size > bits.left():
            weights.append(table.cells[states[1 - turn]][0])
            return weights
        states[turn] = base + bits.read(size)
        turn = 1 - turn
    raise BrokenError("zstd: too many Huffman weights")


@dataclass(frozen=True)
class Huffman:
    """For each of the next `most` bits a symbol and how many of the bits it takes."""

    most: int
    symbols: bytes
    sizes: bytes

    def decode(self, data: bytes, count: int, out: bytearray) -> None:
        """Append `count` symbols of a stream, which they must use up."""
        bits = Bits(data)
        held, have, most, symbols, sizes = bits.held, bits.count, self.most, self.symbols, self.sizes
        mask = (1 << most) - 1
        for _ in range(count):
            if have < most:
                bits.held, bits.count = held & (1 << max(have, 0)) - 1, have
                bits.fill()
                held, have = bits.held, bits.count
            index = (held >> have - most if have >= most else held << most - have) & mask
            out.append(symbols[index])
            have -= sizes[index]
            if have < 0:
                raise BrokenError("zstd: a stream of literals ends too early")
        if have or bits.at:
            raise BrokenError("zstd: a stream of literals goes on after its end")


def read_huffman(data: bytes) -> tuple[Huffman, int]:
    """Read a Huffman table; return it and how many bytes it took."""
    if not data:
        raise BrokenError("zstd: a Huffman table is torn")
    used = data[0] + 1 if data[0] < 128 else 1 + (data[0] - 126) // 2
    part = data[1:used]
    if len(part) != used - 1:
        raise BrokenError("zstd: a Huffman table is torn")
    if data[0] < 128:
        weights = weights_of(part)
    else:
        weights = [nibble for byte in part for nibble in (byte >> 4, byte & 15)][: data[0] - 127]
    total = sum(1 << weight - 1 for weight in weights if weight)
    most = total.bit_length()
    last = (1 << most) - total
    if not 1 <= most <= 11 or last & last - 1 or max(weights) > most:
        raise BrokenError("zstd: a Huffman table is not whole")
    weights.append(last.bit_length())
    symbols, sizes = bytearray(), bytearray()
    for weight in range(1, most + 1):
        for symbol, its in enumerate(weights):
            if its == weight:
                symbols += bytes([symbol]) * (1 << weight - 1)
                sizes += bytes([most + 1 - weight]) * (1 << weight - 1)
    return Huffman(most, bytes(symbols), bytes(sizes)), used


def codes_of(first: int, bits: Iterable[int]) -> list[tuple[int, int]]:
    """Return for each code its least value and how many bits more are read."""
    codes = []
    for size in bits:
        codes.append((first, size))
        first += 1 << size
    return codes


LITERALS = codes_of(0, [0] * 16 + [1, 1, 1, 1, 2, 2, 3, 3, 4, *range(6, 17)])
MATCHES = codes_of(3, [0] * 32 + [1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, *range(7, 17)])
# For literal lengths, offsets and match lengths: largest table, largest symbol, and the predefined table.
KINDS = (
    (9, 35, fse_of([4, 3, *[2] * 11, 1, 1, 1, *[2] * 9, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1], 6)),
    (8, 31, fse_of([*[1] * 6, 2, 2, 2, *[1] * 15, *[-1] * 5], 5)),
    (9, 52, fse_of([1, 4, 3, *[2] * 6, *[1] * 37, *[-1] * 7], 6)),
)


class Unpacking:
    """One frame while it is decoded: what came out, and what a block takes over from the one before."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.out = bytearray()
        self.huffman: Huffman | None = None
        self.tables: list[Fse | None] = [None, None, None]
        self.recent = [1, 4, 8]

    def literals(self, data: bytes) -> tuple[bytes, int]:
        """Return the literals of a block, and where its sequences begin (section 3.1.1.3.1)."""
        head = int.from_bytes(data[:5].ljust(5, b"\0"), "little")
        kind, form = head & 3, head >> 2 & 3
        if kind < 2:
            at, size = (
                (1, head >> 3 & 31),
                (2, head >> 4 & 0xFFF),
                (1, head >> 3 & 31),
                (3, head >> 4 & 0xFFFFF),
            )[form]
            end = at + (1 if kind else size)
            if end > len(data) or size > MOST_BLOCK:
                raise BrokenError("zstd: literals are torn")
            return (data[at:end] * size if kind else data[at:end]), end
        at, width = ((3, 10), (3, 10), (4, 14), (5, 18))[form]
        size, packed = head >> 4 & (1 << width) - 1, head >> 4 + width & (1 << width) - 1
        end = at + packed
        if end > len(data) or size > MOST_BLOCK:
            raise BrokenError("zstd: literals are torn")
        if kind == 2:
            self.huffman, used = read_huffman(data[at:end])
            at += used
        if self.huffman is None:
            raise BrokenError("zstd: literals without a Huffman table")
        out = bytearray()
        if not form:
            self.huffman.decode(data[at:end], size, out)
            return bytes(out), end
        share = (size + 3) // 4
        if at + 6 > end or 3 * share > size:
            raise BrokenError("zstd: literals are torn")
        sizes = struct.unpack_from("<3H", data, at)
        at += 6
        for one in sizes:
            self.huffman.decode(data[at : min(at + one, end)], share, out)
            at += one
        self.huffman.decode(data[at:end], size - 3 * share, out)
        return bytes(out), end

    def table(self, kind: int, mode: int, data: bytes, at: int) -> tuple[Fse, int]:
        """Return the table of a kind of code, and where its description ended."""
        most_log, most_symbol, predefined = KINDS[kind]
        known = self.tables[kind]
        if mode == 0:
            table = predefined
        elif mode == 1:
            if at >= len(data) or data[at] > most_symbol:
                raise BrokenError("zstd: a code is unknown")
            table, at = Fse(0, [(data[at], 0, 0)]), at + 1
        elif mode == 2:
            table, at = read_fse(data, at, most_log, most_symbol)
        elif known is None:
            raise BrokenError("zstd: a table is to be used again and there is none")
        else:
            table = known
        self.tables[kind] = table
        return table, at

    def block(self, data: bytes) -> None:
        """Decode a compressed block."""
        literals, at = self.literals(data)
        head = data[at : at + 3].ljust(3, b"\0")
        if at >= len(data):
            raise BrokenError("zstd: a block ends too early")
        if head[0] < 128:
            count, at = head[0], at + 1
        elif head[0] < 255:
            count, at = (head[0] - 128 << 8) + head[1], at + 2
        else:
            count, at = head[1] + (head[2] << 8) + 0x7F00, at + 3
        if not count:
            if at != len(data):
                raise BrokenError("zstd: a block goes on after its end")
            self.add(literals)
            return
        if at >= len(data) or data[at] & 3:
            raise BrokenError("zstd: the modes of a block are wrong")
        modes, at = data[at], at + 1
        by_literals, at = self.table(0, modes >> 6, data, at)
        by_offset, at = self.table(1, modes >> 4 & 3, data, at)
        by_match, at = self.table(2, modes >> 2 & 3, data, at)
        self.sequences(count, literals, Bits(data[at:]), by_literals, by_offset, by_match)

    def sequences(
        self, count: int, literals: bytes, bits: Bits, by_literals: Fse, by_offset: Fse, by_match: Fse
    ) -> None:
        """Carry out the sequences of a block: so many literals, then so much of what came before."""
        read, begun, taken = bits.read, len(self.out), 0
        states = read(by_literals.log), read(by_offset.log), read(by_match.log)
        for number in range(count):
            literal_cell, offset_cell = by_literals.cells[states[0]], by_offset.cells[states[1]]
            match_cell = by_match.cells[states[2]]
            value = (1 << offset_cell[0]) + read(offset_cell[0])
            base, size = MATCHES[match_cell[0]]
            match = base + read(size)
            base, size = LITERALS[literal_cell[0]]
            length = base + read(size)
            if taken + length > len(literals) or len(self.out) - begun + length + match > MOST_BLOCK:
                raise BrokenError("zstd: a block is too large")
            self.add(literals[taken : taken + length])
            taken += length
            self.copy(self.offset(value, length), match)
            if number < count - 1:
                next_literal = literal_cell[2] + read(literal_cell[1])
                next_match = match_cell[2] + read(match_cell[1])
                states = next_literal, offset_cell[2] + read(offset_cell[1]), next_match
        if bits.left():
            raise BrokenError("zstd: sequences go on after their end")
        self.add(literals[taken:])

    def offset(self, value: int, length: int) -> int:
        """Return how far back a match lies, of the last three offsets or a new one (section 3.1.1.5)."""
        first, second, third = self.recent
        if value > 3:
            self.recent = [value - 3, first, second]
            return value - 3
        place = value - (1 if length else 0)
        if place == 0:
            return first
        found = (first, second, third, first - 1)[place]
        self.recent = [found, first, third if place == 1 else second]
        return found

    def copy(self, offset: int, length: int) -> None:
        """Append what stands `offset` bytes back; it may reach into what it appends."""
        begin = len(self.out) - offset
        if begin < 0 or offset <= 0:
            raise BrokenError("zstd: a match lies before the beginning")
        part = bytes(self.out[begin : begin + length])
        self.add((part * (length // len(part) + 1))[:length] if len(part) < length else part)

    def add(self, data: bytes) -> None:
        """Append what was decoded, as long as the frame's size allows it."""
        if len(self.out) + len(data) > self.size:
            raise BrokenError("zstd: the content is larger than the frame says")
        self.out += data


def xxh64(data: bytes) -> int:
    """Return the XXH64 of some bytes, seed 0: the checksum of a frame."""
    mask, size = (1 << 64) - 1, len(data)
    p1, p2, p3, p4, p5 = (
        0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5,
    )  # fmt: skip

    def turned(value: int, bits: int) -> int:
        return (value << bits | value >> 64 - bits) & mask

    def one(held: int, word: int) -> int:
        return turned((held + word * p2) & mask, 31) * p1 & mask

    lanes = [(p1 + p2) & mask, p2, 0, -p1 & mask]
    whole = size // 32 * 32
    for words in struct.iter_unpack("<4Q", memoryview(data)[:whole]):
        lanes = [one(held, word) for held, word in zip(lanes, words, strict=True)]
    if whole:
        found = sum(turned(held, bits) for held, bits in zip(lanes, (1, 7, 12, 18), strict=True)) & mask
        for held in lanes:
            found = ((found ^ one(0, held)) * p1 + p4) & mask
    else:
        found = p5
    found = found + size & mask
    at = whole
    while at + 8 <= size:
        found = (turned(found ^ one(0, int.from_bytes(data[at : at + 8], "little")), 27) * p1 + p4) & mask
        at += 8
    if at + 4 <= size:
        found = (turned(found ^ int.from_bytes(data[at : at + 4], "little") * p1 & mask, 23) * p2 + p3) & mask
        at += 4
    for byte in data[at:]:
        found = turned(found ^ byte * p5 & mask, 11) * p1 & mask
    found = (found ^ found >> 33) * p2 & mask
    found = (found ^ found >> 29) * p3 & mask
    return found ^ found >> 32


def frame_of(data: bytes, most: int) -> tuple[int, int, bool]:
    """Return a frame's content size, where its blocks begin, and whether it has a checksum."""
    if data[:4] != b"\x28\xb5\x2f\xfd" or len(data) < 6:
        raise BrokenError("zstd: this is no frame")
    told = data[4]
    single, width = told >> 5 & 1, (told >> 5 & 1, 2, 4, 8)[told >> 6]
    at = 5 if single else 6
    if told & 8 or told & 3:
        raise BrokenError("zstd: the frame wants a dictionary, or is of a later version")
    if not width or at + width > len(data):
        raise BrokenError("zstd: the frame does not tell its content's size")
    size = int.from_bytes(data[at : at + width], "little") + (256 if width == 2 else 0)
    if size > most:
        raise BrokenError(f"zstd: the frame claims a content of {size:,} bytes; at most {most:,} are allowed")
    return size, at + width, bool(told & 4)


def unpack_slowly(data: bytes, most: int = MOST_CONTENT) -> bytes:
    """Return the content of one frame, by this file's own decoder."""
    size, at, checked = frame_of(data, most)
    frame = Unpacking(size)
    last = False
    while not last:
        if at + 3 > len(data):
            raise BrokenError("zstd: the frame is torn")
        head = int.from_bytes(data[at : at + 3], "little")
        last, kind, length = bool(head & 1), head >> 1 & 3, head >> 3
        at += 3
        end = at + (1 if kind == 1 else length)
        if kind == 3 or length > MOST_BLOCK or end > len(data):
            raise BrokenError("zstd: a block is torn, too large or of an unknown kind")
        if kind == 2:
            frame.block(data[at:end])
        else:
            frame.add(data[at:end] * (length if kind == 1 else 1))
        at = end
    out = bytes(frame.out)
    if len(out) != size:
        raise BrokenError(f"zstd: the frame says {size:,} bytes and has {len(out):,}")
    if checked:
        if data[at : at + 4] != (xxh64(out) & 0xFFFFFFFF).to_bytes(4, "little"):
            raise BrokenError("zstd: the checksum does not fit the content")
        at += 4
    if at != len(data):
        raise BrokenError("zstd: something follows the frame")
    return out


def unpacker() -> tuple[str, Callable[[bytes], bytes]]:
    """Return the fastest decoder that is here, and its name."""
    for name in ("compression.zstd", "zstandard"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return name, partial(unpack_with, module)
    return "this file", unpack_slowly


def unpack_with(module: ModuleType, data: bytes) -> bytes:
    """Return the content of one frame, by a package: no more than the size that the frame tells."""
    size, _, _ = frame_of(data, MOST_CONTENT)
    if not size:
        return unpack_slowly(data)  # which `zstandard` takes for empty whatever follows
    decoder = module.ZstdDecompressor()
    try:
        if module.__name__ == "zstandard":
            return bytes(decoder.decompress(data, max_output_size=size, allow_extra_data=False))
        out = bytes(decoder.decompress(data, size + 1))
    except (module.ZstdError, EOFError) as exc:
        raise BrokenError(f"zstd: {exc}") from None
    if not decoder.eof or decoder.unused_data or len(out) != size:
        raise BrokenError("zstd: the frame is torn, or something follows it")
    return out


# --- MessagePack ----------------------------------------------------------------------------------------------------

NUMBERS = dict(enumerate((">f", ">d", ">B", ">H", ">I", ">Q", ">b", ">h", ">i", ">q"), 0xCA))
LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4, 0xDC: 2, 0xDD: 4, 0xDE: 2, 0xDF: 4}


class Message:
    """MessagePack, read value by value. Bytes come as base64, numbers that are none as null: as rows have them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.budget = MOST_VALUES

    def fault(self, what: str) -> BrokenError:
        """Return an error that tells the place."""
        return BrokenError(f"MessagePack, byte {self.at:,}: {what}")

    def take(self, size: int) -> bytes:
        """Return so many bytes."""
        part = self.data[self.at : self.at + size]
        if len(part) != size:
            raise self.fault(f"{size:,} bytes are claimed and {len(part):,} are there")
        self.at += size
        return part

    def items(self, count: int) -> int:
        """Check how many items an array or a map claims: each takes a byte at least."""
        if count > len(self.data) - self.at:
            raise self.fault(f"{count:,} items are claimed and {len(self.data) - self.at:,} bytes are there")
        return count

    def text(self, size: int) -> str:
        """Return a text."""
        try:
            return self.take(size).decode()
        except UnicodeDecodeError:
            raise self.fault("a text is not UTF-8") from None

    def value(self, depth: int = 0) -> object:  # noqa: PLR0911  # one return a type
        """Return the next value, whole."""
        self.budget -= 1
        if depth > MOST_DEPTH or self.budget < 0:
            raise self.fault(f"more than {MOST_DEPTH} levels or {MOST_VALUES:,} values")
        if self.at >= len(self.data):
            raise self.fault("a value is missing")
        code = self.data[self.at]
        self.at += 1
        if code < 0x80:
            return code
        if 0xA0 <= code < 0xC0:
            return self.text(code & 31)
        if code < 0x90:
            return self.map(code & 15, depth)
        if code < 0xA0:
            return [self.value(depth + 1) for _ in range(self.items(code & 15))]
        if code >= 0xE0:
            return code - 256
        if code in {0xC0, 0xC2, 0xC3}:
            return None if code == 0xC0 else code == 0xC3
        if code in NUMBERS:
            form = NUMBERS[code]
            number: int | float = struct.unpack(form, self.take(struct.calcsize(form)))[0]
            return number if isinstance(number, int) or math.isfinite(number) else None
        if code not in LENGTHS:
            raise self.fault(f"a value of type {code:#x} has no place in a log")
        size = int.from_bytes(self.take(LENGTHS[code]), "big")
        if code <= 0xC6:
            return base64.b64encode(self.take(size)).decode()
        if code <= 0xDB:
            return self.text(size)
        return (
            self.map(size, depth)
            if code >= 0xDE
            else [self.value(depth + 1) for _ in range(self.items(size))]
        )

    def map(self, count: int, depth: int) -> Map:
        """Return a map of texts to values."""
        found: Map = {}
        for _ in range(self.items(count)):
            key = self.value(depth + 1)
            if not isinstance(key, str) or key in found:
                raise self.fault("the key of a map is no text, or comes twice")
            found[key] = self.value(depth + 1)
        return found

    def records(self) -> Iterator[object]:
        """Return the items of an array one by one, so that never all are held; nothing may follow it."""
        code = self.take(1)[0]
        if 0x90 <= code < 0xA0:
            count = code & 15
        elif code in {0xDC, 0xDD}:
            count = int.from_bytes(self.take(LENGTHS[code]), "big")
        else:
            raise self.fault("the body is no array")
        for _ in range(self.items(count)):
            self.budget = MOST_VALUES
            yield self.value(1)
        self.end()

    def end(self) -> None:
        """Nothing may follow."""
        if self.at != len(self.data):
            raise self.fault("something follows the end")


# --- Texts: JSON, base64, hexadecimal, and how a foreign value is shown ----------------------------------------------


def shown(value: object, most: int = 60) -> str:
    """Return a value as it can be printed: nothing in it may steer a terminal."""
    text = ascii(value)
    return text if len(text) <= most else text[:most] + "..."


def pairs_once(pairs: list[tuple[str, object]]) -> Map:
    """Make an object of which no key comes twice: two readers could take different ones."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BrokenError("a key comes twice in a JSON object")
    return found


def no_constant(text: str) -> object:
    """Refuse what Python takes for a number and JSON does not."""
    raise BrokenError(f"{text} is no JSON")


DECODER = json.JSONDecoder(object_pairs_hook=pairs_once, parse_constant=no_constant)


def json_object(data: bytes) -> Map:
    """Return a JSON object."""
    try:
        value = DECODER.decode(data.decode())
    except (ValueError, RecursionError) as exc:
        raise BrokenError(
            f"not JSON: {exc}" if isinstance(exc, ValueError) else "JSON that is too deep"
        ) from None
    if not isinstance(value, dict):
        raise BrokenError("not a JSON object")
    return value


canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode
"""Return a value as a text that is equal where the values are: 1, 1.0 and true are three."""


def base64_bytes(value: object, size: int | None = None) -> bytes:
    """Return what base64 stands for; only one spelling of it is taken."""
    try:
        data = base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except ValueError:
        data = None
    if data is None or base64.b64encode(data).decode() != value:
        raise BrokenError(f"{shown(value)} is no base64")
    if size is not None and len(data) != size:
        raise BrokenError(f"{len(data)} bytes in base64, {size} were expected")
    return data


def hash_bytes(value: object) -> bytes:
    """Return what a hash in hexadecimal stands for."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{64}", value):
        raise BrokenError(f"{shown(value)} is no SHA-256 in hexadecimal")
    return bytes.fromhex(value)


def integer(value: object, least: int, most: int) -> int:
    """Return a whole number within bounds."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise BrokenError(f"{shown(value)} is no whole number from {least} to {most}")
    return value


def texts(value: object) -> list[str]:
    """Return an array of texts."""
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise BrokenError(f"{shown(value)} is no array of texts")
    return value


# --- What was found -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where: as much of the place as is known."""

    fault: str
    file: str = ""
    line: int | None = None
    byte: int | None = None
    entry: int | None = None
    row: int | None = None

    def __str__(self) -> str:
        numbers = {"line": self.line, "byte": self.byte, "entry": self.entry, "row": self.row}
        places = [self.file, *(f"{name} {number}" for name, number in numbers.items() if number is not None)]
        place = ", ".join(filter(None, places)) or "the export"
        return self.fault if self.fault.startswith(f"{place} ") else f"{place}: {self.fault}"


@dataclass
class Report:
    """All findings, what was checked, and what could not be."""

    findings: list[Finding] = field(default_factory=list)
    total: int = 0
    checked: Counter[str] = field(default_factory=Counter)
    unchecked: Counter[str] = field(default_factory=Counter)
    missing: set[str] = field(default_factory=set)

    def add(self, fault: str, at: Finding) -> None:
        """Keep a finding; the first of very many are kept, and all counted."""
        self.total += 1
        if self.total <= MOST_FINDINGS:
            self.findings.append(Finding(**{**asdict(at), "fault": fault}))

    def attempt(self, at: Finding, step: Callable[[], T], before: str = "") -> T | None:
        """Return what a step gives, or keep why it cannot be done."""
        try:
            return step()
        except FileNotFoundError:
            # Of a file that several steps need it is told once.
            if at.file not in self.missing:
                self.missing.add(at.file)
                self.add(f"{at.file} is missing{f': {before[:-2]}' if before else ''}", at)
        except OSError as exc:
            self.add(f"{before}cannot be read: {exc.strerror or type(exc).__name__}", at)
        except (BrokenError, OverflowError, MemoryError) as exc:
            self.add(before + (str(exc) or type(exc).__name__), at)
        return None


class Progress:
    """Tells a person at a terminal how far it is, once a second."""

    def __init__(self, total: int) -> None:
        self.total = max(1, total)
        self.done = 0
        self.told = time.monotonic()
        self.wanted = sys.stderr.isatty()
        self.shown = False

    def step(self, size: int) -> None:
        """Count some bytes."""
        self.done += size
        if self.wanted and time.monotonic() - self.told > 1:
            self.told, self.shown = time.monotonic(), True
            sys.stderr.write(f"\rchecking: {min(100, 100 * self.done // self.total)} %")
            sys.stderr.flush()

    def end(self) -> None:
        """Clear the line."""
        if self.shown:
            sys.stderr.write("\r\x1b[K")


# --- Signed notes, and the tree (RFC 9162) --------------------------------------------------------------------------


@dataclass(frozen=True)
class VerifierKey:
    """The public half of the log's key, with its name and number."""

    name: str
    number: bytes
    public: bytes

    @classmethod
    def of(cls, text: str) -> "VerifierKey":
        """Read NAME+NUMBER+BASE64."""
        parts = text.strip().split("+", 2)
        if len(parts) != 3 or not re.fullmatch(r"[0-9a-f]{8}", parts[1]):
            raise BrokenError(f"{shown(text)} is no verifier key: NAME+NUMBER+BASE64")
        key = base64_bytes(parts[2], 33)
        number = hashlib.sha256(parts[0].encode("utf-8", "replace") + b"\n" + key).digest()[:4]
        if key[0] != 1 or number.hex() != parts[1]:
            raise BrokenError(f"{shown(text)}: the number does not fit the name and the key")
        return cls(parts[0], number, key[1:])

    def open(self, data: bytes) -> list[str]:
        """Return the lines of a signed note after checking that this key signed it."""
        try:
            text, between, signatures = data.decode().rpartition("\n\n")
        except UnicodeDecodeError:
            raise BrokenError("not a signed note: not UTF-8") from None
        if not between or not signatures.endswith("\n"):
            raise BrokenError("not a signed note: no empty line before the signature")
        found = False
        for line in signatures[:-1].split("\n"):
            name, space, value = line.removeprefix("\u2014 ").partition(" ")
            if not line.startswith("\u2014 ") or not space:
                raise BrokenError(f"not a signed note: {shown(line)} is no signature")
            signature = base64_bytes(value)
            if name != self.name or signature[:4] != self.number:
                continue  # of a witness
            try:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature[4:], (text + "\n").encode())
            except InvalidSignature:
                raise BrokenError(
                    "the signature does not fit: it was not signed by this key, or changed since"
                ) from None
            found = True
        if not found:
            raise BrokenError(f"not signed by the key {shown(self.name)}")
        return text.split("\n")


def root_of(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Return the root that an inclusion path leads to (RFC 9162, section 2.1.3.2)."""
    node, here, last = leaf, index, size - 1
    for other in path:
        if not last:
            raise BrokenError("its inclusion path is too long")
        if here & 1 or here == last:
            node = hashlib.sha256(b"\x01" + other + node).digest()
            while not here & 1 and here:
                here, last = here >> 1, last >> 1
        else:
            node = hashlib.sha256(b"\x01" + node + other).digest()
        here, last = here >> 1, last >> 1
    if last:
        raise BrokenError("its inclusion path is too short")
    return node


# --- The folder and its manifest -------------------------------------------------------------------------------------

ROWS = {"jsonl": "rows.jsonl", "csv": "rows.csv", "parquet": "rows.parquet"}
ALWAYS = ("checkpoint", "entries.jsonl", "bodies.bin", "README.txt", "verify.py")
CLASSES = {"control": 1, "journal": 2, "access": 3, "clock": 4, "incident": 5, "retention": 6}
OUTCOMES = ("event", "delivered", "rejected", "flagged", "suppressed")
U32, U64, I64 = (1 << 32) - 1, (1 << 64) - 1, (1 << 63) - 1


def open_plain(path: Path) -> BinaryIO:
    """Open a file of the export; a link, a pipe or a folder in its place is refused."""
    if not stat.S_ISREG(path.lstat().st_mode):
        raise BrokenError("this is a link or no plain file")
    flags = (
        os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)
    )
    return os.fdopen(os.open(path, flags), "rb")


def read_small(path: Path, most: int) -> bytes:
    """Return a file that has to be small."""
    with open_plain(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise BrokenError(f"larger than {most:,} bytes")
    return data


@dataclass(frozen=True)
class Manifest:
    """What the export says that it is."""

    log_id: str
    verifier_key: str
    created_ns: int | None
    actor: str
    purpose: str
    from_ns: int | None
    to_ns: int | None
    classes: frozenset[str]
    instruments: frozenset[str]
    providers: frozenset[str]
    outcomes: frozenset[str]
    first_seq: int
    last_seq: int
    entries: int
    bodies: int
    rows: int
    rows_format: str
    first_proof: list[bytes]
    last_proof: list[bytes]
    files: dict[str, tuple[int, bytes]]

    def within(self, first_ns: int, last_ns: int) -> bool:
        """Tell whether a span of time meets the export's."""
        after = self.from_ns is None or last_ns >= self.from_ns
        return after and (self.to_ns is None or first_ns <= self.to_ns)


def manifest_of(told: Map) -> Manifest:
    """Read a manifest; every field must be there and of its kind."""
    if told.pop("format", None) != "ticktrail export 1":
        raise BrokenError('`format` is not "ticktrail export 1": this verifier does not know it')

    def path(value: object) -> list[bytes]:
        return [base64_bytes(one, 32) for one in texts(value)]

    def text(value: object) -> str:
        return texts([value])[0]

    def log_id(value: object) -> str:
        try:
            fits = str(uuid.UUID(text(value))) == value
        except ValueError:
            fits = False
        if not fits:
            raise BrokenError(f"{shown(value)} is no UUID in its usual form")
        return text(value)

    def bound(value: object) -> int | None:
        return None if value is None else integer(value, -I64 - 1, I64)

    def names(*known: str) -> Callable[[object], frozenset[str]]:
        def some(value: object) -> frozenset[str]:
            found = frozenset(texts(value))
            if known and found - set(known):
                raise BrokenError(f"{shown(sorted(found - set(known)))} is none of {', '.join(known)}")
            return found

        return some

    def number(value: object) -> int:
        return integer(value, 0, U64)

    def rows_format(value: object) -> str:
        if text(value) not in ROWS:
            raise BrokenError(f"{shown(value)} is none of {', '.join(ROWS)}")
        return text(value)

    def files(value: object) -> dict[str, tuple[int, bytes]]:
        if not isinstance(value, dict):
            raise BrokenError(f"{shown(value)} is no map")
        for one in value.values():
            if not isinstance(one, dict) or set(one) != {"bytes", "sha256"}:
                raise BrokenError(f"{shown(one)} is not `bytes` and `sha256`")
        return {name: (number(one["bytes"]), hash_bytes(one["sha256"])) for name, one in value.items()}

    kinds: dict[str, Callable[[object], object]] = {
        "log_id": log_id, "verifier_key": text, "created_ns": bound, "actor": text, "purpose": text,
        "from_ns": bound, "to_ns": bound, "classes": names(*CLASSES), "instruments": names(), "providers": names(),
        "outcomes": names(*OUTCOMES), "first_seq": number, "last_seq": number, "entries": number, "bodies": number,
        "rows": number, "rows_format": rows_format, "first_proof": path, "last_proof": path, "files": files,
    }  # fmt: skip
    if set(told) != set(kinds):
        odd = sorted(set(told) ^ set(kinds))
        raise BrokenError(f"fields that are missing or unknown: {shown(odd)}")
    found: Map = {}
    for name, kind in kinds.items():
        try:
            found[name] = kind(told[name])
        except BrokenError as exc:
            raise BrokenError(f"`{name}`: {exc}") from None
    return Manifest(**found)  # type: ignore[arg-type]  # each is what its kind returns


# --- Entries --------------------------------------------------------------------------------------------------------

# The header's fields after magic and log, with the bounds of each.
FIELDS = {
    "seq": (1, U64), "entry_class": (1, 6), "form": (0, 255), "writer": (1, U32), "counter": (1, I64),
    "written_ns": (-I64 - 1, I64), "clock_offset_ns": (-I64 - 1, I64), "clock_bound_ns": (-I64 - 1, I64),
    "first_ns": (-I64 - 1, I64), "last_ns": (-I64 - 1, I64), "records": (0, U32), "ticks": (0, U32), "key_id": (0, U64),
}  # fmt: skip
HEADER = struct.Struct(">16s16sQBBIQqqqqqIIQ")
OTHERS = {"previous", "digest", "summary", "summary_sha256", "body_sha256", "body"}


@dataclass(frozen=True)
class Entry:
    """One line of entries.jsonl."""

    place: Finding
    entry_class: str
    numbers: dict[str, int]
    header: bytes
    previous: bytes
    digest: bytes
    leaf: bytes
    summary: bytes | None
    summary_sha256: bytes
    body_sha256: bytes
    body: tuple[int, int] | None

    def decrypt(self, key: bytes, part: int, ciphertext: bytes) -> bytes:
        """Return the compressed plaintext of the summary (part 0) or the body (1)."""
        nonce = self.numbers["writer"].to_bytes(4, "big") + (2 * self.numbers["counter"] + part).to_bytes(
            8, "big"
        )
        try:
            plain = AESGCM(key).decrypt(nonce, ciphertext, self.header + self.previous + bytes([part]))
        except (InvalidTag, ValueError):
            raise BrokenError(
                "cannot be decrypted: not what was sealed in this place, or another key"
            ) from None
        if not plain.startswith(bytes(32)):  # AES-GCM alone lets one ciphertext open under two keys
            raise BrokenError("was not sealed under this key alone: it does not begin with 32 zero bytes")
        return plain[32:]


def header_of(log_id: bytes, numbers: dict[str, int]) -> bytes:
    """Return the 110 bytes of a header."""
    return HEADER.pack(b"ticktrail entry\x02", log_id, *(numbers[name] for name in FIELDS))


def leaf_data_of(header: bytes, previous: bytes, summary_sha256: bytes, body_sha256: bytes) -> bytes:
    """Return what the tree's leaf hash is of."""
    return header + previous + summary_sha256 + body_sha256


def leaf_hash_of(leaf_data: bytes) -> bytes:
    """Return the leaf hash (RFC 9162, section 2.1.1)."""
    return hashlib.sha256(b"\x00" + leaf_data).digest()


def entry_of(told: Map, log_id: bytes, at: Finding) -> Entry:
    """Read a line of entries.jsonl."""
    if set(told) != FIELDS.keys() | OTHERS:
        raise BrokenError(
            f"fields that are missing or unknown: {shown(sorted(set(told) ^ (FIELDS.keys() | OTHERS)))}"
        )
    word = told["entry_class"]
    if not isinstance(word, str) or word not in CLASSES:
        raise BrokenError(f"`entry_class`: {shown(word)} is none of {', '.join(CLASSES)}")
    numbers = {}
    for name, bounds in FIELDS.items():
        try:
            numbers[name] = integer(CLASSES[word] if name == "entry_class" else told[name], *bounds)
        except BrokenError as exc:
            raise BrokenError(f"`{name}`: {exc}") from None
    body = told["body"]
    if body is not None and not (isinstance(body, list) and len(body) == 2):
        raise BrokenError(f"`body`: {shown(body)} is no offset and length")
    header, previous = header_of(log_id, numbers), hash_bytes(told["previous"])
    hashes = hash_bytes(told["summary_sha256"]), hash_bytes(told["body_sha256"])
    return Entry(
        place=Finding("", at.file, at.line, at.byte, numbers["seq"]),
        entry_class=word,
        numbers=numbers,
        header=header,
        previous=previous,
        digest=hash_bytes(told["digest"]),
        leaf=leaf_hash_of(leaf_data_of(header, previous, *hashes)),
        summary=None if told["summary"] is None else base64_bytes(told["summary"]),
        summary_sha256=hashes[0],
        body_sha256=hashes[1],
        body=None if body is None else (integer(body[0], 0, I64), integer(body[1], 0, MOST_CIPHERTEXT)),
    )


@dataclass(frozen=True)
class Line:
    """A line of a file, without its end."""

    number: int
    byte: int
    data: bytes


def lines_of(file: BinaryIO, step: Callable[[int], None]) -> Iterator[Line]:
    """Return the lines of a file one by one; each must end, and none may be longer than can be held."""
    number, byte = 0, 0
    while data := file.readline(MOST_LINE + 1):
        number += 1
        if not data.endswith(b"\n"):
            what = (
                "is longer than this verifier takes"
                if len(data) > MOST_LINE
                else "has no end: the file was cut off"
            )
            raise BrokenError(f"line {number}, byte {byte}, {what}")
        yield Line(number, byte, data[:-1])
        byte += len(data)
        step(len(data))


# --- Rows: what a body gives, and what the export has -----------------------------------------------------------------


def routed_rows(seq: int, place: int, record: Map) -> Iterator[Map]:
    """Return the rows of a batch of ticks, in their order."""
    for outcome in ("delivered", "rejected", "suppressed", "flagged"):
        for item in maps(record.get(outcome, []), outcome):
            own: Map = {"seq": seq, "record": place, "outcome": outcome}
            if outcome == "delivered":
                yield merged(own, item)
            elif outcome == "suppressed":
                own["reason"] = item.get("reason")
                yield from (merged(own, tick) for tick in maps(item.get("ticks"), "ticks"))
            else:
                own["violations"] = item.get("violations")
                yield from (merged(own, tick) for tick in maps([item.get("tick")], "tick"))


def maps(value: object, name: str) -> list[Map]:
    """Return an array of maps."""
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise BrokenError(f"`{name}` of a record is not what the format says")
    return value


def merged(own: Map, fields: Map) -> Map:
    """Return a row: its own fields, then the tick's; one that is named as an own field stands as `tick_…`."""
    return {**own, **{f"tick_{name}" if name in own else name: value for name, value in fields.items()}}


COLUMNS = (
    "seq", "record", "time_ns", "outcome", "event", "type", "instrument", "provider", "event_ns", "recv_ns",
    "id", "price", "size", "side", "bid_price", "bid_size", "ask_price", "ask_size", "reason", "violations", "more",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """A row of the export, with its place in the file and what is compared with the log."""

    at: Finding
    seq: int
    record: int
    outcome: object
    instrument: object
    provider: object
    fields: Map


def json_fields(row: Map, time_ns: int) -> Map:
    """Return what the JSON form of a row has to be compared by."""
    del time_ns  # JSON rows have no field for it
    return row


def csv_fields(row: Map, time_ns: int) -> Map:
    """Return what the cells of a row have to be compared by."""
    cells: Map = {name: csv_cell(row.get(name)) for name in COLUMNS[:-1]}
    cells["time_ns"] = str(time_ns)
    more = {name: value for name, value in row.items() if name not in COLUMNS and value is not None}
    return {**cells, "more": canonical(more) if more else ""}


def csv_cell(value: object) -> str:
    """Return a value as a cell has it."""
    return "" if value is None else value if isinstance(value, str) else canonical(value)


def json_rows(file: BinaryIO, step: Callable[[int], None]) -> Iterator["Row | RowError"]:
    """Read rows.jsonl."""
    for number, line in enumerate(lines_of(file, step), 1):
        at = Finding("", "rows.jsonl", line.number, line.byte, row=number)
        try:
            told = json_object(line.data)
            yield Row(
                at=at,
                seq=integer(told.get("seq"), 1, U64),
                record=integer(told.get("record"), 0, U32),
                outcome=told.get("outcome"),
                instrument=told.get("instrument"),
                provider=told.get("provider"),
                fields=told,
            )
        except BrokenError as exc:
            yield RowError(str(exc), at)


class RowError(BrokenError):
    """A row cannot be read; where it was raised, none after it."""

    def __init__(self, fault: str, at: Finding) -> None:
        super().__init__(fault)
        self.at = at


class Place:
    """Lines as texts for the reader of CSV, which takes several for one row; remembers where it is."""

    def __init__(self, file: BinaryIO, step: Callable[[int], None]) -> None:
        self.lines = lines_of(file, step)
        self.number = self.byte = self.held = 0

    def __iter__(self) -> Iterator[str]:
        for line in self.lines:
            self.number, self.byte = line.number, line.byte
            self.held += len(line.data)
            if self.held > MOST_LINE:
                raise BrokenError(f"line {line.number}: a row is longer than this verifier takes")
            yield line.data.decode() + "\n"


def csv_rows(file: BinaryIO, step: Callable[[int], None]) -> Iterator[Row | RowError]:
    """Read rows.csv."""
    csv.field_size_limit(MOST_LINE)
    place = Place(file, step)
    reader = csv.reader(place, strict=True)
    number = 0
    try:
        for number, cells in enumerate(reader):
            place.held = 0
            at = Finding("", "rows.csv", place.number, place.byte, row=number or None)
            if not number and tuple(cells) != COLUMNS:
                raise RowError(f"the columns are not {','.join(COLUMNS)}", at)
            if number:
                yield csv_row(cells, at)
    except (csv.Error, UnicodeDecodeError) as exc:
        raise RowError(
            f"not CSV: {exc}", Finding("", "rows.csv", place.number, place.byte, row=number)
        ) from None
    if not place.number:
        raise RowError("there is no line with the columns", Finding("", "rows.csv"))


def csv_row(cells: list[str], at: Finding) -> Row | RowError:
    """Read one row of cells."""
    if len(cells) != len(COLUMNS):
        return RowError(f"{len(cells)} cells, {len(COLUMNS)} were expected", at)
    for cell in cells:
        if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} and cell:
            return RowError(f"{shown(cell)} could be taken for a formula", at)
    told = {name: cell.removeprefix("'") for name, cell in zip(COLUMNS, cells, strict=True)}
    try:
        numbers = [
            int(told[name]) if re.fullmatch(r"[0-9]{1,20}", told[name]) else None
            for name in ("seq", "record")
        ]
        return Row(
            at=at,
            seq=integer(numbers[0], 1, U64),
            record=integer(numbers[1], 0, U32),
            outcome=told["outcome"],
            instrument=told["instrument"] or None,
            provider=told["provider"] or None,
            fields=dict(told),
        )
    except BrokenError as exc:
        return RowError(str(exc), at)


def differing(expected: Map, row: Row) -> list[str]:
    """Return the names of the fields that are not equal; JSON in a cell may be spelt in another way."""
    if canonical(expected) == canonical(row.fields):
        return []
    found = []
    for name in sorted(expected.keys() | row.fields.keys()):
        here, there = expected.get(name), row.fields.get(name)
        same = name in expected and name in row.fields and canonical(here) == canonical(there)
        if not same and not (row.at.file == "rows.csv" and same_json(str(here), str(there))):
            found.append(name)
    return found


def same_json(expected: str, cell: str) -> bool:
    """Tell whether a cell says the same in another spelling."""
    try:
        return canonical(json.loads(cell)) == expected
    except (ValueError, RecursionError):
        return False


def is_among(value: object, names: Collection[str]) -> bool:
    """Tell whether a value is one of those that were asked for; none named: all are."""
    return not names or (isinstance(value, str) and value in names)


class Rows:
    """The rows of the export, one after the other, in the order of the log."""

    def __init__(self, rows: Iterable[Row | RowError], manifest: Manifest, report: Report) -> None:
        self.rows = iter(rows)
        self.manifest = manifest
        self.report = report
        self.count = 0
        self.broken = False
        self.next: Row | None = None
        self.take()

    def take(self) -> Row | None:
        """Return the next row and go on to the one after it; one that is out of order is told of and passed over."""
        taken = self.next
        try:
            self.next = self.read()
            while self.next and taken and (self.next.seq, self.next.record) < (taken.seq, taken.record):
                self.look_at(self.next)
                self.report.add("the row does not come in the order of the log", self.next.at)
                self.next = self.read()
        except (BrokenError, OSError) as exc:
            self.next, self.broken = None, True
            at = exc.at if isinstance(exc, RowError) else Finding("", ROWS[self.manifest.rows_format])
            self.report.add(f"{exc}; the rows from here on could not be read", at)
        if self.next:
            self.look_at(self.next)
        return taken

    def read(self) -> Row | None:
        """Return the next row that is one."""
        for one in self.rows:
            if isinstance(one, Row):
                return one
            self.count += 1
            self.report.add(str(one), one.at)
        return None

    def look_at(self, row: Row) -> None:
        """Check what can be seen without a key."""
        self.count += 1
        asked = self.manifest
        if row.outcome not in OUTCOMES:
            self.report.add(f"`outcome` {shown(row.outcome)} is none of {', '.join(OUTCOMES)}", row.at)
        for name, value, among in (
            ("outcome", row.outcome, asked.outcomes),
            ("instrument", row.instrument, asked.instruments),
            ("provider", row.provider, asked.providers),
        ):
            if not is_among(value, among):
                self.report.add(f"`{name}` {shown(value)} is not among those that the export is of", row.at)

    def until(
        self, seq: int, record: int, why: str = "the log has no such row among those that were asked for"
    ) -> None:
        """Everything before this place is too much."""
        while self.next and (self.next.seq, self.next.record) < (seq, record):
            self.report.add(why, Finding(**{**asdict(self.next.at), "entry": self.next.seq}))
            self.take()

    def skip(self, seq: int) -> int:
        """Pass over the rows of an entry that nothing can be said of."""
        count = 0
        while self.next and self.next.seq == seq:
            count += 1
            self.take()
        return count

    def compare(self, seq: int, record: int, expected: list[Map]) -> int:
        """Compare the rows of one record with those that the log gives; return how many are equal."""
        self.until(seq, record)
        here = Finding("", ROWS[self.manifest.rows_format], entry=seq) if not self.next else self.next.at
        there: list[Row] = []
        while (
            self.next
            and (self.next.seq, self.next.record) == (seq, record)
            and len(there) < len(expected) + 1000
        ):
            there += filter(None, [self.take()])
        if self.broken:
            return 0
        begin, end = 0, 0
        least = min(len(expected), len(there))
        while begin < least and not differing(expected[begin], there[begin]):
            begin += 1
        while end < least - begin and not differing(expected[-1 - end], there[-1 - end]):
            end += 1
        left, found = expected[begin : len(expected) - end], there[begin : len(there) - end]
        for fields, row in zip(left, found, strict=False):
            names = ", ".join(differing(fields, row)[:5])
            fault = f"the row is not what record {record} of the entry gives: {shown(names)}"
            self.report.add(fault, Finding(**{**asdict(row.at), "entry": seq}))
        if len(left) > len(found):
            place = found[0].at if found else here
            fault = f"{len(left) - len(found)} rows of record {record} are missing here"
            self.report.add(fault, Finding(**{**asdict(place), "entry": seq}))
        for row in found[len(left) :]:
            self.report.add("the log has no such row", Finding(**{**asdict(row.at), "entry": seq}))
        return begin + end


# --- The checks -----------------------------------------------------------------------------------------------------


PARQUET = "rows in parquet, which were compared by their file's hash only"
DESTROYED = "summaries that were destroyed"
UNREAD_ROWS = "rows that could not be compared with the log, for want of a key or a sound entry"


@dataclass
class Tally:
    """What the records of a body come to, to compare header and summary with."""

    records: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    times: list[int] = field(default_factory=list)
    names: dict[str, set[str]] = field(default_factory=lambda: {"instruments": set(), "providers": set()})

    def add(self, record: Map, time_ns: int, rows: list[Map]) -> None:
        """Count a record and its rows."""
        self.records += 1
        self.events[str(record.get("event"))] += 1
        self.times = [min([time_ns, *self.times]), max([time_ns, *self.times])]
        for row in [record, *rows]:
            for name, found in self.names.items():
                if isinstance(value := row.get(name[:-1]), str):
                    found.add(value)
        self.counts.update(str(row["outcome"]) for row in rows)

    def faults(self, header: dict[str, int], summary: Map | None, plain: bytes) -> Iterator[str]:
        """Return where header and summary say something else."""
        ticks = self.counts["delivered"] + self.counts["rejected"] + self.counts["suppressed"]
        told = {"records": self.records, "ticks": ticks}
        if self.times:
            told.update(first_ns=self.times[0], last_ns=self.times[1])
        for name, value in told.items():
            if header[name] != value:
                yield f"the header's `{name}` is {header[name]}, the body has {value}"
        if summary is None:
            return
        for name in OUTCOMES[1:]:
            if canonical(summary.get(name)) != str(self.counts[name]):
                yield f"the summary's `{name}` is {shown(summary.get(name))}, the body has {self.counts[name]}"
        events = summary.get("events")
        counted = {
            name: count
            for name, count in self.events.items()
            if name != "routed" or name in maps([events], name)[0]
        }
        if canonical(events) != canonical(counted):
            yield f"the summary's `events` are {shown(events)}, the body has {shown(counted)}"
        for name, found in self.names.items():
            claimed = set(texts(summary.get(name)))
            if missing := found - claimed:
                yield f"the summary's `{name}` lack {shown(sorted(missing))}"
            if more := [one for one in sorted(claimed - found) if one.encode() not in plain]:
                yield f"the summary's `{name}` have {shown(more)}, the body does not"


class Check:
    """One run over a folder; what it finds goes to the report."""

    def __init__(
        self, folder: Path, given: VerifierKey | None, keys: "DataKeys | None", ignored: Collection[Path]
    ) -> None:
        self.folder = folder
        self.key = given
        self.compared = given is not None
        self.by = "that you gave"
        self.keys = keys
        self.ignored = ignored
        self.report = Report()
        self.checked, self.unchecked = self.report.checked, self.report.unchecked
        self.manifest: Manifest | None = None
        self.unpacked_by, self.unpack = unpacker()
        self.bodies_end = self.bodies_size = 0
        self.before: Entry | None = None
        self.counters: dict[int, int] = {}
        self.from_the_start = False

    def run(self) -> Report:
        """Check everything; an error that nobody foresaw is a finding as well, never a traceback."""
        try:
            self.steps()
        except WrongUseError:
            raise
        except (MemoryError, RecursionError, Exception) as exc:  # noqa: BLE001  # hostile input is answered by a finding
            self.report.add(
                f"could not be checked to the end: {type(exc).__name__}: {shown(str(exc))}", Finding("")
            )
        return self.report

    def steps(self) -> None:
        """Check the manifest, the files, then the entries with what hangs on them."""
        at = Finding("", "manifest.json")
        report = self.report
        data = report.attempt(
            at, lambda: read_small(self.folder / at.file, MOST_MANIFEST), "the export is not whole: "
        )
        if data is None:
            return
        told = report.attempt(at, lambda: json_object(data))
        manifest = self.manifest = None if told is None else report.attempt(at, lambda: manifest_of(told))
        if self.key is None and told is not None:
            self.key = report.attempt(at, lambda: VerifierKey.of(texts([told.get("verifier_key")])[0]))
        self.note(data, "export", manifest.log_id if manifest else None)
        if manifest is None:
            self.unchecked["everything but the manifest, which cannot be read"] += 1
            return
        if self.keys and self.keys.log_id != manifest.log_id:
            raise WrongUseError(f"the data keys are of the log {shown(self.keys.log_id)}, not of this one")
        if self.key and self.key.name != f"ticktrail/{manifest.log_id}":
            report.add(f"the verifier key is of {shown(self.key.name)}, not of this log", at)
        if self.compared and self.key and manifest.verifier_key != self.key_text():
            report.add(f"`verifier_key` is not the key {self.by}", at)
        self.progress = Progress(2 * sum(size for size, _ in manifest.files.values()))
        self.files(manifest)
        root = self.checkpoint(manifest)
        self.log(manifest, root)
        self.progress.end()

    def note(self, data: bytes, kind: str, log_id: str | None) -> None:
        """Check that a manifest is what the note beside it says."""
        at, note_at, report = Finding("", "manifest.json"), Finding("", "manifest.note"), self.report
        note = report.attempt(
            note_at, lambda: read_small(self.folder / note_at.file, MOST_TEXT), "not signed: "
        )
        if note is None or self.key is None:
            return
        key = self.key
        lines = report.attempt(note_at, lambda: key.open(note))
        log_id = log_id or key.name.removeprefix("ticktrail/")
        if lines and (len(lines) != 2 or lines[0] != f"ticktrail-{kind}/{log_id}"):
            report.add(f"the note is not of this log's {kind}", note_at)
        elif lines and lines[1] != hashlib.sha256(data).hexdigest():
            report.add("not what was signed: its SHA-256 is not the one in manifest.note", at)

    def key_text(self) -> str:
        """Return the key as it is written."""
        if self.key is None:
            return ""
        public = base64.b64encode(bytes([1]) + self.key.public).decode()
        return f"{self.key.name}+{self.key.number.hex()}+{public}"

    def files(self, manifest: Manifest) -> None:
        """Check that every file is there, whole and as the manifest has it, and no other."""
        expected = {*ALWAYS, ROWS[manifest.rows_format]}
        for name in sorted(expected - set(manifest.files)):
            self.report.add(f"the manifest does not name {name}", Finding("", "manifest.json"))
        for name in sorted(set(manifest.files) - expected):
            self.report.add(
                f"the manifest names {shown(name)}, which is no part of an export",
                Finding("", "manifest.json"),
            )
        known = {*expected, "manifest.json", "manifest.note"}
        with os.scandir(self.folder) as entries:
            for found in entries:
                if found.name not in known and self.folder.resolve() / found.name not in self.ignored:
                    at = Finding("", shown(found.name)[1:-1])
                    self.report.add("no part of the export; take it away and check again", at)
        for name in sorted(expected & set(manifest.files)):
            at = Finding("", name)
            size, digest = manifest.files[name]

            def compare(name: str = name, size: int = size, digest: bytes = digest) -> None:
                with open_plain(self.folder / name) as file:
                    here = os.fstat(file.fileno()).st_size
                    if here != size:
                        raise BrokenError(f"{here:,} bytes, the manifest has {size:,}")
                    if self.hash(file, size) != digest:
                        raise BrokenError("changed: its SHA-256 is not the manifest's")
                self.checked["files"] += 1

            self.report.attempt(at, compare)

    def hash(self, file: BinaryIO, size: int, into: bytearray | None = None) -> bytes:
        """Return the SHA-256 of so many bytes that are read, piece by piece."""
        digest = hashlib.sha256()
        while size > 0 and (chunk := file.read(min(size, CHUNK))):
            digest.update(chunk)
            size -= len(chunk)
            self.progress.step(len(chunk))
            if into is not None:
                into += chunk
        return digest.digest()

    def checkpoint(self, manifest: Manifest) -> tuple[int, bytes] | None:
        """Check the checkpoint; return the tree's size and root."""
        at = Finding("", "checkpoint")

        def read() -> tuple[int, bytes]:
            data = read_small(self.folder / at.file, MOST_TEXT)
            if self.key is None:
                raise BrokenError("cannot be checked without a verifier key")
            lines = self.key.open(data)
            if len(lines) != 3 or lines[0] != f"ticktrail/{manifest.log_id}":
                raise BrokenError("not a checkpoint of this log")
            if not re.fullmatch(r"0|[1-9][0-9]{0,18}", lines[1]):
                raise BrokenError(f"{shown(lines[1])} is no number of entries")
            self.checked["entries in the log at the checkpoint"] = int(lines[1])
            return int(lines[1]), base64_bytes(lines[2], 32)

        return self.report.attempt(at, read)

    # --- the entries, their bodies and rows, side by side, each read once from its beginning to its end

    def log(self, manifest: Manifest, root: tuple[int, bytes] | None) -> None:
        """Walk the entries."""
        name = ROWS[manifest.rows_format]
        at = Finding("", "entries.jsonl")
        attempt = self.report.attempt
        entries = attempt(at, lambda: open_plain(self.folder / at.file))
        bodies = attempt(Finding("", "bodies.bin"), lambda: open_plain(self.folder / "bodies.bin"))
        with_rows = manifest.rows_format != "parquet"
        rows_file = attempt(Finding("", name), lambda: open_plain(self.folder / name)) if with_rows else None
        try:
            rows = None
            if rows_file:
                read = json_rows if manifest.rows_format == "jsonl" else csv_rows
                rows = Rows(read(rows_file, self.progress.step), manifest, self.report)
            elif not with_rows:
                self.unchecked[PARQUET] = manifest.rows
            self.bodies_size = os.fstat(bodies.fileno()).st_size if bodies else 0
            if entries:
                attempt(at, lambda: self.walk(entries, bodies, rows, manifest, root))
            elif rows:
                self.unread(rows)
            if entries and bodies and self.bodies_end < self.bodies_size:
                fault = f"{self.bodies_size - self.bodies_end:,} bytes at its end are of no entry"
                self.report.add(fault, Finding("", "bodies.bin", byte=self.bodies_end))
            if rows:
                rows.until(U64 + 1, 0)
                if rows.count != manifest.rows and not rows.broken:
                    fault = f"{rows.count} {counted(rows.count, 'rows')}, the manifest has {manifest.rows}"
                    self.report.add(fault, Finding("", name))
                self.checked["rows read"] = rows.count
        finally:
            for file in (entries, bodies, rows_file):
                if file:
                    file.close()

    def unread(self, rows: Rows) -> None:
        """Count all rows, where there are no entries to compare them with."""
        while rows.next:
            self.unchecked[UNREAD_ROWS] += rows.skip(rows.next.seq)

    def walk(
        self,
        file: BinaryIO,
        bodies: BinaryIO | None,
        rows: Rows | None,
        manifest: Manifest,
        root: tuple[int, bytes] | None,
    ) -> None:
        """Check entry by entry, then the proofs of the first and the last, and the counts."""
        log_id = uuid.UUID(manifest.log_id).bytes
        self.from_the_start = manifest.first_seq == 1
        first: Entry | None = None
        last: Entry | None = None
        count = with_body = 0
        for line in lines_of(file, self.progress.step):
            at = Finding("", "entries.jsonl", line.number, line.byte)
            count += 1
            last = self.report.attempt(at, partial(self.entry, line, log_id, at))
            expected = manifest.first_seq + line.number - 1
            if last is None:
                self.before = None
                if rows:
                    rows.until(expected, 0)
                    self.unchecked[UNREAD_ROWS] += rows.skip(expected)
                continue
            first = last if line.number == 1 else first
            if last.numbers["seq"] != expected:
                self.report.add(f"entry {expected} was expected here", last.place)
            self.chain(last)
            with_body += last.body is not None
            self.contents(last, bodies, rows, manifest)
            self.before = last
        self.checked["entries"] = count
        self.checked["bodies"] = with_body
        self.ends(first, last, count, manifest, root)
        for name, here, told in (
            ("entries", count, manifest.entries),
            ("bodies", with_body, manifest.bodies),
        ):
            if here != told:
                fault = f"{here} {counted(here, name)}, the manifest has {told}"
                self.report.add(fault, Finding("", "entries.jsonl"))

    def entry(self, line: Line, log_id: bytes, at: Finding) -> Entry:
        """Read a line."""
        return entry_of(json_object(line.data), log_id, at)

    def chain(self, entry: Entry) -> None:
        """Check an entry's own digest, and how it follows the one before."""
        numbers, before, add = entry.numbers, self.before, self.report.add
        if entry.leaf != entry.digest:
            add("`digest` does not fit the entry: a field of its header or a hash was changed", entry.place)
        if numbers["form"] != 1:
            add(f"`form` {numbers['form']} is not known to this verifier", entry.place)
        if numbers["first_ns"] > numbers["last_ns"]:
            add("`first_ns` is after `last_ns`", entry.place)
        if numbers["seq"] == 1 and entry.previous != bytes(32):
            add("`previous` of the first entry of the log is not zero", entry.place)
        if before and entry.previous != before.digest:
            add(
                "`previous` is not the digest of the entry before: one was changed, left out or put in",
                entry.place,
            )
        # Several processes may write at a time: each counts its own entries.
        writer, counter = numbers["writer"], numbers["counter"]
        last = self.counters.get(writer, 0 if self.from_the_start else counter - 1)
        if counter != last + 1:
            add(f"counter {counter} of writer {writer} cannot follow its counter {last}", entry.place)
        self.counters[writer] = max(last, counter)

    def ends(
        self,
        first: Entry | None,
        last: Entry | None,
        count: int,
        manifest: Manifest,
        root: tuple[int, bytes] | None,
    ) -> None:
        """Check that the first and the last entry are in the tree, and are those that the manifest says."""
        add = self.report.add
        at = Finding("", "manifest.json")
        expected = manifest.last_seq - manifest.first_seq + 1 if manifest.first_seq else 0
        if manifest.entries != expected or (not manifest.first_seq and manifest.last_seq):
            add("`first_seq`, `last_seq` and `entries` do not fit one another", at)
        if manifest.from_ns is None and manifest.to_ns is None and root:
            whole = (1, root[0]) if root[0] else (0, 0)
            if (manifest.first_seq, manifest.last_seq) != whole:
                add(f"the export is of all times, and not of all {root[0]} entries", at)
        if root and root[0] > count:
            self.unchecked[
                "entries of the log before or after the export's, whose times it does not show"
            ] = root[0] - count
        if not count:
            return
        for entry, name, path, seq in (
            (first, "first_proof", manifest.first_proof, manifest.first_seq),
            (last, "last_proof", manifest.last_proof, manifest.last_seq),
        ):
            if entry is None:
                continue
            if entry.numbers["seq"] != seq:
                add(f"the manifest has entry {seq} in this place", entry.place)
            if not manifest.within(entry.numbers["first_ns"], entry.numbers["last_ns"]):
                add("the entry is at an end of the export and does not lie in its times", entry.place)
            if root is None:
                continue
            if entry.numbers["seq"] > root[0]:
                add(f"the checkpoint is of {root[0]} entries", entry.place)
                continue
            index = entry.numbers["seq"] - 1
            found = self.report.attempt(entry.place, partial(root_of, entry.leaf, index, root[0], path))
            if found is not None and found != root[1]:
                add(f"not in the log: `{name}` does not lead to the checkpoint's root", entry.place)
            elif found is not None:
                self.checked["proofs of inclusion"] += 1

    def contents(self, entry: Entry, bodies: BinaryIO | None, rows: Rows | None, manifest: Manifest) -> None:
        """Check summary, body and rows of an entry, as far as there are keys."""
        seq = entry.numbers["seq"]
        key = self.keys.keys.get(entry.numbers["key_id"]) if self.keys else None
        summary = self.summary(entry, key)
        self.is_asked(entry, summary, manifest)
        body = self.body(entry, bodies, key)
        if rows:
            rows.until(seq, 0)
        if entry.body is None:
            if rows:
                rows.until(seq + 1, 0, "a row of an entry whose body is not exported")
            return
        if body is not None and key is not None and entry.numbers["form"] == 1:
            self.report.attempt(
                entry.place, lambda: self.records(entry, key, body, summary, rows, manifest), "the body: "
            )
        if rows and (skipped := rows.skip(seq)):
            self.unchecked[UNREAD_ROWS] += skipped

    def summary(self, entry: Entry, key: bytes | None) -> Map | None:
        """Check the summary's hash; return what is in it."""
        ciphertext = entry.summary
        if ciphertext is None:
            self.unchecked[DESTROYED] += 1
            return None
        if hashlib.sha256(ciphertext).digest() != entry.summary_sha256:
            self.report.add("the summary was changed: its SHA-256 is not `summary_sha256`", entry.place)
            return None
        if key is None or entry.numbers["form"] != 1:
            self.unchecked["summaries whose key is not here"] += 1
            return None

        def read() -> Map:
            message = Message(self.unpack(entry.decrypt(key, 0, ciphertext)))
            found = maps([message.value()], "summary")[0]
            message.end()
            maps([found.get("events")], "events")
            for name in OUTCOMES[1:]:
                integer(found.get(name), 0, U32)
            for name in ("instruments", "providers", "channels"):
                if (names := texts(found.get(name))) != sorted(set(names)):
                    raise BrokenError(f"`{name}` are not sorted, or one comes twice")
            return found

        found = self.report.attempt(entry.place, read, "the summary: ")
        self.checked["summaries decrypted"] += found is not None
        return found

    def is_asked(self, entry: Entry, summary: Map | None, manifest: Manifest) -> None:
        """Check that a body is exported where it can hold what was asked for, and only there."""
        asked: bool | None = not manifest.classes or entry.entry_class in manifest.classes
        asked = asked and manifest.within(entry.numbers["first_ns"], entry.numbers["last_ns"])
        if asked and (manifest.instruments or manifest.providers or manifest.outcomes):
            asked = None if summary is None else self.can_hold(summary, manifest)
        if entry.body is not None and asked is False:
            self.report.add("its body is exported and can hold nothing that was asked for", entry.place)
        if entry.body is None and asked is not False:
            if entry.summary is None and self.keys and entry.numbers["key_id"] in self.keys.keys:
                self.report.add("it is left out as destroyed, and its data key was handed over", entry.place)
            elif entry.summary is None:
                self.unchecked["entries whose contents were destroyed, and that may have held rows"] += 1
            elif asked:
                self.report.add("its body can hold what was asked for and is not exported", entry.place)
            else:
                self.unchecked[
                    "entries without a body of which only the key tells that they hold nothing asked for"
                ] += 1

    def can_hold(self, summary: Map, manifest: Manifest) -> bool:
        """Tell from a summary whether its entry can hold a row that was asked for."""
        events = maps([summary["events"]], "events")[0]
        counts = {name: bool(summary[name]) for name in OUTCOMES[1:]} | {
            "event": bool(set(events) - {"routed"})
        }
        return (
            (not manifest.instruments or not manifest.instruments.isdisjoint(texts(summary["instruments"])))
            and (not manifest.providers or not manifest.providers.isdisjoint(texts(summary["providers"])))
            and (not manifest.outcomes or any(counts[name] for name in manifest.outcomes))
        )

    def body(self, entry: Entry, bodies: BinaryIO | None, key: bytes | None) -> bytes | None:
        """Check where a body lies and its hash; return it where there is a key for it."""
        if entry.body is None or bodies is None:
            return None
        offset, size = entry.body
        at = Finding("", "bodies.bin", byte=offset, entry=entry.numbers["seq"])
        if offset != self.bodies_end:
            what = (
                "lies over the one before"
                if offset < self.bodies_end
                else "leaves bytes before it that are of no entry"
            )
            self.report.add(f"the body {what}, which ends at byte {self.bodies_end}", at)
        self.bodies_end = max(self.bodies_end, offset + size)
        if offset + size > self.bodies_size:
            self.report.add(f"the body ends at byte {offset + size}, the file at {self.bodies_size}", at)
            return None
        found = None if key is None else bytearray()
        bodies.seek(offset)
        if self.hash(bodies, size, found) != entry.body_sha256:
            self.report.add("the body was changed: its SHA-256 is not `body_sha256`", at)
            return None
        if found is None:
            self.unchecked["bodies whose key is not here"] += 1
        return None if found is None else bytes(found)

    def records(
        self,
        entry: Entry,
        key: bytes,
        body: bytes,
        summary: Map | None,
        rows: Rows | None,
        manifest: Manifest,
    ) -> None:
        """Read a body record by record, compare its rows, then its header and summary."""
        seq = entry.numbers["seq"]
        plain = self.unpack(entry.decrypt(key, 1, body))
        tally = Tally()
        class_asked = not manifest.classes or entry.entry_class in manifest.classes
        fields = json_fields if manifest.rows_format == "jsonl" else csv_fields
        for place, value in enumerate(Message(plain).records()):
            record = maps([value], "record")[0]
            routed = record.get("event") == "routed"
            time_ns = integer(record.get("recv_ns" if routed else "at_ns"), -I64 - 1, U64)
            own: Map = {"seq": seq, "record": place, "outcome": "event"}
            made = list(routed_rows(seq, place, record)) if routed else [merged(own, record)]
            tally.add(record, time_ns, made)
            if rows and class_asked:
                asked = [
                    row for row in made if manifest.within(time_ns, time_ns) and self.row_asked(row, manifest)
                ]
                self.checked["rows equal to the log"] += rows.compare(
                    seq, place, [fields(row, time_ns) for row in asked]
                )
        if rows:
            rows.until(seq + 1, 0)
        self.checked["bodies decrypted"] += 1
        self.checked["records"] += tally.records
        for fault in tally.faults(entry.numbers, summary, plain):
            self.report.add(fault, entry.place)

    def row_asked(self, row: Map, manifest: Manifest) -> bool:
        """Tell whether a row is among those that were asked for."""
        return (
            is_among(row["outcome"], manifest.outcomes)
            and is_among(row.get("instrument"), manifest.instruments)
            and is_among(row.get("provider"), manifest.providers)
        )


# --- An evidence pack: a summary, policies and incidents beside an export, all of it signed ---------------------------

RECORDS = "records"  # the export's folder in a pack
PROOF = ".tlog-proof"
MADE = "made.txt"  # when and by whom it was made; not signed
PACK_ALWAYS = (
    "index.html",
    "summary.json",
    "verify.py",
    f"{RECORDS}/manifest.json",
    f"{RECORDS}/manifest.note",
)


@dataclass(frozen=True)
class PackManifest:
    """What a pack says that it is."""

    log_id: str
    verifier_key: str
    from_ns: int
    to_ns: int
    checkpoint_size: int
    files: dict[str, tuple[int, bytes]]


def pack_manifest_of(told: Map) -> PackManifest:
    """Read a pack's manifest; every field must be there and of its kind."""
    names = {"format", "log_id", "verifier_key", "from_ns", "to_ns", "checkpoint_size", "files"}
    if told.get("format") != "ticktrail evidence 1":
        raise BrokenError('`format` is not "ticktrail evidence 1": this verifier does not know it')
    if set(told) != names:
        raise BrokenError(f"fields that are missing or unknown: {shown(sorted(set(told) ^ names))}")
    files = told["files"]
    if not isinstance(files, dict):
        raise BrokenError("`files` is no map")
    found = {}
    for name, one in files.items():
        parts = name.split("/")
        if any(not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", part) for part in parts):
            raise BrokenError(f"`files`: {shown(name)} is no path of a pack")
        if not isinstance(one, dict) or set(one) != {"bytes", "sha256"}:
            raise BrokenError(f"`files`: {shown(one)} is not `bytes` and `sha256`")
        found[name] = (integer(one["bytes"], 0, U64), hash_bytes(one["sha256"]))
    return PackManifest(
        log_id=texts([told["log_id"]])[0],
        verifier_key=texts([told["verifier_key"]])[0],
        from_ns=integer(told["from_ns"], -I64 - 1, I64),
        to_ns=integer(told["to_ns"], -I64 - 1, I64),
        checkpoint_size=integer(told["checkpoint_size"], 0, U64),
        files=found,
    )


class Pack(Check):
    """One run over an evidence pack: its manifest and every file, then the export in it."""

    pack: PackManifest | None = None

    def steps(self) -> None:
        """Check the manifest, the files, then the records."""
        at, report = Finding("", "manifest.json"), self.report
        data = report.attempt(
            at, lambda: read_small(self.folder / at.file, MOST_MANIFEST), "the pack is not whole: "
        )
        told = None if data is None else report.attempt(at, lambda: json_object(data))
        if self.key is None and told is not None:
            self.key = report.attempt(at, lambda: VerifierKey.of(texts([told.get("verifier_key")])[0]))
        pack = self.pack = None if told is None else report.attempt(at, lambda: pack_manifest_of(told))
        if data is not None:
            self.note(data, "evidence", pack.log_id if pack else None)
        if pack is None:
            self.unchecked["everything but the manifest, which cannot be read"] += 1
            return
        if self.key and self.key.name != f"ticktrail/{pack.log_id}":
            report.add(f"the verifier key is of {shown(self.key.name)}, not of this log", at)
        if self.compared and self.key and pack.verifier_key != self.key_text():
            report.add(f"`verifier_key` is not the key {self.by}", at)
        self.progress = Progress(sum(size for size, _ in pack.files.values()))
        self.pack_files(pack)
        self.progress.end()
        for name in sorted(pack.files):
            if name.endswith(PROOF):
                self.report.attempt(Finding("", name), partial(self.proof, name, pack))
        self.records_of(pack)

    def pack_files(self, pack: PackManifest) -> None:
        """Check that every file is there as the manifest has it, and no other but the one that tells who made it."""
        at = Finding("", "manifest.json")
        for name in sorted(set(PACK_ALWAYS) - set(pack.files)):
            self.report.add(f"the manifest does not name {name}", at)
        known = {*pack.files, "manifest.json", "manifest.note", MADE}
        folders = {name.rpartition("/")[0] for name in pack.files}
        folders |= {name.rpartition("/")[0] for name in folders} | {""}
        self.strangers("", known, folders)
        for name, (size, digest) in sorted(pack.files.items()):

            def compare(name: str = name, size: int = size, digest: bytes = digest) -> None:
                with open_plain(self.folder / name) as file:
                    here = os.fstat(file.fileno()).st_size
                    if here != size:
                        raise BrokenError(f"{here:,} bytes, the manifest has {size:,}")
                    if self.hash(file, size) != digest:
                        raise BrokenError("changed: its SHA-256 is not the manifest's")
                self.checked["files of the pack"] += 1

            self.report.attempt(Finding("", name), compare)

    def strangers(self, within: str, known: Collection[str], folders: Collection[str]) -> None:
        """Name what is in the pack and not of it; no folder is entered that is not of it, and no link followed."""
        with os.scandir(self.folder / within) as entries:
            for found in entries:
                name = f"{within}/{found.name}" if within else found.name
                if found.is_dir(follow_symlinks=False) and name in folders:
                    self.strangers(name, known, folders)
                elif name not in known and self.folder.resolve() / name not in self.ignored:
                    at = Finding("", shown(name)[1:-1])
                    self.report.add("no part of the pack; take it away and check again", at)

    def proof(self, name: str, pack: PackManifest) -> None:
        """Check that an entry from outside of the records is in the log (C2SP tlog-proof)."""
        if self.key is None:
            raise BrokenError("cannot be checked without a verifier key")
        head, blank, note = read_small(self.folder / name, MOST_TEXT).partition(b"\n\n")
        lines = head.decode("ascii", "replace").split("\n")
        if not blank or lines[0] != "c2sp.org/tlog-proof@v1" or len(lines) < 3:
            raise BrokenError("no proof of an entry")
        leaf_data = base64_bytes(lines[1].removeprefix("extra "), HEADER.size + 96)
        seq = HEADER.unpack(leaf_data[: HEADER.size])[2]
        if lines[2] != f"index {seq - 1}" or not name.endswith(f"/entry-{seq}{PROOF}"):
            raise BrokenError(f"it is of entry {seq}")
        told = self.key.open(note)
        if len(told) != 3 or told[:2] != [f"ticktrail/{pack.log_id}", str(pack.checkpoint_size)]:
            raise BrokenError("it is not against the checkpoint of the pack")
        path = [base64_bytes(line, 32) for line in lines[3:]]
        if root_of(leaf_hash_of(leaf_data), seq - 1, pack.checkpoint_size, path) != base64_bytes(told[2], 32):
            raise BrokenError("not in the log: it does not lead to the checkpoint's root")
        self.checked["proofs of entries from outside of the records"] += 1

    def records_of(self, pack: PackManifest) -> None:
        """Check the export in the pack by the same key, and that it is of the same log, times and checkpoint."""
        at = Finding("", RECORDS)
        if not (self.folder / RECORDS).is_dir():
            self.report.add("the folder is missing", at)
            return
        inner = Check(self.folder / RECORDS, self.key, self.keys, self.ignored)
        inner.by = "of the pack"
        inner.run()
        for one in inner.report.findings:
            self.report.add(
                one.fault, Finding(**{**asdict(one), "file": f"{RECORDS}/{one.file}".rstrip("/")})
            )
        self.report.total += inner.report.total - len(inner.report.findings)
        self.checked.update(inner.checked)
        self.unchecked.update(inner.unchecked)
        self.manifest, self.unpacked_by = inner.manifest, inner.unpacked_by
        if inner.manifest is None:
            return
        told = (inner.manifest.log_id, inner.manifest.from_ns, inner.manifest.to_ns)
        if told != (pack.log_id, pack.from_ns, pack.to_ns):
            self.report.add("the records are of another log or other times than the pack", at)
        if inner.checked["entries in the log at the checkpoint"] != pack.checkpoint_size:
            self.report.add("the records are proven against another checkpoint than the pack's", at)


# --- The command line, and what a reader is told ----------------------------------------------------------------------


@dataclass(frozen=True)
class DataKeys:
    """The keys that the contents are encrypted with, by number."""

    log_id: str
    keys: dict[int, bytes]

    @classmethod
    def of(cls, data: bytes) -> "DataKeys":
        """Read the file of data keys."""
        told = json_object(data)
        keys = told.get("keys")
        if set(told) != {"log_id", "keys"} or not isinstance(keys, dict):
            raise BrokenError("no file of data keys: it needs `log_id` and `keys`")
        found = {}
        for number, key in keys.items():
            if not re.fullmatch(r"0|[1-9][0-9]{0,19}", number):
                raise BrokenError(f"{shown(number)} is no number of a key")
            found[int(number)] = base64_bytes(key, 32)
        return cls(texts([told["log_id"]])[0], found)


def read_given(path: Path) -> bytes:
    """Return a file that the caller names: it may be a link or a pipe, and is small."""
    with path.open("rb") as file:
        data = file.read(MOST_MANIFEST + 1)
    if len(data) > MOST_MANIFEST:
        raise BrokenError(f"{path} is larger than {MOST_MANIFEST:,} bytes")
    return data


def day(time_ns: int | None, otherwise: str) -> str:
    """Return a time as people read it."""
    if time_ns is None:
        return otherwise
    try:
        text = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time_ns // 10**9))
    except (OverflowError, ValueError, OSError):
        return f"{time_ns} ns since 1970"
    return f"{text}.{time_ns % 10**9:09} UTC"


SINGULAR = {
    "entries": "entry",
    "bodies": "body",
    "summaries": "summary",
    "files": "file",
    "findings": "finding",
    "proofs": "proof",
    "records": "record",
    "rows": "row",
    "that were": "that was",
    "which were": "which was",
    "they hold": "it holds",
}


def counted(count: int, name: str) -> str:
    """Return what is counted, as it is written behind the number: what begins in the plural, of one in the singular."""
    if count != 1:
        return name
    first, space, more = name.partition(" ")
    for many, one in SINGULAR.items():
        more = more.replace(many, one) if " " in many else more
    return f"{SINGULAR.get(first, first)}{space}{more}"


def said(check: Check) -> Iterator[str]:
    """Return the lines of the outcome."""
    report, manifest = check.report, check.manifest
    kind = "pack" if isinstance(check, Pack) else "export"
    for finding in report.findings:
        yield f"FINDING  {finding}"
    if report.total > len(report.findings):
        yield f"FINDING  and {report.total - len(report.findings):,} more"
    yield ""
    pack = check.pack if isinstance(check, Pack) else None
    if pack:
        yield f"Evidence pack of {pack.log_id},"
        yield f"of the times from {day(pack.from_ns, '')} to {day(pack.to_ns, '')}."
        yield ""
    elif manifest:
        made = (
            "with an evidence pack" if manifest.created_ns is None else f"made {day(manifest.created_ns, '')}"
        )
        yield f"Export of {manifest.log_id}, {made} by {shown(manifest.actor)}"
        yield f"for {shown(manifest.purpose, 200)},"
        yield f"of the times from {day(manifest.from_ns, 'the beginning')} to {day(manifest.to_ns, 'the end')}."
        yield ""
    for name, count in (+report.checked).items():
        yield f"  checked      {count:>14,}  {counted(count, name)}"
    for name, count in (+report.unchecked).items():
        yield f"  not checked  {count:>14,}  {counted(count, name)}"
    if gone := report.unchecked[DESTROYED]:
        yield (
            f"  The contents of {gone:,} {counted(gone, 'entries')} were destroyed: they are proven by their hashes,"
            " and can be read and checked by nobody any more."
        )
    if check.keys is None:
        yield "  Without --data-keys the encrypted contents were compared by their hashes, and not read."
    if check.keys and check.unpacked_by == "this file":
        yield "  The contents were unpacked by this file alone; with the package zstandard it is many times faster."
    yield ""
    if report.total:
        findings = f"{report.total:,} {counted(report.total, 'findings')}"
        yield f"NOT SOUND: {findings}. This {kind} is not in all its parts what was signed."
    else:
        yield f"SOUND: nothing in this {kind} was changed, left out or put in since it was signed."
    if not check.compared:
        yield (
            f"The signing key was NOT compared with one got by another way: it is the one in the {kind} itself. "
            f"Somebody who made up a whole {kind} would have put a key of their own in it. Get the log's verifier "
            "key from its owner by another way, and check again with --verifier-key."
        )
        yield f"  The key in the {kind}: {shown(check.key_text(), 300)[1:-1]}"


def main(arguments: list[str] | None = None) -> int:
    """Check a folder as the command line says; return the exit status."""
    parser = argparse.ArgumentParser(
        description="Check an export or an evidence pack of a ticktrail audit log."
    )
    parser.add_argument(
        "folder",
        nargs="?",
        type=Path,
        default=Path(__file__).absolute().parent,
        help="default: where this file is",
    )
    key_from = parser.add_mutually_exclusive_group()
    key_from.add_argument(
        "--verifier-key", metavar="NAME+NUMBER+BASE64", help="the log's key, got by another way"
    )
    key_from.add_argument("--verifier-key-file", metavar="FILE", type=Path, help="the same, in a file")
    parser.add_argument("--data-keys", metavar="FILE", type=Path, help="the keys to read the contents with")
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    asked = parser.parse_args(arguments)
    if not asked.folder.is_dir():
        parser.error(f"{asked.folder} is no folder")
    key: VerifierKey | None = None
    keys: DataKeys | None = None
    try:
        text: str | None = asked.verifier_key
        if asked.verifier_key_file:
            text = read_given(asked.verifier_key_file).decode()
        key = None if text is None else VerifierKey.of(text)
        keys = DataKeys.of(read_given(asked.data_keys)) if asked.data_keys else None
    except OSError as exc:
        parser.error(f"{exc.filename} cannot be read: {exc.strerror}")
    except (BrokenError, ValueError) as exc:
        parser.error(str(exc))
    ignored = {path.resolve() for path in (asked.verifier_key_file, asked.data_keys) if path}
    check = (Pack if (asked.folder / RECORDS).is_dir() else Check)(asked.folder, key, keys, ignored)
    try:
        report = check.run()
    except WrongUseError as exc:
        parser.error(str(exc))
    if asked.json:
        outcome = {
            "sound": not report.total,
            "verifier_key": check.key_text(),
            "verifier_key_compared": check.compared,
            "findings": [asdict(one) for one in report.findings],
            "findings_total": report.total,
            "checked": +report.checked,
            "not_checked": +report.unchecked,
        }
        sys.stdout.write(json.dumps(outcome) + "\n")
    else:
        sys.stdout.write("\n".join(said(check)) + "\n")
    return 1 if report.total else 0


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The name of a folder may be no text of this terminal.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: nothing can be said of this export\n")
        sys.exit(130)
