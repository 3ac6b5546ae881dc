"""Tell a market that sleeps from a connection that has gone mute.

Owns: the probe: does the connection answer, and did the market move beyond what it brought?
Never: reconnects; it raises, and the leg does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio

from ticktrail.errors import ProviderError, TransientError
from ticktrail.events import VenueTrouble
from ticktrail.model import Quote, Ticker
from ticktrail.net import Silence
from ticktrail.plugin import ProviderContext, Tell
from ticktrail_kraken.decoder import KrakenDecoder, Stream
from ticktrail_kraken.live.link import Link
from ticktrail_kraken.rest.client import Declined, RestClient
from ticktrail_kraken.rest.questions import ask_best, ask_newest_trade
from ticktrail_kraken.settings import KrakenSettings

__all__ = ["watch"]

LOOK_EVERY_S = 1.0
ON_THE_WAY_S = 2.0
"""REST may know of a move a moment before the stream brings it."""
MOST_ASKED = 5
"""Pairs of one channel that are asked about at once: the venue takes one request a second."""


async def watch(
    link: Link,
    decoder: KrakenDecoder,
    settings: KrakenSettings,
    context: ProviderContext,
    client: RestClient,
    handed: Callable[[], int],
    tell: Tell,
) -> None:
    """Look after the connection, until cancelled.

    Args:
        link: The connection.
        decoder: Reads what it brings.
        settings: Of the leg.
        context: Of the leg.
        client: Asks the venue by REST.
        handed: Payloads that were handed over to be decoded so far.
        tell: Takes the news that the venue could not be asked.

    Raises:
        TransientError: It is mute, though open.
    """
    mono_ns = context.clock.mono_ns
    silence: Silence[Stream] = Silence(decoder.streams.values(), settings.quiet_after_s, mono_ns())
    shortest_s = min(settings.quiet_after_s.values(), default=LOOK_EVERY_S)
    handed_before = 0

    async def probe(quiet: Sequence[Stream], what: str) -> None:
        heard = {stream: stream.heard for stream in quiet}
        link.ping()
        try:
            moved = [stream for stream in quiet if await _moved(stream, decoder, client, settings.answer_s)]
        except (ProviderError, Declined) as exc:  # what the venue would have said is not guessed
            detail = f"{what}, and whether that is a sign could not be asked: {exc}"
            tell(
                VenueTrouble(
                    at_ns=context.clock.now_ns(), provider=context.name, detail=detail, retry_in_s=None
                )
            )
            return
        if moved:
            await anyio.sleep(min(ON_THE_WAY_S, shortest_s))
        unheard = [stream.symbol for stream in moved if stream.heard == heard[stream]]
        if unheard:
            raise TransientError(
                f"leg {context.name!r}: connected and silent: {what}, though {', '.join(unheard)} moved, as the venue "
                f"says by REST",
                provider=context.name,
                cause="silent",
            )

    while True:
        await anyio.sleep(min(LOOK_EVERY_S, shortest_s / 4))
        is_behind = link.is_handing or decoder.taken < handed_before
        handed_before = handed()
        if is_behind or not any(decoder.states.moves(symbol) for symbol, _ in decoder.streams):
            silence.pause(mono_ns())
            continue
        for channel in silence.look(mono_ns()):
            what = f"nothing on {channel} for {silence.quiet_s(channel, mono_ns()):.0f} s"
            await probe([silence.busiest(channel)], what)
            silence.excuse(channel, mono_ns())
        quiet = [stream for stream in silence.look_at_each(mono_ns()) if decoder.states.moves(stream.symbol)]
        for channel in sorted({stream.channel for stream in quiet}):
            of_channel = [stream for stream in quiet if stream.channel == channel][:MOST_ASKED]
            await probe(of_channel, f"nothing on {channel} of some pairs that had been regular")


async def _moved(stream: Stream, decoder: KrakenDecoder, client: RestClient, patience_s: float) -> bool:
    """Ask the venue whether a pair's market moved beyond what its stream brought."""
    symbol = stream.symbol
    if stream.channel in {"trades", "bars"}:
        newest = await ask_newest_trade(client, symbol, patience_s=patience_s)
        if newest is None:
            return False
        if stream.channel == "bars":
            return newest.time_ns > _known_ns(stream)
        known = decoder.newest_trade(symbol)
        return known is None or newest.number > known
    return await ask_best(client, symbol, patience_s=patience_s) != _best_of(stream, decoder)


def _known_ns(stream: Stream) -> int:
    newest = stream.newest
    return 0 if newest is None else newest.event_ns or newest.recv_ns


def _best_of(stream: Stream, decoder: KrakenDecoder) -> tuple[object, object]:
    if stream.channel == "book":
        return decoder.books[stream.symbol].best
    newest = stream.newest
    if isinstance(newest, Quote | Ticker):
        return newest.bid_price or None, newest.ask_price or None
    return None, None
