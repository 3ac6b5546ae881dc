"""Give the ``[tracing]`` table its Struct.

Owns: where spans go, and what must hold of that place.
Never: speaks to it, or imports OpenTelemetry.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from ticktrail._contracts.settings import Secret, Settings
from ticktrail.address import find_plain_text

__all__ = ["TracingSettings"]


class TracingSettings(Settings, frozen=True):
    """The ``[tracing]`` table: an OpenTelemetry collector, by OTLP over HTTP."""

    endpoint: str
    """The collector's address, such as ``https://otel.example:4318``; the path for traces is added where it lacks."""
    headers: Mapping[str, Secret] = {}
    """What each request says beside, such as ``authorization``; every value by reference."""
    service_name: str = "ticktrail"
    """The name of this service in every span."""
    sample_batches: Annotated[int, Meta(ge=0, le=10_000_000)] = 1_000
    """One batch in so many is followed from the socket to the sinks; 0: none."""
    queue_spans: Annotated[int, Meta(ge=1, le=1_000_000)] = 2_048
    """How many spans may wait to be sent; more are dropped and counted."""
    timeout_s: Annotated[float, Meta(gt=0, le=60)] = 10.0
    """How long one request may take."""

    def __post_init__(self) -> None:
        """Refuse what is no address, and plain text over a network."""
        if not self.endpoint.startswith(("http://", "https://")) or self.endpoint.endswith("://"):
            raise ValueError("endpoint: is no address; write such as https://otel.example:4318")
        plain = find_plain_text(self.endpoint)
        if plain is not None:
            raise ValueError(f"endpoint: {plain.what}; {plain.remedy}")

    @property
    def url(self) -> str:
        """Where spans are posted to."""
        bare = self.endpoint.rstrip("/")
        return bare if bare.endswith("/v1/traces") else f"{bare}/v1/traces"
