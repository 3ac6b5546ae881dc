"""Say what a span is here, so that nothing but the exporter knows OpenTelemetry.

Owns: the shape of a tracer and of a span, and which of them is in force where code runs.
Never: sends anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol, TypeAlias

__all__ = ["ACTIVE", "CURRENT", "Attributes", "OpenSpan", "Tracer", "tracing_by"]

Attributes: TypeAlias = Mapping[str, str | int | float | bool]


class OpenSpan(Protocol):
    """A span that has begun."""

    def add(self, attributes: Attributes) -> None:
        """Say more of it."""
        ...

    def end(self, at_ns: int, *, failed: str = "") -> None:
        """End it, in UTC nanoseconds; `failed` says how, where it did. Never waits."""
        ...


class Tracer(Protocol):
    """What takes spans."""

    def begin(
        self, name: str, at_ns: int, attributes: Attributes, *, parent: OpenSpan | None = None
    ) -> OpenSpan:
        """Begin a span, in UTC nanoseconds; without a parent it is the first of a trace of its own."""
        ...


ACTIVE: Final[ContextVar[Tracer | None]] = ContextVar("ticktrail_tracer", default=None)
"""The tracer in force; tasks and threads that are started below it have it as well."""
CURRENT: Final[ContextVar[OpenSpan | None]] = ContextVar("ticktrail_span", default=None)
"""The span within which code runs."""


@contextmanager
def tracing_by(tracer: Tracer | None) -> Iterator[None]:
    """Let `ticktrail.tracing.span` write to this tracer within the context."""
    token = ACTIVE.set(tracer)
    try:
        yield
    finally:
        ACTIVE.reset(token)
