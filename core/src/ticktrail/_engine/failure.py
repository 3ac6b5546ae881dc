"""Say what the end of a provider's session means.

Owns: which of several errors outweighs the others, and the words for a provider's own defect.
Never: decides when the leg is tried again.
"""

from __future__ import annotations

from collections.abc import Iterator

from ticktrail.errors import ConfigError, PermanentError, ProviderError
from ticktrail.model import ProviderId

__all__ = ["failure_of", "only_leaf"]


def failure_of(exc: Exception, leg: ProviderId) -> ProviderError:
    """Return the one error that a session's end means; a permanent one outweighs the others."""
    found = list(_leaves(exc))
    for error in found:
        if isinstance(error, PermanentError):
            return error
    for error in found:
        if isinstance(error, ConfigError):  # what it was told to read, or its settings: the person's to mend
            told = PermanentError(str(error), provider=leg, cause="settings")
            told.__cause__ = exc
            return told
    defects = [error for error in found if not isinstance(error, ProviderError)]
    if defects:
        error = defects[0]
        failure = PermanentError(
            f"provider of leg {leg!r} failed by a defect of its own, {type(error).__name__}: {error}; "
            f"run with --debug for the traceback and report it to the plugin's authors",
            provider=leg,
            cause="defect",
        )
        failure.__cause__ = exc
        return failure
    first = found[0]
    assert isinstance(first, ProviderError)  # noqa: S101 - every other kind was returned above
    return first


def _leaves(exc: Exception) -> Iterator[Exception]:
    if isinstance(exc, ExceptionGroup):
        for inner in exc.exceptions:
            yield from _leaves(inner)
    else:
        yield exc


def only_leaf(group: ExceptionGroup[Exception]) -> Exception | None:
    """Return the one exception in the group, however deep; None where there are several."""
    if len(group.exceptions) != 1:
        return None
    inner = group.exceptions[0]
    return only_leaf(inner) if isinstance(inner, ExceptionGroup) else inner
