"""See whether one channel that falls silent is found, however busy the others are.

Owns: which of a venue's streams is a channel's own, and the silence that is provoked on it alone.
Never: knows how a provider tells a quiet market from a mute stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from unittest import SkipTest

from ticktrail.errors import TransientError
from ticktrail.model import Channel
from ticktrail.testing._cases import LoopbackVenue, ProviderCase, Stage
from ticktrail.testing._expect import expect
from ticktrail.testing._provoking import mute
from ticktrail.testing._sessions import living, venue_of

__all__ = ["expect_each_channel_watched"]


async def expect_each_channel_watched(case: ProviderCase) -> None:
    """Fail unless a session ends, in time, of which one stream alone brings no more; tried with one of each channel.

    Raises:
        SkipTest: No two channels have streams of their own, or there is no venue.
    """
    if len(case.context.channels) == 1:
        raise SkipTest("the case asks for one channel alone")
    async with case.stage() as stage:
        own = await _own_streams(case, stage, venue_of(case, stage))
    if len(own) == 1:
        raise SkipTest("no two of the channels have streams of their own at the venue")
    for channel, stream in own.items():
        await _expect_watched(case, channel, stream)


async def _expect_watched(case: ProviderCase, channel: Channel, stream: str) -> None:
    async with case.stage() as stage:
        venue = venue_of(case, stage)
        async with living(case, case.open(stage)) as life:
            await life.until_true(
                lambda: life.started and life.listener.channels() >= case.context.channels,
                "tick on each channel",
            )
            await mute(venue, stream)
            told = f"the channel {channel} alone ({stream}) fell silent"
            error = await life.until_lost(case.silent_s, told)
    expect(
        isinstance(error, TransientError) and error.cause == "silent",
        f'{case.name} takes it for {error!r} that {told}: raise a TransientError with cause="silent"',
    )


async def _own_streams(case: ProviderCase, stage: Stage, venue: LoopbackVenue) -> Mapping[Channel, str]:
    """Return for each channel a stream that is subscribed to for its sake, and for no other channel's."""
    wanted: dict[Channel, frozenset[str]] = {}
    for channel in sorted(case.context.channels):
        alone = replace(case, context=replace(case.context, channels=frozenset({channel})))
        async with living(alone, alone.open(stage)) as life:
            await life.until(lambda: life.ended or (life.started and venue.streams()), case.start_s)
            wanted[channel] = frozenset(venue.streams())
        await life.until(lambda: not venue.connections(), case.stop_s)
    found: dict[Channel, str] = {}
    for channel, streams in wanted.items():
        others = frozenset[str]().union(*(names for other, names in wanted.items() if other != channel))
        if own := sorted(streams - others):
            found[channel] = own[0]
    return found
