"""Let what libraries say through Python's own logging go the way of the log.

Owns: the handler, and the levels of loggers while it is there.
Never: takes a library's own handlers away.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ticktrail._logs.pipe import LogPipe
from ticktrail._logs.settings import LogSettings

__all__ = ["libraries_into"]

_NUMBERS: Final = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


@contextmanager
def libraries_into(pipe: LogPipe, settings: LogSettings) -> Iterator[None]:
    """Send records of all loggers into the log while the context is open.

    A library is heard from ``warning`` on, ticktrail's own modules from the log's level on; `levels` says otherwise of
    a module. Loggers are made more talkative where that asks for it, and are as they were afterwards.
    """
    root = logging.getLogger()
    handler = _Into(pipe)
    wanted = {"ticktrail": settings.least("ticktrail"), **settings.levels}
    before = {name: logging.getLogger(name).level for name in wanted}
    for name, level in wanted.items():
        logger = logging.getLogger(name)
        if logger.getEffectiveLevel() > _NUMBERS[level]:
            logger.setLevel(_NUMBERS[level])
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        for name, level_before in before.items():
            logging.getLogger(name).setLevel(level_before)


class _Into(logging.Handler):
    def __init__(self, pipe: LogPipe) -> None:
        super().__init__()
        self._pipe = pipe

    def emit(self, record: logging.LogRecord) -> None:
        self._pipe.take(record)
