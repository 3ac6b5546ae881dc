"""Tell a market that sleeps from a connection that has gone mute.

Owns: the probe: is the market open, does the connection answer, did the market move meanwhile?
Never: reconnects; it raises, and the leg does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

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
from ticktrail_alpaca.rest.rows import RestQuote, RestTrade
from ticktrail_alpaca.settings import AlpacaSettings
from ticktrail_alpaca.subscriptions import names_of

__all__ = ["watch"]

LOOK_EVERY_S = 1.0
ON_THE_WAY_S = 2.0
"""REST may know of a move a moment before the stream brings it."""
MOST_ASKED = 100
"""Symbols in one question."""
MOST_TOLD = 5
"""Symbols that one error names."""


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

    async def probe(quiet: Sequence[Stream], what: str) -> None:
        """Ask by REST whether these moved, and the venue over the connection whether it has all in its list."""
        heard = {stream: stream.heard for stream in quiet}
        if client is not None and settings.has_latest:
            moved = await _moved(quiet, client, settings.answer_s)
            if moved:
                await anyio.sleep(ON_THE_WAY_S)
            unheard = [stream.symbol for stream in moved if stream.heard == heard[stream]]
            if unheard:
                told = ", ".join(unheard[:MOST_TOLD])
                raise TransientError(
                    f"leg {context.name!r}: connected and silent: {what}, though {told} moved, as the venue says by "
                    f"REST",
                    provider=context.name,
                    cause="silent",
                )
        # Where it does not answer, or its list lacks something, that ends the session.
        alive = max(decoder.streams.values(), key=lambda one: 0 if one.newest is None else one.newest.recv_ns)
        link.look(names_of(settings, alive.channel)[0], alive.symbol)

    while True:
        await anyio.sleep(min(LOOK_EVERY_S, shortest_s / 4))
        is_behind = decoder.taken < handed_before
        handed_before = handed()
        if is_behind or not _should_speak(decoder, context, hours):
            silence.pause(clock.mono_ns())
            continue
        for channel in silence.look(clock.mono_ns()):
            what = f"nothing on {channel} for {silence.quiet_s(channel, clock.mono_ns()):.0f} s"
            await probe([silence.busiest(channel)], what)
            silence.excuse(channel, clock.mono_ns())
        quiet = [one for one in silence.look_at_each(clock.mono_ns()) if one.symbol not in decoder.halted]
        for channel in sorted({stream.channel for stream in quiet}):
            of_channel = [stream for stream in quiet if stream.channel == channel][:MOST_ASKED]
            await probe(of_channel, f"nothing on {channel} of some symbols that had been regular")


def _should_speak(decoder: AlpacaDecoder, context: ProviderContext, hours: MarketHours) -> bool:
    """Tell whether silence would be a sign: the market is open, and not every symbol is halted."""
    symbols = {symbol for symbol, _ in decoder.streams}
    return hours.is_open(context.clock.now_ns()) and not symbols <= decoder.halted


async def _moved(streams: Sequence[Stream], client: RestClient, patience_s: float) -> Sequence[Stream]:
    """Ask the venue which symbols' markets have moved beyond what the streams, all of one channel, brought."""
    symbols = [stream.symbol for stream in streams]
    rows: Mapping[str, RestTrade | RestQuote]
    try:
        if streams[0].channel in {"trades", "bars"}:
            rows = (await ask_latest_trades(client, symbols, patience_s=patience_s)).rows
        else:
            rows = (await ask_latest_quotes(client, symbols, patience_s=patience_s)).rows
        return [
            stream
            for stream in streams
            if stream.symbol in rows and moment_ns(rows[stream.symbol].t) > _known_ns(stream)
        ]
    except (ConfigError, ProviderError, Declined, ValueError):
        return []  # the venue's word is not to be had; what it would have said is not guessed


def _known_ns(stream: Stream) -> int:
    newest = stream.newest
    return 0 if newest is None or newest.event_ns is None else newest.event_ns
