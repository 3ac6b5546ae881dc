"""Tell a market that sleeps from a connection that has gone mute.

Owns: the probe: is the market open, does the connection answer, did the market move meanwhile?
Never: reconnects; it raises, and the leg does.
"""

from __future__ import annotations

from collections.abc import Callable

import anyio

from ticktrail.errors import ConfigError, ProviderError, TransientError
from ticktrail.net import Silence
from ticktrail.plugin import ProviderContext
from ticktrail_alpaca.codec import moment_ns
from ticktrail_alpaca.decoder import AlpacaDecoder, Stream
from ticktrail_alpaca.hours import MarketHours
from ticktrail_alpaca.live.link import Link
from ticktrail_alpaca.rest.client import Declined, RestClient
from ticktrail_alpaca.rest.questions import ask_latest_quotes, ask_latest_trades
from ticktrail_alpaca.settings import AlpacaSettings

__all__ = ["watch"]

LOOK_EVERY_S = 1.0
ON_THE_WAY_S = 2.0
"""REST may know of a move a moment before the stream brings it."""


async def watch(
    link: Link,
    decoder: AlpacaDecoder,
    settings: AlpacaSettings,
    context: ProviderContext,
    hours: MarketHours,
    client: RestClient | None,
    handed: Callable[[], int],
) -> None:
    """Look after the connection, until cancelled.

    Args:
        link: The connection.
        decoder: Reads what it brings.
        settings: Of the leg.
        context: Of the leg.
        hours: When silence is a sign.
        client: Asks the venue by REST; None where it cannot be asked. Nothing is asked of a feed that REST does not
            know.
        handed: Payloads that were handed over to be decoded so far.

    Raises:
        TransientError: It is mute, though open.
    """
    clock = context.clock
    silence: Silence[Stream] = Silence(decoder.streams.values(), settings.quiet_after_s, clock.mono_ns())
    shortest_s = min(settings.quiet_after_s.values(), default=LOOK_EVERY_S)
    handed_before = 0
    while True:
        await anyio.sleep(min(LOOK_EVERY_S, shortest_s / 4))
        is_behind = decoder.taken < handed_before
        handed_before = handed()
        if is_behind or not _should_speak(decoder, context, hours):
            silence.pause(clock.mono_ns())
            continue
        for channel in silence.look(clock.mono_ns()):
            stream = silence.busiest(channel)
            heard, quiet_s = stream.heard, silence.quiet_s(channel, clock.mono_ns())
            link.look()  # where it does not answer, its own deadline ends the session
            if client is not None and settings.has_latest and await _moved(stream, client, settings.answer_s):
                await anyio.sleep(ON_THE_WAY_S)
                if stream.heard == heard:
                    raise TransientError(
                        f"leg {context.name!r}: connected and silent: nothing on {channel} for {quiet_s:.0f} s, though "
                        f"{stream.symbol} moved, as the venue says by REST",
                        provider=context.name,
                        cause="silent",
                    )
            silence.excuse(channel, clock.mono_ns())


def _should_speak(decoder: AlpacaDecoder, context: ProviderContext, hours: MarketHours) -> bool:
    """Tell whether silence would be a sign: the market is open, and not every symbol is halted."""
    symbols = {symbol for symbol, _ in decoder.streams}
    return hours.is_open(context.clock.now_ns()) and not symbols <= decoder.halted


async def _moved(stream: Stream, client: RestClient, patience_s: float) -> bool:
    """Ask the venue whether a symbol's market has moved beyond what the stream brought."""
    newest = stream.newest
    known_ns = 0 if newest is None or newest.event_ns is None else newest.event_ns
    try:
        if stream.channel in {"trades", "bars"}:
            trade = (await ask_latest_trades(client, [stream.symbol], patience_s=patience_s)).rows.get(
                stream.symbol
            )
            return trade is not None and moment_ns(trade.t) > known_ns
        quote = (await ask_latest_quotes(client, [stream.symbol], patience_s=patience_s)).rows.get(
            stream.symbol
        )
        return quote is not None and moment_ns(quote.t) > known_ns
    except (ConfigError, ProviderError, Declined, ValueError):
        return False  # the venue's word is not to be had; what it would have said is not guessed
