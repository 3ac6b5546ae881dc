"""Do to a session's venue what the laws of a session need.

Owns: the faults that the laws ask for, and the two ways in which a session may meet what ends it at once.
Never: judges what comes of it.
"""

from __future__ import annotations

from unittest import SkipTest

from ticktrail.errors import ProviderError
from ticktrail.testing._cases import LoopbackVenue, ProviderCase
from ticktrail.testing._sessions import living, venue_of

__all__ = ["cut", "garble", "mute", "refuse", "refused", "without_hope"]

_REFUSED_S = 600.0


async def cut(venue: LoopbackVenue) -> None:
    """End every connection without a close frame."""
    from ticktrail.testing.venue import Fault  # noqa: PLC0415 - needs h11

    await venue.do(Fault(kind="cut", at_s=0))


async def garble(venue: LoopbackVenue, count: int) -> None:
    """Spoil the next messages of data."""
    from ticktrail.testing.venue import Fault  # noqa: PLC0415 - needs h11

    await venue.do(Fault(kind="garble", count=count, at_s=0))


async def mute(venue: LoopbackVenue, stream: str = "") -> None:
    """Keep every connection, and send no more data; `stream`: of that stream alone."""
    from ticktrail.testing.venue import Fault  # noqa: PLC0415 - needs h11

    await venue.do(Fault(kind="mute", stream=stream, at_s=0))


async def refuse(venue: LoopbackVenue, status: int, retry_after_s: int = 0) -> None:
    """Answer every new connection and request with an HTTP status."""
    from ticktrail.testing.venue import Fault  # noqa: PLC0415 - needs h11

    await venue.do(Fault(kind="refuse", status=status, retry_after_s=retry_after_s, for_s=_REFUSED_S, at_s=0))


async def refused(case: ProviderCase, status: int, retry_after_s: int = 0) -> ProviderError:
    """Return what ends a session that is refused from its beginning.

    Raises:
        AssertionError: Nothing does.
        SkipTest: The stage has no venue.
    """
    async with case.stage() as stage:
        await refuse(venue_of(case, stage), status, retry_after_s)
        async with living(case, case.open(stage)) as life:
            return await life.until_lost(case.start_s, f"it was refused with HTTP status {status}")


async def without_hope(case: ProviderCase) -> ProviderError:
    """Return what ends a session that meets the case's `permanent`.

    Raises:
        AssertionError: Nothing does.
        SkipTest: The case has none, or the stage has no venue.
    """
    if case.permanent is None:
        raise SkipTest("the case has no `permanent`: nothing ends this provider's session for good")
    staging = case.permanent if callable(case.permanent) else case.stage
    async with staging() as stage:
        if not callable(case.permanent):
            await venue_of(case, stage).do(case.permanent)
        async with living(case, case.open(stage)) as life:
            return await life.until_lost(case.start_s, "it met what cannot be helped")
