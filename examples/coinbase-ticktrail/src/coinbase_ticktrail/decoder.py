"""Read the venue's messages into ticks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ticktrail.model import Channel, InstrumentId, Quote, Tick, Trade, Undecodable
from ticktrail.moments import ns_of_rfc3339
from ticktrail.plugin import ProviderContext

from coinbase_ticktrail.messages import LastMatch, Match, Ticker, product_of, read

CHANNELS: Final[frozenset[Channel]] = frozenset({"trades", "quotes"})


class CoinbaseDecoder:
    """Reads for one leg.

    Args:
        context: The leg's name, instruments and channels.
    """

    def __init__(self, context: ProviderContext) -> None:
        self._name = context.name
        self._channels = context.channels
        self._instruments = {product_of(name): name for name in context.instruments}

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return the ticks, in order; what cannot be read is kept as an `Undecodable`, and never raised."""
        found: list[Tick | Undecodable] = []
        for payload in payloads:
            try:
                message = read(payload)
                if isinstance(message, LastMatch):
                    continue  # it was before this session, and may have been delivered by the one before
                if isinstance(message, Match):
                    found.append(self._trade(message, recv_ns))
                elif isinstance(message, Ticker):
                    found.append(self._quote(message, recv_ns))
            except (ValueError, RecursionError) as exc:
                raw, reason = bytes(payload), str(exc)
                found.append(Undecodable(provider=self._name, recv_ns=recv_ns, raw=raw, reason=reason))
        return found

    def wants(self, payload: bytes) -> bool:
        """Tell whether a message of a recording is one of this leg's."""
        return any(not isinstance(item, Undecodable) for item in self.decode([payload], 0))

    def _trade(self, message: Match, recv_ns: int) -> Trade:
        if not (message.price.is_finite() and message.size.is_finite()):
            raise ValueError("a number is not finite")
        return Trade(
            instrument=self._asked_for(message.product_id, "trades"),
            provider=self._name,
            event_ns=ns_of_rfc3339(message.time),
            recv_ns=recv_ns,
            id=message.trade_id,
            price=message.price,
            size=message.size,
            side="buy" if message.side == "sell" else "sell",  # ours is the taker's
        )

    def _quote(self, message: Ticker, recv_ns: int) -> Quote:
        numbers = (message.best_bid, message.best_bid_size, message.best_ask, message.best_ask_size)
        if not all(number.is_finite() for number in numbers):
            raise ValueError("a number is not finite")
        return Quote(
            instrument=self._asked_for(message.product_id, "quotes"),
            provider=self._name,
            event_ns=ns_of_rfc3339(message.time),
            recv_ns=recv_ns,
            bid_price=message.best_bid,
            bid_size=message.best_bid_size,
            ask_price=message.best_ask,
            ask_size=message.best_ask_size,
        )

    def _asked_for(self, product: str, channel: Channel) -> InstrumentId:
        """Return the instrument; `ValueError` for what this leg has not asked for."""
        instrument = self._instruments.get(product)
        if instrument is None or channel not in self._channels:
            raise ValueError(f"{channel} of {product[:40]!r} were not asked for")
        return instrument
