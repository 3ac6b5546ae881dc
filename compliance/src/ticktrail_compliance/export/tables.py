"""Write rows as JSON lines, as a table that a spreadsheet can open, or as Parquet.

Owns: the three forms of an export's rows, and that no cell of a CSV file is taken for a formula.
Never: decides which rows. Parquet files end in an index, and so cannot be gone on with: rows are kept as lines until
all are there (`keeps`), and become a table then (`write_parquet`).
"""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import ModuleType
from typing import BinaryIO, Literal, TypeAlias

import msgspec

from ticktrail.errors import ConfigError
from ticktrail_compliance.export.rows import COLUMNS, Cell, cells

__all__ = ["FILES", "RowsFormat", "as_lines", "neutral", "original", "require", "write_parquet"]

RowsFormat: TypeAlias = Literal["jsonl", "csv", "parquet"]

FILES: Mapping[RowsFormat, str] = {"jsonl": "rows.jsonl", "csv": "rows.csv", "parquet": "rows.parquet"}
"""The name of each form's file."""

Timed: TypeAlias = tuple[int, Mapping[str, object]]

FORMULAS = ("=", "+", "-", "@", "\t", "\r", "'")
"""What a spreadsheet may take for the beginning of a formula; and the mark itself, so that it can be undone."""

ROWS_A_GROUP = 10_000
WHOLE_NUMBERS = {"seq", "record", "time_ns", "event_ns", "recv_ns"}

_json = msgspec.json.Encoder()
_kept = msgspec.json.Decoder(list[str | int | None])


def neutral(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(FORMULAS) else cell


def original(cell: str) -> str:
    """Return what a cell was before `neutral`."""
    return cell.removeprefix("'")


def as_lines(form: RowsFormat) -> tuple[bytes, Callable[[Iterable[Timed]], bytes]]:
    """Return what a file of rows begins with, and what gives the lines for some."""
    match form:
        case "jsonl":
            return b"", lambda rows: _json.encode_lines([row for _, row in rows])
        case "csv":
            return _csv([COLUMNS]), lambda rows: _csv(cells(*row) for row in rows)
        case "parquet":
            return b"", lambda rows: _json.encode_lines([cells(*row) for row in rows])


def require(form: RowsFormat) -> None:
    """See that what a form needs is installed.

    Raises:
        ConfigError: It is not; the message says how to get it.
    """
    if form == "parquet":
        _pyarrow("pyarrow.parquet")


def write_parquet(lines: BinaryIO, file: BinaryIO, progress: Callable[[int], None]) -> None:
    """Make a Parquet file of the lines that `as_lines` gave, some at a time.

    Args:
        lines: Where they are.
        file: Where the table goes.
        progress: Is told how many rows are done.

    Raises:
        ConfigError: pyarrow is not installed.
    """
    arrow, parquet = _pyarrow("pyarrow"), _pyarrow("pyarrow.parquet")
    schema = arrow.schema(
        [arrow.field(name, arrow.int64() if name in WHOLE_NUMBERS else arrow.string()) for name in COLUMNS]
    )
    done = 0
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for group in _groups(lines):
            columns = [
                arrow.array(_column(name, values), type=field.type)
                for name, values, field in zip(COLUMNS, zip(*group, strict=True), schema, strict=True)
            ]
            writer.write_batch(arrow.RecordBatch.from_arrays(columns, schema=schema))
            done += len(group)
            progress(done)


def _column(name: str, values: Sequence[Cell]) -> Sequence[Cell]:
    if name in WHOLE_NUMBERS:
        for value in values:
            if value is not None and not (type(value) is int and -(2**63) <= value < 2**63):
                raise ConfigError(
                    f"--format parquet: a row's {name} is {value!r}, and no whole number; take --format csv"
                )
        return values
    return [None if value is None else str(value) for value in values]


def _groups(lines: BinaryIO) -> Iterator[Sequence[Sequence[Cell]]]:
    group: list[Sequence[Cell]] = []
    for line in lines:
        group.append(_kept.decode(line))
        if len(group) == ROWS_A_GROUP:
            yield group
            group = []
    if group:
        yield group


def _csv(rows: Iterable[Sequence[Cell]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(
        ["" if cell is None else neutral(str(cell)) for cell in row] for row in rows
    )
    return text.getvalue().encode()


def _pyarrow(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        raise ConfigError(
            "--format parquet needs pyarrow, which is not installed: pip install 'ticktrail-compliance[parquet]', or "
            "take --format csv or jsonl"
        ) from exc
