"""Read one feed file: its values, the place of each, and the words in which its faults are told.

Owns: the reading of the file, and a problem's form: ``FILE:LINE: [table] key: what is wrong; what would be right``.
Never: knows which tables there are, or puts a value into a message.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path as FilePath
from typing import TypeAlias

from ticktrail._settings.positions import Path, Position, find_positions
from ticktrail.errors import ConfigError

__all__ = ["Document", "Table", "nearest", "read_document", "spell", "with_added"]

Table: TypeAlias = Mapping[str, object]

_MAX_BYTES = 1_048_576
_MAX_DEPTH = 32
_TOO_DEEP = f"is nested too deeply; a feed file needs a few levels, and may have {_MAX_DEPTH}"
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_AT_LINE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(frozen=True, slots=True)
class Document:
    """A feed file as read, and the faults found in it so far.

    Attributes:
        path: As the person gave it.
        base_dir: Its folder, absolute: what relative paths in it are relative to.
        sha256: Over the file's bytes, in hex.
        tables: Its values; numbers with a point are `Decimal`, exactly as written.
        positions: The line and column of each key.
        problems: One paragraph a fault, in the order in which they were found.
        places: Where each of them is.
        added: What was laid over the file's own values, by table.
        notices: What still counts and will not for ever, such as a key that has another name now.
    """

    path: FilePath
    base_dir: FilePath
    sha256: str
    tables: Table
    positions: Mapping[Path, Position]
    problems: list[str] = field(default_factory=list)
    places: list[Path] = field(default_factory=list)
    added: Mapping[str, Table] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)

    def blame(self, at: Path, message: str) -> None:
        """Note a fault at a key."""
        self.problems.append(self.locate(at, message))
        self.places.append(at)

    def keys_at_fault(self, at: Path) -> frozenset[object]:
        """Return the keys of a table in which, or in what stands below them, a fault was found."""
        deep = len(at)
        return frozenset(place[deep] for place in self.places if len(place) > deep and place[:deep] == at)

    def locate(self, at: Path, message: str) -> str:
        """Return the message with file, line, table and key before it."""
        return f"{self.path}:{self.line(at)}: {self._name(at)}: {message}"

    def name(self, at: Path) -> str:
        """Return ``[table] key`` for a key."""
        return self._name(at)

    def line(self, at: Path) -> int:
        """Return the line of a key, or of the nearest table around it that stands in the file."""
        while at and at not in self.positions:
            at = at[:-1]
        return self.positions[at][0] if at else 1

    def error(self) -> ConfigError:
        """Return what was found: each problem once, from the top of the file down."""
        return ConfigError(*sorted(dict.fromkeys(self.problems), key=self._line_of))

    def _line_of(self, problem: str) -> int:
        return int(problem.removeprefix(f"{self.path}:").partition(":")[0])

    def _name(self, at: Path) -> str:
        if not at:
            return "the file"
        value = self._value(at)
        if isinstance(value, Mapping) or _is_tables(value):
            return _header(at, array=not isinstance(value, Mapping))
        cut = len(at) - 1  # what stands in an array of plain values is told by the array's own key
        while cut and not isinstance(self._value(at[:cut]), Mapping):
            cut -= 1
        return f"{_header(at[:cut])} {_spelled(at[cut:])}" if cut else _spelled(at)

    def _value(self, at: Path) -> object:
        value: object = self.tables
        for part in at:
            if isinstance(value, Mapping):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value


def with_added(document: Document, added: Mapping[str, Table]) -> Document:
    """Return the document with keys laid over some of its tables, such as those of the command line."""
    if not added:
        return document
    tables = dict(document.tables)
    for name, table in added.items():
        before = tables.get(name, {})
        if isinstance(before, Mapping):  # else the file's own fault is told
            tables[name] = {**before, **table}
    return replace(document, tables=tables, added=added)


def read_document(path: FilePath, content: bytes | None = None) -> Document:
    """Return the feed file, read and parsed.

    Args:
        path: Which.
        content: What stands in it, where that was read already; None: it is read.

    Raises:
        ConfigError: It is missing, cannot be read, or is not TOML in UTF-8; the message says which and where.
    """
    raw = _read(path) if content is None else content
    if len(raw) > _MAX_BYTES:
        raise ConfigError(
            f"{path}: is larger than {_MAX_BYTES} bytes; give a feed file, which is a page of TOML"
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = raw.count(b"\n", 0, exc.start) + 1
        raise ConfigError(
            f"{path}:{line}: byte 0x{raw[exc.start]:02x} is not UTF-8; save the file in UTF-8"
        ) from exc
    try:
        tables = tomllib.loads(text, parse_float=_decimal)
        positions = find_positions(raw)
    except (ValueError, RecursionError) as exc:
        raise ConfigError(_bad_toml(path, text, exc)) from exc
    for at, (line, _) in positions.items():
        if len(at) > _MAX_DEPTH:
            raise ConfigError(f"{path}:{line}: {_TOO_DEEP}")
    return Document(
        path=path,
        base_dir=path.absolute().parent,
        sha256=hashlib.sha256(raw).hexdigest(),
        tables=tables,
        positions=positions,
    )


def _read(path: FilePath) -> bytes:
    try:
        if path.is_fifo():  # to open one waits for whoever writes, and the file is read more than once
            raise ConfigError(f"{path}: is a pipe; save what comes out of it, and give the path of that file")
        with path.open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except OSError as exc:
        raise ConfigError(f"{path}: cannot be read ({exc.strerror}); {_remedy(exc)}") from exc


def nearest(word: str, choices: Iterable[str]) -> str:
    """Return ``did you mean …`` for a word that is no choice, or the choices where none is near; case is no matter."""
    known = sorted(choices)
    folded = {choice.casefold(): choice for choice in known}
    close = get_close_matches(word.casefold(), folded, n=1, cutoff=0.6)
    if close:
        return f"did you mean {folded[close[0]]}?"
    return f"there is {spell(known)}" if known else "there is none"


def spell(words: Iterable[str]) -> str:
    """Return words as a list for people, in order; ``nothing`` for none."""
    return ", ".join(words) or "nothing"


def _is_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _header(at: Path, *, array: bool = False) -> str:
    """Return ``[a.b]``, or ``[[a]]`` for an array of tables, with an element's number behind: ``[[a]] 2``."""
    number = at[-1]
    if isinstance(number, int):
        return f"[[{_spelled(at[:-1])}]] {number + 1}"
    return f"[[{_spelled(at)}]]" if array else f"[{_spelled(at)}]"


def _spelled(at: Path) -> str:
    text = ""
    for part in at:
        if isinstance(part, int):
            text += f"[{part + 1}]"
        else:
            text += ("." if text else "") + (part if _BARE.fullmatch(part) else f'"{part}"')
    return text


def _remedy(exc: OSError) -> str:
    if isinstance(exc, FileNotFoundError):
        return "give the path of a feed file"
    if isinstance(exc, IsADirectoryError):
        return "give the path of a feed file, not of its folder"
    return "give this user the right to read it"


def _decimal(text: str) -> Decimal:
    """Return a number as written, or NaN for one beyond all bounds: it is then refused in its own place."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return Decimal("NaN")


def _bad_toml(path: FilePath, text: str, exc: Exception) -> str:
    if isinstance(exc, RecursionError):
        return f"{path}:1: {_TOO_DEEP}"
    if not isinstance(exc, tomllib.TOMLDecodeError):
        return f"{path}:1: holds a whole number with thousands of digits; write one that something can count"
    said = str(exc)
    place = _AT_LINE.search(said)
    line, column = (place[1], place[2]) if place else (None, None)
    where = f"{path}:{line or text.count(chr(10)) + 1}"
    what = _AT_LINE.sub("", said)
    at = f" at column {column}" if column else " at the end of the file" if place else ""
    return f"{where}: is not valid TOML{at}: {what}; write key = value under a [table], text in quotes"
