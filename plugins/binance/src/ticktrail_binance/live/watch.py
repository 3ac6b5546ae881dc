"""Tell a market that sleeps from a connection that has gone mute.

Owns: the probe: does the connection answer, does it carry what is wanted, did the market move meanwhile?
Never: reconnects; a connection that is mute is given up to its shard, which does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import anyio

from ticktrail.errors import ProviderError, TransientError
from ticktrail.model import BookSnapshot, Channel, Quote
from ticktrail.net import Silence
from ticktrail.plugin import ProviderContext
from ticktrail_binance.decoder import BinanceDecoder
from ticktrail_binance.live.shard import Shard
from ticktrail_binance.rest.client import Declined, RestClient
from ticktrail_binance.rest.questions import ask_book, ask_newest_trade, ask_quote
from ticktrail_binance.settings import BinanceSettings
from ticktrail_binance.streams import Stream

__all__ = ["watch"]

LOOK_EVERY_S = 1.0
ON_THE_WAY_S = 2.0
"""REST may know of a move a moment before the stream brings it."""
PUSHED: frozenset[Channel] = frozenset({"ticker", "bars", "mark_price"})
"""Channels that the venue sends at a fixed pace, whether or not anything has happened."""


async def watch(
    shards: Sequence[Shard],
    decoder: BinanceDecoder,
    settings: BinanceSettings,
    context: ProviderContext,
    client: RestClient,
    handed: Callable[[], int],
) -> None:
    """Look after all connections of a leg, until cancelled.

    Args:
        shards: The connections.
        decoder: Reads what they bring.
        settings: Of the leg.
        context: Of the leg.
        client: Asks the venue.
        handed: Payloads that were handed over to be decoded so far.
    """
    handed_before = 0
    mono_ns = context.clock.mono_ns
    silences = [Silence(shard.streams.values(), settings.quiet_after_s, mono_ns()) for shard in shards]
    while True:
        await anyio.sleep(min(LOOK_EVERY_S, min(settings.quiet_after_s.values(), default=LOOK_EVERY_S) / 4))
        # Something is always on its way on a busy connection. The leg is behind where that was so at the last look too.
        is_behind = decoder.taken < handed_before
        handed_before = handed()
        for shard, silence in zip(shards, silences, strict=True):
            if is_behind:
                silence.pause(mono_ns())
                continue
            for channel in silence.look(mono_ns()):
                quiet_s = silence.quiet_s(channel, mono_ns())
                failure = await _probe(
                    shard, silence.busiest(channel), decoder, client, context, quiet_s, settings.answer_s
                )
                if failure is not None:
                    shard.fail(failure)
                    silence.pause(mono_ns())
                    break
                silence.excuse(channel, mono_ns())


async def _probe(
    shard: Shard,
    stream: Stream,
    decoder: BinanceDecoder,
    client: RestClient,
    context: ProviderContext,
    quiet_s: float,
    patience_s: float,
) -> ProviderError | None:
    """Return why the connection is to be given up; None if the market sleeps, or the venue cannot be asked."""
    heard = stream.heard
    try:
        await shard.probe()
    except ProviderError as exc:
        return _mute(context, stream, quiet_s, f"and the connection does not answer: {exc}")
    if stream.channel in PUSHED:
        return _mute(context, stream, quiet_s, "which the venue sends at a fixed pace")
    try:
        moved = await _moved(stream, decoder, client, patience_s)
    except (TransientError, Declined):
        return None
    if moved:
        await anyio.sleep(ON_THE_WAY_S)
    if moved and stream.heard == heard:
        return _mute(context, stream, quiet_s, "although the market moved, as the venue says by REST")
    return None


async def _moved(stream: Stream, decoder: BinanceDecoder, client: RestClient, patience_s: float) -> bool:
    """Ask the venue whether a stream's market has moved beyond what it brought.

    A venue that takes no questions for long is not waited for: other connections are to be looked after too.
    """
    newest = stream.newest
    if stream.channel in {"trades", "agg_trades"}:
        market = client.market
        paging = market.agg_trades if stream.channel == "agg_trades" else market.trades
        number = await ask_newest_trade(client, paging, stream.symbol, patience_s=patience_s)
        return number is not None and number >= max(decoder.holes[stream.name].next_id, 0)
    if isinstance(newest, Quote):
        quote = await ask_quote(client, stream.symbol, patience_s=patience_s)
        return quote is not None and (quote.bidPrice, quote.bidQty, quote.askPrice, quote.askQty) != (
            newest.bid_price,
            newest.bid_size,
            newest.ask_price,
            newest.ask_size,
        )
    if stream.channel == "book":
        book = decoder.books.get(stream.symbol)
        known = newest.update_id if isinstance(newest, BookSnapshot) else book.update_id if book else None
        if known is None:
            return True
        return (await ask_book(client, stream.symbol, 5, patience_s=patience_s)).lastUpdateId > known
    return False


def _mute(context: ProviderContext, stream: Stream, quiet_s: float, why: str) -> TransientError:
    return TransientError(
        f"leg {context.name!r}: connected and silent: nothing on {stream.name} for {quiet_s:.0f} s, {why}",
        provider=context.name,
        cause="silent",
    )
