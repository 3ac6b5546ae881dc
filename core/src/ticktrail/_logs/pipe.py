"""Carry entries from wherever they arise to where they are written, without ever holding anybody up.

Owns: the bounded queue, the one thread that writes, and the count of what was dropped.
Never: waits for an outlet in the feed's tasks; a full queue drops, and says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from ticktrail._contracts.observer import Record, Routed
from ticktrail._logs.entry import (
    DROPPED,
    LIBRARY,
    PROGRESS,
    WARNING,
    Entry,
    entry_of,
    entry_of_library,
)
from ticktrail._logs.fold import Folder
from ticktrail._logs.form import Render
from ticktrail._logs.outlet import Outlet
from ticktrail._logs.settings import RANK, Level, LogSettings
from ticktrail.events import Event

__all__ = ["LogPipe"]

_LOOK_EVERY_S: Final = 0.5
"""How often the thread looks for periods of a fold that are over, where nothing comes."""
_AT_ONCE: Final = 500
"""Lines that are written together."""
CLOSE_WITHIN_S: Final = 2.0
"""How long the end of a feed waits for an outlet that does not take what is left."""


class _Warned(msgspec.Struct, frozen=True):
    at_ns: int
    text: str


class LogPipe:
    """The log of one run.

    Args:
        settings: What is written.
        outlet: Where to.
        render: In which form.
        sentence: Returns the sentence in which people are told of an event; None where there is none.
        tell: Told, in the log's thread, that the outlet cannot be written: nobody would read it in the log.
        mono_ns: A monotonic clock, for folding.
        now_ns: UTC, for what the log says of itself.
    """

    def __init__(
        self,
        settings: LogSettings,
        outlet: Outlet,
        render: Render,
        *,
        sentence: Callable[[Event], str | None] = lambda _: None,
        tell: Callable[[str], None] = lambda _: None,
        mono_ns: Callable[[], int] = time.monotonic_ns,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._settings = settings
        self._outlet = outlet
        self._render = render
        self._sentence = sentence
        self._tell = tell
        self._mono_ns = mono_ns
        self._now_ns = now_ns
        self._queue: deque[Event | Entry | _Warned | logging.LogRecord] = deque()
        self._folder = Folder(round(settings.fold_s * 1e9))
        self._filled = threading.Event()
        self._closing = False
        self._counting = threading.Lock()
        self._dropped = 0
        self._is_broken = False
        self._has_failed = False
        self._last_sentence: str | None = None
        self._thread = threading.Thread(target=self._run, name="ticktrail log", daemon=True)
        self._thread.start()

    def hear(self, record: Record) -> None:
        """Take an event of the bus; what became of ticks is none."""
        if type(record) is not Routed:
            self._put(record)  # type: ignore[arg-type] # all that is no `Routed` is an event

    def warn(self, text: str) -> None:
        """Take a warning."""
        self._put(_Warned(self._now_ns(), text))

    def progress(self, counts: dict[str, int]) -> None:
        """Take how far the feed got."""
        self._put(Entry(at_ns=self._now_ns(), level="info", event=PROGRESS, fields=counts))

    def take(self, record: logging.LogRecord) -> None:
        """Take a record of Python's own logging; from any thread."""
        self._put(record)

    def close(self) -> int:
        """Write what is left, for `CLOSE_WITHIN_S` at most, and return how many lines were never written."""
        self._closing = True
        self._filled.set()
        self._thread.join(CLOSE_WITHIN_S)
        if self._thread.is_alive():  # the outlet hangs; the thread ends with the process
            return self._dropped + len(self._queue)
        return self._dropped

    def _put(self, item: Event | Entry | _Warned | logging.LogRecord) -> None:
        if len(self._queue) >= self._settings.queue_lines:
            self._lose(1)
            return
        self._queue.append(item)
        self._filled.set()

    def _lose(self, lines: int) -> None:
        with self._counting:
            self._dropped += lines

    def _run(self) -> None:
        while True:
            self._filled.wait(_LOOK_EVERY_S)
            self._filled.clear()
            closing = self._closing
            while self._queue:
                self._write(self._taken())
            self._write(self._folder.due(self._mono_ns(), all_of_them=closing))
            if self._dropped:
                self._say_dropped()
            if closing and not self._queue:
                self._outlet.close()
                return

    def _taken(self) -> list[Entry]:
        entries: list[Entry] = []
        for _ in range(min(len(self._queue), _AT_ONCE)):
            try:
                entry = self._entry(self._queue.popleft())
                if entry is not None and self._is_wanted(entry):
                    entries += self._folder.take(entry, self._mono_ns())
            except Exception as exc:  # noqa: BLE001 - one line is lost and told of; without the thread all were
                self._fail(exc)
        return entries

    def _entry(self, item: Event | Entry | _Warned | logging.LogRecord) -> Entry | None:
        if isinstance(item, Entry):
            return item
        if isinstance(item, logging.LogRecord):
            return entry_of_library(item)
        if isinstance(item, _Warned):
            if item.text == self._last_sentence:  # the event that it is about has said it already
                self._last_sentence = None
                return None
            return Entry(at_ns=item.at_ns, level="warning", event=WARNING, text=item.text)
        sentence = self._sentence(item)
        if sentence is not None:
            self._last_sentence = sentence
        return entry_of(item, sentence)

    def _is_wanted(self, entry: Entry) -> bool:
        name = str(entry.fields.get("logger", entry.event))
        is_foreign = entry.event == LIBRARY and not name.startswith("ticktrail")
        otherwise: Level | None = "warning" if is_foreign else None
        return RANK[entry.level] >= RANK[self._settings.least(name, otherwise)]

    def _write(self, entries: Sequence[Entry]) -> None:
        lines: list[str] = []
        for entry in entries:
            try:
                lines.append(f"{self._render(entry)}\n")
            except Exception as exc:  # noqa: BLE001 - as in `_taken`
                self._fail(exc)
        if not lines:
            return
        try:
            self._outlet.write("".join(lines))
        except OSError as exc:
            self._lose(len(lines))
            if not self._is_broken:
                self._is_broken = True
                self._say(
                    f"{self._outlet.name} cannot be written ({exc.strerror}): lines of the log are lost"
                )
        else:
            self._is_broken = False

    def _fail(self, exc: Exception) -> None:
        """Count a line that a defect cost, and tell of the first one."""
        self._lose(1)
        if not self._has_failed:
            self._has_failed = True
            self._say(f"a line of the log cannot be made, by a defect: {type(exc).__name__}: {exc}")

    def _say(self, text: str) -> None:
        """Tell of trouble with the log; where nobody can be, in the log."""
        try:
            self._tell(text)
        except Exception as exc:  # noqa: BLE001 - it must not end the thread; the log itself is the last resort
            failed = f"{text} ({type(exc).__name__} while this was told)"
            self._queue.append(Entry(at_ns=self._now_ns(), level="warning", event=WARNING, text=failed))

    def _say_dropped(self) -> None:
        with self._counting:
            dropped, self._dropped = self._dropped, 0
        entry = Entry(at_ns=self._now_ns(), level="warning", event=DROPPED, fields={"count": dropped})
        try:
            self._outlet.write(f"{self._render(entry)}\n")
        except OSError:  # told once by `_write`; the count stays for when it can be said
            self._lose(dropped)
