"""Send spans to a collector by OTLP over HTTP, with OpenTelemetry's own SDK.

Owns: the one place where OpenTelemetry is imported, the bound of what waits, the count of what was lost.
Never: waits for the collector where a span ends; a thread of the SDK sends, and a stop gives it a moment, no more.
"""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ticktrail._logs.redact import redacted_text
from ticktrail._tracing.settings import TracingSettings
from ticktrail._tracing.tracer import Attributes, OpenSpan
from ticktrail.errors import ConfigError

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.sdk.trace.export import SpanExportResult
    from opentelemetry.trace import Span as AnySpan

__all__ = ["Exporting", "exporting"]

STOP_WITHIN_S: Final = 3.0
"""How long the end of a feed or a command waits for spans that are not sent yet."""
_AT_ONCE: Final = 256
_EVERY_MS: Final = 1_000
_SPARE: Final = 4_096
"""Room in the SDK's queue above our own bound, so that it never has to drop, and to say so, where a span ends."""


class Exporting:
    """A tracer whose spans are sent.

    Attributes:
        ended: Spans that have ended.
        sent: Those that the collector has taken.
        dropped: Those that had no room.
    """

    def __init__(self, settings: TracingSettings, base_dir: Path) -> None:
        if (
            importlib.util.find_spec("opentelemetry") is None
            or importlib.util.find_spec("opentelemetry.sdk") is None
        ):
            raise ConfigError(
                "[tracing] needs OpenTelemetry: pip install 'ticktrail[otel]', or take the table out of the feed file"
            )
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - only who traces needs it
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - see above
        from opentelemetry.sdk.trace import SpanProcessor, TracerProvider  # noqa: PLC0415 - see above
        from opentelemetry.sdk.trace.export import (  # noqa: PLC0415 - see above
            BatchSpanProcessor,
            SpanExporter,
            SpanExportResult,
        )

        self.ended = self.sent = self.dropped = 0
        self.failing = False
        self._taken = 0
        self._given = 0
        outer = self
        logging.getLogger("opentelemetry").addHandler(
            logging.NullHandler()
        )  # the feed's own words tell of it

        class Counting(SpanExporter):
            def __init__(self) -> None:
                self._inner = OTLPSpanExporter(
                    endpoint=settings.url,
                    headers={
                        name: secret.resolve(base_dir, f"[tracing] headers.{name}")
                        for name, secret in settings.headers.items()
                    },
                    timeout=settings.timeout_s,
                )

            def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
                outer._taken += len(spans)
                result = SpanExportResult.FAILURE
                try:
                    result = self._inner.export(spans)
                finally:
                    outer.failing = result is not SpanExportResult.SUCCESS
                    if not outer.failing:
                        outer.sent += len(spans)
                return result

            def shutdown(self) -> None:
                self._inner.shutdown()  # type: ignore[no-untyped-call] # the SDK has no types there

        class Bounded(SpanProcessor):
            def __init__(self) -> None:
                self._inner = BatchSpanProcessor(
                    Counting(),
                    max_queue_size=settings.queue_spans + _SPARE,
                    schedule_delay_millis=_EVERY_MS,
                    max_export_batch_size=min(_AT_ONCE, settings.queue_spans),
                )

            def on_start(self, span: Span, parent_context: Context | None = None) -> None:
                self._inner.on_start(span, parent_context)

            def on_end(self, span: ReadableSpan) -> None:
                outer.ended += 1
                if outer._given - outer._taken >= settings.queue_spans:
                    outer.dropped += 1
                    return
                outer._given += 1
                self._inner.on_end(span)

            def shutdown(self) -> None:
                self._inner.shutdown()  # type: ignore[no-untyped-call] # the SDK has no types there

        self._processor = Bounded()
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": settings.service_name}), shutdown_on_exit=False
        )
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("ticktrail")

    @property
    def lost(self) -> int:
        """How many spans ended and were not taken by the collector, those that wait still among them."""
        return self.ended - self.sent

    def begin(
        self, name: str, at_ns: int, attributes: Attributes, *, parent: OpenSpan | None = None
    ) -> OpenSpan:
        """Begin a span."""
        from opentelemetry.context import Context  # noqa: PLC0415 - see above
        from opentelemetry.trace import set_span_in_context  # noqa: PLC0415 - see above

        empty = Context()  # whatever another user of OpenTelemetry in this process is at is no parent
        context = set_span_in_context(parent.span, empty) if isinstance(parent, _Open) else empty
        return _Open(
            self._tracer.start_span(name, context=context, start_time=at_ns, attributes=_clean(attributes))
        )

    def close(self) -> None:
        """Send what is left, for `STOP_WITHIN_S` at most."""
        closing = threading.Thread(target=self._processor.shutdown, name="ticktrail spans", daemon=True)
        closing.start()
        closing.join(STOP_WITHIN_S)  # the SDK's own thread ends with the process where the collector hangs


class _Open:
    def __init__(self, span: AnySpan) -> None:
        self.span = span

    def add(self, attributes: Attributes) -> None:
        self.span.set_attributes(_clean(attributes))

    def end(self, at_ns: int, *, failed: str = "") -> None:
        if failed:
            from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 - see above

            self.span.set_status(Status(StatusCode.ERROR, redacted_text(failed)))
        self.span.end(at_ns)


def _clean(attributes: Attributes) -> dict[str, str | int | float | bool]:
    return {
        key: redacted_text(value) if isinstance(value, str) else value for key, value in attributes.items()
    }


@contextmanager
def exporting(settings: TracingSettings, base_dir: Path, tell: Callable[[str], None]) -> Iterator[Exporting]:
    """Open what sends spans, for a command; at the end it says how many were lost.

    Args:
        settings: Where to.
        base_dir: Against which references to secrets are resolved.
        tell: Is told of what was lost.

    Raises:
        ConfigError: OpenTelemetry is not installed, or a header's secret is not there.
    """
    tracer = Exporting(settings, base_dir)
    try:
        yield tracer
    finally:
        tracer.close()
        if tracer.lost:
            tell(lost_told(tracer, settings))


def lost_told(tracer: Exporting, settings: TracingSettings) -> str:
    """Return how to tell of spans that were lost."""
    return (
        f"{tracer.lost:,} of {tracer.ended:,} spans did not get to {redacted_text(settings.url)} "
        f"({tracer.dropped:,} had no room): see whether the collector runs, or raise queue_spans"
    )
