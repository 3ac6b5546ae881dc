"""Declare the sink `acme`, and be it.

It is a file with one line of JSON a tick.

A hook only declares: it returns specs, and reads no credentials, clock or network.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

import anyio.lowlevel
import anyio.to_thread
from ticktrail.errors import SinkError
from ticktrail.model import Tick
from ticktrail.plugin import Settings, Sink, SinkContext, SinkSpec, hookimpl, sink_spec
from ticktrail.wire import encode_lines

TICKTRAIL_API = 1
"""The version of ticktrail's plugin interface that this is written for."""


class AcmeSettings(Settings, frozen=True):
    """The keys of its ``[[sinks]]`` table; a docstring says what each is for.

    Attributes:
        path: The file, relative to the feed file's folder; what is in it is kept.
    """

    path: str


class AcmeSink:
    """An open file.

    Args:
        path: For messages.
        file: Open for appending.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._path = path
        self._file = file

    async def write(self, ticks: Sequence[Tick]) -> None:
        """Return once the ticks are safe; they are the feed's, and stay as they are.

        Raises:
            SinkError: The file took no more; this lane closes, and the others go on.
        """
        await anyio.lowlevel.checkpoint()  # the last place at which it may be cancelled: all or nothing
        try:
            await anyio.to_thread.run_sync(self._append, encode_lines(ticks))
        except (OSError, ValueError) as exc:
            raise SinkError(f"cannot write to {self._path} ({exc}); free space there") from exc

    def _append(self, lines: bytes) -> None:
        self._file.write(lines)
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@asynccontextmanager
async def open_sink(
    settings: AcmeSettings,
    context: SinkContext,
) -> AsyncIterator[Sink]:
    """Keep the sink open for as long as the feed runs."""
    path = context.base_dir / settings.path
    try:
        file = await anyio.to_thread.run_sync(lambda: path.open("ab"))
    except OSError as exc:
        raise SinkError(f"cannot open {path}: {exc.strerror}; make its folder, or name another path") from exc
    sink = AcmeSink(path, file)
    try:
        yield sink
    finally:
        sink.close()


@hookimpl
def ticktrail_sinks() -> Iterable[SinkSpec]:
    """Declare the sink."""
    return [
        sink_spec(
            name="acme",
            summary="acme: a line a tick",
            settings=AcmeSettings,
            open=open_sink,
        )
    ]
