"""Open a leg's archive for one question, by the names that the leg knows.

Owns: what the archive is told of the feed, and the meaning of what goes wrong in it.
Never: retries, or judges what it gives.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ticktrail._contracts.clock import Clock
from ticktrail._contracts.history import History
from ticktrail._contracts.provider import ProviderContext, Tell
from ticktrail._plan.model import LegPlan, Plan
from ticktrail.errors import FeedError, PermanentError
from ticktrail.model import Channel, InstrumentId

__all__ = ["archive_of", "has_archive", "served_by"]


def has_archive(leg: LegPlan, instrument: InstrumentId, channel: Channel) -> bool:
    """Tell whether a leg can be asked for the past of an instrument's channel."""
    return (
        leg.spec.history is not None and channel in leg.capabilities.history and instrument in leg.instruments
    )


def served_by(leg: LegPlan, instrument: InstrumentId) -> InstrumentId:
    """Return what the leg serves for an instrument of the feed."""
    return leg.equivalents.get(instrument, instrument)


@asynccontextmanager
async def archive_of(
    leg: LegPlan, plan: Plan, instrument: InstrumentId, channel: Channel, *, clock: Clock, tell: Tell
) -> AsyncIterator[History]:
    """Open the archive of a leg that `has_archive`.

    Raises:
        TransientError: It cannot be asked now.
        PermanentError: It will not answer, or fails by a defect of its own; whatever is raised within is taken for one.
    """
    opens = leg.spec.history
    assert opens is not None  # noqa: S101 - the caller chose a leg that has it
    context = ProviderContext(
        name=leg.name,
        instruments=(served_by(leg, instrument),),
        channels=frozenset({channel}),
        clock=clock,
        base_dir=plan.base_dir,
        registry=plan.registry,
    )
    try:
        async with opens(leg.settings, context, tell) as history:
            yield history
    except Exception as exc:
        error = _only_leaf(exc)
        if isinstance(error, FeedError):
            raise error from (None if error is exc else exc)
        raise PermanentError(
            f"leg {leg.name!r}: its history failed by a defect of its own, {type(error).__name__}: {error}; "
            f"report it to the plugin's authors",
            provider=leg.name,
            cause="defect",
        ) from exc


def _only_leaf(exc: Exception) -> Exception:
    """Return the one error that a group of a provider's tasks means; the group where there are several."""
    if isinstance(exc, ExceptionGroup) and len(exc.exceptions) == 1:
        return _only_leaf(exc.exceptions[0])
    return exc
