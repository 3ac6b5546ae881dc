"""Let a plugin tell how long something of its own took, where a feed is traced.

Owns: the public way to a span.
Never: costs anything to speak of, or imports OpenTelemetry, where there is no ``[tracing]``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ticktrail._settings.decode import as_table, decode
from ticktrail._settings.document import read_document
from ticktrail._tracing.settings import TracingSettings
from ticktrail._tracing.tracer import ACTIVE, CURRENT, tracing_by

__all__ = ["span", "traced"]


@contextmanager
def span(name: str, **attributes: str | float | bool) -> Iterator[None]:
    """Tell of what is done within the context as one span; a span within it is its child.

    Does nothing where nothing is traced. An exception is noted as the span's failure, by its type alone, and goes on.

    Args:
        name: What is done, such as ``seal``.
        attributes: What else there is to say: no price, no size, no secret.
    """
    tracer = ACTIVE.get()
    if tracer is None:
        yield
        return
    one = tracer.begin(name, time.time_ns(), attributes, parent=CURRENT.get())
    token = CURRENT.set(one)
    failed = ""
    try:
        yield
    except BaseException as exc:
        failed = type(exc).__name__
        raise
    finally:
        CURRENT.reset(token)
        one.end(time.time_ns(), failed=failed)


@contextmanager
def traced(feed_file: Path | None, tell: Callable[[str], None]) -> Iterator[None]:
    """Trace a command as the ``[tracing]`` table of a feed file asks for it; do nothing without one.

    Args:
        feed_file: The feed file; None: the command was given none.
        tell: Is told of spans that were lost.

    Raises:
        ConfigError: The file cannot be read, its ``[tracing]`` is at fault, or OpenTelemetry is not installed.
    """
    document = None if feed_file is None else read_document(feed_file)
    if document is None or "tracing" not in document.tables:
        yield
        return
    table = as_table(document, ("tracing",), document.tables["tracing"])
    settings = None if table is None else decode(document, ("tracing",), table, TracingSettings)
    if settings is None:
        raise document.error()
    from ticktrail._tracing.export import exporting  # noqa: PLC0415 - only who traces needs it

    with exporting(settings, document.base_dir, tell) as tracer, tracing_by(tracer):
        yield
