"""Read the venue's messages into ticks.

Owns: which message is what. Pure; it keeps nothing between messages.
Never: raises for bad data: what cannot be read is an `Undecodable` with the raw bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ticktrail.model import InstrumentId, ProviderId, Tick, Undecodable
from ticktrail_binance.events import Read, read_bar, read_final_bar, read_quote, read_ticker, read_trade
from ticktrail_binance.streams import Stream
from ticktrail_binance.wire import Envelope

__all__ = ["SHUTDOWN_STREAM", "SpotDecoder", "is_control"]

SHUTDOWN_STREAM = "!serverShutdown"
_PREFIX = b'{"stream":"'
_NAME = len(_PREFIX)
_read_envelope = msgspec.json.Decoder(Envelope).decode


def is_control(payload: bytes) -> bool:
    """Tell whether a payload may concern the session rather than the market: an answer, a notice of the venue."""
    return payload[:_NAME] != _PREFIX or payload[_NAME : _NAME + 1] == b"!"


class SpotDecoder:
    """Read the messages of combined streams.

    Args:
        streams: What was subscribed to, by the venue's stream name.
        provider: The leg's name.
        final_bars_only: Leave out bars that will still change.
    """

    def __init__(
        self, streams: Mapping[str, Stream], provider: ProviderId, *, final_bars_only: bool = True
    ) -> None:
        self._provider = provider
        readers: Mapping[str, Read] = {
            "trades": read_trade,
            "quotes": read_quote,
            "ticker": read_ticker,
            "bars": read_final_bar if final_bars_only else read_bar,
        }
        self._streams: Mapping[bytes, tuple[Read, str, InstrumentId]] = {
            name.encode(): (readers[stream.channel], stream.symbol, stream.instrument)
            for name, stream in streams.items()
        }

    def decode(self, payloads: Sequence[bytes], recv_ns: int) -> Sequence[Tick | Undecodable]:
        """Return the ticks, in order; answers and notices of the venue give nothing."""
        out: list[Tick | Undecodable] = []
        append, streams, provider = out.append, self._streams, self._provider
        for payload in payloads:
            try:
                known = streams.get(payload[_NAME : payload.find(b'"', _NAME)])
                if known is None:
                    known = self._look_closer(payload)
                    if known is None:
                        continue
                read, symbol, instrument = known
                tick = read(payload, symbol, instrument, provider, recv_ns)
            except (msgspec.MsgspecError, ValueError, RecursionError) as exc:
                append(Undecodable(provider=provider, recv_ns=recv_ns, raw=bytes(payload), reason=str(exc)))
            else:
                if tick is not None:
                    append(tick)
        return out

    def wants(self, payload: bytes) -> bool:
        """Tell whether the payload is a message of one of the streams."""
        if payload[_NAME : payload.find(b'"', _NAME)] in self._streams:
            return True
        try:
            return self._look_closer(payload) is not None
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return False

    def _look_closer(self, payload: bytes) -> tuple[Read, str, InstrumentId] | None:
        """Return how to read a message that does not begin as usual; None if it is no market data.

        Raises:
            ValueError: It is of no kind that is known.
        """
        envelope = _read_envelope(payload)
        if envelope.stream is not None:
            known = self._streams.get(envelope.stream.encode())
            if known is not None or envelope.stream == SHUTDOWN_STREAM:
                return known
            raise ValueError(f"a message of the stream {envelope.stream[:80]!r}, which was not asked for")
        if envelope.id is not None or envelope.error is not None:
            return None
        raise ValueError("neither a message of a stream nor an answer")
