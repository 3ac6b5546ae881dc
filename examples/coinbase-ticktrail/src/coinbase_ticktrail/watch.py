"""Tell a market that sleeps from a connection that has gone mute.

The venue's heartbeat says which trade was the last. A channel that does not come to it is mute, however
quiet the market is; one that has it is not, however long nothing comes.
"""

from __future__ import annotations

from collections.abc import Iterable

from coinbase_ticktrail.messages import Heartbeat, Match, Message, Ticker

VENUE_CHANNELS = {"trades": "matches", "quotes": "ticker"}
"""By our channel, the venue's."""


class Watch:
    """What one session has heard of each channel and product. Pure: time is an argument, in seconds.

    Args:
        streams: Channel and product of all that is subscribed to, in the venue's words.
        silent_s: How long one may lag behind the heartbeat.
    """

    def __init__(self, streams: Iterable[tuple[str, str]], silent_s: float) -> None:
        self._silent_s = silent_s
        self._heard: dict[tuple[str, str], int | None] = dict.fromkeys(streams)
        self._behind_since: dict[tuple[str, str], float] = {}

    def take(self, message: Message, now_s: float) -> None:
        """Note what a message says of its streams."""
        if isinstance(message, Match):
            self._hear(("matches", message.product_id), message.trade_id)
        elif isinstance(message, Ticker):
            self._hear(("ticker", message.product_id), message.trade_id)
        elif isinstance(message, Heartbeat):
            for stream, heard in self._heard.items():
                if stream[1] != message.product_id:
                    continue
                if heard is None:  # nothing is owed from before the session
                    self._heard[stream] = message.last_trade_id
                elif heard < message.last_trade_id:
                    self._behind_since.setdefault(stream, now_s)

    def silent(self, now_s: float) -> str:
        """Return which stream is mute, in words; empty where none is."""
        for (channel, product), since_s in self._behind_since.items():
            if now_s - since_s >= self._silent_s:
                return f"nothing on {channel} of {product} for {now_s - since_s:.0f} s, and it trades"
        return ""

    def _hear(self, stream: tuple[str, str], trade_id: int) -> None:
        if stream in self._heard:
            self._heard[stream] = max(trade_id, self._heard[stream] or 0)
            self._behind_since.pop(stream, None)
