"""Collect all that a provider tells anybody.

Owns: the sessions that are lived through for it, and the places where it may tell something.
Never: looks for anything; the law of secrets does.
"""

from __future__ import annotations

import contextlib
import io
import logging
import traceback
from collections.abc import Iterator, Sequence
from unittest import SkipTest

import msgspec

from ticktrail.errors import ProviderError
from ticktrail.testing._cases import ProviderCase
from ticktrail.testing._provoking import cut, refused, without_hope
from ticktrail.testing._sessions import living

__all__ = ["all_told"]


async def all_told(case: ProviderCase) -> Sequence[tuple[str, str]]:
    """Return place and text of all that is told in sessions that go well, are cut, refused, and without hope."""
    told: list[tuple[str, str]] = []
    with _listening(told):
        async with case.stage() as stage:
            provider = case.open(stage)
            async with living(case, provider) as life:
                await life.until_heard()
                told.append(("its repr", f"{provider!r} {provider}"))
                if stage.venue is not None:
                    await cut(stage.venue)
                    await life.until(lambda: life.ended, case.stop_s)
            told += [
                ("an event", f"{event!r} {msgspec.json.encode(event).decode()}")
                for event in life.listener.events
            ]
            told += _of(life.error)
        with contextlib.suppress(SkipTest, AssertionError):  # another law says what is wrong there
            told += _of(await refused(case, 503))
        with contextlib.suppress(SkipTest, AssertionError):
            told += _of(await without_hope(case))
    return told


def _of(error: ProviderError | None) -> Iterator[tuple[str, str]]:
    if error is not None:
        yield "an error", f"{error} {error!r} {vars(error)}"
        yield "a traceback", "".join(traceback.format_exception(error))


@contextlib.contextmanager
def _listening(told: list[tuple[str, str]]) -> Iterator[None]:
    """Keep every log record, and whatever is printed."""

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.append((f"a log record of {record.name}", f"{record.getMessage()} {record.args!r}"))
            if record.exc_info and record.exc_info[1] is not None:
                told.append(("a logged traceback", "".join(traceback.format_exception(record.exc_info[1]))))

    root, keep = logging.getLogger(), Keep()
    level = root.level
    root.addHandler(keep)
    root.setLevel(logging.NOTSET + 1)
    out, err = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            yield
    finally:
        root.setLevel(level)
        root.removeHandler(keep)
        told += [("what it prints", out.getvalue()), ("what it prints", err.getvalue())]
