"""Name every error by its remedy.

Owns: the tree below; other modules add classes only under one of its branches.
Never: carries bad market data, which is a value.

::

    FeedError
    ├── ConfigError          fix the settings, start again
    ├── PluginError          fix or remove the plugin
    ├── ProviderError        .provider
    │   ├── TransientError   retry; .retry_after_s or None
    │   └── PermanentError   do not retry (credentials, unknown instrument)
    ├── RouteError           a person's order cannot be carried out
    ├── SinkError            this lane only
    ├── ClockError           halt: times that nobody can prove must not be recorded
    └── AuditError           halt: unrecorded data must not flow

Bad market data is never an exception: it is a `ticktrail.model.Rejected` value. Every message names the place
and the remedy, in one paragraph, and holds no secret.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = [
    "AuditError",
    "ClockError",
    "ConfigError",
    "FeedError",
    "PermanentError",
    "PluginError",
    "ProviderError",
    "RouteError",
    "SinkError",
    "TransientError",
]


class FeedError(Exception):
    """Anything that ticktrail raises on purpose."""


class ConfigError(FeedError):
    """The settings cannot be used; `problems` holds one paragraph a fault."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: Sequence[str] = problems


class PluginError(FeedError):
    """A plugin is missing, broken, or does not fit this version of ticktrail."""


class ProviderError(FeedError):
    """A leg lost its venue.

    Attributes:
        provider: The leg's name in the feed file.
        cause: What happened in one word that programs may compare: ``lost``, ``silent`` (connected, and no data),
            ``refused``, ``credentials`` (refused for their sake), ``limited`` (asked to wait by the venue), ``slow``
            (this machine, by the venue's word), ``garbled`` (an answer that makes no sense), ``defect`` …
    """

    def __init__(self, message: str, *, provider: str, cause: str = "lost") -> None:
        super().__init__(message)
        self.provider = provider
        self.cause = cause


class TransientError(ProviderError):
    """Worth another try: the leg reconnects after its backoff, or after `retry_after_s` where the venue says."""

    def __init__(
        self, message: str, *, provider: str, cause: str = "lost", retry_after_s: float | None = None
    ) -> None:
        super().__init__(message, provider=provider, cause=cause)
        self.retry_after_s = retry_after_s


class PermanentError(ProviderError):
    """Trying again cannot help: wrong credentials, an instrument that the venue does not list."""

    def __init__(self, message: str, *, provider: str, cause: str = "refused") -> None:
        super().__init__(message, provider=provider, cause=cause)


class RouteError(FeedError):
    """A route cannot do as a person told it; nothing has changed."""


class SinkError(FeedError):
    """A sink cannot take ticks; the other lanes go on."""


class ClockError(FeedError):
    """This machine's clock is out of tolerance or unproven; a feed with ``on_unsynchronised = "halt"`` stops."""


class AuditError(FeedError):
    """The audit log cannot record or cannot be read; a feed with `on_failure = "halt"` stops."""
